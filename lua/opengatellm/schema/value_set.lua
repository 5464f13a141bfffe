--- Sets of JSON values: `enum`, `const`, and the items that an array has had.
--
-- Two values are the same where JSON Schema says so: 1 and 1.0 are, false and 0 are not, objects whatever the order of their keys. A table
-- is known by a text that only an equal one has, so that a set of many values needs no comparison of each with each.
--
-- @module opengatellm.schema.value_set
local json = require "opengatellm.json"
local kind = require "opengatellm.schema.kind"

local M = {}
local Set = {}
Set.__index = Set

local DEEPEST = 128 -- levels of a value; this ends a table that holds itself

local to_integer = math.tointeger or function(number) return number % 1 == 0 and math.abs(number) < 2 ^ 53 and number or nil end

local function number_text(value)
  local integer = to_integer(value)
  return integer and ("n%d"):format(integer) or ("n%.17g"):format(value)
end

local text_of

local function list_text(list, levels)
  local parts = {}
  for i = 1, #list do parts[i] = text_of(list[i], levels) end
  return "[" .. table.concat(parts, ",") .. "]"
end

local function object_text(object, levels)
  local parts = {}
  for key, value in pairs(object) do parts[#parts + 1] = text_of(tostring(key), levels) .. text_of(value, levels) end
  table.sort(parts)
  return "{" .. table.concat(parts, ",") .. "}"
end

function text_of(value, levels)
  local name = kind.of(value)
  if name == "string" then return ("s%d:%s"):format(#value, value) end
  if name == "number" then return number_text(value) end
  if name ~= "array" and name ~= "object" then return name == "boolean" and tostring(value) or name or "?" end
  if levels == 0 then error("a value is nested deeper than " .. DEEPEST .. " levels", 0) end
  return (name == "array" and list_text or object_text)(value, levels - 1)
end

--- Makes a set.
---@param list any[]
---@return ogl.schema.ValueSet
function M.new(list)
  local self = setmetatable({ scalars = {}, tables = {} }, Set)
  for i = 1, #list do self:add(list[i]) end
  return self
end

---@class ogl.schema.ValueSet
---@field scalars table<any, true>
---@field tables table<string, true>

-- Where a value is kept, and under which key.
local function place(self, value)
  if type(value) == "table" then return self.tables, text_of(value, DEEPEST) end
  if kind.is_null(value) then value = json.null end -- Neovim has another null
  return self.scalars, value
end

--- Says whether a value is in the set.
---@param value any
---@return boolean
function Set:has(value)
  local values, key = place(self, value)
  return values[key] == true
end

--- Adds a value.
---@param value any
---@return boolean added false where it was there already
function Set:add(value)
  local values, key = place(self, value)
  if values[key] then return false end
  if key ~= nil and key == key then values[key] = true end -- NaN can be no key
  return true
end

return M
