local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local ollama = require "opengatellm.protocol.ollama"
local wires = require "spec.support.wire"

local function encode(request, stream) return wires.encode(ollama, request, stream) end

local fields = wires.warned

describe("ollama.encode_request", function()
  it("sends no more than what was asked, and whether to stream", function()
    local body, wire = encode {}
    assert.same({ model = "m", messages = { { role = "user", content = "hi" } }, stream = false }, body)
    assert.same({ "POST", "/api/chat", true }, { wire.method, wire.path, wire.root })
    assert.same({}, wire.warnings)
    assert.is_nil(wire.accept)
    body, wire = encode({}, true)
    assert.same({ true, "application/x-ndjson" }, { body.stream, wire.accept })
  end)

  it("sends fields under the protocol's names", function()
    local cases = {
      { { max_tokens = 9, temperature = 0, top_k = 3, top_p = 0.5, stop = "x", seed = 1, presence_penalty = 1, frequency_penalty = 2 }, "options",
        { num_predict = 9, temperature = 0, top_k = 3, top_p = 0.5, stop = { "x" }, seed = 1, presence_penalty = 1, frequency_penalty = 2 } },
      { { stop = { "a", "b" } }, "options", { stop = { "a", "b" } } },
      { { output = "json" }, "format", "json" },
      { { output = { type = "object" } }, "format", { type = "object" } },
      { { reasoning = "none" }, "think", false }, { { reasoning = "high" }, "think", "high" }, { { reasoning = {} }, "think", true },
      { { logprobs = true, top_logprobs = 2 }, "top_logprobs", 2 },
      { { extra = { keep_alive = "5m" } }, "keep_alive", "5m" },
      { { temperature = 1, extra = { options = { num_ctx = 8192 } } }, "options", { temperature = 1, num_ctx = 8192 } },
      { { tools = { { name = "f" } }, tool_choice = "none" }, "tools", nil },
    }
    for _, case in ipairs(cases) do
      local body, wire = encode(case[1])
      assert.same(case[3], body[case[2]])
      assert.same({}, wire.warnings)
    end
  end)

  it("says what it cannot carry", function()
    local _, wire = encode {
      n = 2, user = "u", metadata = {}, service_tier = "x", store = true, previous_response_id = "r", include = {}, logit_bias = {},
      parallel_tool_calls = true, tool_choice = "required", reasoning = { effort = "xhigh", budget = 1, summary = "auto" },
    }
    assert.same({
      "include", "logit_bias", "metadata", "n", "parallel_tool_calls", "previous_response_id", "reasoning.budget", "reasoning.effort",
      "reasoning.summary", "service_tier", "store", "tool_choice", "user",
    }, fields(wire))
    assert.equal("high", encode({ reasoning = { effort = "xhigh" } }).think)
  end)

  it("puts the system text first, and pictures beside the text", function()
    local messages = encode({ system = "s", messages = {
      { role = "developer", content = "d" }, ogl.user("a", "b", ogl.image { data = "GIF89a" }, ogl.image { url = "data:image/png;base64,QUJD" }),
      ogl.user { { type = "image_url", image_url = { url = "data:image/png;base64,QUJD" } } },
    } }).messages
    assert.same({
      { role = "system", content = "s" }, { role = "system", content = "d" }, { role = "user", content = "ab", images = { "R0lGODlh", "QUJD" } },
      { role = "user", content = "", images = { "QUJD" } },
    }, messages)
  end)

  it("refuses content that it cannot send", function()
    for _, part in ipairs { ogl.image { url = "http://x" }, ogl.audio { data = "ID3" }, ogl.file { data = "%PDF-" }, { type = "image_url" } } do
      local body, err = encode { messages = { ogl.user(part) } }
      assert.is_nil(body)
      assert.equal("unsupported", err.kind)
    end
    assert.equal("file", select(2, encode { messages = { ogl.user(ogl.image { path = "/no/such.png" }) } }).kind)
  end)

  it("writes tools, calls with objects, and results with the tool's name", function()
    local body, wire = encode {
      tools = { { name = "f", description = "d", parameters = { type = "object", required = {} } }, { type = "function", ["function"] = { name = "g" } } },
      messages = {
        ogl.user "hi",
        { role = "assistant", tool_calls = {
          { id = "c1", name = "f", arguments = '{"big": 12345678901234567, "a": []}' }, { name = "g", arguments = "" },
          { id = "c3", type = "function", ["function"] = { name = "h", arguments = "cut {" } },
        } },
        ogl.tool_result("c1", "one"), ogl.tool_result("g", "two"), ogl.tool_result("c9", "three"),
      },
    }
    assert.same({ type = "function", ["function"] = { name = "f", description = "d", parameters = { type = "object", properties = {}, required = {} } } }, body.tools[1])
    assert.same({ type = "function", ["function"] = { name = "g", parameters = { type = "object", properties = {} } } }, body.tools[2])
    local text = json.encode(wire.body)
    assert.truthy(text:find('"arguments":{"big": 12345678901234567, "a": []}', 1, true))
    assert.truthy(text:find('{"function":{"arguments":{},"name":"g"}}', 1, true))
    assert.same({ role = "tool", content = "one", tool_name = "f", tool_call_id = "c1" }, body.messages[3])
    assert.same({ role = "tool", content = "two", tool_name = "g" }, body.messages[4])
    assert.same({ role = "tool", content = "three", tool_call_id = "c9" }, body.messages[5])
    assert.same({ "messages[2].tool_calls[3].arguments" }, fields(wire))
  end)

  it("sends a reply's thinking back to where it came from", function()
    local content = { { type = "reasoning", text = "Hm" }, { type = "text", text = "Hi" }, { type = "part", kind = "images", json = '["QQ=="]' } }
    local body, wire = encode { messages = { { role = "assistant", text = "Hi", content = content, protocol = "ollama" } } }
    assert.same({ role = "assistant", content = "Hi", thinking = "Hm", images = { "QQ==" } }, body.messages[1])
    assert.same({}, wire.warnings)
    body, wire = encode { messages = { { role = "assistant", text = "Hi", content = content, protocol = "anthropic" } } }
    assert.same({ role = "assistant", content = "Hi" }, body.messages[1])
    assert.same({ "messages[1]" }, fields(wire))
  end)
end)

