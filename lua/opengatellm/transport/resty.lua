--- The transport inside nginx (OpenResty, or nginx with ngx_http_lua_module): HTTP/1.1 of transport/http1.lua on cosockets.
--
-- A cosocket belongs to the request (or timer) that made it, and so does an exchange; the transport holds no cosocket, so that one
-- client serves all requests of a worker. nginx keeps connections in pools of a worker, by name. A name holds the server, the proxy and
-- the verification, so that a request never gets a connection of another kind.
--
-- What nginx cannot do from Lua is an error `unsupported`, or `config`, that names the directive or the place that can: authorities
-- are `lua_ssl_trusted_certificate` (neither `ca_file` nor the variable SSL_CERT_FILE and its like count), names need a `resolver`, and
-- phases without cosockets need `ngx.timer.at`.
--
-- @module opengatellm.transport.resty
local failure = require "opengatellm.base.failure"
local http1 = require "opengatellm.transport.http1"
local nginx = require "opengatellm.host.nginx"
local route = require "opengatellm.transport.route"
local tls = require "opengatellm.transport.resty_tls"
local tunnel = require "opengatellm.transport.resty_tunnel"

local M = {}

---@class opengatellm.transport.Resty
local Transport = {}
Transport.__index = Transport

--- A connection; the operations of transport/http1.lua, and those of a caller who speaks no HTTP.
---@class opengatellm.transport.resty.Connection
local Connection = {}
Connection.__index = Connection

local NONE = {}
local POOL_SIZE = 256     -- kept connections of one pool and worker; nginx closes the oldest above that
local POOL_SECONDS = 60   -- that one is kept; servers close theirs after 5 to 75, which nginx notices
local READ = 64 * 1024    -- most bytes of a read; nginx gives at most lua_socket_buffer_size
local LAST_LOOK = 0.001 -- seconds, at least
local ROUTES = 256        -- routes that a transport remembers
local FOREVER = 2000000000 -- ms, 23 days: nginx takes 31 bits, and 0 for its own default

local function milliseconds(seconds)
  if not seconds then return FOREVER end
  return math.max(1, math.min(math.ceil(seconds * 1000), FOREVER))
end

-- Sets the time for every operation from now on; tells nginx only if it changes.
local function set_patience(self, seconds)
  seconds = seconds or FOREVER
  if self.patience == seconds then return end
  self.patience = seconds
  local ms = milliseconds(seconds)
  self.socket:settimeouts(ms, ms, ms)
end

-- The time of connecting, and of what usually follows it.
local function set_first_patience(self, connect, first_byte)
  self.patience = first_byte or FOREVER
  local ms = milliseconds(first_byte)
  self.socket:settimeouts(milliseconds(connect), ms, ms)
end

-- Whether a remembered route fits the request.
local function fits(entry, request, raw, wanted)
  return entry.raw == raw and entry.proxy == request.proxy and entry.no_proxy == request.no_proxy
    and entry.unix_socket == request.unix_socket and entry.verify == (wanted.verify ~= false) and entry.cert_file == wanted.cert_file
    and entry.key_file == wanted.key_file and not wanted.ca_file and not wanted.key_password
end

