-- What a call took: estimates of requests and answers, and what is said of calls that failed.
local errors = require "opengatellm.errors"
local figures = require "opengatellm.middleware.figures"
local helper = require "spec.helper"

describe("the tokens of an answer", function()
  it("are expected as 19 of 20 were, and not above what the request allows", function()
    local outputs = figures.outputs()
    assert.equal(500, outputs:expected(nil, 500))
    assert.equal(80, outputs:expected(80, 500))
    for i = 1, 100 do outputs:add(i % 20 == 0 and 4000 or 100) end
    assert.equal(100, outputs:expected(nil, 500))
    assert.equal(50, outputs:expected(50, 500))
    for _ = 1, 64 do outputs:add(1000) end
    assert.equal(1000, outputs:expected(nil, 500))
  end)
end)

describe("the usage of a call", function()
  local call = { client = {}, request = { messages = ("x"):rep(40) }, provider = "p" }

  local function state_of(...)
    local state = {}
    call.client.host = helper.simulated_host()
    figures.begin(call, state)
    for _, event in ipairs { ... } do figures.event(event, state, true) end
    return state
  end

  it("is what the server said, in the reply or, of one that is not kept, in an event", function()
    assert.same({ input_tokens = 1 }, figures.usage({ usage = { input_tokens = 1 } }, nil, call, state_of()))
    assert.same({ input_tokens = 2 }, figures.usage(nil, nil, call, state_of { type = "usage", usage = { input_tokens = 2 } }))
  end)

  it("is estimated where the server counted nothing", function()
    local usage = figures.usage(nil, nil, call, state_of { type = "text", text = ("y"):rep(80) })
    assert.same({ input_tokens = 10, output_tokens = 20, total_tokens = 30, estimated = true }, usage)
    usage = figures.usage({ content = { { type = "text", text = ("y"):rep(80) } } }, nil, call, state_of())
    assert.equal(20, usage.output_tokens)
  end)

  it("is nothing of a call that was refused or not sent, and of an answer out of a cache", function()
    local function of(fields) return figures.usage(nil, errors.new(fields), call, state_of()) end
    assert.same({}, of { kind = "rate_limit", status = 429, message = "" })
    assert.same({}, of { kind = "network", sent = false, message = "" })
    assert.same({}, of { kind = "config", message = "" })
    assert.same({ requests = 0, cached = true }, figures.usage({ usage = { input_tokens = 5, cached = true } }, nil, call, state_of()))
  end)

  it("is at least the request of a call that broke off, and what came of it", function()
    local usage = figures.usage(nil, errors.new { kind = "timeout", message = "" }, call, state_of())
    assert.same({ 10, 0, true }, { usage.input_tokens, usage.output_tokens, usage.estimated })
    local err = errors.new { kind = "closed", message = "", usage = { input_tokens = 9, output_tokens = 0, estimated = true } }
    usage = figures.usage(nil, err, call, state_of { type = "text", text = ("y"):rep(80) })
    assert.same({ 9, 20, 29 }, { usage.input_tokens, usage.output_tokens, usage.total_tokens })
    assert.equal(0, err.usage.output_tokens)
  end)

  it("comes with times and with what the answer said", function()
    local state = state_of()
    local here = call.client.host
    here.sleep(2)
    figures.event({ type = "text", text = "a" }, state, true)
    here.sleep(1)
    figures.event({ type = "text", text = "b" }, state, true)
    here.sleep(3)
    figures.event({ type = "text", text = "c" }, state, true)
    local seen = figures.of({ status = 200, model = "m", finish_reason = "stop", provider = "q" }, nil, call, state)
    assert.same({ 6, 2, 2, 3, 200, "m", "stop", "q", 1 }, {
      seen.seconds, seen.first_chunk, seen.per_chunk, seen.chunks, seen.status, seen.model, seen.finish_reason, seen.provider, seen.attempts,
    })
    seen = figures.of(nil, errors.new { kind = "http", status = 500, code = "c", message = "" }, call, state_of())
    assert.same({ "http", "c", 500 }, { seen.kind, seen.code, seen.status })
  end)
end)
