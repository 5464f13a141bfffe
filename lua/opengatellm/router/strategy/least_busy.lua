--- Least busy: the row with the fewest calls on their way, for its weight.
--
-- @module opengatellm.router.strategy.least_busy
local sorting = require "opengatellm.router.strategy.sorting"

local M = {}

local function load_of(row) return row.weight > 0 and row.active / row.weight or math.huge end

--- Makes the strategy.
---@return ogl.Strategy
function M.new()
  return function(_, rows) return sorting.by(rows, load_of) end
end

return M
