--- A slow and obvious reader of the JSON value in a text that is still coming: it reads the whole text anew, by the rules of
--- csrc/core/json_finder.h, and is what core.partial is compared with.
local core = require "opengatellm.core"

local M = {}

local DEPTH = 128

-- One value ----------------------------------------------------------------------------------------------------------

-- A reader of one value has `text`, `at`, `finished` (the text has ended), `texts` and `commas` (what makes a candidate sure), and at last
-- `status`: "cut" or a code, with `at` where that showed. The functions return true where what they read has ended.
local function stop(s, status, at)
  s.status, s.at = status, at or s.at
  return false
end

local function skip_blanks(s) s.at = s.text:find("[^ \t\r\n]", s.at) or #s.text + 1 end

local function ahead(s)
  skip_blanks(s)
  return s.text:sub(s.at, s.at)
end

local function hex4(text, at)
  local digits = text:match("^%x*", at):sub(1, 4)
  return #digits == 4 and tonumber(digits, 16) or nil, at + #digits
end

local function character(code)
  if code < 0x80 then return string.char(code) end
  local function tail(shift) return 0x80 + math.floor(code / 2 ^ shift) % 0x40 end
  if code < 0x800 then return string.char(0xc0 + math.floor(code / 0x40), tail(0)) end
  if code < 0x10000 then return string.char(0xe0 + math.floor(code / 0x1000), tail(6), tail(0)) end
  return string.char(0xf0 + math.floor(code / 0x40000), tail(12), tail(6), tail(0))
end

-- The code of the \u escape at a place, and the place behind; nil, "cut" or a code of an error, and where it showed.
local function unicode(text, at)
  if #text < at + 1 then return nil, "cut", at end
  if text:sub(at + 1, at + 1) ~= "u" then return nil, "utf8", at + 1 end
  local code, behind = hex4(text, at + 2)
  if code then return code, behind end
  return nil, behind > #text and "cut" or "syntax", behind
end

