--- Relays: a chat whose bytes pass through untouched, because both sides speak the same protocol and nothing is to change.
--
-- A decoder beside counts what passes, and knows whether the answer came to its end (csrc/core/transcoder.h): whole lines go out alone, so
-- that an error can stand behind a stream that broke off.
--
-- @module opengatellm.gateway.relay
local answers = require "opengatellm.gateway.answer"
local calls = require "opengatellm.http.call"
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local meters = require "opengatellm.gateway.meter"
local problems = require "opengatellm.gateway.problem"
local uploads = require "opengatellm.http.upload"
local words = require "opengatellm.base.words"

local M = {}

local TAIL = 64 -- bytes at the end of a stream that tell whether it is whole

local PATHS = { openai_chat = "/chat/completions", openai_responses = "/responses" }

-- Quirks of a provider's data (providers/init.lua) that change a request: a chat for such a server is translated.
local QUIRKS = words.list [[
  max_tokens no_stream_options drop rename tool_choice no_message_names no_refusal no_empty_answers signs_calls echo_reasoning body no_model
]]

-- What a request is known by where its own server judges the rest: the kinds of its outermost members (core.outline).
local OUTLINES = {
  openai_chat = {
    model = "text", stream = "boolean", messages = { { role = "text" } }, temperature = "number", top_p = "number", seed = "integer",
    max_tokens = "integer", max_completion_tokens = "integer", n = "integer", presence_penalty = "number", frequency_penalty = "number",
    logprobs = "boolean", top_logprobs = "integer", user = "text", tools = "list", response_format = "object", stream_options = "object",
    metadata = "object", logit_bias = "object", store = "boolean", parallel_tool_calls = "boolean", service_tier = "text",
    reasoning_effort = "text",
  },
  openai_responses = {
    model = "text", stream = "boolean", input = "any", temperature = "number", top_p = "number", max_output_tokens = "integer",
    instructions = "text", tools = "list", text = "object", reasoning = "object", metadata = "object", store = "boolean",
    parallel_tool_calls = "boolean", previous_response_id = "text", user = "text", top_logprobs = "integer", service_tier = "text",
  },
  ollama = { model = "text", stream = "boolean", messages = { { role = "text" } }, options = "object", tools = "list" },
}

local speakers = setmetatable({}, { __mode = "k" }) -- gateway -> protocol -> whether a client of its routes may speak it

local function is_spoken(gateway, protocol)
  local known = speakers[gateway] or {}
  speakers[gateway] = known
  if known[protocol] == nil then
    known[protocol] = false
    for _, route in ipairs(gateway.routes.list) do
      local provider = not route.client.rows and route.client.provider
      if provider and (provider.protocol == protocol or provider.models) then known[protocol] = true end
    end
  end
  return known[protocol]
end

--- Reads of a request what a relay has to know; nil where that is not enough, and it is to be read in full.
---@param visit ogl.GatewayVisit
---@param chat ogl.GatewayChat
---@return {model: string, stream: boolean}? wants
function M.glance(visit, chat)
  if not is_spoken(visit.gateway, chat.protocol) then return nil end
  local body, path = visit.request.body, visit.request.path
  local seen = body and core.outline(body, OUTLINES[chat.protocol])
  if not (seen and seen.model and (seen.messages or seen.input)) or path:find "/generate" then return nil end
  if seen.stream == nil then seen.stream = chat.protocol == "ollama" end
  return seen
end

local plain = setmetatable({}, { __mode = "k" }) -- provider -> whether it has no quirk

local function has_quirks(provider)
  if plain[provider] ~= nil then return not plain[provider] end
  plain[provider] = true
  for _, name in ipairs(QUIRKS) do
    if provider[name] ~= nil then plain[provider] = false end
  end
  return not plain[provider]
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

-- The body as it came, but for the model's name, which goes to the front: where the server has another one, and where the body names two,
-- of which the server may take the one that the routes did not see.
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

local function type_of(headers)
  local kind = headers["content-type"]
  return type(kind) == "string" and kind or nil
end

local function headers_of(headers, streamed)
  return answers.headers(type_of(headers) or not streamed and "application/json" or nil, streamed)
end

--- Passes a request on, and gives its answer as it comes.
---@param visit ogl.GatewayVisit
---@param target ogl.GatewayTarget
---@param chat ogl.GatewayChat
---@param wants table of the request
---@return integer? status
---@return table<string, string>|ogl.Error headers or the error
---@return string|(fun(): string?)|nil body
---@return function? close
function M.answer(visit, target, chat, wants)
  local client, streamed = M.client(target, chat.protocol), wants.stream
  local meter = meters.begin(visit, streamed and "stream" or "chat", { input = visit.request.body }, target)
  local body = visit.request.body
  if target.model ~= wants.model or core.member(body, "model") ~= json.encode(target.model) then body = renamed(body, target.model) end
  local call = send(visit, client, chat, wants, body)
  local context = { model = wants.model, created = os.time(), untouched = true }
  local given, close, headers = answers.pass(visit, chat, call, meter, streamed, context)
  if not given then return nil, close end
  visit:note(target, nil, answers.tries(call))
  return 200, headers_of(context.untouched and headers or {}, streamed), given, close
end

-- Answers that no decoder reads ---------------------------------------------------------------------------------------------

local function whole(visit, target, call, meter)
  local body, head = call:fetch()
  if not body then
    meter:done(head)
    return nil, head
  end
  visit:note(target, nil, answers.tries(call))
  meter:done()
  return head.status, headers_of(head.headers), body
end

-- The error of a stream in the protocol's words, behind what has come.
local function fault(self, err)
  local encoder = assert(core.encoder(self.chat.protocol, "stream", { model = self.model, created = os.time() }))
  encoder:put { type = "error", message = problems.message(err), kind = err.kind, code = err.code }
  return (self.chat.protocol == "ollama" and "" or "\n") .. encoder:take()
end

local function finish(self, err)
  self.ended = true
  self.exchange:close()
  self.meter:done(err)
  if err then self.visit:report(err) end
end

-- The next bytes of a stream. It is whole where its last line is the terminal marker of the protocol.
local function next_bytes(self)
  if self.ended then return nil end
  local bytes, err = self.exchange:read()
  if bytes then
    if self.chat.ends then self.tail = #bytes < TAIL and (self.tail .. bytes):sub(-TAIL) or bytes:sub(-TAIL) end
    return bytes
  end
  if not err and self.chat.ends and not self.tail:find(self.chat.ends) then
    err = errors.new { kind = "incomplete", message = "the answer broke off" }
  end
  err = err and self.call:finish(err)
  finish(self, err)
  return err and fault(self, err) or nil
end

local function give_up(self)
  if self.ended then return end
  self.ended = true
  self.exchange:close()
  self.meter:give_up()
end

local function stream(visit, target, chat, call, meter)
  local exchange, status, headers = call:send()
  if not exchange then
    meter:done(status)
    return nil, status
  end
  visit:note(target, nil, answers.tries(call))
  local self = {
    visit = visit, exchange = exchange, meter = meter, call = call, chat = chat, model = target.model, tail = "", ended = false,
  }
  return 200, headers_of(headers, true), function() return next_bytes(self) end, function() give_up(self) end
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
  return whole(visit, target, call, meters.begin(visit, chat.operation, {}, target))
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
  if streamed then return stream(visit, target, chat, call, meter) end
  return whole(visit, target, call, meter)
end

return M
