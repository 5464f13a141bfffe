-- Encoders: events in, the bytes of a protocol out; streamed and whole from the same events. The words of each: spec/core/encode.
local core = require "opengatellm.core"
local encoding = require "spec.support.encoding"
local json = require "opengatellm.json"

local decode, encode, TURN = encoding.decode, encoding.encode, encoding.TURN

-- What each protocol reads of TURN again, where it is not all of it.
local CARRIES = {
  anthropic = { ids = true, cache = true, reasoning_tokens = true },
  gemini = { ids = true, cache = true, reasoning_tokens = true },
  ollama = { ids = true },
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

describe("usage", function()
  it("is written within what an integer holds", function()
    for protocol in pairs(CARRIES) do
      for sent, want in pairs { [1e300] = 2 ^ 53, [math.huge] = 2 ^ 53, [12.9] = 12 } do
        local bytes = encode(protocol, "whole", { { type = "usage", usage = { input_tokens = sent, output_tokens = 1, cost = math.huge } } })
        assert.equal(want, decode(protocol, bytes, "application/json").usage.input_tokens)
      end
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
