--- Schedules: when the requests of an open loop start, whatever the server does with those before them.
--
--   local schedule = require "opengatellm.bench.schedule".new { arrival = "poisson", rate = 2.5, ramp = 10, seed = 42 }
--   schedule:next()      seconds since the beginning, each time later
--
-- "constant" has equal gaps, and its first start is at once; "poisson" has gaps of the exponential distribution, as people have who do not
-- know of each other. In the ramp the rate grows from nothing to the wanted one.
--
-- @module opengatellm.bench.schedule
local chances = require "opengatellm.bench.chance"

local M = {}

---@class ogl.bench.Schedule
local Schedule = {}
Schedule.__index = Schedule

--- Makes a schedule.
---@param options {arrival: "poisson"|"constant", rate: number, ramp: number, seed: integer} starts a second, seconds
---@return ogl.bench.Schedule
function M.new(options)
  local is_constant = options.arrival == "constant"
  return setmetatable({
    rate = options.rate, ramp = options.ramp, chance = not is_constant and chances.new(options.seed) or nil,
    starts = is_constant and -1 or 0, -- how many starts there should have been by now
  }, Schedule)
end

--- Gives the time of the next start.
---@return number seconds
function Schedule:next()
  self.starts = self.starts + (self.chance and self.chance:exponential() or 1)
  local of_ramp = self.rate * self.ramp / 2
  if self.starts < of_ramp then return math.sqrt(2 * self.ramp * self.starts / self.rate) end
  return self.ramp / 2 + self.starts / self.rate
end

return M
