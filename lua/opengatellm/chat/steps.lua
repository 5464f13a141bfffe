--- Steps: the list of functions that a chat's request goes through before it is sent.
--
--   find_search       puts the tool that OpenGateLLM takes for a search in place of the request's `search`
--   choose_protocol   chooses the client for the model, because a provider may speak another protocol for some models
--   choose_output     asks for a schema's value in the mode that the model knows: by the server's own means, by a tool, in words
--   fetch_media       puts bytes in place of addresses that the server cannot reach
--   choose_uploads    puts names in place of media that are too large for a request
--   encode            has the protocol make the body
--   send_uploads      sends the large media to the server, and encodes the request again with their names; `encode` comes before, so
--                     that a mistake in the request costs no upload
--
-- A step is { run = function(call), field = "…", waits = function(call), sends = true }. `run` returns nil, an error, or a text: the
-- caller's mistake, which the method that was called raises at its caller's line. A step with a `field` is left out where the request does
-- not have it. `waits` says whether the step will ask a server for this call, so that a walk that must not wait yet stops before it. A
-- preview leaves out the steps that send.
--
-- @module opengatellm.chat.steps
local calls = require "opengatellm.http.call"
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local host = require "opengatellm.host"
local memory = require "opengatellm.base.memory"
local requests = require "opengatellm.request"

local M = {}

local NONE = {}

-- Search ----------------------------------------------------------------------------------------------------------

local function has_search(call) return call.request.search and call.client.provider.search_tool end

local function find_search(call)
  if not has_search(call) then return nil end
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

-- Structured output -------------------------------------------------------------------------------------------------

local function choose_output(call) return require "opengatellm.chat.structured".choose(call) end

-- Media -----------------------------------------------------------------------------------------------------------

local function wants_fetching(call) return call.request.fetch end

local function fetch_media(call)
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

-- Adds the fields of the provider's data to a body, and removes the model if the provider takes none there.
local function adjust(body, provider)
  for name, value in next, provider.body or NONE do
    if body[name] == nil then body[name] = value end
  end
  if provider.no_model then body.model = nil end
end

local REPAIRED = { code = "invalid_utf8", message = "bytes of the request that are not UTF-8 were replaced by U+FFFD" }

-- Makes the body a text. A value that JSON cannot hold is the caller's mistake.
local function write_body(wire, provider)
  adjust(wire.body, provider)
  local fine, text, repaired = pcall(core.encode, wire.body)
  if not fine then return memory.error(text) or text:gsub("^.-:%d+: ", "") end
  if repaired then table.insert(wire.warnings, REPAIRED) end
  wire.body = text
end

-- Copies the options of the call and of its answer out of a request. The rest is in the body, so that the call keeps no long prompt.
local function options_of(asked, schema)
  local keep, strict, output = asked.keep, asked.strict, schema or asked.output
  local headers, timeouts, on_progress = asked.headers, asked.timeouts, asked.on_progress
  if not (strict or output or headers or timeouts or on_progress) then return keep == false and calls.UNKEPT or calls.PLAIN end
  return { keep = keep, strict = strict, output = output, headers = headers, timeouts = timeouts, on_progress = on_progress }
end

-- Adds the warnings of structured output. Returns the error of a request that may lose nothing, and loses something.
local function judge(wire, asked, output)
  if output and output.loss then table.insert(wire.warnings, 1, output.loss) end
  local first = wire.warnings[1]
  if asked.strict and first then return errors.unsupported(first.message, first.field) end
  for _, note in ipairs(output and output.notes or NONE) do table.insert(wire.warnings, note) end
end

local function make_wire(call)
  local asked, client, model = call.request, call.client, call.model
  local streamed = call.streamed and not asked.no_streaming
  local wire, err = client.protocol.encode_request(asked, client.provider, streamed, model)
  if not wire then return err end
  if call.operation ~= "count_tokens" then err = write_body(wire, client.provider) end -- a count takes only some fields of the body
  if err then return err end
  wire.stream, wire.options, wire.repeatable, wire.model = streamed, options_of(asked, call.output), "inference", model
  call.wire = wire
  if asked.strict or call.output then return judge(wire, asked, call.output) end
end

