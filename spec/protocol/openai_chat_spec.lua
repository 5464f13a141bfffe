local json = require "opengatellm.json"
local ogl = require "opengatellm"
local openai_chat = require "opengatellm.protocol.openai_chat"

local function encode(request, stream)
  request.messages = request.messages or { ogl.user "hi" }
  local wire, err = openai_chat.encode_request(request, {}, stream or false, "m")
  if not wire then return nil, err end
  return json.decode(json.encode(wire.body)), wire
end

describe("openai_chat.encode_request", function()
  it("sends no more than what was asked", function()
    local body, wire = encode {}
    assert.same({ model = "m", messages = { { role = "user", content = "hi" } } }, body)
    assert.same({ "POST", "/chat/completions" }, { wire.method, wire.path })
    assert.same({}, wire.warnings)
  end)

  it("asks for the usage of a stream, unless the provider refuses that", function()
    assert.same({ include_usage = true }, encode({}, true).stream_options)
    assert.is_true(encode({}, true).stream)
    assert.is_nil(openai_chat.encode_request({ messages = { ogl.user "hi" } }, { no_stream_options = true }, true, "m").body.stream_options)
  end)

  it("sends parameters under their names", function()
    local body = encode {
      temperature = 0, top_p = 0.5, top_k = 3, stop = { "a", "b" }, seed = 1, presence_penalty = 1, frequency_penalty = 2, logprobs = true,
      top_logprobs = 2, n = 2, user = "u", metadata = { a = "b" }, service_tier = "flex", store = false, max_tokens = 9, parallel_tool_calls = false,
    }
    assert.same({ 0, 0.5, 3, { "a", "b" }, 1, 9, false, false },
      { body.temperature, body.top_p, body.top_k, body.stop, body.seed, body.max_tokens, body.store, body.parallel_tool_calls })
  end)

  it("sends max_tokens under the provider's name", function()
    local wire = openai_chat.encode_request({ messages = { ogl.user "hi" }, max_tokens = 5 }, { max_tokens = "max_completion_tokens" }, false, "m")
    assert.same({ 5, nil }, { wire.body.max_completion_tokens, wire.body.max_tokens })
  end)

  it("puts the system text first", function()
    assert.same({ role = "system", content = "s" }, encode({ system = "s" }).messages[1])
  end)

  it("always sends tool_choice with tools: OGL up to 0.9.0 puts \"none\" otherwise", function()
    local body = encode { tools = { { name = "f", description = "d" } } }
    assert.equal("auto", body.tool_choice)
    assert.same({ type = "function", ["function"] = { name = "f", description = "d", parameters = { type = "object", properties = {} } } }, body.tools[1])
    assert.equal("required", encode({ tools = { { name = "f" } }, tool_choice = "required" }).tool_choice)
    assert.same({ type = "function", ["function"] = { name = "f" } }, encode({ tools = { { name = "f" } }, tool_choice = { name = "f" } }).tool_choice)
    assert.is_nil(encode({}).tool_choice)
  end)

  it("passes a server's own tools as they are", function()
    local body = encode { tools = { { type = "search", collection_ids = { 1 } } } }
    assert.same({ type = "search", collection_ids = { 1 } }, body.tools[1])
  end)

  it("asks for JSON, with a schema or without", function()
    assert.same({ type = "json_object" }, encode({ output = "json" }).response_format)
    local format = encode({ output = { type = "object", properties = {}, required = {}, additionalProperties = false } }).response_format
    assert.equal("json_schema", format.type)
    assert.is_true(format.json_schema.strict)
    assert.equal("[]", json.encode(format.json_schema.schema.required))
  end)

  it("sends the effort of reasoning, and warns of what it cannot carry", function()
    local body, wire = encode { reasoning = { effort = "low", budget = 100 }, previous_response_id = "r", include = { "x" } }
    assert.equal("low", body.reasoning_effort)
    local fields = {}
    for i, warning in ipairs(wire.warnings) do fields[i] = warning.field end
    table.sort(fields)
    assert.same({ "include", "previous_response_id", "reasoning.budget" }, fields)
  end)

  it("merges extra over everything", function()
    local body = encode { temperature = 1, extra = { temperature = 0, guided_json = { a = 1 } } }
    assert.same({ 0, { a = 1 } }, { body.temperature, body.guided_json })
  end)

  it("writes a reply back as the assistant's message", function()
    local reply = { role = "assistant", text = "", content = {}, tool_calls = { { id = "c1", name = "f", arguments = '{"a":1}' } }, usage = {} }
    assert.same({
      role = "assistant", content = json.null,
      tool_calls = { { id = "c1", type = "function", ["function"] = { name = "f", arguments = '{"a":1}' } } },
    }, encode({ messages = { ogl.user "hi", reply, ogl.tool_result("c1", "ok") } }).messages[2])
    assert.same({ role = "assistant", content = "hello" }, encode({ messages = { ogl.user "hi", { role = "assistant", text = "hello", content = {} } } }).messages[2])
  end)

  it("keeps a message that is in the wire's own form", function()
    local own = { role = "assistant", content = "x", tool_calls = { { id = "c", type = "function", ["function"] = { name = "f", arguments = "{}" } } } }
    assert.same(own, encode({ messages = { own } }).messages[1])
  end)

  it("encodes pictures, recordings and documents", function()
    local parts = encode({
      messages = {
        ogl.user("a", ogl.image { url = "http://x", detail = "low" }, ogl.image { data = "GIF89a" }, ogl.audio { data = "ID3x" }, ogl.file { data = "%PDF-", name = "d.pdf" }),
      },
    }).messages[1].content
    assert.same({ type = "text", text = "a" }, parts[1])
    assert.same({ type = "image_url", image_url = { url = "http://x", detail = "low" } }, parts[2])
    assert.equal("data:image/gif;base64,R0lGODlh", parts[3].image_url.url)
    assert.same({ type = "input_audio", input_audio = { data = "SUQzeA==", format = "mp3" } }, parts[4])
    assert.same({ type = "file", file = { filename = "d.pdf", file_data = "data:application/pdf;base64,JVBERi0=" } }, parts[5])
  end)

  it("gives an error for a file that is not there", function()
    local body, err = encode { messages = { ogl.user(ogl.image { path = "/no/such/file.png" }) } }
    assert.is_nil(body)
    assert.equal("file", err.kind)
  end)
end)

