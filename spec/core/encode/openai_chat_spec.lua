-- What is written as openai_chat.
local core = require "opengatellm.core"
local encoding = require "spec.support.encoding"
local json = require "opengatellm.json"

local encode, TURN = encoding.encode, encoding.TURN

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
