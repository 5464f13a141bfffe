--- The host of cqueues: a wait yields to the controller whose thread is running.
--
-- In each controller where a thread waits for libcurl, one thread of ours watches libcurl's descriptor. It ends with the last wait, so
-- that the controller's loop can end, too.
--
-- @module opengatellm.host.cqueues
local condition = require "cqueues.condition"
local coroutines = require "opengatellm.host.coroutines"
local cqueues = require "cqueues"

---@class opengatellm.CqueuesHost: opengatellm.Host
local M = { name = "cqueues", blocking = false, now = cqueues.monotime }

local parked = setmetatable({}, { __mode = "k" }) -- coroutine -> the condition that it waits for
local inner = setmetatable({}, { __mode = "k" })  -- coroutines that run a job inside another thread (coroutines.protected)
local watchers = setmetatable({}, { __mode = "k" }) -- controller -> the condition that wakes its watcher

--- Says whether the running coroutine is a thread of a controller, not a generator inside one.
---@return boolean
function M.inside()
  local controller, direct = cqueues.running()
  return controller ~= nil and (direct or inner[coroutine.running()] ~= nil)
end

local function wait(seconds)
  local co = coroutine.running()
  parked[co] = condition.new()
  cqueues.poll(parked[co], seconds)
  parked[co] = nil
end

--- Suspends the running coroutine until `wake`.
function M.park() wait() end

--- Suspends the running coroutine for a time; a wake ends it early.
---@param seconds number
function M.sleep(seconds) wait(seconds) end

--- Ends the wait of a coroutine that is parked or asleep.
---@param co thread
function M.wake(co)
  if parked[co] then parked[co]:signal() end
end

--- Runs a job in a new thread of the running controller, soon.
---@param job table see host/init.lua
---@return thread
function M.spawn(job)
  local body, substitute = coroutines.protected(job)
  local co = coroutine.create(body)
  if substitute then inner[substitute] = true end
  cqueues.running():attach(co)
  return substitute or co
end

--- Writes an error that no caller caught to the standard error stream.
---@param message string
function M.report(message) io.stderr:write(message, "\n") end

local function run_watcher(driver, controller, bell)
  while driver.busy() do
    local fd = driver.fd()
    cqueues.poll({ pollfd = fd, events = "r" }, bell)
    driver.step()
    cqueues.poll(0) -- lets the woken threads run first: they may wait for the network again
    if driver.fd() ~= fd or not driver.busy() then cqueues.cancel(fd) end
  end
  watchers[controller] = nil
  driver.release(bell)
end

--- Steps the driver in this controller for as long as something waits for it.
---@param driver table transport/driver.lua
function M.watch(driver)
  local controller = cqueues.running()
  if watchers[controller] then return end
  local bell = condition.new()
  watchers[controller] = bell
  driver.hold(bell) -- without it, the last client's close could free the descriptor's number for another use
  controller:attach(coroutine.create(function() run_watcher(driver, controller, bell) end))
end

--- Ends the watchers when nothing waits for the driver any more, which its descriptor does not report.
function M.unwatch()
  for _, bell in pairs(watchers) do bell:signal() end
end

return M
