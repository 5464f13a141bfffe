--- Prometheus: counts calls, seconds and tokens, and gives them as a text to be scraped.
--
--   local prometheus = ogl.middleware.prometheus()
--   local counted = client:use(prometheus)
--   … in a handler of GET /metrics: send(prometheus:text()), with the type prometheus.content_type
--
-- The metrics are those of OpenTelemetry's conventions (otel_names.lua) as Prometheus writes names, such as
-- `gen_ai_client_inference_duration_seconds` and `gen_ai_client_inference_usage_input_tokens_total`; and `opengatellm_cost_total`, what
-- calls cost where that is known (by the middleware cost, inside of this one). Labels: operation, provider, model as it was asked, and of
-- durations the kind of error.
--
-- In nginx each worker has its own sums, unless `shared` names a `lua_shared_dict`, where all add to the same ones.
--
-- @module opengatellm.middleware.prometheus
local figures = require "opengatellm.middleware.figures"
local keys = require "opengatellm.base.keys"
local measures = require "opengatellm.middleware.measures"
local names = require "opengatellm.middleware.otel_names"
local options = require "opengatellm.middleware.options"
local request = require "opengatellm.request"

local M = {}

---@class ogl.PrometheusOptions
---@field shared? string|table the name of a lua_shared_dict, or the dict itself
---@field prefix? string before the names of all metrics; default: none
---@field max_series? integer label sets that are kept apart; what comes after has the model "other"; default 1000

local FIELDS = { shared = "any", prefix = "string", max_series = "integer" }

local LABELS = {
  ["gen_ai.operation.name"] = "operation", ["gen_ai.provider.name"] = "provider", ["gen_ai.request.model"] = "model",
  ["error.type"] = "error", ["gen_ai.tool.name"] = "tool", ["gen_ai.agent.name"] = "agent",
}

local COST = { name = "opengatellm.cost", kind = "counter", unit = "", description = "What calls cost, where that is known." }

-- The conventions, and the cost, for which they have no name.
local CONVENTIONS = names.VERSIONS["2026-10"]
local VERSION = { attributes = CONVENTIONS.attributes, instruments = request.merge(CONVENTIONS.instruments, { cost = COST }) }

-- Writing ---------------------------------------------------------------------------------------------------------

local function number(value)
  if value == math.huge then return "+Inf" end
  if value == math.floor(value) and math.abs(value) < 2 ^ 53 then return ("%d"):format(value) end
  return (("%.15g"):format(value):gsub(",", "."))
end

local ESCAPED = { ["\\"] = "\\\\", ["\n"] = "\\n", ['"'] = '\\"' }
local function escaped(text) return (text:gsub('[\\\n"]', ESCAPED)) end

local function metric_name(prefix, instrument)
  local name = prefix .. instrument.name:gsub("[^%w_]", "_")
  if instrument.unit == "s" then name = name .. "_seconds" end
  return instrument.kind == "counter" and name .. "_total" or name
end

