--- The Responses API, the request side: POST /responses of OpenAI, and of the servers that copy it.
--
-- A conversation is a list of input items: messages, calls, results of calls, and the other items of earlier replies.
-- A reply that came by this protocol goes back item by item: reasoning and unknown items byte for byte, messages and calls with the
-- members that stood beside their texts (id, phase, caller, …), which the part's signature holds as JSON: its shell.
--
-- @module opengatellm.protocol.openai_responses
local call_ids = require "opengatellm.protocol.call_ids"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local model_limits = require "opengatellm.protocol.model_limits"
local media = require "opengatellm.request.media"
local messages = require "opengatellm.protocol.messages"
local outputs = require "opengatellm.request.output"
local schema_dialects = require "opengatellm.request.schema_dialects"
local tools = require "opengatellm.protocol.tools"
local translation = require "opengatellm.protocol.translation"

local M = { name = "openai_responses" }

---@class ogl.ResponsesDraft of one request
---@field items table[] the input so far
---@field provider table
---@field warn fun(field: string, message: string)
---@field unstored boolean the server keeps no replies, so that items known only by their id cannot go back
---@field custom table<string, boolean> names of custom tools
---@field custom_calls table<string, boolean> ids of the calls of custom tools

-- Content ---------------------------------------------------------------------------------------------------------

local encode_part = {}

function encode_part.text(part) return { type = "input_text", text = part.text } end

function encode_part.image(part)
  if part.id then return { type = "input_image", file_id = part.id, detail = part.detail } end
  local url, err = media.url(part)
  if not url then return nil, err end
  return { type = "input_image", image_url = url, detail = part.detail }
end

function encode_part.audio(part)
  if part.url or part.id then
    return nil, errors.unsupported "openai_responses takes audio only from a path or from data"
  end
  local data, mime = media.base64(part)
  if not data then return nil, mime end
  return { type = "input_audio", input_audio = { data = data, format = media.audio_format(mime) } }
end

function encode_part.file(part)
  if part.id then return { type = "input_file", file_id = part.id } end
  if part.url then return { type = "input_file", file_url = part.url } end
  local url, err = media.url(part)
  if not url then return nil, err end
  return { type = "input_file", file_data = url, filename = part.name or (part.path or "file"):match "[^/\\]+$" }
end

encode_part.refusal = encode_part.text

local function encode_content(message, warn)
  if type(message.content) ~= "table" then return message.content end
  return messages.encode_parts(message, { name = M.name, encode = encode_part, warn = warn })
end

-- What the assistant said ------------------------------------------------------------------------------------------

-- Adds to an item the members that it had in its reply.
local function with_shell(item, shell)
  for name, value in pairs(shell) do item[name] = value end
  return item
end

-- Encodes one reply, or one message of the assistant, as items.
local Turn = {}
Turn.__index = Turn

--- Decodes the signature of a part, unless another server gave it. An id whose reasoning is missing is left out, since the server refuses
--- it.
---@param part table
---@return table?
function Turn:shell(part)
  local shell = self.own and messages.members(part.signature)
  if not shell then return nil end
  if self.without_ids then shell.id = nil end
  return shell
end

--- Adds an item to the request.
---@param item table
function Turn:add(item)
  table.insert(self.draft.items, item)
  self.thoughts = 0 -- how many items of reasoning are last
end

--- Puts a content part into the open message, or into a new one if the part begins a message.
---@param content table in the protocol's form
---@param part table the part in our form
function Turn:say(content, part)
  local shell = self:shell(part)
  if shell or not self.open then
    self.open = { role = "assistant", content = json.array {} }
    if shell then
      with_shell(self.open, shell)
      self.open.type, self.open.status = "message", "completed"
    end
    self:add(self.open)
  end
  table.insert(self.open.content, content)
end

--- Warns that a part cannot go back to the server.
---@param what string the part, in words
function Turn:leave_out(what)
  self.draft.warn(self.where, what .. " cannot go back by openai_responses: it was left out")
end

local turn_part = {}

function turn_part.text(turn, part)
  local annotations = turn.own and part.signature and json.array {} or nil
  local content = { type = "output_text", text = part.text or "", annotations = annotations }
  turn:say(messages.add_extra(content, part, turn.from_here), part)
  turn.cited = annotations
end

turn_part.output_text = turn_part.text

function turn_part.refusal(turn, part) turn:say({ type = "refusal", refusal = part.text or part.refusal }, part) end

function turn_part.reasoning(turn)
  if not turn.own then turn:leave_out "reasoning of another server" end -- this server's own is in an item, which is another part
end

-- Adds a citation to the text that it came with.
function turn_part.citation(turn, part)
  if turn.own and turn.cited and part.json then table.insert(turn.cited, json.raw(part.json)) end
end

