-- Attempts: what became of each try, on replies and errors after a second one; and the caller's function that decides on tries.
local helper = require "spec.helper"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local SSE = { ["content-type"] = "text/event-stream" }
local GOOD = { headers = SSE, body = 'data: {"choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}],'
  .. '"usage":{"prompt_tokens":2,"completion_tokens":3}}\n\ndata: [DONE]\n\n' }
local BUSY = { status = 503, headers = { ["content-type"] = "application/json" }, body = '{"error":{"message":"Model is too busy"}}' }
local OVERLOADED = { headers = SSE, body = 'data: {"error":{"message":"Overloaded","type":"overloaded_error"}}\n\n' }

local function client(answers, retries)
  local host = helper.simulated_host()
  local transport = replay.new(function(_, n) return answers[n] or answers[#answers] end)
  return ogl.client {
    provider = "openai_compatible", base_url = "http://server", model = "m", transport = transport, host = host, retries = retries,
  }, transport, host
end

describe("attempts", function()
  it("stand on a reply after a second try", function()
    local c = client { BUSY, OVERLOADED, GOOD }
    local reply = assert(assert(c:stream "hi"):reply())
    local first, second, third = reply.attempts[1], reply.attempts[2], reply.attempts[3]
    assert.same({ 503, "http", "overloaded", "m", "openai_compatible" }, { first.status, first.kind, first.reason, first.model, first.provider })
    assert.same({ "provider", "overloaded" }, { second.kind, second.reason })
    assert.same({ 200, 5 }, { third.status, third.tokens })
    assert.is_nil(third.kind)
    assert.is_number(first.milliseconds)
    assert.equal(3, #reply.attempts)
  end)

  it("stand on an error after a second try, and on nothing after one", function()
    local _, err = client { BUSY }:chat "hi"
    assert.equal(3, #err.attempts)
    _, err = client({ BUSY }, { max = 0 }):chat "hi"
    assert.is_nil(err.attempts)
    assert.is_nil(assert(client { GOOD }:chat "hi").attempts)
  end)

  it("count a stream that broke off after another try", function()
    local cut = { headers = SSE, body = 'data: {"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n' }
    local _, err = assert(client { BUSY, cut }:stream "hi"):reply()
    assert.equal("incomplete", err.kind)
    assert.equal("incomplete", err.attempts[2].kind)
  end)
end)

describe("an overload inside an answer of 200", function()
  it("is tried again over minutes, where the caller gives them", function()
    local answers = {}
    for i = 1, 12 do answers[i] = OVERLOADED end
    answers[13] = GOOD
    local c, transport, host = client(answers, { max_wait = 600 })
    assert.equal("a", assert(c:chat "hi").text)
    assert.equal(13, #transport.requests)
    local waited = host.now()
    assert.is_true(waited > 120 and waited <= 600, waited)
  end)

  it("ends within that time", function()
    local c, _, host = client({ OVERLOADED }, { max_wait = 600 })
    local _, err = c:chat "hi"
    assert.equal("overloaded", err.reason)
    assert.is_true(host.now() <= 600)
  end)
end)

describe("a function of the caller's", function()
  it("decides whether, and after how long, a call is tried again", function()
    local seen = {}
    local c, _, host = client({ BUSY, BUSY, GOOD }, { retry = function(err, call, attempt)
      seen[#seen + 1] = { err.status, call.operation, attempt }
      return 7
    end })
    assert.equal("a", assert(c:chat "hi").text)
    assert.same({ { 503, "chat", 1 }, { 503, "chat", 2 } }, seen)
    assert.same({ 7, 7 }, host.waits)
    local none, transport = client({ BUSY, GOOD }, { retry = function() return false end })
    assert.equal(503, select(2, none:chat "hi").status)
    assert.equal(1, #transport.requests)
  end)

  it("may leave it to the usual rule", function()
    local c, _, host = client({ BUSY, GOOD }, { retry = function() end })
    assert(c:chat "hi")
    assert.equal(1, #host.waits)
    assert.is_true(host.waits[1] < 1)
  end)

  it("may try again what is not retryable, with another request", function()
    local refused = { status = 400, body = '{"error":{"code":"context_length_exceeded","message":"too long"}}' }
    local c, transport = client({ refused, GOOD }, { retry = function(err, call)
      if err.reason ~= "context_length" then return false end
      call.request.messages = { ogl.user "short" }
      return 0
    end })
    assert.equal("a", assert(c:chat "long").text)
    assert.truthy(transport.requests[2].body:find("short", 1, true))
  end)

  it("is told where it gives nonsense", function()
    local _, err = client({ BUSY }, { retry = function() return "soon" end }):chat "hi"
    assert.matches("retries.retry returned soon; expected seconds", err.message)
    assert.has_error(function() ogl.client { retries = { retry = 5 } } end)
  end)
end)
