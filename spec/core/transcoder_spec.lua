-- Transcoders: one protocol in, another out.
local core = require "opengatellm.core"
local json = require "opengatellm.json"

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
    assert.same({ "provider", "busy", "overloaded", "503", '{"error":{"message":"busy","type":"overloaded","code":"503"}}' },
      { t:problem() })
  end)

  it("leaves an error to its caller where it is silent, who tells it in words of its own", function()
    for _, broken in ipairs { 'data: {"error":{"message":"secret"}}\n\n', "" } do
      local t = core.transcoder("openai_chat", "ollama", "stream", { silent = true })
      local out = t:feed(CHUNK:format("Bon", "") .. broken)
      out = out .. t:finish()
      assert.is_nil(out:find("error", 1, true))
      assert.truthy(t:problem())
      assert.equal('{"error":"it broke off"}\n', t:fail("it broke off", "network"))
      assert.equal("", (t:finish()))
    end
  end)

  it("counts the pieces of the answer, and knows when one has come", function()
    local t = core.transcoder("openai_chat", "ollama", "stream", {})
    t:feed 'data: {"id":"x","model":"m","choices":[]}\n\n'
    assert.is_false(t:committed())
    assert.same({ 0, 0 }, { t:tally() })
    t:feed(CHUNK:format("Bon", "") .. CHUNK:format("jour", ',"finish_reason":"stop"'))
    t:feed 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\ndata: [DONE]\n\n'
    assert.is_true(t:committed())
    local chunks, bytes, usage = t:tally()
    assert.same({ 2, 7, 3, 2 }, { chunks, bytes, usage.input_tokens, usage.output_tokens })
    local decoder = core.decoder("openai_chat", nil, false, false)
    decoder:feed(CHUNK:format("Bon", "") .. CHUNK:format("jour", ',"finish_reason":"stop"'))
    assert.equal("start", core.next(decoder).type)
    decoder:skip()
    assert.same({ 2, 7 }, { decoder:tally() })
  end)
end)
