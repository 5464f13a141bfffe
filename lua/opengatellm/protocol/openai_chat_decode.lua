--- Chat Completions, a request that came to us: makes a request of the body of a client's POST /chat/completions.
--
-- Fields that have no name here (in the body, in a message, beside a part or a call) are kept as `extra`, and go back only to this
-- protocol. The old `functions` and `function_call` become tools; their calls get ids.
--
-- wants: stream, include_usage (the client asks for the chunk with the usage), model, warnings.
--
-- @module opengatellm.protocol.openai_chat_decode
local body_reader = require "opengatellm.protocol.reader"
local json = require "opengatellm.json"
local url = require "opengatellm.base.url"

local NAME = "openai_chat"

-- Content ---------------------------------------------------------------------------------------------------------

local decode_part = {}

function decode_part.text(fields) return { type = "text", text = fields:need_text "text" } end

function decode_part.refusal(fields) return { type = "refusal", text = fields:need_text "refusal" } end

-- Some clients send the address in place of the object.
function decode_part.image_url(fields)
  if type(fields.table.image_url) == "string" then
    return body_reader.set_url({ type = "image" }, fields:text "image_url", fields:at "image_url")
  end
  local image = fields:fields "image_url"
  if not image then body_reader.refuse(fields:at "image_url", "expected an object, got nothing") end
  if image.table.url == nil and image.table.file_id ~= nil then return fields.reader:opaque(fields, "image_url") end
  return body_reader.set_url({ type = "image", detail = image:text "detail" }, image:need_text "url", image:at "url")
end

function decode_part.input_audio(fields)
  if type(fields.table.input_audio) == "string" then
    return body_reader.bare_audio(fields:text "input_audio", fields:at "input_audio")
  end
  local audio = fields:fields "input_audio"
  if not audio then body_reader.refuse(fields:at "input_audio", "expected an object, got nothing") end
  if audio.table.data == nil and audio.table.file_id ~= nil then return fields.reader:opaque(fields, "input_audio") end
  return body_reader.audio_of(audio)
end

function decode_part.file(fields)
  local file = fields:fields "file"
  if not file and fields.table.file_id ~= nil then return fields.reader:opaque(fields, "file") end -- Mistral's
  if not file then body_reader.refuse(fields:at "file", "expected an object, got nothing") end
  body_reader.refuse_path(file)
  local part = { type = "file", id = file:text "file_id", name = file:text "filename" }
  if part.id then return part end
  local data = file:need_text "file_data"
  return body_reader.set_file(part, data, file:at "file_data")
end

-- Reads the content of a message; gives nil if it has none.
local function content_of(fields)
  local content = fields:any "content"
  if content == nil or type(content) == "string" then return content end
  if type(content) ~= "table" then return fields:text "content" end
  local parts, list = {}, fields:list "content"
  for i, item in ipairs(list) do
    local where = fields:at "content" .. "[" .. i .. "]"
    parts[i] = type(item) == "string" and { type = "text", text = item } or fields.reader:item(item, where):part(decode_part)
  end
  return parts
end

-- Messages --------------------------------------------------------------------------------------------------------

-- Reads the arguments of a call: a text, or an object from clients that forget to encode it.
local function arguments_of(fields, key)
  local value = fields:any(key)
  if type(value) == "table" then return fields.reader:source(fields:object(key)) end
  return fields:text(key)
end

local function call_of(fields)
  local call = { id = fields:text "id" }
  local inner = fields:fields "custom"
  if inner then
    call.type, call.arguments = "custom", inner:text "input"
  else
    inner = fields:fields "function"
    if not inner then body_reader.refuse(fields:at "function", "expected an object, got nothing") end
    call.arguments = arguments_of(inner, "arguments")
  end
  call.name = inner:need_text "name"
  fields:ignore("type", "index")
  return fields:keep(call)
end

local function is_text_alone(part)
  if type(part) ~= "table" or part.type ~= "text" or type(part.text) ~= "string" then return false end
  for key in pairs(part) do
    if key ~= "type" and key ~= "text" then return false end
  end
  return true
