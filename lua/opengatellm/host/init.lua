--- The host contract, and the choice of the host for a call.
--
-- A host is the place that waits. It is a table of functions without self:
--
--   name              "plain", "scheduler", "luv", "cqueues", "nginx"
--   blocking          true when a wait blocks the whole process; then the functions after `sleep` are absent, and a transport waits
--                     on its own descriptor
--   now() -> seconds  monotonic, of arbitrary origin
--   sleep(seconds)    suspends the running coroutine; a wake ends it early
--   spawn(job) -> coroutine  runs job:run() in a new coroutine of the host, soon, and then, outside of that coroutine,
--                     job:ended(ok, err, traceback)
--   report(message)   shows an error that no caller caught
--   refusal() -> err  nginx alone: says why this phase cannot wait; nil where it can
--   park()            suspends the running coroutine until wake(coroutine). It may return early, so the caller checks again. Before
--                     it parks, a caller asks M.refusal, or coroutines.check() where it knows the host
--   wake(coroutine)   makes a parked coroutine runnable; several wakes before it runs count once, and others change nothing
--   kill(coroutine)   nginx alone, where a coroutine that waits for a cosocket cannot be woken: ends it, and closes that socket
--
-- Everything that depends on time (retries, timeouts) uses only these functions, so that specs can inject a simulated clock
-- (`ogl.client { host = … }`).
--
-- @module opengatellm.host
local coroutines = require "opengatellm.host.coroutines"
local nginx = require "opengatellm.host.nginx"

local M = {}

local plain, scheduler -- loaded on first use: not every install has libcurl

--- Gives the scheduler of plain Lua programs, and loads it on first use.
---@return opengatellm.Scheduler
function M.scheduler()
  scheduler = scheduler or require "opengatellm.host.scheduler"
  return scheduler
end

-- Each host's `inside()` says whether the running coroutine is one of its own.
local function cqueues()
  local host = require "opengatellm.host.cqueues"
  return host.inside() and host
end

local function luv()
  local host = require "opengatellm.host.luv"
  return host.inside() and host
end

local loaded = package.loaded

-- The host of another library's loop that the running coroutine is in. cqueues and luv count only where the program has loaded them.
local function of_library()
  return loaded.cqueues and cqueues() or (loaded.luv or rawget(_G, "vim")) and luv()
end

--- Gives the host of calls that block.
---@return opengatellm.Host? # nil in nginx, where no call may block
function M.plain()
  if nginx.here() then return nil end
  plain = plain or require "opengatellm.host.plain"
  return plain
end

--- Chooses the host of a call: the client's own, else that of the running coroutine, else the plain one. Raises on Neovim's main
--- coroutine, where a wait would freeze the editor.
---@param own? table the client's option `host`
---@return table
function M.current(own)
  if own then return own end
  if scheduler and scheduler.inside() then return scheduler end
  if nginx.here() then return nginx end
  return of_library() or plain or M.plain()
end

--- Gives the function that runs work on a stack which all tasks share (host/scheduler.lua).
---@return (fun(work: fun(argument: any): any, argument: any): any)? # nil where no task of the scheduler runs
function M.aside() return scheduler and scheduler.inside() and scheduler.aside or nil end

--- Says why a call cannot wait on this host now. Raises where the running coroutine cannot yield.
---@param here table a host
---@return ogl.Error? err nil where it can wait
function M.refusal(here)
  local err = here.refusal and here.refusal()
  if not err and not here.blocking then coroutines.check() end
  return err
end

--- Chooses the host of a new task: the one of this call if it can run tasks, else the one whose loop runs.
---@return table
function M.for_tasks()
  if scheduler and scheduler.inside() then return scheduler end
  local here = nginx.here() and nginx or loaded.cqueues and cqueues()
  if here then return here end
  local loop = (loaded.luv or rawget(_G, "vim")) and require "opengatellm.host.luv"
  if loop and loop.running() then return loop end
  return M.scheduler()
end

return M
