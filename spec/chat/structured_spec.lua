-- Structured output over all five protocols: how it is asked for in each mode, and how the value is read.
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local structured = require "spec.support.structured"

local SCHEMA, LIST, TEXT = structured.SCHEMA, structured.LIST, structured.TEXT
local answer_of, asked, body_of, client = structured.answer_of, structured.asked, structured.body_of, structured.client
local call_events, has_warning, text_events = structured.call_events, structured.has_warning, structured.text_events

for _, protocol in ipairs(structured.PROTOCOLS) do
  describe("structured output by " .. protocol, function()
    for _, form in ipairs { "stream", "whole" } do
      it("is a checked value, natively, " .. form, function()
        local c = client(protocol, { answer_of(protocol, form, text_events(TEXT, 4)) })
        local reply
        if form == "whole" then reply = assert(c:chat(asked(SCHEMA))) else reply = assert(assert(c:stream(asked(SCHEMA))):reply()) end
        assert.same({ name = "Ada", tags = { "a", "b" } }, reply.output)
        assert.equal(TEXT, reply.text)
      end)

      it("is a checked value by a tool, with text and without a call, " .. form, function()
        local c, transport = client(protocol, { answer_of(protocol, form, call_events("output", TEXT, 4)) })
        local request = asked { schema = SCHEMA, mode = "tool" }
        local reply
        if form == "whole" then reply = assert(c:chat(request)) else reply = assert(assert(c:stream(request)):reply()) end
        assert.same({ name = "Ada", tags = { "a", "b" } }, reply.output)
        assert.same(json.decode(TEXT), json.decode(reply.text))
        assert.equal("stop", reply.finish_reason)
        assert.is_nil(reply.tool_calls)
        assert.is_true(has_warning(reply, "output_mode"))
        assert.matches('"output"', transport.requests[1].body)
      end)
    end

    it("is what the tool was called with, whatever the model said before it", function()
      local events = call_events("output", TEXT, 4)
      table.insert(events, 2, { type = "text", text = "Let me fill {this} in.", index = 1 })
      for i = 3, #events do events[i].index = events[i].index and 2 end
      local c = client(protocol, { answer_of(protocol, "stream", events) })
      local reply = assert(assert(c:stream(asked { schema = SCHEMA, mode = "tool" })):reply())
      assert.same({ name = "Ada", tags = { "a", "b" } }, reply.output)
      assert.same(json.decode(TEXT), json.decode(reply.output_call.arguments))
      assert.is_false(has_warning(reply, "output_recovered"))
    end)

    it("is asked for in words, in the third mode", function()
      local c, transport = client(protocol, { answer_of(protocol, "whole", text_events("Here:\n```json\n" .. TEXT .. "\n```", 100)) })
      local reply = assert(c:chat(asked { schema = SCHEMA, mode = "prompt" }))
      assert.equal("Ada", reply.output.name)
      assert.same({ "approximated", "output_recovered" }, { reply.warnings[1].code, reply.warnings[2].code })
      assert.matches("JSON Schema", transport.requests[1].body)
      assert.is_nil(transport.requests[1].body:find("json_schema", 1, true))
    end)

    it("takes a list out of the object that it is sent in, in every mode", function()
      for mode, text in pairs { native = '{"value":[{"n":1},{"n":2}]}', tool = '{"value":[{"n":1},{"n":2}]}', prompt = '[{"n":1},{"n":2}]' } do
        local events = mode == "tool" and call_events("output", text, 3) or text_events(text, 3)
        local c, transport = client(protocol, { answer_of(protocol, "stream", events) })
        local stream, places = assert(c:stream(asked { schema = LIST, mode = mode })), {}
        for element, place in stream:elements() do places[place] = element.n end
        assert.same({ 1, 2 }, places)
        assert.same({ { n = 1 }, { n = 2 } }, assert(stream:reply()).output)
        if mode ~= "prompt" then assert.matches('"value"', transport.requests[1].body) end
      end
    end)

    it("grows in one table while the model writes", function()
      local c = client(protocol, { answer_of(protocol, "stream", text_events(TEXT, 4)) })
      local stream, first, names = assert(c:stream(asked(SCHEMA))), nil, {}
      assert.is_nil(stream:output())
      for event in stream:events() do
        local value = stream:output()
        first = first or value
        assert.equal(first, value)
        if event.type == "text" and value then names[#names + 1] = value.name end
      end
      assert.same({ name = "Ada", tags = { "a", "b" } }, first)
      assert.equal("Ada", names[#names])
      assert.is_true(#names > 2)
    end)
  end)
end

describe("the mode", function()
  it("is a tool where the table of models knows no schema, and none that would be refused", function()
    local c, transport = client("anthropic", { answer_of("anthropic", "whole", call_events("output", TEXT, 100)) })
    assert(c:chat(asked(SCHEMA, { model = "claude-3-haiku-20240307" })))
    assert.same({ type = "tool", name = "output" }, body_of(transport).tool_choice)

    c, transport = client("openai_chat", { answer_of("openai_chat", "whole", text_events(TEXT, 100)) }, { provider = "deepseek" })
    local reply = assert(c:chat(asked(SCHEMA, { model = "deepseek-chat" })))
    assert.same({ type = "json_object" }, body_of(transport).response_format)
    assert.equal("approximated", reply.warnings[1].code)
  end)

  it("is never a forced tool for a model that refuses one, or that would have to stop thinking", function()
    local model_limits = require "opengatellm.protocol.model_limits"
    assert.is_true(model_limits.can_force({}, {}))
    assert.is_false(model_limits.can_force({}, { forced = false }))
    assert.is_true(model_limits.can_force({}, { forced = "idle" }))
    assert.is_false(model_limits.can_force({ reasoning = "high" }, { forced = "idle" }))
    assert.is_false(model_limits.can_force({}, { forced = "idle", thinks = "unasked" }))
  end)

  it("leaves the program's own tools beside it, and their calls alone", function()
    local tool = { name = "output", description = "d", parameters = { type = "object", properties = {} } }
    local c, transport = client("openai_chat", { answer_of("openai_chat", "whole", call_events("output", "{}", 10)) })
    local reply = assert(c:chat(asked({ schema = SCHEMA, mode = "tool" }, { tools = { tool } })))
    local body = body_of(transport)
    assert.same({ "output", "output_2" }, { body.tools[1]["function"].name, body.tools[2]["function"].name })
    assert.equal("required", body.tool_choice)
    assert.equal("tool_calls", reply.finish_reason)
    assert.equal("output", reply.tool_calls[1].name)
    assert.is_nil(reply.output)
  end)

  it("keeps the order of a schema's properties", function()
    local s = ogl.schema
    for _, mode in ipairs { "native", "tool", "prompt" } do
      local c, transport = client("openai_chat", { answer_of("openai_chat", "whole", text_events('{"thought":"t","answer":"a"}', 100)) })
      assert(c:chat(asked { schema = s.object { { "thought", s.string() }, { "answer", s.string() } }, mode = mode }))
      local body = transport.requests[1].body
      assert.is_true(body:find("thought", 1, true) < body:find("answer", body:find("properties", 1, true), true))
    end
  end)

  it("counts under strict where it enforces nothing", function()
    local c = client("openai_chat", { answer_of("openai_chat", "whole", call_events("output", TEXT, 100)) })
    assert.equal("unsupported", (select(2, c:chat(asked({ schema = SCHEMA, mode = "prompt" }, { strict = true })))).kind)
    assert(c:chat(asked({ schema = SCHEMA, mode = "tool" }, { strict = true })))
  end)
end)

describe("the history", function()
  it("keeps the call, answered, where it is asked for by the same tool again; else the text", function()
    local answers = { answer_of("openai_chat", "whole", call_events("output", TEXT, 100)) }
    local c, transport = client("openai_chat", answers)
    local output = { schema = SCHEMA, mode = "tool" }
    local first = assert(c:chat(asked(output)))
    assert(c:chat { messages = { ogl.user "x", first, ogl.user "again" }, output = output })
    local messages = body_of(transport, 2).messages
    assert.same({ "user", "assistant", "tool", "user" }, { messages[1].role, messages[2].role, messages[3].role, messages[4].role })
    assert.equal(TEXT, messages[2].tool_calls[1]["function"].arguments)
    assert.equal(messages[2].tool_calls[1].id, messages[3].tool_call_id)
    assert(c:chat { messages = { ogl.user "x", first, ogl.user "again" } })
    messages = body_of(transport, 3).messages
    assert.same({ 3, TEXT }, { #messages, messages[2].content })
  end)
end)

describe("a wrong request", function()
  local c = client("openai_chat", { answer_of("openai_chat", "whole", text_events(TEXT, 100)) })

  it("is a mistake of its caller, with the path", function()
    assert.error_matches(function() c:chat(asked { type = "object", properties = { a = { type = "objekt" } } }) end, "output: the schema is wrong: a: type")
    assert.error_matches(function() c:chat(asked { schema = SCHEMA, mode = "telepathy" }) end, 'output.mode: expected "native"')
    assert.error_matches(function() c:chat(asked { schema = SCHEMA, validate = 1 }) end, "output.validate: expected function")
  end)
end)