describe("what Chat Completions has no form for", function()
  local function told(wire)
    local list = {}
    for i, warning in ipairs(wire.warnings) do list[i] = warning.code .. " " .. warning.field end
    return list
  end

  it("is a picture or a recording by its id", function()
    for _, part in ipairs { ogl.image { id = "f" }, ogl.audio { id = "f" }, { type = "image" } } do
      local body, err = encode { messages = { ogl.user("x", part) } }
      assert.same({ nil, "unsupported" }, { body, err.kind })
      local wire
      body, wire = encode { messages = { { role = "user", protocol = "anthropic", content = { { type = "text", text = "x" }, part } } } }
      assert.same({ { { type = "text", text = "x" } }, { "not_carried messages" } }, { body.messages[1].content, told(wire) })
    end
    assert.equal("f", encode({ messages = { ogl.user(ogl.file { id = "f" }) } }).messages[1].content[1].file.file_id)
    local elsewhere = { role = "user", protocol = "openai_responses", content = { ogl.file { id = "f" } } } -- a file that another server knows
    local body, wire = encode { messages = { elsewhere, ogl.user "x" } }
    assert.same({ { { role = "user", content = "x" } }, { "not_carried messages" } }, { body.messages, told(wire) })
  end)

  it("is a picture in a tool's answer: it comes from the user, behind all answers", function()
    local calls = { role = "assistant", tool_calls = { { id = "a", name = "f" }, { id = "b", name = "f" } } }
    local shown = { role = "tool", tool_call_id = "a", content = { "see", ogl.image { url = "http://x" } } }
    local wire_form = { role = "tool", tool_call_id = "b", content = { { type = "image_url", image_url = { url = "http://y" } } } }
    local body, wire = encode { messages = { ogl.user "hi", calls, shown, wire_form, ogl.user "well?" } }
    assert.same({
      { role = "tool", tool_call_id = "a", content = "see" }, { role = "tool", tool_call_id = "b", content = "" },
      { role = "user", content = { { type = "image_url", image_url = { url = "http://x" } }, { type = "image_url", image_url = { url = "http://y" } } } },
      { role = "user", content = "well?" },
    }, { body.messages[3], body.messages[4], body.messages[5], body.messages[6] })
    assert.same({ "approximated messages" }, told(wire))
  end)

  it("is a schema, where the server takes none", function()
    local function deepseek(request)
      local wire = openai_chat.encode_request(request, { name = "deepseek" }, false, "deepseek-chat")
      return json.decode(json.encode(wire.body)), told(wire)
    end
    local body, warned = deepseek { messages = { ogl.system "s", ogl.user "a river" }, output = { type = "object", properties = {} } }
    assert.same({ type = "json_object" }, body.response_format)
    assert.same({ "system", "system", "user" }, { body.messages[1].role, body.messages[2].role, body.messages[3].role })
    assert.matches("JSON Schema.*properties", body.messages[2].content)
    assert.same({ "approximated output" }, warned)
    body, warned = deepseek { messages = { ogl.user "a river" }, output = "json" }
    assert.matches("JSON", body.messages[1].content)
    assert.same({ "approximated output" }, warned)
    assert.same({}, select(2, deepseek { messages = { ogl.user "a river, as json" }, output = "json" }))
    assert.same({ type = "disabled" }, deepseek({ messages = { ogl.user "x" }, reasoning = "none" }).thinking)
  end)

  it("is top_k, at OpenAI and Azure", function()
    for _, provider in ipairs { "openai", "azure_openai", "github_models" } do
      local wire = openai_chat.encode_request({ messages = { ogl.user "hi" }, top_k = 5 }, require("opengatellm.providers").find(provider), false, "m")
      assert.same({ nil, { "not_carried top_k" } }, { wire.body.top_k, told(wire) })
    end
    assert.equal(5, encode({ top_k = 5 }).top_k)
  end)

  it("is max_tokens, with the models that think", function()
    local wire = openai_chat.encode_request({ messages = { ogl.user "hi" }, max_tokens = 5 }, {}, false, "openai/gpt-5-mini")
    assert.same({ 5, nil }, { wire.body.max_completion_tokens, wire.body.max_tokens })
  end)

  it("is an id that Mistral's models do not take, wherever they run", function()
    for _, target in ipairs { { { name = "mistral" }, "any" }, { { name = "vllm" }, "mistralai/Mistral-Small-3.2" } } do
      local calls = { role = "assistant", protocol = "anthropic", tool_calls = { { id = "toolu_1", name = "f" } } }
      local list = openai_chat.encode_request({ messages = { calls, ogl.tool_result("toolu_1", "1") } }, target[1], false, target[2]).body.messages
      assert.matches("^%w%w%w%w%w%w%w%w%w$", list[1].tool_calls[1].id)
      assert.equal(list[1].tool_calls[1].id, list[2].tool_call_id)
      assert.is_nil(list[2].called)
    end
    local long = { role = "assistant", tool_calls = { { id = ("x"):rep(50), name = "f" } } }
    assert.equal(40, #openai_chat.encode_request({ messages = { long } }, {}, false, "gpt-4o").body.messages[1].tool_calls[1].id)
    assert.equal(50, #encode({ messages = { long } }).messages[1].tool_calls[1].id)
  end)

  it("is a choice at the top of a tool's schema, at OpenAI", function()
    local openai = require("opengatellm.providers").find "openai"
    local schema = { anyOf = { { properties = { a = { type = "string" } } } } }
    for _, tool in ipairs { { name = "f", parameters = schema }, { type = "function", ["function"] = { name = "f", parameters = schema } } } do
      local wire = openai_chat.encode_request({ messages = { ogl.user "hi" }, tools = { tool } }, openai, false, "m")
      assert.same({ "object", nil }, { wire.body.tools[1]["function"].parameters.type, wire.body.tools[1]["function"].parameters.anyOf })
      assert.same({ "schema tools[1].parameters" }, told(wire))
      assert.same(schema, encode({ tools = { tool } }).tools[1]["function"].parameters) -- others may take it
    end
  end)

  it("is what Claude refuses, wherever it is asked", function()
    local calls = { role = "assistant", tool_calls = { { id = "functions.ls:0", name = "ls" } } }
    local schema = { type = "object", properties = {}, oneOf = { { required = { "a" } } } }
    local request = {
      messages = { ogl.user "hi", calls, ogl.tool_result("functions.ls:0", "1"), { role = "assistant", content = "{" } }, tools = { { name = "f", parameters = schema } },
    }
    local wire = openai_chat.encode_request(request, { name = "openrouter" }, false, "anthropic/claude-opus-4.6")
    local list = wire.body.messages
    assert.same({ 3, "functions_ls_0", "functions_ls_0" }, { #list, list[2].tool_calls[1].id, list[3].tool_call_id })
    assert.is_nil(wire.body.tools[1]["function"].parameters.oneOf)
    assert.same({ "not_carried messages", "schema tools[1].parameters" }, told(wire))
    assert.equal(4, #openai_chat.encode_request(request, {}, false, "anthropic/claude-sonnet-4.5").body.messages)
  end)

  it("is a message of the assistant that says nothing, at Mistral", function()
    local list = { ogl.user "hi", { role = "assistant", content = "" }, ogl.user "well?" }
    local wire = openai_chat.encode_request({ messages = list }, require("opengatellm.providers").find "mistral", false, "m")
    assert.same({ 2, { "not_carried messages" } }, { #wire.body.messages, told(wire) })
    assert.equal(3, #encode({ messages = list }).messages)
  end)
end)
