--- Sweeps: the rates between the slowest load and the fastest.
--
-- @module opengatellm.bench.sweep
local M = {}

--- Gives rates that lie evenly between two others.
---@param slow number requests a second, one at a time
---@param fast number as many at a time as are wanted
---@param n integer how many
---@return number[] # empty where the fast load was no faster: then there is nothing between
function M.rates(slow, fast, n)
  local rates = {}
  if fast <= slow then return rates end
  for i = 1, n do rates[i] = slow + (fast - slow) * i / (n + 1) end
  return rates
end

return M
