-- Requests that came to us, on their way again: to the protocol that they came by (equal but for the rows of SAME_MEANING, each with its
-- reason), and to the others (what is left of them is told).
local json = require "opengatellm.json"
local protocols = require "opengatellm.protocol"
local requests = require "spec.support.requests"
local schemas = require "opengatellm.request.schema"

local NAMES = { "openai_chat", "openai_responses", "anthropic", "gemini", "ollama" }

local function protocol_of(name) return require(protocols[name]) end

-- Words for the same ----------------------------------------------------------------------------------------------

local function each_message(list, role, change)
  for _, message in ipairs(list or {}) do
    if message.role == role then change(message) end
  end
end

local function seal(schema)
  if type(schema) ~= "table" then return end
  if schema.type == "object" and schema.additionalProperties == nil then schema.additionalProperties = false end
  for _, inner in pairs(schema) do seal(inner) end
end

-- Google's names and types as the encoder writes them.
local CAMEL = {
  function_call = "functionCall", function_response = "functionResponse", response_mime_type = "responseMimeType", response_schema = "responseSchema",
}
local TYPES = { [6] = "object", [1] = "string", [3] = "integer" }

local function camel(value)
  if type(value) ~= "table" then return value end
  local out = setmetatable({}, getmetatable(value))
  for key, inner in pairs(value) do out[CAMEL[key] or key] = camel(inner) end
  return out
end

local function lower_types(schema)
  if type(schema) ~= "table" then return end
  if type(schema.type) == "string" then schema.type = schema.type:lower() elseif TYPES[schema.type] then schema.type = TYPES[schema.type] end
  for _, inner in pairs(schema) do lower_types(inner) end
end

