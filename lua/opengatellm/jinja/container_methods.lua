--- The methods of lists, tuples and dicts.
--
-- A template may change lists and dicts, those that it was given too: they are made anew for each run.
--
-- @module opengatellm.jinja.container_methods
local call = require "opengatellm.jinja.call"
local effort = require "opengatellm.jinja.effort"
local mistake = require "opengatellm.jinja.mistake"
local value = require "opengatellm.jinja.value"

local M = {}

-- Lists -------------------------------------------------------------------------------------------------------------------

local function append(list, item)
  list[#list + 1] = item
  return value.none
end

local function extend(list, items)
  local more = value.each(items)
  local count = #more -- the list may be extended by itself
  effort.spend(count)
  for i = 1, count do list[#list + 1] = more[i] end
  return value.none
end

local function place_of(list, index)
  index = call.integer(index)
  return (index < 0 and index + #list or index) + 1
end

local function insert(list, index, item)
  effort.spend(#list)
  table.insert(list, math.max(1, math.min(place_of(list, index), #list + 1)), item)
  return value.none
end

local function pop(list, index)
  local place = place_of(list, index == nil and -1 or index)
  if list[place] == nil then mistake.raise "pop index out of range" end
  effort.spend(#list - place)
  return table.remove(list, place)
end

local function index_of(list, item)
  for i, each in ipairs(list) do
    if value.equal(each, item) then return i - 1 end
  end
  mistake.raise "the value is not in the list"
end

local function remove(list, item)
  effort.spend(#list)
  table.remove(list, index_of(list, item) + 1)
  return value.none
end

local function count(list, item)
  local found = 0
  for _, each in ipairs(list) do
    if value.equal(each, item) then found = found + 1 end
  end
  return found
end

local function reverse(list)
  effort.spend(#list)
  for i = 1, math.floor(#list / 2) do list[i], list[#list + 1 - i] = list[#list + 1 - i], list[i] end
  return value.none
end

local function clear_list(list)
  effort.spend(#list)
  for i = #list, 1, -1 do list[i] = nil end
  return value.none
end

local function copy_list(list)
  local copy = value.list()
  extend(copy, list)
  return copy
end

-- Dicts -------------------------------------------------------------------------------------------------------------------

local function get(dict, key, default)
  local found = value.get(dict, key)
  if found ~= nil then return found end
  return default == nil and value.none or default
end

local function values(dict)
  local list = {}
  effort.spend(#dict.keys)
  for i, key in ipairs(dict.keys) do list[i] = value.get(dict, key) end
  return value.list(list)
end

local function keys(dict)
  local list = {}
  effort.spend(#dict.keys)
  for i, key in ipairs(dict.keys) do list[i] = key end
  return value.list(list)
end

local function take(dict, key, default)
  local found = value.get(dict, key)
  if found == nil and default == nil then mistake.raise "the dict has no such key to pop" end
  value.put(dict, key, nil)
  return found == nil and default or found
end

local function setdefault(dict, key, default)
  if value.get(dict, key) == nil then value.put(dict, key, default == nil and value.none or default) end
  return value.get(dict, key)
end

local function put_all(dict, other)
  if other == nil then return end
  if not value.is_dict(other) then mistake.raise "a dict can only be updated by a dict" end
  effort.spend(#other.keys)
  for _, key in ipairs(other.keys) do value.put(dict, key, value.get(other, key)) end
end

--- Puts the pairs of another dict, and named arguments, into a dict.
---@param dict ogl.jinja.Dict
---@param arguments ogl.jinja.Arguments
---@return any # None
function M.update(dict, arguments)
  put_all(dict, arguments[1])
  for _, each in ipairs(arguments.named) do value.put(dict, each.key or each.name, each.value) end
  return value.none
end

local function clear_dict(dict)
  dict.keys, dict.values = {}, {}
  return value.none
end

local function copy_dict(dict)
  local copy = value.dict()
  put_all(copy, dict)
  return copy
end

local sequence = { index = call.declare("value", index_of), count = call.declare("value", count) }

local list = {
  append = call.declare("item", append), extend = call.declare("items", extend), insert = call.declare("index item", insert),
  pop = call.declare("index", pop), remove = call.declare("value", remove), reverse = call.declare("", reverse),
  clear = call.declare("", clear_list), copy = call.declare("", copy_list), index = sequence.index, count = sequence.count,
}

local dict_methods = {
  get = call.declare("key default", get), items = call.declare("", value.items), keys = call.declare("", keys),
  values = call.declare("", values), pop = call.declare("key default", take), update = M.update,
  setdefault = call.declare("key default", setdefault), clear = call.declare("", clear_dict), copy = call.declare("", copy_dict),
}

--- The methods by kind and name: each takes the value and the arguments.
---@type table<string, table<string, fun(subject: any, arguments: ogl.jinja.Arguments): any>>
M.methods = { list = list, tuple = sequence, dict = dict_methods }

return M
