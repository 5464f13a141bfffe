--- Student's t: how many standard errors wide an interval has to be.
--
-- By two approximations that are right by one per cent from five degrees of freedom on: Abramowitz and Stegun, 26.2.23, for the normal
-- distribution, and Wallace (1959) from it to Student's.
--
-- @module opengatellm.bench.student
local M = {}

-- How far out on a normal distribution so much of it lies beyond.
local function normal(beyond)
  local t = math.sqrt(-2 * math.log(beyond))
  return t - (2.515517 + 0.802853 * t + 0.010328 * t ^ 2) / (1 + 1.432788 * t + 0.189269 * t ^ 2 + 0.001308 * t ^ 3)
end

--- Gives the half width of an interval, in standard errors.
---@param risk number that the interval does not hold the truth, below 1
---@param freedom number degrees of freedom
---@return number
function M.width(risk, freedom)
  local z = normal(risk / 2) * (8 * freedom + 3) / (8 * freedom + 1)
  return math.sqrt(freedom * (math.exp(z ^ 2 / freedom) - 1))
end

return M
