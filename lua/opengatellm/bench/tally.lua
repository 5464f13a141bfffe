--- Tallies: what one run came to, as the result has it (docs/bench.md shows the form).
--
--   local tally = tallies.new { slo = …, price = … }
--   tally:add(trial, at, lag)               a request that has ended
--   tally:result(seconds)                   counts, figures, rates, tokens, costs, errors, samples
--
-- Tokens are the server's count; where it gives none they are events with text, and the result says so. Figures, rates and goodput are of
-- the requests that succeeded; `tally.gaps` takes the gaps of all answers, for a gap is seen whatever comes after it.
--
-- @module opengatellm.bench.tally
local failures = require "opengatellm.bench.failures"
local figures = require "opengatellm.bench.figures"
local goals = require "opengatellm.bench.goals"
local json = require "opengatellm.json"
local prices = require "opengatellm.providers.prices"
local reservoirs = require "opengatellm.bench.reservoir"
local statistics = require "opengatellm.bench.statistics"

local M = {}

local VALUES = 1000000 -- of a figure that are held: 16 MB
local SAMPLES = 10000 -- of requests: what a chart can show

---@class ogl.bench.Tally
---@field gaps ogl.bench.Reservoir of seconds
---@field counts {success: integer, incomplete: integer, error: integer}
local Tally = {}
Tally.__index = Tally

--- Makes an empty tally.
---@param options {slo: table<string, number>?, price: ogl.Price?}
---@return ogl.bench.Tally
function M.new(options)
  local self = setmetatable({
    slo = options.slo, price = options.price, gaps = reservoirs.new(VALUES), lags = reservoirs.new(VALUES), values = {},
    counts = { success = 0, incomplete = 0, error = 0 }, good = 0, failures = failures.new(), samples = reservoirs.new(SAMPLES),
    tokens = { input = 0, output = 0, reasoning = 0, cached = 0 }, sources = {}, sums = {},
  }, Tally)
  for _, figure in ipairs(figures.LIST) do self.values[figure.name] = reservoirs.new(VALUES) end
  return self
end

-- The tokens of an answer, and where their number comes from. Some servers count none of an answer that was cut short.
local function output_of(usage, chunks)
  local counted = usage and not usage.estimated and usage.output_tokens
  if counted and (counted > 0 or chunks == 0) then return counted, "usage" end
  if chunks > 0 then return chunks, "chunks" end
end

local function add_to(sums, name, value)
  if value then sums[name] = (sums[name] or 0) + value end
end

local function add_usage(self, usage, output)
  add_to(self.tokens, "output", output)
  if not usage then return end
  add_to(self.tokens, "input", usage.input_tokens)
  add_to(self.tokens, "reasoning", usage.reasoning_tokens)
  add_to(self.tokens, "cached", usage.cached_input_tokens)
  add_to(self.sums, "cost", usage.cost or self.price and prices.cost(self.price, usage))
  add_to(self.sums, "kwh", usage.energy_kwh)
  add_to(self.sums, "kgco2eq", usage.co2_kg)
end

-- Adds a request that succeeded; gives its figures.
local function add_success(self, trial)
  local usage, moments = trial.usage, trial.moments
  local output, source = output_of(usage, moments.chunks)
  if source then self.sources[source] = true end
  add_usage(self, usage, output)
  local values = figures.of(moments, usage and usage.input_tokens, output)
  for name, value in pairs(values) do self.values[name]:add(value) end
  if self.slo and goals.are_met(self.slo, values) then self.good = self.good + 1 end
  return values
end

-- The mean gap of an answer.
local function mean_gap(moments)
  if not moments.first or moments.chunks < 2 then return nil end
  return (moments.last - moments.first) / (moments.chunks - 1) * 1e3
end

--- Adds a request that has ended.
---@param trial ogl.bench.Trial
---@param at number seconds from the beginning of the run to its start
---@param lag? number seconds by which it started late, in an open loop
function Tally:add(trial, at, lag)
  local status, moments = trial.status, trial.moments
  self.counts[status] = self.counts[status] + 1
  if lag then self.lags:add(lag) end
  if trial.err and status == "error" then self.failures:add(trial.err) end
  local values = status == "success" and add_success(self, trial) or { e2e = (moments.ended - moments.start) * 1e3 }
  self.samples:add {
    at = at, lag = lag and lag * 1e3, status = status, ttft = values.ttft, ttfo = values.ttfo, e2e = values.e2e, itl = values.itl,
    tpot = values.tpot, icl = status == "success" and mean_gap(moments) or nil, input = values.input_tokens, output = values.output_tokens,
    kind = status == "error" and trial.err.kind or nil,
  }
end

-- Results ---------------------------------------------------------------------------------------------------------

local function milliseconds(seconds)
  local list = {}
  for i, value in ipairs(seconds) do list[i] = value * 1e3 end
  return list
end

local function summaries(self)
  local result = {}
  for name, reservoir in pairs(self.values) do result[name] = statistics.summary(reservoir.list, reservoir.n) end
  result.icl = statistics.summary(milliseconds(self.gaps.list), self.gaps.n)
  return result
end

local function source_of(sources)
  if sources.usage and sources.chunks then return "mixed" end
  return sources.usage and "usage" or sources.chunks and "chunks" or "none"
end

-- Goodput: requests cut off by the bench itself were not judged; a start that was dropped has missed its goals.
local function goodput(self, seconds, dropped)
  if not self.slo then return nil end
  local judged = self.counts.success + self.counts.error + dropped
  return { requests = self.good / seconds, share = judged > 0 and self.good / judged or 0 }
end

--- Gives the sums of the run.
---@param seconds number that it took
---@param started integer
---@param dropped integer
---@return table
function Tally:result(seconds, started, dropped)
  local counts, tokens = self.counts, self.tokens
  seconds = math.max(seconds, 1e-9)
  table.sort(self.samples.list, function(a, b) return a.at < b.at end)
  return {
    seconds = seconds, figures = summaries(self), lag = statistics.summary(milliseconds(self.lags.list), self.lags.n),
    counts = { started = started, success = counts.success, incomplete = counts.incomplete, error = counts.error, dropped = dropped },
    rates = { requests = counts.success / seconds, input_tokens = tokens.input / seconds, output_tokens = tokens.output / seconds },
    goodput = goodput(self, seconds, dropped),
    tokens = {
      input = tokens.input, output = tokens.output, reasoning = tokens.reasoning, cached = tokens.cached, source = source_of(self.sources),
    },
    cost = self.sums.cost, kwh = self.sums.kwh, kgco2eq = self.sums.kgco2eq,
    errors = json.array(self.failures:sorted()), samples = json.array(self.samples.list),
  }
end

return M
