--- generateContent, the request side: POST /models/{model}:generateContent of the Gemini API, and streamGenerateContent.
--
-- The protocol knows the roles `user` and `model`. Instructions stand apart, in `systemInstruction`; the answer of a tool is a part
-- in a message of the user, and names the function. A message of the model that came by this protocol goes back as it came: each
-- thoughtSignature with its part, and parts that nobody here can read byte for byte.
--
-- @module opengatellm.protocol.gemini
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local media = require "opengatellm.media"
local messages = require "opengatellm.message"
local requests = require "opengatellm.request"
local schema = require "opengatellm.schema"
local dialects = require "opengatellm.schema_dialects"
local url = require "opengatellm.url"

local M = { name = "gemini" }

-- Content ---------------------------------------------------------------------------------------------------------

local TYPES = { -- by the end of an address
  png = "image/png", jpg = "image/jpeg", jpeg = "image/jpeg", gif = "image/gif", webp = "image/webp", pdf = "application/pdf",
  mp3 = "audio/mpeg", wav = "audio/wav", flac = "audio/flac", ogg = "audio/ogg", mp4 = "video/mp4", webm = "video/webm", txt = "text/plain",
}

local function type_of(part)
  local extension = (part.url or ""):gsub("[?#].*$", ""):match "%.(%w+)$"
  return part.mime or extension and TYPES[extension:lower()] or nil
end

local function encode_media(part)
  if part.id then return { fileData = { fileUri = part.id, mimeType = part.mime } } end
  local text, mime = media.base64(part)
  if text then return { inlineData = { mimeType = mime, data = text } } end
  if mime then return nil, mime end
  return { fileData = { fileUri = part.url, mimeType = type_of(part) } }
end

local encode_part = { image = encode_media, audio = encode_media, file = encode_media }

function encode_part.text(part) return { text = part.text } end

encode_part.refusal = encode_part.text

-- A part in the server's own form; `type` is a word of ours, and names it for the check of messages.
local function own_part(part)
  local out = {}
  for key, value in pairs(part) do
    if key ~= "type" then out[key] = value end
  end
  return out
end

local function encode_parts(message, warn)
  return messages.encode_parts(message, { name = M.name, encode = encode_part, own = own_part, warn = warn })
end

-- What the model said ---------------------------------------------------------------------------------------------

local encode_said = {}

