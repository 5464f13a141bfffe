--- The host contract, and the question where a call runs.
--
-- A host is the place that waits: a table of functions that take no self.
--
--   name              "plain", "scheduler", "luv", "cqueues", "nginx"
--   blocking          true when a wait blocks the whole process; then what follows `sleep` is absent, and a transport waits on
--                     its own descriptor
--   now() -> seconds  monotonic, of arbitrary origin
--   sleep(seconds)    of the running coroutine; a wake ends it early
--   spawn(job) -> coroutine  runs job:run() in a new coroutine of the host, soon, and then, outside of it,
--                     job:ended(ok, err, traceback)
--   report(message)   of an error that nobody caught
--   refusal() -> err  nginx alone: why nothing can wait now, in this phase; nil where it can
--   park()            suspends the running coroutine until wake(coroutine); may return early, and the caller looks again. Whoever
--                     parks asks M.refusal before, or coroutines.check() where it knows the host
--   wake(coroutine)   makes it runnable; any number of times before it runs counts once, of one that is not parked nothing
--   kill(coroutine)   nginx alone, where a coroutine that waits for a cosocket cannot be woken: ends it, and closes what it waits for
--
-- Retries, timeouts and everything else that depends on time uses only this, so that specs inject a simulated clock
-- (`ogl.client { host = … }`).
--
-- @module opengatellm.host
local coroutines = require "opengatellm.host.coroutines"
local nginx = require "opengatellm.host.nginx"

local M = {}

local plain, scheduler -- loaded when they are first asked for: not every install has libcurl

--- The scheduler of plain Lua programs.
---@return opengatellm.Scheduler
function M.scheduler()
  scheduler = scheduler or require "opengatellm.host.scheduler"
  return scheduler
end

-- Hosts that are asked for only where they can be: what they stand on is there already. Each module's `inside()` says whether the
-- running coroutine is one of its own.
local function cqueues()
  if not package.loaded.cqueues then return nil end
  local host = require "opengatellm.host.cqueues"
  return host.inside() and host
end

local function luv()
  if not package.loaded.luv and not rawget(_G, "vim") then return nil end
  local host = require "opengatellm.host.luv"
  return host.inside() and host
end

--- The host of calls that block; nil in nginx, where none does.
---@return opengatellm.Host?
function M.plain()
  if nginx.here() then return nil end
  plain = plain or require "opengatellm.host.plain"
  return plain
end

--- The host of this call: the client's own, else that of the running coroutine, else the plain one. Raises on Neovim's main coroutine,
--- where a wait would freeze the editor.
---@param own? table
---@return table
function M.current(own)
  if own then return own end
  if scheduler and scheduler.inside() then return scheduler end
  local here = nginx.here() and nginx or cqueues() or luv()
  return here or M.plain()
end

--- The error of a wait on this host, now; raises where it is the coroutine that cannot yield.
---@param here table
---@return ogl.Error?
function M.refusal(here)
  local err = here.refusal and here.refusal()
  if not err and not here.blocking then coroutines.check() end
  return err
end

--- The host where a new task goes: where this call runs if tasks can be there, else where the loop is.
---@return table
function M.for_tasks()
  if scheduler and scheduler.inside() then return scheduler end
  local here = nginx.here() and nginx or cqueues()
  if here then return here end
  local loop = (package.loaded.luv or rawget(_G, "vim")) and require "opengatellm.host.luv"
  if loop and loop.running() then return loop end
  return M.scheduler()
end

return M
