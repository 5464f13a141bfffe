--- Tasks: functions that run beside each other, the same on every host (host/init.lua).
--
--   local task = ogl.spawn(function(question) return client:chat(question) end, "Quelle heure est-il ?")
--   local reply, err = task:wait()
--
-- Cancelling a task closes what it waits for and wakes it; every later call of it that would wait returns the error `cancelled`.
-- A task's error goes to the caller that waits for it. If no caller can any more, the error is reported with its traceback.
--
-- @module opengatellm.task
local errors = require "opengatellm.errors"
local host = require "opengatellm.host"
local interrupts = require "opengatellm.host.interrupts"

local unpack = table.unpack or unpack -- luacheck: compat
local function pack(...) return { n = select("#", ...), ... } end

---@class ogl.Task a job of its host
---@field done boolean
---@field traceback? string of the error that ended it
local Task = { done = false }
Task.__index = Task
Task.__name = "opengatellm.task"

local M = {}

local tasks = setmetatable({}, { __mode = "k" }) -- coroutine -> its task, while it lives
local NONE = {}
local unseen = {} -- failures that no caller has seen
local n_cancelled = 0 -- live tasks that were cancelled
local any_mortal = false -- whether a task has run on a host that kills

local function check_functions(name, list)
  if type(list) ~= "table" then error(name .. ": expected table, got " .. type(list), 3) end
  for i, fn in ipairs(list) do
    if type(fn) ~= "function" then error(("%s: item %d: expected function, got %s"):format(name, i, type(fn)), 3) end
  end
end

local function begin_task(here, fn, ...)
  local task = setmetatable({ host = here, co = nil, fn = fn }, Task)
  any_mortal = any_mortal or here.kill ~= nil
  if select("#", ...) > 0 then task.arguments = pack(...) end
  task.co = here.spawn(task)
  if not task.done then tasks[task.co] = task end
  return task
end

-- Notes the tasks that the running task waits for: where the host kills it, they end with it.
local function adopt(children)
  local me = tasks[coroutine.running() or M]
  if me and me.host.kill then me.children = children end
end

local function wake(waiter)
  if waiter.co then waiter.host.wake(waiter.co) end
end

local function timed_out(seconds)
  return errors.new { kind = "timeout", code = "wait", message = ("the task had not ended within %g s"):format(seconds) }
end

-- Waits until `done()`; whoever makes it true wakes the waiter. Returns an error if it stays false: the task is cancelled, or `seconds`
-- are over. In the main coroutine of a plain program no loop runs, so this function turns it.
local function wait_until(waiter, done, seconds, where)
  if done() then return nil end
  local here = host.current()
  local finish = seconds and here.now() + seconds
  if here.blocking then
    if where ~= host.scheduler() then error("a task of " .. where.name .. " is waited for in a coroutine of its loop", 3) end
    where.turn_until(done, finish)
    return not done() and timed_out(seconds) or nil
  end
  local err = host.refusal(here) or M.cancelled()
  waiter.co, waiter.host = coroutine.running(), here
  while not err and not done() do
    local left = finish and finish - here.now()
    if left and left <= 0 then err = timed_out(seconds) break end
    if left then here.sleep(left) else here.park() end
    err = not done() and M.cancelled()
  end
  waiter.co = nil
  return err or nil
end

local function wait_for(task, seconds)
  local waiter = {}
  task.waiters = task.waiters or {}
  task.waiters[waiter] = true
  local err = wait_until(waiter, function() return task.done end, seconds, task.host)
  task.waiters[waiter] = nil
  return err
end

local function pair(value, err)
  if value == nil then return { err = err } end
  return { value = value }
end

local function see(task)
  task.failure.seen = true
  unseen[task.failure] = nil
end

local function result_of(task)
  if not task.failure then return pair(task.results[1], task.results[2]) end
  see(task)
  return { err = task.failure.err }
end