function turn_part.tool_call(turn, part)
  turn.open = nil
  local shell, draft = turn:shell(part) or {}, turn.draft
  if part.signature and not turn.own and not turn.from_here then turn:leave_out "a call's signature of another protocol" end
  local id = part.id
  turn.called[id] = true
  if shell.type == "custom_tool_call" or draft.custom[part.name] then
    draft.custom_calls[id] = true
    turn:add(with_shell({ type = "custom_tool_call", call_id = id, name = part.name, input = part.arguments or "" }, shell))
  else
    turn:add(with_shell({ type = "function_call", call_id = id, name = part.name, arguments = part.arguments or "{}" }, shell))
  end
end

-- Whether a server that has not kept a reasoning item can read it.
local function is_encrypted(text)
  local item = json.decode(text)
  return type(item) == "table" and type(item.encrypted_content) == "string" and item.encrypted_content ~= ""
end

-- Whether an item holds only an id, so that only a server that keeps replies can read it.
local function is_kept_only(kind) return kind == "item_reference" end

-- Gives an item as it came, but without its id if the reasoning before it was left out.
local function item_of(turn, part)
  if not turn.without_ids then return json.raw(part.json) end
  local item = messages.members(part.json)
  if not item or item.id == nil then return json.raw(part.json) end
  item.id = nil
  turn:leave_out("the id of an item of type " .. tostring(part.kind) .. ", whose reasoning the server does not keep,")
  return item
end

function turn_part.part(turn, part)
  if not turn.own or not part.json then return turn:leave_out("a part of kind " .. tostring(part.kind)) end
  if part.kind == "content" then return turn:say(json.raw(part.json), part) end
  turn.open = nil
  if part.kind == "reasoning" and turn.draft.unstored and not is_encrypted(part.json) then
    turn.without_ids = true
    return turn:leave_out 'reasoning that the server does not keep (include = { "reasoning.encrypted_content" } has it sent along)'
  end
  if turn.without_ids and is_kept_only(part.kind) then return turn:leave_out "a reference to an item that the server does not keep" end
  local thoughts = turn.thoughts
  turn:add(item_of(turn, part))
  if part.kind == "reasoning" then turn.thoughts = thoughts + 1 end
end

--- Ends the turn: removes reasoning at its end, since the server refuses reasoning that nothing of the same answer follows.
function Turn:close()
  if self.thoughts == 0 then return end
  for _ = 1, self.thoughts do table.remove(self.draft.items) end
  self:leave_out "reasoning at the end of a message"
end

-- Encodes a call of `tool_calls`, in our form or in that of Chat Completions, unless the content holds it too.
local function encode_call(turn, call, said)
  local inner = call["function"] or call.custom or call
  if said[call.id] then return end
  turn_part.tool_call(turn, { id = call.id, name = inner.name, arguments = inner.arguments or inner.input, signature = call.signature })
end

-- Whether a part is an empty text to leave out. An empty message that the server has made stays, because its reasoning needs it.
local function is_nothing(turn, part) return part.type == "text" and part.text == "" and not turn:shell(part) end

local function turn_of(draft, message, where)
  return setmetatable({
    draft = draft, where = where, own = messages.is_own(message, M.name, draft.provider), from_here = message.protocol == M.name,
    called = {}, thoughts = 0,
  }, Turn)
end

-- Adds the refusal that stands beside the content, unless the content has it as a part.
local function add_refusal(turn, message)
  if type(message.refusal) ~= "string" or message.refusal == "" then return end
  for _, part in ipairs(type(message.content) == "table" and message.content or {}) do
    if type(part) == "table" and part.type == "refusal" then return end
  end
  turn_part.refusal(turn, { text = message.refusal })
end

local function encode_assistant(draft, message, where)
  local turn, content = turn_of(draft, message, where), message.content
  if type(content) ~= "table" or not content[1] then content = { type(content) == "string" and content or message.text } end
  for _, part in ipairs(content) do
    if type(part) == "string" then part = { type = "text", text = part } end
    local encode = turn_part[part.type]
    if not encode then turn:say(part, part) -- it is in the server's own form
    elseif not is_nothing(turn, part) then encode(turn, part) end
  end
  add_refusal(turn, message)
  turn.open = nil
  for _, call in ipairs(message.tool_calls or {}) do encode_call(turn, call, turn.called) end
  turn:close()
end

-- Input ------------------------------------------------------------------------------------------------------------

local function encode_message(draft, message, where)
  if message.role == "assistant" then return encode_assistant(draft, message, where) end
  if message.role == "function" then
    return draft.warn(where, "openai_responses finds the call of a result only by its id: a message of the role function was left out")
  end
  if message.name and message.role ~= "tool" then
    draft.warn(where .. ".name", "openai_responses has no names of speakers: it was left out")
  end
  local content, err = encode_content(message, draft.warn)
  if err then return err end
  if messages.is_emptied(message, content) then
    if message.role ~= "tool" then return end
    content = ""
  end
  if message.role == "tool" then
    local custom = draft.custom_calls[message.tool_call_id]
    table.insert(draft.items, {
      type = custom and "custom_tool_call_output" or "function_call_output", call_id = message.tool_call_id, output = content,
    })
  else
    table.insert(draft.items, { role = message.role, content = content })
  end
end

