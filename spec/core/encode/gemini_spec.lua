-- What is written as gemini.
local encoding = require "spec.support.encoding"
local json = require "opengatellm.json"

local encode, TURN = encoding.encode, encoding.TURN

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
      { "error", "x", "MALFORMED_FUNCTION_CALL" }, { "other", "NEW_WORD", "NEW_WORD" }, { "other", "STOP", "OTHER" },
      { "other", "queued", "OTHER" }, { "pause", "pause_turn", "STOP" },
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
