-- core.fold makes of events that went through Lua tables the reply that a decoder makes of its own.
local core = require "opengatellm.core"
local helper = require "spec.helper"
local json = require "opengatellm.json"

-- The reply that a decoder keeps, and the code of what ended it.
local function kept(protocol, body, content_type)
  local decoder = core.decoder(protocol, content_type)
  decoder:feed(body)
  decoder:finish()
  local _, code = decoder:skip()
  return decoder:reply(), code, decoder
end

-- The same of a decoder that keeps nothing, by way of Lua's tables and a fold.
local function folded(protocol, body, content_type, limit)
  local decoder, fold = core.decoder(protocol, content_type, false, false), core.fold(limit)
  decoder:feed(body)
  decoder:finish()
  local event, code = core.next(decoder)
  while event do
    assert(fold:put(event))
    event, code = core.next(decoder)
  end
  for _, late in ipairs(core.late(decoder)) do assert(fold:put(late)) end
  return fold:reply(), code
end

describe("the fold of recorded answers", function()
  local path = helper.shared "fixtures/expected.jsonl"

  it("is the decoder's own reply", function()
    if not path then return pending "the reference material is not here (OGL_SHARED)" end
    local count, seen = 0, {}
    for line in io.lines(path) do
      local exchange = json.decode(line)
      local body = helper.read((path:gsub("expected%.jsonl$", "") .. exchange.body))
      local content_type = exchange.stream and "text/event-stream" or nil
      local want, want_code = kept(exchange.protocol, body, content_type)
      local got, got_code = folded(exchange.protocol, body, content_type)
      assert.equal(want_code, got_code, exchange.id)
      assert.same(want, got, exchange.id)
      for field in pairs(want) do seen[field] = true end
      for _, part in ipairs(want.content) do
        if part.signature then seen.signature = true end
        seen[part.type] = true
      end
      if want_code == "provider" and want.finish_reason then seen.late = true end
      count = count + 1
    end
    assert.is_true(count > 1500, count)
    for _, what in ipairs { "usage", "finish_reason", "signature", "part", "logprobs", "citation", "choices", "tool_calls", "refusal", "reasoning", "warnings", "late" } do
      assert.is_true(seen[what], "no recording has " .. what)
    end
  end)
end)

local function chunk(text) return 'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"' .. text .. '"}}]}\n\n' end

describe("core.fold", function()
  it("has what stands behind an error of the server, in several choices too", function()
    local body = chunk "It is" .. 'data: {"error":{"message":"gave up"}}\n\n'
      .. 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"},{"index":1,"delta":{},"finish_reason":"error"}],'
      .. '"usage":{"prompt_tokens":41,"completion_tokens":243,"total_tokens":284}}\n\n'
    local want, code = kept("openai_chat", body)
    assert.equal("provider", code)
    assert.same({ 284, "error" }, { want.usage.total_tokens, want.choices[2].finish_reason })
    assert.same(want, (folded("openai_chat", body)))
  end)

  it("gives the late events to those alone that keep nothing", function()
    local _, _, decoder = kept("openai_chat", chunk "a")
    assert.error_matches(function() core.late(decoder) end, "keeps the reply")
    decoder = core.decoder("openai_chat", nil, false, false)
    decoder:feed(chunk "a")
    assert.same({}, core.late(decoder))
    decoder:close()
    assert.equal("closed", select(2, core.late(decoder)))
  end)

  it("has the decoder's error above the same limit, with what fits, and keeps it", function()
    local body = chunk(("x"):rep(100)):rep(30)
    local decoder = core.decoder("openai_chat", nil, false, true, 2000)
    decoder:feed(body)
    local wanted = { decoder:skip() }
    assert.equal("reply", wanted[2])
    local source, fold = core.decoder("openai_chat", nil, false, false), core.fold(2000)
    source:feed(body)
    local last
    for event in core.next, source do
      last = { fold:put(event) }
      if not last[1] then break end
    end
    assert.same(wanted, last)
    assert.same(decoder:reply(), fold:reply())
    assert.same(wanted, { fold:put { type = "finish", reason = "stop" } })
    assert.equal(1900, #fold:reply().text)
  end)

  it("takes what a program writes, and is empty before", function()
    local fold = core.fold()
    assert.same({ role = "assistant", text = "", content = {}, warnings = {} }, fold:reply())
    assert.is_true(fold:put { type = "text", text = "Bon" })
    assert.is_true(fold:put { type = "text", text = "jour", index = 1 })
    assert.is_true(fold:put { type = "unknown", name = "x", data = "y" })
    assert.is_true(fold:put { type = "tool_call", id = "ogl_call_2", name = "f", index = 2 })
    assert.is_true(fold:put { type = "tool_call_end", id = "ogl_call_2", name = "f", arguments = "{}", index = 2 })
    assert.is_true(fold:put { type = "finish", reason = "stop", raw_reason = "end" })
    local reply = fold:reply()
    assert.same({ "Bonjour", "stop", "end", "ogl_call_2" }, { reply.text, reply.finish_reason, reply.raw_finish_reason, reply.tool_calls[1].id })
    assert.same(reply, fold:reply())
  end)

  it("refuses what is no event, and what comes after close", function()
    local fold = core.fold()
    for _, value in ipairs { { type = "nonsense" }, {}, "text", { type = "text", index = 0 }, { type = "text", choice = 1.5 } } do
      assert.is_false((pcall(fold.put, fold, value)))
    end
    assert.same({}, fold:reply().content)
    fold:close()
    fold:close()
    assert.equal("closed", select(2, fold:put { type = "text", text = "a" }))
    assert.equal("closed", select(2, fold:reply()))
  end)
end)
