--- Ollama's own protocol, the request side: POST /api/chat.
--
-- Sampling parameters stand in `options`, pictures are base64 beside the text, arguments of calls are objects and not texts.
-- Ollama's other fields (keep_alive, options such as num_ctx) go through `extra`; `extra.options` is merged into the options.
--
-- @module opengatellm.protocol.ollama
local call_ids = require "opengatellm.protocol.call_ids"
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local model_limits = require "opengatellm.protocol.model_limits"
local media = require "opengatellm.request.media"
local messages = require "opengatellm.protocol.messages"
local schema_dialects = require "opengatellm.request.schema_dialects"
local tools = require "opengatellm.protocol.tools"
local translation = require "opengatellm.protocol.translation"

local M = { name = "ollama" }

-- Messages --------------------------------------------------------------------------------------------------------

local DATA_URL = "^data:[^,]*;base64,(.*)$"

-- Encodes a picture as base64.
local function image_of(part)
  if part.id then return nil, errors.unsupported "ollama takes pictures from a path or from data, not by the id of a file" end
  if not part.url then return media.base64(part) end
  local data = part.url:match(DATA_URL)
  if data then return data end
  return nil, errors.unsupported "ollama takes pictures from a path or from data, not from an address"
end

-- Encodes a picture in the form of Chat Completions, which users have from other servers.
local function foreign_image(part)
  local url = type(part.image_url) == "table" and part.image_url.url or part.image_url
  return image_of { url = tostring(url) }
end

