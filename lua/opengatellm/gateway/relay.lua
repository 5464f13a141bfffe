--- Relays: an answer whose bytes pass through untouched, because both sides speak the same protocol and nothing is to change.
--
-- A decoder beside counts what passes, and knows whether the answer came to its end. The relay gives whole lines only, so that it can
-- put a line of its own, the error, behind a stream that broke off.
--
-- @module opengatellm.gateway.relay
local calls = require "opengatellm.http.call"
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local meters = require "opengatellm.gateway.meter"
local problems = require "opengatellm.gateway.problem"
local uploads = require "opengatellm.http.upload"
local words = require "opengatellm.base.words"

local M = {}

local NONE = { close = function() end } -- in place of a decoder
local TAIL = 64 -- bytes at the end of a stream that tell whether it is whole

local PATHS = { openai_chat = "/chat/completions", openai_responses = "/responses" }

-- Quirks of a provider's data (providers/init.lua) that change a request: a chat for such a server is translated.
local QUIRKS = words.list [[
  max_tokens no_stream_options drop rename tool_choice no_message_names no_refusal no_empty_answers signs_calls echo_reasoning body no_model
]]

local function has_quirks(provider)
  for _, name in ipairs(QUIRKS) do
    if provider[name] ~= nil then return true end
  end
  return false
end

local FAMILIES = { openai_chat = "openai", openai_responses = "openai" } -- both kinds of servers have OpenAI's other routes

--- The client that a target's requests could pass to untouched; nil for a router, or where middleware has to see the call.
---@param target ogl.GatewayTarget
---@param protocol string or "openai": any server of OpenAI's routes
---@return ogl.Client?
function M.client(target, protocol)
  local client = target.client
  if client.rows or client.chain then return nil end
  client = client:for_model(target.model)
  local spoken = client.provider.protocol
  return (spoken == protocol or FAMILIES[spoken] == protocol) and client or nil
end

--- Says whether a chat can pass through untouched.
---@param target ogl.GatewayTarget
---@param chat ogl.GatewayChat
---@param wants table of the request
---@return boolean
function M.fits(target, chat, wants)
  local client = (chat.renames or target.model == wants.model) and M.client(target, chat.protocol)
  return client and not has_quirks(client.provider) or false
end

-- Calls -------------------------------------------------------------------------------------------------------------------

-- The body as it came, but for the model's name where the server has another: that goes to the front.
local function renamed(body, model)
  local rest = core.without(body, "model", "name")
  return '{"model":' .. json.encode(model) .. (rest:find "^%s*{%s*}" and "}" or "," .. rest:match "^%s*{(.*)$")
end

local function headers_for(visit, chat)
  local headers = visit:forwarded()
  if not chat.keeps_type then return headers end
  headers = headers or {}
  headers["content-type"] = visit.request.headers["content-type"]
  return headers
end

local function send(visit, client, chat, wants, body, form)
  local root = chat.protocol == "ollama"
  local call = calls.new(client, {
    method = visit.request.method, path = chat.relayed or root and visit.request.path or PATHS[chat.protocol], root = root,
    model = wants.model, body = not form and (body or visit.request.body) or nil, form = form, stream = wants.stream,
    options = { headers = headers_for(visit, chat) }, repeatable = "inference", warnings = {},
  })
  call.model, call.streamed = wants.model, wants.stream
  return call
end

