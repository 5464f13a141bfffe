--- generateContent, a request that came to us: makes a request of the body of a client's POST …/models/{model}:generateContent.
--
-- Fields have two names, as in all of Google's protocols: maxOutputTokens and max_output_tokens. Model and stream stand in the path
-- (`options.path`). Schemas in Google's own dialect (types in capitals, `nullable`) become JSON Schema; schemas that are JSON Schema
-- already stay unchanged. Calls without an id get one that does not go back (messages.made_id).
--
-- wants: stream, sse (false: a stream is one JSON array), include_usage (always), model, warnings.
--
-- @module opengatellm.protocol.gemini_decode
local body_reader = require "opengatellm.protocol.reader"
local json = require "opengatellm.json"
local url = require "opengatellm.base.url"

local NAME = "gemini"

-- Content ---------------------------------------------------------------------------------------------------------

local function inline_of(data)
  return body_reader.media_of(data:need_text "data", data:text "mimeType", data:at "data")
end

-- Reads a file, which has an address or the name that the server gave it.
local function file_of(data)
  local mime, uri = data:text "mimeType", data:need_text "fileUri"
  local part = { type = body_reader.kind_of(mime), mime = mime }
  if uri:find "^%s*%a[%w+.-]*:" then return body_reader.set_url(part, uri, data:at "fileUri") end
  if uri:find "^[/\\.]" then body_reader.refuse(data:at "fileUri", "expected an address, or the name of a file on the server") end
  part.id = uri
  return part
end

-- Reads media or a text as a part; gives nil for any other part.
local function part_of(fields)
  local inline, file = fields:fields "inlineData", fields:fields "fileData"
  if inline then return inline_of(inline) end
  if file then return file_of(file) end
  local text = fields:text "text"
  return text and { type = "text", text = text }
end

local function kind_of(fields)
  local kind
  for key in pairs(fields.table) do
    if not kind or key < kind then kind = key end
  end
  return kind or "empty"
end

local function user_part(fields)
  body_reader.refuse_path(fields)
  local part = part_of(fields)
  if not part then return fields.reader:opaque(fields, kind_of(fields)) end
  part.extra = fields:rest()
  return part
end

-- Answers of tools ------------------------------------------------------------------------------------------------

-- Gives the text of an answer if the encoder would make the same object of it again; else the object as JSON.
local function text_of(response, source)
  for _, name in ipairs { "output", "error" } do
    local text = response[name]
    if type(text) == "string" and next(response, next(response)) == nil and not (name == "output" and text:find "^%s*{") then
      return text, name == "error" or nil
    end
  end
  return source
end

local function result_of(fields, calls)
  local name, response = fields:need_text "name", fields:object "response"
  local text, failed = "{}", nil
  if response then text, failed = text_of(response, fields.reader:source(response)) end
  local message = {
    role = "tool", tool_call_id = calls:answer(fields:text "id", name), name = name, is_error = failed, content = text, protocol = NAME,
  }
  local parts
  for _, part in fields:each "parts" do
    parts = parts or { { type = "text", text = text } }
    table.insert(parts, user_part(part))
  end
  message.content = parts or text
  message.extra = fields:rest()
  return message
end

local function add_user(messages, content, calls)
  local turn = body_reader.user_turn(messages, NAME)
  for _, fields in content:each "parts" do
    local result = fields:fields "functionResponse"
    if result then turn:result(result_of(result, calls))
    else table.insert(turn:parts(), user_part(fields)) end
  end
end

-- What the model said ---------------------------------------------------------------------------------------------

local function add_call(message, call, signature, calls)
  local args = call:object "args"
  local name = call:need_text "name"
  local id = calls:add(call:text "id", name)
  local arguments = args and call.reader:source(args) or "{}"
  message.tool_calls = message.tool_calls or {}
  table.insert(message.tool_calls, { id = id, name = name, arguments = arguments })
  table.insert(message.content, { type = "tool_call", id = id, name = name, arguments = arguments, signature = signature })
end

local function add_said(message, fields, calls)
  body_reader.refuse_path(fields)
  local thought, signature = fields:boolean "thought", fields:text "thoughtSignature"
  local call, text = fields:fields "functionCall", fields:text "text"
  if fields:rest() or not call and not text or text == "" and signature then
    if not call then return table.insert(message.content, fields.reader:opaque(fields, kind_of(fields))) end
  end
  if call then return add_call(message, call, signature, calls) end
  if thought and not signature then fields.reader.warn("messages", "a thought without a signature was left out: no server takes it") end
  table.insert(message.content, { type = thought and "reasoning" or "text", text = text, signature = signature })
end

local function add_model(messages, content, calls)
  local message = { role = "assistant", content = {}, protocol = NAME }
  for _, fields in content:each "parts" do add_said(message, fields, calls) end
  table.insert(messages, message)
end

local ROLES = { user = add_user, ["function"] = add_user, model = add_model }

