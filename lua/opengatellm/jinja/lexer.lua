--- The lexer: a template's source in, tokens out, with the blanks taken away that tags take: trim_blocks and lstrip_blocks are on.
--
-- @module opengatellm.jinja.lexer
local characters = require "opengatellm.jinja.characters"
local mistake = require "opengatellm.jinja.mistake"
local number = require "opengatellm.jinja.number"
local words = require "opengatellm.base.words"

local M = {}

---@class ogl.jinja.Token
---@field kind "data"|"open"|"close"|"name"|"text"|"number"|"operator"|"end"
---@field value any of "open" and "close": "{{" or "{%"
---@field line integer

---@class ogl.jinja.Lexer
---@field source string
---@field at integer the byte that comes next
---@field line integer
---@field counted integer the byte up to which lines were counted
---@field line_start boolean whether the last tag ended a line
---@field tokens ogl.jinja.Token[]

local function fail(lexer, message, ...) mistake.raise(message:format(...), lexer.line) end

local function count_lines(lexer, to)
  local _, lines = lexer.source:sub(lexer.counted, to - 1):gsub("\n", "")
  lexer.line, lexer.counted = lexer.line + lines, to
end

local function put(lexer, kind, value)
  count_lines(lexer, lexer.at)
  lexer.tokens[#lexer.tokens + 1] = { kind = kind, value = value, line = lexer.line }
end

-- Goes on behind a part of the source.
local function go(lexer, to)
  lexer.line_start = lexer.source:sub(to - 1, to - 1) == "\n"
  lexer.at = to
end

-- What is between tags ----------------------------------------------------------------------------------------------------

-- The text in front of a tag, without what the tag takes of it: "-" all blanks; else those from the line's beginning on.
local function stripped(lexer, data, sign, is_block)
  if sign == "-" then return data:sub(1, characters.before(data, characters.blanks)) end
  if sign == "+" or not is_block then return data end
  local line = data:sub(data:match "^.*\n()" or 1)
  local begins_line = #line < #data or lexer.line_start
  if begins_line and characters.behind(line, characters.blanks) > #line then return data:sub(1, #data - #line) end
  return data
end

-- Goes behind the end of a tag: its newline goes with it, or all blanks where it ends with "-".
local function leave(lexer, sign, behind, trims)
  if sign == "-" then return go(lexer, characters.behind(lexer.source, characters.blanks, behind)) end
  if sign == "" and trims and lexer.source:sub(behind, behind) == "\n" then behind = behind + 1 end
  go(lexer, behind)
end

local function comment(lexer, from)
  local first, last = lexer.source:find("#}", from, true)
  if not first then fail(lexer, "a comment has no end") end
  local sign = first > from and lexer.source:sub(first - 1, first - 1):match "[-+]" or ""
  leave(lexer, sign, last + 1, true)
end

-- {% raw %}: its contents are text.
local function raw(lexer, from)
  local at, last, sign, stop, behind = from
  repeat
    last, sign, at = lexer.source:match("()%{%%([-+]?)%s*endraw%s*()", at)
    if not last then fail(lexer, "a raw block has no end") end
    stop, behind = lexer.source:match("^([-+]?)%%}()", at)
  until stop
  local data = stripped(lexer, lexer.source:sub(from, last - 1), sign, true)
  if data ~= "" then put(lexer, "data", data) end
  leave(lexer, stop, behind, true)
end

-- What is in tags ---------------------------------------------------------------------------------------------------------

local OPERATORS = words.list "// ** == != <= >= + - * / % ~ [ ] ( ) { } > < = . : | , ;"
local CLOSING = { ["("] = ")", ["["] = "]", ["{"] = "}" }

local function operator(lexer, brackets)
  for _, each in ipairs(OPERATORS) do
    if lexer.source:sub(lexer.at, lexer.at + #each - 1) == each then
      if CLOSING[each] then brackets[#brackets + 1] = CLOSING[each] end
      if each:find "^[%])}]" and table.remove(brackets) ~= each then fail(lexer, "unexpected '%s'", each) end
      put(lexer, "operator", each)
      lexer.at = lexer.at + #each
      return
    end
  end
  fail(lexer, "unexpected character '%s'", lexer.source:match(characters.ONE, lexer.at))
end

local function float_at(source, at)
  local whole, behind = source:match("^(%d[%d_]*)()", at)
  if not whole then return nil end
  local fraction, past = source:match("^(%.%d[%d_]*)()", behind)
  behind = past or behind
  local exponent, further = source:match("^([eE][-+]?%d[%d_]*)()", behind)
  if not fraction and not exponent then return nil end
  return whole .. (fraction or "") .. (exponent or ""), further or behind
end

local BASES = { x = 16, o = 8, b = 2 }

local function integer_at(source, at)
  local base, digits, behind = source:match("^0([xXoObB])_?(%x[%x_]*)()", at)
  if base then return tonumber((digits:gsub("_", "")), BASES[base:lower()]), behind end
  digits, behind = source:match("^(%d[%d_]*)()", at)
  return digits and tonumber((digits:gsub("_", ""))), behind
end

local function take_number(lexer)
  local follows_dot = lexer.source:sub(lexer.at - 1, lexer.at - 1) == "."
  local digits, behind
  if not follows_dot then digits, behind = float_at(lexer.source, lexer.at) end
  local value
  if digits then
    value = number.float(tonumber((digits:gsub("_", ""))))
  else
    value, behind = integer_at(lexer.source, lexer.at)
  end
  if not value then return false end
  put(lexer, "number", value)
  lexer.at = behind
  return true
end

local ESCAPES = {
  n = "\n", t = "\t", r = "\r", b = "\b", f = "\f", a = "\a", v = "\v", ["\\"] = "\\", ["'"] = "'", ['"'] = '"', ["\n"] = "",
}
local HEX = { x = "^%x%x", u = "^%x%x%x%x", U = "^%x%x%x%x%x%x%x%x" }

-- The text that an escape stands for, and the byte behind it; `at` is behind the backslash.
local function escape_at(lexer, words_of, at)
  local letter = words_of:sub(at, at)
  if ESCAPES[letter] then return ESCAPES[letter], at + 1 end
  local octal = words_of:match("^[0-7][0-7]?[0-7]?", at)
  if octal then return characters.encode(tonumber(octal, 8)), at + #octal end
  if not HEX[letter] then return "\\" .. letter, at + 1 end
  local digits = words_of:match(HEX[letter], at + 1)
  local point = digits and tonumber(digits, 16)
  if not point or point > 0x10ffff then fail(lexer, "a text has a wrong escape") end
  return characters.encode(point), at + 1 + #digits
end

local function unescaped(lexer, quoted)
  local out, from = {}, 1
  while true do
    local at = quoted:find("\\", from, true)
    if not at then break end
    out[#out + 1] = quoted:sub(from, at - 1)
    out[#out + 1], from = escape_at(lexer, quoted, at + 1)
  end
  return table.concat(out) .. quoted:sub(from)
end

local function take_text(lexer)
  local quote, first = lexer.source:match("^([\"'])()", lexer.at)
  if not quote then return false end
  local at = first
  while true do
    local byte
    at, byte = lexer.source:match("()([\"'\\])", at)
    if not at then fail(lexer, "a text has no end") end
    if byte == quote then break end
    at = at + (byte == "\\" and 2 or 1)
  end
  put(lexer, "text", unescaped(lexer, lexer.source:sub(first, at - 1)))
  lexer.at = at + 1
  return true
end

local function take_name(lexer)
  local name, behind = lexer.source:match("^([%a_\128-\255][%w_\128-\255]*)()", lexer.at)
  if not name then return false end
  put(lexer, "name", name)
  lexer.at = behind
  return true
end

local ENDS = { ["{%"] = "^([-+]?)%%}()", ["{{"] = "^(%-?)}}()" }

-- The inside of a tag, up to its end.
local function tag(lexer, opening)
  put(lexer, "open", opening)
  local brackets = {}
  while true do
    lexer.at = characters.behind(lexer.source, characters.blanks, lexer.at)
    if lexer.at > #lexer.source then fail(lexer, "a tag has no end") end
    local sign, behind = lexer.source:match(ENDS[opening], lexer.at)
    if sign and not brackets[1] then
      put(lexer, "close", opening)
      return leave(lexer, sign, behind, opening == "{%")
    end
    if not (take_number(lexer) or take_name(lexer) or take_text(lexer)) then operator(lexer, brackets) end
  end
end

-- The source up to the next tag, and that tag; false at the end.
local function step(lexer)
  local source, from = lexer.source, lexer.at
  local first = source:find("{[{%%#]", from)
  local data = source:sub(from, (first or #source + 1) - 1)
  local opening, sign, inside = nil, nil, nil
  if first then opening, sign, inside = source:match("^({[{%%#])([-+]?)()", first) end
  if first then data = stripped(lexer, data, sign, opening ~= "{{") end
  if data ~= "" then put(lexer, "data", data) end
  if not first then return false end
  lexer.at = inside
  if opening == "{#" then comment(lexer, inside) return true end
  local raw_sign, raw_inside = source:match("^%s*raw%s*(%-?)%%}()", inside)
  if opening == "{%" and raw_sign then
    leave(lexer, raw_sign, raw_inside, false)
    raw(lexer, lexer.at)
  else
    tag(lexer, opening)
  end
  return true
end

--- Makes the tokens of a template; raises a mistake where it has none.
---@param source string
---@return ogl.jinja.Token[]
function M.tokens(source)
  source = source:gsub("\r\n?", "\n"):gsub("\n$", "")
  local lexer = { source = source, at = 1, line = 1, counted = 1, line_start = true, tokens = {} }
  while lexer.at <= #source and step(lexer) do end
  lexer.at = #source + 1
  put(lexer, "end")
  return lexer.tokens
end

return M
