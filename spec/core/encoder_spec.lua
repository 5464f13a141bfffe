-- Encoders: events in, the bytes of a protocol out; streamed and whole from the same events.
local core = require "opengatellm.core"
local json = require "opengatellm.json"

local function encode(protocol, mode, events, context)
  local all = { id = "id1", model = "m1", created = 1700000000, include_usage = true }
  for name, value in pairs(context or {}) do all[name] = value end
  local encoder = assert(core.encoder(protocol, mode, all))
  local ended = false
  for _, event in ipairs(events) do
    assert(encoder:put(event))
    ended = ended or event.type == "error"
  end
  if not ended then assert(encoder:finish()) end
  return encoder:take(), encoder
end

-- The events that a decoder of the protocol makes of bytes, without the texts' cuts.
local function decode(protocol, bytes, content_type)
  local decoder = core.decoder(protocol, content_type)
  assert(decoder:feed(bytes))
  decoder:finish()
  local failed, code = decoder:skip()
  return decoder:reply(), failed == nil and code or nil, decoder
end

local TURN = {
  { type = "start", id = "src", model = "source-model" },
  { type = "reasoning", text = "Let me see.", index = 1 },
  { type = "text", text = "Bon", index = 2 },
  { type = "text", text = "jour « 😀 »\n", index = 2 },
  { type = "tool_call", id = "c1", name = "f", index = 3 },
  { type = "tool_arguments", text = '{"a":', index = 3 },
  { type = "tool_arguments", text = "1}", index = 3 },
  { type = "tool_call", id = "c2", name = "g", index = 4 },
  { type = "tool_call_end", id = "c1", name = "f", arguments = '{"a":1}', index = 3 },
  { type = "tool_call_end", id = "c2", name = "g", arguments = "{}", index = 4 },
  { type = "usage", usage = { input_tokens = 10, cached_input_tokens = 4, output_tokens = 7, reasoning_tokens = 3, total_tokens = 17 } },
  { type = "finish", reason = "tool_calls", raw_reason = "tool_use" },
}

-- What each protocol reads of TURN again, where it is not all of it.
local CARRIES = {
  anthropic = { ids = true, cache = true, reasoning_tokens = true },
  ollama = { ids = true },
  openai_chat = { ids = true, cache = true, reasoning_tokens = true },
}

