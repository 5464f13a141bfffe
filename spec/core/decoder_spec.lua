local core = require "opengatellm.core"

-- A chunk of text as a server streams it.
local function chunk(text) return 'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"' .. text .. '"}}]}\n\n' end

local STREAM = chunk "Bon" .. chunk "jour" .. chunk " \\ud83d\\ude00" .. 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'
  .. 'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\ndata: [DONE]\n\n'

local function puller(decoder)
  return function() return core.next(decoder) end
end

-- All events of the bytes, fed in pieces of n.
local function events(bytes, n, ...)
  local decoder = core.decoder("openai_chat", ...)
  local pull, list = puller(decoder), {}
  local function drain()
    local event, code = pull()
    while event do
      list[#list + 1] = event
      event, code = pull()
    end
    return code or nil
  end
  for i = 1, #bytes, n do
    decoder:feed(bytes:sub(i, i + n - 1))
    local code = drain()
    if code then return list, code, decoder end
  end
  decoder:finish()
  return list, drain(), decoder
end

describe("core.decoder", function()
  it("gives events as plain tables, indices from 1", function()
    local list = events(STREAM, #STREAM)
    assert.same({ type = "start", id = "c1", model = "m" }, list[1])
    assert.same({ type = "text", text = "Bon", index = 1 }, list[2])
    assert.same({ type = "text", text = " \240\159\152\128", index = 1 }, list[4])
    assert.same({ type = "usage", usage = { input_tokens = 3, output_tokens = 2, total_tokens = 5 } }, list[5])
    assert.same({ type = "finish", reason = "stop", raw_reason = "stop" }, list[6])
    assert.is_nil(list[7])
    assert.is_nil(getmetatable(list[1]))
  end)

  it("gives the same events for any pieces", function()
    local whole = events(STREAM, #STREAM)
    for n = 1, 40 do assert.same(whole, (events(STREAM, n))) end
  end)

  it("folds the same reply whether events are taken or skipped", function()
    local taken = select(3, events(STREAM, 7)):reply()
    local decoder = core.decoder "openai_chat"
    decoder:feed(STREAM)
    assert.is_false((select(2, decoder:skip())))
    assert.is_true(decoder:ended())
    assert.same(taken, decoder:reply())
    assert.equal("Bonjour \240\159\152\128", taken.text)
  end)

  it("says whether part of an answer has left", function()
    for _, read in ipairs { core.next, function(decoder) return decoder:skip() end } do
      local decoder = core.decoder "openai_chat"
      assert.is_false(decoder:committed())
      decoder:feed 'data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant"}}],"usage":{"prompt_tokens":1}}\n\n'
      repeat until not read(decoder)
      assert.is_false(decoder:committed())
      decoder:feed(chunk "a")
      assert.is_false(decoder:committed())
      repeat until not read(decoder)
      assert.is_true(decoder:committed())
    end
  end)

  it("is committed by the end of an answer without a word", function()
    local decoder = core.decoder "openai_chat"
    decoder:feed 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    decoder:finish()
    decoder:skip()
    assert.is_true(decoder:committed())
  end)

  it("numbers choices from 1, and leaves the first without", function()
    local list = events('{"choices":[{"index":1,"message":{"content":"b"},"finish_reason":"stop"},'
      .. '{"index":0,"message":{"content":"a"},"finish_reason":"stop"}]}', 9)
    assert.same({ type = "text", text = "b", index = 1, choice = 2 }, list[1])
    assert.same({ type = "text", text = "a", index = 1 }, list[2])
  end)

  it("tells an answer that ended too early from a complete one", function()
    local list, code, decoder = events(chunk "Bon", 5, "text/event-stream")
    assert.equal("incomplete", code)
    assert.equal("text", list[#list].type)
    assert.is_false(decoder:ended())
    assert.equal("Bon", decoder:reply().text)
  end)

  it("reports a server's error with its words", function()
    local _, code, decoder = events(chunk "Bon" .. 'data: {"error":{"message":"boom","type":"oops","code":500}}\n\n', 11)
    assert.equal("provider", code)
    local message, kind, number, body = decoder:problem()
    assert.same({ "boom", "oops", "500" }, { message, kind, number })
    assert.matches('"boom"', body, 1, true)
  end)

  it("keeps its first error", function()
    local decoder = core.decoder("openai_chat", "text/event-stream", true)
    local pull = puller(decoder)
    decoder:feed "data: {nope\n\n"
    assert.equal("syntax", (select(2, pull())))
    local fine, code = decoder:feed(STREAM)
    assert.is_nil(fine)
    assert.equal("syntax", code)
    assert.equal("syntax", (select(2, pull())))
  end)

  it("holds to limits.reply", function()
    local _, code = events(chunk(("x"):rep(100)):rep(20), 64, nil, false, true, 1000)
    assert.equal("reply", code)
  end)

  it("keeps no text with keep = false", function()
    local _, code, decoder = events(STREAM, 64, nil, false, false)
    assert.is_nil(code)
    assert.equal("", decoder:reply().text)
  end)

  it("raises for a protocol that is none", function()
    assert.has_error(function() core.decoder "carrier_pigeon" end)
  end)
end)

describe("a decoder's life", function()
  it("ends with close, any number of times", function()
    local decoder = core.decoder "openai_chat"
    local pull = puller(decoder)
    decoder:feed(STREAM)
    decoder:close()
    decoder:close()
    assert.same({ nil, "closed" }, { (pull()), (select(2, pull())) })
    assert.equal("closed", (select(2, decoder:feed "x")))
    assert.equal("closed", (select(2, decoder:reply())))
    assert.equal("closed", (select(2, decoder:raw())))
    decoder:finish()
    assert.is_false(decoder:ended())
    assert.is_nil(decoder:problem())
  end)

  it("ends with the collector, while what pulls lives on and before", function()
    for _ = 1, 100 do
      local pull
      do
        local decoder = core.decoder "openai_chat"
        decoder:feed(STREAM)
        pull = puller(decoder)
      end
      collectgarbage()
      assert.equal("start", pull().type)
    end
    collectgarbage()
    collectgarbage()
  end)

  it("refuses another object in its place", function()
    local decoder, framer = core.decoder "openai_chat", core.framer "llm"
    assert.has_error(function() decoder.feed(framer, "x") end)
    assert.has_error(function() decoder.feed(io.stdout, "x") end)
    assert.has_error(function() core.next {} end)
  end)
end)

describe("core.framer", function()
  local function frames(mode, bytes, content_type)
    local framer, list = core.framer(mode, content_type), {}
    framer:feed(bytes)
    framer:finish()
    for frame in function() return framer:next() end do list[#list + 1] = frame.kind .. " " .. frame.data end
    return list
  end

  it("holds to the standard in whatwg mode", function()
    assert.same({ "event a" }, frames("whatwg", "data: a\n\nerror: {}\n\n{\"x\":1}\n\ndata: b"))
  end)

  it("takes what LLM servers send beside it", function()
    assert.same({ "event a", "error {}", 'bare {"x":1}', "event b" }, frames("llm", "data: a\n\nerror: {}\n\n{\"x\":1}\n\ndata: b"))
  end)

  it("becomes what the first bytes and the content type say", function()
    assert.same({ "whole {\n1}" }, frames("llm", "{\n1}"))
    assert.same({ "event 1", "event 2" }, frames("llm", "data: 1\n\ndata: 2\n\n", "application/json"))
    assert.same({ 'event {"a":1}', 'event {"a":2}' }, frames("llm", '{"a":1}\n{"a":2}', "application/x-ndjson"))
  end)
end)
