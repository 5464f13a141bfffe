--- The Responses API over WebSockets, as a transport; the contract is in transport/init.lua.
--
-- A POST to …/responses becomes a `response.create` on a socket; every other request goes by the transport underneath, over HTTP.
-- That transport (the option `carrier`, else the usual one) also makes the connections: `carrier:connect`, see websocket.lua.
--
-- The wire is OpenAI's (https://developers.openai.com/api/docs/guides/websocket-mode); xAI's, Azure's and other servers' is the same.
-- The message is the body of the HTTP request with a `type`, and without `stream` and `background`, which mean nothing there. What comes
-- back are the events of a stream, one a text message, without SSE around them: they are given on as lines of JSON, whether or not the
-- request asked for a stream. One response is under way at a time. A refusal is {"type": "error", "status": 400, "error": {…}}, at
-- times with "headers": where no event was before it, it becomes the status, headers and body that HTTP would have had. A socket lives
-- for 60 minutes at most. The server keeps the last response of each in memory, where `previous_response_id` finds it, with store = false
-- too.
--
-- Sockets are kept (pool.lua), and used again for the same address, headers and ways of connecting; first the one whose last
-- response the request goes on from. Whether the server has gone meanwhile shows at the next request, which then goes to a new socket,
-- once, if nothing has come of an answer.
--
-- @module opengatellm.transport.websocket
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local host = require "opengatellm.host"
local json = require "opengatellm.json"
local socket_pool = require "opengatellm.transport.websocket.pool"
local handshake = require "opengatellm.transport.websocket.handshake"
local websocket = require "opengatellm.transport.websocket.socket"

local M = {}

---@class opengatellm.transport.WebSocket
local Transport = {}
Transport.__index = Transport

---@class opengatellm.transport.websocket.Exchange
local Exchange = {}
Exchange.__index = Exchange

local NONE = {}
local HELD = 64 * 1024 -- bytes of events that say nothing about the answer, while one is waited for that does

-- Makes the message for a socket; gives nil if HTTP has to carry the request.
local function message_of(request)
  if request.method ~= "POST" or type(request.body) ~= "string" then return nil end
  if not request.url:match "^[^?#]*":find "/responses$" or core.member(request.body, "background") == "true" then return nil end
  local body = core.without(request.body, "stream", "background", "type")
  if body:sub(1, 1) ~= "{" then return nil end -- the server's to refuse
  return '{"type":"response.create"' .. (body == "{}" and "}" or "," .. body:sub(2))
end

local CONNECTION = { "url", "proxy", "no_proxy", "unix_socket" }

local TLS = { "verify", "ca_file", "cert_file", "key_file", "key_password" }