function encode_said.text(part, out, own)
  if part.text ~= "" then out[#out + 1] = { text = part.text, thoughtSignature = own and part.signature or nil } end
end
encode_said.refusal = encode_said.text

-- A thought is sent back only for its signature.
function encode_said.reasoning(part, out, own)
  if own and part.signature then out[#out + 1] = { text = part.text, thought = true, thoughtSignature = part.signature } end
end

function encode_said.tool_call(part, out, own, warn)
  local call = { id = messages.given_id(part.id), name = part.name, args = messages.arguments(part, warn) }
  out[#out + 1] = { functionCall = call, thoughtSignature = own and part.signature or nil }
end

-- These stand beside the content of a reply, not in it.
local BESIDE = { groundingMetadata = true, urlContextMetadata = true }

function encode_said.part(part, out, own)
  if own and not BESIDE[part.kind] then out[#out + 1] = json.raw(part.json) end
end

function encode_said.citation() end

-- Messages --------------------------------------------------------------------------------------------------------

-- The answer has to be an object: one stays what it is, anything else is its output.
local function response_of(text, is_error)
  if is_error then return { error = text } end
  local value = json.decode(text)
  if type(value) == "table" and text:find "^%s*{" then return json.raw(text) end
  return { output = text }
end

-- Text and media of an answer that is a list of parts.
local function split_result(message, warn)
  if type(message.content) == "string" then return message.content end
  local parts, err = encode_parts(message, warn)
  if not parts then return nil, err end
  local texts, others = {}, {}
  for _, part in ipairs(parts) do
    if part.text then texts[#texts + 1] = part.text else others[#others + 1] = part end
  end
  return table.concat(texts), others[1] and json.array(others) or nil
end

-- `calls`: those of the conversation so far, by id, or by name where the server gave none.
local function encode_result(message, calls, warn)
  local text, parts = split_result(message, warn)
  if not text then return nil, parts end
  local call = calls[message.tool_call_id]
  local name = call and call.name or message.name or message.tool_call_id
  local id = messages.given_id(not call and message.tool_call_id or call.id)
  return { functionResponse = messages.add_extra({
    id = id ~= name and id or nil, name = name, response = response_of(text, message.is_error), parts = parts,
  }, message, message.protocol == M.name) }
end

local function note_calls(message, calls)
  for _, part in ipairs(messages.said(message)) do
    if part.type == "tool_call" and part.name then calls[part.id or part.name] = part end
  end
end

-- Answers of tools that follow each other are one message.
local function add_result(out, message, calls, warn)
  local part, err = encode_result(message, calls, warn)
  if not part then return err end
  local last = out[#out]
  if last and last.results then
    table.insert(last.parts, part)
  else
    out[#out + 1] = { role = "user", parts = json.array { part }, results = true }
  end
end

local function add_user(out, message, warn)
  local parts, err = encode_parts(message, warn)
  if not parts then return err end
  if parts[1] then out[#out + 1] = { role = "user", parts = parts } end
end

local function add_model(out, message, warn)
  local parts = messages.encode_said(message, { name = M.name, encode = encode_said, own = own_part, warn = warn })
  if parts[1] then out[#out + 1] = { role = "model", parts = parts }
  else warn("messages", "a message of the assistant without anything to send was left out") end
end

-- Instructions, wherever they stand, come before all else.
local function add_system(system, message, out, warn)
  local parts, err = encode_parts(message, warn)
  if not parts then return err end
  if out[1] then warn("messages", "gemini has instructions only before the conversation: they were moved there", "approximated") end
  for _, part in ipairs(parts) do system[#system + 1] = part end
end

local function encode_messages(request, warn)
  local system, out, calls = {}, {}, {}
  if request.system then system[1] = { text = request.system } end
  for _, message in ipairs(request.messages) do
    local role, err = message.role, nil
    if role == "system" or role == "developer" then
      err = add_system(system, message, out, warn)
    elseif role == "assistant" then
      note_calls(message, calls)
      add_model(out, message, warn)
    elseif role == "tool" then
      err = add_result(out, message, calls, warn)
    else
      err = add_user(out, message, warn)
    end
    if err then return nil, err end
  end
  for _, message in ipairs(out) do message.results = nil end
  if not out[1] and system[1] then -- instructions alone are no conversation to the server
    warn("messages", "gemini wants a message of the user: the instructions were sent as one", "approximated")
    out[1], system = { role = "user", parts = json.array(system) }, {}
  end
  return out, system[1] and { parts = json.array(system) } or nil
end

-- Tools -----------------------------------------------------------------------------------------------------------

local function declaration_of(tool, own)
  local inner = tool["function"] or tool
  return messages.add_extra({
    name = inner.name, description = inner.description,
    parametersJsonSchema = inner.parameters and schema.normalise(inner.parameters) or nil,
  }, tool, own)
end

-- A tool of the server's own is named by its type, and the rest of it is its options: {type = "googleSearch"}.
local function native_tool(tool)
  local options = {}
  for key, value in pairs(tool) do
    if key ~= "type" then options[key] = value end
  end
  return { [tool.type] = options }
end

local MODES = { auto = "AUTO", none = "NONE", required = "ANY" }

local function encode_tool_choice(choice)
  if type(choice) ~= "table" then return { mode = MODES[choice] or choice } end
  local name = choice.name or choice["function"] and choice["function"].name
  if not name then return choice end
  return { mode = "ANY", allowedFunctionNames = json.array { name } }
end

local function set_tools(body, request)
  if not request.tools or not request.tools[1] then return end
  local declarations, tools = {}, {}
  for _, tool in ipairs(request.tools) do
    if tool.type and tool.type ~= "function" then tools[#tools + 1] = native_tool(tool)
    else declarations[#declarations + 1] = declaration_of(tool, request.protocol == M.name) end
  end
  if declarations[1] then table.insert(tools, 1, { functionDeclarations = declarations }) end
  body.tools = tools
  if request.tool_choice then body.toolConfig = { functionCallingConfig = encode_tool_choice(request.tool_choice) } end
end

-- Reasoning -------------------------------------------------------------------------------------------------------

local BUDGETS = { minimal = 512, low = 1024, medium = 8192, high = 24576, xhigh = 32768 } -- tokens
local LEVELS = { minimal = "minimal", low = "low", medium = "medium", high = "high", xhigh = "high" }

-- Models up to 2.5 take a budget, later ones a level.
local function takes_budget(model) return model:find "gemini%-[12]" ~= nil end

local function thinking_of(reasoning, model, warn)
  reasoning = requests.reasoning(reasoning)
  local effort = reasoning.effort
  if reasoning.budget then return { thinkingBudget = reasoning.budget, includeThoughts = reasoning.budget ~= 0 } end
  if effort == "none" and takes_budget(model) then return { thinkingBudget = 0 } end
  if effort == "none" or effort == "xhigh" and not takes_budget(model) then
    warn("reasoning.effort", "gemini has no effort " .. effort .. ": the nearest was sent", "approximated")
  end
  if effort == "none" then return { thinkingLevel = "minimal" } end
  if takes_budget(model) then return { thinkingBudget = BUDGETS[effort], includeThoughts = true } end
  return { thinkingLevel = LEVELS[effort], includeThoughts = true }
end

-- Request ---------------------------------------------------------------------------------------------------------

-- Fields of generationConfig under the names that they have here.
local CONFIG = {
  temperature = "temperature", top_p = "topP", top_k = "topK", max_tokens = "maxOutputTokens", seed = "seed", n = "candidateCount",
  presence_penalty = "presencePenalty", frequency_penalty = "frequencyPenalty", logprobs = "responseLogprobs", top_logprobs = "logprobs",
}
local NOT_CARRIED = {
  logit_bias = true, user = true, metadata = true, store = true, previous_response_id = true, include = true, search = true,
}

local function config_of(request, provider, model, warn)
  local config = {}
  for field, name in pairs(CONFIG) do config[name] = request[field] end
  if request.stop then config.stopSequences = type(request.stop) == "string" and { request.stop } or request.stop end
  if request.output then config.responseMimeType = "application/json" end
  if type(request.output) == "table" then
    config.responseJsonSchema = dialects.warned((schema.output(request.output)), provider.schema or "gemini", "output", warn)
  end
  if request.reasoning then config.thinkingConfig = thinking_of(request.reasoning, model, warn) end
  local extra = not requests.is_foreign(request, M.name) and request.extra and request.extra.generationConfig
  for key, value in pairs(type(extra) == "table" and extra or {}) do config[key] = value end
  return next(config) ~= nil and config or nil
end

-- Tuned models, and those of other publishers, say where they are.
local function path_of(model, stream)
  local name = model:find("/", 1, true) and url.path(model) or "models/" .. url.path(model)
  return "/" .. name .. (stream and ":streamGenerateContent?alt=sse" or ":generateContent")
end

---@param request ogl.Request checked
---@param provider table
---@param stream boolean
---@param model string
---@return table? wire
---@return ogl.Error? err
function M.encode_request(request, provider, stream, model)
  local warnings, warn = requests.warnings()
  request = requests.translated(request, M.name, warn, { budget = true })
  local contents, system = encode_messages(request, warn)
  if not contents then return nil, system end
  local body = { contents = contents, systemInstruction = system, service_tier = request.service_tier }
  set_tools(body, request)
  local config = config_of(request, provider, model, warn)
  requests.warn_of(request, NOT_CARRIED, M.name, warn)
  if request.parallel_tool_calls == false then
    warn("parallel_tool_calls", "gemini cannot be kept from calling several tools at once: it was left out")
  end
  requests.add_extra(body, request, M.name, warn)
  body.generationConfig = config -- extra is in it
  return { method = "POST", path = path_of(model, stream), body = body, warnings = warnings }
end

--- The request that a client of this protocol sent: see gemini_decode.lua.
function M.decode_request(body, options) return require "opengatellm.protocol.gemini_decode"(body, options) end

-- Errors ----------------------------------------------------------------------------------------------------------

-- What the details of an error say: the reason, and the seconds to wait.
local function details_of(body)
  local value = json.decode(body)
  local err = type(value) == "table" and (value.error or type(value[1]) == "table" and value[1].error)
  local reason, delay
  for _, row in ipairs(type(err) == "table" and type(err.details) == "table" and err.details or {}) do
    if type(row) == "table" then reason, delay = reason or row.reason, delay or errors.duration(row.retryDelay) end
  end
  return reason, delay
end

--- As for every protocol; besides, a wrong key comes with status 400, and the time to wait stands in the body.
---@param status integer
---@param headers table<string, string|string[]>
---@param body string
---@return ogl.Error
function M.decode_error(status, headers, body)
  local err = errors.from_status(status, headers, body)
  local reason, delay = details_of(body)
  if reason == "API_KEY_INVALID" then err.kind = "auth" end
  if status == 429 or status == 503 then err.retry_after = err.retry_after or delay end
  return err
end

return M