-- Each row: why, and what it does to a body (to the one that came and to the one that goes alike).
local SAME_MEANING = {
  openai_chat = {
    { "max_tokens is the older name of max_completion_tokens; which one is sent is a matter of the provider", function(body)
      body.max_tokens, body.max_completion_tokens = body.max_completion_tokens or body.max_tokens, nil
    end },
    { "the encoder asks every stream for its usage, and says stream only where there is one", function(body)
      body.stream, body.stream_options = body.stream or nil, nil
    end },
    { "a choice of tools is always said, for old OpenGateLLMs; auto is what nothing means", function(body)
      if body.tools and body.tool_choice == nil then body.tool_choice = "auto" end
    end },
    { "the content of an assistant's message beside calls is null or a text", function(body)
      each_message(body.messages, "assistant", function(message)
        if message.tool_calls then message.content = message.content ~= "" and message.content or nil end
      end)
    end },
    { "functions is the older name of tools, and function_call of tool_choice", function(body)
      for i, tool in ipairs(body.functions or {}) do
        body.tools = body.tools or {}
        body.tools[i] = { type = "function", ["function"] = tool }
      end
      body.tool_choice, body.function_call, body.functions = body.function_call or body.tool_choice, nil, nil
      if body.tools and body.tool_choice == nil then body.tool_choice = "auto" end
    end },
  },
  openai_responses = {
    { "an input that is a text is one message of the user", function(body)
      if type(body.input) == "string" then body.input = { { role = "user", content = body.input } } end
    end },
    { "a message says its type or not", function(body)
      for _, item in ipairs(body.input) do
        if item.type == "message" and item.role ~= "assistant" then item.type = nil end
      end
    end },
    { "stream is said only where there is one, and no tools at all say nothing", function(body)
      body.stream = body.stream or nil
      if body.tools and next(body.tools) == nil then body.tools = nil end
    end },
  },
  anthropic = {
    { "a text in which nothing can be read says nothing", function(body)
      each_message(body.messages, "assistant", function(message)
        for i = #message.content, 1, -1 do
          local block = type(message.content) == "table" and message.content[i]
          if block and block.type == "text" and not block.text:find "%S" then table.remove(message.content, i) end
        end
      end)
    end },
    { "instructions in one block without a mark are a text", function(body)
      local system = body.system
      if type(system) == "table" and not system[2] and not system[1].cache_control then body.system = system[1].text end
    end },
    { "so is what the assistant said in one block of text", function(body)
      each_message(body.messages, "assistant", function(message)
        local content = message.content
        local only = type(content) == "table" and not content[2] and content[1]
        if only and only.type == "text" and not only.cache_control and not only.citations then message.content = only.text end
      end)
    end },
    { "several calls at once are forbidden or not: what is not forbidden is not said", function(body)
      if body.tool_choice and body.tool_choice.disable_parallel_tool_use == false then body.tool_choice.disable_parallel_tool_use = nil end
    end },
    { "output_format is the older place of output_config.format, and its objects have to be closed", function(body)
      if body.output_format then body.output_config, body.output_format = { format = body.output_format }, nil end
      if body.output_config and body.output_config.format then seal(body.output_config.format.schema) end
    end },
    { "high is the effort where nothing is said", function(body)
      if body.thinking and body.thinking.type == "adaptive" and not body.output_config then body.output_config = { effort = "high" } end
    end },
    { "stream is said only where there is one", function(body) body.stream = body.stream or nil end },
  },
  gemini = {
    { "fields have two names each", function(body)
      local other = camel(body)
      for key in pairs(body) do body[key] = nil end
      for key, value in pairs(other) do body[key] = value end
    end },
    { "schemas are sent as JSON Schema, which has its types in small letters", function(body)
      for _, tool in ipairs(body.tools or {}) do
        for _, declaration in ipairs(tool.functionDeclarations or {}) do
          declaration.parametersJsonSchema = declaration.parametersJsonSchema or declaration.parameters
          declaration.parameters = nil
          lower_types(declaration.parametersJsonSchema)
        end
      end
      local config = body.generationConfig
      local thinking = config and config.thinkingConfig
      if thinking and thinking.thinkingLevel then thinking.thinkingLevel = thinking.thinkingLevel:lower() end
      if config and config.responseSchema then config.responseJsonSchema, config.responseSchema = config.responseSchema, nil end
    end },
    { "nobody asks whose instructions they are, and the model stands in the path", function(body)
      if body.systemInstruction then body.systemInstruction.role = nil end
      body.model = nil
    end },
    { "an empty config says nothing, and neither does an empty text of the model", function(body)
      if body.generationConfig and next(body.generationConfig) == nil then body.generationConfig = nil end
      each_message(body.contents, "model", function(content)
        for i = #content.parts, 1, -1 do
          if content.parts[i].text == "" and not content.parts[i].thoughtSignature then table.remove(content.parts, i) end
        end
      end)
    end },
  },
  ollama = {
    { "/api/generate is a conversation of one message; its fields below a conversation are empty in the recordings", function(body)
      if not body.prompt then return end
      local images = body.images and body.images[1] and body.images or nil
      body.messages = { { role = "user", content = body.prompt, images = images } }
      if body.system and body.system ~= "" then table.insert(body.messages, 1, { role = "system", content = body.system }) end
      assert((body.template or "") == "" and not body.raw and next(body.context or {}) == nil)
      body.prompt, body.system, body.template, body.raw, body.context, body.images = nil, nil, nil, nil, nil, nil
    end },
    { "an empty format, and no tools or options at all, say nothing", function(body)
      if body.format == "" then body.format = nil end
      if body.options and next(body.options) == nil then body.options = nil end
      if body.tools and next(body.tools) == nil then body.tools = nil end
    end },
    { "an answer names its tool, where the call before it tells the name", function(body)
      each_message(body.messages, "tool", function(message)
        local call = body.messages[1].tool_calls and body.messages[1].tool_calls[1]
        message.tool_name = message.tool_name or call and call["function"].name
      end)
    end },
    { "stream is always said: the server streams where it is not", function(body) if body.stream == nil then body.stream = true end end },
  },
}

local function canonical(name, body)
  body = requests.without_nulls(requests.copy(body))
  for _, row in ipairs(SAME_MEANING[name]) do row[2](body) end
  return requests.copy(body)
end

local function again(name, recorded, source)
  local request, wants = protocol_of(name).decode_request(source, { path = recorded.path })
  assert(request, recorded.name .. ": " .. tostring(wants))
  local wire = assert(protocol_of(name).encode_request(request, {}, wants.stream, wants.model or "m"))
  return request, wire, wants
end

-- Recorded requests that the server refused, and so do we: name -> what we say. Rows only with a reason.
local REFUSED = {
  ["envoy_aigw/openai-chat/tests_internal_testopenai_cassettes_chat-bad-request__0"] = "messages[1].content: expected a text or a list of parts, got nothing",
  ["envoy_aigw/openai-chat/tests_internal_testopenai_cassettes_chat-no-messages__0"] = "messages: at least one is needed",
}

