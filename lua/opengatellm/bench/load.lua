--- Loads: keep requests going, in one of two ways, until the plan is done or something stops it.
--
--   closed   so many users, each of whom asks again when the answer is there. A server that stalls gets no requests meanwhile, and the
--            times that those would have taken are missing: its figures are "not corrected" for coordinated omission
--   open     requests start when a schedule says so. A late start counts from its scheduled time, and a start that finds too many requests
--            in flight is dropped, and counted
--
--   local load = M.new(plan, { now = …, next = …, ask = … })
--   load:run()                  in a task; returns when no request is in flight any more
--   load:stop(reason, grace)    from another task
--
-- `next` makes a request before its time comes, so that making it does not count; `ask` sends it and waits for the answer.
--
-- What begins in the ramp is asked, but not measured. When the time is over, requests in flight have `grace` seconds left; then they are
-- cut off.
--
-- @module opengatellm.bench.load
local schedules = require "opengatellm.bench.schedule"
local task = require "opengatellm.task"

local M = {}

---@class ogl.bench.LoadPlan
---@field mode "closed"|"open"
---@field concurrency? integer users of a closed loop
---@field arrival? "poisson"|"constant" of an open loop
---@field rate? number starts a second of an open loop
---@field most? integer requests in flight of an open loop
---@field requests? integer how many are measured; nil: as many as the time allows
---@field seconds? number how long requests begin
---@field ramp number seconds
---@field grace number seconds
---@field seed integer

---@class ogl.bench.Load
---@field began number when measuring begins
---@field ended? number when the last request had ended
---@field started integer requests that are measured
---@field dropped integer
---@field reason? "requests"|"seconds"|string why it began no more
---@field limit? number when requests in flight are cut off
local Load = {}
Load.__index = Load

--- Makes a load.
---@param plan ogl.bench.LoadPlan
---@param ways {now: fun(): number, next: (fun(): any), ask: fun(request: any, start: number, lag: number?, is_measured: boolean)}
---@return ogl.bench.Load
function M.new(plan, ways)
  return setmetatable({
    plan = plan, now = ways.now, next = ways.next, ask = ways.ask, signal = task.signal(), began = 0, started = 0, dropped = 0, tasks = {},
    running = 0,
  }, Load)
end

--- Begins no more requests, and cuts off those in flight when the grace is over.
---@param reason string
---@param grace? number seconds; default: the plan's
function Load:stop(reason, grace)
  self.reason = self.reason or reason
  local limit = self.now() + (grace or self.plan.grace)
  self.limit = math.min(self.limit or limit, limit)
  self.signal:wake()
end

-- Runs a function in a task that counts as running. What it raises ends the load.
local function begin(self, fn, ...)
  local one = task.spawn(fn, self, ...)
  self.running, self.tasks[one] = self.running + 1, true
  one.on_end = function()
    self.running, self.tasks[one] = self.running - 1, nil
    self.failure = self.failure or one.failure and one.traceback
    if self.failure then self:stop("failure", 0) end
    self.signal:wake()
  end
end

-- Whether one more request may start; counts it where it is measured.
local function admit(self, start)
  if self.reason then return false end
  if self.finish and start >= self.finish then
    self:stop "seconds"
    return false
  end
  if start < self.began then return true end
  if self.plan.requests and self.started + self.dropped >= self.plan.requests then
    self:stop("requests", math.huge)
    return false
  end
  self.started = self.started + 1
  return true
end

-- Closed ----------------------------------------------------------------------------------------------------------

local function user(self, delay)
  if delay > 0 then task.sleep(delay) end
  local request, start = self.next(), self.now()
  while admit(self, start) do
    self.ask(request, start, nil, start >= self.began)
    request, start = self.next(), self.now()
  end
end

local function begin_users(self)
  local n = self.plan.concurrency
  for i = 1, n do begin(self, user, self.plan.ramp * (i - 1) / n) end
end

-- Open ------------------------------------------------------------------------------------------------------------

local function visit(self, request, start) self.ask(request, start, self.now() - start, start >= self.began) end

local function wait_until(self, at)
  local left = at - self.now()
  if left > 0 then self.signal:wait(function() return self.reason end, left) end
end

-- Starts a request, or drops it where too many are in flight.
local function start_one(self, request, start)
  if not admit(self, start) then return end
  if self.running < self.plan.most then return begin(self, visit, request, start) end
  if start >= self.began then self.started, self.dropped = self.started - 1, self.dropped + 1 end
end

local function follow_schedule(self)
  local schedule, zero = schedules.new(self.plan), self.began - self.plan.ramp
  while not self.reason do
    local request, start = self.next(), zero + schedule:next()
    wait_until(self, math.min(start, self.finish or start))
    start_one(self, request, start)
  end
end

-- The end ---------------------------------------------------------------------------------------------------------

local function cut(self)
  self.limit = math.huge -- it is done
  for one in pairs(self.tasks) do one:cancel() end
end

-- Acts when a time is over: first that of the run, then the grace.
local function tell_time(self)
  local at = self.limit or self.finish
  if not at or self.now() < at then return end
  if self.limit then cut(self) else self:stop "seconds" end
end

-- Waits until nothing runs any more.
local function settle(self)
  while self.running > 0 do
    local limit = self.limit
    local at = limit or self.finish or math.huge
    local err = self.signal:wait(function() return self.running == 0 or self.limit ~= limit end,
      at < math.huge and math.max(0, at - self.now()) or nil)
    if err and err.kind == "cancelled" then return cut(self) end
    tell_time(self)
  end
end

--- Runs the load, in a task; returns when all requests have ended. Raises what asking raises.
function Load:run()
  self.began = self.now() + self.plan.ramp
  self.finish = self.plan.seconds and self.began + self.plan.seconds
  if self.plan.mode == "open" then follow_schedule(self) else begin_users(self) end
  settle(self)
  self.ended = self.now()
  if self.failure then error(self.failure, 0) end
end

return M
