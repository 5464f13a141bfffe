local errors = require "opengatellm.errors"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"
local retry = require "opengatellm.http.retry"

-- A host whose time passes only by sleeping.
local function simulated()
  local slept = {}
  return { name = "simulated", blocking = true, now = function() return 0 end, sleep = function(s) slept[#slept + 1] = s end }, slept
end

local function busy(retry_after) return errors.new { kind = "http", message = "busy", retryable = true, retry_after = retry_after } end

describe("a budget of retries", function()
  it("waits twice as long each time, up to its number of tries", function()
    local host, slept = simulated()
    local budget = retry.budget({ max = 6 }, host, function() return 0 end)
    while budget:wait(busy()) do end
    assert.same({ 0.5, 1, 2, 4, 8, 8 }, slept)
  end)

  it("takes off up to a quarter by chance", function()
    local host, slept = simulated()
    retry.budget({ max = 1 }, host, function() return 0.999999 end):wait(busy())
    assert.is_true(slept[1] > 0.37 and slept[1] < 0.376)
  end)

  it("obeys the server's own word", function()
    local host, slept = simulated()
    assert.is_true(retry.budget({ max = 1 }, host):wait(busy(7)))
    assert.same({ 7 }, slept)
  end)

  it("waits as usual where the server says 0", function()
    local host, slept = simulated()
    local budget = retry.budget({ max = 3 }, host, function() return 0 end)
    while budget:wait(busy(0)) do end
    assert.same({ 0.5, 1, 2 }, slept)
    assert.is_true(retry.budget({ max = 1 }, host):wait(busy(0.25)))
    assert.equal(0.25, slept[4])
  end)

  it("does not wait longer than it may, all waits together", function()
    local host, slept = simulated()
    local budget = retry.budget({ max = 9, max_wait = 10 }, host)
    assert.is_false(budget:wait(busy(11)))
    assert.is_true(budget:wait(busy(6)))
    assert.is_false(budget:wait(busy(6)))
    assert.same({ 6 }, slept)
  end)

  it("never tries what cannot pass, and never without tries", function()
    local host, slept = simulated()
    assert.is_false(retry.budget({}, host):wait(errors.new { kind = "http", message = "no" }))
    assert.is_false(retry.budget({ max = 0 }, host):wait(busy()))
    assert.same({}, slept)
  end)
end)

describe("a call that is tried again", function()
  local HELLO = '{"choices":[{"message":{"content":"Hello"},"finish_reason":"stop"}]}'

  -- The reply or the error after these answers, and what was slept.
  local function ask(...)
    local answers, host, slept = { ... }, simulated()
    local client = ogl.client {
      provider = "openai_compatible", base_url = "http://server", model = "m", api_key = "k", host = host,
      transport = replay.new(function(_, n) return answers[n] end),
    }
    local reply, err = client:chat "hi"
    return reply, err, slept
  end

  it("waits as long as the head of an answer says, in which an error came with 200", function()
    local reply, _, slept = ask(
      { headers = { ["retry-after"] = "3", ["content-type"] = "text/event-stream" }, body = 'data: {"error":{"type":"overloaded_error","message":"busy"}}\n\n' },
      { body = HELLO })
    assert.equal("Hello", assert(reply).text)
    assert.same({ 3 }, slept)
  end)

  it("fails at once where the limit is one of the day", function()
    local _, err, slept = ask({ body = '{"error":{"code":429,"message":"free-models-per-day"}}' }, { body = HELLO })
    assert.same({ "rate_limit", false, {} }, { err.kind, err.retryable, slept })
  end)
end)