describe("what ollama has no form for", function()
  it("is an error where it is the caller's, and left out where it came from elsewhere: the question stays", function()
    local picture = ogl.image { id = "file-1" }
    local body, err = encode { messages = { ogl.user("What is it?", picture) } }
    assert.same({ nil, "unsupported" }, { body, err.kind })
    local wire
    body, wire = encode { messages = { { role = "user", protocol = "anthropic", content = { { type = "text", text = "What is it?" }, picture } } } }
    assert.same({ { role = "user", content = "What is it?" } }, body.messages)
    assert.same({ "messages" }, fields(wire))
  end)

  it("is an id: results go by the name of the nearest call", function()
    local function call(name) return { role = "assistant", tool_calls = { { id = "ogl_call_1", name = name, arguments = "{}" } } } end
    local body = encode { messages = { ogl.user "hi", call "f", ogl.tool_result("ogl_call_1", "1"), call "g", ogl.tool_result("ogl_call_1", "2") } }
    assert.same({ { role = "tool", content = "1", tool_name = "f" }, { role = "tool", content = "2", tool_name = "g" } }, { body.messages[3], body.messages[5] })
    assert.is_nil(body.messages[2].tool_calls[1].id)
  end)

  it("is what stood beside a call: it is told", function()
    local call = { type = "tool_call", id = "c", name = "f", arguments = "{}", signature = "c2ln" }
    assert.same({ "messages[1]" }, fields((select(2, encode { messages = { { role = "assistant", protocol = "gemini", content = { call } } } }))))
  end)

  it("is a refusal: it is a text", function()
    local body = encode { messages = { ogl.user "hi", { role = "assistant", content = "", refusal = "No." } } }
    assert.equal("No.", body.messages[2].content)
  end)

  it("is a call that stands in the content alone: it has it beside", function()
    local body = encode { messages = { ogl.user "hi", { role = "assistant", content = { { type = "tool_call", id = "c", name = "f", arguments = "{}" } } } } }
    assert.equal("f", body.messages[2].tool_calls[1]["function"].name)
  end)
end)

describe("a client of ollama", function()
  local replay = require "opengatellm.transport.replay"

  it("asks without a version in the path, and without a key", function()
    local transport = replay.new { body = '{"model":"m","message":{"content":"Hi"},"done":true,"done_reason":"stop"}' }
    local client = ogl.client { provider = "ollama", base_url = "http://h:1/v1", model = "m", transport = transport }
    local reply = assert(client:chat "hi")
    assert.same({ "Hi", "stop", "ollama" }, { reply.text, reply.finish_reason, reply.protocol })
    assert.equal("http://h:1/api/chat", transport.requests[1].url)
    for _, header in ipairs(transport.requests[1].headers) do assert.not_equal("authorization", header[1]) end
  end)

  it("streams lines", function()
    local transport = replay.new {
      headers = { ["content-type"] = "application/x-ndjson" },
      body = { '{"model":"m","message":{"content":"H"},"done":false}\n{"mod', 'el":"m","message":{"content":"i"},"done":true}\n' },
    }
    local stream, texts = assert(ogl.client({ provider = "ollama", model = "m", transport = transport }):stream "hi"), {}
    for text in stream:texts() do texts[#texts + 1] = text end
    assert.same({ "H", "i" }, texts)
  end)
end)

describe("the recorded requests of Ollama", function()
  local function request_of(sent)
    local options = sent.options or {}
    local request = { messages = {}, max_tokens = options.num_predict, temperature = options.temperature, extra = {} }
    if options.think ~= nil then request.extra.options = { think = options.think } end
    if sent.keep_alive ~= json.null then request.extra.keep_alive = sent.keep_alive end
    if sent.format == "json" then request.output = "json" end
    for i, message in ipairs(sent.messages) do
      request.messages[i] = { role = message.role, content = message.content, tool_calls = message.tool_calls }
    end
    return request
  end

  -- What may differ: defaults that are written or not.
  local function settle(body)
    if body.format == "" then body.format = nil end
    if body.keep_alive == json.null then body.keep_alive = nil end
    if body.options and next(body.options) == nil then body.options = nil end
    if body.tools and not body.tools[1] then body.tools = nil end
    body.stream = body.stream or false
    return body
  end

  it("are what we send for the same", function()
    local expected = helper.shared "fixtures/expected.jsonl"
    if not expected then return pending "the reference material is not here (OGL_SHARED)" end
    local pipe, count = assert(io.popen("ls " .. expected:match "^(.*)/" .. "/*/ollama/*.json")), 0
    for path in pipe:lines() do
      local file = assert(io.open(path, "rb"))
      local exchange = json.decode(file:read "*a")
      file:close()
      if exchange.path == "/api/chat" then
        local sent = settle(exchange.request)
        local wire = assert(ollama.encode_request(request_of(sent), {}, sent.stream, sent.model))
        assert.same(sent, settle(json.decode(json.encode(wire.body))), path)
        count = count + 1
      end
    end
    pipe:close()
    assert.is_true(count > 10)
  end)
end)
