--- Requests to other servers than the client's. They use the client's proxy, certificates and timeouts, but neither its key, nor the
--- user's headers, nor the Unix socket, because those are meant for the client's own server.
--
-- @module opengatellm.http.foreign_request
local call = require "opengatellm.http.call"
local host = require "opengatellm.host"
local request = require "opengatellm.request"

local M = {}

--- Asks once, without retries. An answer of any status is a result. Errors: those of the transport.
---@param client ogl.Client
---@param asked {method: string, url: string, headers: string[][], body?: string, max_body: integer}
---@return integer? status
---@return table|ogl.Error headers or the error
---@return string? body
function M.ask(client, asked)
  local transport, err = client:get_transport()
  if not transport then return nil, err end
  local whole = request.merge(client.way(), { stream = false, timeouts = client.wire_timeouts, host = host.current(client.host) }, asked)
  whole.unix_socket = nil
  local exchange
  exchange, err = transport:open(whole)
  if not exchange then return nil, err end
  local status, headers = exchange:head()
  local body
  if status then
    body, err = call.read_all(exchange)
  else
    exchange:close()
    err = headers
  end
  if not body then return nil, err end
  return status, headers, body
end

return M