end

-- Gives the text of Mistral's thoughts, which are a text or a list of texts; nil if they hold anything else.
local function thought_of(thinking)
  if type(thinking) == "string" then return thinking end
  if type(thinking) ~= "table" then return nil end
  local texts = {}
  for i, part in ipairs(thinking) do
    if not is_text_alone(part) then return nil end
    texts[i] = part.text
  end
  return table.concat(texts)
end

-- Reads a part in the server's own form: a thought becomes a part as in a reply, any other part goes back as it came.
local function own_part(item, part)
  local text = item.type == "thinking" and thought_of(item.thinking)
  if not text then
    part.kind = "content"
    return part
  end
  local beside = {}
  for name, value in pairs(item) do
    if name ~= "thinking" then beside[name] = value end
  end
  return { type = "reasoning", text = text, signature = json.encode(beside) }
end

local function said_by(fields)
  local content = content_of(fields)
  for i, part in ipairs(type(content) == "table" and content or {}) do
    if part.type == "part" then content[i] = own_part(fields.table.content[i], part) end
  end
  return content
end

local decode_message = {}

function decode_message.assistant(fields, calls)
  local message = { role = "assistant", content = said_by(fields), name = fields:text "name", refusal = fields:text "refusal" }
  for i, call in fields:each "tool_calls" do
    message.tool_calls = message.tool_calls or {}
    message.tool_calls[i] = call_of(call)
    message.tool_calls[i].id = calls:add(message.tool_calls[i].id, message.tool_calls[i].name)
  end
  local old = fields:fields "function_call"
  if old then
    local name = old:need_text "name"
    message.tool_calls = { { id = calls:add(nil, name), name = name, arguments = arguments_of(old, "arguments") } }
  end
  return message
end

local function need_content(fields)
  local content = content_of(fields)
  if content == nil then body_reader.refuse(fields:at "content", "expected a text or a list of parts, got nothing") end
  return content
end

function decode_message.tool(fields, calls)
  local id, name = fields:text "tool_call_id", fields:text "name"
  id = calls:answer(id, name)
  if not id then body_reader.refuse(fields:at "tool_call_id", "expected a text, got nothing") end
  return { role = "tool", tool_call_id = id, content = need_content(fields), name = name }
end

decode_message["function"] = function(fields, calls)
  local name = fields:need_text "name"
  return { role = "tool", tool_call_id = calls:answer(nil, name), content = need_content(fields) }
end

local function decode_said(fields, _, role) return { role = role, content = need_content(fields), name = fields:text "name" } end

decode_message.system, decode_message.developer, decode_message.user = decode_said, decode_said, decode_said

local function message_of(fields, calls)
  body_reader.refuse_path(fields)
  local role = fields:role(decode_message, "system, developer, user, assistant or tool")
  local message = decode_message[role](fields, calls, role)
  message.protocol = NAME
  return fields:keep(message)
end

local function messages_of(body)
  local messages, calls = {}, body_reader.calls()
  if body:list "messages" == nil then body_reader.refuse("messages", "expected a list, got nothing") end
  for i, fields in body:each "messages" do messages[i] = message_of(fields, calls) end
  return messages
end

-- Tools, output ---------------------------------------------------------------------------------------------------

local function function_of(fields)
  return {
    name = fields:need_text "name", description = fields:text "description", strict = fields:boolean "strict",
    parameters = fields:exact "parameters",
  }
end

-- Reads a tool: its function is an object of its own, or its fields stand beside the type. Without a type, it is a function.
local function tool_of(fields)
  local kind = fields:text "type" or "function"
  if kind ~= "function" then return fields.table end
  local inner = fields:fields "function"
  if not inner and fields.table.name == nil then body_reader.refuse(fields:at "function", "expected an object, got nothing") end
  local tool = function_of(inner or fields)
  tool.inner_extra = inner and inner:rest()
  return fields:keep(tool)
