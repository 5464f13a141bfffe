--- Steps: what happens to a chat's request before it is sent.
--
--   find_search       the search that was asked for becomes the tool that OpenGateLLM takes for it
--   choose_protocol   the client for the model: a provider may speak another protocol for some
--   fetch_media       bytes take the place of addresses that the server cannot reach
--   choose_uploads    names take the place of media that are too large to stand in a request
--   encode            the protocol makes the body of it
--   send_uploads      the large media go to the server, and the request is encoded once more with their names: a mistake in it was
--                     found before, and costs no upload
--
-- A step is { run = function(call), waits = function(call), sends = true }. `run` returns nil, an error, or a text: the caller's mistake,
-- which `walk` raises at the caller's line. `waits` says whether this call will ask a server in it: who must not wait yet stops before it.
-- A preview leaves out the steps that send.
--
-- @module opengatellm.chat.steps
local calls = require "opengatellm.http.call"
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local memory = require "opengatellm.base.memory"
local requests = require "opengatellm.request"

local M = {}

local NONE = {}

-- Search ----------------------------------------------------------------------------------------------------------

local function has_search(call) return call.request.search and call.client.provider.search_tool end

local function find_search(call)
  if not (call.request.search and has_search(call)) then return nil end
  local asked, err, mistake = require "opengatellm.chat.search".request(call.client, call.request)
  call.request = asked or call.request
  return mistake or err
end

-- Protocol --------------------------------------------------------------------------------------------------------

local function choose_protocol(call)
  local client = call.client
  call.model = call.request.model or client.model_name
  if client.provider.models then call.client = client:for_model(call.model) end
end

-- Media -----------------------------------------------------------------------------------------------------------

local function wants_fetching(call) return call.request.fetch end

local function fetch_media(call)
  if not call.request.fetch then return nil end
  local asked, err = require "opengatellm.chat.fetch".resolve(call.client, call.request)
  call.request = asked or call.request
  return err
end

local function choose_uploads(call)
  if not call.client.provider.attachments then return nil end
  local err
  call.uploads, err = require "opengatellm.http.attachments".of(call.client, call.request)
  if call.uploads then call.request = call.uploads.request end
  return err
end

-- The body --------------------------------------------------------------------------------------------------------

-- What the provider's data adds to every body, and takes out of it.
local function adjust(body, provider)
  for name, value in pairs(provider.body or NONE) do
    if body[name] == nil then body[name] = value end
  end
  if provider.no_model then body.model = nil end
end

local REPAIRED = { code = "invalid_utf8", message = "bytes of the request that are no UTF-8 were replaced by U+FFFD" }

-- Makes the body a text. What JSON cannot hold is the caller's mistake.
local function write_body(wire, provider)
  adjust(wire.body, provider)
  local fine, text, repaired = pcall(core.encode, wire.body)
  if not fine then return memory.error(text) or text:gsub("^.-:%d+: ", "") end
  if repaired then table.insert(wire.warnings, REPAIRED) end
  wire.body = text
end

-- What of a request is about the call, and about how its answer is read: the rest is in the body, and the call keeps no long prompt.
local function options_of(asked)
  local keep, strict, output = asked.keep, asked.strict, asked.output
  local headers, timeouts, on_progress = asked.headers, asked.timeouts, asked.on_progress
  if not (keep or strict or output or headers or timeouts or on_progress) then return keep == nil and calls.PLAIN or calls.UNKEPT end
  return { keep = keep, strict = strict, output = output, headers = headers, timeouts = timeouts, on_progress = on_progress }
end

local function encode(call)
  local asked, client, model = call.request, call.client, call.model
  local streamed = call.streamed and not asked.no_streaming
  local wire, err = client.protocol.encode_request(asked, client.provider, streamed, model)
  if not wire then return err end
  if call.operation ~= "count_tokens" then err = write_body(wire, client.provider) end -- a count takes only some fields of the body
  if err then return err end
  wire.stream, wire.options, wire.repeatable, wire.model = streamed, options_of(asked), "inference", model
  call.wire = wire
  local first = wire.warnings[1]
  if asked.strict and first then return errors.unsupported(first.message, first.field) end
end

local function has_uploads(call) return call.uploads ~= nil and call.uploads.pending end

local function send_uploads(call)
  if not (call.uploads and has_uploads(call)) then return nil end
  local sent, err = call.uploads:send()
  if not sent then return err end
  call.request = call.uploads.request
  err = encode(call)
  if err then return err end
  -- after the check of `strict`: nothing is lost
  for _, warning in ipairs(call.uploads.warnings) do table.insert(call.wire.warnings, warning) end
end

-- The list --------------------------------------------------------------------------------------------------------

local CHAT = {
  { run = find_search, waits = has_search },
  { run = choose_protocol },
  { run = fetch_media, waits = wants_fetching, sends = true },
  { run = choose_uploads },
  { run = encode },
  { run = send_uploads, waits = has_uploads, sends = true },
}

-- What an error calls a call: the method that its caller wrote.
local function name_of(operation) return "client:" .. operation .. ": " end

--- A call of a chat whose request has been checked; nothing is sent yet. Raises what is wrong with the request.
---@param client ogl.Client
---@param question string|ogl.Request
---@param operation "chat"|"stream"|"preview"|"count_tokens" the method that was called
---@param streamed boolean
---@param level integer of the caller's line, as `error` counts from here
---@return ogl.Call
function M.begin(client, question, operation, streamed, level)
  local kind = type(question)
  if kind ~= "string" and kind ~= "table" then
    error(name_of(operation) .. "expected a text or a request, got " .. kind, level + 1)
  end
  local call = calls.new(client)
  call.request, call.operation, call.streamed = requests.of(question), operation, streamed
  local problem = requests.check(call.request)
  if not (problem or call.request.model or client.model_name) then problem = "model: none is given, neither here nor to the client" end
  if problem then error(name_of(operation) .. problem, level + 1) end
  return call
end

--- Walks the steps of a chat. Raises the caller's mistakes.
---@param call ogl.Call
---@param level integer of the caller's line, as `error` counts from here; 0: it is not known here
---@param first? integer the step to begin with
---@param pause? boolean stops before a step that asks a server
---@return integer? next_step where it stopped; #steps + 1 at the end
---@return ogl.Error? err
function M.walk(call, level, first, pause)
  first = first or 1 -- few locals: they lie below all that a step needs of a coroutine's stack
  while CHAT[first] do
    local step = CHAT[first]
    if pause and step.waits and step.waits(call) then break end
    local problem = not (step.sends and call.operation == "preview") and step.run(call)
    if problem then
      if type(problem) == "string" then error(name_of(call.operation) .. problem, level > 0 and level + 1 or 0) end
      return nil, problem
    end
    first = first + 1
  end
  return first
end

return M