local function note(visit, target, call) visit:note(target, nil, call.attempts and #call.attempts + 1 or 1) end

local function type_of(headers)
  local kind = headers["content-type"]
  return type(kind) == "string" and kind or nil
end

local function decoder_of(client, protocol, headers)
  return core.decoder(protocol, type_of(headers), nil, false, client.bounds.reply, client.provider.needs_reason)
end

-- Counts the events that the decoder has; gives the code of what ended it, and whether that was its end.
local function count(decoder, meter)
  if not meter.wants then
    local _, code, message = decoder:skip()
    return code, message
  end
  while true do
    local event, code, message = core.next(decoder)
    if not event then return code, message end
    meter:event(event)
  end
end

local function error_of(call, decoder, code, message)
  local told = decoder:problem()
  return call:finish(errors.new { kind = code, message = told or message or "the upstream server's answer broke off" })
end

-- Whole answers -------------------------------------------------------------------------------------------------------------

-- Counts a whole answer, and gives its error where it is none: a page, or an error with the status 200.
local function judge(client, chat, call, meter, body, head)
  local decoder = decoder_of(client, chat.protocol, head.headers)
  decoder:feed(body)
  decoder:finish()
  local code, message = count(decoder, meter)
  local err = code and error_of(call, decoder, code, message) or nil
  decoder:close()
  return err
end

-- `client` nil: an answer that no decoder reads.
local function whole(visit, target, client, chat, call, meter)
  local body, head = call:fetch()
  if not body then
    meter:done(head)
    return nil, head
  end
  note(visit, target, call)
  local err = client and judge(client, chat, call, meter, body, head)
  meter:done(err)
  if err then return nil, err end
  return head.status, { ["content-type"] = type_of(head.headers) or "application/json" }, body
end

-- Streams -------------------------------------------------------------------------------------------------------------------

-- The part of the bytes up to their last line end; what is behind it waits for more.
local function whole_lines(self, bytes)
  local rest = self.rest
  local at = bytes:find "\n[^\n]*$"
  if not at then
    rest[#rest + 1] = bytes
    return nil
  end
  local lines = at == #bytes and bytes or bytes:sub(1, at)
  if rest[1] then lines = table.concat(rest) .. lines end
  self.rest = at < #bytes and { bytes:sub(at + 1) } or {}
  return lines
end

-- The error of a stream in the protocol's words, behind what has come; a line that broke off is dropped.
local function fault(self, err)
  local encoder = assert(core.encoder(self.chat.protocol, "stream", { model = self.model, created = os.time() }))
  encoder:put { type = "error", message = problems.message(err), kind = err.kind, code = err.code }
  return (self.chat.protocol == "ollama" and "" or "\n") .. encoder:take()
end

local function finish(self, err)
  self.ended = true
  self.exchange:close()
  self.decoder:close()
  self.meter:done(err)
  if err then self.visit:report(err) end
end

local TOLD = { provider = true, rate_limit = true, auth = true } -- the upstream server has said it itself, in the bytes

-- The end of the bytes: what is left of them, and the error if they are not all.
local function conclude(self, err)
  self.decoder:finish()
  local code, message = count(self.decoder, self.meter)
  if self.code then code, message = self.code, self.message end
  if not err and code then err = error_of(self.call, self.decoder, code, message) end
  local last = not err and table.concat(self.rest) or not TOLD[code] and fault(self, err) or ""
  finish(self, err)
  return last ~= "" and last or nil
end

-- Reads once: the lines that have come, which may be none yet.
local function read(self)
  if self.code and not TOLD[self.code] then return conclude(self) end
  local bytes, err = self.exchange:read()
  if not bytes then return conclude(self, err and self.call:finish(err)) end
  if not self.code then
    self.decoder:feed(bytes)
    local code, message = count(self.decoder, self.meter)
    if code then self.code, self.message = code, message end
  end
  return whole_lines(self, bytes)
end

local function next_lines(self)
  local first = self.first
  self.first = nil
  if first and first ~= "" then return first end
  while not self.ended do
    local lines = read(self)
    if lines then return lines end
  end
end

-- Reads the first lines, so that an answer that is none has a status of its own.
local function begin(self)
  while not self.first do
    local bytes, err = self.exchange:read()
    if not bytes and err then return self.call:finish(err) end
    if bytes then self.decoder:feed(bytes) else self.decoder:finish() end
    local code, message = count(self.decoder, self.meter)
    if code and not self.decoder:committed() then return error_of(self.call, self.decoder, code, message) end
    self.code, self.message = code or nil, message
    if not bytes then
      self.first = table.concat(self.rest)
      self.rest = {}
      return nil
    end
    self.first = whole_lines(self, bytes) or self.code and ""
  end
end

-- The next bytes of a stream that no decoder reads. It is whole where its last line is the terminal marker of the protocol.
local function next_raw(self)
  if self.ended then return nil end
  local bytes, err = self.exchange:read()
  if bytes then
    self.tail = (self.tail .. bytes):sub(-TAIL)
    return bytes
  end
  if not err and self.chat.ends and not self.tail:find(self.chat.ends) then
    err = errors.new { kind = "incomplete", message = "the answer broke off" }
  end
  err = err and self.call:finish(err)
  finish(self, err)
  return err and fault(self, err) or nil
end

local CLOSED = problems.new(503, "the caller has gone")

local function stream_headers(headers)
  return { ["content-type"] = type_of(headers), ["cache-control"] = "no-cache", ["x-accel-buffering"] = "no" }
end

local function stream(visit, target, client, chat, call, meter, wants)
  local exchange, status, headers = call:send()
  if not exchange then
    meter:done(status)
    return nil, status
  end
  local self = {
    visit = visit, exchange = exchange, decoder = decoder_of(client, chat.protocol, headers), meter = meter, call = call, chat = chat,
    model = wants.model, rest = {}, ended = false, first = nil, code = nil, message = nil,
  }
  local err = begin(self)
  if err then
    finish(self, err)
    return nil, err
  end
  note(visit, target, call)
  return 200, stream_headers(headers), function() return next_lines(self) end, function()
    if not self.ended then finish(self, CLOSED) end
  end
end

--- Passes a request on, and gives its answer as it comes.
---@param visit ogl.GatewayVisit
---@param target ogl.GatewayTarget
---@param chat ogl.GatewayChat
---@param asked ogl.Request for the metrics alone
---@param wants table of the request
---@return integer? status
---@return table<string, string>|ogl.Error headers or the error
---@return string|(fun(): string?)|nil body
---@return function? close
function M.answer(visit, target, chat, asked, wants)
  local client = M.client(target, chat.protocol)
  local meter = meters.begin(visit, wants.stream and "stream" or "chat", asked, target)
  local body = target.model ~= wants.model and renamed(visit.request.body, target.model) or nil
  local call = send(visit, client, chat, wants, body)
  if wants.stream then return stream(visit, target, client, chat, call, meter, wants) end
  return whole(visit, target, client, chat, call, meter)
end

--- Passes on a file, of any length.
---@param visit ogl.GatewayVisit
---@param target ogl.GatewayTarget
---@param chat ogl.GatewayChat
---@param source {path?: string, data?: string}
---@return integer? status
---@return table<string, string>|ogl.Error headers or the error
---@return string? body
function M.file(visit, target, chat, source)
  local upload, err = uploads.new { path = source.path, data = source.data, mime = "application/octet-stream" }
  if not upload then return nil, err end
  local call = send(visit, M.client(target, chat.protocol), chat, { stream = false }, nil, uploads.body(upload))
  return whole(visit, target, nil, chat, call, meters.begin(visit, chat.operation, {}, target))
end

--- Passes on a request whose answer has no events of ours, such as a completion: nothing is counted but the call itself.
---@param visit ogl.GatewayVisit
---@param target ogl.GatewayTarget
---@param chat ogl.GatewayChat
---@param body table|string decoded, or bytes that go on as they are
---@param streamed boolean
---@return integer? status
---@return table<string, string>|ogl.Error headers or the error
---@return string|(fun(): string?)|nil body
---@return function? close
function M.raw(visit, target, chat, body, streamed)
  if type(body) == "table" then
    body.model = target.model
    body = json.encode(body)
  end
  local client = M.client(target, chat.server or chat.protocol)
  local call = send(visit, client, chat, { stream = streamed, model = target.model }, body)
  local meter = meters.begin(visit, chat.operation or (streamed and "stream" or "chat"), { model = target.model }, target)
  if not streamed then return whole(visit, target, nil, chat, call, meter) end
  local exchange, status, headers = call:send()
  if not exchange then
    meter:done(status)
    return nil, status
  end
  note(visit, target, call)
  local self = {
    visit = visit, exchange = exchange, decoder = NONE, meter = meter, call = call, chat = chat, model = target.model, tail = "",
  }
  return 200, stream_headers(headers), function() return next_raw(self) end, function()
    if not self.ended then finish(self, CLOSED) end
  end
end

return M
