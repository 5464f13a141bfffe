--- generateContent, the request side: POST /models/{model}:generateContent of the Gemini API, and streamGenerateContent.
--
-- The protocol knows the roles `user` and `model`. Instructions stand apart, in `systemInstruction`; the answer of a tool is a part
-- in a message of the user, and names the function. A message of the model that came by this protocol goes back as it came: each
-- thoughtSignature with its part, and unknown parts byte for byte.
--
-- @module opengatellm.protocol.gemini
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local model_limits = require "opengatellm.protocol.model_limits"
local media = require "opengatellm.request.media"
local messages = require "opengatellm.protocol.messages"
local outputs = require "opengatellm.request.output"
local schema_dialects = require "opengatellm.request.schema_dialects"
local tools = require "opengatellm.protocol.tools"
local turns = require "opengatellm.protocol.turns"
local url = require "opengatellm.base.url"
local translation = require "opengatellm.protocol.translation"

local M = { name = "gemini" }

-- Content ---------------------------------------------------------------------------------------------------------

local TYPES = { -- MIME types by the extension of an address
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

function encode_part.text(part) return part.text ~= "" and { text = part.text } or nil end -- the server refuses empty ones

encode_part.refusal = encode_part.text

-- Copies a part in the server's own form without `type`, which only the check of messages needs.
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

-- Gives the signature of a part if it is of this protocol; signatures of other protocols are JSON.
local function signature_of(part, own) return own and part.signature and not messages.members(part.signature) and part.signature or nil end

function encode_said.text(part, out, own)
  local signature = signature_of(part, own)
  if part.text ~= "" or signature then out[#out + 1] = { text = part.text, thoughtSignature = signature } end
end
encode_said.refusal = encode_said.text

-- Sends a thought back only if it is signed, since the server needs nothing of it but the signature.
function encode_said.reasoning(part, out, own)
  local signature = signature_of(part, own)
  if signature then out[#out + 1] = { text = part.text, thought = true, thoughtSignature = signature } end
end

function encode_said.tool_call(part, out, own, warn)
  local call = { id = part.id, name = part.name, args = messages.arguments(part, warn) }
  out[#out + 1] = { functionCall = call, thoughtSignature = signature_of(part, own) }
end

-- Parts of a reply that the server put beside its content, so that they cannot go back in it.
local BESIDE = { groundingMetadata = true, urlContextMetadata = true }

function encode_said.part(part, out, own)
  if own and not BESIDE[part.kind] then out[#out + 1] = json.raw(part.json) end
end

function encode_said.citation() end

-- Messages --------------------------------------------------------------------------------------------------------

-- Makes an object of a tool's answer, as the server requires: an object stays unchanged, any other answer becomes its `output`.
local function response_of(text, is_error)
  if is_error then return { error = text } end
  local value = json.decode(text)
  if type(value) == "table" and text:find "^%s*{" then return json.raw(text) end
  return { output = text }
end

-- Gives the text of an answer, and its media if it is a list of parts.
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

-- Encodes an answer. Models that take no pictures in answers get them behind all answers (`shown`).
local function encode_result(message, shown, warn)
  local text, parts = split_result(message, warn)
  if not text then return nil, parts end
  local own = message.protocol == M.name
  if parts and shown and not own then
    for _, part in ipairs(parts) do shown[#shown + 1] = part end
    warn("messages", "the model takes only text in a tool's answer: its other parts were sent after it", "approximated")
    parts = nil
  end
  local id = messages.given_id(message.tool_call_id)
  local name = message.called or message.name or message.tool_call_id
  return { functionResponse = messages.add_extra({
    id = id ~= name and id or nil, name = name, response = response_of(text, message.is_error), parts = parts,
  }, message, own) }
end

local add = {}

-- Adds an answer of a tool. Answers that follow each other share one message.
function add.tool(draft, message)
  local last = draft.out[#draft.out]
  if not (last and last.results) then
    last = { role = "user", parts = json.array {}, results = draft.row.tool_images == false and {} or true }
    table.insert(draft.out, last)
  end
  local part, err = encode_result(message, type(last.results) == "table" and last.results or nil, draft.warn)
  if not part then return err end
  table.insert(last.parts, part)
end

function add.user(draft, message)
  local parts, err = encode_parts(message, draft.warn)
  if not parts then return err end
  if not parts[1] then return turns.leave_out_empty(draft, "user") end
  table.insert(draft.out, { role = "user", parts = parts })
end

-- Signs the first call of a message with a word that the model accepts for calls which it did not make, since it refuses unsigned ones.
local function sign(parts, word)
  for _, part in ipairs(parts) do
    if getmetatable(part) == nil and part.functionCall then
      part.thoughtSignature = part.thoughtSignature or word
      return
    end
  end
end

function add.assistant(draft, message)
  local parts = messages.encode_said(message, { name = M.name, encode = encode_said, own = own_part, warn = draft.warn })
  if draft.row.signs_calls then sign(parts, draft.row.signs_calls) end
  if not parts[1] then return turns.leave_out_empty(draft, "assistant") end
  table.insert(draft.out, { role = "model", parts = parts })
end

-- Puts instructions before the conversation, wherever they stood.
function add.system(draft, message)
  local parts, err = encode_parts(message, draft.warn)
  if not parts then return err end
  turns.add_instructions(draft, parts, M.name)
end

local function has_only_text(parts)
  for _, part in ipairs(parts) do
    if getmetatable(part) ~= nil or not part.text then return false end
  end
  return true
end

-- Ends the conversation: puts the pictures of answers behind all answers, and removes a begun answer that newer models cannot continue.
local function finish(draft)
  for _, message in ipairs(draft.out) do
    for _, part in ipairs(type(message.results) == "table" and message.results or {}) do table.insert(message.parts, part) end
    message.results = nil
  end
  local last = draft.out[#draft.out]
  turns.drop_prefill(draft, last ~= nil and last.role == "model" and has_only_text(last.parts))
end

local function user_message(parts) return { role = "user", parts = json.array(parts) } end

local function encode_messages(request, model, row, warn)
  local draft = { out = {}, system = {}, row = row, model = model, warn = warn }
  if request.system and request.system ~= "" then draft.system[1] = { text = request.system } end
  local err = turns.add_all(draft, request.messages, "own", add)
  if err then return nil, err end
  finish(draft)
  turns.promote_instructions(draft, M.name, user_message)
  return draft.out, draft.system[1] and { parts = json.array(draft.system) } or nil
end

-- Tools -----------------------------------------------------------------------------------------------------------

local function declaration_of(tool, inner, number, target)
  return messages.add_extra({
    name = inner.name, description = inner.description,
    parametersJsonSchema = inner.parameters and tools.parameters(inner, number, target) or nil,
  }, tool, target.own)
end

-- Encodes one of the server's own tools, such as {type = "googleSearch"}: its type becomes its name, and its other fields its options.
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

local function set_tools(body, request, provider, warn)
  if not request.tools or not request.tools[1] then return end
  local dialect = provider.schema or M.name
  local target = { own = request.protocol == M.name, dialect = dialect, strict_dialect = dialect, warn = warn }
  local declarations, list = {}, {}
  for i, tool in ipairs(request.tools) do
    local inner = tools.function_of(tool)
    if inner then declarations[#declarations + 1] = declaration_of(tool, inner, i, target) else list[#list + 1] = native_tool(tool) end
  end
  if declarations[1] then table.insert(list, 1, { functionDeclarations = declarations }) end
  body.tools = list
  if request.tool_choice then body.toolConfig = { functionCallingConfig = encode_tool_choice(request.tool_choice) } end
end

-- Reasoning -------------------------------------------------------------------------------------------------------

local BUDGETS = { none = 0, minimal = 512, low = 1024, medium = 8192, high = 24576, xhigh = 32768, max = 32768 } -- tokens
local LEVELS = { none = "minimal", minimal = "minimal", low = "low", medium = "medium", high = "high", xhigh = "high", max = "high" }

-- Gives the nearest budget that the model takes; -1 lets the model choose.
local function budget_in_range(budget, range)
  if not range or budget < 0 or budget == 0 and range.none then return budget end
  return math.max(range[1], math.min(range[2], budget))
end

local function budget_of(budget, field, model, row, warn)
  local fits = budget_in_range(budget, row.budget)
  if fits ~= budget then
    warn(field, ("%s has no budget of %d tokens for reasoning: %d was sent"):format(model, budget, fits), "approximated")
  end
  return { thinkingBudget = fits, includeThoughts = fits ~= 0 or nil }
end

-- Encodes the reasoning. Models up to 2.5 take a budget, later ones a level; models that always think take no budget of 0.
local function thinking_of(reasoning, model, row, warn)
  reasoning = translation.reasoning(reasoning)
  local effort, budget = reasoning.effort, reasoning.budget
  if budget == 0 and row.off == false then effort, budget = "none", nil end
  if budget then
    local thinking = budget_of(budget, "reasoning.budget", model, row, warn)
    thinking.includeThoughts = thinking.thinkingBudget ~= 0
    return thinking
  end
  if not effort then return { includeThoughts = true } end
  if row.way == "budget" then return budget_of(BUDGETS[effort] or BUDGETS.medium, "reasoning.effort", model, row, warn) end
  local level = LEVELS[effort] or effort
  if row.efforts and level == "minimal" then level = row.efforts[1] end
  if level ~= effort then
    warn("reasoning.effort", "gemini has no effort " .. effort .. ": the nearest was sent", "approximated")
  end
  return { thinkingLevel = level, includeThoughts = effort ~= "none" or nil }
end

-- Request ---------------------------------------------------------------------------------------------------------

-- Fields of generationConfig: name here -> name there.
local CONFIG = {
  temperature = "temperature", top_p = "topP", top_k = "topK", max_tokens = "maxOutputTokens", seed = "seed", n = "candidateCount",
  presence_penalty = "presencePenalty", frequency_penalty = "frequencyPenalty", logprobs = "responseLogprobs", top_logprobs = "logprobs",
}
local NOT_CARRIED = {
  logit_bias = true, user = true, metadata = true, store = true, previous_response_id = true, include = true, search = true,
}

local function config_of(request, provider, model, row, warn)
  local config = {}
  for field, name in pairs(CONFIG) do config[name] = request[field] end
  if request.stop then config.stopSequences = type(request.stop) == "string" and { request.stop } or request.stop end
  if request.output then config.responseMimeType = "application/json" end
  if type(request.output) == "table" and not row.output then
    config.responseJsonSchema = schema_dialects.of_output(request, M.name, provider.schema or M.name, warn)
  end
  if request.reasoning then config.thinkingConfig = thinking_of(request.reasoning, model, row, warn) end
  local extra = not translation.is_foreign(request, M.name) and request.extra and request.extra.generationConfig
  for key, value in pairs(type(extra) == "table" and extra or {}) do config[key] = value end
  return next(config) ~= nil and config or nil
end

-- Makes the path. The names of tuned models, and of those of other publishers, hold a path already ("tunedModels/…").
local function path_of(model, stream)
  local name = model:find("/", 1, true) and url.path(model) or "models/" .. url.path(model)
  return "/" .. name .. (stream and ":streamGenerateContent?alt=sse" or ":generateContent")
end

--- Writes a request as this protocol's JSON body, with the path and the warnings.
---@param request ogl.Request checked
---@param provider table
---@param stream boolean
---@param model string
---@return table? wire
---@return ogl.Error? err
function M.encode_request(request, provider, stream, model)
  local refusal = url.refusal(provider.name, "model", model)
  if refusal then return nil, refusal end
  local warnings, warn = translation.warnings()
  local row
  request = translation.translated(request, M.name, warn, { budget = true })
  request, row = model_limits.fit(request, M.name, provider, model, warn)
  if request.output then request = outputs.in_words(request, row, model, warn) end
  local contents, system = encode_messages(request, model, row, warn)
  if not contents then return nil, system end
  local body = { contents = contents, systemInstruction = system, service_tier = request.service_tier }
  set_tools(body, request, provider, warn)
  local config = config_of(request, provider, model, row, warn)
  translation.warn_of(request, NOT_CARRIED, M.name, warn)
  if request.parallel_tool_calls == false then
    warn("parallel_tool_calls", "gemini always may call several tools at once: it was left out")
  end
  translation.add_extra(body, request, M.name, warn)
  body.generationConfig = config -- config_of has merged extra into it
  return { method = "POST", path = path_of(model, stream), body = body, warnings = warnings }
end

--- Reads the request that a client of this protocol sent: see gemini_decode.lua.
---@param body string JSON
---@param options? table
---@return ogl.Request? request
---@return ogl.Error? err
function M.decode_request(body, options) return require "opengatellm.protocol.gemini_decode"(body, options) end

-- Errors ----------------------------------------------------------------------------------------------------------

-- Finds the reason in the details of an error.
local function reason_of(body)
  local value = json.decode(body)
  local err = type(value) == "table" and (value.error or type(value[1]) == "table" and value[1].error)
  for _, row in ipairs(type(err) == "table" and type(err.details) == "table" and err.details or {}) do
    if type(row) == "table" and row.reason then return row.reason end
  end
end

--- Makes an error of an answer, as for every protocol. It also reads the details, because the server rejects a wrong key with status 400.
---@param status integer
---@param headers table<string, string|string[]>
---@param body string
---@return ogl.Error
function M.decode_error(status, headers, body)
  local err = errors.from_status(status, headers, body)
  if reason_of(body) == "API_KEY_INVALID" then err.kind = "auth" end
  return err
end

return M
