--- The contract of transports, and the choice of one.
--
-- A transport carries HTTP exchanges and knows nothing of LLMs:
--
--   transport:open(request) -> exchange | nil, err      sends, and returns at once; an error if it cannot even begin. It does not
--                                                       keep the table `request`, because its owner uses it again
--   exchange:head() -> status, headers | nil, err       waits for the head of the response
--   exchange:read() -> bytes | nil (end) | nil, err     waits for more of the body; never an empty string
--   exchange:pour(decoder) -> true | nil (end) | nil, err  optional: like read, into a decoder of core, without a string of Lua
--   exchange:transcode(transcoder, clock) -> out, ended | nil (end) | nil, err
--                                                       optional: the same into a transcoder of core; gives what that has written
--   exchange:drain(seconds [, decoder])                 optional: reads the rest, for at most so long, and drops it, or gives it
--                                                       to the decoder
--   exchange.warnings                                   optional: list of { code, message, field } for the reply
--   exchange:close()                                    any time, any number of times; nothing is left open
--   transport:connect(request) -> connection            optional, for transports that reach a network: see websocket/socket.lua
--
--   request = {
--     method, url, headers = list of {name, value},
--     body = nil | string | {length = n | nil, read = function() -> bytes | nil},
--     timeouts = {connect, first_byte, idle, total},    seconds, nil: no limit
--     tls = {verify = true, ca_file, cert_file, key_file, key_password},
--     proxy, no_proxy, unix_socket,                     nil: as the environment says, or direct
--     stream = boolean,                                 bytes as they come: HTTP/1.1, no compression
--     max_body = bytes | nil,                           ceiling of the decoded body
--     on_progress = nil | function(direction, done, total),
--     host,                                             the host that waits; nil: found at each wait (host/init.lua)
--   }
--
-- `headers` of the response: lower-case name -> string; repeats are joined with ", ", `set-cookie` is a list.
-- Errors are tables of errors.lua: `network`, `tls`, `timeout` (with `phase`), `limit`, `closed`; `sent` is false if the
-- server cannot have seen the request. An error stays: every later call gives it again.
-- Any byte that moves ends a silence: `first_byte` runs from the last byte sent to the first one received, `idle` between two bytes
-- while the caller waits in head() or read(); time that the caller spends elsewhere does not count. `total` is by the wall clock.
--
-- @module opengatellm.transport
local nginx = require "opengatellm.host.nginx"

local M = {}

--- Makes the transport of clients that name none: cosockets inside nginx, else libcurl's.
---@return table? transport
---@return ogl.Error? err
function M.default()
  if nginx.here() then return require "opengatellm.transport.resty".new() end
  local found, curl = pcall(require, "opengatellm.transport.curl")
  if found then return curl.new() end
  return nil, require "opengatellm.errors".new {
    kind = "config", message = "this install has no libcurl transport (opengatellm.curl): give one as transport = …; " .. tostring(curl),
  }
end

-- The transports that a client may name: `transport = "websocket"`.
local NAMED = { websocket = "opengatellm.transport.websocket", llama = "opengatellm.transport.llama" }

--- Says whether a transport has that name.
---@param name any
---@return boolean
function M.is_name(name) return NAMED[name] ~= nil end

--- Makes the transport of a name.
---@param name? string default: the default transport
---@param settings? table of the client, for a transport that has options
---@return table? transport
---@return ogl.Error? err
function M.named(name, settings)
  if not name then return M.default() end
  return require(NAMED[name]).new(settings)
end

return M
