--- Numbers as servers write them: JSON's own, or texts of digits. Any other value is read as nil.
--
-- @module opengatellm.operations.number
local M = {}

--- Reads a number that a server may have written as a text.
---@param value any
---@return number? # nil where it is not a number, or not finite
function M.of(value)
  if type(value) == "string" then value = value:find "^%s*[-+]?%.?%d[%d.]*[eE]?[-+]?%d*%s*$" and tonumber(value) or nil end
  return type(value) == "number" and value - value == 0 and value or nil
end

--- Reads a place in a list that a server counts from 0; gives nil if the list has no such place.
---@param value any
---@param count integer places of the list
---@return integer? # counts from 1
function M.place(value, count)
  value = M.of(value)
  if not value or value ~= math.floor(value) or value < 0 or value >= count then return nil end
  return math.floor(value) + 1
end

return M
