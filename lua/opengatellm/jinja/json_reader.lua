--- Reads JSON into values of a template: unlike json.decode it keeps the order of an object's keys, and knows 1.0 from 1 on every Lua.
--
-- @module opengatellm.jinja.json_reader
local core = require "opengatellm.core"
local effort = require "opengatellm.jinja.effort"
local mistake = require "opengatellm.jinja.mistake"
local number = require "opengatellm.jinja.number"
local value = require "opengatellm.jinja.value"

local M = {}

-- A reader is { bytes, at, mark, level }; the text was checked before, so that each byte says what follows.
local read_value

local function skip_blanks(reader) reader.at = reader.bytes:match("^[ \t\r\n]*()", reader.at) end

-- Takes the byte if it comes next.
local function take(reader, byte)
  skip_blanks(reader)
  local found = reader.bytes:sub(reader.at, reader.at) == byte
  if found then reader.at = reader.at + 1 end
  return found
end

local function read_text(reader)
  skip_blanks(reader)
  local first, at = reader.at, reader.at + 1
  while true do
    local byte
    at, byte = reader.bytes:match('^[^"\\]*()(.)', at)
    if byte == '"' then break end
    at = at + 2
  end
  reader.at = at + 1
  return reader.mark((core.decode(reader.bytes:sub(first, at))))
end

local function read_list(reader)
  local items = {}
  while not take(reader, "]") do
    items[#items + 1] = read_value(reader)
    take(reader, ",")
  end
  return value.list(items)
end

local function read_dict(reader)
  local dict = value.dict()
  while not take(reader, "}") do
    local key = read_text(reader)
    take(reader, ":")
    value.put(dict, key, read_value(reader))
    take(reader, ",")
  end
  return dict
end

local function nested(reader, read)
  reader.level = reader.level + 1
  effort.check_depth(reader.level)
  local result = read(reader)
  reader.level = reader.level - 1
  return result
end

local LITERALS = { ["true"] = true, ["false"] = false, ["null"] = value.none }

local function read_scalar(reader)
  local word, behind = reader.bytes:match("^([^,%]} \t\r\n]+)()", reader.at)
  reader.at = behind
  if LITERALS[word] ~= nil then return LITERALS[word] end
  return word:find "[.eE]" and number.float(tonumber(word)) or tonumber(word)
end

function read_value(reader)
  effort.spend(1)
  if take(reader, "{") then return nested(reader, read_dict) end
  if take(reader, "[") then return nested(reader, read_list) end
  if reader.bytes:sub(reader.at, reader.at) == '"' then return read_text(reader) end
  return read_scalar(reader)
end

--- Reads a JSON text; raises a mistake where it is none.
---@param bytes string
---@param mark fun(bytes: string): ogl.jinja.Text what the texts in it become
---@return any
function M.read(bytes, mark)
  local checked, code, message = core.decode(bytes)
  if checked == nil then mistake.raise("no JSON: " .. tostring(message or code)) end
  return read_value { bytes = bytes, at = 1, mark = mark, level = 0 }
end

return M
