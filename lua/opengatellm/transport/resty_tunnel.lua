--- Opens the tunnel through an HTTP proxy, by CONNECT, for transport/resty.lua.
--
-- @module opengatellm.transport.resty_tunnel
local core = require "opengatellm.core"
local failure = require "opengatellm.base.failure"
local nginx = require "opengatellm.host.nginx"

local M = {}

local function refused(message) return failure.network("proxy", "the proxy opened no tunnel: " .. message, false) end

local function head_of(route)
  local target = route.host .. ":" .. route.port
  local auth = route.proxy_auth and "Proxy-Authorization: " .. route.proxy_auth .. "\r\n" or ""
  return ("CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s\r\n"):format(target, target, auth)
end

-- Reads the proxy's answer; only its head matters here.
local function status_of(connection, ends)
  local parser = core.http1 "CONNECT"
  repeat
    local bytes, why = connection:receive(ends and ends - nginx.now())
    if not bytes then return nil, why end
    local state, _, rest = parser:feed(bytes)
    if rest then return nil, "it sent bytes before the server did" end
    if state == "failed" then return nil, select(2, parser:problem()) end
  until parser:head()
  return (parser:head())
end

--- Asks the proxy for a tunnel to the server of the route. Gives nothing on success, else the error, or nil and true if the time
--- was over.
---@param connection opengatellm.transport.resty.Connection
---@param route opengatellm.transport.Route
---@param ends? number by the host's clock
---@return ogl.Error? err
---@return boolean? late
function M.open(connection, route, ends)
  local sent, why = connection:transmit(head_of(route), ends and ends - nginx.now())
  local status
  if sent then status, why = status_of(connection, ends) end
  if why == "timeout" then return nil, true end
  if not status then return refused(why) end
  if status < 200 or status > 299 then return refused("it answered " .. status) end
end

return M