-- A task makes its body on a stack that it shares with the other tasks: no other work of a stream goes as deep, and its own stack, which
-- would stay as large until the collector finds it, costs memory 10,000 times.
local function encode(call)
  local aside = host.aside()
  if not aside then return make_wire(call) end
  return aside(make_wire, call)
end

local function has_uploads(call) return call.uploads ~= nil and call.uploads.pending end

local function send_uploads(call)
  if not (call.uploads and has_uploads(call)) then return nil end
  local sent, err = call.uploads:send()
  if not sent then return err end
  call.request = call.uploads.request
  err = encode(call)
  if err then return err end
  -- these come after the check of `strict`, because an upload loses nothing of the request
  for _, warning in ipairs(call.uploads.warnings) do table.insert(call.wire.warnings, warning) end
end

-- The list --------------------------------------------------------------------------------------------------------

local CHAT = {
  { run = find_search, field = "search", waits = has_search },
  { run = choose_protocol },
  { run = choose_output, field = "output" },
  { run = fetch_media, field = "fetch", waits = wants_fetching, sends = true },
  { run = choose_uploads },
  { run = encode },
  { run = send_uploads, waits = has_uploads, sends = true },
}

local PREVIEW = {} -- sends nothing
for _, step in ipairs(CHAT) do
  if not step.sends then table.insert(PREVIEW, step) end
end

--- Checks the request of a chat.
---@param client ogl.Client
---@param question string|ogl.Request
---@return ogl.Request? asked with its messages as a list
---@return string? mistake of the caller's
function M.checked(client, question)
  local kind = type(question)
  if kind ~= "string" and kind ~= "table" then return nil, "expected a text or a request, got " .. kind end
  local asked = requests.of(question)
  local problem = requests.check(asked)
  if not (problem or asked.model or client.model_name) then problem = "model: missing here and in the options of the client" end
  if problem then return nil, problem end
  return asked
end

--- Makes the call of a chat, and checks its request; nothing is sent yet.
---@param client ogl.Client
---@param question string|ogl.Request
---@param operation "chat"|"stream"|"preview"|"count_tokens" the method that was called
---@param streamed boolean
---@param is_checked? boolean the question is a request that was checked before
---@return ogl.Call?
---@return string? mistake of the caller's
function M.begin(client, question, operation, streamed, is_checked)
  local asked, problem = question, nil
  if not is_checked then asked, problem = M.checked(client, question) end
  if not asked then return nil, problem end
  local call = calls.new(client)
  call.request, call.operation, call.streamed = asked, operation, streamed
  return call
end

--- Walks the steps of a chat.
---@param call ogl.Call
---@param first? integer the step to begin with
---@param pause? boolean stops before a step that asks a server
---@return integer? next_step where it stopped; #steps + 1 at the end
---@return ogl.Error|string|nil problem an error, or the caller's mistake
function M.walk(call, first, pause)
  local steps = call.operation == "preview" and PREVIEW or CHAT
  for at = first or 1, #steps do
    local step = steps[at]
    local field = step.field
    if not field or call.request[field] then
      if pause and step.waits and step.waits(call) then return at end
      local problem = step.run(call)
      if problem then return nil, problem end
    end
  end
  return #steps + 1
end

-- Keeps the request of a call whose caller decides on its retries: his function may change it before another try.
local function keep_request(call)
  local client = call.client
  call.asked = requests.merge(call.request)
  function call.prepare()
    call.client, call.asked = client, requests.merge(call.request)
    local problem = requests.check(call.request)
    if problem then return problem end
    return select(2, M.walk(call))
  end
end

--- Makes the call of a chat, ready to be sent.
---@param client ogl.Client
---@param question string|ogl.Request
---@param operation "chat"|"stream"|"preview"|"count_tokens"
---@param streamed boolean
---@param is_checked? boolean the question is a request that was checked before, as those are that came to us
---@return ogl.Call?
---@return ogl.Error|string|nil problem an error, or the caller's mistake
function M.prepare(client, question, operation, streamed, is_checked)
  local call, problem = M.begin(client, question, operation, streamed, is_checked)
  if not call then return nil, problem end
  if client.retries.retry then keep_request(call) end
  local done
  done, problem = M.walk(call)
  if not done then return nil, problem end
  return call
end

return M
