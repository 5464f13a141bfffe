--- The host contract, and the question where a call runs.
--
-- A host is the place that waits: a table of functions that take no self.
--
--   name              "plain", …
--   blocking          true when a wait blocks the whole process; then `spawn`, `park` and `wake` are absent, and a transport
--                     waits on its own descriptor
--   now() -> seconds  monotonic, of arbitrary origin
--   sleep(seconds)
--   spawn(fn)         runs fn in a new coroutine of the host
--   park()            suspends the running coroutine until wake(coroutine)
--   wake(coroutine)   makes it runnable; any number of times before it runs counts once
--
-- Retries, timeouts and everything else that depends on time uses only this, so that specs inject a simulated clock
-- (`ogl.client { host = … }`).
--
-- @module opengatellm.host
local M = {}

local plain -- loaded when it is first asked for: not every install has libcurl

--- The host of this call: the client's own, else the plain one.
---@param own? table
---@return table
function M.current(own)
  if own then return own end
  plain = plain or require "opengatellm.host.plain"
  return plain
end

return M
