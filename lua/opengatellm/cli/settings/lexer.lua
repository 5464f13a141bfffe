--- The words of a settings file: texts, numbers, names and symbols of Lua, one after another.
--
--   new -> next, next, … -> "nothing"
--
-- The escapes of Lua 5.4 hold on every Lua. What is no word of Lua gives "wrong" for good, and `problem` says where and why. No message
-- shows what stands in the file, for it may be a key that lost its quotes.
--
-- @module opengatellm.cli.settings.lexer
local json = require "opengatellm.json"
local words = require "opengatellm.base.words"

---@class ogl.settings.Lexer
---@field kind string of the last word: "text", "number", "name", "nothing" (the end), "wrong"; a symbol or a keyword is its own kind
---@field value any of a text, a number or a name
---@field line integer on which that word begins
---@field problem? string why there is no further word
local Lexer = {}
Lexer.__index = Lexer

local M = {}

local KEYWORDS = words.set [[
  and break do else elseif end false for function goto if in local nil not or repeat return then true until while
]]

local ESCAPES = {
  a = "\a", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", v = "\v", ["\\"] = "\\", ['"'] = '"', ["'"] = "'", ["\n"] = "\n",
}

-- A run of line ends as Lua counts them: \r\n and \n\r are one.
local function line_feeds(run)
  local count, at = 0, 1
  while at <= #run do
    local pair = run:sub(at, at + 1)
    at = at + ((pair == "\r\n" or pair == "\n\r") and 2 or 1)
    count = count + 1
  end
  return ("\n"):rep(count)
end

--- Makes a problem; no further word is read.
---@param problem string
---@param line? integer default: where it reads now
---@return nil
function Lexer:fail(problem, line)
  self.problem = self.problem or ("%s:%d: %s"):format(self.name, line or self.at_line, problem)
  self.kind, self.value, self.at = "wrong", nil, #self.text + 1
  return nil
end

-- Goes to a place further on.
local function move_to(self, to)
  local _, lines = self.text:sub(self.at, to - 1):gsub("\n", "")
  self.at, self.at_line = to, self.at_line + lines
end

-- Texts -------------------------------------------------------------------------------------------------------------------

-- The text in long brackets that begins here; nil where none does, or none ends.
local function long_bracket_at(self)
  local equals = self.text:match("^%[(=*)%[", self.at)
  if not equals then return nil end
  local from = self.at + #equals + 2
  local last, behind = self.text:find("]" .. equals .. "]", from, true)
  if not last then return self:fail(("expected ]%s] at the end of what begins here"):format(equals)) end
  local text = self.text:sub(from, last - 1):gsub("^\n", "")
  move_to(self, behind + 1)
  return text
end

-- A character by its number, which JSON writes as one escape, or as two halves.
local function character(code)
  if code < 0x10000 then return json.decode(('"\\u%04x"'):format(code)) end
  local rest = code - 0x10000
  return json.decode(('"\\u%04x\\u%04x"'):format(0xD800 + math.floor(rest / 0x400), 0xDC00 + rest % 0x400))
end

local function unicode_escape(self)
  local digits, behind = self.text:match("^u{(%x+)}()", self.at)
  local code = digits and #digits <= 8 and tonumber(digits, 16)
  local found = code and code <= 0x10FFFF and character(code)
  if not found then return self:fail "expected \\u{…} with the number of a character" end
  self.at = behind
  return found
end

local function decimal_escape(self)
  local digits = self.text:match("^%d%d?%d?", self.at)
  if tonumber(digits) > 255 then return self:fail "expected at most \\255" end
  self.at = self.at + #digits
  return string.char(tonumber(digits))
end

-- What stands for the escape whose first character is here.
local function escape_at(self)
  local letter = self.text:sub(self.at, self.at)
  if ESCAPES[letter] then
    move_to(self, self.at + 1)
    return ESCAPES[letter]
  end
  if letter == "z" then
    move_to(self, (self.text:match("^%s*()", self.at + 1)))
    return ""
  end
  if letter == "u" then return unicode_escape(self) end
  if letter:find "%d" then return decimal_escape(self) end
  local digits = self.text:match("^x(%x%x)", self.at)
  if not digits then return self:fail "expected an escape of Lua behind the backslash" end
  self.at = self.at + 3
  return string.char(tonumber(digits, 16))