-- The password of a proxy is not in it: nginx writes pools' names into its debugging log.
local function pool_name(found)
  local parts = { "opengatellm", found.unix_socket and "unix:" .. found.unix_socket or found.dial_host .. ":" .. found.dial_port }
  if found.tunnel then parts[#parts + 1] = "by " .. ngx.md5(found.proxy_auth or "") .. " to " .. found.host .. ":" .. found.port end
  if found.tls then parts[#parts + 1] = ("tls %s %s %s"):format(found.host, tostring(found.verify), found.identity or "") end
  return table.concat(parts, "|")
end

--- The route of a request, with its TLS and its pools; nil and an error where no try can succeed. The environment does not change
-- under a worker.
local function route_of(self, request, raw)
  if self.closed then return nil, failure.final("closed", "closed", "the transport is closed") end
  local refusal = nginx.refusal()
  if refusal then return nil, refusal end
  local wanted = request.tls or NONE
  local entry = self.routes[request.url]
  if entry and fits(entry, request, raw, wanted) then return entry.route end
  local found, err = route.of(request, raw, 4)
  if not found then return nil, err end
  if found.host == "localhost" then found.dial_host = found.proxied and found.dial_host or "127.0.0.1" end
  err = tls.prepare(found, wanted)
  if err then return nil, err end
  local pool = pool_name(found)
  found.kept, found.fresh = { pool = pool, pool_size = POOL_SIZE }, { pool = pool .. "|fresh", pool_size = 1 }
  if self.routes_left == 0 then self.routes, self.routes_left = {}, ROUTES end
  self.routes_left = self.routes_left - 1
  self.routes[request.url] = {
    route = found, raw = raw, proxy = request.proxy, no_proxy = request.no_proxy, unix_socket = request.unix_socket,
    verify = found.verify, cert_file = wanted.cert_file, key_file = wanted.key_file,
  }
  return found
end

-- How long connecting may take, and which timeout that is; nil: for ever.
local function patience_of(timeouts)
  local connect, total = timeouts.connect, timeouts.total
  if total and (not connect or total < connect) then return total, "total" end
  return connect, "connect"
end

local function reach(socket, found, options)
  local connected, why
  if found.unix_socket then connected, why = socket:connect("unix:" .. found.unix_socket, options)
  else connected, why = socket:connect(found.dial_host, found.dial_port, options) end
  return not connected and (why or "no reason given") or nil
end

local REMEDY = "nginx resolves no names by itself: add `resolver …;` (such as that of /etc/resolv.conf) to nginx.conf"

-- Makes an error of nginx's words for a connect that failed.
local function unreached(found, timeouts, why, phase)
  if why == "timeout" then return failure.timeout(timeouts, phase, false) end
  if why:find("no resolver defined", 1, true) then
    return failure.final("config", "resolver", ("cannot connect to %s: %s"):format(found.dial_host, REMEDY))
  end
  local where = found.unix_socket or found.dial_host .. ":" .. found.dial_port
  local what = found.proxied and "the proxy cannot be reached: " .. where or "cannot connect to " .. where
  if why:find("could not be resolved", 1, true) then
    return failure.network(found.proxied and "proxy" or "resolve", what .. ": " .. why, false)
  end
  return failure.network("connect", what .. ": " .. why, false)
end

-- Opens the tunnel of a proxy, then TLS; gives the error.
local function secure(connection, found, ends, phase)
  local err, why
  if found.tunnel then
    err, why = tunnel.open(connection, found, ends)
    if err then return err end
  end
  if not why and found.tls then
    set_patience(connection, ends and ends - nginx.now())
    err, why = tls.shake(connection.socket, found)
  end
  return err or why and failure.timeout(connection.timeouts, phase, false) or nil
end

--- A connection, ready for the request: from the pool, or new. `fresh`: new, and not for the pool.
local function dial(found, timeouts, fresh)
  local connection = setmetatable({
    socket = ngx.socket.tcp(), reused = false, fresh = fresh, patience = false, timeouts = timeouts,
  }, Connection)
  local seconds, phase = patience_of(timeouts)
  set_first_patience(connection, seconds, timeouts.first_byte)
  local ends = seconds and (found.tls or found.tunnel) and nginx.now() + seconds or nil
  local why = reach(connection.socket, found, fresh and found.fresh or found.kept)
  if why then return nil, unreached(found, timeouts, why, phase) end
  if not fresh and connection.socket:getreusedtimes() > 0 then
    connection.reused = true
    return connection
  end
  local err = secure(connection, found, ends, phase)
  if err then
    connection:close()
    return nil, err
  end
  return connection
end

--- Makes a transport. It takes no options, because each request has them all.
---@return opengatellm.transport.Resty transport
function M.new() return setmetatable({ routes = {}, routes_left = ROUTES, closed = false }, Transport) end

--- Sends a request; raises if a field has a wrong type or a header could break out of its line.
---@param request table
---@return opengatellm.transport.http1.Exchange? exchange
---@return ogl.Error? err
function Transport:open(request)
  local found, head, err
  found, err = route_of(self, request, false)
  if not found then return nil, err end
  head, err = http1.head(request, found, 2)
  if not head then return nil, err end
  return http1.open(head, request, found, dial, nginx.now)
end

--- A connection without HTTP on it, of the address, TLS, proxy and timeouts of the request; ws:// and wss:// are as http:// and
--- https://. It belongs to its caller: `send(bytes)`, `read()`, `close()`.
---@param request table
---@return opengatellm.transport.resty.Connection? connection
---@return ogl.Error? err
function Transport:connect(request)
  local found, err = route_of(self, request, true)
  if not found then return nil, err end
  return dial(found, request.timeouts or NONE, true)
end

--- Ends the transport: it opens no more exchanges. Open ones go on, and nginx closes kept connections that stay unused.
function Transport:close() self.closed = true end

Transport.__close = Transport.close

function Transport:__tostring() return "opengatellm.transport.resty" .. (self.closed and " (closed)" or "") end

-- Connections -----------------------------------------------------------------------------------------------------

--- Sends data.
---@param data string|string[]
---@param seconds? number the longest wait for each operation
---@return true? sent
---@return string? why
function Connection:transmit(data, seconds)
  set_patience(self, seconds)
  local sent, why = self.socket:send(data)
  if sent then return true end
  return nil, why
end

local function take(self, seconds)
  set_patience(self, seconds)
  local me = nginx.waits(self.socket)
  local bytes, why = self.socket:receiveany(READ)
  nginx.waits(nil, me)
  return bytes, why
end

--- Waits for bytes. A busy worker finds the time over before it has looked at all sockets, so one more look decides whether nothing came.
--- It lasts as long as the worker was late, since the other sockets have their turn meanwhile. The clock is that of nginx's turns, which
--- costs nothing.
---@param seconds? number the longest wait
---@return string? bytes
---@return string? why "closed", "timeout", or the system's words
function Connection:receive(seconds)
  local began = nginx.now()
  local bytes, why = take(self, seconds)
  if why == "timeout" then bytes, why = take(self, math.max(LAST_LOOK, nginx.now() - began - (seconds or 0))) end
  if bytes then return bytes end
  return nil, why
end

--- Gives the connection to nginx's pool, for another exchange.
function Connection:keep()
  if self.fresh then self.socket:close() else self.socket:setkeepalive(POOL_SECONDS * 1000, POOL_SIZE) end
end

--- Ends the connection. Any number of times.
function Connection:close()
  self.socket:close()
end

local function problem(self, why, phase)
  if why == "timeout" then return failure.timeout(self.timeouts, phase, true) end
  if why == "closed" then return failure.final("closed", "closed", "the connection is closed", true) end
  return failure.network("reset", "the connection broke: " .. why, true)
end

--- Sends bytes, within timeouts.first_byte.
---@param bytes string
---@return boolean? sent
---@return ogl.Error? err
function Connection:send(bytes)
  local sent, why = self:transmit(bytes, self.timeouts.first_byte)
  if sent then return true end
  return nil, problem(self, why, "first_byte")
end

--- Waits for bytes, within timeouts.idle; nil alone at the connection's end.
---@return string? bytes
---@return ogl.Error? err
function Connection:read()
  local bytes, why = self:receive(self.timeouts.idle)
  if bytes then return bytes end
  if why == "closed" then return nil end
  return nil, problem(self, why, "idle")
end

-- Dialling --------------------------------------------------------------------------------------------------------

return M
