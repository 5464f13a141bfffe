--- Answers: what a server says to a chat, on its way through a transcoder of the core into the words of the face, or untouched.
--
--   local body, close, headers = M.pass(visit, chat, call, meter, streamed, context)
--
-- No event of it becomes a table of Lua. The call may make another try until the answer is committed; what was written by then is held
-- back. Errors go out in the words of problem.lua, since what a server says may quote what was sent.
--
-- @module opengatellm.gateway.answer
local answer_error = require "opengatellm.chat.answer_error"
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local estimate = require "opengatellm.chat.estimate"
local failure = require "opengatellm.base.failure"
local problems = require "opengatellm.gateway.problem"

local M = {}

local MOST_HELD = 64 -- events; if a server sends more before its answer begins, the call makes no other try
local DRAIN = 0.05   -- seconds that the rest of a body may take after its end is known

-- The error of an answer that ended badly: what answer_error.lua asks a stream, the transcoder knows.
local function error_of(self)
  local transcoder = self.transcoder
  local code, message, kind, own_code, json = transcoder:problem()
  local decoder = {
    problem = function() return code == "provider" and message or nil, kind, own_code, json end,
    framing = function() return transcoder:framing() end,
  }
  return answer_error.of({
    decoder = decoder, headers = self.headers, request_id = errors.request_id(self.headers), status = self.status, call = self.call,
  }, code, message)
end

local function is_stream(kind) return kind:find "^text/event%-stream" or kind:find "^application/x%-ndjson" end

local function connect(self)
  local exchange, status, headers = self.call:send()
  if not exchange then return status end
  local client, context, kind = self.call.client, self.context, headers["content-type"]
  kind = type(kind) == "string" and kind or nil
  context.content_type, context.needs_reason = kind, client.provider.needs_reason
  context.untouched = self.untouched and not (self.mode == "whole" and kind and is_stream(kind)) -- nobody asked for a stream
  context.max_reply = client.bounds.reply
  self.exchange, self.status, self.headers = exchange, status, headers
  self.transcoder = assert(core.transcoder(client.provider.protocol, self.chat.protocol, self.mode, context))
  self.call.try.decoder = self.transcoder
end

-- The end, once all of the answer is given away: what is left of the body is read, so that the connection can be kept.
local function conclude(self)
  if self.closed then return end
  self.closed = true
  if not self.over and self.exchange.drain then self.exchange:drain(DRAIN) end
  self.exchange:close()
  self.transcoder:close()
  self.meter:done()
end

-- What a step of the transcoder gives: what it wrote, and whether the answer has ended, or nil and the error.
local function written(out, ended, message)
  if out then return out, ended end
  return nil, failure.final("limit", ended, message, true)
end

-- The time, for a face whose answers tell it.
local function now(self) return self.chat.timed and self.visit:now() or nil end

-- Reads once; nil alone at the end of the bytes.
local function transcode(self)
  if self.exchange.transcode then return self.exchange:transcode(self.transcoder, self.clock) end
  local bytes, err = self.exchange:read()
  if not bytes then return nil, err end
  return written(self.transcoder:feed(bytes, now(self)))
end

-- Reads once. At the end of the bytes the transcoder is told so.
local function read(self)
  local out, ended = transcode(self)
  if out or ended then return out, ended end
  self.over = true
  local last, code, message = self.transcoder:finish(now(self))
  return written(last, last and true or code, message)
end

-- Goes on: gives the next bytes, which may be none yet, and the error of an answer that ended badly behind them.
local function advance(self)
  local out, ended = read(self)
  if not out then return "", ended end
  local transcoder = self.transcoder
  local problem = transcoder:problem()
  self.meter:tally(transcoder:tally())
  if problem then
    out = self.call:finish({ message = out }).message -- without the key, which a server may quote
    ended = ended or not self.call:committed() -- an untouched one goes on
  end
  if not ended then return out end
  self.ended = true
  return out, problem and error_of(self) or nil
end

