--- The host of cqueues: waits yield to the controller whose thread runs.
--
-- In each controller where something waits for libcurl, one thread of ours watches its descriptor, and ends when nothing does:
-- then the controller's loop can end, too.
--
-- @module opengatellm.host.cqueues
local condition = require "cqueues.condition"
local coroutines = require "opengatellm.host.coroutines"
local cqueues = require "cqueues"

---@class opengatellm.CqueuesHost: opengatellm.Host
local M = { name = "cqueues", blocking = false, now = cqueues.monotime }

local parked = setmetatable({}, { __mode = "k" }) -- coroutine -> the condition that it waits for
local inner = setmetatable({}, { __mode = "k" })  -- coroutines that run in a thread's place
local watchers = setmetatable({}, { __mode = "k" }) -- controller -> the condition that its watcher waits for, too

--- Whether the running coroutine is a thread of a controller, and no generator inside of one.
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

function M.park() wait() end

function M.sleep(seconds) wait(seconds) end

function M.wake(co)
  if parked[co] then parked[co]:signal() end
end

function M.spawn(job)
  local body, substitute = coroutines.protected(job)
  local co = coroutine.create(body)
  if substitute then inner[substitute] = true end
  cqueues.running():attach(co)
  return substitute or co
end

function M.report(message) io.stderr:write(message, "\n") end

local function run_watcher(driver, controller, bell)
  while driver.busy() do
    local fd = driver.fd()
    cqueues.poll({ pollfd = fd, events = "r" }, bell)
    driver.step()
    cqueues.poll(0) -- those who were woken go first: they may wait again
    if driver.fd() ~= fd or not driver.busy() then cqueues.cancel(fd) end
  end
  watchers[controller] = nil
  driver.release(bell)
end

--- Makes sure that the driver is stepped for as long as somebody waits for it.
function M.watch(driver)
  local controller = cqueues.running()
  if watchers[controller] then return end
  local bell = condition.new()
  watchers[controller] = bell
  driver.hold(bell) -- else the last client's close could give the descriptor's number to another one
  controller:attach(coroutine.create(function() run_watcher(driver, controller, bell) end))
end

--- Nobody waits for the driver any more, and its descriptor does not say so.
function M.unwatch()
  for _, bell in pairs(watchers) do bell:signal() end
end

return M
