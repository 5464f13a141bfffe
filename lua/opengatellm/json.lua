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

local function ordered() return require "opengatellm.base.ordered" end -- few programs need it

--- Gives an object an order of its own: `encode` writes the listed keys first, in that order, and the others sorted behind them. A listed
--- key that has no value is left out. dkjson keeps the same order. Raises where it gets no table.
---@generic T: table
---@param object T
---@param keys string[]
---@return T object the same table
function M.ordered(object, keys)
  local same = ordered().set(object, keys)
  return same -- no tail call: error() counts the frames to the caller
end

--- Lists the keys of an object as `encode` writes them. Keys that are not strings are left out.
---@param object table
---@return string[]
function M.keys(object) return ordered().keys(object) end

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
