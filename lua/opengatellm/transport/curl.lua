--- The transport on libcurl; the contract is in transport/init.lua.
--
-- All exchanges share kept-alive connections (driver.lua), and a coroutine that waits for one exchange serves all of them. C keeps the
-- bytes that have come, and watches the timeouts; this file asks it, feeds bodies that are read piece by piece, and makes the errors.
--
-- An exchange returns its C side as soon as it is over, so that the next one can use the connection and the handle.
--
-- @module opengatellm.transport.curl
local curl = require "opengatellm.curl"
local driver = require "opengatellm.transport.driver"
local errors = require "opengatellm.errors"
local failure = require "opengatellm.base.failure"
local host = require "opengatellm.host"
local interrupts = require "opengatellm.host.interrupts"
local memory = require "opengatellm.base.memory"
local task = require "opengatellm.task"

local M = {}

---@class opengatellm.transport.Curl
local Transport = {}
Transport.__index = Transport

---@class opengatellm.transport.curl.Exchange
local Exchange = {}
Exchange.__index = Exchange

local NONE = {}
local PROGRESS_SECONDS = 0.1 -- the longest wait between two reports of progress

-- Makes an error of a failure that C reports.
local function failure_of(timeouts, kind, code, message, phase, sent)
  if phase and timeouts[phase] then return failure.timeout(timeouts, phase, sent) end
  if kind == "network" then return failure.network(code, message, sent) end
  local err = failure.final(kind, code, message, sent)
  err.phase, err.retryable = phase, phase == "connect"
  return err
end

local function open_transfer(transport, request, how)
  if not transport.multi then return nil, errors.new { kind = "closed", code = "closed", message = "the transport is closed" } end
  local transfer, kind, code, message, phase, sent = transport.multi[how](transport.multi, request)
  if not transfer then return nil, failure_of(request.timeouts or NONE, kind, code, message, phase, sent) end
  -- made in the size that it has while bytes come. `err`: nil while it is open, false once the answer has been read to its end, true where
  -- it was closed and nobody has asked for the error yet; `waiter`: the coroutine that waits for it, on `waiter_host`
  local exchange = setmetatable({
    transfer = transfer, id = transfer:id(), timeouts = request.timeouts or NONE, status = nil, headers = nil, err = nil, waiter = nil,
    waiter_host = nil,
  }, Exchange)
  local body = request.body
  if type(body) == "table" then exchange.body = body end
  if request.host then exchange.host = request.host end
  if request.on_progress then exchange.on_progress = request.on_progress end
  return exchange
end

--- Gives the error of an exchange; nil if it has no error. Makes that of a closed exchange only here, because few callers ask for it.
local function error_of(exchange)
  if exchange.err == true then
    exchange.err = errors.new { kind = "closed", code = "closed", message = "the exchange is closed" }
  end
  return exchange.err or nil
end

-- Gives the bytes that came as a text, or a failure if Lua has no memory for it.
local function take_news(transfer)
  local bytes, kind, code, message, phase, sent = memory.attempt(transfer.take, transfer)
  if bytes == nil and type(kind) == "table" then return nil, kind.kind, kind.code, kind.message, nil, true end
  return bytes, kind, code, message, phase, sent
end

-- Releases the C side. If the transport was closed before, the last exchange also closes the connections.
local function release(exchange)
  exchange.transfer:close()
  driver.tidy()
end

--- Ends an exchange with an error, which every later call gives again. A function of the caller may have closed the exchange meanwhile.
local function end_with(exchange, err)
  exchange.err = exchange.err or err
  release(exchange)
end

--- Ends an exchange whose body could not be read, with the error of the body's reader, or one made of its message.
local function refuse(exchange, why)
  local sent = select(6, exchange.transfer:state())
  if type(why) ~= "table" then
    local message = "the body of the request could not be read: " .. tostring(why)
    why = errors.new { kind = "file", code = "body", message = message, sent = sent }
  end
  end_with(exchange, why)
end

local function fail(exchange, ...)
  end_with(exchange, failure_of(exchange.timeouts, ...))
