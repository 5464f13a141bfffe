--- Failures of an exchange that every transport reports alike: the sentences of timeouts, and whether another try can help.
--
-- @module opengatellm.base.failure
local errors = require "opengatellm.errors"

local M = {}

-- What each timeout tells the user, and which option allows more.
local STORY = {
  connect = "no connection within %g s; timeouts.connect allows more",
  first_byte = "no byte of an answer within %g s of the last byte sent; timeouts.first_byte allows more",
  idle = "no further byte of the answer within %g s; timeouts.idle allows more",
  total = "the answer was not complete within %g s; timeouts.total allows more",
}

-- These do not pass by themselves: a refused certificate or a malformed answer would come again.
local FINAL = { malformed = true, proxy = true, other = true }

--- Makes the error of a timeout that ran out. Only a failed connect is retryable: no other phase is safe to repeat.
---@param timeouts ogl.Timeouts in seconds; the message names the one that ran out
---@param phase "connect"|"first_byte"|"idle"|"total"
---@param sent boolean whether the server may have got some of the request
---@return ogl.Error
function M.timeout(timeouts, phase, sent)
  return errors.new {
    kind = "timeout", code = phase, phase = phase, sent = sent, retryable = phase == "connect",
    message = STORY[phase]:format(timeouts[phase]),
  }
end

--- Makes the error `network` of a connection that failed or broke.
---@param code string the transport's own word, such as "refused" or "malformed"
---@param message string
---@param sent boolean whether the server may have got some of the request
---@return ogl.Error
function M.network(code, message, sent)
  return errors.new { kind = "network", code = code, message = message, sent = sent, retryable = not FINAL[code] }
end

--- Makes an error that another try does not change.
---@param kind ogl.ErrorKind
---@param code string
---@param message string
---@param sent? boolean whether the server may have got some of the request; default false
---@return ogl.Error
function M.final(kind, code, message, sent)
  return errors.new { kind = kind, code = code, message = message, sent = sent or false }
end

return M