-- Ends an answer with an error.
local function fail(self, err)
  local call = self.call
  self.ended, self.closed = true, true
  if self.transcoder then
    local _, _, usage = self.transcoder:tally()
    err.usage = estimate.usage(call, { usage = usage })
    self.exchange:close()
    call:failed(err)
  end
  call:finish(err)
  self.meter:done(err)
  return err
end

-- Tells the caller of an error behind what its answer has already.
local function tell(self, err)
  fail(self, err)
  self.visit:report(err)
  local out = self.transcoder:fail(problems.message(err), err.kind, err.code, now(self))
  self.transcoder:close()
  return out
end

-- Sends the request again, if another try may answer; else gives the error.
local function try_again(self, err)
  if not self.call:again(self.call:finish(err)) then return err end
  self.exchange:close()
  self.transcoder:close()
  self.ended, self.over = false, false
  return connect(self)
end

-- Whether what was written may go out: no other try may answer any more, and a whole answer is all there.
local function is_settled(self)
  if self.ended then return true end
  if self.transcoder:counts() >= MOST_HELD then self.call:commit() end
  return self.mode == "stream" and self.call:committed()
end

-- Reads until the answer is settled; gives the error where there is none.
local function settle(self)
  local held = "" -- of one piece or two, mostly
  repeat
    local out, err = advance(self)
    held = held .. out
    if err and self.mode == "stream" and self.call:committed() then held, err = held .. tell(self, err), nil end
    if err then held, err = "", self.call:committed() and err or try_again(self, err) end
    if err then return err end
  until is_settled(self)
  self.first = held
end

-- The next bytes of a stream; nil at its end.
local function next_bytes(self)
  local first = self.first
  self.first = nil
  if first and first ~= "" then return first end
  while not self.ended do
    local out, err = advance(self)
    if err then out = out .. tell(self, err) end
    if out ~= "" then return out end
  end
  conclude(self)
end

-- The caller has gone: from a part of the answer, or with all of it.
local function give_up(self)
  if self.closed then return end
  if not self.ended then self.transcoder:finish() end
  self.ended, self.over = true, true
  if not self.transcoder:problem() then return conclude(self) end
  self.closed = true
  self.exchange:close()
  self.transcoder:close()
  self.meter:give_up()
end

-- Lets go what only another try would need: thousands of streams would keep their prompts.
local function spend(self)
  self.call:spend()
  self.meter:spend()
  self.context, self.visit.request.body = nil, nil
end

--- Sends a call, and gives its answer.
---@param visit ogl.GatewayVisit
---@param chat ogl.GatewayChat
---@param call ogl.Call
---@param meter ogl.GatewayMeter
---@param streamed boolean
---@param context table of the transcoder (core.transcoder); `untouched` then tells whether the bytes are the server's
---@return string|(fun(): string?)|nil body
---@return ogl.Error|(fun())|nil close or the error
---@return table<string, string|string[]>? headers of the server
function M.pass(visit, chat, call, meter, streamed, context)
  context.silent, call.request = true, nil -- the body has all of it
  local self = {
    visit = visit, chat = chat, call = call, meter = meter, context = context, untouched = context.untouched,
    mode = streamed and "stream" or "whole", ended = false, over = false, closed = false, exchange = nil, transcoder = nil, status = nil,
    headers = nil, first = nil, clock = nil,
  }
  if chat.timed and streamed then self.clock = function() return now(self) end end -- a whole one is read at its end
  local err = connect(self) or settle(self)
  if err then return nil, fail(self, err) end
  if not streamed then
    conclude(self)
    return self.first, nil, self.headers
  end
  if not self.ended then spend(self) end
  return function() return next_bytes(self) end, function() give_up(self) end, self.headers
end

--- The headers of an answer: what stands between may neither keep a stream nor gather its pieces.
---@param kind string? content type
---@param streamed boolean
---@return table<string, string>
function M.headers(kind, streamed)
  if not streamed then return { ["content-type"] = kind } end
  return { ["content-type"] = kind, ["cache-control"] = "no-cache", ["x-accel-buffering"] = "no" }
end

--- How many tries a call has made.
---@param call ogl.Call
---@return integer
function M.tries(call) return call.attempts and #call.attempts + 1 or 1 end

return M
