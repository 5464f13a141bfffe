--- Errors of answers: what a decoder reports, as an error of the library.
--
-- @module opengatellm.chat.answer_error
local errors = require "opengatellm.errors"

local M = {}

local LIMITS = { memory = true, line = true, frame = true, body = true, queue = true, reply = true, depth = true, parts = true }

-- What the server reported.
local function problem(stream)
  local message, kind, code, body = stream.decoder:problem()
  return errors.inside({ message = message or "the server reported an error", type = kind, code = code, body = body }, stream.headers)
end

-- Makes the error of a body that is not JSON. A whole body of that kind (a proxy's page) counts as incomplete, like one that was cut,
-- because it holds no complete answer.
local function syntax_error(stream, message)
  local _, _, _, excerpt = stream.decoder:problem()
  local text = excerpt and (errors.read_body(stream.status, excerpt)) or message
  if stream.decoder:framing() == "whole" and not stream.call.wire.options.strict then
    message = "there is no answer in what the server sent: " .. text
    return errors.new { kind = "incomplete", code = "syntax", message = message, body = excerpt }
  end
  return errors.new { kind = "protocol", code = "syntax", message = "the answer is not what its protocol allows: " .. text, body = excerpt }
end

--- Makes the error of an answer that its decoder cannot read on.
---@param stream ogl.Stream
---@param code string of core's errors
---@param message? string
---@return ogl.Error
function M.of(stream, code, message)
  local err
  if code == "provider" then err = problem(stream)
  elseif code == "syntax" then err = syntax_error(stream, message)
  else
    local kind = LIMITS[code] and "limit" or code == "incomplete" and code or code == "closed" and code or "protocol"
    err = errors.new { kind = kind, code = code, message = message }
  end
  err.headers, err.request_id = stream.headers, stream.request_id
  return err
end

return M
