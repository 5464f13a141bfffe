local json = require "opengatellm.json"
local messages = require "opengatellm.protocol.messages"

describe("what a message holds", function()
  it("is its own server's where nothing says otherwise", function()
    local own = messages.is_own
    assert.is_true(own({}, "openai_chat", { name = "a" }))
    assert.is_true(own({ protocol = "openai_chat" }, "openai_chat", { name = "a" }))
    assert.is_true(own({ protocol = "openai_chat", provider = "a" }, "openai_chat", { name = "a" }))
    assert.is_false(own({ protocol = "openai_chat", provider = "b" }, "openai_chat", { name = "a" }))
    assert.is_false(own({ protocol = "openai_responses", provider = "b" }, "openai_responses", { name = "a" }))
    assert.is_true(own({ protocol = "anthropic", provider = "vertex" }, "anthropic", { name = "anthropic" })) -- signatures hold on every platform
    assert.is_true(own({ protocol = "gemini", provider = "vertex" }, "gemini", { name = "gemini" }))
    assert.is_false(own({ protocol = "gemini" }, "anthropic", {}))
  end)

  it("are members of an object, each as the text that it is", function()
    local members = messages.members ' {"a": {"b":1.0} ,"n":12345678901234567890,"t":"x","z":null,"l":[ ]}'
    assert.equal('{"a":{"b":1.0},"l":[ ],"n":12345678901234567890,"t":"x","z":null}', json.encode(members))
    for _, text in ipairs { "c2ln", "[1]", '"x"', "{", "" } do assert.is_nil(messages.members(text), text) end
    assert.is_nil(messages.members(nil))
    assert.is_nil(messages.members {})
  end)

  it("are calls beside it, or in it, and what was refused", function()
    local part = { type = "tool_call", id = "c", name = "f" }
    assert.same({ part }, messages.calls { content = { "x", part } })
    assert.same({ { id = "d" } }, messages.calls { content = { part }, tool_calls = { { id = "d" } } })
    assert.same({}, messages.calls { content = "x" })
    assert.same({ { type = "text", text = "" }, { type = "refusal", text = "No." } }, messages.said { content = "", refusal = "No." })
    assert.same({ { type = "refusal", text = "No." } }, messages.said { content = { { type = "refusal", text = "No." } }, refusal = "No." })
  end)
end)
