--- Messages, a request that came to us: makes a request of the body of a client's POST /messages.
--
-- A message of the user with answers of tools is split: each answer becomes a message of the role tool. A message of the assistant
-- gets the parts that a reply of this protocol has, so that it goes back as it came: thoughts with their signatures, unknown blocks
-- byte for byte. Marks for the prompt cache stay where they are (`cache_control`).
--
-- wants: stream, include_usage (always), model, warnings.
--
-- @module opengatellm.protocol.anthropic_decode
local body_reader = require "opengatellm.protocol.reader"
local json = require "opengatellm.json"
local url = require "opengatellm.base.url"

local NAME = "anthropic"

-- Content ---------------------------------------------------------------------------------------------------------

local from_source = {}

function from_source.base64(part, source)
  part.mime = source:need_text "media_type"
  part.data = body_reader.bytes(source:need_text "data", source:at "data")
  return true
end

function from_source.url(part, source)
  body_reader.set_url(part, source:need_text "url", source:at "url")
  return true
end

function from_source.file(part, source)
  part.id = source:need_text "file_id"
  return true
end

-- Reads a text as the source of a document; only a part of type file has such a source here.
function from_source.text(part, source)
  if part.type ~= "file" then return false end
  part.mime, part.data = source:text "media_type" or "text/plain", source:need_text "data"
  return true
end

-- Reads a block of media; one with an unknown source goes back as it came.
local function media_of(fields, kind)
  local source = fields:fields "source"
  if not source then body_reader.refuse(fields:at "source", "expected an object, got nothing") end
  body_reader.refuse_path(source)
  local part, decode = { type = kind }, from_source[source:need_text "type"]
  if decode and decode(part, source) then return part end
  return fields.reader:opaque(fields, fields.table.type)
end

local decode_part = {}

function decode_part.text(fields)
  if fields.table.citations and fields.table.citations ~= json.null and next(fields:list "citations") ~= nil then
    return fields.reader:opaque(fields, "text")
  end
  return { type = "text", text = fields:need_text "text" }
end

function decode_part.image(fields) return media_of(fields, "image") end

function decode_part.document(fields)
  local part = media_of(fields, "file")
  if part.type == "file" then part.name = fields:text "title" end
  return part
end

local function content_of(fields, key) return fields:text_or_parts(key, "blocks", decode_part) end

-- What the assistant said -----------------------------------------------------------------------------------------

local said = {}

function said.text(fields, message)
  table.insert(message.content, { type = "text", text = fields:need_text "text", cache_control = fields:object "cache_control" })
  for _, citation in fields:each "citations" do
    table.insert(message.content, { type = "citation", json = fields.reader:source(citation.table) })
  end
end

function said.thinking(fields, message)
  local signature = fields:text "signature"
  if signature == nil then fields.reader.warn("messages", "a thought without a signature was left out: no server takes it") end
  table.insert(message.content, { type = "reasoning", text = fields:need_text "thinking", signature = signature })
end

-- Gives the caller of a call as JSON; nil if it is the model, which is the default.
local function caller_of(fields)
  local caller = fields:object "caller"
  if caller and caller.type ~= "direct" then return fields.reader:source(caller) end
end

function said.tool_use(fields, message)
  local input = fields:object "input"
  local call = {
    id = fields:need_text "id", name = fields:need_text "name", arguments = input and fields.reader:source(input) or "{}",
    cache_control = fields:object "cache_control",
  }
  message.tool_calls = message.tool_calls or {}
  table.insert(message.tool_calls, call)
  table.insert(message.content, {
    type = "tool_call", id = call.id, name = call.name, arguments = call.arguments, signature = caller_of(fields),
    cache_control = call.cache_control,
  })
end

local function assistant_of(fields)
  local message = { role = "assistant", protocol = NAME, content = fields:any "content" }
  if type(message.content) ~= "table" then
    message.content = content_of(fields, "content")
    return message
  end
  message.content = {}
  for _, block in fields:each "content" do
    body_reader.refuse_path(block)
    local kind = block:need_text "type"
    if said[kind] then said[kind](block, message)
    else table.insert(message.content, block.reader:opaque(block, kind)) end
  end
  return message
end

-- Messages --------------------------------------------------------------------------------------------------------

local function result_of(fields)
  local message = {
    role = "tool", tool_call_id = fields:need_text "tool_use_id", content = "", is_error = fields:boolean "is_error", protocol = NAME,
  }
  if fields:any "content" ~= nil then message.content = content_of(fields, "content") end
  fields:ignore "type"
  return fields:keep(message)
end

-- Adds a message of the user, and the answers of tools in it.
local function add_user(messages, fields, role)
  local content = fields:any "content"
  if type(content) ~= "table" or role ~= "user" then
    table.insert(messages, { role = role, content = content_of(fields, "content"), protocol = NAME })
    return
  end
  local turn = body_reader.user_turn(messages, NAME)
  if next(content) == nil then turn:parts() end
  for _, block in fields:each "content" do
    if block:need_text "type" == "tool_result" then
      body_reader.refuse_path(block)
      turn:result(result_of(block))
    else
      table.insert(turn:parts(), block:part(decode_part))
    end
  end
