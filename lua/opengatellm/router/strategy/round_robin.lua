--- Round robin: each call begins with the row after the one that the call before began with.
--
-- @module opengatellm.router.strategy.round_robin
local M = {}

--- Makes the strategy.
---@return ogl.Strategy
function M.new()
  local turn = 0
  return function(_, rows)
    local list, first = {}, turn % #rows
    turn = turn + 1
    for i = 1, #rows do list[i] = rows[(first + i - 1) % #rows + 1] end
    return list
  end
end

return M
