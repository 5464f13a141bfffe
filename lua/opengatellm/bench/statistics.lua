--- Statistics: what many values of one figure come to.
--
--   statistics.summary { 12, 15, 11 }  ->  { n, mean, stddev, min, p50, p90, p99, max }
--
--   percentile   by nearest rank: the least value that so many percent of all values do not exceed. It is always a value that was seen
--   stddev       of a sample, √(Σ(x − mean)² ÷ (n − 1)); 0 of one value
--
-- @module opengatellm.bench.statistics
local M = {}

---@class ogl.bench.Summary
---@field n integer
---@field mean number
---@field stddev number
---@field min number
---@field p50 number
---@field p90 number
---@field p99 number
---@field max number

--- Gives a percentile of values that are sorted.
---@param sorted number[] at least one
---@param percent number from 0 to 100
---@return number
function M.percentile(sorted, percent) return sorted[math.max(1, math.ceil(#sorted * percent / 100))] end

local function mean_of(list)
  local sum = 0
  for _, value in ipairs(list) do sum = sum + value end
  return sum / #list
end

-- From the mean, not from sums of squares: those of long times with small differences would cancel each other out.
local function deviation(list, mean)
  if #list == 1 then return 0 end
  local sum = 0
  for _, value in ipairs(list) do sum = sum + (value - mean) ^ 2 end
  return math.sqrt(sum / (#list - 1))
end

--- Sums up values; it sorts the list.
---@param list number[]
---@param n? integer how many values there were, where the list is a sample of them
---@return ogl.bench.Summary? # nil of no value
function M.summary(list, n)
  if #list == 0 then return nil end
  table.sort(list)
  local mean = mean_of(list)
  return {
    n = n or #list, mean = mean, stddev = deviation(list, mean), min = list[1], max = list[#list],
    p50 = M.percentile(list, 50), p90 = M.percentile(list, 90), p99 = M.percentile(list, 99),
  }
end

return M
