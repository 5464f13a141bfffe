--- Least latency: the row whose answers were committed soonest of late. Rows that were not asked yet come first, so that each is measured.
--
-- @module opengatellm.router.strategy.least_latency
local sorting = require "opengatellm.router.strategy.sorting"

local M = {}

local function latency_of(row) return row.latency or 0 end

--- Makes the strategy.
---@return ogl.Strategy
function M.new()
  return function(_, rows) return sorting.by(rows, latency_of) end
end

return M