end

--- Gives the transfer the next piece of a body that is read piece by piece.
local function feed_body(exchange)
  local read, piece, why = pcall(exchange.body.read)
  if not read then return refuse(exchange, piece) end
  if piece == nil and why ~= nil then return refuse(exchange, why) end
  if piece ~= nil and type(piece) ~= "string" then
    return refuse(exchange, "body.read returned a " .. type(piece))
  end
  local fed, kind, code, message, phase, sent = exchange.transfer:feed(piece)
  if not fed then fail(exchange, kind, code, message, phase, sent) end
end

local function stall(exchange)
  local _, _, _, _, where, sent = exchange.transfer:state()
  local phase = where == "receive" and "idle" or where == "connect" and where or "first_byte"
  fail(exchange, "timeout", phase, nil, phase, sent)
end

-- Does the work that C asks for. Other news is "ready", or "again" after a signal or the end of a slice: the caller then looks again.
local function act(exchange, news)
  if news == "feed" then feed_body(exchange) elseif news == "stalled" then stall(exchange) end
end

-- This is a function of Lua, because LuaJIT raises the error of a signal only at the next instruction of Lua.
local function wait(transfer, timeouts, seconds)
  local news = transfer:wait(timeouts.first_byte, timeouts.idle, seconds)
  return news
end

-- Closes the exchange if Lua raises when C returns, as after Ctrl-C in the interpreter, because then no caller will read on.
local function block(exchange, seconds)
  local cancelled = task.cancelled()
  if cancelled then return end_with(exchange, cancelled) end
  local waited, news = pcall(wait, exchange.transfer, exchange.timeouts, interrupts.slice(seconds))
  if waited then return act(exchange, news) end
  exchange:close()
  error(news, 0)
end

-- Waits on a host that does not block: C gives the news at once, or nil and lists the transfer later.
local function await(exchange, seconds, here)
  local timeouts = exchange.timeouts
  local news = exchange.transfer:await(timeouts.first_byte, timeouts.idle, seconds)
  if news then return act(exchange, news) end
  local cancelled = task.cancelled()
  if cancelled then return end_with(exchange, cancelled) end
  return driver.park(exchange, here, (coroutine.running()))
end

-- Handles a wake-up that did not come from C's news.
local function unpark(exchange)
  driver.unpark(exchange)
  local cancelled = task.cancelled()
  if cancelled then end_with(exchange, cancelled) end
end

--- Tells the caller's function how many bytes have moved since the last report.
local function report(exchange)
  local up, up_total, down, down_total = exchange.transfer:progress()
  if not up then return end
  if up ~= (exchange.up or 0) then
    exchange.up = up
    exchange.on_progress("up", up, up_total)
  end
  if down ~= (exchange.down or 0) then
    exchange.down = down
    exchange.on_progress("down", down, down_total)
  end
end

--- Waits until the exchange may have something to give, or `seconds` (nil: no limit) are over; no other function waits. Sets `err` if
--- there is nothing more to wait for.
local function wait_for_news(exchange, seconds)
  local here = host.current(exchange.host)
  if exchange.on_progress then seconds = math.min(seconds or PROGRESS_SECONDS, PROGRESS_SECONDS) end
  if here.blocking then block(exchange, seconds) else await(exchange, seconds, here) end
  if exchange.waiter then unpark(exchange) end
  if exchange.on_progress then report(exchange) end
end

local function finish_body(exchange)
  if exchange.on_progress then report(exchange) end
  exchange.err = false
  release(exchange)
end

-- Gives the transfer's result, or false if more may come. Ends the exchange if the transfer says that it is over.
local function settle(exchange, some, kind, ...)
  if some ~= nil then return some end
  if kind then fail(exchange, kind, ...) else finish_body(exchange) end
end

-- Calls `take` on the transfer until it gives something. No local holds its results during the wait, because each slot of a parked
-- coroutine's stack costs memory, 10,000 times.
local function receive_some(exchange, take, decoder)
  if not exchange.status and not exchange:head() then return nil, error_of(exchange) end
  while exchange.err == nil do
    local some = settle(exchange, take(exchange.transfer, decoder))
    if some then return some end
    if some == false then wait_for_news(exchange) end
  end
  return nil, error_of(exchange)
