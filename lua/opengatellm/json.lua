--- JSON with lua-cjson's conventions but without its losses: 64-bit integers stay exact where Lua has them, `[]` stays `[]`, and a
--- number without a fraction is an integer on 5.3 and later. Keys are written sorted, or in an order of their own (`ordered`).
--
-- @module opengatellm.json
local core = require "opengatellm.core"
local memory = require "opengatellm.base.memory"

local M = {}

--- JSON's null: the same value as `cjson.null` and `ngx.null`.
M.null = core.null
--- The metatable of a table that is an array even when it is empty.
M.array_mt = core.array_mt

--- Marks a table as an array, so that an empty one is written as `[]`. Raises where it gets no table.
---@generic T
---@param list T[]
---@return T[] list the same table
function M.array(list)
  if type(list) ~= "table" then error("json.array: expected a table, got " .. type(list), 2) end
  return setmetatable(list, core.array_mt)
end

--- Gives an object an order of its own: `encode` writes the listed keys first, in that order, and the others sorted behind them. A listed
--- key that has no value is left out. dkjson keeps the same order. Raises where it gets no table.
---@generic T: table
---@param object T
---@param keys string[]
---@return T object the same table
function M.ordered(object, keys)
  if type(object) ~= "table" then error("json.ordered: expected a table, got " .. type(object), 2) end
  if type(keys) ~= "table" then error("json.ordered: expected a list of keys, got " .. type(keys), 2) end
  return setmetatable(object, { __jsonorder = keys })
end

--- Lists the keys of an object as `encode` writes them. Keys that are not strings are left out.
---@param object table
---@return string[]
function M.keys(object)
  local mt = getmetatable(object)
  local order = type(mt) == "table" and rawget(mt, "__jsonorder") or {}
  local list, listed = {}, {}
  for _, key in ipairs(order) do
    if object[key] ~= nil and not listed[key] then list[#list + 1], listed[key] = key, true end
  end
  local rest = {}
  for key in pairs(object) do
    if type(key) == "string" and not listed[key] then rest[#rest + 1] = key end
  end
  table.sort(rest)
  for _, key in ipairs(rest) do list[#list + 1] = key end
  return list
end

--- Wraps a JSON text, so that `encode` writes it byte for byte.
---@param text string
---@return table
function M.raw(text) return core.raw(text) end

--- Decodes a value that `raw` made; returns any other as it is.
---@param value any
---@return any
function M.plain(value)
  if getmetatable(value) ~= core.raw_mt then return value end
  return (core.decode(value[1]))
end

--- Writes a value as JSON. Raises where JSON cannot hold it (a function, NaN, a sparse array); bytes that are not UTF-8 become U+FFFD.
---@param value any
---@return string
function M.encode(value) return (core.encode(value)) end

--- Reads a JSON text. Each `[]` gets the metatable `array_mt`.
---@param text string
---@return any value nil on failure
---@return string|ogl.Error|nil message what is wrong with the text; an error where Lua's memory ended
function M.decode(text)
  local value, code, message = memory.attempt(core.decode, text)
  if value == nil then return nil, message or code end
  return value
end

return M
