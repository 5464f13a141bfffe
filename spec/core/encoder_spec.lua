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
  gemini = { ids = true, cache = true, reasoning_tokens = true },
  openai_chat = { ids = true, cache = true, reasoning_tokens = true },
  openai_responses = { ids = true, cache = true, reasoning_tokens = true },
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

  it("has images and audio in the whole form too", function()
    local message = json.decode((encode("openai_chat", "whole", {
      { type = "part", kind = "images", json = '[{"image_url":{"url":"data:,"}}]', index = 1 }, { type = "part", kind = "audio", json = '{"id":"a"}', index = 2 },
    }))).choices[1].message
    assert.same({ "data:,", "a" }, { message.images[1].image_url.url, message.audio.id })
  end)

  it("keeps JSON of several lines on one, in a stream", function()
    local found = chunks { { type = "part", kind = "images", json = '[\n  {"a": 1}\r\n]', index = 1 } }
    assert.same({ { a = 1 } }, json.decode(found[1]).choices[1].delta.images)
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
      content_filter = { "incomplete", "content_filter" }, other = { "incomplete", "raw" }, error = { "incomplete", "raw" },
    } do
      local events = { { type = "text", text = "a" }, { type = "finish", reason = reason, raw_reason = "raw" } }
      local found = stream(events)
      local last = found[#found]
      assert.equal("response." .. want[1], last.type)
      assert.same(whole(events), last.response)
      local details = last.response.incomplete_details
      assert.same(want, { last.response.status, details ~= json.null and details.reason or nil })
      assert.equal(want[1], last.response.output[1].status)
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
    local found = stream { { type = "text", text = "a" }, { type = "logprobs", json = '{"content":[{"token":"a"}]}' },
      { type = "logprobs", json = '{"content":[{"token":"b"}],"refusal":null}' } }
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

  it("keeps another protocol's signature of a thought, and the source's own ids", function()
    local item = whole({ { type = "reasoning", text = "Hm" }, { type = "part_end", kind = "reasoning", signature = "sig" } }).output[1]
    assert.same({ "Hm", "sig" }, { item.summary[1].text, item.encrypted_content })
    local message = whole({ { type = "text", text = "a" }, { type = "part_end", kind = "message", signature = '{"id":"msg_9","type":"message","phase":"commentary"}' } }).output[1]
    assert.same({ "msg_9", "commentary" }, { message.id, message.phase })
  end)

  it("counts within what an integer holds", function()
    for _, protocol in ipairs { "openai_chat", "openai_responses", "gemini" } do
      for sent, want in pairs { [1e300] = 2 ^ 53, [math.huge] = 2 ^ 53, [12.9] = 12 } do
        local bytes = encode(protocol, "whole", { { type = "usage", usage = { input_tokens = sent, output_tokens = 1, cost = math.huge } } })
        local reply = decode(protocol, bytes, "application/json")
        assert.equal(want, reply.usage.input_tokens)
      end
    end
  end)

  it("counts what it cannot carry", function()
    local _, encoder = encode("openai_responses", "stream", {
      { type = "text", text = "b", choice = 2 }, { type = "text", text = "a" }, { type = "part_end", kind = "text", signature = "s" },
      { type = "logprobs", json = '{"chosenCandidates":[]}' },
    })
    assert.equal(3, encoder:lost())
  end)
end)

