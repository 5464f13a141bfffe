-- What is written as openai_responses.
local encoding = require "spec.support.encoding"
local json = require "opengatellm.json"

local decode, encode, TURN = encoding.decode, encoding.encode, encoding.TURN

describe("openai_responses out", function()
  -- The stream's events: each `data`, whose type has to be the name of the event.
  local function stream(events, context)
    local found = {}
    for name, data in encode("openai_responses", "stream", events, context):gmatch "event: ([^\n]*)\ndata: ([^\n]*)\n\n" do
      local event = json.decode(data)
      assert.equal(name, event.type)
      assert.equal(#found, event.sequence_number)
      found[#found + 1] = event
    end
    return found
  end

  local function types(found)
    local list = {}
    for i, event in ipairs(found) do list[i] = event.type:gsub("^response%.", "") end
    return list
  end

  local function whole(events, context) return json.decode((encode("openai_responses", "whole", events, context))) end

  it("opens and closes every item and every part once, in order", function()
    assert.same({
      "created", "in_progress",
      "output_item.added", "reasoning_summary_part.added", "reasoning_summary_text.delta", "reasoning_summary_text.done",
      "reasoning_summary_part.done", "output_item.done",
      "output_item.added", "content_part.added", "output_text.delta", "output_text.delta", "output_text.done", "content_part.done",
      "output_item.done",
      "output_item.added", "function_call_arguments.delta", "function_call_arguments.delta", "output_item.added",
      "function_call_arguments.done", "output_item.done", "function_call_arguments.delta", "function_call_arguments.done",
      "output_item.done",
      "completed",
    }, types(stream(TURN)))
  end)

  it("numbers the items, and names each the same in all of its events", function()
    local ids = {}
    for _, event in ipairs(stream(TURN)) do
      local id = event.item_id or event.item and event.item.id
      if id then
        ids[event.output_index + 1] = ids[event.output_index + 1] or id
        assert.equal(ids[event.output_index + 1], id)
      end
    end
    assert.same({ "rs_id1_0", "msg_id1_1", "fc_id1_2", "fc_id1_3" }, ids)
  end)

  it("repeats the whole in the terminal event, as the whole form has it", function()
    local found = stream(TURN)
    local last = found[#found].response
    assert.same(whole(TURN), last)
    assert.same({ "id1", "response", 1700000000, "completed", "m1" }, { last.id, last.object, last.created_at, last.status, last.model })
    local done = {}
    for _, event in ipairs(found) do
      if event.type == "response.output_item.done" then done[event.output_index + 1] = event.item end
    end
    assert.same(done, last.output)
    assert.same({ 10, 7, 17, 4, 3 }, {
      last.usage.input_tokens, last.usage.output_tokens, last.usage.total_tokens, last.usage.input_tokens_details.cached_tokens,
      last.usage.output_tokens_details.reasoning_tokens,
    })
  end)

  it("says how it ended", function()
    for reason, want in pairs {
      stop = { "completed" }, tool_calls = { "completed" }, pause = { "completed" }, length = { "incomplete", "max_output_tokens" },
      content_filter = { "incomplete", "content_filter" }, other = { "incomplete", "raw" }, error = { "failed" },
    } do
      local events = { { type = "text", text = "a" }, { type = "finish", reason = reason, raw_reason = "raw" } }
      local found = stream(events)
      local last = found[#found]
      assert.equal("response." .. want[1], last.type)
      assert.same(whole(events), last.response)
      local details = last.response.incomplete_details
      assert.same(want, { last.response.status, details ~= json.null and details.reason or nil })
      assert.equal(want[1] == "completed" and want[1] or "incomplete", last.response.output[1].status)
      local failure = last.response.error
      assert.equal(want[1] == "failed" and "raw" or json.null, failure ~= json.null and failure.code or failure)
    end
    assert.equal("queued", whole({ { type = "finish", reason = "other", raw_reason = "queued" } }).status)
  end)

  it("repeats what it is told of the request, and defaults beside it", function()
    local echo = '"temperature":0.5,"tools":[{"type":"web_search"}],"model":"not this"'
    for _, answer in ipairs { whole(TURN, { echo = echo }), stream(TURN, { echo = echo })[1].response } do
      assert.same({ 0.5, "web_search", "auto", true, "m1" }, { answer.temperature, answer.tools[1].type, answer.tool_choice, answer.parallel_tool_calls, answer.model })
      assert.equal(json.null, answer.error)
    end
  end)

  it("fails with an error event, and the response that failed", function()
    local found = stream { TURN[3], { type = "error", message = "gone", kind = "overloaded", code = "503" } }
    assert.same({ "created", "in_progress", "output_item.added", "content_part.added", "output_text.delta", "output_text.done", "content_part.done",
      "output_item.done", "error", "failed" }, types(found))
    assert.same({ message = "gone", type = "overloaded", code = "503", param = json.null }, found[9].error)
    assert.same({ "failed", "gone", "503", "incomplete" }, {
      found[10].response.status, found[10].response.error.message, found[10].response.error.code, found[10].response.output[1].status,
    })
    assert.same({ error = { message = "gone", type = "server_error", code = "server_error", param = json.null } }, whole { { type = "error", message = "gone" } })
  end)

  it("puts texts that follow each other into one message, and goes on in another behind anything else", function()
    local output = whole({
      { type = "text", text = "a", index = 1 }, { type = "refusal", text = "no", index = 2 }, { type = "tool_call_end", id = "c", name = "f", arguments = "{}", index = 3 },
      { type = "text", text = "b", index = 4 },
    }).output
    assert.same({ "message", "function_call", "message" }, { output[1].type, output[2].type, output[3].type })
    assert.same({ { type = "output_text", text = "a", annotations = {}, logprobs = {} }, { type = "refusal", refusal = "no" } }, output[1].content)
    local found = stream { { type = "text", text = "a", index = 1 }, { type = "tool_call", id = "c", name = "f", index = 2 }, { type = "text", text = "b", index = 1 } }
    output = found[#found].response.output
    assert.same({ "a", "b" }, { output[1].content[1].text, output[3].content[1].text })
  end)

  it("makes annotations of citations of any form", function()
    local own = '{"type":"file_citation","file_id":"f","filename":"n","index":3}'
    local events = {
      { type = "citation", json = '"https://early"', index = 1 }, { type = "text", text = "a", index = 2 },
      { type = "citation", json = own, index = 3 },
      { type = "citation", json = '{"type":"url_citation","url_citation":{"url":"https://a","title":"A","start_index":1,"end_index":2}}', index = 4 },
      { type = "citation", json = '{"web":{"uri":"https://b","title":"B\\n"}}', index = 5 }, { type = "citation", json = '{"type":"char_location"}', index = 6 },
    }
    local found, encoder = stream(events), select(2, encode("openai_responses", "stream", events))
    local annotations = found[#found].response.output[1].content[1].annotations
    assert.equal("https://early", annotations[1].url)
    assert.same(json.decode(own), annotations[2])
    assert.same({ type = "url_citation", url = "https://a", title = "A", start_index = 1, end_index = 2 }, annotations[3])
    assert.same({ type = "url_citation", url = "https://b", title = "B\n", start_index = 0, end_index = 0 }, annotations[4])
    assert.equal(1, encoder:lost())
    local added = {}
    for _, event in ipairs(found) do
      if event.type == "response.output_text.annotation.added" then added[event.annotation_index + 1] = event.annotation end
    end
    assert.same(annotations, added)
  end)

  it("has logprobs where a text is done", function()
    local found = stream {
      { type = "text", text = "a" }, { type = "logprobs", json = '{"content":[{"token":"a"}]}' },
      { type = "logprobs", json = '{"content":[{"token":"b"}],"refusal":null}' },
    }
    assert.same({ { token = "a" }, { token = "b" } }, found[#found].response.output[1].content[1].logprobs)
  end)

  it("keeps items of its own byte for byte, and a thought with its texts", function()
    local item = '{ "type":"web_search_call","id":"ws_1", "n":12345678901234567890 }'
    local thought = '{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Hm"}],"encrypted_content":"gA\\/=="}'
    local events = {
      { type = "reasoning", text = "Hm", index = 1 }, { type = "part", kind = "reasoning", json = thought, index = 2 },
      { type = "part", kind = "web_search_call", json = item, index = 3 },
      { type = "part", kind = "redacted_thinking", json = '{"type":"redacted_thinking","data":"x"}', index = 4 },
    }
    for _, mode in ipairs { "stream", "whole" } do
      local bytes, encoder = encode("openai_responses", mode, events)
      assert.truthy(bytes:find(item, 1, true))
      assert.truthy(bytes:find(thought, 1, true))
      assert.equal(1, encoder:lost())
      assert.equal("Hm", decode("openai_responses", bytes, mode == "whole" and "application/json" or nil).reasoning)
    end
  end)

  it("tells a thought once, although its item comes when the message has begun", function()
    local thought = '{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Hm"}]}'
    local bytes, encoder = encode("openai_responses", "stream", {
      { type = "reasoning", text = "Hm", index = 1 }, { type = "text", text = "a", index = 1001 },
      { type = "part", kind = "reasoning", json = thought, index = 2 },
    })
    assert.equal("Hm", decode("openai_responses", bytes).reasoning)
    assert.equal(1, encoder:lost())
  end)

  it("keeps another protocol's signature of a thought, and the source's own ids", function()
    local item = whole({ { type = "reasoning", text = "Hm" }, { type = "part_end", kind = "reasoning", signature = "sig" } }).output[1]
    assert.same({ "Hm", "sig" }, { item.summary[1].text, item.encrypted_content })
    local message = whole({ { type = "text", text = "a" }, { type = "part_end", kind = "message", signature = '{"id":"msg_9","type":"message","phase":"commentary"}' } }).output[1]
    assert.same({ "msg_9", "commentary" }, { message.id, message.phase })
  end)

  it("counts what it cannot carry", function()
    local _, encoder = encode("openai_responses", "stream", {
      { type = "text", text = "b", choice = 2 }, { type = "text", text = "a" }, { type = "part_end", kind = "text", signature = "s" },
      { type = "logprobs", json = '{"chosenCandidates":[]}' },
    })
    assert.equal(3, encoder:lost())
  end)
end)
