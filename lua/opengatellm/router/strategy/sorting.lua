--- Sorting: rows by a figure.
--
-- @module opengatellm.router.strategy.sorting
local M = {}

--- The rows in the order of a figure, the smallest first; rows with the same figure keep their order.
---@param rows ogl.Row[]
---@param figure fun(row: ogl.Row): number
---@return ogl.Row[]
function M.by(rows, figure)
  local list, figures, places = {}, {}, {}
  for i, row in ipairs(rows) do list[i], figures[row], places[row] = row, figure(row), i end
  table.sort(list, function(a, b)
    if figures[a] ~= figures[b] then return figures[a] < figures[b] end
    return places[a] < places[b]
  end)
  return list
end

return M
