local json = require "opengatellm.json"
local ogl = require "opengatellm"
local openai_chat = require "opengatellm.protocol.openai_chat"

-- The message that an assistant's becomes on its way to a provider, as JSON reads it, the text that it is, and what is told.
local function sent(message, provider, model)
  message.role = "assistant"
  local wire = assert(openai_chat.encode_request({ messages = { ogl.user "hi", message } }, provider or { name = "here" }, false, model or "m"))
  local text, told = json.encode(wire.body.messages[2]), {}
  for i, warning in ipairs(wire.warnings) do told[i] = warning.code .. " " .. warning.field end
  return json.decode(text), told, text
end

local LOST = { "not_carried messages" }

-- A reply as the decoder makes it.
local function reply(fields)
  fields.protocol, fields.provider, fields.text = "openai_chat", fields.provider or "here", fields.text or ""
  return fields
end

describe("what only its own server can read", function()
  local DETAILS = '[{"type":"reasoning.text","text":"a","signature":"s","index":0, "n":12345678901234567890}]'
  local BLOCKS = '[{"type":"thinking","thinking":"a","signature":"s"}]'
  local function signed()
    return reply {
      content = {
        { type = "reasoning", text = "a" }, { type = "part", kind = "reasoning_details", json = DETAILS },
        { type = "part", kind = "thinking_blocks", json = BLOCKS }, { type = "part", kind = "extra_content", json = '{"google":{"x":1}}' },
        { type = "tool_call", id = "c1", name = "f", arguments = "{}", signature = '{"extra_content":{"google": {"thought_signature":"c2ln"}},"note":null}' },
      },
      tool_calls = { { id = "c1", name = "f", arguments = "{}", signature = '{"extra_content":{"google": {"thought_signature":"c2ln"}},"note":null}' } },
    }
  end

  it("goes back to it under its own name, byte for byte", function()
    local message, told, text = sent(signed())
    assert.truthy(text:find('"reasoning_details":' .. DETAILS, 1, true))
    assert.truthy(text:find('"thinking_blocks":' .. BLOCKS, 1, true))
    assert.truthy(text:find('"extra_content":{"google": {"thought_signature":"c2ln"}}', 1, true))
    assert.same({ google = { x = 1 } }, message.extra_content)
    assert.same({ "c1", "f", json.null }, { message.tool_calls[1].id, message.tool_calls[1]["function"].name, message.content })
    assert.same({}, told)
  end)

  it("goes back from a message that says nothing of where it came from", function()
    for _, gone in ipairs { { "provider" }, { "provider", "protocol" } } do
      local message = signed()
      for _, field in ipairs(gone) do message[field] = nil end
      local back, told = sent(message)
      assert.equal("s", back.reasoning_details[1].signature)
      assert.same({}, told)
    end
    local rebuilt = sent { tool_calls = signed().tool_calls }
    assert.equal("c2ln", rebuilt.tool_calls[1].extra_content.google.thought_signature)
    local from_parts = signed()
    from_parts.tool_calls = nil
    assert.equal("c2ln", sent(from_parts).tool_calls[1].extra_content.google.thought_signature)
  end)

  it("goes to no other server, and that is told", function()
    for _, target in ipairs { { name = "elsewhere" }, { name = "openrouter" } } do
      local message, told = sent(signed(), target)
      assert.same({ role = "assistant", content = json.null, tool_calls = { { id = "c1", type = "function", ["function"] = { name = "f", arguments = "{}" } } } }, message)
      assert.same(LOST, told)
    end
    local other = signed()
    other.protocol = "gemini"
    assert.same(LOST, select(2, sent(other)))
    local unsigned = reply { text = "x", provider = "elsewhere", content = { { type = "reasoning", text = "a" }, { type = "text", text = "x" } } }
    local message, told = sent(unsigned)
    assert.same({ { role = "assistant", content = "x" }, {} }, { message, told }) -- nothing is lost: no server takes that back
  end)

  it("never changes what a call is", function()
    local call = { id = "c1", name = "f", arguments = "{}", signature = '{"id":"x","function":{"name":"rm"},"type":"y","index":3,"k":[1]}' }
    local message = sent(reply { tool_calls = { call } })
    assert.same({ id = "c1", type = "function", ["function"] = { name = "f", arguments = "{}" }, k = { 1 } }, message.tool_calls[1])
    call.signature = "EucBCsgB" -- Gemini's own
    local _, told = sent { tool_calls = { call } }
    assert.same(LOST, told)
  end)

  it("is a thought of Mistral's, in its place in the content", function()
    local thinking = { type = "reasoning", text = "hm", signature = '{"type":"thinking","closed":true}' }
    local reference = { type = "part", kind = "content", json = '{"type":"reference","reference_ids":[1]}' }
    local message = reply { text = "144", content = { thinking, { type = "text", text = "144" }, reference } }
    assert.same({
      { type = "thinking", thinking = { { type = "text", text = "hm" } }, closed = true }, { type = "text", text = "144" },
      { type = "reference", reference_ids = { 1 } },
    }, sent(message).content)
    message.provider = "elsewhere"
    local plain, told = sent(message)
    assert.same({ "144", LOST }, { plain.content, told })
  end)

  it("of a recording is its id; pictures that the model made are told", function()
    local message, told = sent(reply { content = { { type = "part", kind = "audio", json = '{"id":"audio_1","data":"AAAA"}' } } })
    assert.same({ { id = "audio_1" }, {} }, { message.audio, told })
    message, told = sent(reply { text = "x", content = { { type = "text", text = "x" }, { type = "part", kind = "images", json = "[{}]" } } })
    assert.same({ { role = "assistant", content = "x" }, LOST }, { message, told })
  end)
end)

