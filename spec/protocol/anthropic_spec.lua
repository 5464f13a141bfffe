local anthropic = require "opengatellm.protocol.anthropic"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local wires = require "spec.support.wire"

local function encode(request, model, stream) return wires.encode(anthropic, request, stream, model) end

local function warned(wire)
  local fields = wires.warned(wire)
  table.sort(fields)
  return fields
end

describe("anthropic.encode_request", function()
  it("sends no more than what was asked, and the number of tokens that the server wants", function()
    local body, wire = encode {}
    assert.same({ model = "m", messages = { { role = "user", content = "hi" } }, max_tokens = 4096 }, body)
    assert.same({ "POST", "/messages" }, { wire.method, wire.path })
    assert.same({}, wire.warnings)
    assert.is_true(encode({}, "m", true).stream)
  end)

  it("switches on those tools of the server's that want it, once each, by a header", function()
    local search, computer = { type = "web_search_20250305", name = "web_search" }, { type = "computer_20251124", name = "computer" }
    local mcp = { type = "mcp_toolset", mcp_server_name = "a" }
    assert.is_nil(select(2, encode { tools = { search, { name = "f" } } }).headers)
    local _, wire = encode { tools = { mcp, search, computer, mcp } }
    assert.same({ { "anthropic-beta", "mcp-client-2025-11-20,computer-use-2025-11-24" } }, wire.headers)
  end)

  local CASES = { -- what, request, field of the body, what is there
    { "the text before", { system = "s" }, "system", "s" },
    { "parameters", { temperature = 0 }, "temperature", 0 },
    { "top_k", { top_k = 3 }, "top_k", 3 },
    { "a service tier", { service_tier = "standard_only" }, "service_tier", "standard_only" },
    { "one stop", { stop = "a" }, "stop_sequences", { "a" } },
    { "several stops", { stop = { "a", "b" } }, "stop_sequences", { "a", "b" } },
    { "a user", { user = "u" }, "metadata", { user_id = "u" } },
    { "a user of the metadata", { metadata = { user_id = "u" } }, "metadata", { user_id = "u" } },
    { "a tool", { tools = { { name = "f", description = "d" } } }, "tools", { { name = "f", description = "d", input_schema = { type = "object", properties = {} } } } },
    { "a tool of the server", { tools = { { type = "web_search_20250305", name = "web_search" } } }, "tools", { { type = "web_search_20250305", name = "web_search" } } },
    { "a tool that Chat Completions would take", { tools = { { type = "function", ["function"] = { name = "f", parameters = { type = "object" } } } } }, "tools",
      { { name = "f", input_schema = { type = "object", properties = {} } } } },
    { "no choice where none is made", { tools = { { name = "f" } } }, "tool_choice", nil },
    { "any tool", { tools = { { name = "f" } }, tool_choice = "required" }, "tool_choice", { type = "any" } },
    { "no tool", { tools = { { name = "f" } }, tool_choice = "none", parallel_tool_calls = false }, "tool_choice", { type = "none" } },
    { "that tool", { tools = { { name = "f" } }, tool_choice = { name = "f" } }, "tool_choice", { type = "tool", name = "f" } },
    { "one tool at a time", { tools = { { name = "f" } }, parallel_tool_calls = false }, "tool_choice", { type = "auto", disable_parallel_tool_use = true } },
    { "a schema, closed", { output = { type = "object", properties = { a = { type = "object", properties = {} } } } }, "output_config",
      { format = { type = "json_schema", schema = {
        type = "object", additionalProperties = false, properties = { a = { type = "object", properties = {}, additionalProperties = false } },
      } } } },
    { "a budget", { reasoning = { budget = 2000 } }, "thinking", { type = "enabled", budget_tokens = 2000 } },
    { "room beside a budget", { reasoning = { budget = 5000 } }, "max_tokens", 9096 },
    { "a budget that fits", { reasoning = { budget = 2000 }, max_tokens = 3000 }, "max_tokens", 3000 },
    { "no reasoning", { reasoning = "none" }, "thinking", { type = "disabled" } },
    { "an effort for a model that wants a budget", { reasoning = "low" }, "thinking", { type = "enabled", budget_tokens = 2048 } },
    { "extra over everything", { temperature = 1, extra = { temperature = 0 } }, "temperature", 0 },
  }
  for _, case in ipairs(CASES) do
    it("sends " .. case[1], function() assert.same(case[4], encode(case[2])[case[3]]) end)
  end

  it("leaves the measure of thinking to the models that want that", function()
    for model, adaptive in pairs {
      ["claude-opus-4-6"] = true, ["claude-sonnet-5"] = true, ["claude-opus-4-10"] = true, ["claude-sonnet-4-5"] = false, ["claude-3-7-sonnet-latest"] = false,
      ["claude-opus-4-1-20250805"] = false, ["claude-sonnet-4-20250514"] = false, ["deepseek-chat"] = false,
    } do
      local body = encode({ reasoning = "high" }, model)
      assert.equal(adaptive and "adaptive" or "enabled", body.thinking.type, model)
      assert.same(adaptive and { effort = "high" } or nil, body.output_config, model)
    end
  end)

  it("warns of what it cannot carry", function()
    local _, wire = encode {
      seed = 1, presence_penalty = 1, frequency_penalty = 1, logit_bias = {}, logprobs = true, top_logprobs = 1, n = 2, store = true,
      previous_response_id = "r", include = { "x" }, metadata = { a = "b" }, output = "json", reasoning = { budget = 10 }, max_tokens = 5,
    }
    assert.same({
      "frequency_penalty", "include", "logit_bias", "logprobs", "max_tokens", "metadata.a", "n", "output", "presence_penalty", "previous_response_id",
      "reasoning.budget", "seed", "store", "top_logprobs",
    }, warned(wire))
    assert.same({}, warned(select(2, encode { n = 1, logprobs = false, store = false })))
  end)

  it("gathers instructions before the conversation", function()
    local body, wire = encode { system = "a", messages = { ogl.system "b", ogl.user "hi", { role = "developer", content = "c" } } }
    assert.same({ { type = "text", text = "a" }, { type = "text", text = "b" }, { type = "text", text = "c" } }, body.system)
    assert.equal(1, #body.messages)
    assert.same({ "messages" }, warned(wire))
    assert.equal("approximated", wire.warnings[1].code)
  end)

  it("marks what may be cached", function()
    local mark = { type = "ephemeral" }
    local body = encode {
      messages = { ogl.system { type = "text", text = "s", cache = true }, ogl.user("a", ogl.image { url = "http://x", cache = true }) },
      tools = { { name = "f", cache = true } },
    }
    assert.same({ { type = "text", text = "s", cache_control = mark } }, body.system)
    assert.same(mark, body.messages[1].content[2].cache_control)
    assert.same(mark, body.tools[1].cache_control)
  end)

  it("encodes pictures and documents", function()
    local parts = encode({
      messages = { ogl.user(
        ogl.image { url = "http://x" }, ogl.image { data = "GIF89a" }, ogl.image { url = "data:image/png;base64,AAAA" }, ogl.image { id = "file_1" },
        ogl.file { data = "%PDF-", name = "d.pdf" }, ogl.file { data = "hello", mime = "text/plain" },
        { type = "image", source = { type = "url", url = "http://own" } }
      ) },
    }).messages[1].content
    assert.same({ type = "image", source = { type = "url", url = "http://x" } }, parts[1])
    assert.same({ type = "base64", media_type = "image/gif", data = "R0lGODlh" }, parts[2].source)
    assert.same({ type = "base64", media_type = "image/png", data = "AAAA" }, parts[3].source)
    assert.same({ type = "file", file_id = "file_1" }, parts[4].source)
    assert.same({ type = "document", title = "d.pdf", source = { type = "base64", media_type = "application/pdf", data = "JVBERi0=" } }, parts[5])
    assert.same({ type = "text", media_type = "text/plain", data = "hello" }, parts[6].source)
    assert.equal("http://own", parts[7].source.url)
  end)

  it("gives an error for what it cannot send", function()
    assert.equal("unsupported", (select(2, encode { messages = { ogl.user(ogl.audio { data = "ID3x" }) } })).kind)
    assert.equal("file", (select(2, encode { messages = { ogl.user(ogl.image { path = "/no/such/file.png" }) } })).kind)
  end)

  it("puts the answers of tools, and what the user adds, into one message", function()
    local failed = ogl.tool_result("c2", "no")
    failed.is_error = true
    local call = { role = "assistant", tool_calls = { { id = "c1", name = "f", arguments = '{"a":1}' }, { id = "c2", name = "g", arguments = "" } } }
    local pictured = { role = "tool", tool_call_id = "c3", content = { "see", ogl.image { url = "http://x" } } }
    local list = encode({ messages = { ogl.user "hi", call, ogl.tool_result("c1", { x = 1 }), failed, pictured, ogl.user "and?", ogl.user "well?" } }).messages
    assert.same({
      { type = "tool_use", id = "c1", name = "f", input = { a = 1 } }, { type = "tool_use", id = "c2", name = "g", input = {} },
    }, list[2].content)
    assert.same({
      { type = "tool_result", tool_use_id = "c1", content = '{"x":1}' }, { type = "tool_result", tool_use_id = "c2", content = "no", is_error = true },
      { type = "tool_result", tool_use_id = "c3", content = { { type = "text", text = "see" }, { type = "image", source = { type = "url", url = "http://x" } } } },
      { type = "text", text = "and?" }, { type = "text", text = "well?" },
    }, list[3].content)
    assert.equal(3, #list)
  end)

  local REPLY = {
    role = "assistant", protocol = "anthropic", text = "Hi", content = {
      { type = "reasoning", text = "Hm.", signature = "E/q==" }, { type = "reasoning", text = "unsigned" },
      { type = "part", kind = "redacted_thinking", json = '{"type":"redacted_thinking", "data":"\\u0041"}' }, { type = "text", text = "" },
      { type = "text", text = "Hi" }, { type = "citation", json = '{"url": "http://a"}' },
      { type = "tool_call", id = "c", name = "f", arguments = '{"n": 1.0}', signature = '{"type": "code_execution"}' },
    },
  }

  it("sends a reply back byte for byte", function()
    local wire = anthropic.encode_request({ messages = { ogl.user "hi", REPLY } }, {}, false, "m")
    assert.equal('[{"signature":"E/q==","thinking":"Hm.","type":"thinking"},{"type":"redacted_thinking", "data":"\\u0041"},'
      .. '{"citations":[{"url": "http://a"}],"text":"Hi","type":"text"},'
      .. '{"caller":{"type": "code_execution"},"id":"c","input":{"n": 1.0},"name":"f","type":"tool_use"}]', json.encode(wire.body.messages[2].content))
    assert.same({}, wire.warnings)
  end)

  it("sends another protocol's reply without what only that one can read", function()
    local other = {}
    for key, value in pairs(REPLY) do other[key] = value end
    other.protocol = "gemini"
    local body, wire = encode { messages = { ogl.user "hi", other } }
    assert.same({ { type = "text", text = "Hi" }, { type = "tool_use", id = "c", name = "f", input = { n = 1 } } }, body.messages[2].content)
    assert.same({ "messages" }, warned(wire))
    local empty = { role = "assistant", protocol = "gemini", content = { { type = "part", json = "{}" } } }
    assert.equal(1, #encode({ messages = { ogl.user "hi", empty } }).messages)
  end)

  it("sends what is signed by its own server alone, where a message says nothing of where it came from", function()
    local content = {
      { type = "reasoning", text = "a", signature = "EqQB" }, { type = "reasoning", text = "b", signature = '{"type":"thinking"}' },
      { type = "tool_call", id = "c", name = "f", signature = "c2ln" },
    }
    assert.same({ { type = "thinking", thinking = "a", signature = "EqQB" }, { type = "tool_use", id = "c", name = "f", input = {} } },
      encode({ messages = { ogl.user "hi", { role = "assistant", content = content } } }).messages[2].content)
  end)

  it("sends {} for the arguments of a call that was cut, and says so", function()
    local body, wire = encode { messages = { ogl.user "hi", { role = "assistant", tool_calls = { { id = "c", name = "f", arguments = '{"a":' } } } } }
    assert.equal("{}", json.encode(body.messages[2].content[1].input))
    assert.same({ "messages" }, warned(wire))
  end)
end)

describe("what the server refuses", function()
  local function messages(list, model) return encode({ messages = list }, model or "claude-sonnet-4-5") end
  local function text(words) return { type = "text", text = words } end

  it("of empty and blank texts is left out", function()
    local picture = ogl.image { url = "http://x" }
    local body, wire = encode { system = " ", messages = {
      ogl.system "", ogl.user("", picture, " \n"), { role = "assistant", content = { text " ", text "Hi" } }, ogl.user "", { role = "assistant", content = " \n" },
      ogl.user { text "" }, ogl.user "go",
    } }
    assert.is_nil(body.system)
    assert.same({
      { role = "user", content = { { type = "image", source = { type = "url", url = "http://x" } } } }, { role = "assistant", content = "Hi" },
      { role = "user", content = "go" },
    }, body.messages)
    assert.same({ "messages", "messages", "messages" }, warned(wire))
  end)

  it("of white space before a call is trimmed", function()
    local call = { type = "tool_call", id = "c", name = "f", arguments = "{}" }
    for _, protocol in ipairs { "anthropic", "gemini" } do
      local said = { role = "assistant", protocol = protocol, content = { text "Look:\n\n", call, text "\n\n", call } }
      local blocks = messages({ ogl.user "hi", said, ogl.tool_result("c", "1") }).messages[2].content
      assert.same({ "text Look:", "tool_use c", "tool_use c_2" }, (function()
        local out = {}
        for i, block in ipairs(blocks) do out[i] = block.type .. " " .. (block.text or block.id) end
        return out
      end)())
    end
  end)

  it("of a failed tool without words has some", function()
    for _, content in ipairs { "", " ", { text "" }, {} } do
      local failed = { role = "tool", tool_call_id = "c", is_error = true, content = content }
      local list = { ogl.user "hi", { role = "assistant", tool_calls = { { id = "c", name = "f" } } }, failed }
      local block = messages(list).messages[3].content[1]
      assert.same({ true, "The tool failed." }, { block.is_error, block.content })
      failed.is_error = nil
      assert.is_true(#(messages(list).messages[3].content[1].content or "") < 2) -- who did not fail need not say anything
    end
  end)

  it("of stops is left out where nothing can be read in them", function()
    for _, case in ipairs { { "\n", nil, 1 }, { { "\n", "END", " " }, { "END" }, 1 }, { { "END" }, { "END" }, 0 }, { {}, nil, 0 } } do
      local body, wire = encode { stop = case[1] }
      assert.same({ case[2], case[3] }, { body.stop_sequences, #wire.warnings })
    end
  end)

  it("between results stands behind them", function()
    local calls = { role = "assistant", tool_calls = { { id = "t1", name = "f" }, { id = "t2", name = "f" } } }
    for _, list in ipairs {
      { ogl.user "hi", calls, ogl.tool_result("t1", "1"), ogl.user "well", ogl.tool_result("t2", "2") },
      { ogl.user "hi", calls, ogl.user "well", ogl.tool_result("t1", "1"), ogl.tool_result("t2", "2") },
    } do
      local blocks = messages(list).messages[3].content
      assert.same({ "t1", "t2", "well" }, { blocks[1].tool_use_id, blocks[2].tool_use_id, blocks[3].text })
    end
  end)

  it("at the end is what the assistant began to say, from 4.6 on", function()
    local list = { ogl.user "hi", { role = "assistant", content = "{ " } }
    assert.same({ { role = "user", content = "hi" }, { role = "assistant", content = "{" } }, messages(list).messages)
    for _, model in ipairs { "claude-opus-4-6", "claude-sonnet-5", "claude-opus-4-10" } do
      local body, wire = messages(list, model)
      assert.same({ { role = "user", content = "hi" } }, body.messages)
      assert.equal("not_carried", wire.warnings[1].code)
    end
    local paused = { role = "assistant", protocol = "anthropic", content = { { type = "part", kind = "server_tool_use", json = '{"type":"server_tool_use"}' } } }
    assert.equal(2, #messages({ ogl.user "hi", paused }, "claude-opus-4-6").messages) -- it goes on with that
  end)

  it("of instructions within a conversation stands before it, but for models that take them there", function()
    local list = { ogl.system "a", ogl.user "hi", ogl.system "b", { role = "developer", content = "c" }, { role = "assistant", content = "ho" }, ogl.system "d", ogl.user "go" }
    local body = messages(list, "claude-opus-4-8")
    local roles = {}
    for i, message in ipairs(body.messages) do roles[i] = message.role end
    assert.same({ "user", "system", "system", "assistant", "user" }, roles)
    assert.same({ { type = "text", text = "b" } }, body.messages[2].content)
    assert.same({ text "a", text "d" }, body.system) -- behind an assistant it is not taken
    local older, wire = messages(list)
    assert.same({ 3, 4, "approximated" }, { #older.messages, #older.system, wire.warnings[1].code })
    local came = anthropic.decode_request { model = "claude-opus-5", max_tokens = 1, messages = {
      { role = "user", content = "hi" }, { role = "assistant", content = "ho" }, { role = "system", content = "d" }, { role = "user", content = "go" },
    } }
    assert.equal("system", encode(came, "claude-opus-5").messages[3].role) -- where its author had it
  end)

  it("of ways to think is asked in the model's own", function()
    local THINKING = { -- model, reasoning, thinking, effort, what is told
      { "claude-opus-4-8", "none", nil, nil, {} }, { "claude-opus-4-6", "none", { type = "disabled" }, nil, {} },
      { "claude-sonnet-5-5", "none", { type = "between_tools" }, nil, {} }, { "claude-opus-5", "none", { type = "disabled" }, nil, {} },
      { "claude-opus-5-5", "none", { type = "adaptive" }, "low", { "approximated" } },
      { "claude-opus-5-5", { budget = 0 }, { type = "adaptive" }, "low", { "approximated" } },
      { "anthropic.claude-opus-4-7-v1:0", { budget = 9000 }, { type = "adaptive" }, "high", { "approximated" } },
      { "claude-opus-4-6", { budget = 2000 }, { type = "enabled", budget_tokens = 2000 }, nil, {} },
      { "claude-sonnet-4-5@20250929", "xhigh", { type = "enabled", budget_tokens = 32000 }, nil, {} },
      { "claude-opus-4-6", "xhigh", { type = "adaptive" }, "high", { "approximated" } },
      { "claude-3-5-sonnet-latest", "low", nil, nil, { "not_carried" } },
    }
    for _, case in ipairs(THINKING) do
      local body, wire = encode({ reasoning = case[2] }, case[1])
      local codes = {}
      for i, warning in ipairs(wire.warnings) do codes[i] = warning.code end
      assert.same({ case[3], case[4], case[5] }, { body.thinking, body.output_config and body.output_config.effort, codes }, case[1])
    end
  end)

  it("of budgets and lengths is what the model has room for", function()
    for _, case in ipairs { -- model, request, budget, max_tokens, how many warnings
      { "claude-opus-4-1", { reasoning = "xhigh" }, 30976, 32000, 1 }, { "claude-opus-4-1", { reasoning = { budget = 60000 }, max_tokens = 500 }, 31500, 32000, 2 },
      { "claude-opus-4-1", { reasoning = "high" }, 16384, 20480, 0 }, { "claude-sonnet-4-5", { reasoning = "xhigh" }, 32000, 36096, 0 },
      { "claude-opus-4-1", { max_tokens = 64000 }, nil, 32000, 1 }, { "m", { reasoning = { budget = 60000 } }, 60000, 64096, 0 },
    } do
      local body, wire = encode(case[2], case[1])
      assert.same({ case[3], case[4], case[5] }, { body.thinking and body.thinking.budget_tokens, body.max_tokens, #wire.warnings }, case[1])
    end
  end)

  it("of a schema is asked for in words by models that know none", function()
    local schema = { type = "object", properties = { a = { type = "string" } } }
    local body, wire = encode({ system = "s", output = { schema = schema, name = "n" } }, "claude-3-5-sonnet-20241022")
    assert.is_nil(body.output_config)
    assert.matches('{"properties":{"a":{"type":"string"}},"type":"object"}', body.system[2].text, 1, true)
    assert.equal("approximated", wire.warnings[1].code)
  end)

  it("of a schema that came by this protocol is its author's business", function()
    local body = { model = "claude-sonnet-4-5", max_tokens = 9, messages = { { role = "user", content = "hi" } },
      tools = { { name = "f", input_schema = { type = "object", anyOf = {} } } },
      output_config = { format = { type = "json_schema", schema = { type = "array", minItems = 7 } } } }
    local out, wire = encode(assert(anthropic.decode_request(body)), "claude-sonnet-4-5")
    assert.same({ 7, {} }, { out.output_config.format.schema.minItems, out.tools[1].input_schema.anyOf })
    assert.same({}, wire.warnings)
    local own = encode { output = { type = "array", minItems = 1, items = { type = "array", minItems = 2 } } }
    assert.same({ 1, nil }, { own.output_config.format.schema.minItems, own.output_config.format.schema.items.minItems })
  end)
end)

describe("a recorded conversation", function()
  -- The recorder's own words for what ours are too.
  local function plain(content)
    if type(content) == "string" then return { { type = "text", text = content } } end
    for _, block in ipairs(content) do
      block.cache_control = nil
      if type(block.content) == "table" and block.type == "tool_result" then block.content = block.content[1].text end
    end
    return content
  end

  for _, name in ipairs {
    "fantasy/anthropic-messages/TestAnthropicThinkingWithCacheControl_claude-sonnet-4_thinking-streaming",
    "fantasy/anthropic-messages/TestAnthropicCommonWithCacheControl_claude-sonnet-4_multi_tool",
    "llm_anthropic/anthropic-messages/test_anthropic_test_fixed_version_tool_chain_with_thinking_display_regression",
  } do
    it("goes on as it did: " .. name:match "[^/]+$", function()
      local first, reply = helper.recorded("anthropic", name .. "__0")
      if not first then return pending "the reference material is not here (OGL_SHARED)" end
      local second = helper.recorded("anthropic", name .. "__1")
      local tools = {}
      for i, tool in ipairs(first.tools) do tools[i] = { name = tool.name, description = tool.description, parameters = tool.input_schema } end
      local asked = { ogl.user(first.messages[1].content[1].text), reply }
      for _, block in ipairs(second.messages[3].content) do
        local content = block.content
        asked[#asked + 1] = ogl.tool_result(block.tool_use_id, type(content) == "table" and content[1].text or content)
      end
      local body = encode({
        messages = asked, tools = tools, max_tokens = first.max_tokens, reasoning = first.thinking and { budget = first.thinking.budget_tokens },
      }, first.model)
      for i, message in ipairs(second.messages) do
        assert.equal(message.role, body.messages[i].role)
        assert.same(plain(message.content), plain(body.messages[i].content))
      end
      assert.same(second.tools, body.tools)
      assert.equal(second.max_tokens, body.max_tokens)
    end)
  end
end)

describe("anthropic.decode_error", function()
  it("reads the protocol's error, and knows which pass", function()
    local err = anthropic.decode_error(529, { ["request-id"] = "req_1" }, '{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}')
    assert.same({ "http", "Overloaded", "overloaded_error", true, "req_1" }, { err.kind, err.message, err.type, err.retryable, err.request_id })
    assert.equal("auth", anthropic.decode_error(401, {}, '{"type":"error","error":{"type":"authentication_error","message":"x"}}').kind)
  end)
end)