-- Gives the text and the pictures of a message.
local function split_content(message, warn)
  local content = message.content
  if type(content) ~= "table" then return content, nil end
  local foreign = messages.is_foreign(message, M.name)
  local texts, images = {}, nil
  for _, part in ipairs(content) do
    if type(part) == "string" then texts[#texts + 1] = part
    elseif part.type == "text" then texts[#texts + 1] = part.text
    elseif part.type == "image" or part.type == "image_url" then
      local data, err = (part.type == "image" and image_of or foreign_image)(part)
      if not data and not (foreign and err.kind == "unsupported") then return nil, nil, err end
      if not data then warn("messages", err.message .. ": it was left out") end
      images = images or data and {}
      if data then images[#images + 1] = data end
    elseif part.type == "refusal" then texts[#texts + 1] = part.text
    elseif foreign then
      warn("messages", "ollama takes only texts and pictures: a part of type " .. (part.kind or part.type) .. " was left out")
    else
      return nil, nil, errors.unsupported("ollama takes only texts and pictures, not a part of type " .. part.type)
    end
  end
  return table.concat(texts), images
end

-- Encodes the arguments of a call, which are a text here and an object there, byte for byte.
local function encode_arguments(text, where, warn)
  if type(text) == "table" then return text end
  if text and type(core.decode(text)) == "table" then return json.raw(text) end
  if text and text ~= "" then warn(where .. ".arguments", "arguments that are not a JSON object were left out") end
  return {}
end

local function encode_calls(draft, calls, where)
  if not calls[1] then return nil end
  local out = {}
  for i, call in ipairs(calls) do
    local inner = call["function"] or call.custom or call
    local arguments = encode_arguments(inner.arguments or inner.input, ("%s.tool_calls[%d]"):format(where, i), draft.warn)
    out[i] = messages.add_extra({ id = call.id, ["function"] = { name = inner.name, arguments = arguments } }, call, draft.from_here)
  end
  return out
end

-- Adds a reply's thinking and pictures if it came by this protocol; for another reply, warns that they are left out.
local function add_parts(draft, out, message, where)
  local own, thoughts, left = message.protocol == M.name, {}, nil
  for _, part in ipairs(type(message.content) == "table" and message.content or {}) do
    local kind = type(part) == "table" and part.type
    if kind == "reasoning" and own then thoughts[#thoughts + 1] = part.text
    elseif kind == "part" and own and part.kind == "images" then out.images = json.raw(part.json)
    elseif kind == "reasoning" or kind == "part" or kind == "tool_call" and part.signature then left = true end
  end
  if thoughts[1] then out.thinking = table.concat(thoughts) end
  if left then draft.warn(where, "reasoning and parts of another protocol cannot go back by ollama: they were left out") end
end

local function encode_assistant(draft, message, where)
  local text, refusal = messages.text(message), message.refusal
  text = type(text) == "string" and text or ""
  if type(refusal) == "string" and not text:find(refusal, 1, true) then text = text .. refusal end
  local out = { role = "assistant", content = text }
  draft.from_here = message.protocol == M.name
  out.tool_calls = encode_calls(draft, messages.calls(message), where)
  add_parts(draft, out, message, where)
  return messages.add_extra(out, message, message.protocol == M.name)
end

local ROLES = { developer = "system", ["function"] = "tool" } -- the server's words for them

local function encode_message(draft, message, where)
  if message.role == "assistant" then return encode_assistant(draft, message, where) end
  local text, images, err = split_content(message, draft.warn)
  if err then return nil, err end
  local out = { role = ROLES[message.role] or message.role, content = text, images = images }
  if out.role == "tool" then
    local id = messages.given_id(message.tool_call_id)
    out.tool_name = message.called or message.name
    if id ~= out.tool_name then out.tool_call_id = id end
  elseif message.name then
    draft.warn(where .. ".name", "ollama has no names of speakers: it was left out")
  end
  return messages.add_extra(out, message, message.protocol == M.name)
end

local function encode_messages(request, warn)
  local out, draft = json.array {}, { warn = warn }
  if request.system then out[1] = { role = "system", content = request.system } end
  for i, message in ipairs(call_ids.fit(request.messages, "named")) do
    local encoded, err = encode_message(draft, message, "messages[" .. i .. "]")
    if not encoded then return nil, err end
    out[#out + 1] = encoded
  end
  return out
end

-- Tools, output, reasoning ----------------------------------------------------------------------------------------

local function encode_tools(list, target)
  local out = {}
  for i, tool in ipairs(list) do
    local inner = tools.function_of(tool)
    local fields = inner and { name = inner.name, description = inner.description }
    out[i] = inner and tools.wrapped(fields, inner == tool and tool or {}, inner, i, target) or tool
  end
  return out
end

-- Encodes the tools. For the choice "none" it sends no tools, which means exactly that.
local function set_tools(body, request, warn)
  if request.tools and request.tools[1] and request.tool_choice ~= "none" then
    body.tools = encode_tools(request.tools, { own = request.protocol == M.name, warn = warn })
  end
  if request.tool_choice and request.tool_choice ~= "none" and request.tool_choice ~= "auto" then
    warn("tool_choice", "ollama lets the model choose its tools: tool_choice was left out")
  end
end

local THINK = { none = false, minimal = "low", low = "low", medium = "medium", high = "high", xhigh = "high" }

local function set_think(body, reasoning, warn)
  reasoning = translation.reasoning(reasoning)
  local effort = reasoning.effort
  if effort == nil then body.think = true else body.think = THINK[effort] end
  if effort and body.think == nil then body.think = effort end
  if effort == "minimal" or effort == "xhigh" then
    warn("reasoning.effort", "ollama knows low, medium and high: the nearest was sent", "approximated")
  end
  if reasoning.budget then warn("reasoning.budget", "ollama has no budget for reasoning: it was left out") end
  if reasoning.summary then warn("reasoning.summary", "ollama has no summary of reasoning: it was left out") end
end

-- Request ---------------------------------------------------------------------------------------------------------

-- Fields that go into `options`: name here -> name there.
local OPTIONS = {
  max_tokens = "num_predict", temperature = "temperature", top_p = "top_p", top_k = "top_k", seed = "seed",
  presence_penalty = "presence_penalty", frequency_penalty = "frequency_penalty",
}
local SAME = { logprobs = true, top_logprobs = true }
local NOT_CARRIED = {
  logit_bias = true, n = true, user = true, metadata = true, service_tier = true, store = true, previous_response_id = true, include = true,
  parallel_tool_calls = true, search = true,
}

local function set_same(body, options, request, warn)
  for field, value in next, request do
    if OPTIONS[field] then options[OPTIONS[field]] = value
    elseif SAME[field] then body[field] = value
    elseif NOT_CARRIED[field] and not (field == "n" and value == 1) then warn(field, "ollama has no " .. field .. ": it was left out") end
  end
  if request.stop then options.stop = type(request.stop) == "string" and { request.stop } or request.stop end
end

local function set_extra(body, options, request, warn)
  translation.add_extra(body, request, M.name, warn)
  local extra = body.options
  if type(extra) ~= "table" then return end
  for name, option in pairs(extra) do options[name] = option end
  body.options = nil
end

--- Writes a request as this protocol's JSON body, with the path and the warnings.
---@param request ogl.Request checked
---@param provider table
---@param stream boolean
---@param model string
---@return table? wire
---@return ogl.Error? err
function M.encode_request(request, provider, stream, model)
  local options, warnings, warn = {}, translation.warnings()
  request = model_limits.fit(translation.translated(request, M.name, warn), M.name, provider, model, warn)
  local list, err = encode_messages(request, warn)
  if not list then return nil, err end
  local body = { model = model, messages = list, stream = stream } -- `stream` is always sent, because the server's default is true
  set_same(body, options, request, warn)
  set_tools(body, request, warn)
  if request.output == "json" then
    body.format = "json"
  elseif request.output then
    body.format = schema_dialects.of_output(request, M.name, provider.schema or "grammar", warn)
  end
  if request.reasoning then set_think(body, request.reasoning, warn) end
  set_extra(body, options, request, warn)
  if next(options) ~= nil then body.options = options end
  translation.sort_warnings(warnings)
  return {
    method = "POST", path = "/api/chat", root = true, accept = stream and "application/x-ndjson" or nil, body = body, warnings = warnings,
  }
end

--- Reads the request that a client of this protocol sent: see ollama_decode.lua.
---@param body string JSON
---@param options? table
---@return ogl.Request? request
---@return ogl.Error? err
function M.decode_request(body, options) return require "opengatellm.protocol.ollama_decode"(body, options) end

M.decode_error = errors.from_status

return M
