--- Least latency: the row whose answers were committed soonest of late. Rows that were not asked yet come first, so that each is measured.
--
-- @module opengatellm.router.strategy.least_latency
local sorting = require "opengatellm.router.strategy.sorting"

local M = {}

--- Makes the strategy.
---@return ogl.Strategy
function M.new()
  return function(_, rows)
    return sorting.by(rows, function(row) return row.latency or 0 end)
  end
end

return M
