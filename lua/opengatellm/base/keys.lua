--- The keys of tables.
--
-- @module opengatellm.base.keys
local M = {}

--- Gives the keys of a table in their order, so that what is made of it is the same each time.
---@param map table<string, any>
---@return string[]
function M.sorted(map)
  local list = {}
  for key in pairs(map) do list[#list + 1] = key end
  table.sort(list)
  return list
end

return M
