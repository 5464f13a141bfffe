--- Chat Completions, the request side: POST /chat/completions of OpenAI, OpenGateLLM, vLLM and the servers that copy them.
--
-- @module opengatellm.protocol.openai_chat
local call_ids = require "opengatellm.protocol.call_ids"
local encode_assistant = require "opengatellm.protocol.openai_chat_said"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local model_limits = require "opengatellm.protocol.model_limits"
local media = require "opengatellm.request.media"
local messages = require "opengatellm.protocol.messages"
local outputs = require "opengatellm.request.output"
local quirks = require "opengatellm.protocol.quirks"
local requests = require "opengatellm.request"
local schema = require "opengatellm.request.schema"
local schema_dialects = require "opengatellm.request.schema_dialects"
local tools = require "opengatellm.protocol.tools"
local translation = require "opengatellm.protocol.translation"

local M = { name = "openai_chat" }

-- Content ---------------------------------------------------------------------------------------------------------

local encode_part = {}

function encode_part.text(part) return { type = "text", text = part.text } end

function encode_part.image(part)
  if part.id then return nil, errors.unsupported "openai_chat takes a picture from an address, a path or data, not by the id of a file" end
  local url, err = media.url(part)
  if not url then return nil, err end
  return { type = "image_url", image_url = { url = url, detail = part.detail } }
end

function encode_part.audio(part, own)
  if own and part.bare then return { type = "input_audio", input_audio = part.url or (media.base64(part)) } end -- Mistral's form
  if part.url or part.id then return nil, errors.unsupported "openai_chat takes audio only from a path or from data" end
  local data, mime = media.base64(part)
  if not data then return nil, mime end
  return { type = "input_audio", input_audio = { data = data, format = media.audio_format(mime) } }
end

function encode_part.file(part)
  if part.id then return { type = "file", file = { file_id = part.id } } end
  local url, err = media.url(part)
  if not url then return nil, err end
  local name = part.name or (part.path or "file"):match "[^/\\]+$"
  return { type = "file", file = { file_data = url, filename = name } }
end

encode_part.refusal = encode_part.text