local function labels_text(labels, more)
  local parts = {}
  for _, pair in ipairs(labels) do parts[#parts + 1] = ('%s="%s"'):format(pair[1], escaped(tostring(pair[2]))) end
  if more then parts[#parts + 1] = more end
  return parts[1] and "{" .. table.concat(parts, ",") .. "}" or ""
end

local function write_histogram(lines, name, bounds, series)
  local value, sum = series.value, 0
  for place = 1, #bounds + 1 do
    sum = sum + (value.counts[place] or 0)
    local le = ('le="%s"'):format(number(bounds[place] or math.huge))
    lines[#lines + 1] = ("%s_bucket%s %s"):format(name, labels_text(series.attributes, le), number(sum))
  end
  lines[#lines + 1] = ("%s_sum%s %s"):format(name, labels_text(series.attributes), number(value.sum))
  lines[#lines + 1] = ("%s_count%s %s"):format(name, labels_text(series.attributes), number(value.count))
end

local function write(sums, prefix)
  local lines = {}
  for _, key in ipairs(keys.sorted(sums.instruments)) do
    local one = sums.instruments[key]
    local name = metric_name(prefix, one.instrument)
    lines[#lines + 1] = ("# HELP %s %s"):format(name, (one.instrument.description:gsub("[\\\n]", ESCAPED)))
    lines[#lines + 1] = ("# TYPE %s %s"):format(name, one.instrument.kind)
    for _, place in ipairs(keys.sorted(one.series)) do
      local series = one.series[place]
      if one.instrument.kind == "counter" then
        lines[#lines + 1] = name .. labels_text(series.attributes) .. " " .. number(series.value)
      else
        write_histogram(lines, name, one.instrument.bounds, series)
      end
    end
  end
  lines[#lines + 1] = ""
  return table.concat(lines, "\n")
end

-- Labels ----------------------------------------------------------------------------------------------------------

local function labels_of(attributes)
  local labels = {}
  for _, pair in ipairs(attributes) do
    if LABELS[pair[1]] then labels[#labels + 1] = { LABELS[pair[1]], pair[2] } end
  end
  return labels
end

local function joined(labels)
  local parts = {}
  for i, pair in ipairs(labels) do parts[i] = pair[1] .. "\1" .. tostring(pair[2]) end
  return table.concat(parts, "\2")
end

-- The labels of a measure: with the model "other" where there are too many sets of labels already, since each costs memory for good.
local function bounded(self, labels)
  local key = joined(labels)
  if self.known[key] then return labels end
  if self.n_known < self.max_series then
    self.known[key], self.n_known = true, self.n_known + 1
    return labels
  end
  for _, pair in ipairs(labels) do
    if pair[1] == "model" then pair[2] = "other" end
  end
  return labels
end

-- Sums that nginx's workers share ---------------------------------------------------------------------------------

-- Keys: "ogl\3instrument\3labels" of a counter; with "\3" and the place of a bucket, or "s", behind them, those of a histogram. Each is
-- changed by one `incr`, so that no worker loses what another adds.
local SEPARATOR = "\3"

local function shared_series(instrument, labels)
  local key = table.concat({ "ogl", instrument.name, joined(labels) }, SEPARATOR)
  return { instrument = instrument, key = key, sum = key .. SEPARATOR .. "s", places = {} }
end

-- The key of a bucket, made once, because nothing else of a count is as dear as a new long text.
local function key_at(series, place)
  local key = series.places[place]
  if key then return key end
  key = series.key .. SEPARATOR .. place
  series.places[place] = key
  return key
end

local function add_shared(dict, series, value)
  local instrument = series.instrument
  if instrument.kind == "counter" then return dict:incr(series.key, value, 0) end
  if type(value) == "table" then
    for place, count in pairs(value.counts) do dict:incr(key_at(series, place), count, 0) end
    return dict:incr(series.sum, value.sum, 0)
  end
  dict:incr(key_at(series, figures.place(instrument.bounds, value)), 1, 0)
  dict:incr(series.sum, value, 0)
end

local function instruments()
  local by_name = {}
  for _, instrument in pairs(VERSION.instruments) do by_name[instrument.name] = instrument end
  return by_name
end

local function read_labels(text)
  local labels = {}
  for name, value in text:gmatch "([%w_]+)\1([^\2]*)" do labels[#labels + 1] = { name, value } end
  return labels
end

local function read_shared(dict)
  local sums, known = measures.sums(), instruments()
  for _, key in ipairs(dict:get_keys(0)) do
    local name, labels, part = key:match "^ogl\3([^\3]*)\3([^\3]*)\3?(%w*)$"
    local instrument, value = known[name], dict:get(key)
    if instrument and value then
      local series = sums:series(instrument, read_labels(labels))
      if instrument.kind == "counter" then
        series.value = value
      else
        series.value = series.value or { counts = {}, count = 0, sum = 0 }
        if part == "s" then
          series.value.sum = value
        else
          series.value.counts[tonumber(part)], series.value.count = value, series.value.count + value
        end
      end
    end
  end
  return sums
end

-- The middleware ----------------------------------------------------------------------------------------------------

local function book_of(self)
  local dict = self.dict
  local function find(instrument, attributes)
    local labels = bounded(self, labels_of(attributes))
    if dict then return shared_series(instrument, labels) end
    return self.sums:series(instrument, labels)
  end
  return measures.book(VERSION, find, dict and function(series, value) add_shared(dict, series, value) end or measures.add)
end

-- The shared dict that the options name; or what is wrong.
local function dict_of(shared)
  if shared == nil then return nil end
  if type(shared) == "table" then
    if shared.incr and shared.get and shared.get_keys then return shared end
    return nil, "shared: expected a lua_shared_dict"
  end
  if type(shared) ~= "string" then return nil, "shared: expected string or table, got " .. type(shared) end
  local ngx = rawget(_G, "ngx")
  local dict = ngx and ngx.shared and ngx.shared[shared]
  if dict then return dict end
  return nil, ("shared: there is no lua_shared_dict '%s'"):format((shared:gsub("%c", "?")))
end

--- Makes a middleware that counts. Raises mistakes in its options.
---@param given? ogl.PrometheusOptions
---@return ogl.Middleware prometheus with `text()`, and `content_type` for the header of its answer
function M.new(given)
  given = options.check("prometheus", given, FIELDS)
  options.expect_from("prometheus", given, { max_series = 1 })
  options.expect(not given.prefix or given.prefix:find "^[%a_][%w_]*$", "prometheus", "prefix: expected letters, digits and _")
  local dict, problem = dict_of(given.shared)
  options.expect(not problem, "prometheus", problem)
  local self = {
    dict = dict, sums = measures.sums(), prefix = given.prefix or "", max_series = given.max_series or 1000, known = {}, n_known = 0,
  }
  local book = book_of(self)
  return {
    name = "prometheus", content_type = "text/plain; version=0.0.4; charset=utf-8",
    request = function(_, call, state) figures.begin(call, state, true) end,
    event = function(event, call, state)
      figures.event(event, state, call.operation == "stream")
      return event
    end,
    tally = function(chunks, bytes, usage, call, state) figures.tally(chunks, bytes, usage, state, call.operation == "stream") end,
    done = function(answer, err, call, state)
      if state.began then book:add(figures.of(answer, err, call, state), call) end
    end,
    text = function() return write(self.dict and read_shared(self.dict) or self.sums, self.prefix) end,
  }
end

return M
