-- Whole runs in simulated time, against a server whose times are known.
local bench = require "opengatellm.bench"
local helper = require "spec.helper"
local ogl = require "opengatellm"
local prompts = require "opengatellm.bench.prompts"

local HEAD, GAP, TOKENS = 0.5, 0.1, 6 -- of an answer

-- An answer of so many tokens; `at` and `n` choose a refusal.
local function good()
  local answer = { head = HEAD }
  for i = 1, TOKENS do answer[i] = { i == 1 and 0 or GAP, helper.text_frame("word") } end
  answer[TOKENS + 1] = { 0, helper.end_frames(9, TOKENS) }
  return answer
end

local function busy() return { status = 503, type = "application/json", head = 0.01, { 0, '{"error":{"message":"busy sk-x-secret"}}' } } end

local function load(fields)
  local plan = { mode = "closed", concurrency = 1, ramp = 0, grace = 1000, seed = 1, most = 1000, requests = 10 }
  for name, value in pairs(fields or {}) do plan[name] = value end
  return plan
end

-- Runs a plan; gives the result, the transports, and what was shown. `fields.answers` has a function for each provider, which says what the
-- n-th request gets that comes at a time; it may keep the processor busy.
local function run(fields, interrupted_at)
  local transports, shown = {}, {}
  local answers = fields.answers or { good }
  fields.answers = nil
  local result = helper.simulated_time(function(now, work)
    local providers = {}
    for i, answer in ipairs(answers) do
      transports[i] = helper.simulated_server(now, function(at, n) return answer(at, n, work) end)
      local client = ogl.client {
        provider = "openai_compatible", base_url = "http://simulated:8000/v1", api_key = "sk-x-secret", retries = { max = 0 },
        transport = transports[i],
      }
      providers[i] = { name = "server " .. i, client = client:with { model = "m" }, model = "m" }
    end
    local plan = {
      providers = providers, prompts = prompts.new { list = { { messages = "hi" } }, seed = 1, fields = { keep = false } },
      loads = { load() }, streaming = true, seed = 1, warmup = 0, ready = 0, calibrates = false, options = {}, machine = {},
    }
    for name, value in pairs(fields) do plan[name] = value end
    return bench.new(plan):run {
      interrupted = function() return interrupted_at ~= nil and now() >= interrupted_at end,
      show = function(state) shown[#shown + 1] = state and state.label or "over" end,
      ended = function(name, one) shown.ended = (shown.ended or "") .. name .. ", " .. one.label .. "; " end,
    }
  end)
  return result, transports, shown
end

local function labels(provider)
  local list = {}
  for i, one in ipairs(provider.runs) do list[i] = one.label end
  return list
end

describe("a bench", function()
  it("runs each load for each provider, and gives one result", function()
    local result, _, shown = run {
      answers = { good, good }, warmup = 2, title = "both", slo = { ttft = 501 },
      loads = { load(), load { concurrency = 5 }, load { mode = "open", arrival = "constant", rate = 2.5 } },
    }
    assert.same({ "opengatellm-bench", 1, "both", 2 }, { result.format, result.version, result.title, #result.providers })
    for i, provider in ipairs(result.providers) do
      assert.same({ "server " .. i, "openai_compatible", "m", "http://simulated:8000" },
        { provider.name, provider.provider, provider.model, provider.address })
      assert.same({ "1 at a time", "5 at a time", "2.5/s constant" }, labels(provider))
      local one, five, open = provider.runs[1], provider.runs[2], provider.runs[3]
      assert.same({ false, false, true }, { one.corrected, five.corrected, open.corrected })
      assert.near(10, one.seconds, 1e-6)
      assert.near(2, five.seconds, 1e-6)
      assert.near(500, open.figures.ttft.p99, 1e-6)
      assert.near(1000, one.figures.e2e.mean, 1e-6)
      assert.near(100, five.figures.itl.mean, 1e-6)
      assert.near(30, five.rates.output_tokens, 1e-6)
      assert.same({ 10, 2, "requests", 1 }, { one.counts.success, one.warmup, one.ended, one.goodput.share })
      assert.truthy(open.lag.max < 1 and not one.lag)
      assert.same({ 0, true }, { one.late.max < 1e-6 and 0 or one.late.max, one.late.n >= 99 })
    end
    assert.same({ "over", "is it ready?" }, { shown[#shown], shown[1] })
    assert.matches("^server 1, 1 at a time; server 1, 5 at a time; server 1, 2.5/s constant; server 2, 1 at a time; ", shown.ended)
    assert.truthy(require "opengatellm.json".encode(result))
  end)

  it("counts warm-up and the question whether a server is ready among no figures", function()
    local result, transports = run { warmup = 3 }
    assert.equal(10, result.providers[1].runs[1].counts.started)
    assert.is_true(#transports[1].requests >= 14 and #transports[1].requests <= 15)
  end)

  it("waits for a server until it is ready, and says why where it is not", function()
    local result, transports = run { ready = 30, answers = { function(at) return at < 3.5 and busy() or good() end } }
    assert.equal(10, result.providers[1].runs[1].counts.success)
    assert.near(1.01, transports[1].requests[2], 1e-6)
    result, transports = run { ready = 3, answers = { busy, good } }
    assert.same({ {}, 4 }, { result.providers[1].runs, #transports[1].requests })
    assert.equal("opengatellm: http 503: busy [REDACTED]", result.providers[1].problem)
    assert.equal(10, result.providers[2].runs[1].counts.success)
  end)

  it("sweeps from one at a time to the most, with rates between what these come to", function()
    local result = run { sweep = { most = 5, rates = 3 }, loads = { load { arrival = "constant", concurrency = false } } }
    assert.same({ "1 at a time", "5 at a time", "2/s constant", "3/s constant", "4/s constant" }, labels(result.providers[1]))
  end)

  it("ends the loads of a provider that has too many errors, and goes on with the next", function()
    local function ready_then_busy(_, n) return n == 1 and good() or busy() end
    for _, limit in ipairs { { max_errors = 4 }, { max_error_rate = 0.5 } } do
      limit.answers, limit.loads = { ready_then_busy, good }, { load { requests = 100 }, load { concurrency = 5 } }
      local result = run(limit)
      local runs = result.providers[1].runs
      assert.same({ 1, "errors", limit.max_errors or 20 }, { #runs, runs[1].ended, runs[1].counts.error })
      assert.equal("opengatellm: http 503: busy [REDACTED]", runs[1].errors[1].samples[1])
      assert.equal(2, #result.providers[2].runs)
    end
  end)

  it("that is interrupted gives what was measured until then", function()
    local result = run({ answers = { good, good }, loads = { load { requests = 1000 }, load() } }, 5.55)
    assert.same({ 1, "interrupted", "interrupted" }, { #result.providers, result.stopped, result.providers[1].runs[1].ended })
    local run_ = result.providers[1].runs[1]
    assert.same({ 4, 1 }, { run_.counts.success, run_.counts.incomplete })
    assert.near(1000, run_.figures.e2e.max, 1e-6)
    assert.is_true(result.seconds < 5.8)
  end)

  it("that is interrupted before a server is ready has no runs of it", function()
    local result = run({ ready = 100, answers = { busy } }, 5.55)
    assert.same({ {}, "interrupted" }, { result.providers[1].runs, result.stopped })
    assert.is_true(result.seconds < 6)
  end)

  it("says how late it came itself, where the processor was busy with something else", function()
    local function busy_machine(_, _, work)
      work(0.25)
      return good()
    end
    local late = run({ answers = { busy_machine } }).providers[1].runs[1].late
    assert.near(250, late.max, 100) -- the tick was due within a tenth of a second before or behind the beginning of the work
    assert.is_true(late.min < 1e-6)
  end)

  it("holds no secret of the client in its result", function()
    local text = require "opengatellm.json".encode((run { answers = { function(_, n) return n % 2 == 1 and good() or busy() end } }))
    assert.is_nil(text:find("sk-x-secret", 1, true))
  end)
end)
