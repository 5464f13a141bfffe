--- Ollama's own protocol, a request that came to us: makes a request of the body of a client's POST /api/chat or /api/generate.
--
-- Calls of tools may have no ids there: each gets one here that does not go back (messages.made_id). An answer belongs to the call of its
-- id; where no call has that id, to the oldest open one of its name, and where it has no name either, to the oldest open one.
--
-- wants: stream (default: true), include_usage (always), model, generate (the client expects the answer of /api/generate), load (the
-- request has no messages: the client only wants the model loaded), unload (it wants it away: keep_alive is 0), keep_alive (seconds),
-- raw and suffix (the prompt of /api/generate, which is `prompt`, is no conversation), warnings.
--
-- @module opengatellm.protocol.ollama_decode
local body_reader = require "opengatellm.protocol.reader"
local keep_alive = require "opengatellm.protocol.ollama_keep_alive"
local media = require "opengatellm.request.media"
local messages = require "opengatellm.protocol.messages"

local NAME = "ollama"

-- Messages --------------------------------------------------------------------------------------------------------

local function image_of(text, where)
  local inner = text:match "^data:[^,]*;base64,(.*)$" or text
  local bytes = body_reader.bytes(inner, where)
  return { type = "image", data = bytes, mime = media.sniff(bytes) or "image/png" }
end

