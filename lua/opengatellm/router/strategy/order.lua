--- Order: the rows as they stand.
--
-- @module opengatellm.router.strategy.order
local M = {}

--- Makes the strategy.
---@return ogl.Strategy
function M.new()
  return function(_, rows) return rows end
end

return M