describe("gemini out", function()
  local function answers(events, context)
    local found = {}
    for data in encode("gemini", "stream", events, context):gmatch "data: ([^\n]*)\n\n" do found[#found + 1] = json.decode(data) end
    return found
  end

  local function part_of(answer) return answer.candidates[1].content.parts[1] end

  it("has id, model and role in every answer, and reason and usage in the last", function()
    local found = answers(TURN)
    assert.equal(6, #found)
    for i, answer in ipairs(found) do
      assert.same({ "id1", "m1", "model", 0 }, { answer.responseId, answer.modelVersion, answer.candidates[1].content.role, answer.candidates[1].index })
      assert.equal(i == 6 and "STOP" or nil, answer.candidates[1].finishReason)
      assert.equal(i == 6, answer.usageMetadata ~= nil)
    end
    assert.same({ text = "Let me see.", thought = true }, part_of(found[1]))
    assert.same({ functionCall = { id = "c1", name = "f", args = { a = 1 } } }, part_of(found[4]))
    assert.same({ promptTokenCount = 10, cachedContentTokenCount = 4, candidatesTokenCount = 4, thoughtsTokenCount = 3, totalTokenCount = 17 }, found[6].usageMetadata)
  end)

  it("says how each candidate ended", function()
    for _, row in ipairs {
      { "length", "x", "MAX_TOKENS" }, { "content_filter", "RECITATION", "RECITATION" }, { "content_filter", "refusal", "SAFETY" },
      { "error", "x", "MALFORMED_FUNCTION_CALL" }, { "other", "NEW_WORD", "NEW_WORD" }, { "other", "STOP", "OTHER" }, { "other", "queued", "OTHER" },
      { "pause", "pause_turn", "STOP" },
    } do
      local event = { type = "finish", reason = row[1], raw_reason = row[2] }
      assert.equal(row[3], answers({ event })[1].candidates[1].finishReason)
      assert.equal(row[3], json.decode((encode("gemini", "whole", { event }))).candidates[1].finishReason)
    end
    local found = answers { { type = "text", text = "b", choice = 2 }, { type = "finish", reason = "stop" }, { type = "finish", reason = "length", choice = 2 } }
    assert.equal(1, found[1].candidates[1].index)
    assert.same({ "STOP", 0, "MAX_TOKENS", 1 }, {
      found[2].candidates[1].finishReason, found[2].candidates[1].index, found[2].candidates[2].finishReason, found[2].candidates[2].index,
    })
  end)

  it("keeps signatures with their parts", function()
    local events = {
      { type = "reasoning", text = "Hm", index = 1 }, { type = "part_end", kind = "reasoning", signature = "s1", index = 1 },
      { type = "tool_call_end", name = "f", arguments = "{}", index = 2 }, { type = "part_end", kind = "tool_call", signature = "s2", index = 2 },
      { type = "tool_call_end", name = "g", arguments = "", index = 3 },
    }
    local found = answers(events)
    assert.same({ text = "", thought = true, thoughtSignature = "s1" }, part_of(found[2]))
    assert.same({ functionCall = { name = "f", args = {} }, thoughtSignature = "s2" }, part_of(found[3]))
    assert.same({ functionCall = { name = "g", args = {} } }, part_of(found[4]))
    local parts = json.decode((encode("gemini", "whole", events))).candidates[1].content.parts
    assert.same({ { text = "Hm", thought = true, thoughtSignature = "s1" }, part_of(found[3]), part_of(found[4]) }, parts)
  end)

  it("keeps parts of its own, and the lists beside them, as they came", function()
    local events = {
      { type = "part", kind = "image", json = '{ "inlineData":{"mimeType":"image/png","data":"iVBO"}}', index = 1 },
      { type = "citation", json = '{"web":{"uri":"https://a"}}', index = 2 },
      { type = "part", kind = "groundingMetadata", json = '{"groundingChunks":[{"web":{"uri":"https://a"}}]}', index = 3 },
      { type = "citation", json = '{"startIndex":1,"uri":"https://b"}', index = 4 },
      { type = "citation", json = '{"type":"url_citation","url":"https://c","title":"C"}', index = 5 },
      { type = "part", kind = "web_search_call", json = '{"type":"web_search_call","id":"w"}', index = 6 },
    }
    local whole, encoder = encode("gemini", "whole", events)
    local candidate = json.decode(whole).candidates[1]
    assert.truthy(whole:find(events[1].json, 1, true))
    assert.truthy(whole:find('"groundingMetadata":' .. events[3].json, 1, true))
    assert.same({ { startIndex = 1, uri = "https://b" }, { uri = "https://c", title = "C" } }, candidate.citationMetadata.citationSources)
    assert.equal(1, encoder:lost())
    local streamed, other = encode("gemini", "stream", events)
    assert.truthy(streamed:find(events[1].json, 1, true))
    assert.equal(1, other:lost())
  end)

  it("puts arguments that are no object into one", function()
    assert.same({ input = "ls -l" }, part_of(answers({ { type = "tool_call_end", name = "sh", arguments = "ls -l" } })[1]).functionCall.args)
  end)

  it("has a code for every error", function()
    for _, row in ipairs {
      { nil, nil, 500, "INTERNAL" }, { "rate_limit_error", nil, 429, "RESOURCE_EXHAUSTED" }, { nil, "404", 404, "NOT_FOUND" }, { "x", "418", 418, "INVALID_ARGUMENT" },
      { "FAILED_PRECONDITION", "400", 400, "FAILED_PRECONDITION" }, { "overloaded", "529", 529, "UNAVAILABLE" },
    } do
      local event = { type = "error", message = "gone", kind = row[1], code = row[2] }
      assert.same({ error = { message = "gone", code = row[3], status = row[4] } }, answers({ event })[1])
      assert.same({ error = { message = "gone", code = row[3], status = row[4] } }, json.decode((encode("gemini", "whole", { event }))))
    end
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
