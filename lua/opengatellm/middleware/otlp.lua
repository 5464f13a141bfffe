--- OTLP: spans and metrics as the JSON that an OpenTelemetry collector takes (POST /v1/traces, /v1/metrics).
--
-- The form is that of npm's @opentelemetry/otlp-transformer: ids in hexadecimal, enumerations as integers, times as texts of nanoseconds,
-- a number without a fraction as `intValue`.
--
-- @module opengatellm.middleware.otlp
local json = require "opengatellm.json"
local keys = require "opengatellm.base.keys"

local M = {}

---@class ogl.Span
---@field trace_id string 32 hexadecimal digits
---@field span_id string 16
---@field parent_id? string
---@field trace_state? string
---@field remote? boolean the parent is of another process
---@field name string
---@field kind integer 1: internal; 3: client
---@field start string nanoseconds since 1970
---@field finish string
---@field attributes table[] pairs of name and value
---@field failed? boolean
---@field message? string of the failure

--- Kinds of spans.
M.INTERNAL, M.CLIENT = 1, 3

local ERROR, CUMULATIVE = 2, 2
local SAMPLED, KNOWS_REMOTE, REMOTE = 0x01, 0x100, 0x200

--- Writes seconds since 1970 as nanoseconds.
---@param seconds number
---@return string
function M.nanoseconds(seconds)
  local whole = math.floor(seconds)
  local rest = math.floor((seconds - whole) * 1e6 + 0.5) -- a double holds no more than microseconds of today
  if rest >= 1e6 then whole, rest = whole + 1, 0 end
  return ("%d%06d000"):format(whole, rest)
end

local function any_value(value)
  local kind = type(value)
  if kind == "string" then return { stringValue = value } end
  if kind == "boolean" then return { boolValue = value } end
  if kind == "number" then
    local whole = math.floor(value)
    if whole == value and math.abs(value) < 2 ^ 53 then return { intValue = whole } end
    return { doubleValue = value }
  end
  local values = {}
  for i, one in ipairs(value) do values[i] = any_value(one) end
  return { arrayValue = { values = json.array(values) } }
end

local function attributes_of(list)
  local out = {}
  for i, pair in ipairs(list) do out[i] = { key = pair[1], value = any_value(pair[2]) } end
  return json.array(out)
end

local function span_of(span)
  local status = { code = 0 }
  if span.failed then status = { code = ERROR, message = span.message } end
  return {
    traceId = span.trace_id, spanId = span.span_id, parentSpanId = span.parent_id, traceState = span.trace_state, name = span.name,
    kind = span.kind, startTimeUnixNano = span.start, endTimeUnixNano = span.finish, attributes = attributes_of(span.attributes),
    droppedAttributesCount = 0, events = json.array {}, droppedEventsCount = 0, links = json.array {}, droppedLinksCount = 0,
    status = status, flags = SAMPLED + KNOWS_REMOTE + (span.remote and REMOTE or 0),
  }
end

local function resource_of(resource) return { attributes = attributes_of(resource), droppedAttributesCount = 0 } end

--- Writes spans.
---@param spans ogl.Span[]
---@param resource table[] attributes of the program: pairs of name and value
---@param scope {name: string, version: string}
---@return string
function M.traces(spans, resource, scope)
  local list = {}
  for i, span in ipairs(spans) do list[i] = span_of(span) end
  return json.encode { resourceSpans = { { resource = resource_of(resource), scopeSpans = { { scope = scope, spans = list } } } } }
end

local function histogram_point(series, bounds, start, now)
  local value, counts = series.value, {}
  for place = 1, #bounds + 1 do counts[place] = value.counts[place] or 0 end
  return {
    attributes = attributes_of(series.attributes), bucketCounts = counts, explicitBounds = bounds, count = value.count, sum = value.sum,
    min = value.min, max = value.max, startTimeUnixNano = start, timeUnixNano = now,
  }
end

local function counter_point(series, _, start, now)
  return { attributes = attributes_of(series.attributes), startTimeUnixNano = start, timeUnixNano = now, asInt = series.value }
end

local function sorted(map)
  local list = {}
  for i, key in ipairs(keys.sorted(map)) do list[i] = map[key] end
  return list
end

local function metric_of(one, start, now)
  local instrument, points = one.instrument, {}
  local point = instrument.kind == "counter" and counter_point or histogram_point
  for i, series in ipairs(sorted(one.series)) do points[i] = point(series, instrument.bounds, start, now) end
  local metric = { name = instrument.name, description = instrument.description, unit = instrument.unit }
  if instrument.kind == "counter" then
    metric.sum = { aggregationTemporality = CUMULATIVE, isMonotonic = true, dataPoints = points }
  else
    metric.histogram = { aggregationTemporality = CUMULATIVE, dataPoints = points }
  end
  return metric
end

--- Writes sums.
---@param sums ogl.Sums
---@param resource table[] as for M.traces
---@param scope {name: string, version: string}
---@param start string nanoseconds since 1970: since when the sums are
---@param now string
---@return string
function M.metrics(sums, resource, scope, start, now)
  local list = {}
  for i, one in ipairs(sorted(sums.instruments)) do list[i] = metric_of(one, start, now) end
  return json.encode { resourceMetrics = { { resource = resource_of(resource), scopeMetrics = { { scope = scope, metrics = list } } } } }
end

return M
