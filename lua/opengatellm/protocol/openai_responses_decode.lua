--- The Responses API, a request that came to us: makes a request of the body of a client's POST /responses.
--
-- The input is a list of items. Items that the model made (messages of the assistant, reasoning, calls, and items unknown here) become
-- messages of the assistant whose parts go back item by item: see openai_responses.lua.
--
-- wants: stream, include_usage (always), model, warnings.
--
-- @module opengatellm.protocol.openai_responses_decode
local body_reader = require "opengatellm.protocol.reader"
local json = require "opengatellm.json"

local NAME = "openai_responses"

-- Content ---------------------------------------------------------------------------------------------------------

local decode_part = {}

function decode_part.input_text(fields) return { type = "text", text = fields:need_text "text" } end

decode_part.output_text, decode_part.text = decode_part.input_text, decode_part.input_text

function decode_part.refusal(fields) return { type = "refusal", text = fields:need_text "refusal" } end

function decode_part.input_image(fields)
  local part = { type = "image", id = fields:text "file_id", detail = fields:text "detail" }
  local address = fields:text "image_url"
  if part.id then return part end
  if not address then body_reader.refuse(fields:at "image_url", "expected a text, got nothing") end
  return body_reader.set_url(part, address, fields:at "image_url")
end

function decode_part.input_audio(fields)
  local audio = fields:fields "input_audio" or fields
  return body_reader.audio_of(audio)
end

function decode_part.input_file(fields)
  local part = { type = "file", id = fields:text "file_id", name = fields:text "filename" }
  local address, data = fields:text "file_url", fields:text "file_data"
  if part.id then return part end
  if address then return body_reader.set_url(part, address, fields:at "file_url") end
  if not data then body_reader.refuse(fields:at "file_data", "expected a text, got nothing") end
  return body_reader.set_file(part, data, fields:at "file_data")
end

local function content_of(fields, key)
  return fields:text_or_parts(key, "parts", decode_part)
end

-- What the assistant said -----------------------------------------------------------------------------------------

local TOLD = { content = true, arguments = true, input = true, name = true, call_id = true, role = true, type = true }

-- Encodes the members of an item beside its texts as JSON; gives nil if it has only a type.
local function shell_of(fields, kind)
  local shell
  for key, value in pairs(fields.table) do
    if not TOLD[key] and value ~= json.null then
      shell = shell or { type = kind }
      shell[key] = type(value) == "table" and json.raw(fields.reader:source(value)) or value
    end
  end
  return shell and json.encode(shell)
end

---@class ogl.ResponsesInput of one body
---@field messages ogl.Message[] so far
---@field calls table ids of calls
local Input = {}
Input.__index = Input