end

local function tools_of(body)
  local tools
  for i, fields in body:each "tools" do
    tools = tools or {}
    tools[i] = tool_of(fields)
  end
  for i, fields in body:each "functions" do
    tools = tools or {}
    tools[i] = function_of(fields)
    tools[i].inner_extra = fields:rest()
  end
  return tools
end

local function choice_of(body)
  local choice = body:any "tool_choice"
  if choice == nil then choice = body:any "function_call" end
  if choice == "any" then return "required" end -- Mistral's word
  if choice == nil or type(choice) == "string" then return choice end
  local fields = body.reader:item(choice, "tool_choice")
  local inner = fields:fields "function" or not fields:text "type" and fields
  return inner and { name = inner:need_text "name" } or choice
end

local function output_of(body)
  local format = body:fields "response_format"
  if not format then return nil end
  local kind = format:need_text "type"
  if kind == "text" then return nil end
  if kind == "json_object" then return "json" end
  local inner = kind == "json_schema" and format:fields "json_schema"
  if not inner then return nil, format.table end
  local schema = inner:exact "schema"
  if not schema then return "json", format.table end
  return { schema = schema, name = inner:text "name", description = inner:text "description", strict = inner:boolean "strict" }
end

-- Request ---------------------------------------------------------------------------------------------------------

local SAME = {
  temperature = "number", top_p = "number", top_k = "integer", seed = "integer", presence_penalty = "number", frequency_penalty = "number",
  logit_bias = "object", logprobs = "boolean", top_logprobs = "integer", n = "integer", user = "text", metadata = "object",
  service_tier = "text", store = "boolean", parallel_tool_calls = "boolean",
}

local function decode(body)
  local request = { messages = messages_of(body), tools = tools_of(body), tool_choice = choice_of(body) }
  for name, kind in pairs(SAME) do request[name] = body[kind](body, name) end
  local old = body:integer "max_tokens"
  request.max_tokens = body:integer "max_completion_tokens" or old
  request.stop = body:text_or_texts "stop"
  local output, format = output_of(body)
  request.output = output
  request.reasoning = body_reader.effort(body:text "reasoning_effort")
  local stream = body:fields "stream_options"
  local path = body.reader.path and body.reader.path:match "/deployments/([^/?]+)" -- Azure's
  local wants = {
    stream = body:boolean "stream" or false, include_usage = stream and stream:boolean "include_usage" or false,
    model = body:text "model" or path and url.unescape(path),
  }
  request.extra = body:rest()
  if format then
    request.extra = request.extra or {}
    request.extra.response_format = format
  end
  return request, wants
end

-- Plain requests --------------------------------------------------------------------------------------------------

-- Most requests are texts and a few numbers alone: they are taken as they stand, and only others are read field by field.
local PLAIN = {
  model = "text", stream = "boolean", stream_options = { include_usage = "boolean" }, messages = { { role = "text", content = "text" } },
  temperature = "number", top_p = "number", seed = "integer", max_tokens = "integer", max_completion_tokens = "integer",
  presence_penalty = "number", frequency_penalty = "number", user = "text",
}
local SAID = { system = true, developer = true, user = true, assistant = true }

local function plain(source)
  local request = body_reader.plain(source, PLAIN, NAME, SAID)
  if not request then return nil end
  local options = request.stream_options
  local wants = {
    stream = request.stream or false, include_usage = options and options.include_usage or false, model = request.model, warnings = {},
  }
  request.max_tokens = request.max_completion_tokens or request.max_tokens
  request.stream, request.stream_options, request.model, request.max_completion_tokens = nil, nil, nil, nil
  return request, wants
end

--- Makes a request of a body.
---@param source string|table
---@param options? {path?: string}
---@return ogl.Request? request
---@return table|ogl.Error wants or the error, of kind `invalid`
return function(source, options)
  local request, wants = plain(source)
  if request then return request, wants end
  return body_reader.read(source, { protocol = NAME, path = options and options.path }, decode)
end
