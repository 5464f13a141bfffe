-- Spans and metrics as OTLP/JSON: the same as npm's transformer writes.
local figures = require "opengatellm.middleware.figures"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local measures = require "opengatellm.middleware.measures"
local otlp = require "opengatellm.middleware.otlp"

local SCOPE, RESOURCE = { name = "opengatellm", version = "1" }, { { "service.name", "shop" }, { "shards", 3 } }
local START, NOW = "1700000000000000000", "1700000100250000000"

local SPANS = {
  {
    trace_id = ("0af7"):rep(8), span_id = ("b7ad"):rep(4), name = "chat m", kind = otlp.CLIENT, start = START, finish = NOW,
    attributes = {
      { "gen_ai.operation.name", "chat" }, { "gen_ai.request.temperature", 0.5 }, { "gen_ai.request.top_p", 1.0 },
      { "gen_ai.request.stream", true }, { "gen_ai.response.finish_reasons", { "stop" } }, { "gen_ai.usage.input_tokens", 12 },
    },
  },
  {
    trace_id = ("0af7"):rep(8), span_id = ("00f0"):rep(4), parent_id = ("b7ad"):rep(4), remote = true, name = "execute_tool t",
    kind = otlp.INTERNAL, start = START, finish = NOW, attributes = { { "error.type", "timeout" } }, failed = true, message = "timeout",
  },
}

local function sums()
  local all = measures.sums()
  local seconds = { name = "d", kind = "histogram", unit = "s", bounds = figures.SECONDS, description = "Duration." }
  local tokens = { name = "t", kind = "counter", unit = "{token}", description = "Tokens." }
  for _, value in ipairs { 0.015, 0.25, 100 } do measures.add(all:series(seconds, { { "a", "x" } }), value) end
  measures.add(all:series(tokens, { { "a", "x" } }), 7)
  measures.add(all:series(tokens, { { "a", "y" } }), 0)
  return all
end

describe("OTLP", function()
  it("has times in nanoseconds, exact as far as a double is", function()
    assert.equal("1700000000000000000", otlp.nanoseconds(1700000000))
    assert.equal("1700000000250000000", otlp.nanoseconds(1700000000.25))
    assert.equal("1700000001000000000", otlp.nanoseconds(1700000000.9999999))
    assert.equal("0000000", otlp.nanoseconds(0):sub(-7))
  end)

  it("has ids in hexadecimal, enumerations as integers, and all lists", function()
    local span = json.decode(otlp.traces(SPANS, RESOURCE, SCOPE)).resourceSpans[1].scopeSpans[1].spans[1]
    assert.same({ ("0af7"):rep(8), 3, 0, 257 }, { span.traceId, span.kind, span.status.code, span.flags })
    assert.same({ doubleValue = 0.5 }, span.attributes[2].value)
    assert.same({ intValue = 1 }, span.attributes[3].value)
    assert.truthy(otlp.traces(SPANS, RESOURCE, SCOPE):find('"events":[]', 1, true))
  end)

  it("equals what @opentelemetry/otlp-transformer writes for the same spans and metrics", function()
    local installed = io.open "tests/clients/node_modules/@opentelemetry/otlp-transformer/package.json"
    if not installed then return pending "the npm clients are not installed (sh tests/clients/install.sh)" end
    installed:close()
    local all, list = sums(), {}
    for _, name in ipairs { "d", "t" } do
      local one, points = all.instruments[name], {}
      local keys = {}
      for key in pairs(one.series) do keys[#keys + 1] = key end
      table.sort(keys)
      for i, key in ipairs(keys) do
        local series = one.series[key]
        local point = { attributes = series.attributes, value = one.instrument.kind == "counter" and series.value or nil }
        if one.instrument.kind == "histogram" then
          point.counts = {}
          for place = 1, #figures.SECONDS + 1 do point.counts[place] = series.value.counts[place] or 0 end
          point.count, point.sum, point.min, point.max = series.value.count, series.value.sum, series.value.min, series.value.max
        end
        points[i] = point
      end
      local instrument = one.instrument
      list[#list + 1] = {
        name = name, kind = instrument.kind, unit = instrument.unit, description = instrument.description, bounds = instrument.bounds, points = points,
      }
    end
    local given = json.encode { spans = SPANS, resource = RESOURCE, scope = SCOPE, metrics = list, start = START, now = NOW }
    local path = helper.write(given)
    local pipe = assert(io.popen("node tests/clients/otlp.mjs < " .. path .. " 2>&1"))
    local said = pipe:read "*a"
    pipe:close()
    local theirs = json.decode(said)
    assert.is_table(theirs, said)
    assert.same(theirs.traces, json.decode(otlp.traces(SPANS, RESOURCE, SCOPE)))
    assert.same(theirs.metrics, json.decode(otlp.metrics(all, RESOURCE, SCOPE, START, NOW)))
  end)
end)
