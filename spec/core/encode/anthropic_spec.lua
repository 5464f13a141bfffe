-- What is written as anthropic.
local encoding = require "spec.support.encoding"
local json = require "opengatellm.json"

local encode, TURN = encoding.encode, encoding.TURN

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
