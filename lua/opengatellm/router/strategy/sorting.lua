--- Sorting: rows by a figure.
--
-- @module opengatellm.router.strategy.sorting
local M = {}

--- The rows in the order of a figure, the smallest first; rows with the same figure keep their order. Sorts by insertion: a router has few
--- rows, and mostly one that is far ahead.
---@param rows ogl.Row[]
---@param figure fun(row: ogl.Row, of: any): number
---@param of any passed on to `figure`
---@return ogl.Row[]
function M.by(rows, figure, of)
  local list, figures = {}, {}
  for i = 1, #rows do
    local row, place = rows[i], i
    local own = figure(row, of)
    while place > 1 and figures[place - 1] > own do
      list[place], figures[place] = list[place - 1], figures[place - 1]
      place = place - 1
    end
    list[place], figures[place] = row, own
  end
  return list
end

return M
