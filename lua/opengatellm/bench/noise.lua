--- Noise: how far a value of a run would move if the run were made again.
--
-- Requests of a run are not independent: those that are open together are slow together. So the run is cut into slices of requests that
-- ended one after another, and slices, not requests, are drawn again and again (a bootstrap of blocks); the spread of what they come to is
-- the error of the value. The same samples give the same error: lots are drawn from one seed.
--
--   local slices = noise.slices(run.samples)                    -- nil where there are too few
--   local median = noise.quantile(slices, function(sample) return sample.ttft end, 0.5)
--   median.value, median.error, median.freedom                  -- its value, its standard error, the degrees of freedom of that
--
-- @module opengatellm.bench.noise
local chances = require "opengatellm.bench.chance"

local M = {}

--- The fewest requests that say something about their own noise.
M.FEWEST = 30

local SLICES, SMALLEST = 24, 5 -- so many slices, of at least so many requests each
local DRAWS, SEED = 200, 17

---@class ogl.bench.Estimate
---@field value number
---@field error number its standard error
---@field freedom integer

local function end_of(sample) return sample.at + (sample.e2e or 0) / 1e3 end

local function by_end(samples)
  local list = {}
  for i, sample in ipairs(samples) do list[i] = { sample = sample, ends = end_of(sample), place = i } end
  table.sort(list, function(a, b) return a.ends < b.ends or a.ends == b.ends and a.place < b.place end)
  return list
end

local function first_start(samples)
  local first = math.huge
  for _, sample in ipairs(samples) do first = math.min(first, sample.at) end
  return first
end

--- Cuts the samples of a run into slices: each has its samples, and the seconds from the end of the slice before to its own.
---@param samples table[]
---@return {samples: table[], seconds: number}[]? # nil where there are fewer than `FEWEST`
function M.slices(samples)
  local n = #samples
  if n < M.FEWEST then return nil end
  local list, count = by_end(samples), math.min(SLICES, math.floor(n / SMALLEST))
  local slices, from = {}, first_start(samples)
  for i = 1, n do
    local place = math.floor((i - 1) * count / n) + 1
    slices[place] = slices[place] or { samples = {} }
    table.insert(slices[place].samples, list[i].sample)
    slices[place].ends = list[i].ends
  end
  for _, slice in ipairs(slices) do
    slice.seconds, from = slice.ends - from, slice.ends
  end
  return slices
end

-- How often each slice was drawn.
local function draw(chance, count)
  local weights = {}
  for place = 1, count do weights[place] = 0 end
  for _ = 1, count do
    local place = chance:whole(count)
    weights[place] = weights[place] + 1
  end
  return weights
end

local function deviation(list)
  local sum, squares = 0, 0
  for _, value in ipairs(list) do sum = sum + value end
  local mean = sum / #list
  for _, value in ipairs(list) do squares = squares + (value - mean) ^ 2 end
  return #list > 1 and math.sqrt(squares / (#list - 1)) or 0
end

-- Estimates what a function makes of weights. A draw that has no value, such as one without a success, is left out.
local function estimate(count, value_of)
  local ones = {}
  for place = 1, count do ones[place] = 1 end
  local value = value_of(ones)
  if not value then return nil end
  local chance, values = chances.new(SEED), {}
  for _ = 1, DRAWS do values[#values + 1] = value_of(draw(chance, count)) end
  return { value = value, error = deviation(values), freedom = count - 1 }
end

-- The values of all slices, sorted, each with the place of its slice.
local function sorted_values(slices, value_of)
  local list = {}
  for place, slice in ipairs(slices) do
    for _, sample in ipairs(slice.samples) do
      local value = value_of(sample)
      if value then list[#list + 1] = { value, place } end
    end
  end
  table.sort(list, function(a, b) return a[1] < b[1] end)
  return list
end

local MARKS = 64 -- on the way through the sorted values

-- At marks along the sorted values: behind how many of them it stands, and how many of these each slice has. The last is behind all.
local function marks_of(list, count)
  local marks, counts, every = {}, {}, math.ceil(#list / MARKS)
  for place = 1, count do counts[place] = 0 end
  for i, each in ipairs(list) do
    counts[each[2]] = counts[each[2]] + 1
    if i % every == 0 or i == #list then
      local mark = { behind = i }
      for place = 1, count do mark[place] = counts[place] end
      marks[#marks + 1] = mark
    end
  end
  return marks
end

local function weighted_sum(weights, values)
  local sum = 0
  for place, weight in ipairs(weights) do sum = sum + weight * values[place] end
  return sum
end

-- The first mark up to which the weights come to as much as wanted.
local function first_mark(marks, weights, wanted)
  local low, high = 1, #marks
  while low < high do
    local middle = math.floor((low + high) / 2)
    if weighted_sum(weights, marks[middle]) >= wanted then high = middle else low = middle + 1 end
  end
  return low
end

--- Estimates a quantile, by nearest rank.
---@param slices table[] of `slices`
---@param value_of fun(sample: table): number? nil: the sample has none
---@param share number above 0, to 1
---@return ogl.bench.Estimate? # nil where no sample has a value
function M.quantile(slices, value_of, share)
  local list = sorted_values(slices, value_of)
  if not list[1] then return nil end
  local marks = marks_of(list, #slices)
  return estimate(#slices, function(weights)
    local wanted = share * weighted_sum(weights, marks[#marks]) - 1e-9
    local before = marks[first_mark(marks, weights, wanted) - 1]
    local left = wanted - (before and weighted_sum(weights, before) or 0)
    for i = before and before.behind + 1 or 1, #list do
      local weight = weights[list[i][2]]
      left = left - weight
      if left <= 0 and weight > 0 then return list[i][1] end
    end
  end)
end

local function sum_of(slice, value_of)
  local sum = 0
  for _, sample in ipairs(slice.samples) do sum = sum + (value_of(sample) or 0) end
  return sum
end

--- Estimates a sum over a run divided by another: a rate, or a share.
---@param slices table[] of `slices`
---@param value_of fun(sample: table): number? what is summed up
---@param by? fun(sample: table): number? what it is divided by; without it by the seconds
---@return ogl.bench.Estimate?
function M.ratio(slices, value_of, by)
  local tops, bottoms = {}, {}
  for place, slice in ipairs(slices) do
    tops[place] = sum_of(slice, value_of)
    bottoms[place] = by and sum_of(slice, by) or slice.seconds
  end
  return estimate(#slices, function(weights)
    local bottom = weighted_sum(weights, bottoms)
    return bottom > 0 and weighted_sum(weights, tops) / bottom or nil
  end)
end

return M