local function messages_of(body)
  local messages, calls = {}, body_reader.calls()
  if body:list "contents" == nil then body_reader.refuse("contents", "expected a list, got nothing") end
  for _, content in body:each "contents" do
    local role = content:text "role" or "user"
    local add = ROLES[role]
    if not add then body_reader.refuse(content:at "role", "expected user or model, got " .. role:sub(1, 40)) end
    add(messages, content, calls)
  end
  return messages
end

local function set_system(request, body)
  local content = body:any "systemInstruction"
  if type(content) == "string" then request.system = content end
  local fields = type(content) ~= "string" and body:fields "systemInstruction"
  if not fields then return end
  local parts = {}
  for i, part in fields:each "parts" do parts[i] = user_part(part) end
  local only = parts[1]
  if not only then return end
  if not parts[2] and only.type == "text" and not only.extra then request.system = only.text
  else table.insert(request.messages, 1, { role = "system", content = parts, protocol = NAME }) end
end

-- Schemas ---------------------------------------------------------------------------------------------------------

local function snake(name) return (name:gsub("%u", function(letter) return "_" .. letter:lower() end)) end

local TYPES = { "string", "number", "integer", "boolean", "array", "object", "null" } -- the index is their number in Google's protocols
for _, name in ipairs(TYPES) do TYPES[name:upper()] = name end

-- Keywords have two names, as all fields do, and a text may stand for a number.
local NAMES, NUMBERS = {}, {}
for name in ("anyOf oneOf allOf prefixItems additionalProperties propertyOrdering"):gmatch "%a+" do NAMES[snake(name)] = name end
for name in ("minItems maxItems minLength maxLength minProperties maxProperties minimum maximum"):gmatch "%a+" do
  NAMES[snake(name)], NUMBERS[name] = name, true
end

local MAPS = { properties = true, ["$defs"] = true, definitions = true, patternProperties = true }
local LISTS = { required = true, enum = true, anyOf = true, oneOf = true, allOf = true, prefixItems = true, propertyOrdering = true }
local NESTED = { items = true, additionalProperties = true, anyOf = true, oneOf = true, allOf = true, prefixItems = true, ["not"] = true }

local convert

local function convert_all(map)
  local out, changed = setmetatable({}, getmetatable(map)), false
  for key, value in pairs(map) do
    local inner, other = convert(value)
    out[key], changed = inner, changed or other
  end
  return out, changed
end

local function is_list(value) return type(value) == "table" and (value[1] ~= nil or next(value) == nil) end

-- Gives a type, or a list of types, in small letters, and whether that changed it.
local function type_of(value)
  if TYPES[value] then return TYPES[value], TYPES[value] ~= value end
  if type(value) ~= "table" or value[1] == nil then return value, false end
  local out, changed = {}, false
  for i, each in ipairs(value) do
    out[i] = TYPES[each] or each
    changed = changed or out[i] ~= each
  end
  return out, changed
end

