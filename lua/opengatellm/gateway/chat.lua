--- Chats of a face: a request in the face's protocol becomes one of the library, the events of its answer become the face's bytes.
--
-- Where the client speaks the same protocol and nothing is to change, the bytes pass through instead (relay.lua).
--
-- @module opengatellm.gateway.chat
local answers = require "opengatellm.gateway.answer"
local core = require "opengatellm.core"
local meters = require "opengatellm.gateway.meter"
local mistake = require "opengatellm.middleware.mistake"
local problems = require "opengatellm.gateway.problem"
local protocols = require "opengatellm.protocol"
local relay = require "opengatellm.gateway.relay"
local steps = require "opengatellm.chat.steps"
local task = require "opengatellm.task"

local M = {}

---@class ogl.GatewayChat how a face answers a chat
---@field protocol string
---@field id? string front of the ids that it makes
---@field echo? fun(body: string): string members of the request that the answer repeats
---@field early? function (visit, asked, wants, target) -> status, headers, body | nil, err where nothing is sent upstream; nil: it is,
--- by the completion that it may have put into the target
---@field renames? boolean a request passes through although its model has another name upstream
---@field remote? fun(target: ogl.GatewayTarget): string?, string? the name of a hosted model, and its host, which the answer tells
---@field timed? boolean its answers tell times and durations
---@field relayed? string path of the upstream server, where it is not that of a chat
---@field ends? string pattern of the end of a stream that no decoder reads
---@field operation? string name of such a call in the metrics
---@field server? string what relay.client takes for the protocol, where it is not that of the errors
---@field keeps_type? boolean the body goes on with the caller's content type

local CONTENT_TYPES = { ollama = "application/x-ndjson" }

local function content_type(chat, streamed)
  if not streamed then return "application/json" end
  return CONTENT_TYPES[chat.protocol] or "text/event-stream"
end

-- What the encoder of an answer has to know. An answer of the same protocol keeps its id, by which the caller may ask for it again.
local function context_of(visit, chat, target, wants)
  local own = not target.client.rows and target.client.provider.protocol == chat.protocol
  local context = {
    id = not own and chat.id and chat.id .. visit.id or nil, model = wants.model, created = not chat.timed and os.time() or nil,
    include_usage = wants.include_usage, echo = chat.echo and chat.echo(visit.request.body) or nil, now = chat.timed and visit.at,
    generate = wants.generate,
  }
  if chat.remote then context.remote_model, context.remote_host = chat.remote(target) end
  return context
end

--- The headers of an answer in the face's form.
---@param chat ogl.GatewayChat
---@param streamed boolean
---@return table<string, string>
function M.headers(chat, streamed)
  return answers.headers(content_type(chat, streamed), streamed)
end

-- An output that does not fit its schema is the caller's to judge: all of it has come.
local function is_failure(err) return err ~= nil and err.code ~= "output" end

local function attempts_of(stream)
  if stream.attempts then return stream.attempts end
  return nil, stream.call and answers.tries(stream.call) or 1
end

-- Opens the stream, and waits for its first event, which comes when no other try may answer.
local function open(visit, target, asked)
  local client = target.completion or target.client
  local stream, err = mistake.catch(client.stream, client, asked)
  if not stream then return nil, err end
  task.on_kill(function() stream:close() end)
  local first
  first, err = stream:next()
  if is_failure(err) then
    stream:close()
    return nil, err
  end
  visit:note(target, attempts_of(stream))
  return stream, first
end

-- The next bytes of an answer; nil at its end. A failure goes out in the words of the face.
local function step(self)
  local event, err = self.first, nil
  self.first = nil
  if not event then event, err = self.stream:next() end
  if event then
    self.meter:event(event)
    self.encoder:put(event, self.visit:now())
    return
  end
  self.ended = true
  if is_failure(err) then
    self.visit:report(err)
    self.encoder:put { type = "error", message = problems.message(err), kind = err.kind, code = err.code }
  else
    err = nil
    self.encoder:finish(self.visit:now())
  end
  self.stream:close()
  self.meter:done(err)
