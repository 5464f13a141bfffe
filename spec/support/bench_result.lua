--- Made-up results of `ogl bench run`: what the reports are made of in specs.
local words = require "opengatellm.base.words"

local M = {}

local FORMULAS = {
  { name = "ttft", title = "Time to first token", unit = "ms", formula = "first event − start", better = "lower" },
  { name = "itl", title = "Inter-token latency", unit = "ms", formula = "(last − first) ÷ (output tokens − 1)", better = "lower" },
  { name = "tpot", title = "Time per output token", unit = "ms", formula = "(last event − start) ÷ output tokens", better = "lower" },
  { name = "e2e", title = "End to end", unit = "ms", formula = "last event − start", better = "lower" },
  { name = "user_rate", title = "Rate of one user", unit = "tokens/s", formula = "1 ÷ ITL", better = "higher" },
  { name = "output_tokens", title = "Output tokens", unit = "tokens", formula = "the server's count" },
}

-- Numbers that look drawn by lot: Lehmer's generator.
local function lot(seed)
  local state = seed % 2147483646 + 1
  return function()
    state = state * 48271 % 2147483647
    return state / 2147483647
  end
end

local function summary(list)
  if #list == 0 then return nil end
  local sorted, sum = {}, 0
  for i, value in ipairs(list) do sorted[i], sum = value, sum + value end
  table.sort(sorted)
  local squares = 0
  for _, value in ipairs(list) do squares = squares + (value - sum / #list) ^ 2 end
  local function at(share) return sorted[math.max(1, math.ceil(#sorted * share))] end
  return {
    n = #list, mean = sum / #list, stddev = math.sqrt(squares / math.max(1, #list - 1)), min = sorted[1], p50 = at(0.5), p90 = at(0.9), p99 = at(0.99),
    max = sorted[#sorted],
  }
end

local function figures_of(samples)
  local figures = {}
  for _, name in ipairs(words.list "ttft itl tpot e2e user_rate output_tokens") do
    local list = {}
    for _, sample in ipairs(samples) do
      local value = name == "output_tokens" and sample.output or name == "user_rate" and 1e3 / sample.itl or sample[name]
      if sample.status == "success" then list[#list + 1] = value end
    end
    figures[name] = summary(list)
  end
  return figures
end

-- One request, slower the more there are at once; most are a little slower, some much.
local function sample_of(draw, given, at, load)
  local spread = 1 + 0.3 * draw() + (draw() < 0.04 and 2 * draw() or 0)
  local output = math.floor(80 + 120 * draw())
  local ttft = given.ttft * (1 + load / 12) * spread
  local itl = given.itl * (1 + load / 40) * (1 + 0.15 * draw())
  local e2e = ttft + itl * (output - 1)
  local fails = draw() < (given.failing or 0)
  return { at = at, status = fails and "error" or "success", kind = fails and "timeout" or nil, ttft = ttft, itl = itl, icl = itl, e2e = e2e,
    tpot = e2e / output, input = 60, output = output }
end

local function count(samples, status)
  local n = 0
  for _, sample in ipairs(samples) do n = n + (sample.status == status and 1 or 0) end
  return n
end

-- The rest of a run, from its samples.
local function run_of(run, samples, seconds)
  local output = 0
  for _, sample in ipairs(samples) do output = output + (sample.status == "success" and sample.output or 0) end
  run.streaming, run.seconds, run.ramp_seconds, run.warmup = true, seconds, 0, 2
  run.counts = { started = #samples, success = count(samples, "success"), incomplete = 0, error = count(samples, "error"), dropped = 0 }
  run.figures, run.samples, run.errors = figures_of(samples), samples, {}
  run.rates = { requests = run.counts.success / seconds, input_tokens = 60 * run.counts.success / seconds, output_tokens = output / seconds }
  run.tokens = { input = 60 * #samples, output = output, reasoning = 0, cached = 0, source = "usage" }
  run.goodput = { requests = run.rates.requests * 0.9, share = 0.9 }
  run.kwh, run.kgco2eq = output * 2e-7, output * 1e-8
  if run.counts.error > 0 then
    run.errors[1] = { kind = "timeout", count = run.counts.error, samples = { "opengatellm: timeout: no byte for 30 s" } }
  end
  return run
end

--- A run in a closed loop.
---@param given {ttft: number, itl: number, failing?: number, seed?: integer} milliseconds of one request alone
---@param concurrency integer
---@param requests integer
---@return table
function M.closed(given, concurrency, requests)
  local draw, samples, free = lot((given.seed or 1) * 100 + concurrency), {}, {}
  for i = 1, concurrency do free[i] = 0 end
  for i = 1, requests do
    local first = 1
    for slot = 2, concurrency do
      if free[slot] < free[first] then first = slot end
    end
    samples[i] = sample_of(draw, given, free[first], concurrency)
    free[first] = free[first] + samples[i].e2e / 1e3
  end
  table.sort(free)
  return run_of({ label = concurrency .. " at a time", mode = "closed", concurrency = concurrency, corrected = false }, samples, free[#free])
end

--- A run in an open loop.
---@param given {ttft: number, itl: number, failing?: number, seed?: integer}
---@param rate number requests a second
---@param requests integer
---@return table
function M.open(given, rate, requests)
  local draw, samples, at = lot((given.seed or 1) * 1000 + math.floor(rate * 10)), {}, 0
  for i = 1, requests do
    at = at - math.log(draw()) / rate
    samples[i] = sample_of(draw, given, at, rate * 4)
    samples[i].lag = draw()
  end
  local run = run_of({ label = rate .. "/s poisson", mode = "open", arrival = "poisson", rate = rate, corrected = true }, samples, at)
  run.lag, run.counts.dropped = summary { 0.1, 0.2, 1.5 }, 0
  return run
end

--- A result with these providers.
---@param providers table[] name, model, runs
---@param fields? table put over the others
---@return table
function M.result(providers, fields)
  local result = {
    format = "opengatellm-bench", version = 1, ogl = "0.2.0", started = "2026-11-29T13:00:00Z", seconds = 61.2, seed = 42,
    machine = { system = "Linux 6.1 x86_64", cores = 8, lua = "Lua 5.4", libcurl = "libcurl/7.88.1 OpenSSL/3.0" },
    options = { requests = 60, concurrency = { 1, 8, 32 }, input_tokens = 60, output_tokens = 200 },
    slo = { ttft = 300, e2e = 5000 }, formulas = FORMULAS, providers = providers,
    overhead = { calibrated = true, ttft = summary { 0.2, 0.25, 0.4 }, e2e = summary { 0.3, 0.35, 0.6 }, cpu_us_per_event = 2.4, cpu_us_per_request = 310 },
  }
  for key, value in pairs(fields or {}) do result[key] = value end
  for _, provider in ipairs(providers) do
    provider.provider, provider.address = provider.provider or "opengatellm", provider.address or "https://" .. provider.name .. ".example"
  end
  return result
end

--- Two providers, three levels of a closed loop and two of an open one; the second provider fails at times.
---@param fields? table
---@return table
function M.two(fields)
  local fast, slow = { ttft = 120, itl = 14, seed = 3 }, { ttft = 210, itl = 21, seed = 5, failing = 0.06 }
  local function runs_of(given)
    return { M.closed(given, 1, 40), M.closed(given, 8, 160), M.closed(given, 32, 320), M.open(given, 2.5, 120), M.open(given, 5, 240) }
  end
  return M.result({
    { name = "albert", model = "gpt-oss-120b", runs = runs_of(fast) }, { name = "local", provider = "vllm", model = "mistral-small", runs = runs_of(slow) },
  }, fields)
end

return M
