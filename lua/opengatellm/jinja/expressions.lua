--- The parser of expressions: tokens in, trees out.
--
-- A node is { kind, line, … }. The arguments of a call are { positional, named, rest, named_rest }: lists of nodes, and of { name, value }.
--
-- @module opengatellm.jinja.expressions
local effort = require "opengatellm.jinja.effort"
local mistake = require "opengatellm.jinja.mistake"
local value = require "opengatellm.jinja.value"
local words = require "opengatellm.base.words"

local M = {}

-- Tokens --------------------------------------------------------------------------------------------------------------

---@class ogl.jinja.Tokens
---@field list ogl.jinja.Token[]
---@field at integer
---@field level integer how deep the nodes are nested that are parsed
---@field names table<string, true> the names that the present macro uses
local Tokens = {}
Tokens.__index = Tokens

--- Makes a reader of tokens.
---@param list ogl.jinja.Token[]
---@return ogl.jinja.Tokens
function M.reader(list) return setmetatable({ list = list, at = 1, level = 0, names = {} }, Tokens) end

--- Gives the line of the next token.
---@return integer
function Tokens:line() return self.list[self.at].line end

--- Raises a mistake at a line.
---@param message string
---@param line? integer default: that of the next token
function Tokens:fail(message, line) mistake.raise(message, line or self:line()) end

--- Gives a token if it is of a kind, and has a value.
---@param kind string
---@param its_value? any
---@param ahead? integer which token; default 0, the next
---@return ogl.jinja.Token?
function Tokens:peek(kind, its_value, ahead)
  local token = self.list[self.at + (ahead or 0)]
  return token and token.kind == kind and (its_value == nil or token.value == its_value) and token or nil
end

--- Takes the next token if it is of a kind, and has a value.
---@param kind string
---@param its_value? any
---@return ogl.jinja.Token?
function Tokens:take(kind, its_value)
  local token = self:peek(kind, its_value)
  if token then self.at = self.at + 1 end
  return token
end

--- Takes an operator if it comes next.
---@param its_value string
---@return ogl.jinja.Token?
function Tokens:take_operator(its_value) return self:take("operator", its_value) end

--- Takes the next token, or raises a mistake where it is another.
---@param kind string
---@param its_value? any
---@return ogl.jinja.Token
function Tokens:need(kind, its_value)
  local token = self.list[self.at]
  local found = token.kind == "end" and "the end of the template" or tostring(token.value)
  return self:take(kind, its_value) or self:fail(("expected %s, got %s"):format(its_value or kind, found))
end

--- Goes one level deeper; raises a mistake where that is too deep.
function Tokens:enter()
  self.level = self.level + 1
  effort.check_depth(self.level)
end

--- Goes one level up.
function Tokens:leave() self.level = self.level - 1 end

-- Lists -----------------------------------------------------------------------------------------------------------------

