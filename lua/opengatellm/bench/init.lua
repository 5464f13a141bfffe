--- Bench: load tests of servers, one provider after the other, each at the same loads and with the same prompts.
--
--   local bench = require "opengatellm.bench".new(plan)
--   local result = bench:run(watch)      -- in a task; the form of the result stands in docs/bench.md
--
-- A run of a provider is: until the server is ready, warm-up, then each load of the plan. A sweep finds its loads itself: one request at a
-- time, then as many as are wanted, and open loops at rates between the two that these have come to.
--
-- What may be slow is the bench itself, and not the server: the result tells what it adds to each time (bench/calibration.lua), how busy
-- its process was in a run, and how late it came to do what was due, for a machine that is busy with something else makes servers look slow.
--
-- @module opengatellm.bench
local calibration = require "opengatellm.bench.calibration"
local figures = require "opengatellm.bench.figures"
local json = require "opengatellm.json"
local loads = require "opengatellm.bench.load"
local prices = require "opengatellm.providers.prices"
local request = require "opengatellm.request"
local reservoirs = require "opengatellm.bench.reservoir"
local scheduler = require "opengatellm.host".scheduler()
local statistics = require "opengatellm.bench.statistics"
local sweep = require "opengatellm.bench.sweep"
local tallies = require "opengatellm.bench.tally"
local task = require "opengatellm.task"
local trials = require "opengatellm.bench.trial"
local version = require "opengatellm.version"

local M = {}

---@class ogl.bench.Provider
---@field name string
---@field client ogl.Client
---@field model string
---@field price? ogl.Price

---@class ogl.bench.Plan
---@field providers ogl.bench.Provider[]
---@field prompts ogl.bench.Prompts
---@field loads ogl.bench.LoadPlan[] of each provider; of a sweep, what its loads have in common is the first
---@field sweep? {most: integer, rates: integer} requests at once at most, how many rates between
---@field streaming boolean
---@field seed integer
---@field warmup integer requests
---@field ready number seconds to wait for a server that does not answer yet
---@field pause? number seconds between two loads
---@field slo? table<string, number>
---@field max_errors? integer of a load
---@field max_error_rate? number share of the requests of a load, once 20 have ended
---@field calibrates boolean
---@field title? string
---@field options table what was asked for, as the result shows it
---@field machine table

---@class ogl.bench.Watch
---@field interrupted fun(): boolean
---@field show fun(state: table?) is told ten times a second what goes on; nil: nothing any more
---@field ended fun(provider: string, run: table) is told of each load that has ended

---@class ogl.bench.Bench
---@field plan ogl.bench.Plan
---@field state table what goes on: provider, label, load, tally
---@field stopped? "interrupted" the whole ends before its time
---@field late ogl.bench.Reservoir by how many milliseconds ticks of the present run came late
---@field has_failed boolean this provider has had too many errors, and gets no more loads
local Bench = {}
Bench.__index = Bench

local TICK = 0.1 -- seconds
local LATE = 10000 -- ticks of a run whose lateness is kept
local JUDGED = 20 -- requests that have to have ended before their share of errors counts
local READY_TOKENS = 16 -- that the answer of a server which is asked whether it is ready may have

--- Makes a bench.
---@param plan ogl.bench.Plan
---@return ogl.bench.Bench
function M.new(plan)
  return setmetatable({ plan = plan, now = scheduler.now, state = {}, number = 0, late = reservoirs.new(LATE) }, Bench)
end

-- Whether a load has had too many errors.
local function has_failed(plan, counts)
  if plan.max_errors and counts.error >= plan.max_errors then return true end
  local ended = counts.success + counts.error
  return plan.max_error_rate ~= nil and ended >= JUDGED and counts.error > plan.max_error_rate * ended
end

-- Runs one load; gives it and its tally.
local function perform(self, provider, plan)
  local tally = tallies.new { slo = self.plan.slo, price = provider.price }
  local load
  local function next_request()
    self.number = self.number + 1
    return self.plan.prompts:request(self.number)
  end
  local function ask(asked, start, lag, is_measured)
    local trial = self.ask(asked, start, is_measured and tally.gaps or nil)
    if not is_measured then return end
    tally:add(trial, start - load.began, lag)
    if has_failed(self.plan, tally.counts) then load:stop("errors", 0) end
  end
  load = loads.new(plan, { now = self.now, next = next_request, ask = ask })
  self.state.load, self.state.tally = load, tally
  load:run()
  return load, tally
end

local function label_of(plan)
  if plan.mode == "closed" then return ("%d at a time"):format(plan.concurrency) end
  return ("%.4g/s %s"):format(plan.rate, plan.arrival)
end

