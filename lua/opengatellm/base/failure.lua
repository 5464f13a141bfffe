--- What transports have in common where an exchange fails: the sentences of timeouts, and what another try can change.
--
-- @module opengatellm.base.failure
local errors = require "opengatellm.errors"

local M = {}

-- What each timeout means to its user.
local STORY = {
  connect = "no connection within %g s; timeouts.connect allows more",
  first_byte = "no byte of an answer within %g s of the last byte sent; timeouts.first_byte allows more",
  idle = "no further byte of the answer within %g s; timeouts.idle allows more",
  total = "the answer was not complete within %g s; timeouts.total allows more",
}

-- A refused certificate or a malformed answer stays what it is.
local FINAL = { malformed = true, proxy = true, other = true }

--- The error of a time that is over.
---@param timeouts ogl.Timeouts
---@param phase "connect"|"first_byte"|"idle"|"total"
---@param sent boolean the server may have got some of the request
---@return ogl.Error
function M.timeout(timeouts, phase, sent)
  return errors.new {
    kind = "timeout", code = phase, phase = phase, sent = sent, retryable = phase == "connect",
    message = STORY[phase]:format(timeouts[phase]),
  }
end

--- The error of a connection that failed or broke.
---@param code string
---@param message string
---@param sent boolean
---@return ogl.Error
function M.network(code, message, sent)
  return errors.new { kind = "network", code = code, message = message, sent = sent, retryable = not FINAL[code] }
end

--- Any other error; another try does not change it.
---@param kind ogl.ErrorKind
---@param code string
---@param message string
---@param sent? boolean default false
---@return ogl.Error
function M.final(kind, code, message, sent)
  return errors.new { kind = kind, code = code, message = message, sent = sent or false }
end

return M
