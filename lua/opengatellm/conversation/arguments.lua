--- Arguments: the JSON text that a model wrote for a call, read as an object.
--
-- Models put JSON into a fence or between words, and leave commas before closing brackets. Both are repaired, because there is only one
-- way to read them. A text that was cut is not: whoever closes its brackets runs half of a call.
--
-- @module opengatellm.conversation.arguments
local core = require "opengatellm.core"
local failure = require "opengatellm.schema.failure"
local json = require "opengatellm.json"
local kind = require "opengatellm.schema.kind"
local memory = require "opengatellm.base.memory"

local M = {}

-- Decoding ----------------------------------------------------------------------------------------------------------

local LONG = ("%d"):rep(16) -- every Lua holds integers of 15 digits exactly

-- Decodes a text. Integers that this Lua cannot hold exactly stay raw JSON.
local function decode(text)
  local value, code, message
  if text:find(LONG) then value, code, message = memory.attempt(core.decode, text, nil, {}, {})
  else value, code, message = memory.attempt(core.decode, text) end
  if value == nil then return nil, tostring(message or code) end
  return value
end

local function keys_of(value)
  if not kind.is_list(value) then return json.keys(value) end
  local keys = {}
  for i in ipairs(value) do keys[i] = i end
  return keys
end

-- The first integer that stayed raw: its text, and the keys that lead to it, the innermost first.
local function beyond(value)
  if type(value) ~= "table" then return nil end
  if getmetatable(value) == core.raw_mt then return value[1], {} end
  for _, key in ipairs(keys_of(value)) do
    local digits, keys = beyond(value[key])
    if digits then
      keys[#keys + 1] = key
      return digits, keys
    end
  end
end

-- Repairs -----------------------------------------------------------------------------------------------------------

-- The last byte of the string that opens at a place; nil where it has no end.
local function string_end(text, from)
  local at = from + 1
  while true do
    local place, byte = text:match('()(["\\])', at)
    if not place then return nil end
    if byte == '"' then return place end
    at = place + 2
  end
end

-- Whether only white space stands between two places.
local function is_blank(text, from, to) return text:match("^%s*()", from + 1) == to end

local OPENS, CLOSES = { ["{"] = true, ["["] = true }, { ["}"] = true, ["]"] = true }

-- Finds the end of the object that opens at a place, and the commas in it that stand right before a closing bracket. Nil where the text
-- ends inside of it; `false` where a comma has nothing before it.
local function extent(text, from)
  local depth, at, commas = 0, from, {}
  local last, last_byte = from, "" -- the token before
  while true do
    local place, byte = text:match('()(["{}%[%],])', at)
    if not place then return nil end
    local touches = is_blank(text, last, place)
    if byte == '"' then
      place = string_end(text, place)
      if not place then return nil end
    elseif OPENS[byte] then
      depth = depth + 1
    elseif byte == "," then
      if touches and (OPENS[last_byte] or last_byte == ",") then return false end
    elseif CLOSES[byte] then
      depth = depth - 1
      if touches and last_byte == "," then commas[#commas + 1] = last end
      if depth == 0 then return place, commas end
    end
    last, last_byte, at = place, byte, place + 1
  end
end

local function without(text, from, to, commas)
  local pieces = {}
  for _, comma in ipairs(commas) do
    pieces[#pieces + 1] = text:sub(from, comma - 1)
    from = comma + 1
  end
  pieces[#pieces + 1] = text:sub(from, to)
  return table.concat(pieces)
end

-- What stands around the object may be words and a fence. With quotes or brackets it is JSON itself: the object is a part of something.
local function is_around(text, from, to)
  return not text:sub(1, from - 1):find '["%[%]}]' and not text:find('["%[%]{}]', to + 1)
end

local CUT = "the arguments are cut off: their JSON ends before it is complete. Send the whole call again"

local function repaired(text)
  local from = text:find("{", 1, true)
  if not from then return nil end
  local to, commas = extent(text, from)
  if to == nil then return nil, CUT end
  if not to or not is_around(text, from, to) then return nil end
  return (decode(without(text, from, to, commas)))
end

-- Reading -----------------------------------------------------------------------------------------------------------

local function is_empty(text) return text:find "^%s*$" ~= nil or text:find "^%s*null%s*$" ~= nil end

local TOO_LARGE = "the integer %s is too large to be kept exactly"

--- Reads the arguments of a call.
---@param text? string as the model wrote it; nothing, blanks and `null` mean an empty object
---@return table? arguments an object; its integers are exact
---@return string? problem for the model
function M.read(text)
  text = text or ""
  if is_empty(text) then return {} end
  local value, why = decode(text)
  local cut
  if value == nil then value, cut = repaired(text) end
  if value == nil then return nil, cut or "the arguments are no JSON object: " .. why end
  local digits, keys
  if text:find(LONG) then digits, keys = beyond(value) end
  if digits then return nil, ("%s: " .. TOO_LARGE):format(failure.path(keys), digits) end
  if kind.of(value) ~= "object" then return nil, "the arguments: expected an object, got " .. kind.shown(value) end
  return value
end

return M