describe("a turn", function()
  for protocol, carries in pairs(CARRIES) do
    for _, mode in ipairs { "stream", "whole" } do
      it("goes through " .. protocol .. ", " .. mode, function()
        local bytes = encode(protocol, mode, TURN)
        local reply, err = decode(protocol, bytes, mode == "whole" and "application/json" or nil)
        assert.is_nil(err)
        assert.equal("Bonjour « 😀 »\n", reply.text)
        assert.equal("Let me see.", reply.reasoning)
        assert.equal("tool_calls", reply.finish_reason)
        assert.equal("m1", reply.model)
        assert.equal(2, #reply.tool_calls)
        for i, call in ipairs { { "c1", "f", 1 }, { "c2", "g" } } do
          if carries.ids then assert.equal(call[1], reply.tool_calls[i].id) end
          assert.equal(call[2], reply.tool_calls[i].name)
          assert.equal(call[3], json.decode(reply.tool_calls[i].arguments).a)
        end
        assert.same({ 10, 7, 17 }, { reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.total_tokens })
        if carries.cache then assert.equal(4, reply.usage.cached_input_tokens) end
        if carries.reasoning_tokens then assert.equal(3, reply.usage.reasoning_tokens) end
      end)
    end

    it("that fails is an error in " .. protocol, function()
      for _, mode in ipairs { "stream", "whole" } do
        local bytes = encode(protocol, mode, { TURN[1], TURN[3], { type = "error", message = "gone \"away\"", kind = "overloaded", code = "503" } })
        local _, err, decoder = decode(protocol, bytes, mode == "whole" and "application/json" or nil)
        assert.equal("provider", err)
        assert.equal('gone "away"', (decoder:problem()))
      end
    end)

    it("that is empty is complete in " .. protocol, function()
      for _, mode in ipairs { "stream", "whole" } do
        local reply, err = decode(protocol, (encode(protocol, mode, { { type = "finish", reason = "stop" } })), mode == "whole" and "application/json" or nil)
        assert.is_nil(err)
        assert.same({ "", "stop" }, { reply.text, reply.finish_reason })
      end
    end)
  end
end)

describe("openai_chat out", function()
  local function chunks(events, context)
    local found = {}
    for data in encode("openai_chat", "stream", events, context):gmatch "data: ([^\n]*)\n\n" do found[#found + 1] = data end
    return found
  end

  it("has one id, one time and the role once", function()
    local found = chunks(TURN)
    assert.equal("[DONE]", table.remove(found))
    local roles = 0
    for _, text in ipairs(found) do
      local chunk = json.decode(text)
      assert.same({ "id1", 1700000000, "m1", "chat.completion.chunk" }, { chunk.id, chunk.created, chunk.model, chunk.object })
      local choice = chunk.choices[1]
      roles = roles + (choice and choice.delta.role and 1 or 0)
    end
    assert.equal(1, roles)
  end)

  it("takes id and model of the events where it was given none", function()
    local chunk = json.decode(chunks({ TURN[1], TURN[3] }, { id = "", model = "" })[1])
    assert.same({ "src", "source-model" }, { chunk.id, chunk.model })
    assert.equal("ogl", json.decode(chunks({ TURN[3] }, { id = "", model = "" })[1]).id)
  end)

  it("sends usage only to who asked, in a chunk of its own before the end", function()
    local found = chunks(TURN)
    local usage = json.decode(found[#found - 1])
    assert.same({ 0, 17, 4 }, { #usage.choices, usage.usage.total_tokens, usage.usage.prompt_tokens_details.cached_tokens })
    assert.is_nil(encode("openai_chat", "stream", TURN, { include_usage = false }):find "usage")
  end)

  it("numbers the calls of each choice", function()
    local found = chunks {
      { type = "tool_call", name = "a", index = 2 }, { type = "tool_call", name = "b", index = 5, choice = 2 }, { type = "tool_call", name = "c", index = 9 },
    }
    local seen = {}
    for i = 1, 3 do
      local choice = json.decode(found[i]).choices[1]
      local call = choice.delta.tool_calls[1]
      seen[i] = { choice.index, call.index, call.id, call["function"].name }
    end
    assert.same({ { 0, 0, "call_0_0", "a" }, { 1, 0, "call_1_0", "b" }, { 0, 1, "call_0_1", "c" } }, seen)
  end)

  it("counts what it cannot carry", function()
    local _, encoder = encode("openai_chat", "stream", {
      { type = "part", kind = "redacted_thinking", json = '{"data":"x"}', index = 1 }, { type = "part_end", kind = "reasoning", signature = "s", index = 2 },
      { type = "part", kind = "images", json = '[{"image_url":{"url":"data:,"}}]', index = 3 },
    })
    assert.equal(2, encoder:lost())
  end)

  it("takes nothing after the end", function()
    local encoder = core.encoder("openai_chat", "stream", { id = "i" })
    encoder:finish()
    encoder:take()
    assert(encoder:put { type = "text", text = "late" })
    assert(encoder:finish())
    assert.equal("", encoder:take())
    encoder:close()
    encoder:close()
    assert.equal("closed", (select(2, encoder:take())))
  end)
end)

describe("anthropic out", function()
  -- The events of a stream: {name, data}.
  local function events_of(events)
    local found = {}
    for name, data in encode("anthropic", "stream", events):gmatch "event: ([^\n]*)\ndata: ([^\n]*)\n\n" do
      found[#found + 1] = { name, json.decode(data) }
      assert.equal(name, found[#found][2].type)
    end
    return found
  end

  local function names(events)
    local found = {}
    for i, event in ipairs(events_of(events)) do
      local data = event[2]
      found[i] = event[1] .. (data.index and " " .. data.index or "") .. (data.delta and data.delta.type and " " .. data.delta.type or "")
    end
    return found
  end

  it("opens and closes every block, numbered as they begin", function()
    assert.same({
      "message_start",
      "content_block_start 0", "content_block_delta 0 thinking_delta", "content_block_stop 0",
      "content_block_start 1", "content_block_delta 1 text_delta", "content_block_delta 1 text_delta", "content_block_stop 1",
      "content_block_start 2", "content_block_delta 2 input_json_delta", "content_block_delta 2 input_json_delta",
      "content_block_stop 2", "content_block_start 3", "content_block_stop 3", "message_delta", "message_stop",
    }, names(TURN))
  end)

  it("ends a call's block when another begins, unless its arguments are still to be completed", function()
    local function calls(first, second)
      return names {
        { type = "tool_call", id = "c1", name = "f", index = 1 }, { type = "tool_arguments", text = first, index = 1 },
        { type = "tool_call", id = "c2", name = "g", index = 2 }, { type = "tool_arguments", text = second, index = 1 },
        { type = "tool_call_end", id = "c1", name = "f", arguments = first .. second, index = 1 },
        { type = "finish", reason = "tool_calls" },
      }
    end
    local interleaved = {
      "message_start", "content_block_start 0", "content_block_delta 0 input_json_delta", "content_block_start 1",
      "content_block_delta 0 input_json_delta", "content_block_stop 0", "content_block_stop 1", "message_delta", "message_stop",
    }
    assert.same(interleaved, calls('{"a":[1', "]}"))
    assert.same(interleaved, calls('{"a":"}', '"}'))
    assert.same(interleaved, calls('{"a":"\\"}', '"}'))
    local in_turn = {
      "message_start", "content_block_start 0", "content_block_delta 0 input_json_delta", "content_block_stop 0", "content_block_start 1",
      "content_block_stop 1", "message_delta", "message_stop",
    }
    assert.same(in_turn, calls('{"a":"\\\\","b":{}}', ""))
    assert.same(in_turn, calls('{"a":"}{"}', " "))
  end)

  it("keeps a signature and a citation in their blocks", function()
    local citation = '{"type":"char_location","cited_text":"x",\n"document_index":0}'
    local found = events_of {
      { type = "reasoning", text = "hm", index = 1 }, { type = "part_end", kind = "reasoning", signature = "sig", index = 1 },
      { type = "text", text = "a", index = 2 }, { type = "citation", json = citation, index = 3 },
      { type = "part", kind = "redacted_thinking", json = '{"type":"redacted_thinking",\n"data":"d"}', index = 4 },
      { type = "finish", reason = "pause" },
    }
    assert.same({ type = "signature_delta", signature = "sig" }, found[4][2].delta)
    assert.equal("char_location", found[8][2].delta.citation.type)
    assert.equal("d", found[10][2].content_block.data)
    assert.equal("pause_turn", found[12][2].delta.stop_reason)
  end)

  it("counts what was cached apart", function()
    local usage = events_of(TURN)[15][2].usage
    assert.same({ 6, 4, 7 }, { usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens })
  end)
end)

describe("ollama out", function()
  it("has the time, and one object a line", function()
    local bytes = encode("ollama", "stream", {
      { type = "tool_call_end", name = "f", arguments = '{"a":\n1}', index = 1 }, { type = "finish", reason = "tool_calls" },
    }, { created = 1709210096 }) -- a leap day
    local lines = {}
    for line in bytes:gmatch "[^\n]+" do lines[#lines + 1] = json.decode(line) end
    assert.equal(2, #lines)
    assert.equal("2024-02-29T12:34:56Z", lines[1].created_at)
    assert.same({ a = 1 }, lines[1].message.tool_calls[1]["function"].arguments)
    assert.same({ true, "stop" }, { lines[2].done, lines[2].done_reason })
  end)
end)

describe("misuse of an encoder", function()
  it("raises", function()
    assert.error_matches(function() core.encoder("nothing", "stream", {}) end, "no such protocol")
    assert.error_matches(function() core.encoder("openai_chat", "half", {}) end, "invalid option")
    assert.error_matches(function() core.encoder("openai_chat", "stream", {}):put { type = "words" } end, "there is no event 'words'")
  end)
end)

describe("a transcoder", function()
  local CHUNK = 'data: {"id":"x","model":"m","choices":[{"index":0,"delta":{"content":"%s"}%s}]}\n\n'

  it("gives bytes as they come, and says when it is over", function()
    local t = core.transcoder("openai_chat", "openai_chat", "stream", { created = 1 })
    local out, ended = t:feed(CHUNK:format("Bon", ""))
    assert.truthy(out:find('"content":"Bon"', 1, true))
    assert.is_false(ended)
    out, ended = t:feed(CHUNK:format("jour", ',"finish_reason":"stop"') .. "data: [DONE]\n\n")
    assert.truthy(out:find('"content":"jour"', 1, true))
    assert.truthy(out:find("data: [DONE]", 1, true))
    assert.is_true(ended)
    assert.equal("", (t:finish()))
    assert.equal(4, (t:counts())) -- start, two texts, finish
    assert.is_nil(t:problem())
  end)

  it("says in the target's words that the answer broke off", function()
    local t = core.transcoder("openai_chat", "openai_chat", "stream", {})
    t:feed(CHUNK:format("Bon", ""))
    local out = t:finish()
    assert.truthy(json.decode(out:match "data: (.-)\n").error.message)
    assert.equal("incomplete", (t:problem()))
  end)

  it("passes an error on, with its type and code", function()
    local t = core.transcoder("openai_chat", "openai_chat", "whole", {})
    local out, ended = t:feed 'data: {"error":{"message":"busy","type":"overloaded","code":"503"}}\n\n'
    assert.is_true(ended)
    assert.same({ message = "busy", type = "overloaded", code = "503", param = json.null }, json.decode(out).error)
    assert.same({ "provider", "busy", "overloaded", "503" }, { t:problem() })
  end)
end)
