--- The text of a grammar: GBNF, the notation that libllama samples by.
--
-- Its facts are those of llama.cpp's grammars/README.md.
--
-- @module opengatellm.llama.grammar_text
local M = {}

local ESCAPES = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\" }

--- Writes a text as a literal.
---@param text string
---@return string
function M.literal(text)
  return '"' .. text:gsub('[%c"\\]', function(byte) return ESCAPES[byte] or ("\\x%02X"):format(byte:byte()) end) .. '"'
end

--- Writes how often an expression stands.
---@param expression string one that needs no brackets
---@param least integer
---@param most? integer nil for no end
---@return string # "" where it stands never
function M.repeated(expression, least, most)
  if most == 0 then return "" end
  if least == 1 and most == 1 then return expression end
  if not most and least < 2 then return expression .. (least == 0 and "*" or "+") end
  if least == 0 and most == 1 then return expression .. "?" end
  return ("%s{%d,%s}"):format(expression, least, most and ("%d"):format(most) or "")
end

--- Joins expressions that follow each other.
---@param ... string "" is left out
---@return string
function M.sequence(...)
  local parts = {}
  for i = 1, select("#", ...) do
    local part = select(i, ...)
    if part ~= "" then parts[#parts + 1] = part end
  end
  return table.concat(parts, " ")
end

-- Rules that grammars use, and which others each of them uses.
local SHARED = {
  ws = { '( " " | "\\n" [ \\t]{0,20} )?' },
  boolean = { '"true" | "false"' },
  null = { '"null"' },
  char = { '[^"\\\\\\x7F\\x00-\\x1F] | "\\\\" ( ["\\\\/bfnrt] | "u" ( [0-9a-cA-CefEF] [0-9a-fA-F]{3} | [dD] [0-7] [0-9a-fA-F]{2} ) )' },
  string = { '"\\"" char* "\\""', "char" },
  number = { '"-"? ( "0" | [1-9] [0-9]{0,14} ) ( "." [0-9]{1,15} )? ( [eE] [-+]? [0-9]{1,2} )?' },
  positive = { '( "0" | [1-9] [0-9]{0,14} ) ( "." [0-9]{1,15} )? ( [eE] [-+]? [0-9]{1,2} )?' },
  member = { 'string ":" ws value', "string", "ws", "value" },
  object = { '"{" ws ( member ( "," ws member )* ws )? "}"', "member", "ws" },
  array = { '"[" ws ( value ( "," ws value )* ws )? "]"', "value", "ws" },
  value = { "object | array | string | number | boolean | null", "object", "array", "string", "number", "boolean", "null" },
}

---@class ogl.llama.Rules
---@field bodies table<string, string>
---@field names string[] in their order
local Rules = {}
Rules.__index = Rules

--- Makes an empty set of rules.
---@return ogl.llama.Rules
function M.rules() return setmetatable({ bodies = {}, names = {} }, Rules) end

--- Sets a rule.
---@param name string
---@param body string
function Rules:set(name, body)
  if not self.bodies[name] then self.names[#self.names + 1] = name end
  self.bodies[name] = body
end

--- Gives the name of a rule that all grammars share, and adds it with those that it uses.
---@param name string
---@return string name
function Rules:shared(name)
  if self.bodies[name] then return name end
  local rule = SHARED[name]
  self:set(name, rule[1])
  for i = 2, #rule do self:shared(rule[i]) end
  return name
end

--- Takes a rule away.
---@param name string
function Rules:remove(name)
  self.bodies[name] = nil
  for i, each in ipairs(self.names) do
    if each == name then table.remove(self.names, i) break end
  end
end

--- Finds a name that no rule has.
---@param wanted string
---@return string
function Rules:free_name(wanted)
  local base = wanted:gsub("[^%w]+", "-"):gsub("^%-+", ""):gsub("%-+$", ""):sub(1, 60)
  if base == "" or base == "root" or base == "call" then base = "part-" .. base end
  base = base:gsub("%-$", "")
  local name, number = base, 1
  while self.bodies[name] or SHARED[name] do
    number = number + 1
    name = ("%s-%d"):format(base, number)
  end
  return name
end

--- Writes the grammar.
---@return string
function Rules:text()
  local lines = {}
  for i, name in ipairs(self.names) do lines[i] = ("%s ::= %s\n"):format(name, self.bodies[name]) end
  return table.concat(lines)
end

return M
