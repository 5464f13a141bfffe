--- Chat Completions, the request side: POST /chat/completions of OpenAI, OpenGateLLM, vLLM and everyone who copies them.
--
-- @module opengatellm.protocol.openai_chat
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local media = require "opengatellm.media"
local messages = require "opengatellm.message"
local quirks = require "opengatellm.quirks"
local requests = require "opengatellm.request"
local schema = require "opengatellm.schema"
local dialects = require "opengatellm.schema_dialects"

local M = { name = "openai_chat" }

-- Content ---------------------------------------------------------------------------------------------------------

local encode_part = {}

function encode_part.text(part) return { type = "text", text = part.text } end

function encode_part.image(part)
  local url, err = media.url(part)
  if not url then return nil, err end
  return { type = "image_url", image_url = { url = url, detail = part.detail } }
end

function encode_part.audio(part)
  if part.url then
    return nil, errors.new { kind = "unsupported", message = "openai_chat takes audio from a path or from data, not from an address" }
  end
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

-- The content of a message, and what a tool's answer cannot hold: it has texts alone.
local function encode_content(message, warn)
  if type(message.content) ~= "table" then return message.content end
  local parts, err = messages.encode_parts(message, { name = M.name, encode = encode_part, warn = warn })
  if not parts then return nil, nil, err end
  if message.role ~= "tool" or not messages.is_foreign(message, M.name) then return parts end
  local texts, others = {}, {}
  for _, part in ipairs(parts) do
    if part.type == "text" then texts[#texts + 1] = part.text else others[#others + 1] = part end
  end
  return table.concat(texts), others
end

-- Messages --------------------------------------------------------------------------------------------------------

local function encode_call(call, own)
  if not call.name then return call end
  local out = { id = call.id, type = "function" }
  if call.type == "custom" then
    out.type, out.custom = "custom", { name = call.name, input = call.arguments or "" }
  else
    out["function"] = { name = call.name, arguments = call.arguments or "{}" }
  end
  return messages.add_extra(out, call, own)
end

-- Servers that think between tool calls want those thoughts back, empty ones too, and refuse the request without (`echo_reasoning`).
local function encode_assistant(message, provider)
  local out, own = { role = "assistant", name = message.name, refusal = message.refusal }, message.protocol == M.name
  local text = messages.text(message)
  if message.tool_calls and message.tool_calls[1] then
    out.tool_calls = {}
    for i, call in ipairs(message.tool_calls) do out.tool_calls[i] = encode_call(call, own) end
    out.content = text ~= "" and text or json.null
    if provider.echo_reasoning then out[provider.echo_reasoning] = message.reasoning or "" end
  else
    out.content = text or ""
  end
  return messages.add_extra(out, message, own)
end

-- A reply of another protocol, or one that holds what cannot be said here.
local function warn_of_parts(message, warn)
  for _, part in ipairs(messages.is_foreign(message, M.name) and messages.parts(message.content) or {}) do
    if part.type == "reasoning" or messages.is_bound(part) then
      return warn("messages", "what only " .. message.protocol .. " can read of a reply was left out: thoughts, signatures, opaque parts")
    end
  end
end

-- A plain message is its own encoding: it is written, not changed.
local function is_plain(message)
  return type(message.content) == "string" and message.role ~= "assistant" and not message.protocol and message.is_error == nil
end

-- Adds a message to a list; an error where that cannot be. Pictures of a tool's answer are what the user shows, after all answers.
local function add_message(out, message, provider, warn)
  if is_plain(message) then
    out[#out + 1] = message
    return
  elseif message.role == "assistant" then
    warn_of_parts(message, warn)
    out[#out + 1] = encode_assistant(message, provider)
    return
  end
  local content, others, err = encode_content(message, warn)
  if err then return err end
  local name = not (message.role == "tool" and messages.is_foreign(message, M.name)) and message.name or nil
  local encoded = { role = message.role, content = content, name = name, tool_call_id = message.tool_call_id }
  out[#out + 1] = messages.add_extra(encoded, message, message.protocol == M.name)
  if not others or not others[1] then return end
  out.shown = out.shown or {}
  for _, part in ipairs(others) do out.shown[#out.shown + 1] = part end
end

local function show(out, warn)
  if not out.shown then return end
  warn("messages", "openai_chat has texts alone in a tool's answer: what it shows came after it", "approximated")
  out[#out + 1] = { role = "user", content = json.array(out.shown) }
  out.shown = nil
end

local function encode_messages(request, provider, warn)
  local out = {} -- and `shown`, while there is something to show
  if request.system then out[1] = { role = "system", content = request.system } end
  for _, message in ipairs(request.messages) do
    if message.role ~= "tool" then show(out, warn) end
    local err = add_message(out, quirks.message(message, provider, warn), provider, warn)
    if err then return nil, err end
  end
  show(out, warn)
  return out
end

-- Tools, output, reasoning ----------------------------------------------------------------------------------------

local function encode_tools(tools, own)
  local out = {}
  for i, tool in ipairs(tools) do
    out[i] = tool.type and tool or messages.add_extra({
      type = "function",
      ["function"] = {
        name = tool.name, description = tool.description, strict = tool.strict,
        parameters = schema.parameters(tool.parameters),
      },
    }, tool, own)
  end
  return out
end

local function encode_tool_choice(choice)
  if type(choice) == "table" and choice.name and not choice.type then
    return { type = "function", ["function"] = { name = choice.name } }
  end
  return choice
end

local function encode_output(output, provider, warn)
  if output == "json" then return { type = "json_object" } end
  local adapted, strict, details = dialects.output(output, provider.schema, warn)
  return { type = "json_schema", json_schema = {
    name = details.name or "output", description = details.description, schema = adapted, strict = strict or details.strict,
  } }
end

local function encode_reasoning(reasoning, body, warn)
  reasoning = requests.reasoning(reasoning)
  body.reasoning_effort = reasoning.effort
  if reasoning.budget then warn("reasoning.budget", "openai_chat has no budget for reasoning: it was left out") end
  if reasoning.summary then warn("reasoning.summary", "openai_chat has no summary of reasoning: it was left out") end
end

-- Request ---------------------------------------------------------------------------------------------------------

-- Fields that go as they are, under the same name.
local SAME = {
  temperature = true, top_p = true, top_k = true, stop = true, seed = true, presence_penalty = true, frequency_penalty = true,
  logit_bias = true, logprobs = true, top_logprobs = true, n = true, user = true, metadata = true, service_tier = true, store = true,
  parallel_tool_calls = true,
}
local NOT_CARRIED = { previous_response_id = true, include = true, search = true }

-- Copies what has the same name, and says what cannot be carried.
local function set_same(body, request, warn)
  for field, value in next, request do
    if SAME[field] then body[field] = value
    elseif NOT_CARRIED[field] then warn(field, "openai_chat has no " .. field .. ": it was left out") end
  end
end

-- Whether the model is left a tool: OpenGateLLM takes `search` out and runs it itself.
local function has_model_tool(tools)
  for _, tool in ipairs(tools) do
    if tool.type ~= "search" then return true end
  end
  return false
end

local function set_tools(body, request, provider, warn)
  if not request.tools or not request.tools[1] then return end
  body.tools = encode_tools(request.tools, request.protocol == M.name)
  -- OpenGateLLM up to 0.9.0 puts "none" where a client says nothing
  local choice = encode_tool_choice(request.tool_choice or has_model_tool(request.tools) and "auto" or "none")
  body.tool_choice = quirks.tool_choice(choice, provider, warn)
end

local function set_stream(body, provider)
  body.stream = true
  if not provider.no_stream_options then body.stream_options = { include_usage = true } end
end

---@param request ogl.Request checked
---@param provider table
---@param stream boolean
---@param model string
---@return table? wire
---@return ogl.Error? err
function M.encode_request(request, provider, stream, model)
  local warnings, warn = requests.warnings()
  request = requests.translated(quirks.request(request, provider, warn), M.name, warn)
  local list, err = encode_messages(request, provider, warn)
  if not list then return nil, err end
  local body = { model = model, messages = list }
  set_same(body, request, warn)
  body[provider.max_tokens or "max_tokens"] = request.max_tokens
  set_tools(body, request, provider, warn)
  if request.output then body.response_format = encode_output(request.output, provider, warn) end
  if request.reasoning then encode_reasoning(request.reasoning, body, warn) end
  if stream then set_stream(body, provider) end
  quirks.body(body, provider)
  requests.add_extra(body, request, M.name, warn)
  return {
    method = "POST", path = "/chat/completions", body = body, warnings = warnings,
    stream = nil, options = nil, repeatable = nil, model = nil, -- the client's own: the table has room for them
  }
end

--- The request that a client of this protocol sent: see openai_chat_decode.lua.
function M.decode_request(body, options) return require "opengatellm.protocol.openai_chat_decode"(body, options) end

M.decode_error = errors.from_status

return M
