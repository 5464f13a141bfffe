--- Messages, the request side: POST /messages of Anthropic and of the servers that speak its protocol.
--
-- The protocol knows two roles. Instructions stand apart, in `system`; the answer of a tool is a block in a message of the user, and one
-- message holds all answers to one turn. An assistant's message that came by this protocol goes back as it came: thoughts with
-- their signatures, blocks of server tools byte for byte.
--
-- @module opengatellm.protocol.anthropic
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local model_limits = require "opengatellm.protocol.model_limits"
local media = require "opengatellm.request.media"
local messages = require "opengatellm.protocol.messages"
local outputs = require "opengatellm.request.output"
local schema_dialects = require "opengatellm.request.schema_dialects"
local tools = require "opengatellm.protocol.tools"
local turns = require "opengatellm.protocol.turns"
local translation = require "opengatellm.protocol.translation"

local M = { name = "anthropic" }

--- The max_tokens of a request that sets none: the protocol requires a number, and every model takes this one.
M.MAX_TOKENS = 4096

-- Gives the mark for the prompt cache: the server may read the prompt up to here from its cache.
local function cache_of(part) return part.cache and { type = "ephemeral" } or part.cache_control end

-- Content ---------------------------------------------------------------------------------------------------------

-- Whether a text is only white space, which the server refuses.
local function is_blank(text) return type(text) == "string" and not text:find "%S" end

local encode_part = {}

function encode_part.text(part)
  if is_blank(part.text) then return nil end
  return { type = "text", text = part.text, cache_control = cache_of(part) }
end

-- Encodes where the bytes of a part are.
local function source_of(part)
  if part.id then return { type = "file", file_id = part.id } end
  local text, mime = media.base64(part)
  if text then return { type = "base64", media_type = mime, data = text } end
  if mime then return nil, mime end
  return { type = "url", url = part.url }
end

function encode_part.image(part)
  local source, err = source_of(part)
  if not source then return nil, err end
  return { type = "image", source = source, cache_control = cache_of(part) }
end

-- Encodes a text document as text, because the server takes only PDF documents in base64.
local function text_source(part)
  if part.url or part.id then return nil end
  local bytes, mime = media.bytes(part)
  if bytes and type(mime) == "string" and mime:find "^text/" then return { type = "text", media_type = "text/plain", data = bytes } end
end

function encode_part.file(part)
  local source, err = text_source(part), nil
  if not source then source, err = source_of(part) end
  if not source then return nil, err end
  return { type = "document", source = source, title = part.name, cache_control = cache_of(part) }
end

function encode_part.audio() return nil, errors.unsupported "anthropic takes no audio" end

encode_part.refusal = encode_part.text