local function encode_input(request, provider, warn)
  local draft = {
    items = json.array {}, provider = provider, warn = warn, unstored = request.store == false, custom = {}, custom_calls = {},
  }
  for _, tool in ipairs(request.tools or {}) do
    if tool.type == "custom" and tool.name then draft.custom[tool.name] = true end
  end
  for i, message in ipairs(call_ids.fit(request.messages, "responses")) do
    local err = encode_message(draft, message, "messages[" .. i .. "]")
    if err then return nil, err end
  end
  return draft.items
end

-- Tools, output, reasoning ----------------------------------------------------------------------------------------

-- Sends `strict` always: without it, the server takes a function as strict and then refuses most schemas.
local function encode_function(tool, number, target)
  local strict = tool.strict == true
  if target.own then strict = tool.strict end -- the author of such a request may leave that to the server
  return messages.add_extra({
    type = "function", name = tool.name, description = tool.description, strict = strict,
    parameters = tools.parameters(tool, number, target),
  }, tool, target.own)
end

local function encode_tools(list, target)
  local out = json.array {}
  for i, tool in ipairs(list) do
    local inner = tools.function_of(tool) -- also in the form of Chat Completions
    out[i] = inner and encode_function(inner, i, target) or tool
  end
  return out
end

local function encode_tool_choice(choice, list)
  if type(choice) ~= "table" then return choice end
  local name = choice.name or type(choice["function"]) == "table" and choice["function"].name
  if choice.type and choice.type ~= "function" or not name then return choice end
  for _, tool in ipairs(list or {}) do
    if tool.type == "custom" and tool.name == name then return { type = "custom", name = name } end
  end
  return { type = "function", name = name }
end

local function encode_output(request, provider, row, warn)
  local output = request.output
  if output == "json" or row.output == "json" then return { format = { type = "json_object" } } end
  local adapted, strict, details = schema_dialects.output(output, provider.schema, warn, request.protocol == M.name)
  return { format = {
    type = "json_schema", name = details.name or "output", description = details.description, schema = adapted, strict = strict,
  } }
end

local function encode_reasoning(reasoning, warn)
  reasoning = translation.reasoning(reasoning)
  if reasoning.budget then warn("reasoning.budget", "openai_responses has no budget for reasoning: it was left out") end
  if not reasoning.effort and not reasoning.summary then return nil end
  return { effort = reasoning.effort, summary = reasoning.summary }
end

-- Request ---------------------------------------------------------------------------------------------------------

-- Fields that go unchanged: name here -> name there.
local SAME = {
  system = "instructions", max_tokens = "max_output_tokens", temperature = "temperature", top_p = "top_p", top_logprobs = "top_logprobs",
  user = "user", metadata = "metadata", service_tier = "service_tier", store = "store", include = "include",
  previous_response_id = "previous_response_id", parallel_tool_calls = "parallel_tool_calls",
}
local NOT_CARRIED = {
  top_k = true, stop = true, seed = true, presence_penalty = true, frequency_penalty = true, logit_bias = true, n = true, search = true,
}

local function set_same(body, request, warn)
  for field, value in next, request do
    if SAME[field] then body[SAME[field]] = value
    elseif NOT_CARRIED[field] and not (field == "n" and value == 1) then
      warn(field, "openai_responses has no " .. field .. ": it was left out")
    end
  end
end

local LOGPROBS = "message.output_text.logprobs"

-- Asks for logprobs, which this protocol has in `include`.
local function set_logprobs(body, request)
  if not request.logprobs then return end
  local include = json.array {}
  for i, name in ipairs(request.include or {}) do
    include[i] = name
    if name == LOGPROBS then return end
  end
  include[#include + 1] = LOGPROBS
  body.include = include
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
  local input, err = encode_input(request, provider, warn)
  if not input then return nil, err end
  local body = { model = model, input = input }
  set_same(body, request, warn)
  set_logprobs(body, request)
  if request.tools and request.tools[1] then
    body.tools = encode_tools(request.tools, {
      own = request.protocol == M.name, strict_dialect = provider.schema, warn = warn,
      flat = provider.schema == "openai_strict" or row.flat_tools,
    })
    body.tool_choice = encode_tool_choice(request.tool_choice, request.tools)
  elseif request.tool_choice then
    body.tool_choice = encode_tool_choice(request.tool_choice)
  end
  if request.output then body.text = encode_output(request, provider, row, warn) end
  if request.reasoning then body.reasoning = encode_reasoning(request.reasoning, warn) end
  if stream then body.stream = true end
  translation.add_extra(body, request, M.name, warn)
  translation.sort_warnings(warnings)
  return { method = "POST", path = "/responses", body = body, warnings = warnings }
end

--- Reads the request that a client of this protocol sent: see openai_responses_decode.lua.
---@param body string JSON
---@param options? table
---@return ogl.Request? request
---@return ogl.Error? err
function M.decode_request(body, options) return require "opengatellm.protocol.openai_responses_decode"(body, options) end

M.decode_error = errors.from_status

return M
