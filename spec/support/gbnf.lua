--- A matcher of GBNF: whether a text fits a grammar. It reads the notation that lua/opengatellm/llama/grammar_text.lua writes, by a parser of its own.
local M = {}

local CHARACTER = "^[^\128-\191][\128-\191]*"

local function characters_of(text)
  local list = {}
  for one in text:gmatch "[^\128-\191][\128-\191]*" do list[#list + 1] = one end
  return list
end

-- Parser: a grammar becomes nodes { kind, … } --------------------------------------------------------------------------------------

local UNESCAPED = { n = "\n", r = "\r", t = "\t" }

-- One character of a literal or a class, and the place behind it.
local function character_at(source, at)
  local hex, behind = source:match("^\\x(%x%x)()", at)
  if hex then return string.char(tonumber(hex, 16)), behind end
  local escaped = source:match("^\\(.)", at)
  if escaped then return UNESCAPED[escaped] or escaped, at + 2 end
  local one = source:match(CHARACTER, at)
  return one, at + #one
end

local alternatives

local function literal(source, at)
  local list, one = {}
  while source:sub(at, at) ~= '"' do
    one, at = character_at(source, at)
    list[#list + 1] = one
  end
  return { kind = "literal", list = list }, at + 1
end

local function class(source, at)
  local node = { kind = "class", runs = {}, negated = source:sub(at, at) == "^" }
  if node.negated then at = at + 1 end
  while source:sub(at, at) ~= "]" do
    local low, high
    low, at = character_at(source, at)
    high = low
    if source:find("^%-[^%]]", at) then high, at = character_at(source, at + 1) end
    node.runs[#node.runs + 1] = { low, high }
  end
  return node, at + 1
end

local function item(source, at)
  local byte = source:sub(at, at)
  if byte == '"' then return literal(source, at + 1) end
  if byte == "[" then return class(source, at + 1) end
  if byte == "(" then
    local node, behind = alternatives(source, at + 1)
    behind = source:match("^%s*%)()", behind)
    return node, assert(behind, "a bracket is open")
  end
  local name, behind = source:match("^([%w-]+)()", at)
  return { kind = "rule", name = assert(name, "no item: " .. source:sub(at, at + 30)) }, behind
end

local TIMES = { ["*"] = { 0, math.huge }, ["+"] = { 1, math.huge }, ["?"] = { 0, 1 } }

local function repeated(source, at)
  local node
  node, at = item(source, at)
  while true do
    local sign = source:match("^[*+?]", at)
    local low, comma, high, behind = source:match("^{(%d+)(,?)(%d*)}()", at)
    if sign then node, at = { kind = "repeat", of = node, low = TIMES[sign][1], high = TIMES[sign][2] }, at + 1
    elseif low then node, at = { kind = "repeat", of = node, low = tonumber(low), high = tonumber(high) or comma == "" and tonumber(low) or math.huge }, behind
    else return node, at end
  end
end

local function sequence(source, at)
  local node = { kind = "sequence" }
  while true do
    at = source:match("^ *()", at)
    if at > #source or source:find("^[|)]", at) then return node, at end
    node[#node + 1], at = repeated(source, at)
  end
end

function alternatives(source, at)
  local node = { kind = "alternatives" }
  repeat
    node[#node + 1], at = sequence(source, at)
    local more = source:sub(at, at) == "|"
    if more then at = at + 1 end
  until not more
  return node, at
end

-- Matcher: a node and the places where it may begin; the places where it may end -------------------------------------------------------

local match

local matchers = {}

function matchers.literal(_, node, text, at)
  for i, one in ipairs(node.list) do
    if text[at + i - 1] ~= one then return {} end
  end
  return { [at + #node.list] = true }
end

local function number_of(one)
  local value = 0
  for i = 1, #one do value = value * 256 + one:byte(i) end -- UTF-8 sorts as its bytes do, and longer characters come later
  return value
end

function matchers.class(_, node, text, at)
  local one = text[at]
  if not one then return {} end
  local inside, value = false, number_of(one)
  for _, run in ipairs(node.runs) do inside = inside or value >= number_of(run[1]) and value <= number_of(run[2]) end
  return inside ~= node.negated and { [at + 1] = true } or {}
end

local function from_all(grammar, node, text, places)
  local ends = {}
  for place in pairs(places) do
    for last in pairs(match(grammar, node, text, place)) do ends[last] = true end
  end
  return ends
end

function matchers.sequence(grammar, node, text, at)
  local places = { [at] = true }
  for _, each in ipairs(node) do places = from_all(grammar, each, text, places) end
  return places
end

function matchers.alternatives(grammar, node, text, at)
  local ends = {}
  for _, each in ipairs(node) do
    for last in pairs(match(grammar, each, text, at)) do ends[last] = true end
  end
  return ends
end

matchers["repeat"] = function(grammar, node, text, at)
  local ends, places, count = {}, { [at] = true }, 0
  while next(places) and count <= node.high do
    if count >= node.low then
      local new = false
      for place in pairs(places) do
        new = new or not ends[place]
        ends[place] = true
      end
      if not new then break end
    end
    places, count = from_all(grammar, node.of, text, places), count + 1
  end
  return ends
end

function matchers.rule(grammar, node, text, at)
  local memo = grammar.memo[node.name] or {}
  grammar.memo[node.name] = memo
  if not memo[at] then memo[at] = match(grammar, assert(grammar.rules[node.name], "no rule " .. node.name), text, at) end
  return memo[at]
end

function match(grammar, node, text, at) return matchers[node.kind](grammar, node, text, at) end

--- Reads a grammar; raises where it is none, or uses a rule that it has not.
---@param source string
---@return table
function M.read(source)
  local grammar = { rules = {} }
  for line in source:gmatch "[^\n]+" do
    local name, body = line:match "^([%w-]+) ::= (.+)$"
    assert(name and not grammar.rules[name], "no rule, or one twice: " .. line)
    local node, behind = alternatives(body, 1)
    assert(behind > #body, "the rule goes on: " .. line)
    grammar.rules[name] = node
  end
  return grammar
end

--- Says whether a text fits a grammar.
---@param grammar table
---@param text string
---@return boolean
function M.fits(grammar, text)
  grammar.memo = {}
  local characters = characters_of(text)
  return match(grammar, { kind = "rule", name = "root" }, characters, 1)[#characters + 1] == true
end

return M