describe("a request that came goes back as it was:", function()
  for _, name in ipairs(NAMES) do
    it(name, function()
      local all = requests.all(name)
      if not all then return pending "the reference material is not here (OGL_SHARED)" end
      local n = 0
      for _, recorded in ipairs(all) do
        if REFUSED[recorded.name] then
          assert.is_true(recorded.refused)
          assert.equal(REFUSED[recorded.name], select(2, protocol_of(name).decode_request(recorded.body)).message)
        else
          local _, wire = again(name, recorded, json.encode(recorded.body))
          local want, got = canonical(name, recorded.body), canonical(name, wire.body)
          if want.model == nil then got.model = nil end
          if name == "anthropic" and want.max_tokens == nil then got.max_tokens = nil end
          assert.same(want, got, recorded.name)
          assert.same({}, wire.warnings, recorded.name)
          n = n + 1
        end
      end
      if os.getenv "OGL_TOLD" then io.stderr:write(name, ": ", n, " went back as they came\n") end
      assert.is_true(n > 20)
    end)
  end
end)

-- To other protocols ----------------------------------------------------------------------------------------------

-- What a request says, without the form that it says it in.
local function text_of(content)
  if type(content) == "string" then return content end
  local texts = {}
  for _, part in ipairs(content or {}) do
    if part.type == "text" or part.type == "refusal" then texts[#texts + 1] = part.text end
  end
  return table.concat(texts)
end

local function value_of(text)
  local value = json.decode(text)
  return type(value) == "table" and requests.without_nulls(value) or text
end

local function note_images(into, content)
  for _, part in ipairs(type(content) == "table" and content or {}) do
    local is_image = part.type == "image" or part.type == "file" and part.url and not part.mime -- Gemini tells media by the type alone
    if is_image then table.insert(into, part.data or part.url) end
  end
end

local function meaning_of(request)
  local said = { system = request.system or "", user = "", assistant = "", calls = {}, results = {}, images = {}, tools = {} }
  for _, message in ipairs(request.messages) do
    local role = message.role == "developer" and "system" or message.role
    if role == "tool" then table.insert(said.results, value_of(text_of(message.content)))
    else said[role] = said[role] .. text_of(message.content) end
    for _, call in ipairs(message.tool_calls or {}) do table.insert(said.calls, { call.name, value_of(call.arguments) }) end
    note_images(said.images, message.content)
  end
  for _, tool in ipairs(request.tools or {}) do
    local parameters = tool.parameters and json.plain(requests.without_nulls(schemas.object(tool.parameters)))
    if not tool.type then said.tools[#said.tools + 1] = { tool.name, tool.description, parameters or { type = "object", properties = {} } } end
  end
  said.output = request.output and request.output ~= "json" and requests.without_nulls(json.plain((require "opengatellm.request.schema".output(request.output)))) or request.output
  seal(said.output)
  said.max_tokens, said.temperature, said.top_p = request.max_tokens, request.temperature, request.top_p
  return said
end

local function told(wire)
  local fields = {}
  for _, warning in ipairs(wire.warnings) do
    local field = warning.field:gsub("%[%d+%]", "")
    fields[field] = (fields[field] and fields[field] .. "; " or "") .. warning.message
  end
  return fields
end

-- What is not the same in another protocol, and is told, or is its default.
local function forgive(want, got, to, fields)
  local words = fields.messages or ""
  if words:find "pictures" then want.images, got.images = nil, nil end
  if words:find "wants a message of the user" then want.user, want.system = want.system, "" end
  if words:find "arguments" or fields["messages.tool_calls.arguments"] then want.calls, got.calls = nil, nil end
  if to == "anthropic" and (fields.max_tokens or not want.max_tokens) then want.max_tokens, got.max_tokens = nil, nil end
  if fields.output then want.output, got.output = nil, nil end
  if fields["tools.parameters"] then want.tools, got.tools = nil, nil end
  if to == "anthropic" then want.assistant, got.assistant = want.assistant:gsub("%s+$", ""), got.assistant:gsub("%s+$", "") end
end

describe("a request that came goes to another protocol with all that it says, or a word:", function()
  for _, from in ipairs(NAMES) do
    for _, to in ipairs(NAMES) do
      if from ~= to then
        it(from .. " to " .. to, function()
          local all = requests.all(from)
          if not all then return pending "the reference material is not here (OGL_SHARED)" end
          local lost = {}
          for _, recorded in ipairs(all) do
            local request = not REFUSED[recorded.name] and protocol_of(from).decode_request(recorded.body, { path = recorded.path })
            if request then
              local wire, err = protocol_of(to).encode_request(request, {}, true, "m")
              assert(wire, recorded.name .. ": " .. tostring(err))
              local body = requests.copy(wire.body)
              local there, problem = protocol_of(to).decode_request(body)
              assert(there, recorded.name .. ": " .. tostring(problem))
              local fields, want, got = told(wire), meaning_of(request), meaning_of(there)
              forgive(want, got, to, fields)
              assert.same(want, got, recorded.name)
              for field, message in pairs(fields) do lost[field] = message end
            end
          end
          if os.getenv "OGL_TOLD" then
            for field, message in pairs(lost) do io.stderr:write(from, " > ", to, ": ", field, ": ", message, "\n") end
          end
        end)
      end
    end
  end
end)

describe("a translation", function()
  -- The body that a request becomes elsewhere, and the fields that it warns of.
  local function translated(from, to, body)
    local request = assert(protocol_of(from).decode_request(body))
    local wire = assert(protocol_of(to).encode_request(request, {}, false, "m"))
    local fields = {}
    for i, warning in ipairs(wire.warnings) do fields[i] = warning.code .. " " .. warning.field end
    return requests.copy(wire.body), fields
  end

  it("shows the pictures of a tool's answer after all answers, where an answer is a text", function()
    local picture = { type = "image", source = { type = "url", url = "https://x" } }
    local body, fields = translated("anthropic", "openai_chat", { messages = {
      { role = "assistant", content = { { type = "tool_use", id = "a", name = "f", input = {} }, { type = "tool_use", id = "b", name = "f", input = {} } } },
      { role = "user", content = {
        { type = "tool_result", tool_use_id = "a", content = { { type = "text", text = "see" }, picture }, is_error = true },
        { type = "tool_result", tool_use_id = "b", content = "ok" },
      } },
    } })
    table.remove(body.messages, 1)
    assert.same({
      { role = "tool", tool_call_id = "a", content = "see" }, { role = "tool", tool_call_id = "b", content = "ok" },
      { role = "user", content = { { type = "image_url", image_url = { url = "https://x" } } } },
    }, body.messages)
    assert.same({ "approximated messages" }, fields)
  end)

  it("gives calls that have no ids some, and takes them away again", function()
    local contents = {
      { role = "model", parts = { { functionCall = { name = "f", args = { a = 1 } } }, { functionCall = { name = "f", args = { a = 2 } } } } },
      { role = "user", parts = { { functionResponse = { name = "f", response = { output = "1" } } }, { functionResponse = { name = "f", response = { output = "2" } } } } },
    }
    local body = translated("gemini", "openai_chat", { contents = contents })
    local calls = body.messages[1].tool_calls
    assert.same({ calls[1].id, calls[2].id }, { body.messages[2].tool_call_id, body.messages[3].tool_call_id })
    assert.not_equal(calls[1].id, calls[2].id)
    assert.same(contents, translated("openai_chat", "gemini", body).contents)
  end)

  it("sends no word of one server to another", function()
    local body, fields = translated("anthropic", "openai_responses", {
      messages = { { role = "user", content = { { type = "text", text = "x", cache_control = { type = "ephemeral" } }, { type = "search_result", source = "s" } } } },
      tools = { { type = "web_search_20250305", name = "w" } }, tool_choice = { type = "any" }, thinking = { type = "enabled", budget_tokens = 5000 },
      service_tier = "standard_only", container = "c",
    })
    assert.same({ model = "m", reasoning = { effort = "medium" }, input = { { role = "user", content = { { type = "input_text", text = "x" } } } } }, body)
    assert.same({
      "approximated reasoning.budget", "not_carried extra.container", "not_carried messages", "not_carried messages.cache_control",
      "not_carried service_tier", "not_carried tool_choice", "not_carried tools[1]",
    }, (function() table.sort(fields) return fields end)())
  end)

  it("makes a conversation of instructions alone", function()
    local body, fields = translated("openai_chat", "anthropic", { messages = { { role = "system", content = "s" } } })
    assert.same({ { role = "user", content = { { type = "text", text = "s" } } } }, body.messages)
    assert.is_nil(body.system)
    assert.same({ "approximated messages" }, fields)
  end)

  it("is an error where nothing may be lost quietly: the caller's own message", function()
    local ogl = require "opengatellm"
    local wire, err = protocol_of "anthropic".encode_request({ messages = { ogl.user(ogl.audio { data = "ID3" }) } }, {}, false, "m")
    assert.is_nil(wire)
    assert.equal("unsupported", err.kind)
    local _, fields = translated("openai_chat", "anthropic", { messages = { { role = "user", content = {
      { type = "text", text = "x" }, { type = "input_audio", input_audio = { data = "SUQz", format = "mp3" } },
    } } } })
    assert.same({ "not_carried messages" }, fields)
  end)
end)