end

--- Makes a transport. It takes no options, because each request has them all.
---@return opengatellm.transport.Curl? transport
---@return table? err
function M.new()
  local self = setmetatable({ multi = false }, Transport)
  local multi, kind, code, message = driver.hold(self)
  if not multi then return nil, errors.new { kind = kind, code = code, message = message } end
  self.multi = multi
  return self
end

--- Sends a request; raises if a field has a wrong type or a header could break out of its line.
---@param request table
---@return opengatellm.transport.curl.Exchange? exchange
---@return table? err
function Transport:open(request) return open_transfer(self, request, "open") end

--- Opens a connection without HTTP, by the request's address, proxy, socket and TLS: `send` sends bytes, `read` gives those that come,
--- and nil at the peer's end. Its head has the status 0.
---@param request table
---@return opengatellm.transport.curl.Exchange? connection
---@return table? err
function Transport:connect(request) return open_transfer(self, request, "connect") end

--- Closes the connections. Open exchanges go on.
function Transport:close()
  if self.multi then driver.release(self) end
  self.multi = false
end

Transport.__close = Transport.close

function Transport:__tostring()
  return "opengatellm.transport.curl: " .. (self.multi and tostring(self.multi) or "closed")
end

--- Waits for the head of the answer.
---@return integer? status
---@return table headers_or_err
function Exchange:head()
  if self.err then return nil, error_of(self) end
  while not self.status do
    local status, headers, code, message, phase, sent = self.transfer:head()
    if status then
      self.status, self.headers = status, headers
    elseif status == nil then
      fail(self, headers, code, message, phase, sent)
    else
      wait_for_news(self)
    end
    if self.err then return nil, error_of(self) end
  end
  return self.status, self.headers
end

--- Waits for more of the body: bytes, nil at the end, or nil and an error.
---@return string? bytes
---@return table? err
function Exchange:read() return receive_some(self, take_news) end

--- Waits for more of the body, and feeds it to a decoder without a string of Lua: true, nil at the end, or nil and an error.
---@param decoder userdata
---@return true? some
---@return table? err
function Exchange:pour(decoder) return receive_some(self, self.transfer.pour, decoder) end

--- Reads the rest of an answer whose end the caller knows already, for at most so long, because a connection can be kept only once
--- HTTP's own end has come.
---@param seconds number
---@param decoder? userdata gets the rest, which is dropped otherwise
function Exchange:drain(seconds, decoder)
  local finish = curl.now() + seconds
  while self.err == nil do
    local bytes = self.transfer:take()
    if bytes == nil then return finish_body(self) end
    if bytes and decoder then decoder:feed(bytes) end
    local left = finish - curl.now()
    if left <= 0 then return end
    if not bytes then wait_for_news(self, left) end
  end
end

--- Sends bytes on a connection; they are kept until the peer takes them.
---@param bytes string
---@return boolean? sent
---@return table? err
function Exchange:send(bytes)
  if not self.status and not self:head() then return nil, error_of(self) end
  if self.err then return nil, error_of(self) end
  local fed, kind, code, message, phase, sent = self.transfer:feed(bytes)
  if fed then return true end
  fail(self, kind, code, message, phase, sent)
  return nil, error_of(self)
end

--- Says whether bytes, or the end, can be read without waiting.
---@return boolean
function Exchange:readable()
  return self.err ~= nil or self.transfer:wait(nil, nil, 0) == "ready"
end

--- Ends the exchange at any time. A coroutine that waits for it gets the error `closed`.
function Exchange:close()
  if self.err == nil then release(self) end -- an exchange that is over has released already
  self.err = self.err or true
  if self.waiter then driver.wake(self) end
end

Exchange.__close = Exchange.close

function Exchange:__tostring()
  return "opengatellm.transport.curl exchange: " .. tostring(self.transfer)
end

return M
