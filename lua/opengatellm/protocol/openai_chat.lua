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

local function encode_content(content)
  if type(content) ~= "table" then return content end
  local parts = {}
  for _, part in ipairs(content) do
    if type(part) == "string" then part = { type = "text", text = part } end
    local encode = encode_part[part.type]
    local encoded, err = part, nil -- not one of ours: the server's own form
    if encode then encoded, err = encode(part) end
    if not encoded then return nil, err end
    parts[#parts + 1] = encoded
  end
  return json.array(parts)
end

-- Messages --------------------------------------------------------------------------------------------------------

local function encode_calls(calls)
  local out = {}
  for i, call in ipairs(calls) do
    out[i] = call.name and { id = call.id, type = "function", ["function"] = { name = call.name, arguments = call.arguments or "{}" } }
      or call
  end
  return out
end

-- Servers that think between tool calls want those thoughts back, empty ones too, and refuse the request without (`echo_reasoning`).
local function encode_assistant(message, provider)
  local out = { role = "assistant", name = message.name, refusal = message.refusal }
  local text = messages.text(message)
  if message.tool_calls and message.tool_calls[1] then
    out.tool_calls = encode_calls(message.tool_calls)
    out.content = text ~= "" and text or json.null
    if provider.echo_reasoning then out[provider.echo_reasoning] = message.reasoning or "" end
  else
    out.content = text or ""
  end
  return out
end

local function encode_message(message, provider)
  -- a plain message is its own encoding: it is written, not changed
  if type(message.content) == "string" and message.role ~= "assistant" then return message end
  if message.role == "assistant" then return encode_assistant(message, provider) end
  local content, err = encode_content(message.content)
  if err then return nil, err end
  return { role = message.role, content = content, name = message.name, tool_call_id = message.tool_call_id }
end

local function encode_messages(request, provider, warn)
  local out = {}
  if request.system then out[1] = { role = "system", content = request.system } end
  for _, message in ipairs(request.messages) do
    local encoded, err = encode_message(quirks.message(message, provider, warn), provider)
    if not encoded then return nil, err end
    out[#out + 1] = encoded
  end
  return out
end

-- Tools, output, reasoning ----------------------------------------------------------------------------------------

local NO_PARAMETERS = { type = "object", properties = {} }

local function encode_tools(tools)
  local out = {}
  for i, tool in ipairs(tools) do
    out[i] = tool.type and tool or {
      type = "function",
      ["function"] = {
        name = tool.name, description = tool.description, strict = tool.strict,
        parameters = tool.parameters and schema.normalise(tool.parameters) or NO_PARAMETERS,
      },
    }
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
  local adapted, strict = dialects.strict(output, provider.schema, "output", warn)
  return { type = "json_schema", json_schema = { name = "output", schema = adapted, strict = strict or nil } }
end

local function encode_reasoning(reasoning, body, warn)
  if type(reasoning) == "string" then reasoning = { effort = reasoning } end
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
  body.tools = encode_tools(request.tools)
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
  request = quirks.request(request, provider, warn)
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
  requests.add_extra(body, request.extra)
  return { method = "POST", path = "/chat/completions", body = body, warnings = warnings }
end

M.decode_error = errors.from_status

return M
