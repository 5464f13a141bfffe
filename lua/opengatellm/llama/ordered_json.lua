--- JSON whose objects keep their order: the grammar of a schema has the model write its members in the order in which the caller thought
--- of them, and json.decode forgets it.
--
-- @module opengatellm.llama.ordered_json
local effort = require "opengatellm.jinja.effort"
local json = require "opengatellm.json"
local json_reader = require "opengatellm.jinja.json_reader"
local mistake = require "opengatellm.jinja.mistake"
local number = require "opengatellm.jinja.number"
local value = require "opengatellm.jinja.value"

local M = {}

local function as_it_is(bytes) return bytes end

local plain

local function plain_list(list)
  local items = {}
  for i, item in ipairs(list) do items[i] = plain(item) end
  return json.array(items)
end

local function plain_object(dict)
  local object = {}
  for _, key in ipairs(dict.keys) do object[key] = plain(value.get(dict, key)) end
  return json.ordered(object, dict.keys)
end

function plain(read)
  if value.is_dict(read) then return plain_object(read) end
  if value.is_sequence(read) then return plain_list(read) end
  if read == value.none then return json.null end
  if type(read) == "string" or type(read) == "boolean" then return read end
  return number.of(read)
end

--- Reads a JSON text.
---@param text string
---@return any value as json.decode gives it; objects have their order (json.ordered)
---@return string? problem
function M.read(text)
  local fine, read = effort.within(effort.STEPS, json_reader.read, text, as_it_is)
  if not fine then return nil, mistake.words(read) end
  return plain(read)
end

return M
