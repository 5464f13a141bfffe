--- What a protocol sends, in specs.
local json = require "opengatellm.json"
local ogl = require "opengatellm"

local M = {}

--- The body of a request as the server reads it, and the wire; without messages it has one of the user.
function M.encode(protocol, request, stream, model)
  request.messages = request.messages or { ogl.user "hi" }
  local wire, err = protocol.encode_request(request, {}, stream or false, model or "m")
  if not wire then return nil, err end
  return json.decode(json.encode(wire.body)), wire
end

--- The fields that were warned of, in order.
function M.warned(wire)
  local fields = {}
  for i, warning in ipairs(wire.warnings) do fields[i] = warning.field end
  return fields
end

return M