-- Writes, as a text, everything that two requests must share to go over one socket.
local function identity_of(request)
  local parts = {}
  for _, row in ipairs(request.headers or NONE) do
    if handshake.is_sent(row[1]) then parts[#parts + 1] = row[1] .. ": " .. row[2] end
  end
  table.sort(parts)
  for _, field in ipairs(CONNECTION) do parts[#parts + 1] = tostring(request[field]) end
  for _, field in ipairs(TLS) do parts[#parts + 1] = tostring(request.tls and request.tls[field]) end
  return table.concat(parts, "\n")
end

-- Under nginx a socket belongs to the request that opened it, and ngx.ctx is that request's table.
local function scope_of(at)
  local ngx = at.name == "nginx" and rawget(_G, "ngx")
  return ngx and ngx.ctx or at
end

-- The way to the server, for as long as the exchange lasts: the table of the request is the client's, who uses it again. In
-- functions, for headers and proxies hold secrets.
local function route_of(carrier, request)
  local at, copy, identity = host.current(request.host), {}, nil
  for field, value in pairs(request) do copy[field] = value end
  copy.body, copy.max_body, copy.on_progress = nil, nil, nil
  return {
    now = at.now, scope = scope_of(at),
    identity = function()
      identity = identity or identity_of(copy)
      return identity
    end,
    connect = function(timeouts, deadline)
      local left = deadline and math.max(0.001, deadline - at.now()) -- a total is no business of a connection, which outlives it
      copy.timeouts = { connect = left and math.min(left, timeouts.connect or left) or timeouts.connect, idle = timeouts.idle }
      return websocket.connect(carrier, copy, timeouts, deadline)
    end,
  }
end

-- Sockets ---------------------------------------------------------------------------------------------------------

-- Gives the exchange a new socket, and asks for its upgrade; gives the error if it cannot connect.
local function connect_socket(exchange)
  local err
  exchange.fresh, exchange.reused = true, false
  exchange.socket, err = exchange.route.connect(exchange.timeouts, exchange.deadline)
  return err
end

-- Sends the request by a socket that waits, else makes a new one; the error.
local function take(exchange)
  local follows = core.member(exchange.text, "previous_response_id")
  local socket = exchange.pool:take(exchange.route, follows)
  while socket do
    socket:begin(exchange.timeouts, exchange.deadline)
    if socket:refresh() and socket:send(exchange.text) then
      exchange.socket, exchange.reused = socket, true
      return nil
    end
    socket:close()
    socket = exchange.pool:take(exchange.route, follows)
  end
  return connect_socket(exchange)
end

-- Keeps the socket for the next exchange. One that has more to say than it should is not understood, and closed.
local function keep(exchange)
  local socket = exchange.socket
  exchange.socket = false
  if socket:next() or socket.err then return socket:close() end
  exchange.pool:put(socket, exchange.route, exchange.id)
end

local function drop(exchange)
  if exchange.socket then exchange.socket:close() end
  exchange.socket = false
end

-- The beginning of the answer ---------------------------------------------------------------------------------------

local function refused(exchange, status, headers, body)
  exchange.status, exchange.headers, exchange.held, exchange.over = status, headers, body, true
end

local function no_upgrade(status)
  local message = ("the server answered the upgrade to a WebSocket with %d: it has none here"):format(status)
  return errors.new { kind = "protocol", code = "handshake", message = message, sent = false }
end

-- Waits for the upgrade of a new socket, and sends the request by it; the error. An upgrade that is refused is the answer.
local function ask_upgrade(exchange)
  exchange.fresh = false
  local answer, err = exchange.socket:open()
  if not answer then return err end
  if answer.status ~= 101 then
    if answer.status < 300 then return no_upgrade(answer.status) end
    return refused(exchange, answer.status, answer.headers, answer.body)
  end
  exchange.headers = answer.headers
  exchange.socket:begin(exchange.timeouts, exchange.deadline)
  local _
  _, err = exchange.socket:send(exchange.text)
  return err
end

local OF_UPGRADE = { "connection", "upgrade", "sec-websocket-accept", "sec-websocket-protocol", "content-length" }

-- The head of the answer: of a new socket what the upgrade said, of an old one nothing, for that was said to another request.
local function headers_of(exchange, content_type)
  local headers = exchange.headers or {}
  for _, name in ipairs(OF_UPGRADE) do headers[name] = nil end
  headers["content-type"] = content_type
  return headers
end

-- Makes the answer that HTTP would have given of an error with a status.
local function refusal(exchange, status, text)
  local headers = headers_of(exchange, "application/json")
  local said = json.decode(core.member(text, "headers") or "null")
  for name, value in pairs(type(said) == "table" and said or NONE) do
    if type(name) == "string" and type(value) ~= "table" then headers[name:lower()] = tostring(value) end
  end
  refused(exchange, status, headers, text)
  if status < 500 then keep(exchange) else drop(exchange) end
end

local ENDED = '"websocket_connection_limit_reached"' -- its hour is over

-- Whether an error, flat or wrapped, says that the socket's hour is over.
local function is_ended(text) return (core.member(text, "error", "code") or core.member(text, "code")) == ENDED end

-- Whether an event in front of an answer belongs to the one before it: where a server begins its answers with response.created, it
-- begins all of them so. Taken for the answer, it would shift every later one by one.
local function is_stray(exchange, kind)
  local socket = exchange.socket
  if kind == '"response.created"' then socket.announces = true end
  return exchange.reused and socket.announces and kind and kind ~= '"response.created"' and kind:find '^"response%.' ~= nil
end

local function closed_error(message) return errors.new { kind = "closed", code = "closed", message = message } end

-- Gives the error of an exchange; nil if it has no error.
local function error_of(exchange)
  if exchange.err == true then exchange.err = closed_error "the exchange is closed" end
  return exchange.err or nil
end

-- Ends an exchange with an error, which every later call gives again.
local function end_with(exchange, err)
  exchange.err = exchange.err or err
  drop(exchange)
  return error_of(exchange)
end

local function renew(exchange)
  exchange.renewed = true
  drop(exchange)
  local err = connect_socket(exchange)
  if err then end_with(exchange, err) end
end

local LAST = { ['"response.completed"'] = true, ['"response.incomplete"'] = true, ['"response.failed"'] = true }

local function too_large(max)
  local message = ("an event of the answer is above the limit of %d bytes"):format(max)
  return errors.new { kind = "limit", code = "body", message = message, sent = true }
end

-- An event as a line of JSON; looks whether it is the last. nil where it is above the ceiling.
local function line_of(exchange, text, kind)
  kind = kind or core.member(text, "type")
  if exchange.max and #text > exchange.max then
    end_with(exchange, too_large(exchange.max))
    return nil
  end
  if not exchange.id then exchange.id = core.member(text, "response", "id") or false end
  if LAST[kind] then
    exchange.over = true
    keep(exchange)
  elseif kind == '"error"' then
    exchange.over = true -- a `response.failed` may follow or not: `drain` looks for it, and the next exchange must not get it
  end
  if text:find("\n", 1, true) then text = text:gsub("\n", " ") end
  return text .. "\n"
end

-- An event, while none has said yet that there is an answer.
local function first(exchange, text)
  local kind = core.member(text, "type")
  if kind == '"error"' then
    if is_ended(text) and not exchange.renewed then return renew(exchange) end
    local status = tonumber(core.member(text, "status") or core.member(text, "status_code"))
    if status and status >= 400 and status < 600 then return refusal(exchange, status, text) end
  end
  if is_stray(exchange, kind) then return end
  local line = line_of(exchange, text, kind)
  if not line then return end
  exchange.held = exchange.held .. line
  if kind and kind:find '^"response%.' or exchange.over or #exchange.held > HELD then
    exchange.status, exchange.headers = 200, headers_of(exchange, "application/x-ndjson")
  end
end

-- No answer has come. A socket that had waited may have been closed meanwhile: the server has not seen the request then.
local function lost(exchange, err)
  local was_closed = exchange.reused and err.kind == "network" and err.retryable and exchange.socket.quiet
  if was_closed then err = connect_socket(exchange) end
  if err then end_with(exchange, err) end
end

-- The rest of the answer --------------------------------------------------------------------------------------------

-- Gives bytes to the caller.
local function give(exchange, bytes)
  if not exchange.on_progress then return bytes end
  if exchange.down == 0 then exchange.on_progress("up", #exchange.text, #exchange.text) end
  exchange.down = exchange.down + #bytes
  exchange.on_progress("down", exchange.down)
  return bytes
end

-- Errors ------------------------------------------------------------------------------------------------------------

local function unsupported_error()
  local message = "the transport under the WebSockets makes no raw connections"
  return errors.new { kind = "unsupported", code = "connect", message = message, sent = false }
end

--- Makes a transport.
---@param options? {carrier?: table} the transport underneath; default: the usual one
---@return opengatellm.transport.WebSocket? transport
---@return ogl.Error? err
function M.new(options)
  local carrier, err = options and options.carrier, nil
  if not carrier then carrier, err = require "opengatellm.transport".default() end
  if not carrier then return nil, err end
  return setmetatable({ carrier = carrier, pool = socket_pool.new() }, Transport)
end

--- Sends a request; raises when a field has a wrong type or a header could break out of its line.
---@param request table
---@return table? exchange
---@return ogl.Error? err
function Transport:open(request)
  local text = message_of(request)
  if not text then return self.carrier:open(request) end
  local problem = handshake.problem(request.headers or NONE)
  if problem then error("transport.websocket: " .. problem, 2) end
  if self.pool.closed then return nil, closed_error "the transport is closed" end
  if not self.carrier.connect then return nil, unsupported_error() end
  local exchange = setmetatable({
    text = text, pool = self.pool, route = route_of(self.carrier, request), timeouts = request.timeouts or NONE, deadline = nil,
    max = request.max_body, on_progress = request.on_progress, down = 0,
    socket = false, -- while the answer is under way
    fresh = false,  -- its upgrade has not been answered
    reused = false, -- it has had an exchange before
    renewed = false, -- one whose hour was over has been replaced
    id = false, status = false, headers = false, held = "", over = false, err = false,
  }, Exchange)
  exchange.deadline = exchange.timeouts.total and exchange.route.now() + exchange.timeouts.total
  local err = take(exchange)
  if err then return nil, err end
  return exchange
end

--- Gives up the sockets that wait. Exchanges that are open go on.
function Transport:close()
  self.pool:close()
  if self.carrier.close then self.carrier:close() end
end

Transport.__close = Transport.close

function Transport:__tostring() return "opengatellm.transport.websocket: " .. tostring(self.carrier) end

--- Waits for the first event, which says whether the request was taken.
---@return integer? status
---@return table headers_or_err
function Exchange:head()
  while not self.status and not self.err do
    local text
    local err = self.fresh and ask_upgrade(self)
    if not err and not self.status then text, err = self.socket:receive() end
    if text then
      first(self, text)
    elseif err then
      lost(self, err)
    end
  end
  if self.status then return self.status, self.headers end
  return nil, error_of(self)
end

--- Waits for more events: lines of JSON, nil at the end, or nil and an error.
---@return string? bytes
---@return ogl.Error? err
function Exchange:read()
  if not self.status and not self:head() then return nil, error_of(self) end
  if self.held ~= "" then
    local held = self.held
    self.held = ""
    return give(self, held)
  end
  if self.over or self.err then return nil, error_of(self) end
  local text, err = self.socket:receive()
  if not text then return nil, end_with(self, err) end
  local lines = {}
  while text do -- all that came at once
    lines[#lines + 1] = line_of(self, text)
    text = not self.over and not self.err and self.socket:next() or nil
  end
  if not lines[1] then return nil, error_of(self) end
  return give(self, lines[2] and table.concat(lines) or lines[1])
end

--- Reads what is left behind an error, for at most so long: what the answer cost may come in a `response.failed`, and the socket can be
--- kept then. Behind any other end there is nothing.
---@param seconds number
---@param decoder? userdata that takes it, in place of dropping it
function Exchange:drain(seconds, decoder)
  if not self.over or not self.socket then return end
  self.socket:begin({ total = seconds }, self.route.now() + seconds)
  repeat
    local text = self.socket:receive()
    local line = text and line_of(self, text)
    if line and decoder then decoder:feed(line) end
  until not line or not self.socket
  drop(self)
end

--- Ends the exchange, wherever it is. In the middle of an answer that ends the socket: nothing else stops what is on its way.
function Exchange:close()
  if self.socket then self.socket:close(1001) end
  self.socket = false
  self.err = self.err or true
end

Exchange.__close = Exchange.close

function Exchange:__tostring() return "opengatellm.transport.websocket exchange: " .. tostring(self.socket or "over") end

-- The request -----------------------------------------------------------------------------------------------------

return M