-- Splits a tool's answer into its text and its other parts.
local function split(parts)
  local texts, others = {}, {}
  for _, part in ipairs(parts) do
    if getmetatable(part) == nil and part.type == "text" then texts[#texts + 1] = part.text else others[#others + 1] = part end
  end
  return table.concat(texts), others
end

-- Encodes the content of a message. The second result are the parts that a tool's answer cannot hold, because servers take only text
-- there; an answer that came by this protocol keeps all its parts.
local function encode_content(message, warn)
  if type(message.content) ~= "table" then return message.content end
  local parts, err = messages.encode_parts(message, { name = M.name, encode = encode_part, warn = warn })
  if not parts then return nil, nil, err end
  if message.role ~= "tool" or message.protocol == M.name then return parts end
  local text, others = split(parts)
  return (message.protocol or others[1]) and text or parts, others
end

-- Messages --------------------------------------------------------------------------------------------------------

-- Whether a message already has the form of the protocol, so that it can be sent without a copy.
local function is_plain(message)
  return type(message.content) == "string" and message.role ~= "assistant" and not message.protocol and message.is_error == nil
    and message.metadata == nil
end

local function add_assistant(out, encoded, target)
  if target.provider.no_empty_answers and encoded.content == "" and not encoded.tool_calls then
    target.warn("messages", "a message of the assistant without anything to send was left out")
  else
    out[#out + 1] = encoded
  end
end

-- Adds a message to a list, or gives an error. Pictures of a tool's answer go into a message of the user, after all answers (`show`).
local function add_message(out, message, target)
  if is_plain(message) then
    out[#out + 1] = message
    return
  elseif message.role == "assistant" then
    add_assistant(out, encode_assistant(message, target), target)
    return
  end
  local content, others, err = encode_content(message, target.warn)
  if err then return err end
  if messages.is_emptied(message, content) then
    if message.role ~= "tool" then return end
    content = ""
  end
  local name = not (message.role == "tool" and messages.is_foreign(message, M.name)) and message.name or nil
  local encoded = { role = message.role, content = content, name = name, tool_call_id = message.tool_call_id }
  out[#out + 1] = messages.add_extra(encoded, message, message.protocol == M.name)
  if not others or not others[1] then return end
  out.shown = out.shown or {}
  for _, part in ipairs(others) do out.shown[#out.shown + 1] = part end
end

local function show(out, warn)
  if not out.shown then return end
  warn("messages", "openai_chat takes only text in a tool's answer: its other parts were sent after it", "approximated")
  out[#out + 1] = { role = "user", content = json.array(out.shown) }
  out.shown = nil
end

-- Removes an answer that the assistant only began, at the end of the conversation, for models that cannot continue it.
local function finished(out, target)
  local last = out[#out]
  if target.row.prefill ~= false or not out[2] or last.role ~= "assistant" or last.tool_calls then return out end
  target.warn("messages", target.model .. " cannot continue an answer that the assistant began: it was left out")
  out[#out] = nil
  return out
end

local function encode_messages(request, target)
  local out, provider, warn = {}, target.provider, target.warn -- out.shown holds parts that wait for `show`
  if request.system then out[1] = { role = "system", content = request.system } end
  local list = call_ids.fit(request.messages, target.row.call_ids or "any")
  for i = 1, #list do
    local message = list[i]
    if message.role ~= "tool" then show(out, warn) end
    local err = add_message(out, quirks.message(message, provider, warn), target)
    if err then return nil, err end
  end
  show(out, warn)
  return finished(out, target)
end

-- Tools, output, reasoning ----------------------------------------------------------------------------------------

local function encode_tool(tool, inner, number, target)
  local fields = { name = inner.name, description = inner.description, strict = inner.strict }
  return tools.wrapped(fields, tool, inner, number, target)
end

-- Changes only the parameters of a tool that is already in the protocol's form.
local function own_tool(tool, inner, number, target)
  local parameters = tools.parameters(inner, number, target)
  local plain = schema.object(inner.parameters or {}) == inner.parameters
  if plain and not target.flat then return tool end
  return requests.merge(tool, { ["function"] = requests.merge(inner, { parameters = parameters }) })
end

local function encode_tools(list, target)
  local out = {}
  for i, tool in ipairs(list) do
    local inner = tools.function_of(tool)
    if not inner then out[i] = tool
    elseif inner ~= tool then out[i] = own_tool(tool, inner, i, target)
    else out[i] = encode_tool(tool, inner, i, target) end
  end
  return out
end

local function encode_tool_choice(choice)
  if type(choice) == "table" and choice.name and not choice.type then
    return { type = "function", ["function"] = { name = choice.name } }
  end
  return choice
end

local function encode_output(request, target)
  local output = request.output
  if output == "json" or target.row.output == "json" then return { type = "json_object" } end
  local adapted, strict, details = schema_dialects.output(output, target.provider.schema, target.warn, request.protocol == M.name)
  return { type = "json_schema", json_schema = {
    name = details.name or "output", description = details.description, schema = adapted, strict = strict or details.strict,
  } }
end

local function encode_reasoning(reasoning, body, row, warn)
  reasoning = translation.reasoning(reasoning)
  local off = reasoning.effort == "none" and row.off
  if type(off) == "table" then
    for name, value in pairs(off) do body[name] = value end
  else
    body.reasoning_effort = reasoning.effort
  end
  if reasoning.budget then warn("reasoning.budget", "openai_chat has no budget for reasoning: it was left out") end
  if reasoning.summary then warn("reasoning.summary", "openai_chat has no summary of reasoning: it was left out") end
end

-- Request ---------------------------------------------------------------------------------------------------------

-- Fields that go unchanged, under the same name.
local SAME = {
  temperature = true, top_p = true, top_k = true, stop = true, seed = true, presence_penalty = true, frequency_penalty = true,
  logit_bias = true, logprobs = true, top_logprobs = true, n = true, user = true, metadata = true, service_tier = true, store = true,
  parallel_tool_calls = true,
}
local NOT_CARRIED = { previous_response_id = true, include = true, search = true }

-- Copies fields of the same name, and warns of fields that the protocol does not have.
local function set_same(body, request, warn)
  for field, value in next, request do
    if SAME[field] then body[field] = value
    elseif NOT_CARRIED[field] then warn(field, "openai_chat has no " .. field .. ": it was left out") end
  end
end

-- Whether any tool reaches the model: OpenGateLLM removes `search` and runs it itself.
local function has_model_tool(list)
  for _, tool in ipairs(list) do
    if tool.type ~= "search" then return true end
  end
  return false
end

local function set_tools(body, request, target)
  if not request.tools or not request.tools[1] then return end
  local dialect = target.provider.schema
  body.tools = encode_tools(request.tools, {
    own = request.protocol == M.name, strict_dialect = dialect, warn = target.warn,
    flat = dialect == "openai_strict" or target.row.flat_tools,
  })
  -- OpenGateLLM up to 0.9.0 puts "none" if a client sends no choice
  local choice = encode_tool_choice(request.tool_choice or has_model_tool(request.tools) and "auto" or "none")
  body.tool_choice = quirks.tool_choice(choice, target.provider, target.warn)
end

local function set_stream(body, provider)
  body.stream = true
  if not provider.no_stream_options then body.stream_options = { include_usage = true } end
end

--- Writes a request as this protocol's JSON body, with the path and the warnings.
---@param request ogl.Request checked
---@param provider table
---@param stream boolean
---@param model string
---@return table? wire
---@return ogl.Error? err
function M.encode_request(request, provider, stream, model)
  local warnings, warn = translation.warnings()
  local row
  request, row = model_limits.fit(translation.translated(request, M.name, warn), M.name, provider, model, warn)
  if request.output then request = outputs.in_words(request, row, model, warn) end
  local target = { provider = provider, row = row, model = model, warn = warn }
  local list, err = encode_messages(request, target)
  if not list then return nil, err end
  local body = { model = model, messages = list }
  set_same(body, request, warn)
  body[provider.max_tokens or row.max_tokens or "max_tokens"] = request.max_tokens
  set_tools(body, request, target)
  if request.output then body.response_format = encode_output(request, target) end
  if request.reasoning then encode_reasoning(request.reasoning, body, row, warn) end
  if stream then set_stream(body, provider) end
  quirks.body(body, provider)
  translation.add_extra(body, request, M.name, warn)
  return {
    method = "POST", path = "/chat/completions", body = body, warnings = warnings,
    stream = nil, options = nil, repeatable = nil, model = nil, -- makes room in the table: the client sets them
  }
end

--- Reads the request that a client of this protocol sent: see openai_chat_decode.lua.
---@param body string JSON
---@param options? table
---@return ogl.Request? request
---@return ogl.Error? err
function M.decode_request(body, options) return require "opengatellm.protocol.openai_chat_decode"(body, options) end

M.decode_error = errors.from_status

return M