local SHORT = { ['"'] = '"', ["\\"] = "\\", ["/"] = "/", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t" }

-- The text of the escape at s.at, which goes behind it; false where it is cut or wrong.
local function escape(s)
  local letter = s.text:sub(s.at + 1, s.at + 1)
  if letter == "" then return stop(s, "cut") end
  if SHORT[letter] then
    s.at = s.at + 2
    return SHORT[letter]
  end
  if letter ~= "u" then return stop(s, "syntax", s.at + 1) end
  local code, behind, where = unicode(s.text, s.at)
  if not code then return stop(s, behind, where) end
  if code >= 0xdc00 and code <= 0xdfff then return stop(s, "utf8", behind - 1) end
  if code >= 0xd800 and code <= 0xdbff then
    local second = s.text:sub(behind, behind)
    if second == "" then return stop(s, "cut") end
    if second ~= "\\" then return stop(s, "utf8", behind) end
    local low, after, place = unicode(s.text, behind)
    if not low then return stop(s, after, place) end
    if low < 0xdc00 or low > 0xdfff then return stop(s, "utf8", after - 1) end
    code, behind = 0x10000 + (code - 0xd800) * 0x400 + (low - 0xdc00), after
  end
  s.at = behind
  return character(code)
end

-- The bytes that may follow a first byte: how many, and the range of the second one.
local function shape(first)
  if first < 0x80 then return 0 end
  if first >= 0xc2 and first <= 0xdf then return 1, 0x80, 0xbf end
  if first == 0xe0 then return 2, 0xa0, 0xbf end
  if first == 0xed then return 2, 0x80, 0x9f end
  if first >= 0xe1 and first <= 0xef then return 2, 0x80, 0xbf end
  if first == 0xf0 then return 3, 0x90, 0xbf end
  if first >= 0xf1 and first <= 0xf3 then return 3, 0x80, 0xbf end
  if first == 0xf4 then return 3, 0x80, 0x8f end
end

-- The plain character at s.at.
local function plain(s)
  local from, first = s.at, s.text:byte(s.at)
  local more, low, high = shape(first)
  if not more then return stop(s, "utf8") end
  for i = 1, more do
    local byte = s.text:byte(from + i)
    if not byte then return stop(s, "cut") end
    if byte < low or byte > high then return stop(s, "utf8", from + i) end
    low, high = 0x80, 0xbf
  end
  s.at = from + more + 1
  return s.text:sub(from, from + more)
end

-- A string as far as it has come, and whether it has ended.
local function read_string(s)
  local parts = {}
  s.at = s.at + 1
  while true do
    local c = s.text:sub(s.at, s.at)
    if c == "" then return table.concat(parts), stop(s, "cut") end
    if c == '"' then
      s.at, s.after_string = s.at + 1, true
      return table.concat(parts), true
    end
    if c:byte() < 0x20 then return table.concat(parts), stop(s, "syntax") end
    local part = s.text:match("^[ !#-%[%]-~]+", s.at)
    if part then s.at = s.at + #part
    elseif c == "\\" then part = escape(s)
    else part = plain(s) end
    if not part then return table.concat(parts), false end
    parts[#parts + 1] = part
  end
end

local function read_number(s, put)
  local run = s.text:match("^[-+%d.eE]+", s.at)
  local at_end = s.at + #run > #s.text
  if at_end and not s.finished then return stop(s, "cut") end
  local value = core.decode(run)
  s.at = s.at + #run
  if value == nil then return stop(s, at_end and "cut" or "syntax") end
  put(value)
  return true
end

local WORD = { t = { "true", true }, f = { "false", false }, n = { "null", core.null } }

local function read_literal(s, put, word)
  for i = 1, #word[1] do
    local c = s.text:sub(s.at, s.at)
    if c == "" then return stop(s, "cut") end
    if c ~= word[1]:sub(i, i) then return stop(s, "syntax") end
    s.at = s.at + 1
  end
  put(word[2])
  return true
end

local read_value

-- Behind a value in a container: true where another one has to come, false where the container has ended, nil where neither is so.
local function another(s, close)
  local c = ahead(s)
  if c ~= "," and c ~= close then
    stop(s, c == "" and "cut" or "syntax")
    return nil
  end
  s.texts = s.texts or s.after_string
  s.after_string = false
  s.at = s.at + 1
  if c == "," then s.commas = true end
  return c == ","
end

local function read_array(s, list)
  local first = ahead(s)
  if first == "]" then s.at = s.at + 1 end
  local more = first ~= "]"
  while more do
    local function put(value)
      setmetatable(list, nil) -- it is no empty array any more
      list[#list + 1] = value
    end
    if not read_value(s, put) then return false end
    more = another(s, "]")
  end
  return more == false
end

local function read_object(s, object)
  local first = ahead(s)
  if first == "}" then s.at = s.at + 1 end
  local more = first ~= "}"
  while more do
    local c = ahead(s)
    if c == "" then return stop(s, "cut") end
    if c ~= '"' then return stop(s, "syntax") end
    local key, ended = read_string(s)
    if not ended then return false end
    c = ahead(s)
    if c == "" then return stop(s, "cut") end
    if c ~= ":" then return stop(s, "syntax") end
    s.at, s.texts, s.after_string = s.at + 1, true, false
    if not read_value(s, function(value) object[key] = value end) then return false end
    more = another(s, "}")
  end
  return more == false
end

-- Reads a value, and puts what there is of it before what is in it.
read_value = function(s, put)
  local c = ahead(s)
  if c == "" then return stop(s, "cut") end
  if c == '"' then
    local text, ended = read_string(s)
    put(text)
    return ended
  end
  if WORD[c] then return read_literal(s, put, WORD[c]) end
  if c:find "[-%d]" then return read_number(s, put) end
  if c ~= "{" and c ~= "[" then return stop(s, "syntax") end
  if s.depth == DEPTH then return stop(s, "depth") end
  local value = c == "[" and setmetatable({}, core.array_mt) or {}
  put(value)
  s.depth, s.at = s.depth + 1, s.at + 1
  local ended = (c == "[" and read_array or read_object)(s, value)
  s.depth = s.depth - 1
  return ended
end

-- What begins at a place: `value`, `status` ("ended", "cut" or a code), `at`, and what tells whether it is sure.
local function candidate(text, at, finished)
  local s = { text = text, at = at, finished = finished, depth = 0, texts = false, commas = false, after_string = false }
  if read_value(s, function(value) s.value = value end) then s.status = "ended" end
  return s
end

-- The value of a text ------------------------------------------------------------------------------------------------

local UNSURE, SURE, EXPECTED = 1, 2, 3
local TAGS = { "think", "thinking", "reasoning" }

local function tag_at(text, at, mark)
  for _, name in ipairs(TAGS) do
    local tag = mark .. name .. ">"
    if text:sub(at, at + #tag - 1) == tag then return at + #tag end
  end
end

-- From a place among words to the next one at which something may begin: the place; whether a value is expected there; nil at the end.
local function through_words(text, at, look)
  while true do
    at = text:find("[<`\n{%[]", at)
    if not at then return nil end
    local c = text:sub(at, at)
    local behind = c == "<" and tag_at(text, at, "</")
    if behind then
      look.best, look.thinking, look.in_fence, look.line = { rank = 0 }, false, false, false
      return behind, true
    end
    if not look.thinking then
      if (c == "{" or c == "[") and look.best.rank < SURE then
        look.line = false
        return at, false
      end
      if c == "\n" and look.line then
        look.line = false
        return at + 1, true
      end
      if text:sub(at, at + 2) == "```" then
        look.in_fence = not look.in_fence
        look.line = look.in_fence
        at = at + 2
      elseif c == "<" and tag_at(text, at, "<") then
        look.thinking, look.in_fence, look.line = true, false, false
      end
    end
    at = at + 1
  end
end

-- Says what a candidate means for the text: "value" (it is all), "words" (look on behind it), or a code.
local function judge(s, look, expected)
  local scalar = type(s.value) ~= "table" -- one that is wrong from the beginning has no value
  local sure = s.texts or expected and s.commas
  if s.status == "ended" then
    if not scalar then
      local rank = (expected and (sure or look.in_fence)) and EXPECTED or sure and SURE or UNSURE
      if rank > look.best.rank then look.best = { rank = rank, value = s.value } end
      return look.best.rank == EXPECTED and "value" or "words"
    end
    local next_byte = ahead(s)
    if next_byte == "" and s.finished or next_byte == "`" and look.in_fence then
      look.best = { rank = EXPECTED, value = s.value }
      return "value"
    end
    if next_byte ~= "" then return "words" end
    s.status = "cut"
  end
  if not sure and (s.status == "syntax" or s.status == "utf8") then return "words" end
  local shows = sure or look.best.rank == 0 and expected and (not scalar or type(s.value) == "string")
  if shows then look.best = { rank = 0, value = s.value } end
  if s.status == "cut" and s.finished and look.best.rank > 0 then return "value" end
  return s.status == "cut" and (s.finished and "incomplete" or "value") or s.status
end

local BEGINS = '[{%["%-%dtfn]'

--- The value of a text so far.
---@param text string
---@param finished? boolean no more will come
---@return any value nil: there is none
---@return string? code of the error
function M.read(text, finished)
  local look, at, expected = { best = { rank = 0 }, thinking = false, in_fence = false, line = false }, 1, true
  while at do
    if expected then at = text:find("[^ \t\r\n]", at) or #text + 1 end
    if at > #text then break end
    if not expected or text:find("^" .. BEGINS, at) then
      local s = candidate(text, at, finished)
      local verdict = judge(s, look, expected)
      if verdict == "value" then return look.best.value end
      if verdict ~= "words" then return look.best.value, verdict end
      at = s.at
    end
    at, expected = through_words(text, at, look)
  end
  local none = finished and look.best.rank == 0
  return look.best.value, none and ((look.thinking or expected) and "incomplete" or "syntax") or nil
end

return M