--- Gives the assistant's message that is open, or a new one.
---@return table message
function Input:turn()
  local last = self.messages[#self.messages]
  if last and last.role == "assistant" then return last end
  last = { role = "assistant", protocol = NAME, content = {} }
  table.insert(self.messages, last)
  return last
end

--- Adds a part to the assistant's open message.
---@param part table
function Input:say(part) table.insert(self:turn().content, part) end

-- Whether a message has said something. An item without a shell then begins a new message, or its texts would join the one before.
local function is_said(message)
  for _, part in ipairs(message and message.content or {}) do
    if part.type == "text" or part.type == "refusal" then return true end
  end
  return false
end

local function add_assistant(input, fields)
  local shell = shell_of(fields, "message")
  local last = input.messages[#input.messages]
  if not shell and last and last.role == "assistant" and is_said(last) then
    table.insert(input.messages, { role = "assistant", protocol = NAME, content = {} })
  end
  local content = content_of(fields, "content")
  if type(content) == "string" then content = { { type = "text", text = content } } end
  for i, part in ipairs(content) do
    if part.type == "part" then part.kind = "content" end
    local annotations = part.extra and part.extra.annotations
    if type(annotations) == "table" and next(annotations) == nil then part.extra.annotations = nil end
    if part.extra and next(part.extra) == nil then part.extra = nil end
    if i == 1 then part.signature = shell end
    input:say(part)
  end
end

local ROLES = { system = true, developer = true, user = true }

local add = {}

function add.message(input, fields)
  local role = fields:need_text "role"
  if role == "assistant" then return add_assistant(input, fields) end
  if not ROLES[role] then
    body_reader.refuse(fields:at "role", "expected system, developer, user or assistant, got " .. role:sub(1, 40))
  end
  local message = { role = role, content = content_of(fields, "content"), protocol = NAME }
  fields:ignore("type", "id", "status")
  table.insert(input.messages, fields:keep(message))
end

-- Gives the texts of a thought for programs to read. Not they but the item goes back to the server.
local function texts_of(fields, key)
  local texts = {}
  for _, item in fields:each(key) do texts[#texts + 1] = item:text "text" end
  return table.concat(texts, "\n\n")
end

function add.reasoning(input, fields)
  local text = texts_of(fields, "summary")
  if text == "" then text = texts_of(fields, "content") end
  if text ~= "" then input:say { type = "reasoning", text = text } end
  input:say(input.reader:opaque(fields, "reasoning"))
end

local function add_call(input, fields, kind, arguments)
  local name = fields:need_text "name"
  local id = input.calls:add(fields:text "call_id" or fields:text "id", name)
  local turn = input:turn()
  local call = { id = id, name = name, arguments = arguments, type = kind == "custom_tool_call" and "custom" or nil }
  turn.tool_calls = turn.tool_calls or {}
  table.insert(turn.tool_calls, call)
  local signature = shell_of(fields, kind) or call.type and json.encode { type = kind } or nil
  input:say { type = "tool_call", id = id, name = name, arguments = arguments, signature = signature }
end

function add.function_call(input, fields) add_call(input, fields, "function_call", fields:text "arguments" or "{}") end

function add.custom_tool_call(input, fields) add_call(input, fields, "custom_tool_call", fields:text "input" or "") end

function add.function_call_output(input, fields)
  local id = input.calls:answer(fields:need_text "call_id")
  local message = { role = "tool", tool_call_id = id, content = content_of(fields, "output"), protocol = NAME }
  fields:ignore("type", "id", "status")
  table.insert(input.messages, fields:keep(message))
end

add.custom_tool_call_output = add.function_call_output

local function add_item(input, fields)
  body_reader.refuse_path(fields)
  local kind = fields:text "type" or "message"
  local decode = add[kind]
  if decode then return decode(input, fields) end
  input:say(input.reader:opaque(fields, kind))
end

local function messages_of(body)
  local value = body:any "input"
  if type(value) == "string" then return { { role = "user", content = value } } end
  if value == nil then body_reader.refuse("input", "expected a text or a list of items, got nothing") end
  if type(value) ~= "table" then body:text "input" end
  local input = setmetatable({ messages = {}, calls = body_reader.calls(), reader = body.reader }, Input)
  for _, fields in body:each "input" do add_item(input, fields) end
  return input.messages
end

-- Tools, output ---------------------------------------------------------------------------------------------------

local function tools_of(body)
  local tools
  for i, fields in body:each "tools" do
    tools = tools or {}
    tools[i] = fields.table
    local kind = fields:text "type" or fields.table.name ~= nil and "function"
    if not kind then fields:need_text "type" end
    if kind == "function" then
      tools[i] = fields:keep {
        name = fields:need_text "name", description = fields:text "description", strict = fields:boolean "strict",
        parameters = fields:exact "parameters",
      }
    end
  end
  return tools
end

local function choice_of(body)
  local choice = body:any "tool_choice"
  if choice == nil or type(choice) == "string" then return choice end
  local fields = body.reader:item(choice, "tool_choice")
  local kind = fields:text "type"
  if kind == "function" or kind == "custom" then return { name = fields:need_text "name" } end
  return choice
end

local function output_of(text)
  local format = text:fields "format"
  local kind = format and format:need_text "type"
  if kind == "json_object" then return "json" end
  if kind ~= "json_schema" then return nil end
  local schema = format:exact "schema"
  if not schema then body_reader.refuse(format:at "schema", "expected an object, got nothing") end
  return { schema = schema, name = format:text "name", description = format:text "description", strict = format:boolean "strict" }
end

-- Request ---------------------------------------------------------------------------------------------------------

local SAME = { -- name here -> name and kind there
  max_tokens = { "max_output_tokens", "integer" }, temperature = { "temperature", "number" }, top_p = { "top_p", "number" },
  top_logprobs = { "top_logprobs", "integer" }, user = { "user", "text" }, metadata = { "metadata", "object" },
  service_tier = { "service_tier", "text" }, store = { "store", "boolean" }, previous_response_id = { "previous_response_id", "text" },
  parallel_tool_calls = { "parallel_tool_calls", "boolean" }, include = { "include", "texts" }, system = { "instructions", "text" },
}

local function reasoning_of(fields)
  local effort, summary = fields:text "effort", fields:text "summary"
  if summary then return { effort = effort, summary = summary } end
  return body_reader.effort(effort)
end

local function decode(body)
  local request = { messages = messages_of(body), tools = tools_of(body), tool_choice = choice_of(body) }
  for name, row in pairs(SAME) do request[name] = body[row[2]](body, row[1]) end
  local text, reasoning = body:fields "text", body:fields "reasoning"
  request.output = text and output_of(text)
  request.reasoning = reasoning and reasoning_of(reasoning)
  local wants = { stream = body:boolean "stream" or false, include_usage = true, model = body:text "model" }
  request.extra = body:rest()
  body_reader.set_extra(request, "text", text)
  body_reader.set_extra(request, "reasoning", reasoning)
  return request, wants
end

--- Makes a request of a body.
---@param source string|table
---@param options? {path?: string}
---@return ogl.Request? request
---@return table|ogl.Error wants or the error, of kind `invalid`
return function(source, options) return body_reader.read(source, { protocol = NAME, path = options and options.path }, decode) end