end

local function next_bytes(self)
  while not self.ended do
    step(self)
    local bytes = self.encoder:take()
    if bytes ~= "" then return bytes end
  end
end

local function close(self)
  if self.ended then return end
  self.ended = true
  self.stream:close()
  self.meter:give_up()
end

-- Reads a whole answer; an error of it has a status of its own.
local function whole(self)
  local err
  local event = self.first
  while event do
    self.meter:event(event)
    self.encoder:put(event, self.visit:now())
    event, err = self.stream:next()
  end
  self.stream:close()
  if is_failure(err) then
    self.meter:done(err)
    return nil, err
  end
  self.encoder:finish(self.visit:now())
  self.meter:done()
  return self.encoder:take()
end

-- An answer by the events of a stream, for those who have to see them: middleware, a router, structured output.
local function by_events(visit, chat, target, asked, meter, streamed, context)
  local stream, first = open(visit, target, asked)
  if not stream then
    meter:done(first)
    return nil, first
  end
  local encoder = assert(core.encoder(chat.protocol, streamed and "stream" or "whole", context))
  local self = { visit = visit, stream = stream, first = first, meter = meter, ended = false, encoder = encoder }
  if not streamed then return whole(self) end
  return function() return next_bytes(self) end, function() close(self) end
end

-- An answer whose events nobody needs.
local function by_bytes(visit, chat, target, asked, meter, streamed, context)
  local call, problem = steps.prepare(target.client, asked, "stream", true, true)
  if not call then
    if type(problem) == "string" then problem = mistake.new(problem) end
    meter:done(problem)
    return nil, problem
  end
  local body, give_up = answers.pass(visit, chat, call, meter, streamed, context)
  if body then visit:note(target, nil, answers.tries(call)) end
  return body, give_up
end

local function translate(visit, chat, target, asked, wants)
  local streamed, client = wants.stream, target.client
  asked.model, asked.keep, asked.no_streaming, asked.headers = target.model, false, not streamed or nil, visit:forwarded()
  local way = (client.rows or client.chain or target.completion or asked.output) and by_events or by_bytes
  local meter = meters.begin(visit, streamed and "stream" or "chat", asked, target)
  local body, give_up = way(visit, chat, target, asked, meter, streamed, context_of(visit, chat, target, wants))
  if not body then return nil, give_up end
  return 200, M.headers(chat, streamed), body, give_up
end

-- Reads the request of a chat, and finds who answers it; nil and the error.
local function read(visit, chat)
  local body, problem = visit:text()
  if not body then return nil, problem end
  local protocol = require(protocols[chat.protocol])
  local asked, wants = protocol.decode_request(body, { path = visit.request.path })
  if not asked then return nil, wants end
  local _, twin = visit:refuse_twin(asked.extra)
  if twin then return nil, twin end
  local target, err = visit:target(wants.model)
  if not target then return nil, err end
  return asked, wants, target
end

-- Who a request passes on to, as far as a glance at it can tell.
local function relayed(visit, chat)
  local wants = relay.glance(visit, chat)
  local target = wants and visit:target(wants.model)
  if target and relay.fits(target, chat, wants) then return target, wants end
end

--- Answers a chat.
---@param visit ogl.GatewayVisit
---@param chat ogl.GatewayChat
---@return integer? status
---@return table<string, string>|ogl.Error headers or the error
---@return string|(fun(): string?)|nil body
---@return function? close
function M.answer(visit, chat)
  local target, wants = relayed(visit, chat)
  if target then return relay.answer(visit, target, chat, wants) end
  local asked
  asked, wants, target = read(visit, chat)
  if not asked then return nil, wants end
  if relay.fits(target, chat, wants) then return relay.answer(visit, target, chat, wants) end
  if chat.early then
    local status, headers, body = chat.early(visit, asked, wants, target)
    if status or headers then return status, headers, body end
  end
  return translate(visit, chat, target, asked, wants)
end

return M