local function encode_parts(message, warn)
  local parts, err = messages.encode_parts(message, { name = M.name, encode = encode_part, warn = warn })
  local last = parts and parts[#parts]
  if last and message.protocol and message.role ~= "tool" and message.cache_control and getmetatable(last) == nil then
    last.cache_control = last.cache_control or message.cache_control -- some servers of Chat Completions mark a whole message
  end
  return parts, err
end

-- Sends a plain text as a text and not as a block: it is shorter, and every server takes it.
local function encode_content(message, warn)
  if type(message.content) == "string" and (message.role == "tool" or not message.cache_control) then return message.content end
  return encode_parts(message, warn)
end

-- What the assistant said -----------------------------------------------------------------------------------------

local encode_said = {}

function encode_said.text(part, out)
  if is_blank(part.text) then return end
  out[#out + 1] = { type = "text", text = part.text, cache_control = cache_of(part) }
end
encode_said.refusal = encode_said.text

-- Encodes a thought that is signed; the server refuses others.
function encode_said.reasoning(part, out, own)
  local signed = own and part.signature and not messages.members(part.signature) -- signatures of other protocols are JSON
  if signed then out[#out + 1] = { type = "thinking", thinking = part.text or "", signature = part.signature } end
end

-- Removes white space at the end of a text: the server writes it before a call, but refuses it in a request.
local function trim(block)
  if block and getmetatable(block) == nil and block.type == "text" then block.text = block.text:gsub("%s+$", "") end
end

-- Encodes a call. Its signature is the JSON of its caller, since a program that the server runs may call a tool.
function encode_said.tool_call(part, out, own, warn)
  trim(out[#out])
  out[#out + 1] = {
    type = "tool_use", id = part.id, name = part.name, input = messages.arguments(part, warn), cache_control = cache_of(part),
    caller = own and messages.members(part.signature) and json.raw(part.signature) or nil,
  }
end

function encode_said.part(part, out, own)
  if own then out[#out + 1] = json.raw(part.json) end
end

-- Adds a citation to the text block that it is about: the last one.
function encode_said.citation(part, out, own)
  local last = out[#out]
  if not own or not last or last.type ~= "text" then return end
  last.citations = last.citations or json.array {}
  table.insert(last.citations, json.raw(part.json))
end

local function encode_assistant(message, warn)
  local out = messages.encode_said(message, { name = M.name, encode = encode_said, warn = warn })
  if not out[1] then return nil end
  local only = out[1]
  if not out[2] and only.type == "text" and not only.citations and not only.cache_control then return only.text end
  return out
end

-- Messages --------------------------------------------------------------------------------------------------------

local function encode_result(message, warn)
  local content, err = encode_content(message, warn)
  if not content then return nil, err end
  if message.is_error and (is_blank(content) or type(content) == "table" and not content[1]) then
    content = "The tool failed." -- the server wants a text with an error
  elseif type(content) == "table" and not content[1] then
    content = nil
  end
  return {
    type = "tool_result", tool_use_id = message.tool_call_id, content = content, is_error = message.is_error,
    cache_control = cache_of(message),
  }
end

-- Adds blocks of the user. Answers of tools that follow each other, and blocks of the user behind them, share one message.
local function add_to_results(out, blocks, is_results)
  local last = out[#out]
  if last and last.results then
    for _, block in ipairs(blocks) do table.insert(last.content, block) end
  else
    out[#out + 1] = { role = "user", content = json.array(blocks), results = is_results }
  end
end

local add = {}

function add.tool(draft, message)
  local block, err = encode_result(message, draft.warn)
  if not block then return err end
  add_to_results(draft.out, { block }, true)
end

function add.user(draft, message)
  local out = draft.out
  local last = out[#out]
  if last and last.results then
    local blocks, err = encode_parts(message, draft.warn)
    if not blocks then return err end
    add_to_results(out, blocks)
  else
    local content, err = encode_content(message, draft.warn)
    if not content then return err end
    local nothing = is_blank(content) or type(content) == "table" and not content[1]
    if nothing then turns.leave_out_empty(draft, "user") else out[#out + 1] = { role = "user", content = content } end
  end
end

function add.assistant(draft, message)
  local content = encode_assistant(message, draft.warn)
  if not content then return turns.leave_out_empty(draft, "assistant") end
  table.insert(draft.out, { role = "assistant", content = content })
end

-- Whether instructions may stay inside the conversation: some models take them behind a message of the user. In a request that came by
-- this protocol, their author put them there.
local function stays_inside(message, last, row)
  if not row.system_inside or not last then return false end
  return message.protocol == M.name or last.role == "user" or last.role == "system"
end

-- Puts instructions before the conversation, or leaves them where they are.
function add.system(draft, message)
  local out = draft.out
  local blocks, err = encode_parts(message, draft.warn)
  if not blocks then return err end
  if not blocks[1] then return nil end
  if not stays_inside(message, out[#out], draft.row) then return turns.add_instructions(draft, blocks, M.name) end
  out[#out + 1] = { role = "system", content = blocks }
end

local function is_text(content)
  if type(content) == "string" then return true end
  for _, block in ipairs(content) do
    if getmetatable(block) ~= nil or block.type ~= "text" then return false end
  end
  return true
end

-- Ends the conversation. Older models continue an answer that the assistant began, newer ones refuse that, and all refuse white space at
-- its end.
local function finish(draft)
  local last = draft.out[#draft.out]
  if not last or last.role ~= "assistant" or not is_text(last.content) then return end
  if turns.drop_prefill(draft, true) then return end
  if type(last.content) == "string" then
    last.content = last.content:gsub("%s+$", "")
  else
    trim(last.content[#last.content])
  end
end

local function user_message(blocks) return { role = "user", content = json.array(blocks) } end

local function encode_messages(request, model, row, warn)
  local draft = { out = {}, system = {}, row = row, model = model, warn = warn }
  if request.system and not is_blank(request.system) then draft.system[1] = { type = "text", text = request.system } end
  local err = turns.add_all(draft, request.messages, "plain", add)
  if err then return nil, err end
  finish(draft)
  for _, message in ipairs(draft.out) do message.results = nil end
  turns.promote_instructions(draft, M.name, user_message)
  return draft.out, draft.system
end

local function encode_system(system)
  if not system[1] then return nil end
  if not system[2] and system[1].type == "text" and not system[1].cache_control then return system[1].text end
  return json.array(system)
end

-- Tools -----------------------------------------------------------------------------------------------------------

local function encode_tool(tool, number, target)
  local inner = tools.function_of(tool)
  if not inner then return tool end
  return messages.add_extra({
    name = inner.name, description = inner.description, strict = inner.strict, cache_control = cache_of(tool),
    input_schema = tools.parameters(inner, number, target),
  }, tool, target.own)
end

local CHOICES = { auto = "auto", none = "none", required = "any" }

local function encode_tool_choice(choice, parallel)
  if type(choice) == "table" and choice.type and choice.type ~= "function" then return choice end
  local name = type(choice) == "table" and (choice.name or choice["function"] and choice["function"].name)
  local out = name and { type = "tool", name = name } or { type = CHOICES[choice] or choice }
  if parallel == false and out.type ~= "none" then out.disable_parallel_tool_use = true end
  return out
end

local function set_tools(body, request, provider, warn)
  if not request.tools or not request.tools[1] then return end
  local target = { own = request.protocol == M.name, strict_dialect = provider.schema or M.name, flat = true, warn = warn }
  body.tools = {}
  for i, tool in ipairs(request.tools) do body.tools[i] = encode_tool(tool, i, target) end
  if request.tool_choice or request.parallel_tool_calls == false then
    body.tool_choice = encode_tool_choice(request.tool_choice or "auto", request.parallel_tool_calls)
  end
end

-- Tools of the server that a header has to switch on. The user's own header replaces it.
-- Source: platform.claude.com/docs, "Tool reference" (2026).
local BETAS = {
  computer_20250124 = "computer-use-2025-01-24", computer_20251124 = "computer-use-2025-11-24", mcp_toolset = "mcp-client-2025-11-20",
  advisor_20260301 = "advisor-tool-2026-03-01",
}

local function headers_of(list)
  local betas, seen = {}, {}
  for _, tool in ipairs(list or {}) do
    local beta = BETAS[tool.type]
    if beta and not seen[beta] then betas[#betas + 1], seen[beta] = beta, true end
  end
  return betas[1] and { { "anthropic-beta", table.concat(betas, ",") } } or nil
end

-- Reasoning -------------------------------------------------------------------------------------------------------

local LEAST_BUDGET = 1024 -- tokens; the server refuses less
local BUDGETS = { minimal = 1024, low = 2048, medium = 8192, high = 16384, xhigh = 32000, max = 32000 }

-- Gives the nearest budget that the server takes and that leaves `room` tokens for the answer, if the model's limit is known.
local function budget_in_range(budget, room, row, warn)
  local most = row.longest and math.max(LEAST_BUDGET, row.longest - room) or budget
  local fits = math.max(LEAST_BUDGET, math.min(budget, most))
  if fits ~= budget then
    warn("reasoning.budget", ("anthropic has no budget of %d tokens here: %d was sent"):format(budget, fits), "approximated")
  end
  return fits
end

local LEAST_ROOM = 1024 -- tokens of an answer beside the longest thoughts

local function set_budget(body, request, budget, row, warn)
  budget = budget_in_range(budget, math.min(body.max_tokens, LEAST_ROOM), row, warn)
  body.thinking = { type = "enabled", budget_tokens = budget }
  if body.max_tokens > budget then return end -- max_tokens counts the thoughts, and has to leave room for an answer
  body.max_tokens = math.min(budget + body.max_tokens, row.longest or math.huge)
  if request.max_tokens then
    warn("max_tokens", "max_tokens has to be above the budget of reasoning: " .. body.max_tokens .. " was sent", "approximated")
  end
end

local function set_effort(body, effort)
  body.thinking = { type = "adaptive" }
  body.output_config = body.output_config or {}
  body.output_config.effort = effort
end

-- Switches thinking off, or sends the least effort to a model that always thinks.
local function set_off(body, model, row, warn)
  if row.off == false then
    warn("reasoning", model .. " always thinks: the least effort was sent", "approximated")
    return set_effort(body, "low")
  end
  if row.off ~= "nothing" then body.thinking = { type = row.off or "disabled" } end -- "nothing": this model thinks only if asked
end

local function set_reasoning(body, request, model, row, warn)
  local reasoning = translation.reasoning(request.reasoning)
  local effort, budget = reasoning.effort, reasoning.budget
  if effort == "none" or budget == 0 then return set_off(body, model, row, warn) end
  if budget and row.way == "adaptive" then
    effort = translation.effort_of(budget)
    warn("reasoning.budget", ("%s has no budget for reasoning: the effort %s was sent"):format(model, effort), "approximated")
  elseif budget then
    return set_budget(body, request, budget, row, warn)
  end
  if not effort then return end
  if row.way == "adaptive" or row.way == "both" then return set_effort(body, effort) end
  set_budget(body, request, BUDGETS[effort] or BUDGETS.medium, row, warn)
end

-- Request ---------------------------------------------------------------------------------------------------------

local SAME = { "temperature", "top_p", "top_k", "service_tier" }
local NOT_CARRIED = {
  seed = true, presence_penalty = true, frequency_penalty = true, logit_bias = true, logprobs = true, top_logprobs = true, n = true,
  store = true, previous_response_id = true, include = true, search = true,
}

-- Sends the user, which is the only metadata of this protocol.
local function set_metadata(body, request, warn)
  local metadata = request.metadata or {}
  local user = request.user or metadata.user_id
  if user then body.metadata = { user_id = user } end
  local names = {}
  for name in pairs(metadata) do
    if name ~= "user_id" then names[#names + 1] = "metadata." .. name end
  end
  table.sort(names)
  for _, name in ipairs(names) do warn(name, "anthropic has no metadata but user_id: it was left out") end
end

local function set_output(body, request, provider, row, warn)
  if request.output == "json" then
    warn("output", "anthropic has no JSON without a schema: ask for it in the text")
  elseif row.output ~= false then
    local schema = schema_dialects.of_output(request, M.name, provider.schema or M.name, warn)
    body.output_config = { format = { type = "json_schema", schema = schema } }
  end
end

-- Sends the stop texts without those of white space, which the server refuses.
local function set_stop(body, stop, warn)
  local stops = {}
  for _, text in ipairs(type(stop) == "string" and { stop } or stop) do
    if not is_blank(text) then stops[#stops + 1] = text end
  end
  if #stops < (type(stop) == "string" and 1 or #stop) then warn("stop", "anthropic takes no stop of white space: it was left out") end
  if stops[1] then body.stop_sequences = stops end
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
  request = translation.translated(request, M.name, warn, { marks = true, budget = true })
  request, row = model_limits.fit(request, M.name, provider, model, warn)
  if request.output then request = outputs.in_words(request, row, model, warn) end
  local list, system = encode_messages(request, model, row, warn)
  if not list then return nil, system end
  local body = { model = model, messages = list, system = encode_system(system), max_tokens = request.max_tokens or M.MAX_TOKENS }
  for _, field in ipairs(SAME) do body[field] = request[field] end
  if request.stop then set_stop(body, request.stop, warn) end
  set_metadata(body, request, warn)
  set_tools(body, request, provider, warn)
  if request.output then set_output(body, request, provider, row, warn) end
  if request.reasoning then set_reasoning(body, request, model, row, warn) end
  translation.warn_of(request, NOT_CARRIED, M.name, warn)
  if stream then body.stream = true end
  translation.add_extra(body, request, M.name, warn)
  return { method = "POST", path = "/messages", headers = headers_of(request.tools), body = body, warnings = warnings }
end

--- Reads the request that a client of this protocol sent: see anthropic_decode.lua.
---@param body string JSON
---@param options? table
---@return ogl.Request? request
---@return ogl.Error? err
function M.decode_request(body, options) return require "opengatellm.protocol.anthropic_decode"(body, options) end

M.decode_error = errors.from_status

return M
