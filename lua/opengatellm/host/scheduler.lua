--- The host of plain Lua programs that do many things at once: coroutines, timers, and libcurl's one descriptor.
--
-- Runnable tasks stand in a queue. A turn resumes each of them once, then polls the network and wakes the tasks whose timers are due.
-- `run` turns until all tasks have ended; a foreign loop calls `step` whenever `fd` is readable or `timeout` is over. A call in a
-- coroutine that a task made for itself (a generator) blocks, as it does outside of any task.
-- @module opengatellm.host.scheduler
local interrupts = require "opengatellm.host.interrupts"
local plain = require "opengatellm.host.plain"
local timers = require "opengatellm.host.timers"

---@class opengatellm.Scheduler: opengatellm.Host
local M = { name = "scheduler", blocking = false, now = plain.now }

local PARK = {} -- our own yields give this; any other value means that the task lets the others run first

local alive, n_alive = {}, 0     -- coroutine -> its job
local parked = {}                -- coroutine -> true
local fresh = {}                 -- coroutines that have not begun
local queue, first, last = {}, 1, 0
local sleepers = timers.new()
local running                    -- the coroutine of ours that runs now
local looping = false
local network                    -- transport/driver.lua, once something waits for it

local function enqueue(co)
  last = last + 1
  queue[last] = co
end

--- Says whether the running coroutine is one of the scheduler's.
---@return boolean
function M.inside() return running ~= nil and running == coroutine.running() end -- the main coroutine never is

--- Runs a job in a new coroutine, in the next turn.
---@param job table see host/init.lua
---@return thread
function M.spawn(job)
  local co = coroutine.create(job.run)
  alive[co], n_alive = job, n_alive + 1
  fresh[#fresh + 1] = co
  return co
end

--- Suspends the running task until `wake`.
function M.park()
  parked[running] = true
  return coroutine.yield(PARK)
end

--- Lets a parked task go on in the next turn; does nothing for any other.
---@param co thread
function M.wake(co)
  if not parked[co] then return end
  parked[co] = nil
  enqueue(co)
end

--- Suspends the running task for a time; a wake ends it early.
---@param seconds number
function M.sleep(seconds)
  local timer = sleepers:add(M.now() + seconds, running)
  M.park()
  sleepers:cancel(timer)
end

local SERVED = {}
local server -- the coroutine that waits for work, where one does

local function serve(work, argument)
  while true do work, argument = coroutine.yield(SERVED, work(argument)) end
end

--- Runs work that never waits on a stack that all tasks share, so that a task's own need not grow for it. Raises what the work raises.
---@param work fun(argument: any): any
---@param argument any
---@return any result
function M.aside(work, argument)
  local co = server or coroutine.create(serve)
  server = nil -- work that calls this again gets a stack of its own
  local fine, told, result = coroutine.resume(co, work, argument)
  if not fine then error(told, 0) end
  if told ~= SERVED then error("this work may not wait", 2) end
  server = co
  return result
end

--- Has every turn poll the network.
---@param driver table transport/driver.lua
function M.watch(driver) network = driver end

--- Writes an error that no caller caught to the standard error stream.
---@param message string
function M.report(message) io.stderr:write(message, "\n") end

-- The turn --------------------------------------------------------------------------------------------------------

local function over(co, ok, err)
  local job = alive[co]
  alive[co], parked[co], n_alive = nil, nil, n_alive - 1
  job:ended(ok, err, not ok and debug.traceback(co, tostring(err)) or nil)
end

local function resume(co, job)
  local outer = running
  running = co
  local ok, what = coroutine.resume(co, job)
  running = outer
  if what == PARK then return end
  if not ok then
    over(co, false, what)
  elseif coroutine.status(co) == "dead" then
    over(co, true)
  else
    enqueue(co)
  end
end

-- Resumes the tasks that are in the queue now. Those that they wake wait for the next turn, so that the network gets its own.
local function run_queue()
  if fresh[1] then
    local list = fresh
    fresh = {}
    for _, co in ipairs(list) do resume(co, alive[co]) end
  end
  for i = first, last do
    local co = queue[i]
    queue[i], first = nil, i + 1
    resume(co)
  end
  if first > last then first, last = 1, 0 end
end

local function wake_sleepers()
  if not sleepers[1] then return end
  local now = M.now()
  local co = sleepers:due(now)
  while co do
    M.wake(co)
    co = sleepers:due(now)
  end
end

--- Gives the seconds until a step has something to do that the network does not announce.
---@return number? # 0: now; nil: never
function M.timeout()
  if first <= last or fresh[1] then return 0 end
  local at = sleepers:first()
  return at and math.max(0, at - M.now())
end

-- Waits for the network or a timer; false where neither can ever happen.
local function wait(seconds)
  local slice = interrupts.slice(seconds)
  if network and network.poll(slice) then return true end
  if seconds and seconds > 0 then plain.sleep(slice) end
  return seconds ~= nil
end

local told = false -- whether the tasks know of the interrupt that was seen last

-- Wakes all tasks after an interrupt, once: each finds why where it waits.
local function tell_interrupt()
  local seen = interrupts.seen()
  if seen and not told then
    for co in pairs(parked) do
      interrupts.strike(co)
      enqueue(co)
    end
    parked = {}
  end
  told = seen
end

-- Once `done()` is true the turn does not wait: the task that the caller waits for may have ended without a wait of its own.
local function turn(seconds, done)
  run_queue()
  if done and done() then return true end
  local can_go_on = wait(seconds or M.timeout())
  tell_interrupt()
  wake_sleepers()
  return can_go_on
end

--- Runs one turn without waiting.
function M.step() turn(0) end

-- The loop --------------------------------------------------------------------------------------------------------

-- Ends all tasks where they are, together with what they wait for; on 5.4 it closes their to-be-closed variables, too.
local function abandon()
  if network then network.abandon(M) end
  for co in pairs(alive) do
    if coroutine.close and co ~= coroutine.running() and coroutine.status(co) == "suspended" then coroutine.close(co) end
  end
  alive, n_alive, parked, fresh, queue, first, last, sleepers, running = {}, 0, {}, {}, {}, 1, 0, timers.new(), nil
end

local STUCK = "every task waits for another task, or for a wake that can no longer come"

--- Turns until `done()` is true, or the time has come. Raises where every task is stuck, and raises again what a signal raised.
---@param done fun(): boolean
---@param finish? number a time by `now`
function M.turn_until(done, finish)
  local outer, outer_running = looping, running
  looping = true
  local ok, err = pcall(function()
    while not done() and not (finish and M.now() >= finish) do
      local timer = finish and sleepers:add(finish, PARK)
      local can_go_on = turn(nil, done)
      if timer then sleepers:cancel(timer) end
      if not can_go_on then error(STUCK, 0) end
    end
  end)
  looping, running = outer, outer_running
  if ok then return end
  if not outer then abandon() end
  error(err, 0)
end

--- Turns until every task has ended.
function M.finish() M.turn_until(function() return n_alive == 0 end) end

--- Says whether tasks are left.
---@return boolean
function M.busy() return n_alive > 0 end

--- Says whether a loop of this scheduler is turning.
---@return boolean
function M.looping() return looping end

return M