-- Measures one load; adds the run to the provider's.
local function measure(self, provider, plan, runs)
  if runs[1] and self.plan.pause then task.sleep(self.plan.pause) end
  if self.stopped or self.has_failed then return nil end
  self.state.label, self.late = label_of(plan), reservoirs.new(LATE)
  local cpu = os.clock()
  local load, tally = perform(self, provider, plan)
  cpu = os.clock() - cpu
  local seconds = math.max(0, load.ended - load.began)
  local run = tally:result(seconds, load.started, load.dropped)
  run.label, run.mode, run.arrival, run.concurrency, run.rate = label_of(plan), plan.mode, plan.arrival, plan.concurrency, plan.rate
  run.corrected, run.streaming, run.ramp_seconds, run.warmup = plan.mode == "open", self.plan.streaming, plan.ramp, self.plan.warmup
  self.has_failed = has_failed(self.plan, tally.counts)
  run.ended, run.cpu = self.has_failed and "errors" or load.reason, cpu / math.max(1e-9, seconds + plan.ramp)
  run.late = statistics.summary(self.late.list, self.late.n)
  runs[#runs + 1] = run
  self.watch.ended(provider.name, run)
  return run
end

-- Asks until the server answers; the error where it does not in the time that it has.
local function wait_until_ready(self)
  local limit = self.now() + self.plan.ready
  while not self.stopped do
    local asked = request.merge(self.plan.prompts:request(1), { max_tokens = READY_TOKENS })
    local trial = self.ask(asked, self.now())
    if trial.status == "success" then return nil end
    if self.now() >= limit then return trial.err end
    task.sleep(math.min(1, limit - self.now()))
  end
end

local function warm_up(self, provider)
  local first = self.plan.loads[1]
  if self.plan.warmup == 0 or self.stopped then return end
  self.state.label = "warm-up"
  perform(self, provider, {
    mode = "closed", concurrency = math.min(self.plan.warmup, first.concurrency or self.plan.warmup), requests = self.plan.warmup, ramp = 0,
    grace = first.grace, seed = first.seed,
  })
end

-- The loads of a sweep: what the first two have come to says the rates of the others.
local function measure_sweep(self, provider, runs)
  local wanted, base = self.plan.sweep, self.plan.loads[1]
  local function closed(n) return request.merge(base, { mode = "closed", concurrency = n }) end
  local slow = measure(self, provider, closed(1), runs)
  local fast = slow and measure(self, provider, closed(wanted.most), runs)
  if not fast then return end
  for _, rate in ipairs(sweep.rates(slow.rates.requests, fast.rates.requests, wanted.rates)) do
    measure(self, provider, request.merge(base, { mode = "open", arrival = base.arrival or "poisson", rate = rate }), runs)
  end
end

-- Where a client's server is, without the path.
local function address_of(client)
  local scheme, authority = (client.api or ""):match "^(%a[%w+.-]*://)([^/?#]*)"
  return scheme and scheme .. authority
end

local function measure_provider(self, provider)
  local runs = json.array {}
  self.ask, self.number, self.has_failed = trials.asker(provider.client, self.plan.streaming, self.now), 0, false
  self.state.provider, self.state.label = provider.name, "is it ready?"
  provider.price = provider.price or prices.find(provider.client.provider.name, provider.model)
  local err = wait_until_ready(self)
  if not err then
    warm_up(self, provider)
    if self.plan.sweep then measure_sweep(self, provider, runs)
    else
      for _, plan in ipairs(self.plan.loads) do measure(self, provider, plan, runs) end
    end
  end
  return {
    name = provider.name, provider = provider.client.provider.name, model = provider.model, address = address_of(provider.client),
    problem = err and tostring(err) or nil, runs = runs,
  }
end

-- Looks after the run from beside: is told of Ctrl-C, and tells what goes on.
local function keep_watch(self, main)
  local due = self.now() + TICK
  while task.sleep(due - self.now()) do -- until it is cancelled
    self.late:add(math.max(0, self.now() - due) * 1e3)
    due = self.now() + TICK
    if self.watch.interrupted() and not self.stopped then
      self.stopped = "interrupted"
      if self.state.load and not self.state.load.ended then self.state.load:stop("interrupted", 0) else main:cancel() end
    end
    self.watch.show(self.state)
  end
end

local function measure_all(self)
  local plan = self.plan
  local result = {
    format = "opengatellm-bench", version = 1, ogl = version, started = os.date "!%Y-%m-%dT%H:%M:%SZ", title = plan.title, seed = plan.seed,
    machine = plan.machine, options = plan.options, slo = plan.slo, formulas = json.array(figures.LIST), providers = json.array {},
  }
  local began = self.now()
  self.state.label = "calibration"
  result.overhead = plan.calibrates and calibration.measure(self.now) or { calibrated = false }
  for _, provider in ipairs(plan.providers) do
    if not self.stopped then table.insert(result.providers, measure_provider(self, provider)) end
  end
  result.seconds, result.stopped = self.now() - began, self.stopped
  return result
end

--- Measures everything, in a task. It returns what was measured, however it ends.
---@param watch ogl.bench.Watch
---@return table result
function Bench:run(watch)
  self.watch = watch
  local main = task.spawn(measure_all, self)
  local watcher = task.spawn(keep_watch, self, main)
  local result, err = main:wait()
  watcher:cancel()
  watch.show(nil)
  if not result then error(main.traceback or tostring(err), 0) end
  return result
end

return M