-- Expressions between commas, up to a closing bracket, which is taken; a comma may stand behind the last.
local function list_until(tokens, bracket, parse)
  local items = {}
  while not tokens:take_operator(bracket) do
    if items[1] then tokens:need("operator", ",") end
    if tokens:take_operator(bracket) then break end
    items[#items + 1] = parse(tokens)
  end
  return items
end

local function pair(tokens)
  local key = M.expression(tokens)
  tokens:need("operator", ":")
  return { key = key, value = M.expression(tokens) }
end

local function argument_into(tokens, arguments)
  if tokens:take_operator "*" then
    arguments.rest = M.expression(tokens)
  elseif tokens:take_operator "**" then
    arguments.named_rest = M.expression(tokens)
  elseif tokens:peek "name" and tokens:peek("operator", "=", 1) then
    local name = tokens:need("name").value
    tokens:need("operator", "=")
    arguments.named[#arguments.named + 1] = { name = name, value = M.expression(tokens) }
  else
    if arguments.named[1] or arguments.rest or arguments.named_rest then tokens:fail "an argument without a name behind one with a name" end
    arguments.positional[#arguments.positional + 1] = M.expression(tokens)
  end
end

-- The arguments in brackets, if they come next.
local function arguments_of(tokens)
  local arguments = { positional = {}, named = {} }
  if tokens:take_operator "(" then
    list_until(tokens, ")", function()
      argument_into(tokens, arguments)
      return true
    end)
  end
  return arguments
end

-- Whether an expression cannot begin here.
local function is_end(tokens, stop)
  return tokens:peek "close" or tokens:peek("operator", ")") or stop and tokens:peek("name", stop)
end

-- Expressions between commas: a tuple where there is a comma, else the only one.
local function tuple_of(tokens, parse, stop, may_be_empty)
  local items, has_comma, line = {}, false, tokens:line()
  while not is_end(tokens, stop) do
    items[#items + 1] = parse(tokens)
    if not tokens:take_operator "," then break end
    has_comma = true
  end
  if has_comma or may_be_empty and not items[1] then return { kind = "tuple", items = items, line = line } end
  return items[1] or tokens:fail "expected an expression"
end

--- Parses expressions between commas.
---@param tokens ogl.jinja.Tokens
---@param options? {no_condition?: boolean, stop?: string} without `if` and `else`; the word in front of which they end
---@return table node a tuple where there is a comma
function M.tuple(tokens, options)
  options = options or {}
  return tuple_of(tokens, options.no_condition and M.disjunction or M.expression, options.stop)
end

-- What stands alone -------------------------------------------------------------------------------------------------------

local CONSTANTS = {
  ["true"] = true, True = true, ["false"] = false, False = false, none = value.none, None = value.none,
}

local function name_of(tokens)
  local word = tokens:take "name"
  if not word then return nil end
  if CONSTANTS[word.value] ~= nil then return { kind = "constant", value = CONSTANTS[word.value], line = word.line } end
  tokens.names[word.value] = true
  return { kind = "name", name = word.value, line = word.line }
end

local function text_of(tokens)
  local first, parts = tokens:peek "text", {}
  while tokens:peek "text" do parts[#parts + 1] = tokens:need("text").value end
  return first and { kind = "constant", value = table.concat(parts), line = first.line }
end

local function bracketed(tokens)
  local line = tokens:line()
  if tokens:take_operator "(" then
    local node = tuple_of(tokens, M.expression, nil, true)
    tokens:need("operator", ")")
    return node
  end
  if tokens:take_operator "[" then return { kind = "list", items = list_until(tokens, "]", M.expression), line = line } end
  if tokens:take_operator "{" then return { kind = "dict", items = list_until(tokens, "}", pair), line = line } end
end

local function primary(tokens)
  local node = name_of(tokens) or text_of(tokens)
  if node then return node end
  local number = tokens:take "number"
  if number then return { kind = "constant", value = number.value, line = number.line } end
  return bracketed(tokens) or tokens:fail(("unexpected '%s'"):format(tostring(tokens.list[tokens.at].value)))
end

--- Parses what a value can be assigned to.
---@param tokens ogl.jinja.Tokens
---@param options? {stop?: string, with_fields?: boolean} the word in front of which it ends; whether fields of a namespace may be meant
---@return table node a name, a field, or a tuple of them
function M.target(tokens, options)
  options = options or {}
  local function one()
    local node = primary(tokens)
    local field = options.with_fields and node.kind == "name" and tokens:take_operator "."
    if field then return { kind = "field", name = node.name, field = tokens:need("name").value, line = node.line } end
    if node.kind ~= "name" and node.kind ~= "tuple" then tokens:fail "cannot assign to this" end
    return node
  end
  return tuple_of(tokens, one, options.stop)
end

-- What stands behind a value ------------------------------------------------------------------------------------------------

-- What stands in the brackets of an item: an index, or a slice.
local function subscript(tokens)
  local line, from = tokens:line(), nil
  if not tokens:peek("operator", ":") then from = M.expression(tokens) end
  if not tokens:take_operator ":" then return from end
  local function bound()
    if tokens:peek("operator", ":") or tokens:peek("operator", "]") then return nil end
    return M.expression(tokens)
  end
  local node = { kind = "slice", from = from, to = bound(), line = line }
  node.step = tokens:take_operator ":" and bound() or nil
  return node
end

local function dotted(tokens, of, line)
  local number = tokens:take "number"
  if number then return { kind = "item", of = of, key = { kind = "constant", value = number.value }, line = line } end
  return { kind = "attribute", of = of, name = tokens:need("name").value, line = line }
end

-- Attributes, items and calls.
local function postfix(tokens, node)
  while true do
    local line = tokens:line()
    if tokens:take_operator "." then
      node = dotted(tokens, node, line)
    elseif tokens:take_operator "[" then
      node = { kind = "item", of = node, key = subscript(tokens), line = line }
      tokens:need("operator", "]")
    elseif tokens:peek("operator", "(") then
      node = { kind = "call", of = node, arguments = arguments_of(tokens), line = line }
    else
      return node
    end
  end
end

-- A name of a filter or a test, which may have dots.
local function dotted_name(tokens)
  local name = tokens:need("name").value
  while tokens:take_operator "." do name = name .. "." .. tokens:need("name").value end
  return name
end

--- Parses a filter whose name comes next, and those behind it.
---@param tokens ogl.jinja.Tokens
---@param node table what is filtered
---@return table node
function M.first_filter(tokens, node)
  local line = tokens:line()
  return M.filters(tokens, { kind = "filter", of = node, name = dotted_name(tokens), arguments = arguments_of(tokens), line = line })
end

--- Parses the filters that stand behind a value, if any.
---@param tokens ogl.jinja.Tokens
---@param node table what is filtered
---@return table node
function M.filters(tokens, node)
  if tokens:take_operator "|" then return M.first_filter(tokens, node) end
  return node
end

local NO_ARGUMENT = words.set "else or and"

-- Whether the one argument of a test stands behind it without brackets.
local function has_plain_argument(tokens)
  local token = tokens.list[tokens.at]
  if token.kind == "name" then return not NO_ARGUMENT[token.value] end
  return token.kind == "text" or token.kind == "number" or token.kind == "operator" and (token.value == "[" or token.value == "{")
end

local function test(tokens, of)
  local node = { kind = "test", of = of, line = tokens:line() }
  local negated = tokens:take("name", "not")
  node.name = dotted_name(tokens)
  node.arguments = arguments_of(tokens)
  if tokens.list[tokens.at - 1].value == node.name and has_plain_argument(tokens) then
    if tokens:peek("name", "is") then tokens:fail "tests cannot be chained" end
    node.arguments.positional[1] = postfix(tokens, primary(tokens))
  end
  return negated and { kind = "not", of = node, line = node.line } or node
end

-- Filters and tests, and calls of what they give.
local function filtered(tokens, node)
  while true do
    if tokens:peek("operator", "|") then
      node = M.filters(tokens, node)
    elseif tokens:take("name", "is") then
      node = test(tokens, node)
    elseif tokens:peek("operator", "(") then
      node = postfix(tokens, node)
    else
      return node
    end
  end
end

-- Operators, from those that bind most ----------------------------------------------------------------------------------------

local function unary(tokens, plain)
  local line = tokens:line()
  local kind = tokens:take_operator "-" and "negative" or tokens:take_operator "+" and "positive"
  tokens:enter()
  local node = kind and { kind = kind, of = unary(tokens, true), line = line } or primary(tokens)
  tokens:leave()
  node = postfix(tokens, node)
  return plain and node or filtered(tokens, node)
end

-- Operators of one rank, from the left.
local function ranked(operators, next_rank)
  return function(tokens)
    local node = next_rank(tokens)
    while true do
      local token = tokens:peek "operator"
      if not token or not operators[token.value] then return node end
      tokens:need "operator"
      node = { kind = "binary", operator = token.value, left = node, right = next_rank(tokens), line = token.line }
    end
  end
end

local power = ranked(words.set "**", unary)
local product = ranked(words.set "* / // %", power)
local concatenation = ranked(words.set "~", product)
local sum = ranked(words.set "+ -", concatenation)

local COMPARISONS = words.set "== != < > <= >="

local function comparison_operator(tokens)
  local token = tokens:peek "operator"
  if token and COMPARISONS[token.value] then return tokens:need("operator").value end
  if tokens:take("name", "in") then return "in" end
  if tokens:peek("name", "not") and tokens:peek("name", "in", 1) then
    tokens.at = tokens.at + 2
    return "not in"
  end
end

local function comparison(tokens)
  local first, links, line = sum(tokens), {}, tokens:line()
  local operator = comparison_operator(tokens)
  while operator do
    links[#links + 1] = { operator = operator, of = sum(tokens) }
    operator = comparison_operator(tokens)
  end
  return links[1] and { kind = "compare", first = first, links = links, line = line } or first
end

local function negation(tokens)
  local line = tokens:line()
  if not tokens:take("name", "not") then return comparison(tokens) end
  tokens:enter()
  local node = { kind = "not", of = negation(tokens), line = line }
  tokens:leave()
  return node
end

local function logical(word, next_rank)
  return function(tokens)
    local node = next_rank(tokens)
    while true do
      local line = tokens:line()
      if not tokens:take("name", word) then return node end
      node = { kind = word, left = node, right = next_rank(tokens), line = line }
    end
  end
end

--- Parses an expression without `if` and `else`.
M.disjunction = logical("or", logical("and", negation))

--- Parses an expression.
---@param tokens ogl.jinja.Tokens
---@return table node
function M.expression(tokens)
  tokens:enter()
  local node = M.disjunction(tokens)
  while true do
    local line = tokens:line()
    if not tokens:take("name", "if") then break end
    node = { kind = "condition", yes = node, test = M.disjunction(tokens), line = line }
    if tokens:take("name", "else") then node.no = M.expression(tokens) end
  end
  tokens:leave()
  return node
end

return M
