local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local responses = require "opengatellm.protocol.openai_responses"
local wires = require "spec.support.wire"

local function encode(request, stream) return wires.encode(responses, request, stream) end

local fields = wires.warned

-- What a reply of this protocol looks like when it goes back.
local function reply(content)
  return { role = "assistant", text = "", content = content, protocol = "openai_responses", provider = "openai" }
end

describe("openai_responses.encode_request", function()
  it("sends no more than what was asked", function()
    local body, wire = encode {}
    assert.same({ model = "m", input = { { role = "user", content = "hi" } } }, body)
    assert.same({ "POST", "/responses" }, { wire.method, wire.path })
    assert.same({}, wire.warnings)
    assert.is_true(encode({}, true).stream)
  end)

  it("sends fields under the protocol's names", function()
    local cases = {
      { { system = "s" }, "instructions", "s" }, { { max_tokens = 9 }, "max_output_tokens", 9 }, { { temperature = 0 }, "temperature", 0 },
      { { top_p = 0.5 }, "top_p", 0.5 }, { { top_logprobs = 2 }, "top_logprobs", 2 }, { { user = "u" }, "user", "u" },
      { { metadata = { a = "b" } }, "metadata", { a = "b" } }, { { service_tier = "flex" }, "service_tier", "flex" },
      { { store = false }, "store", false }, { { include = { "x" } }, "include", { "x" } },
      { { previous_response_id = "r" }, "previous_response_id", "r" }, { { parallel_tool_calls = false }, "parallel_tool_calls", false },
      { { reasoning = "low" }, "reasoning", { effort = "low" } },
      { { reasoning = { effort = "high", summary = "auto" } }, "reasoning", { effort = "high", summary = "auto" } },
      { { output = "json" }, "text", { format = { type = "json_object" } } },
      { { logprobs = true }, "include", { "message.output_text.logprobs" } },
      { { logprobs = true, include = { "x" } }, "include", { "x", "message.output_text.logprobs" } },
      { { tool_choice = "required" }, "tool_choice", "required" },
      { { tool_choice = { name = "f" } }, "tool_choice", { type = "function", name = "f" } },
      { { tool_choice = { type = "web_search" } }, "tool_choice", { type = "web_search" } },
      { { tools = { { type = "custom", name = "sql" } }, tool_choice = { name = "sql" } }, "tool_choice", { type = "custom", name = "sql" } },
      { { extra = { background = true } }, "background", true },
    }
    for _, case in ipairs(cases) do
      local body, wire = encode(case[1])
      assert.same(case[3], body[case[2]], case[2])
      assert.same({}, wire.warnings)
    end
  end)

  it("says what it cannot carry", function()
    local _, wire = encode {
      top_k = 1, stop = "x", seed = 1, presence_penalty = 1, frequency_penalty = 1, logit_bias = { ["1"] = 1 }, n = 2, reasoning = { budget = 9 },
    }
    assert.same({ "frequency_penalty", "logit_bias", "n", "presence_penalty", "reasoning.budget", "seed", "stop", "top_k" }, fields(wire))
    assert.equal("not_carried", wire.warnings[1].code)
    assert.same({}, fields((select(2, encode { n = 1 }))))
  end)

  it("sends a schema, strict where it is closed", function()
    local format = encode({ output = { type = "object", properties = {}, required = {}, additionalProperties = false } }).text.format
    assert.same({ "json_schema", "output", true }, { format.type, format.name, format.strict })
    assert.equal("[]", json.encode(format.schema.required))
    assert.is_false(encode({ output = { type = "object" } }).text.format.strict)
  end)

  it("writes functions flat, and passes the server's own tools as they are", function()
    local tools = encode({ tools = {
      { name = "f", description = "d", parameters = { type = "object", required = {} } }, { name = "g", strict = true },
      { type = "function", ["function"] = { name = "h" } }, { type = "web_search", search_context_size = "low" },
    } }).tools
    assert.same({ type = "function", name = "f", description = "d", strict = false, parameters = { type = "object", properties = {}, required = {} } }, tools[1])
    assert.is_true(tools[2].strict)
    assert.same({ "function", "h" }, { tools[3].type, tools[3].name })
    assert.same({ type = "web_search", search_context_size = "low" }, tools[4])
  end)

  it("encodes pictures, recordings and documents", function()
    local content = encode({ messages = { ogl.user("a", ogl.image { url = "http://x", detail = "low" }, ogl.image { data = "GIF89a" },
      ogl.image { id = "f1" }, ogl.audio { data = "ID3x" }, ogl.file { data = "%PDF-", name = "d.pdf" }, ogl.file { url = "http://y" },
      ogl.file { id = "f2" }, { type = "input_text", text = "own" }) } }).input[1].content
    assert.same({
      { type = "input_text", text = "a" }, { type = "input_image", image_url = "http://x", detail = "low" },
      { type = "input_image", image_url = "data:image/gif;base64,R0lGODlh" }, { type = "input_image", file_id = "f1" },
      { type = "input_audio", input_audio = { data = "SUQzeA==", format = "mp3" } },
      { type = "input_file", filename = "d.pdf", file_data = "data:application/pdf;base64,JVBERi0=" },
      { type = "input_file", file_url = "http://y" }, { type = "input_file", file_id = "f2" }, { type = "input_text", text = "own" },
    }, content)
    local body, err = encode { messages = { ogl.user(ogl.image { path = "/no/such/file.png" }) } }
    assert.is_nil(body)
    assert.equal("file", err.kind)
    assert.equal("unsupported", select(2, encode { messages = { ogl.user(ogl.audio { url = "http://x" }) } }).kind)
  end)

  it("writes calls and their results as items", function()
    local input = encode({ messages = {
      ogl.user "hi",
      { role = "assistant", content = "wait", tool_calls = { { id = "c1", name = "f", arguments = '{"a":1}' } } },
      ogl.tool_result("c1", { ok = true }),
      { role = "assistant", tool_calls = { { id = "c2", type = "function", ["function"] = { name = "g", arguments = "{}" } } } },
      ogl.tool_result("c2", "fine"),
    } }).input
    assert.same({
      { role = "user", content = "hi" }, { role = "assistant", content = { { type = "output_text", text = "wait" } } },
      { type = "function_call", call_id = "c1", name = "f", arguments = '{"a":1}' },
      { type = "function_call_output", call_id = "c1", output = '{"ok":true}' },
      { type = "function_call", call_id = "c2", name = "g", arguments = "{}" },
      { type = "function_call_output", call_id = "c2", output = "fine" },
    }, input)
  end)

  it("writes calls of custom tools with their input", function()
    local input = encode({ tools = { { type = "custom", name = "sql" } }, messages = {
      { role = "assistant", tool_calls = { { id = "c1", name = "sql", arguments = "SELECT 1" } } }, ogl.tool_result("c1", "1"),
    } }).input
    assert.same({
      { type = "custom_tool_call", call_id = "c1", name = "sql", input = "SELECT 1" },
      { type = "custom_tool_call_output", call_id = "c1", output = "1" },
    }, input)
  end)

  it("warns of names and of old function results", function()
    local _, wire = encode { messages = { { role = "user", name = "bob", content = "x" }, { role = "function", name = "f", content = "1" } } }
    assert.same({ "messages[1].name", "messages[2]" }, fields(wire))
  end)
end)

