-- Events that go through Lua: what an encoder makes of the tables is what it makes of the decoder's own events.
local core = require "opengatellm.core"
local encoding = require "spec.support.encoding"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local messages = require "opengatellm.protocol.messages"

-- All events of a body as tables, the reply that they are, and the code of what ended them.
local function events_of(protocol, body, content_type)
  local decoder, events = core.decoder(protocol, content_type), {}
  decoder:feed(body)
  decoder:finish()
  while true do
    local event, code = core.next(decoder)
    if not event then return events, decoder:reply(), code or nil end
    events[#events + 1] = event
  end
end

-- Whether it has a call of a custom tool that the server runs: without the request's tools that cannot be told in its own protocol.
local function has_hosted_call(reply)
  for _, part in ipairs(reply.content) do
    if part.kind == "custom_tool_call" then return true end
  end
  return false
end

-- What counts of a reply. Arguments that are no object have no place in some protocols (docs/protocols.md, "What is lost").
local function normal(reply)
  local calls = {}
  for i, call in ipairs(reply.tool_calls or {}) do
    local value = json.decode(call.arguments)
    local loose = type(value) ~= "table" or not call.arguments:find "^%s*{" or type(value.input) == "string" and next(value, "input") == nil
    calls[i] = { messages.given_id(call.id) or "", call.name, loose and "loose" or value }
  end
  return { reply.text, reply.reasoning or "", reply.refusal or "", calls, reply.finish_reason or "", reply.usage or {}, #(reply.choices or {}) }
end

describe("events of recorded answers", function()
  local path = helper.shared "fixtures/expected.jsonl"
  it("are written from Lua tables as from the decoder", function()
    if not path then return pending "the reference material is not here (OGL_SHARED)" end
    local count = 0
    for line in io.lines(path) do
      local exchange = json.decode(line)
      if exchange.status < 400 then
        local body = helper.read((path:gsub("expected%.jsonl$", "") .. exchange.body))
        local protocol = exchange.protocol
        local events, reply, code = events_of(protocol, body, exchange.stream and "text/event-stream" or nil)
        if not code then
          local bytes = encoding.encode(protocol, "whole", events, { model = "" })
          local transcoder = core.transcoder(protocol, protocol, "whole", { id = "id1", created = 1700000000, include_usage = true })
          local direct = transcoder:feed(body) .. transcoder:finish()
          local again, failed = encoding.decode(protocol, bytes, "application/json")
          local own = encoding.decode(protocol, direct, "application/json")
          assert.is_nil(failed, exchange.id)
          if protocol ~= "openai_responses" then assert.equal(direct, bytes, exchange.id) end -- whose items have ids that tables lack
          assert.same(normal(own), normal(again), exchange.id)
          if has_hosted_call(reply) then reply = own end
          local want, got = normal(reply), normal(again)
          if want[5] == "" then want[5] = got[5] end -- what is written has to say something
          if want[5] == "stop" and got[5] == "tool_calls" and want[4][1] then want[5] = "tool_calls" end -- one word for both
          for i, call in ipairs(want[4]) do
            if call[1] == "" and got[4][i] then call[1] = got[4][i][1] end -- clients need an id to answer
          end
          for name in pairs(got[6]) do
            if got[6][name] == 0 and not want[6][name] then want[6][name] = 0 end -- clients want all counts
          end
          assert.same(want, got, exchange.id)
          count = count + 1
        end
      end
    end
    assert.is_true(count > 1500, count)
  end)
end)

describe("encoder:put", function()
  it("keeps the places of parts, however large", function()
    local bytes = encoding.encode("openai_chat", "whole", {
      { type = "text", text = "a", index = 1 }, { type = "tool_call", id = "x", name = "f", index = 4097 },
      { type = "tool_call_end", id = "x", name = "f", arguments = "{}", index = 4097 }, { type = "tool_call", id = "y", name = "g", index = 5001 },
      { type = "tool_call_end", id = "y", name = "g", arguments = '{"a":1}', index = 5001 }, { type = "finish", reason = "tool_calls" },
    })
    local reply = encoding.decode("openai_chat", bytes, "application/json")
    assert.same({ { "x", "f", {} }, { "y", "g", { a = 1 } } }, normal(reply)[4])
    assert.equal("a", reply.text)
  end)

  it("refuses places that are none", function()
    for _, place in ipairs { 0, -1, 1.5, 2 ^ 31, 0 / 0, "x" } do
      local encoder = core.encoder("openai_chat", "whole", {})
      local fine, err = pcall(encoder.put, encoder, { type = "text", text = "a", index = place })
      assert.is_false(fine, tostring(place))
      assert.truthy(tostring(err):find("index", 1, true), err)
    end
    local encoder = core.encoder("openai_chat", "whole", {})
    assert.is_false((pcall(encoder.put, encoder, { type = "text", text = "a", index = 1, choice = 129 })))
  end)
end)

describe("calls without an id", function()
  local BODY = '{"candidates":[{"content":{"role":"model","parts":[{"text":"a"},{"functionCall":{"name":"f","args":{}}},'
    .. '{"functionCall":{"name":"g","id":"own","args":{}}}]},"finishReason":"STOP"}]}'

  it("have one in Lua, by the place of the part", function()
    local events, reply = events_of("gemini", BODY, "application/json")
    local ids = {}
    for _, event in ipairs(events) do
      if event.id and event.type:find "^tool" then ids[#ids + 1] = event.type .. " " .. event.id end
    end
    assert.same({ "tool_call ogl_call_2", "tool_call_end ogl_call_2", "tool_call own", "tool_call_end own" }, ids)
    assert.same({ "ogl_call_2", "own" }, { reply.tool_calls[1].id, reply.tool_calls[2].id })
    assert.same({ "ogl_call_2", "own" }, { reply.content[2].id, reply.content[3].id })
  end)

  it("have none where they are written again", function()
    local events = events_of("gemini", BODY, "application/json")
    local bytes = encoding.encode("gemini", "whole", events)
    assert.is_nil(bytes:find("ogl_call", 1, true))
    assert.truthy(bytes:find('"id":"own"', 1, true))
    assert.truthy(encoding.encode("openai_chat", "whole", events):find("call_0_0", 1, true)) -- a client needs one
    for _, event in ipairs(events) do
      if event.id == "ogl_call_2" then event.id = "ogl_call_3" end -- not what the binding makes for that place: the program's own
    end
    assert.truthy(encoding.encode("gemini", "whole", events):find('"id":"ogl_call_3"', 1, true))
  end)
end)

describe("signatures of calls", function()
  it("stand with the part and in tool_calls", function()
    local _, reply = events_of("openai_chat", '{"choices":[{"index":0,"message":{"content":null,"tool_calls":[{"id":"a","type":"function",'
      .. '"function":{"name":"f","arguments":"{}"},"extra_content":{"google":{"thought_signature":"c2ln"}}}]},"finish_reason":"tool_calls"}]}')
    local signature = '{"extra_content":{"google":{"thought_signature":"c2ln"}}}'
    assert.same({ signature, signature }, { reply.content[1].signature, reply.tool_calls[1].signature })
  end)

  it("and members that only the server reads go back into Chat Completions", function()
    local body = '{"choices":[{"index":0,"message":{"content":"Hi","extra_content":{"x":1},"reasoning_details":[{"type":"reasoning.encrypted","data":"QQ"}],'
      .. '"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"},"extra_content":{"y": 2}}]},"finish_reason":"tool_calls"}]}'
    for _, mode in ipairs { "whole", "stream" } do
      local bytes = encoding.encode("openai_chat", mode, (events_of("openai_chat", body)))
      local reply = encoding.decode("openai_chat", bytes)
      local kept = {}
      for _, part in ipairs(reply.content) do
        if part.type == "part" then kept[part.kind] = part.json end
      end
      assert.same({ extra_content = '{"x":1}', reasoning_details = '[{"type":"reasoning.encrypted","data":"QQ"}]' }, kept, mode)
      assert.equal('{"extra_content":{"y": 2}}', reply.tool_calls[1].signature)
    end
  end)
end)