-- Starts that many tasks, each of which takes item after item: one coroutine for each item would cost as much as a small answer. If an
-- item makes a task raise, another task takes its place.
local function map(list, fn, concurrency)
  host.current() -- as in M.first
  local results, waiter, running, active, next_index = {}, {}, {}, 0, 1
  local here, err = host.for_tasks(), nil
  local function left() return next_index <= #list and not err end
  local function start()
    local at, task
    local function work()
      while left() and not (task and task.cancel_error) do
        at = next_index
        next_index = at + 1
        results[at] = pair(fn(list[at], at))
      end
    end
    local function ended()
      running[task], active = nil, active - 1
      if task.failure then results[at] = result_of(task) end
      if task.failure and left() then start() end
      if active == 0 then wake(waiter) end
    end
    active = active + 1
    task = begin_task(here, work)
    running[task] = true
    if task.done then ended() else task.on_end = ended end
  end
  for _ = 1, math.min(concurrency, #list) do
    if left() then start() end
  end
  adopt(running)
  err = wait_until(waiter, function() return active == 0 end, nil, here)
  adopt(nil)
  for task in pairs(running) do task:cancel() end
  for i = 1, #list do results[i] = results[i] or { err = err or M.cancelled() } end
  return results
end

-- Starts one more function of ogl.first.
local function begin(race, here, fn)
  race.begun, race.n_running = race.begun + 1, race.n_running + 1
  local task = begin_task(here, fn)
  race.running[task] = true
  local function ended()
    race.running[task], race.n_running = nil, race.n_running - 1
    local result = result_of(task)
    if result.value == nil then race.err = result.err elseif not race.won then race.won = task.results end
    wake(race.waiter)
  end
  if task.done then ended() else task.on_end = ended end
end

-- Failures that no caller waits for -------------------------------------------------------------------------------

-- Makes a value whose finalizer calls fn, in any version. It is collected with its task, when no caller can ask for the error any more.
local function guard(fn)
  if _VERSION ~= "Lua 5.1" then return setmetatable({}, { __gc = fn }) end
  local proxy = newproxy(true) -- luacheck: ignore
  getmetatable(proxy).__gc = fn
  return proxy
end

local function report(failure)
  if failure.seen then return end
  failure.seen = true
  unseen[failure] = nil
  failure.report("opengatellm: uncaught error in a task: " .. failure.traceback)
end

local function fail(task, err, traceback)
  local failure = { err = err, traceback = traceback or tostring(err), report = task.host.report, seen = false }
  task.failure, task.traceback = failure, failure.traceback
  if task.waiters and next(task.waiters) or task.on_end then return end
  unseen[failure] = true
  task.guard = guard(function() report(failure) end)
end

-- Runs at the end of M.run, when no caller is left who could wait.
local function report_all()
  for failure in pairs(unseen) do report(failure) end
end

local function cancel_all()
  local all = {}
  for _, task in pairs(tasks) do all[#all + 1] = task end
  for _, task in ipairs(all) do task:cancel() end
end

--- Starts a task that runs fn(…) beside the others, soon. Raises where fn is not a function.
---@param fn function
---@param ... any fn's arguments
---@return ogl.Task
function M.spawn(fn, ...)
  if type(fn) ~= "function" then error("ogl.spawn: expected function, got " .. type(fn), 2) end
  return begin_task(host.for_tasks(), fn, ...)
end

--- Runs the loop of a plain Lua program until fn(…) and every task have ended. Where fn raises, it cancels the other tasks and raises
--- the same. Also raises where a loop runs already, and where the program's loop is another host's.
---@param fn function
---@param ... any fn's arguments
---@return any ... fn's results
function M.run(fn, ...)
  if type(fn) ~= "function" then error("ogl.run: expected function, got " .. type(fn), 2) end
  local scheduler = host.for_tasks()
  if scheduler.name ~= "scheduler" then error("ogl.run: this program runs the loop of " .. scheduler.name .. ": use ogl.spawn", 2) end
  if scheduler.looping() then error("ogl.run: the loop runs already: use ogl.spawn", 2) end
  local main = begin_task(scheduler, fn, ...)
  main.on_end = function() if main.failure then cancel_all() end end
  scheduler.finish()
  if main.failure then see(main) end
  report_all()
  if not main.failure then return unpack(main.results, 1, main.results.n) end
  error(type(main.failure.err) == "string" and main.traceback or main.failure.err, 0)
end

--- Gives the error of the running task if it was cancelled, or of the program if it was interrupted.
---@return ogl.Error? err `cancelled`, or nil
function M.cancelled()
  local task = n_cancelled > 0 and tasks[coroutine.running() or M]
  return task and task.cancel_error or interrupts.err()
end

--- Whether the host may kill the running task where it waits (nginx). No other host kills tasks.
---@return boolean
function M.mortal()
  if not any_mortal then return false end
  local me = tasks[coroutine.running() or M]
  return me ~= nil and me.host.kill ~= nil
end

--- Has a function called if the host kills the running task where it waits (nginx), so that what the task holds is given back.
---@param fn fun(err: ogl.Error)
---@return fun()? release takes the function back; nil on hosts that kill no task
function M.on_kill(fn)
  if not any_mortal then return nil end
  local me = tasks[coroutine.running() or M]
  if not (me and me.host.kill) then return nil end
  me.held = me.held or {}
  me.held[fn] = true
  return function() me.held[fn] = nil end
end

local MORTAL = { kill = true } -- in place of a host: nginx itself kills what runs so

--- Has the running coroutine, which the host itself began (nginx: the handler of a request), count as a task that may be killed.
---@return fun(err: ogl.Error) killed has to be called when that happens: it gives back what the coroutine holds
function M.outlive()
  local me = { host = MORTAL, held = nil, children = nil }
  tasks[coroutine.running()], any_mortal = me, true
  return function(err)
    for child in pairs(me.children or NONE) do child:cancel() end
    for fn in pairs(me.held or NONE) do fn(err) end
  end
end

--- Suspends the running task; the other tasks go on.
---@param seconds number
---@return boolean? rested
---@return ogl.Error? err `cancelled`, or `unsupported` in a phase of nginx that cannot wait
function M.sleep(seconds)
  if type(seconds) ~= "number" or seconds ~= seconds then error("ogl.sleep: expected number, got " .. type(seconds), 2) end
  local here = host.current()
  local err = M.cancelled() or host.refusal(here)
  if not err then
    here.sleep(math.max(0, seconds))
    err = M.cancelled()
  end
  if err then return nil, err end
  return true
end

--- Waits for the task's end. Raises where the caller's coroutine cannot wait.
---@param seconds? number the longest wait; after it the task goes on
---@return any ... the function's results; or nil and an error: what the function raised, `timeout`, or `cancelled` for the caller
function Task:wait(seconds)
  local err = not self.done and wait_for(self, seconds)
  if err then return nil, err end
  if not self.failure then return unpack(self.results, 1, self.results.n) end
  see(self)
  return nil, self.failure.err
end

--- Ends the task as soon as possible, and closes what it waits for. Any task may call this, any number of times.
function Task:cancel()
  if self.done or self.cancel_error then return end
  n_cancelled = n_cancelled + 1
  self.cancel_error = errors.new { kind = "cancelled", code = "cancelled", message = "the task was cancelled" }
  if not self.host.kill or coroutine.running() == self.co then return self.host.wake(self.co) end
  for child in pairs(self.children or NONE) do child:cancel() end -- the killed task cannot cancel them itself
  self.host.kill(self.co)
  for fn in pairs(self.held or NONE) do fn(self.cancel_error) end
  self.results = pack(nil, self.cancel_error)
  self:ended(true)
end

-- Signals ---------------------------------------------------------------------------------------------------------

---@class ogl.Signal
---@field running table<ogl.Task, true> tasks that end with the waiting one, where the host kills it
local Signal = {}
Signal.__index = Signal

--- Makes a signal, by which one task waits until something is true, and those who make it true wake it.
---@return ogl.Signal
function M.signal() return setmetatable({ waiter = {}, running = {}, host = host.for_tasks() }, Signal) end

--- Waits until `done()` is true. Raises where the caller's coroutine cannot wait.
---@param done fun(): any
---@param seconds? number the longest wait
---@return ogl.Error? err `cancelled`, or `timeout`
function Signal:wait(done, seconds)
  adopt(self.running)
  local err = wait_until(self.waiter, done, seconds, self.host)
  adopt(nil)
  return err
end

--- Has the one that waits look again.
function Signal:wake() wake(self.waiter) end

-- As a job --------------------------------------------------------------------------------------------------------

-- Calls the task's function by a tail call: each stack slot below it costs memory as long as the task lives.
local function call_function(self)
  local fn, arguments = self.fn, self.arguments
  self.fn, self.arguments = nil, nil
  if self.cancel_error then return nil, self.cancel_error end
  if arguments then return fn(unpack(arguments, 1, arguments.n)) end
  return fn()
end

--- Runs the task's function: the host calls this in the task's coroutine.
function Task:run()
  tasks[coroutine.running()] = self -- nginx runs a new thread before `spawn` returns it
  self.results = pack(call_function(self))
end

--- Settles the task and wakes those who wait for it: the host calls this outside of the task's coroutine.
---@param ok boolean false where the task raised
---@param err any what it raised
---@param traceback? string of that
function Task:ended(ok, err, traceback)
  if self.done then return end
  if self.co then tasks[self.co] = nil end
  self.done = true
  if self.owns then self.owns:close() end
  if self.cancel_error then n_cancelled = n_cancelled - 1 end
  if not ok then fail(self, err, traceback) end
  if self.on_end then self.on_end(self) end
  for waiter in pairs(self.waiters or NONE) do wake(waiter) end
end

function Task:__tostring()
  return "opengatellm.task: " .. (not self.done and (self.cancel_error and "cancelled" or "running") or self.failure and "failed" or "done")
end

-- Several at once -------------------------------------------------------------------------------------------------

---@class ogl.Result
---@field value? any the function's first result
---@field err? any the second result where the first is nil, or what the function raised

--- Runs all functions at once, and waits until all have ended.
---@param list function[]
---@return ogl.Result[] results in the functions' order
function M.all(list)
  check_functions("ogl.all", list)
  return map(list, function(fn) return fn() end, math.max(1, #list))
end

--- Calls fn(item, index) for every item, some of them at a time. If the waiting task is cancelled, the running calls are cancelled, too.
---@param list any[]
---@param fn function
---@param options? {concurrency?: integer} how many calls run at a time, default 64
---@return ogl.Result[] results in the items' order
function M.map(list, fn, options)
  if type(list) ~= "table" then error("ogl.map: expected table, got " .. type(list), 2) end
  if type(fn) ~= "function" then error("ogl.map: expected function, got " .. type(fn), 2) end
  local concurrency = options and options.concurrency or 64
  if type(concurrency) ~= "number" or concurrency < 1 then error("ogl.map: concurrency: expected a number from 1 on", 2) end
  return map(list, fn, concurrency)
end

--- Runs functions until one succeeds, that is, gives anything but nil, and cancels those that still run. It starts the next function
--- when all before have failed, or `delay` seconds after it started the last one.
---@param list function[] with the field `delay`: seconds; 0 starts all at once, nil one after the other
---@return any ... the successful function's results; or nil and the last error
function M.first(list)
  check_functions("ogl.first", list)
  host.current() -- raises before anything starts, where the wait would freeze an editor
  local race = { waiter = {}, running = {}, n_running = 0, begun = 0, err = nil, won = nil }
  local here = host.for_tasks()
  local err
  adopt(race.running)
  repeat
    if race.begun < #list then begin(race, here, list[race.begun + 1]) end
    local patience = race.begun < #list and list.delay or nil
    err = wait_until(race.waiter, function() return race.won or race.n_running == 0 end, patience, here)
    err = err and err.kind ~= "timeout" and err
  until err or race.won or (race.n_running == 0 and race.begun == #list)
  adopt(nil)
  for task in pairs(race.running) do task:cancel() end
  if race.won then return unpack(race.won, 1, race.won.n) end
  return nil, err or race.err
end

--- Runs fn(…), and cancels it after `seconds`.
---@param seconds number
---@param fn function
---@param ... any fn's arguments
---@return any ... fn's results; or nil and the error `timeout`
function M.deadline(seconds, fn, ...)
  if type(seconds) ~= "number" then error("ogl.deadline: expected number, got " .. type(seconds), 2) end
  if type(fn) ~= "function" then error("ogl.deadline: expected function, got " .. type(fn), 2) end
  host.current() -- raises before the task starts, as in M.first
  local task = begin_task(host.for_tasks(), fn, ...)
  local results = pack(task:wait(seconds))
  if not task.done then task:cancel() end
  return unpack(results, 1, results.n)
end

return M