end

-- The text in quotes that begins here.
local function quoted_at(self, quote)
  local pieces, stop = {}, '["\\\n]'
  if quote == "'" then stop = "['\\\n]" end
  self.at = self.at + 1
  while true do
    local found = self.text:find(stop, self.at)
    local mark = found and self.text:sub(found, found)
    if not found or mark == "\n" then return self:fail(("expected %s at the end of the text on this line"):format(quote)) end
    pieces[#pieces + 1] = self.text:sub(self.at, found - 1)
    self.at = found + 1
    if mark == quote then return table.concat(pieces) end
    local escaped = escape_at(self)
    if not escaped then return nil end
    pieces[#pieces + 1] = escaped
  end
end

-- Numbers -----------------------------------------------------------------------------------------------------------------

local NUMERALS = { "^(0[xX][%x.]+[pP][+-]?%d+)()", "^(0[xX][%x.]+)()", "^([%d.]+[eE][+-]?%d+)()", "^([%d.]+)()" }

-- The number that begins here, by the first pattern that fits.
local function number_at(self)
  local digits, behind
  for _, pattern in ipairs(NUMERALS) do
    if not digits then digits, behind = self.text:match(pattern, self.at) end
  end
  local value = not self.text:find("^[%w_]", behind) and tonumber(digits)
  if not value or value - value ~= 0 then return self:fail "expected a number as Lua writes and holds it" end
  self.at = behind
  return value
end

-- Words -------------------------------------------------------------------------------------------------------------------

-- Goes behind blanks and comments.
local function skip_blanks(self)
  while true do
    move_to(self, (self.text:match("^%s*()", self.at)))
    if self.text:sub(self.at, self.at + 1) ~= "--" then return end
    self.at = self.at + 2
    if self.text:find("^%[=*%[", self.at) then long_bracket_at(self)
    else self.at = self.text:find("\n", self.at, true) or #self.text + 1 end
  end
end

-- The kind and the value of the word that begins here.
local function word_at(self)
  local first = self.text:sub(self.at, self.at)
  if first == "" then return self.problem and "wrong" or "nothing" end
  if first == '"' or first == "'" then return "text", quoted_at(self, first) end
  if self.text:find("^%[=*%[", self.at) then return "text", long_bracket_at(self) end
  if self.text:find("^%.?%d", self.at) then return "number", number_at(self) end
  local name = self.text:match("^[%a_][%w_]*", self.at)
  self.at = self.at + #(name or first)
  if name and not KEYWORDS[name] then return "name", name end
  return name or first
end

--- Reads the next word into `kind` and `value`.
---@return string kind
function Lexer:next()
  skip_blanks(self)
  self.line = self.at_line
  local kind, value = word_at(self)
  if self.problem then kind, value = "wrong", nil end
  self.kind, self.value = kind, value
  return kind
end

local SHOWN = { text = "a text", number = "a number", name = "a name", nothing = "the end of the file" }

--- Makes the problem that another word was expected than the one that was read last; no further word is read.
---@param expected string
---@return nil
function Lexer:expected(expected)
  local got = SHOWN[self.kind] or self.kind:find "^[%w%p]+$" and ("'%s'"):format(self.kind) or "a byte that is no word of Lua"
  return self:fail(("expected %s, got %s"):format(expected, got), self.line)
end

--- Begins a text.
---@param text string
---@param name string of the file, for messages
---@return ogl.settings.Lexer
function M.new(text, name)
  if text:find("\r", 1, true) then text = text:gsub("[\r\n]+", line_feeds) end
  text = text:gsub("^\239\187\191", ""):gsub("^#[^\n]*", "")
  return setmetatable({ text = text, name = name, at = 1, at_line = 1, line = 1 }, Lexer)
end

return M
