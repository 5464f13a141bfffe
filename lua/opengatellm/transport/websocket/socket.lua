--- WebSockets (RFC 6455): messages on a raw connection.
--
--   local socket = websocket.connect(carrier, request)     connected, and the upgrade is asked for
--   local answer = socket:open()                            waits for it: {status, headers}; 101 is yes, else `body` is there too
--   socket:begin(timeouts, deadline)                        a new exchange: its waits are counted from here
--   socket:send(text)                                       true | nil, err
--   socket:receive()                                        the next text | nil, err; pings are answered on the way
--   socket:next()                                           the same of what has come already; nil alone: nothing has
--   socket:refresh()                                        whether one that has waited lives, as far as can be known
--   socket:close(code)                                      any number of times
--
-- The raw connection is what a carrier's `connect(request)` gives, TCP with TLS, proxy and unix socket behind it:
--
--   connection:send(bytes) -> true | nil, err
--   connection:read() -> bytes | nil (the end) | nil, err   waits as long as connection.timeouts say
--   connection:readable() -> boolean                        optional: bytes, or the end, can be read without waiting
--   connection:close()
--
-- Timeouts are those of an HTTP exchange (transport/init.lua): `connect` ends with the yes to the upgrade, `first_byte` and `idle` are
-- ended by any byte, that of a ping too; of `total` the deadline counts, a time of the host's clock. Errors stay, and close the connection.
-- `sent` is false until a message was sent: before that the server cannot have acted.
--
-- @module opengatellm.transport.websocket.socket
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local failure = require "opengatellm.base.failure"
local host = require "opengatellm.host"
local random = require "opengatellm.base.random"
local handshake = require "opengatellm.transport.websocket.handshake"

local M = {}

---@class opengatellm.WebSocket
---@field err? ogl.Error sticky
---@field quiet boolean nothing has come since `begin`, but for a close
local Socket = {}
Socket.__index = Socket

local KEY_BYTES, MASK_BYTES = 16, 4
local NONE = {}

local function drop(self)
  if self.connection then self.connection:close() end
  self.connection = false
  self.codec:close()
end

-- Ends the socket with an error, which every later call gives again. `sent` stays false for bytes of the upgrade: no server acts on them.
local function end_with(self, err)
  err.sent = self.sent
  self.err = self.err or err
  drop(self)
  return self.err
end

local function send(self, kind, payload, code)
  local key, err = random.bytes(MASK_BYTES)
  if not key then return nil, err end
  return self.connection:send(core.websocket_frame(kind, payload, key, code))
end

-- We sent what this server does not take, which another try does not change.
local OUR_FAULT = { [1002] = true, [1003] = true, [1007] = true, [1008] = true, [1009] = true, [1010] = true }

local OF_SERVERS = 3000 -- and above: codes of frameworks and servers, who mean with them what HTTP means with 4xx

local function cut_error(self, message, code)
  local final = code and (OUR_FAULT[code] or code >= OF_SERVERS)
  return errors.new { kind = "network", code = self.quiet and "closed_early" or "cut", message = message, retryable = not final }
end

local function closed_error(self, code, reason)
  code = code ~= 1005 and code or nil -- it said none
  send(self, "close", "", code)
  local said = (code and " " .. code or "") .. (reason ~= "" and ": " .. reason:gsub("%c", " ") or "")
  end_with(self, cut_error(self, "the server closed the WebSocket" .. (said ~= "" and " (" .. said:gsub("^ ", "") .. ")" or ""), code))
end

-- The server broke the protocol, or a limit: it is told so, and that was all.
local function refuse(self, code, message, close_code)
  if close_code then send(self, "close", "", close_code) end
  if code == "frame" or code == "memory" then
    local name = code == "frame" and "body" or code
    return end_with(self, errors.new { kind = "limit", code = name, message = "the server sent " .. message })
  end
  message = "what the server sent is no WebSocket: " .. message
  return end_with(self, errors.new { kind = "network", code = "malformed", message = message })
end

-- Does what a message other than a text asks for.
local function answer_ping(self, kind, data, code)
  if kind == "close" then return closed_error(self, code, data) end
  self.quiet = false
  if kind == "binary" then return refuse(self, "protocol", "a message of bytes, where texts are spoken", 1003) end
  if kind ~= "ping" then return end
  local sent, err = send(self, "pong", data)
  if not sent then end_with(self, err) end
end

-- Time -----------------------------------------------------------------------------------------------------------

-- Sets how long the connection may wait from now on; which limit that is, and how many seconds; false where it is over already.
local function wait_for(self)
  local phase, seconds = self.phase, self.timeouts[self.phase]
  if self.deadline then
    local left = self.deadline - self.now()
    if not seconds or left < seconds then phase, seconds = "total", left end
    if left <= 0 then return phase, false end
  end
  self.connection.timeouts = { connect = seconds, first_byte = seconds, idle = seconds }
  return phase, seconds
end

local function timed_out(self, phase)
  local err = failure.timeout(self.timeouts, phase)
  if phase == "connect" then err.message = "the server did not answer to the upgrade: " .. err.message end
  return err
end

