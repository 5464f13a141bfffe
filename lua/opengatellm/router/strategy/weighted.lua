--- Weighted: rows at random; each comes first as often as its weight says. A row of weight 0 is only asked when the others have failed.
--
-- @module opengatellm.router.strategy.weighted
local sorting = require "opengatellm.router.strategy.sorting"

local M = {}

--- Makes the strategy.
---@param options {random?: fun(): number} in [0, 1); default math.random
---@return ogl.Strategy?
---@return string? problem
function M.new(options)
  local random = options.random or math.random
  if type(random) ~= "function" then return nil, "random: expected function, got " .. type(random) end
  -- the first arrival of several Poisson processes comes from each as often as its rate says (Efraimidis and Spirakis, 2006)
  local function arrival(row) return row.weight > 0 and -math.log(1 - random()) / row.weight or math.huge end
  return function(_, rows) return sorting.by(rows, arrival) end
end

return M
