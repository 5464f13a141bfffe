-- What a run comes to: every sum exact, of answers whose moments are known; and coordinated omission, shown by a server that stalls.
local errors = require "opengatellm.errors"
local helper = require "spec.helper"
local loads = require "opengatellm.bench.load"
local ogl = require "opengatellm"
local tallies = require "opengatellm.bench.tally"
local trials = require "opengatellm.bench.trial"

-- A trial that succeeded: its first event after `first` seconds, then one each second.
local function success(first, chunks, usage)
  local last = first + chunks - 1
  return {
    status = "success", usage = usage,
    moments = { start = 0, first = first, output = first, last = last, ended = last + 1, chunks = chunks },
  }
end

local function failure(status, err) return { status = status, err = err, moments = { start = 0, ended = 2, chunks = 1 } } end

describe("a tally", function()
  it("keeps successes, failures and what was cut off apart, and counts rates of the first alone", function()
    local tally = tallies.new {}
    tally:add(success(1, 3, { input_tokens = 10, output_tokens = 5, reasoning_tokens = 2, cached_input_tokens = 4 }), 0)
    tally:add(success(2, 5, { input_tokens = 20, output_tokens = 9 }), 1)
    tally:add(failure("error", errors.new { kind = "network", message = "reset" }), 2)
    tally:add(failure("incomplete", errors.new { kind = "cancelled", message = "cut" }), 3)
    local result = tally:result(10, 4, 3)
    assert.same({ started = 4, success = 2, incomplete = 1, error = 1, dropped = 3 }, result.counts)
    assert.same({ requests = 0.2, input_tokens = 3, output_tokens = 1.4 }, result.rates)
    assert.same({ input = 30, output = 14, reasoning = 2, cached = 4, source = "usage" }, result.tokens)
    assert.same({ 2, 1500, 1000, 2000 },
      { result.figures.ttft.n, result.figures.ttft.mean, result.figures.ttft.min, result.figures.ttft.max })
    assert.same({ 3000, 6000, 500, 500 }, { result.figures.e2e.min, result.figures.e2e.max, result.figures.itl.min, result.figures.itl.max })
    assert.same({ 1, "network" }, { #result.errors, result.errors[1].kind })
    local kinds = {}
    for i, sample in ipairs(result.samples) do kinds[i] = { sample.at, sample.status, sample.kind } end
    assert.same({ { 0, "success" }, { 1, "success" }, { 2, "error", "network" }, { 3, "incomplete" } }, kinds)
    assert.same({ nil, nil, nil, nil }, { result.goodput, result.cost, result.kwh, result.lag })
  end)

  it("takes events for tokens where the server counts none, or only we have estimated, and says so", function()
    local function source(...)
      local tally = tallies.new {}
      for i, usage in ipairs { ... } do tally:add(success(1, 7, usage or nil), i) end
      local tokens = tally:result(1, 1, 0).tokens
      return { tokens.output, tokens.source }
    end
    assert.same({ 7, "chunks" }, source(false))
    assert.same({ 7, "chunks" }, source { output_tokens = 99, estimated = true })
    assert.same({ 7, "chunks" }, source { output_tokens = 0 })
    assert.same({ 12, "mixed" }, source({ output_tokens = 5 }, false))
    assert.same({ 0, "none" }, source())
  end)

  it("counts goodput of what was judged: a failure and a dropped start have missed their goals", function()
    local tally = tallies.new { slo = { ttft = 1000, e2e = 4000 } }
    tally:add(success(1, 3), 0) -- meets both
    tally:add(success(1, 4), 0) -- meets both, just so
    tally:add(success(1.5, 2), 0) -- its first token is late
    tally:add(success(0.5, 6), 0) -- its end is late
    tally:add(failure("error", errors.new { kind = "network", message = "reset" }), 0)
    tally:add(failure("incomplete"), 0)
    assert.same({ requests = 0.2, share = 2 / 8 }, tally:result(10, 6, 3).goodput)
    assert.same({ requests = 0, share = 0 }, tallies.new({ slo = { e2e = 1 } }):result(10, 0, 0).goodput)
  end)

  it("adds what the server says of cost and carbon, and the price where it says nothing", function()
    local tally = tallies.new { price = { input = 2, output = 10 } }
    tally:add(success(1, 2, { input_tokens = 1000, output_tokens = 100 }), 0)
    tally:add(success(1, 2, { input_tokens = 1000, output_tokens = 100, cost = 0.5, energy_kwh = 0.25, co2_kg = 0.125 }), 0)
    local result = tally:result(1, 2, 0)
    assert.near(0.503, result.cost, 1e-12)
    assert.same({ 0.25, 0.125 }, { result.kwh, result.kgco2eq })
  end)

  it("has the gaps of all answers together, in milliseconds, and each start's lag", function()
    local tally = tallies.new {}
    for _, gap in ipairs { 0.01, 0.03, 0.02 } do tally.gaps:add(gap) end
    tally:add(success(1, 3), 5, 0.002)
    local result = tally:result(1, 1, 0)
    assert.same({ 3, 10, 20, 30 }, { result.figures.icl.n, result.figures.icl.min, result.figures.icl.p50, result.figures.icl.max })
    assert.same({ 2, 2, 5 }, { result.lag.max, result.samples[1].lag, result.samples[1].at })
  end)

  it("of nothing is a result that can be written as JSON", function()
    local text = require "opengatellm.json".encode(tallies.new({}):result(0, 0, 0))
    assert.truthy(text:find('"errors":[]', 1, true) and text:find('"samples":[]', 1, true))
  end)
end)

-- Runs a plan against a server in simulated time; `answer(at)` says what a request gets that comes at that time.
local function measured(plan, answer)
  return helper.simulated_time(function(now)
    local client = ogl.client {
      provider = "openai_compatible", base_url = "http://simulated", api_key = "sk-x", model = "m",
      transport = helper.simulated_server(now, answer),
    }
    local tally, ask, load = tallies.new {}, trials.asker(client, true, now), nil
    load = loads.new(plan, {
      now = now, next = function() return { messages = "hi", keep = false } end,
      ask = function(request, start, lag) tally:add(ask(request, start, tally.gaps), start - load.began, lag) end,
    })
    load:run()
    return tally:result(load.ended - load.began, load.started, load.dropped)
  end)
end

-- A server that works on one request after the other, for `seconds` each.
local function queueing(seconds)
  local free = 0
  return function(at)
    free = math.max(at, free) + seconds
    return { head = free - at, { 0, helper.text_frame "a" }, { 0, helper.end_frames(1, 1) } }
  end
end

describe("a queue whose times are known", function()
  local function open(arrival, rate, n)
    return { mode = "open", arrival = arrival, rate = rate, most = 1e6, requests = n, ramp = 0, grace = 1e6, seed = 3 }
  end

  it("is measured as theory has it where requests come by chance #slow", function()
    for _, share in ipairs { 0.3, 0.6 } do -- of its time that the server works: an M/D/1 queue (Pollaczek, Khinchine)
      local result = measured(open("poisson", share / 0.1, 3000), queueing(0.1))
      local expected = 100 + 100 * share / (2 * (1 - share))
      assert.near(expected, result.figures.e2e.mean, expected * 0.05)
      assert.near(share / 0.1, result.rates.requests, share / 0.1 * 0.03)
    end
  end)

  it("has no waiting where they come evenly, and ever more where they are too many", function()
    local even = measured(open("constant", 9, 200), queueing(0.1))
    assert.near(100, even.figures.e2e.max, 1e-6)
    local crowded = measured(open("constant", 12.5, 200), queueing(0.1)) -- each waits 20 ms longer than the one before
    assert.near(100 + 199 * 20, crowded.figures.e2e.max, 1e-6)
    assert.near(100 + 99 * 20, crowded.figures.e2e.p50, 1e-6)
    assert.near(10, crowded.rates.requests, 0.01)
  end)

  it("gets no slower in a closed loop of more users than one, but each of them waits for the others", function()
    for users = 1, 4 do
      local result = measured({ mode = "closed", concurrency = users, requests = 400, ramp = 0, grace = 1e6 }, queueing(0.1))
      assert.near(10, result.rates.requests, 0.01)
      assert.near(users * 100, result.figures.e2e.p50, 1e-6)
    end
  end)
end)

-- A server that answers in 10 ms but stands still from second 20 to second 30; two tokens, 5 ms apart.
local function stalling(at)
  local left = at >= 20 and at < 30 and 30 - at or 0
  return { head = left, { 0.005, helper.text_frame "a" }, { 0.005, helper.text_frame "b" }, { 0, helper.end_frames(1, 2) } }
end

describe("a server that stands still for ten of a hundred seconds", function()
  it("looks well in a closed loop, which asks it nothing meanwhile", function()
    local result = measured({ mode = "closed", concurrency = 1, seconds = 100, ramp = 0, grace = 60 }, stalling)
    assert.near(10, result.figures.e2e.p99, 1e-6)
    assert.near(10010, result.figures.e2e.max, 20)
    assert.near(9000, result.counts.success, 5)
  end)

  it("looks as its users see it in an open loop: a tenth of them has waited", function()
    local result = measured({ mode = "open", arrival = "constant", rate = 20, most = 1000, seconds = 100, ramp = 0, grace = 60, seed = 1 }, stalling)
    assert.equal(2000, result.counts.success)
    assert.near(10, result.figures.e2e.p50, 1e-6)
    assert.near(10, result.figures.e2e.p90, 60)
    assert.near(9000, result.figures.e2e.p99, 60) -- of the tenth that waits up to 10 s, nine tenths wait less than 9 s
    assert.near(9005, result.figures.ttft.p99, 60)
    assert.near(5, result.figures.icl.max, 1e-6)
    local waited = 0
    for _, sample in ipairs(result.samples) do
      if sample.e2e > 11 then waited = waited + 1 end
    end
    assert.near(200, waited, 1)
  end)

  it("has starts dropped, and counted, where requests in flight have a bound", function()
    local plan = { mode = "open", arrival = "constant", rate = 20, most = 50, seconds = 100, ramp = 0, grace = 60, seed = 1 }
    local result = measured(plan, stalling) -- from 22.5 s to 30 s, both included
    assert.same({ 1849, 151 }, { result.counts.success, result.counts.dropped })
  end)
end)
