-- Smooth: chunks, their pace, and what becomes of all that is no text.
local helper = require "spec.helper"
local json = require "opengatellm.json"
local middleware = require "opengatellm.middleware"
local ogl = require "opengatellm"
local recordings = require "spec.support.recordings"
local replay = require "opengatellm.transport.replay"

local SSE = { ["content-type"] = "text/event-stream" }
local function chunk(delta) return "data: " .. json.encode { id = "c1", model = "m", choices = { { index = 0, delta = delta } } } .. "\n\n" end
local END = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}\n\ndata: [DONE]\n\n'

local function client(body, options)
  local all = {
    provider = "openai_compatible", base_url = "http://server", model = "m", retries = { max = 0 }, host = helper.simulated_host(),
    transport = replay.new { headers = SSE, body = body },
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.client(all), all.host, all.transport
end

local function body_of(pieces)
  local list = {}
  for i, text in ipairs(pieces) do list[i] = chunk { content = text } end
  return table.concat(list) .. END
end

-- The texts of a stream with the times at which they were given.
local function texts_of(stream, host)
  local texts, times, began = {}, {}, host.now()
  for text in stream:texts() do texts[#texts + 1], times[#times + 1] = text, host.now() - began end
  return texts, times
end

describe("smooth", function()
  for by, expected in pairs {
    word = { "Un ", "deux, ", "trois\n", "quatre" }, line = { "Un deux, trois\n", "quatre" }, character = { "é", "€", "😀" },
  } do
    it("gives text by the " .. by .. ", one after the other at its pace", function()
      local pieces = by == "character" and { "é€", "😀" } or { "Un de", "ux, tro", "is\nqua", "tre" }
      local c, host = client(body_of(pieces))
      local stream = assert(c:use(middleware.smooth { by = by, delay = 0.5 }):stream "hi")
      local texts, times = texts_of(stream, host)
      assert.same(expected, texts)
      for i, time in ipairs(times) do assert.equal((i - 1) * 0.5, time) end
      assert.equal(table.concat(expected), assert(stream:reply()).text)
      assert.equal(3, stream:reply().usage.input_tokens)
    end)
  end

  it("paces what comes in one piece", function()
    local c, host = client(body_of { "a b c d " })
    local texts, times = texts_of(assert(c:use(middleware.smooth { delay = 0.25 }):stream "hi"), host)
    assert.same({ { "a ", "b ", "c ", "d " }, { 0, 0.25, 0.5, 0.75 } }, { texts, times })
  end)

  it("waits no longer where the reader took the time", function()
    local c, host = client(body_of { "a b c " })
    for _ in assert(c:use(middleware.smooth { delay = 0.25 }):stream "hi"):texts() do host.sleep(1) end
    assert.equal(3, host.now())
  end)

  it("keeps the order of all events, and the parts apart", function()
    local body = chunk { reasoning_content = "Let me" } .. chunk { reasoning_content = " see" } .. chunk { content = "Well now" } .. END
    local list = {}
    for event in assert(client(body):use(middleware.smooth { delay = 0 }):stream "hi"):events() do
      list[#list + 1] = event.type .. (event.text and ":" .. event.text or "")
    end
    assert.same({ "start", "reasoning:Let ", "reasoning:me ", "reasoning:see", "text:Well ", "text:now", "usage", "finish" }, list)
  end)

  it("loses none of any text over any split", function()
    local text, seed = "  Ça va ?\n\nOui  é€😀 ", 7
    for _, by in ipairs { "word", "line", "character" } do
      for _ = 1, 40 do
        local pieces, rest = {}, text
        while rest ~= "" do
          seed = (seed * 16807) % 2147483647
          local cut = "" -- of whole characters, as a server's pieces are
          for _ = 0, seed % 4 do cut = cut .. (rest:sub(#cut + 1):match "^[%z\1-\127\194-\244][\128-\191]*" or "") end
          pieces[#pieces + 1], rest = cut, rest:sub(#cut + 1)
        end
        assert.equal(text, assert(assert(client(body_of(pieces)):use(middleware.smooth { by = by, delay = 0 }):stream "hi"):reply()).text)
      end
    end
  end)

  it("does not delay a chat", function()
    local c, host = client(body_of { "a b c d " })
    assert.equal("a b c d ", assert(c:use(middleware.smooth { delay = 5 }):chat "hi").text)
    assert.equal(0, host.now())
  end)

  it("shows its events to the middleware outside, once each", function()
    local seen = {}
    local outer = { event = function(event) if event and event.text then seen[#seen + 1] = event.text end return event end }
    assert(assert(client(body_of { "a b c" }):use(outer, middleware.smooth { delay = 0 }, middleware.smooth { by = "line", delay = 0 }):stream "hi"):reply())
    assert.same({ "a ", "b ", "c" }, seen)
  end)

  it("gives what it holds before an error, which stays what it was", function()
    local c = client(chunk { content = "one tw" })
    local stream = assert(c:use(middleware.smooth { delay = 0 }):stream "hi")
    local texts, event, err = {}, stream:next()
    while event do
      if event.type == "text" then texts[#texts + 1] = event.text end
      event, err = stream:next()
    end
    assert.same({ "one ", "tw" }, texts)
    assert.same({ "incomplete", "one tw" }, { err.kind, err.partial.text })
    assert.is_true(err.usage.estimated and err.usage.input_tokens > 0)
  end)

  it("closes the server's stream with its own", function()
    local c, _, transport = client(body_of { "a b c d " })
    local stream = assert(c:use(middleware.smooth { delay = 0 }):stream "hi")
    stream:next()
    stream:close()
    assert.equal(1, transport.closed)
    assert.equal("closed", select(2, stream:reply()).kind)
  end)

  it("tells of the tries before, each once", function()
    local answers = { { status = 503 }, { headers = SSE, body = body_of { "a b" } } }
    local c = client(nil, { retries = { max = 1 }, transport = replay.new(function(_, n) return answers[n] end) })
    local reply = assert(assert(c:use(middleware.smooth { delay = 0 }):stream "hi"):reply())
    assert.same({ 2, 503, 200 }, { #reply.attempts, reply.attempts[1].status, reply.attempts[2].status })
  end)

  it("leaves every recorded reply as it is", function()
    local smooth = middleware.smooth { delay = 0 }
    local count = recordings.each_recording(function(plain, id)
      local want, want_err = assert(plain:stream "hi"):reply()
      local got, got_err = assert(plain:use(smooth):stream "hi"):reply()
      assert.equal(want_err and want_err.message, got_err and got_err.message, id)
      assert.same(want or want_err.partial, got or got_err.partial, id)
    end)
    if not count then return pending "the reference material is not here (OGL_SHARED)" end
    assert.is_true(count > 1400)
  end)

  it("is told what it was made with wrongly", function()
    local _, where = pcall(function() local m = ogl.middleware.smooth { by = "x" } return m end)
    assert.matches("smooth_spec.lua:%d+: ogl.middleware.smooth: by: expected word, line or character, got x", where)
  end)
end)