-- Waits for more bytes; gives nil at their end, or nil and the error. No other function waits.
local function read_more(self)
  local phase, seconds = wait_for(self)
  if seconds == false then return nil, timed_out(self, phase) end
  local bytes, err = self.connection:read()
  if bytes then
    if self.phase == "first_byte" then self.phase = "idle" end
    return bytes
  end
  if err and err.kind == "timeout" then return nil, timed_out(self, phase) end
  return nil, err
end

-- Errors -----------------------------------------------------------------------------------------------------------

local function no_upgrade(problem)
  return errors.new {
    kind = "protocol", code = "handshake", message = "the server's answer to the upgrade is not that of a WebSocket: " .. problem,
  }
end

--- Connects, and asks for the upgrade.
---@param carrier {connect: fun(self, request: table): table?, ogl.Error?}
---@param request table {url, headers, timeouts, tls, proxy, no_proxy, unix_socket, host}: read, and not kept
---@param timeouts? ogl.Timeouts of the exchange that it is for; default: those of the request, which the carrier goes by
---@param deadline? number
---@return opengatellm.WebSocket? socket
---@return ogl.Error? err
function M.connect(carrier, request, timeouts, deadline)
  local nonce, err = random.bytes(KEY_BYTES)
  if not nonce then return nil, err end
  local key, headers = core.base64_encode(nonce), request.headers or {}
  local question
  question, err = handshake.request(request.url, headers, key)
  if not question then return nil, err end
  local self = setmetatable({
    codec = core.websocket(), connection = false, now = host.current(request.host).now, phase = "connect", born = 0, err = false,
    check = function(answer) return handshake.check(answer, key, headers) end, -- a function: the headers hold the key of the user
  }, Socket)
  self:begin(timeouts or request.timeouts, deadline)
  self.phase, self.born = "connect", self.now()
  self.connection, err = carrier:connect(request)
  if not self.connection then return nil, end_with(self, err) end
  wait_for(self)
  local fine
  fine, err = self.connection:send(question)
  if not fine then return nil, end_with(self, err) end
  return self
end

--- Waits for the answer to the upgrade. An answer that is no yes has its `body`, and the connection is closed.
---@return {status: integer, headers: table, body?: string}? answer
---@return ogl.Error? err
function Socket:open()
  local function read() return read_more(self) end
  local answer, err = handshake.read(read)
  if not answer then return nil, end_with(self, err) end
  if answer.status ~= 101 then
    answer.body = handshake.body(answer, read)
    self:close()
    return answer
  end
  local problem = self.check(answer)
  self.check = nil
  if problem then return nil, end_with(self, no_upgrade(problem)) end
  if answer.rest ~= "" then self.codec:feed(answer.rest) end
  return answer
end

--- Begins an exchange of messages: its timeouts run from here.
---@param timeouts? ogl.Timeouts
---@param deadline? number of the host's clock; nil: none
function Socket:begin(timeouts, deadline)
  self.timeouts, self.deadline = timeouts or NONE, deadline or false
  self.phase, self.sent, self.quiet = "first_byte", false, true
end

--- Sends a text.
---@param text string UTF-8
---@return true? sent
---@return ogl.Error? err
function Socket:send(text)
  if self.err then return nil, self.err end
  local sent, err = send(self, "text", text)
  if not sent then return nil, end_with(self, err) end
  self.sent, self.phase = true, "first_byte"
  return true
end

--- Waits for the next text.
---@return string? text
---@return ogl.Error? err
function Socket:receive()
  while true do
    local text, err = self:next()
    if text or err then return text, err end
    local bytes, problem = read_more(self)
    if not bytes then return nil, end_with(self, problem or cut_error(self, "the server closed the connection")) end
    self.codec:feed(bytes) -- its error is sticky: next gives it
  end
end

--- Gives the next text that has already come.
---@return string? text
---@return ogl.Error? err
function Socket:next()
  while not self.err do
    local kind, data, code, close_code = self.codec:next()
    if kind == "text" then
      self.quiet = false
      return data
    end
    if not kind and not data then return nil end
    if not kind then return nil, refuse(self, data, code, close_code) end
    answer_ping(self, kind, data, code)
  end
  return nil, self.err
end

--- Looks, without waiting, at what came while nobody read: pings are answered; a close, a text that no request has asked for, or the
--- end of the connection end it.
---@return boolean # whether it can be used, as far as can be known: not every connection says whether there is something to read
function Socket:refresh()
  local connection = self.connection
  wait_for(self)
  while not self.err and connection.readable and connection:readable() do
    local bytes = connection:read()
    if not bytes then drop(self) return false end
    self.codec:feed(bytes)
    if self:next() then return false end
  end
  return not self.err
end

--- Ends the socket, and tells the server if it still listens.
---@param code? integer RFC 6455, 7.4.1; default 1000
function Socket:close(code)
  if not self.connection then return end
  if not self.check and not self.err then send(self, "close", "", code or 1000) end -- whether it arrives or not
  drop(self)
  self.err = self.err or errors.new { kind = "closed", code = "closed", message = "the WebSocket is closed" }
end

Socket.__close = Socket.close

function Socket:__tostring()
  return "opengatellm.transport.websocket.socket: " .. (self.err and self.err.kind or "open")
end

return M
