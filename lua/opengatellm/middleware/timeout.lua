--- Timeout: an end for the whole call, its retries and a stream's last event included.
--
--   client:use(ogl.middleware.timeout { seconds = 30 })
--
-- `timeouts` of a request bound each exchange; this bounds them together. Where the time is over, the error is `timeout`, of the phase
-- `total`, and no other try begins.
--
-- @module opengatellm.middleware.timeout
local host = require "opengatellm.host"
local options = require "opengatellm.middleware.options"
local request = require "opengatellm.request"

local M = {}

--- Makes the middleware.
---@param given {seconds: number}
---@return ogl.Middleware
function M.new(given)
  given = options.check("timeout", given, { seconds = "number" })
  options.expect(given.seconds and given.seconds > 0, "timeout", "seconds: expected a number above 0")
  return {
    name = "timeout",
    request = function(asked, call)
      local ends = host.current(call.client.host).now() + given.seconds
      call.deadline = math.min(call.deadline or math.huge, ends)
      local own = asked.timeouts
      local total = own and own.total or given.seconds
      asked.timeouts = own and request.merge(own) or {}
      asked.timeouts.total = math.min(total, given.seconds)
    end,
  }
end

return M
