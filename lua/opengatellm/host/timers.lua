--- Timers: a heap of {at, value}, ordered by `at`.
--
--   local timers = require "opengatellm.host.timers".new()
--   local timer = timers:add(at, value)      timers:cancel(timer)
--   timers:first() -> at | nil               timers:due(now) -> value | nil     removes the timer
--
-- @module opengatellm.host.timers
local M = {}

---@class opengatellm.Timers
local Timers = {}
Timers.__index = Timers

--- Makes an empty heap of timers.
---@return opengatellm.Timers
function M.new() return setmetatable({ n = 0 }, Timers) end

local function put(self, timer, place)
  self[place] = timer
  timer.place = place
end

local function sift_up(self, timer, place)
  while place > 1 do
    local parent = math.floor(place / 2)
    if self[parent].at <= timer.at then break end
    put(self, self[parent], place)
    place = parent
  end
  put(self, timer, place)
end

local function sift_down(self, timer, place)
  while place * 2 <= self.n do
    local child = place * 2
    if child < self.n and self[child + 1].at < self[child].at then child = child + 1 end
    if self[child].at >= timer.at then break end
    put(self, self[child], place)
    place = child
  end
  put(self, timer, place)
end

--- Adds a timer. Timers of equal moments come out in any order.
---@param at number a time, by the clock that `due` is given
---@param value any not nil
---@return table timer
function Timers:add(at, value)
  self.n = self.n + 1
  local timer = { at = at, value = value, place = self.n }
  sift_up(self, timer, self.n)
  return timer
end

--- Removes a timer; one that has come out already changes nothing.
---@param timer table the result of `add`
function Timers:cancel(timer)
  local place = timer.place
  if not place then return end
  local last = self[self.n]
  self[self.n], self.n, timer.place = nil, self.n - 1, nil
  if last == timer then return end
  if place > 1 and self[math.floor(place / 2)].at > last.at then sift_up(self, last, place) else sift_down(self, last, place) end
end

--- Gives the time of the earliest timer.
---@return number? # nil where there is no timer
function Timers:first() return self[1] and self[1].at end

--- Removes the earliest timer if it is due, and gives its value.
---@param now number
---@return any value nil where no timer is due
function Timers:due(now)
  local timer = self[1]
  if not timer or timer.at > now then return nil end
  self:cancel(timer)
  return timer.value
end

return M
