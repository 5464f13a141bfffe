--- Moments in order: a heap of {at, value}.
--
--   local timers = require "opengatellm.host.timers".new()
--   local timer = timers:add(at, value)      timers:cancel(timer)
--   timers:first() -> at | nil               timers:due(now) -> value | nil     takes it out
--
-- @module opengatellm.host.timers
local M = {}

---@class opengatellm.Timers
local Timers = {}
Timers.__index = Timers

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

--- Sets a timer; equal moments come in no order.
---@param at number
---@param value any not nil
---@return table timer
function Timers:add(at, value)
  self.n = self.n + 1
  local timer = { at = at, value = value, place = self.n }
  sift_up(self, timer, self.n)
  return timer
end

--- Takes a timer out; one that is over changes nothing.
function Timers:cancel(timer)
  local place = timer.place
  if not place then return end
  local last = self[self.n]
  self[self.n], self.n, timer.place = nil, self.n - 1, nil
  if last == timer then return end
  if place > 1 and self[math.floor(place / 2)].at > last.at then sift_up(self, last, place) else sift_down(self, last, place) end
end

--- When the first is due.
---@return number?
function Timers:first() return self[1] and self[1].at end

--- Takes out one that is due.
function Timers:due(now)
  local timer = self[1]
  if not timer or timer.at > now then return nil end
  self:cancel(timer)
  return timer.value
end

return M