describe("a reply that goes back by openai_responses", function()
  local REASONING = '{ "type":"reasoning","summary":[],"n":12345678901234567890, "encrypted_content":"g\\/A=" }'
  local said = reply {
    { type = "part", kind = "reasoning", json = REASONING },
    { type = "reasoning", text = "Hm" },
    { type = "text", text = "Look", signature = '{"id":"msg_1","type":"message","phase":"commentary"}' },
    { type = "citation", json = '{"url":"x"}' },
    { type = "part", kind = "web_search_call", json = '{"type":"web_search_call","id":"ws_1"}' },
    { type = "tool_call", id = "c1", name = "f", arguments = '{"a": 1}', signature = '{"id":"fc_1","type":"function_call","namespace":"crm"}' },
    { type = "tool_call", id = "c2", name = "sql", arguments = "SELECT 1", signature = '{"id":"ctc_1","type":"custom_tool_call"}' },
  }

  it("keeps its items, their order and their exact text", function()
    local wire = responses.encode_request({ messages = { said, ogl.tool_result("c2", "1") } }, {}, false, "m")
    assert.truthy(json.encode(wire.body):find(REASONING, 1, true))
    local input = json.decode(json.encode(wire.body.input))
    local types = {}
    for i, item in ipairs(input) do types[i] = item.type end
    assert.same({ "reasoning", "message", "web_search_call", "function_call", "custom_tool_call", "custom_tool_call_output" }, types)
    assert.same({
      type = "message", id = "msg_1", phase = "commentary", role = "assistant", status = "completed",
      content = { { type = "output_text", text = "Look", annotations = { { url = "x" } } } },
    }, input[2])
    assert.same({ type = "function_call", id = "fc_1", namespace = "crm", call_id = "c1", name = "f", arguments = '{"a": 1}' }, input[4])
    assert.same({}, wire.warnings)
  end)

  it("joins the parts of one message, and parts those of two", function()
    local input = encode({ messages = { reply {
      { type = "text", text = "a", signature = '{"id":"m1","type":"message"}' }, { type = "part", kind = "content", json = '{"type":"x"}' },
      { type = "refusal", text = "no" }, { type = "text", text = "b", signature = '{"id":"m2","type":"message"}' },
    } } }).input
    assert.same({ 2, 3, 1 }, { #input, #input[1].content, #input[2].content })
    assert.same({ { type = "x" }, { type = "refusal", refusal = "no" } }, { input[1].content[2], input[1].content[3] })
  end)

  it("leaves out reasoning that the server does not keep, and the ids that lean on it", function()
    local body, wire = encode { store = false, messages = { reply {
      { type = "part", kind = "reasoning", json = '{"type":"reasoning","id":"rs_1","summary":[]}' },
      { type = "text", text = "a", signature = '{"id":"m1","type":"message"}' },
    } } }
    assert.equal(1, #body.input)
    assert.is_nil(body.input[1].id)
    assert.same({ "messages[1]" }, fields(wire))
    assert.matches("reasoning.encrypted_content", wire.warnings[1].message, 1, true)
    local text = { type = "text", text = "a", signature = '{"id":"m1","type":"message"}' }
    assert.equal("rs_1", encode({ messages = { reply { { type = "part", kind = "reasoning", json = '{"id":"rs_1"}' }, text } } }).input[1].id)
  end)

  it("of another protocol is text and calls", function()
    local body, wire = encode { messages = { {
      role = "assistant", protocol = "anthropic", content = {
        { type = "reasoning", text = "Hm", signature = "s" }, { type = "part", kind = "redacted_thinking", json = "{}" },
        { type = "text", text = "a", signature = '{"id":"x"}' }, { type = "tool_call", id = "c", name = "f", arguments = "{}" },
      },
    } } }
    assert.same({
      { role = "assistant", content = { { type = "output_text", text = "a" } } },
      { type = "function_call", call_id = "c", name = "f", arguments = "{}" },
    }, body.input)
    assert.equal(2, #wire.warnings)
  end)

  it("of Ollama's has no ids: its calls get some", function()
    local calls = { { name = "f", arguments = "{}" } }
    local message = { role = "assistant", protocol = "ollama", tool_calls = calls, content = { { type = "tool_call", name = "f", arguments = "{}" } } }
    assert.same({
      { type = "function_call", call_id = "ogl_call_1", name = "f", arguments = "{}" },
      { type = "function_call_output", call_id = "ogl_call_1", output = "1" },
    }, encode({ messages = { message, ogl.tool_result("f", "1") } }).input)
  end)

  it("stands in the order of its items, whatever that of their events", function()
    local decoder = require "opengatellm.core".decoder("openai_responses", "text/event-stream")
    for _, row in ipairs { { 1, "world" }, { 0, "Hello " }, { 1, "!" } } do
      decoder:feed(('data: {"type":"response.output_text.delta","output_index":%d,"delta":"%s"}\n\n'):format(row[1], row[2]))
    end
    decoder:finish()
    decoder:skip()
    assert.equal("Hello world!", decoder:reply().text)
  end)

  it("comes out of the decoder as it goes in", function()
    local replay = require "opengatellm.transport.replay"
    local output = '[{"type":"reasoning","id":"rs_1","summary":[],"encrypted_content":"x"},'
      .. '{"type":"message","id":"msg_1","role":"assistant","status":"completed","content":[{"type":"output_text","text":"Hi","annotations":[]}]},'
      .. '{"type":"function_call","id":"fc_1","call_id":"c1","name":"f","arguments":"{\\"a\\":1}"}]'
    local transport = replay.new { body = '{"id":"r","object":"response","status":"completed","output":' .. output .. "}" }
    local client = ogl.client { provider = "openai", api_key = "k", model = "m", transport = transport }
    local first = assert(client:chat "hi")
    assert(client:chat { messages = { ogl.user "hi", first, ogl.tool_result("c1", "ok") } })
    local input = json.decode(transport.requests[2].body).input
    assert.same(json.decode(output), { input[2], input[3], input[4] })
  end)
end)

describe("what the server refuses of a reply", function()
  local RS = { type = "part", kind = "reasoning", json = '{"type":"reasoning","id":"rs_1","summary":[]}' }
  local WS = { type = "part", kind = "web_search_call", json = '{"type":"web_search_call","id":"ws_1","n":12345678901234567890}' }
  local REF = { type = "part", kind = "item_reference", json = '{"type":"item_reference","id":"x"}' }
  local function said(text, id) return { type = "text", text = text, signature = '{"id":"' .. (id or "m1") .. '","type":"message"}' } end

  local function types(content, more)
    local request = { messages = { ogl.user "hi", reply(content), ogl.user "go on" } }
    for name, value in pairs(more or {}) do request[name] = value end
    local body, wire = encode(request)
    local out = {}
    for i = 2, #body.input - 1 do out[#out + 1] = body.input[i].type .. (body.input[i].id and " " .. body.input[i].id or "") end
    return out, #wire.warnings, wire
  end

  it("is reasoning that nothing follows", function()
    for _, content in ipairs { { RS }, { RS, RS }, { RS, { type = "reasoning", text = "Hm" } }, { RS, { type = "text", text = "" } } } do
      local out, warned = types(content)
      assert.same({ {}, 1 }, { out, warned })
    end
    assert.same({ "message m1" }, (types { said "a", RS }))
    assert.same({ "reasoning rs_1", "message m1" }, (types { RS, said "" })) -- the server's own empty message
    assert.same({ "reasoning rs_1", "function_call" }, (types { RS, { type = "tool_call", id = "c", name = "f" } }))
  end)

  it("is an id that leans on reasoning which it does not keep", function()
    local out, warned, wire = types({ RS, WS, said "Found." }, { store = false })
    assert.same({ { "web_search_call", "message" }, 2 }, { out, warned })
    assert.truthy(json.encode(wire.body):find('"n":12345678901234567890', 1, true))
    assert.same({ "web_search_call ws_1", "message m1" }, (types({ WS, said "x" }, { store = false })))
    assert.same({ "message" }, (types({ RS, REF, said "x" }, { store = false })))
    assert.same({ "reasoning rs_1", "web_search_call ws_1", "message m1" }, (types { RS, WS, said "x" }))
  end)

  it("is what another server has made", function()
    local function to(provider)
      local wire = responses.encode_request({ messages = { ogl.user "hi", reply { RS, WS, said "x", { type = "tool_call", id = "c", name = "f", signature = '{"id":"fc_1"}' } } } },
        { name = provider }, false, "m")
      return json.decode(json.encode(wire.body.input)), #wire.warnings
    end
    assert.equal(5, #to "openai")
    local input, warned = to "azure_openai"
    assert.same({
      { role = "user", content = "hi" }, { role = "assistant", content = { { type = "output_text", text = "x" } } },
      { type = "function_call", call_id = "c", name = "f", arguments = "{}" },
    }, input)
    assert.equal(2, warned)
  end)

  it("is what another protocol has beside a call, and that is told", function()
    local call = { type = "tool_call", id = "c", name = "f", arguments = "{}", signature = '{"extra_content":{}}' }
    local body, wire = encode { messages = { ogl.user "hi", { role = "assistant", protocol = "openai_chat", content = { call } } } }
    assert.same({ type = "function_call", call_id = "c", name = "f", arguments = "{}" }, body.input[2])
    assert.same({ "messages[2]" }, fields(wire))
  end)

  it("is an id of a call that is longer than 64", function()
    local input = encode({ messages = { { role = "assistant", tool_calls = { { id = ("x"):rep(65), name = "f" } } }, ogl.tool_result(("x"):rep(65), "1") } }).input
    assert.equal(64, #input[1].call_id)
    assert.equal(input[1].call_id, input[2].call_id)
  end)

  it("is a recording by its id", function()
    assert.equal("unsupported", select(2, encode { messages = { ogl.user(ogl.audio { id = "f" }) } }).kind)
  end)
end)

describe("a refusal", function()
  it("of a message goes where a reply has it", function()
    local message = { role = "assistant", content = "", refusal = "No.", protocol = "openai_chat" }
    assert.same({ { role = "assistant", content = { { type = "refusal", refusal = "No." } } } }, encode({ messages = { message } }).input)
  end)
end)

-- Recorded requests: what was sent, as a request of ours, and back.

local undo = {}

function undo.message(item, messages)
  local content = item.content
  if type(content) == "table" then
    content = {}
    for i, part in ipairs(item.content) do content[i] = { type = "text", text = part.text } end
  end
  messages[#messages + 1] = { role = item.role, content = content }
end

local function last_reply(messages)
  local last = messages[#messages]
  if last and last.protocol then return last.content end
  messages[#messages + 1] = reply {}
  return messages[#messages].content
end

function undo.reasoning(item, messages)
  table.insert(last_reply(messages), { type = "part", kind = "reasoning", json = json.encode(item) })
end

function undo.function_call(item, messages)
  local signature = item.id and json.encode { id = item.id, type = item.type }
  table.insert(last_reply(messages), { type = "tool_call", id = item.call_id, name = item.name, arguments = item.arguments, signature = signature })
end

function undo.function_call_output(item, messages) messages[#messages + 1] = ogl.tool_result(item.call_id, item.output) end

local FROM = {
  instructions = "system", max_output_tokens = "max_tokens", temperature = "temperature", top_p = "top_p", store = "store", include = "include",
  reasoning = "reasoning", service_tier = "service_tier", previous_response_id = "previous_response_id", tool_choice = "tool_choice",
}

local function request_of(sent)
  local request = { messages = {}, extra = { text = sent.text } }
  for there, here in pairs(FROM) do request[here] = sent[there] end
  for _, item in ipairs(sent.input) do undo[item.type or "message"](item, request.messages) end
  if sent.tools and sent.tools[1] then request.tools = sent.tools end
  return request
end

-- What may differ: defaults that are written or not.
local function settle(body)
  body.stream = body.stream or nil
  for _, name in ipairs { "tools", "include" } do
    if body[name] and not body[name][1] then body[name] = nil end
  end
  if not body.tools then body.tool_choice = nil end
  for _, tool in ipairs(body.tools or {}) do
    if tool.type == "function" then tool.strict = tool.strict or false end
  end
  if type(body.input) == "string" then body.input = { { role = "user", content = body.input } } end
  for _, item in ipairs(body.input) do
    if item.type == "message" then item.type = nil end
    item.status = nil
    if item.role == "assistant" and type(item.content) == "string" then item.content = { { type = "output_text", text = item.content } } end
  end
  return body
end

describe("the recorded requests of the Responses API", function()
  it("are what we send for the same", function()
    local expected = helper.shared "fixtures/expected.jsonl"
    if not expected then return pending "the reference material is not here (OGL_SHARED)" end
    local pipe, count = assert(io.popen("ls " .. expected:match "^(.*)/" .. "/*/openai-responses/*.json")), 0
    for path in pipe:lines() do
      local file = assert(io.open(path, "rb"))
      local sent = json.decode(file:read "*a").request
      file:close()
      if type(sent) == "table" and sent.input then
        local whole = settle(sent)
        local wire = assert(responses.encode_request(request_of(whole), {}, whole.stream or false, whole.model))
        assert.same(whole, settle(json.decode(json.encode(wire.body))), path)
        count = count + 1
      end
    end
    pipe:close()
    assert.is_true(count > 100)
  end)
end)