-- Makes a content of a text and, if there are any, pictures.
local function content_of(fields, text)
  local images = fields:texts "images"
  if not images or not images[1] then return text end
  local parts = { text ~= "" and { type = "text", text = text } or nil }
  for i, image in ipairs(images) do parts[#parts + 1] = image_of(image, fields:at "images" .. "[" .. i .. "]") end
  return parts
end

local function call_of(fields, calls)
  local inner = fields:fields "function"
  if not inner then body_reader.refuse(fields:at "function", "expected an object, got nothing") end
  local name, arguments = inner:need_text "name", inner:any "arguments"
  if type(arguments) ~= "string" then
    arguments = inner:object "arguments"
    arguments = arguments and fields.reader:source(arguments) or "{}"
  end
  fields:ignore "type"
  return fields:keep { id = calls:add(fields:text "id", name), name = name, arguments = arguments }
end

local decode_message = {}

function decode_message.assistant(fields, calls)
  local message = { role = "assistant", content = {}, protocol = NAME }
  local thinking, text = fields:text "thinking", fields:text "content"
  if thinking and thinking ~= "" then table.insert(message.content, { type = "reasoning", text = thinking }) end
  if text and text ~= "" then table.insert(message.content, { type = "text", text = text }) end
  local images = fields:texts "images"
  if images and images[1] then
    for i, image in ipairs(images) do body_reader.bytes(image, fields:at "images" .. "[" .. i .. "]") end
    table.insert(message.content, { type = "part", kind = "images", json = fields.reader:source(images) })
  end
  for i, call in fields:each "tool_calls" do
    message.tool_calls = message.tool_calls or {}
    message.tool_calls[i] = call_of(call, calls)
  end
  for _, call in ipairs(message.tool_calls or {}) do
    table.insert(message.content, { type = "tool_call", id = call.id, name = call.name, arguments = call.arguments })
  end
  return message
end

-- The id of the call that a result answers.
local function answered(calls, id, name)
  if calls.by_id[id or ""] then return calls:answer(id) end
  if calls.by_name[name or ""] then return calls:answer(nil, name) end
  return calls:answer() or id or name or messages.made_id(0)
end

-- A text; nil for an empty one.
local function said(fields, key)
  local text = fields:text(key)
  return text ~= "" and text or nil
end

function decode_message.tool(fields, calls)
  local name, id = said(fields, "tool_name") or said(fields, "name"), said(fields, "tool_call_id")
  return {
    role = "tool", tool_call_id = answered(calls, id, name), name = name, content = content_of(fields, fields:text "content" or ""),
    protocol = NAME,
  }
end

local function decode_said(fields, _, role)
  return { role = role, content = content_of(fields, fields:text "content" or ""), protocol = NAME }
end

decode_message.system, decode_message.developer, decode_message.user = decode_said, decode_said, decode_said

local function message_of(fields, calls)
  body_reader.refuse_path(fields)
  local role = fields:role(decode_message, "system, user, assistant or tool", true)
  local message = decode_message[role](fields, calls, role)
  message.extra = fields:rest()
  return message
end

local function chat_messages(body)
  local list, calls = {}, body_reader.calls()
  for i, fields in body:each "messages" do list[i] = message_of(fields, calls) end
  return list
end

-- Whether a field of /api/generate has its default, so that leaving it out needs no warning.
local function is_nothing(value) return value == nil or value == false or value == "" or type(value) == "table" and next(value) == nil end

-- Notes what makes a prompt no conversation, for a caller whose server completes texts; another one is warned.
local function read_completion(body, wants)
  if said(body, "template") then body_reader.refuse("template", "a prompt is sent as a conversation, which has no template of its own") end
  wants.raw, wants.suffix = body:boolean "raw" or nil, said(body, "suffix")
  if wants.raw and not (is_nothing(body:any "system") and is_nothing(body:any "context")) then
    body_reader.refuse("", "raw mode does not support template, system, or context")
  end
  for _, name in ipairs { "raw", "context", "suffix" } do
    if not is_nothing(body:any(name)) then
      body.reader.warn(name, "a prompt is sent as a conversation, which has no " .. name .. ": it was left out")
    end
  end
end

-- Makes a conversation of one message from /api/generate; without a prompt it has none.
local function generate_messages(body, request, wants)
  body_reader.refuse_path(body)
  local system, prompt = said(body, "system"), said(body, "prompt")
  request.system, wants.prompt = system, prompt
  read_completion(body, wants)
  local content = content_of(body, prompt or "")
  return prompt and { { role = "user", content = content, protocol = NAME } } or {}
end

-- Tools, output, reasoning ----------------------------------------------------------------------------------------

local function tool_of(fields)
  local inner = fields:fields "function"
  local kind = fields:text "type"
  if not inner then
    if not kind then fields:need_text "type" end
    return fields.table
  end
  local tool = { name = inner:need_text "name", description = inner:text "description", parameters = inner:exact "parameters" }
  tool.inner_extra = inner:rest()
  return fields:keep(tool)
end

local function tools_of(body)
  local tools
  for i, fields in body:each "tools" do
    tools = tools or {}
    tools[i] = tool_of(fields)
  end
  return tools
end

local function output_of(body)
  local format = body:any "format"
  if format == nil or format == "" then return nil end
  if type(format) == "table" then return body:exact "format" end
  if format ~= "json" then body_reader.refuse("format", 'expected "json" or a schema') end
  return format
end

local THINK = { high = true, medium = true, low = true, max = true }

local function reasoning_of(body)
  local think = body:any "think"
  if think == nil then return nil end
  if think == true then return {} end
  if think == false then return "none" end
  if not THINK[think] then body_reader.refuse("think", 'expected "high", "medium", "low", "max", true or false') end
  return body_reader.effort(think)
end

-- Request ---------------------------------------------------------------------------------------------------------

local OPTIONS = { -- name here -> name and kind there
  temperature = { "temperature", "number" }, top_p = { "top_p", "number" }, top_k = { "top_k", "integer" }, seed = { "seed", "integer" },
  presence_penalty = { "presence_penalty", "number" }, frequency_penalty = { "frequency_penalty", "number" },
  stop = { "stop", "text_or_texts" },
}

local function set_options(request, options)
  for name, row in pairs(OPTIONS) do request[name] = options[row[2]](options, row[1]) end
  local limit = options:integer "num_predict" -- -1 and 0: none; -2: until the context is full
  if limit and limit > 0 then request.max_tokens = limit end
end

-- Says how long the model stays, and whether it is all that the client wants.
local function set_load(body, request, wants)
  local value = body:any "keep_alive"
  if value ~= nil then
    wants.keep_alive = keep_alive.seconds(type(value) == "string" and value or body:number "keep_alive")
    if not wants.keep_alive then body_reader.refuse("keep_alive", 'expected seconds, or a duration such as "5m"') end
    body:give_back "keep_alive"
  end
  wants.load = not request.messages[1] or nil
  wants.unload = wants.load and wants.keep_alive == 0 or nil
end

local function decode(body)
  local path = body.reader.path or ""
  local generate = path:find "/generate" ~= nil or not path:find "/chat" and body.table.messages == nil
  local request = { tools = tools_of(body), output = output_of(body), reasoning = reasoning_of(body) }
  local wants = { include_usage = true, model = body:text "model" or body:text "name", generate = generate or nil }
  request.messages = generate and generate_messages(body, request, wants) or chat_messages(body)
  request.logprobs, request.top_logprobs = body:boolean "logprobs", body:integer "top_logprobs"
  if request.top_logprobs and (request.top_logprobs < 0 or request.top_logprobs > 20) then
    body_reader.refuse("", "top_logprobs must be between 0 and 20")
  end
  wants.stream = body:boolean "stream" ~= false
  set_load(body, request, wants)
  local options = body:fields "options"
  if options then set_options(request, options) end
  request.extra = body:rest()
  body_reader.set_extra(request, "options", options)
  return request, wants
end

-- Plain requests --------------------------------------------------------------------------------------------------

-- Most chats are texts and a few numbers alone: they are taken as they stand, and only others are read field by field.
local PLAIN = {
  model = "text", stream = "boolean", messages = { { role = "text", content = "text" } }, options = {
    temperature = "number", top_p = "number", top_k = "integer", seed = "integer", presence_penalty = "number",
    frequency_penalty = "number", num_predict = "integer",
  },
}
local SAID = { system = true, developer = true, user = true, assistant = true }

local function plain(source, path)
  local request = path and path:find "/chat" and body_reader.plain(source, PLAIN, NAME, SAID)
  if not request then return nil end
  for _, message in ipairs(request.messages) do
    if message.role == "assistant" then message.content = message.content ~= "" and { { type = "text", text = message.content } } or {} end
  end
  local wants = { stream = request.stream ~= false, include_usage = true, model = request.model, warnings = {} }
  local options = request.options
  request.stream, request.model, request.options = nil, nil, nil
  for name, value in pairs(options or {}) do request[name] = value end
  local limit = request.num_predict
  request.max_tokens, request.num_predict = limit and limit > 0 and limit or nil, nil
  return request, wants
end

--- Makes a request of a body.
---@param source string|table
---@param options? {path?: string}
---@return ogl.Request? request
---@return table|ogl.Error wants or the error, of kind `invalid`
return function(source, options)
  local path = options and options.path
  local request, wants = plain(source, path)
  if request then return request, wants end
  return body_reader.read(source, { protocol = NAME, path = path }, decode)
end
