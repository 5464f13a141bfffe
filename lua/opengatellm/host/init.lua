--- The host contract, and the question where a call runs.
--
-- A host is the place that waits: a table of functions that take no self.
--
--   name              "plain", "scheduler", "luv", "cqueues", "nginx"
--   blocking          true when a wait blocks the whole process; then what follows `sleep` is absent, and a transport waits on
--                     its own descriptor
--   now() -> seconds  monotonic, of arbitrary origin
--   sleep(seconds)    of the running coroutine; a wake ends it early
--   spawn(fn) -> coroutine   runs fn in a new coroutine of the host, soon
--   park()            suspends the running coroutine until wake(coroutine); may return early, and the caller looks again
--   wake(coroutine)   makes it runnable; any number of times before it runs counts once, of one that is not parked nothing
--   kill(coroutine)   nginx alone, where a coroutine that waits for a cosocket cannot be woken: ends it, and closes what it waits for
--
-- Retries, timeouts and everything else that depends on time uses only this, so that specs inject a simulated clock
-- (`ogl.client { host = … }`).
--
-- @module opengatellm.host
local nginx = require "opengatellm.host.nginx"

local M = {}

local plain -- loaded when it is first asked for: not every install has libcurl

--- The host of this call: the client's own, else nginx where this is nginx, else the plain one.
---@param own? table
---@return table
function M.current(own)
  if own then return own end
  if nginx.here() then return nginx end
  plain = plain or require "opengatellm.host.plain"
  return plain
end

return M