describe("an unsigned call to Gemini 3", function()
  local function signature(message, provider, model)
    local call = sent(message, provider, model or "google/gemini-3-pro").tool_calls[1]
    return call.extra_content and call.extra_content.google.thought_signature
  end
  local function foreign() return { protocol = "anthropic", tool_calls = { { id = "a", name = "f", arguments = "{}" }, { id = "b", name = "f", arguments = "{}" } } } end

  it("has the word that stands for a signature, the first of a message alone", function()
    assert.equal("skip_thought_signature_validator", signature(foreign()))
    assert.is_nil(sent(foreign(), nil, "gemini-3-pro-preview").tool_calls[2].extra_content)
    local own = { tool_calls = { { id = "a", type = "function", ["function"] = { name = "f", arguments = "{}" } } } }
    assert.equal("skip_thought_signature_validator", signature(own))
    assert.is_nil(own.tool_calls[1].extra_content)
  end)

  it("is left to gateways that see to it, and to other models", function()
    assert.is_nil(signature(foreign(), { name = "openrouter", signs_calls = true }))
    assert.is_nil(signature(foreign(), nil, "gemini-2.5-pro"))
    assert.is_nil(signature(reply { tool_calls = foreign().tool_calls }))
  end)
end)

describe("a refusal", function()
  it("has a field of its own, and is a text to servers that do not know it", function()
    local function messages()
      return { { protocol = "openai_chat", content = "", refusal = "No." }, reply { refusal = "No.", content = { { type = "refusal", text = "No." } } } }
    end
    for _, message in ipairs(messages()) do assert.equal("No.", sent(message).refusal) end
    for _, message in ipairs(messages()) do
      assert.same({ role = "assistant", content = "No." }, (sent(message, { name = "mistral", no_refusal = true })))
    end
    local part = { protocol = "openai_chat", content = { { type = "refusal", text = "No." } } }
    assert.same({ { type = "refusal", refusal = "No." } }, sent(part).content)
    assert.same({ role = "assistant", content = "No." }, (sent(part, { name = "mistral", no_refusal = true })))
  end)
end)

describe("what stood beside a text", function()
  it("goes back with it to where it came from", function()
    local content = { { type = "text", text = "a", cache_control = { type = "ephemeral" } }, { type = "text", text = "b" } }
    assert.same(content, sent({ protocol = "openai_chat", content = content }).content)
    assert.equal("ab", sent({ protocol = "anthropic", content = content }).content)
  end)
end)
