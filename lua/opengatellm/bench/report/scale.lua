--- Scales: where a value stands along an axis, and the values that the axis names.
--
--   local y = scale.linear(0, 870, 200, 20)        -- from 0 at 200 to 1000 at 20
--   y.place(500)                                   -- 110
--   y.ticks                                        -- { 0, 200, 400, 600, 800, 1000 }
--
-- @module opengatellm.bench.report.scale
local M = {}

---@class ogl.bench.Scale
---@field place fun(value: number): number
---@field ticks number[]

local TICKS = 5 -- about as many steps along an axis

-- The next of 1, 2, 5, 10, 20, … that is no smaller.
local function round_step(step)
  local power = 10 ^ math.floor(math.log(step) / math.log(10))
  for _, factor in ipairs { 1, 2, 5 } do
    if power * factor >= step * 0.999 then return power * factor end
  end
  return power * 10
end

--- Makes an axis whose steps are alike. It begins and ends at a step, so that all values are in it.
---@param low number
---@param high number at least `low`
---@param from number where it begins
---@param to number where it ends
---@return ogl.bench.Scale
function M.linear(low, high, from, to)
  if high <= low then high = low + 1 end
  local step = round_step((high - low) / TICKS)
  local first, last = math.floor(low / step + 0.001), math.ceil(high / step - 0.001)
  local ticks = {}
  for i = first, last do ticks[#ticks + 1] = i * step end
  local begins, range = first * step, (last - first) * step
  return { ticks = ticks, place = function(value) return from + (value - begins) / range * (to - from) end }
end

local function log10(value) return math.log(value) / math.log(10) end

-- 1, 2, 5, 10, … of the powers between two, or the powers alone where those are many.
local function log_ticks(first, last)
  local ticks = {}
  for power = first, last do
    for _, factor in ipairs(last - first > 2 and { 1 } or { 1, 2, 5 }) do ticks[#ticks + 1] = factor * 10 ^ power end
  end
  return ticks
end

local function trimmed(ticks, low, high)
  while ticks[2] and ticks[2] <= low do table.remove(ticks, 1) end
  while ticks[2] and ticks[#ticks - 1] >= high do table.remove(ticks) end
  return ticks
end

--- Makes an axis on which equal ratios are equally long.
---@param low number above 0
---@param high number at least `low`
---@param from number
---@param to number
---@return ogl.bench.Scale
function M.log(low, high, from, to)
  local ticks = trimmed(log_ticks(math.floor(log10(low)), math.ceil(log10(high * 1.001))), low, high)
  local begins, range = log10(ticks[1]), log10(ticks[#ticks]) - log10(ticks[1])
  local function place(value) return from + (log10(math.max(value, ticks[1])) - begins) / range * (to - from) end
  return { ticks = ticks, is_log = true, place = place }
end

local WIDE = 30 -- times the lowest value: from there on a linear axis shows the low ones as nothing

--- Makes the axis that suits values: linear from 0, or a log where the values differ by more than a linear one can show.
---@param values number[] none below 0
---@param from number
---@param to number
---@return ogl.bench.Scale
function M.fitting(values, from, to)
  local low, high = math.huge, 0
  for _, value in ipairs(values) do low, high = math.min(low, value), math.max(high, value) end
  if low > 0 and low < math.huge and high > WIDE * low then return M.log(low, high, from, to) end
  return M.linear(0, high, from, to)
end

--- Makes an axis of names: each has the middle of an equal part.
---@param names string[]
---@param from number
---@param to number
---@return {names: string[], place: fun(i: number): number, part: number}
function M.names(names, from, to)
  local part = (to - from) / math.max(1, #names)
  return { names = names, part = part, place = function(i) return from + (i - 0.5) * part end }
end

return M