end

local ROLES = { user = true, assistant = true, system = true }

local function add_messages(messages, body)
  if body:list "messages" == nil then body_reader.refuse("messages", "expected a list, got nothing") end
  for _, fields in body:each "messages" do
    local role = fields:role(ROLES, "user or assistant")
    body_reader.refuse_path(fields)
    if role == "assistant" then table.insert(messages, assistant_of(fields)) else add_user(messages, fields, role) end
  end
end

-- Reads the instructions: a text, or blocks if they are marked.
local function system_of(body, messages)
  local system = body:any "system"
  if system == nil or type(system) == "string" then return system end
  if type(system) ~= "table" then return body:text "system" end
  local parts = content_of(body, "system")
  local only = parts[1]
  if only == nil then return nil end
  if not parts[2] and only.type == "text" and not only.cache_control and not only.extra then return only.text end
  table.insert(messages, { role = "system", content = parts, protocol = NAME })
end

-- Tools -----------------------------------------------------------------------------------------------------------

local function tools_of(body)
  local tools
  for i, fields in body:each "tools" do
    tools = tools or {}
    local kind = fields:text "type"
    tools[i] = fields.table
    if kind == nil or kind == "custom" then
      tools[i] = fields:keep {
        name = fields:need_text "name", description = fields:text "description", strict = fields:boolean "strict",
        parameters = fields:exact "input_schema",
      }
    end
  end
  return tools
end

local CHOICES = { auto = "auto", any = "required", none = "none" }

local function set_choice(request, body)
  local choice = body:fields "tool_choice"
  if not choice then return end
  local kind = choice:need_text "type"
  if choice:boolean "disable_parallel_tool_use" then request.parallel_tool_calls = false end
  if kind == "tool" then request.tool_choice = { name = choice:need_text "name" }
  elseif CHOICES[kind] then request.tool_choice = CHOICES[kind]
  else body_reader.refuse(choice:at "type", "expected auto, any, tool or none, got " .. kind:sub(1, 40)) end
end

-- Reasoning, output -----------------------------------------------------------------------------------------------

-- Reads the reasoning. An effort counts only with adaptive thinking, because elsewhere it does not govern the thinking.
local function set_reasoning(request, thinking, config)
  local kind = thinking and thinking:need_text "type"
  if kind == "disabled" or kind == "between_tools" then request.reasoning = "none" -- as little as the model can
  elseif kind == "enabled" then request.reasoning = { budget = thinking:integer "budget_tokens" }
  elseif kind == "adaptive" then request.reasoning = body_reader.effort(config and config:text "effort" or "high")
  elseif kind then body_reader.refuse(thinking:at "type", "expected enabled, adaptive or disabled, got " .. kind:sub(1, 40)) end
end

local function output_of(body, config)
  local format = config and config:fields "format" or body:fields "output_format"
  if not format then return nil end
  local schema = format:exact "schema"
  if not schema then body_reader.refuse(format:at "schema", "expected an object, got nothing") end
  return schema
end

-- Request ---------------------------------------------------------------------------------------------------------

local function set_metadata(request, body)
  local metadata = body:fields "metadata"
  if not metadata then return end
  request.user = metadata:text "user_id"
  request.metadata = metadata:rest()
end

-- Reads model and stream, also from the path, where Vertex has them.
local function wants_of(body)
  local model, verb = (body.reader.path or ""):match "/models/([^/:?]+):(%a+)"
  return {
    stream = body:boolean "stream" or verb == "streamRawPredict", include_usage = true,
    model = body:text "model" or model and url.unescape(model),
  }
end

local function decode(body)
  local request = { messages = {} }
  request.system = system_of(body, request.messages)
  add_messages(request.messages, body)
  request.max_tokens, request.top_k = body:integer "max_tokens", body:integer "top_k"
  request.temperature, request.top_p = body:number "temperature", body:number "top_p"
  request.stop, request.service_tier = body:texts "stop_sequences", body:text "service_tier"
  request.tools = tools_of(body)
  set_choice(request, body)
  set_metadata(request, body)
  local thinking, config = body:fields "thinking", body:fields "output_config"
  set_reasoning(request, thinking, config)
  request.output = output_of(body, config)
  local wants = wants_of(body)
  request.extra = body:rest()
  body_reader.set_extra(request, "thinking", thinking)
  body_reader.set_extra(request, "output_config", config)
  return request, wants
end

--- Makes a request of a body.
---@param source string|table
---@param options? {path?: string}
---@return ogl.Request? request
---@return table|ogl.Error wants or the error, of kind `invalid`
return function(source, options) return body_reader.read(source, { protocol = NAME, path = options and options.path }, decode) end