-- Says "may be null" as JSON Schema does.
local function or_null(schema)
  if type(schema.type) == "string" then schema.type = { schema.type, "null" }
  elseif type(schema.anyOf) == "table" and schema.anyOf[1] ~= nil then schema.anyOf[#schema.anyOf + 1] = { type = "null" } end
end

-- Turns a schema of Google's dialect into JSON Schema; says also whether that changed it.
function convert(schema)
  if type(schema) ~= "table" then return schema, false end
  if schema[1] ~= nil then return convert_all(schema) end
  local out, changed = {}, false
  for key, value in pairs(schema) do
    local inner, other = value, false
    local name = NAMES[key] or key
    changed, key = changed or name ~= key, name
    if LISTS[key] and not is_list(value) then value, inner, changed = { value }, { value }, true end
    if key == "type" then inner, other = type_of(value)
    elseif NUMBERS[key] and type(value) == "string" then inner, other = tonumber(value) or value, true
    elseif MAPS[key] and type(value) == "table" then inner, other = convert_all(value)
    elseif NESTED[key] then inner, other = convert(value) end
    out[key], changed = inner, changed or other
  end
  if schema.nullable ~= nil then
    if schema.nullable == true then or_null(out) end
    out.nullable, changed = nil, true
  end
  return out, changed
end

local function schema_of(fields, key)
  local schema = fields:object(key)
  if not schema then return nil end
  local out, changed = convert(schema)
  return changed and out or json.raw(fields.reader:source(schema))
end

-- Tools -----------------------------------------------------------------------------------------------------------

local function declaration_of(fields)
  local tool = {
    name = fields:need_text "name", description = fields:text "description",
    parameters = schema_of(fields, "parametersJsonSchema") or schema_of(fields, "parameters"),
  }
  tool.extra = fields:rest()
  return tool
end

-- Reads one of the server's own tools: its only field becomes its type.
local function native_of(name, options, where)
  if type(options) ~= "table" or options[1] ~= nil then body_reader.refuse(where .. "." .. name, "expected an object") end
  local tool = { type = name }
  for key, value in pairs(options) do
    if key ~= "type" then tool[key] = value end
  end
  return tool
end

local function tools_of(body)
  local tools
  for _, fields in body:each "tools" do
    tools = tools or {}
    for _, declaration in fields:each "functionDeclarations" do table.insert(tools, declaration_of(declaration)) end
    local names, rest = {}, fields:rest() or {}
    for name in pairs(rest) do names[#names + 1] = name end
    table.sort(names)
    for _, name in ipairs(names) do table.insert(tools, native_of(name, rest[name], fields.where)) end
  end
  return tools
end

local MODES = { AUTO = "auto", NONE = "none", ANY = "required", [1] = "auto", [2] = "required", [3] = "none" }

-- Reads the choice of tools. A choice that ours cannot express exactly (several names, VALIDATED) also goes back as it came.
local function set_choice(request, body)
  local config = body:fields "toolConfig"
  local calling = config and config:fields "functionCallingConfig"
  if calling then
    local mode, names = calling:any "mode", calling:texts "allowedFunctionNames" or {}
    local choice = MODES[type(mode) == "string" and mode:upper() or mode]
    request.tool_choice = choice == "required" and names[1] and not names[2] and { name = names[1] } or choice
    if choice == nil and mode ~= nil or names[2] or names[1] and choice ~= "required" then config:give_back "functionCallingConfig" end
  end
  body_reader.set_extra(request, "toolConfig", config)
end

-- Configuration ---------------------------------------------------------------------------------------------------

local CONFIG = { -- name here -> name and kind there
  temperature = { "temperature", "number" }, top_p = { "topP", "number" }, top_k = { "topK", "integer" }, seed = { "seed", "integer" },
  max_tokens = { "maxOutputTokens", "integer" }, n = { "candidateCount", "integer" }, presence_penalty = { "presencePenalty", "number" },
  frequency_penalty = { "frequencyPenalty", "number" }, logprobs = { "responseLogprobs", "boolean" },
  top_logprobs = { "logprobs", "integer" }, stop = { "stopSequences", "texts" },
}

local function output_of(config)
  local mime = config:text "responseMimeType"
  local schema = schema_of(config, "responseJsonSchema") or schema_of(config, "responseSchema")
  if mime == nil or mime == "application/json" then return schema or mime and "json" end
  if mime ~= "text/plain" then config:give_back "responseMimeType" end
  return nil
end

-- Reads the reasoning. A budget of -1, or no amount at all, lets the model choose. Our `reasoning` also asks for the thoughts' texts; so a
-- config that does not ask for them, or lets the model choose, also goes back as it came.
local function set_reasoning(request, config)
  local thinking = config:fields "thinkingConfig"
  if not thinking then return end
  local budget, level = thinking:integer "thinkingBudget", thinking:text "thinkingLevel"
  if budget and budget >= 0 then request.reasoning = { budget = budget }
  elseif level then request.reasoning = body_reader.effort(level:lower())
  elseif budget or thinking:boolean "includeThoughts" then request.reasoning = {} end
  if budget and budget < 0 or thinking:boolean "includeThoughts" ~= true or thinking:rest() then config:give_back "thinkingConfig" end
end

local function set_config(request, body)
  local config = body:fields "generationConfig"
  if not config then return end
  for name, row in pairs(CONFIG) do request[name] = config[row[2]](config, row[1]) end
  request.output = output_of(config)
  set_reasoning(request, config)
  body_reader.set_extra(request, "generationConfig", config)
end

-- Request ---------------------------------------------------------------------------------------------------------

-- "…/models/gemini-2.5-pro:streamGenerateContent?alt=sse"
local function wants_of(body)
  local path, query = (body.reader.path or ""):match "^([^?]*)%??(.*)$"
  local model, verb = path:match "/models/([^/:]+):(%a+)$"
  if not model then model, verb = path:match "/(tunedModels/[^/:]+):(%a+)$" end
  local named = body:text "model"
  return {
    stream = verb == "streamGenerateContent", sse = query:find "alt=sse" ~= nil, include_usage = true,
    model = model and url.unescape(model) or named and named:gsub("^models/", "") or nil,
  }
end

local function decode(body)
  local request = { messages = messages_of(body), tools = tools_of(body), service_tier = body:text "serviceTier" }
  set_system(request, body)
  set_choice(request, body)
  set_config(request, body)
  local wants, beside = wants_of(body), request.extra
  request.extra = body:rest()
  for name, value in pairs(beside or {}) do
    request.extra = request.extra or {}
    request.extra[name] = value
  end
  return request, wants
end

--- Makes a request of a body.
---@param source string|table
---@param options? {path?: string}
---@return ogl.Request? request
---@return table|ogl.Error wants or the error, of kind `invalid`
return function(source, options)
  return body_reader.read(source, { protocol = NAME, lenient = true, path = options and options.path }, decode)
end
