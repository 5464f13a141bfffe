-- Calls as spans and metrics, on their way to a collector.
local errors = require "opengatellm.errors"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local recorded = require "spec.support.recorded_streams"
local replay = require "opengatellm.transport.replay"

local SSE = { ["content-type"] = "text/event-stream" }
local BODY = 'data: {"id":"c1","model":"m-1","choices":[{"index":0,"delta":{"content":"secret answer"},"finish_reason":"stop"}],'
  .. '"usage":{"prompt_tokens":12,"completion_tokens":34,"prompt_tokens_details":{"cached_tokens":5,"cache_write_tokens":2}}}\n\ndata: [DONE]\n\n'
local PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

local function make(options, answer)
  local collector = replay.new { headers = { ["content-type"] = "application/json" }, body = "{}" }
  local all = { transport = collector, clock = function() return 1700000000 end }
  for name, value in pairs(options or {}) do all[name] = value end
  local otel, server = ogl.middleware.otel(all), replay.new(answer or { headers = SSE, body = BODY })
  local client = ogl.client {
    provider = "openai_compatible", base_url = "http://server:8000", model = "m", transport = server, retries = { max = 0 },
    host = helper.simulated_host(),
  }
  return otel, client:use(otel), collector.requests, server.requests
end

local function values(list)
  local found = {}
  for _, one in ipairs(list) do
    local _, value = next(one.value)
    if type(value) == "table" then _, value = next(value.values[1]) end
    found[one.key] = value
  end
  return found
end

local function spans(otel, requests)
  assert(otel:flush())
  local list = {}
  for _, asked in ipairs(requests) do
    local body = json.decode(asked.body)
    for _, span in ipairs(body.resourceSpans and body.resourceSpans[1].scopeSpans[1].spans or {}) do
      span.attributes = values(span.attributes)
      list[#list + 1] = span
    end
  end
  return list
end

local function sent_header(asked)
  for _, row in ipairs(asked.headers) do
    if row[1]:lower() == "traceparent" then return row[2] end
  end
end

describe("the otel", function()
  it("makes a span of a call, with the conventions' names and without content", function()
    local otel, client, requests = make { service = "shop", resource = { ["deployment.environment"] = "test" } }
    assert(client:chat { messages = "secret question", temperature = 0.5, max_tokens = 9, stop = "x", reasoning = "low" })
    local span = spans(otel, requests)[1]
    assert.same({ "chat m", 3, 0 }, { span.name, span.kind, span.status.code })
    assert.same({
      ["gen_ai.operation.name"] = "chat", ["gen_ai.provider.name"] = "openai_compatible", ["gen_ai.request.model"] = "m",
      ["server.address"] = "server", ["server.port"] = 8000, ["gen_ai.request.temperature"] = 0.5, ["gen_ai.request.max_tokens"] = 9,
      ["gen_ai.request.stop_sequences"] = "x", ["gen_ai.request.reasoning.level"] = "low", ["gen_ai.response.id"] = "c1",
      ["gen_ai.response.model"] = "m-1", ["gen_ai.response.finish_reasons"] = "stop", ["gen_ai.usage.input_tokens"] = 12,
      ["gen_ai.usage.output_tokens"] = 34, ["gen_ai.usage.cache_read.input_tokens"] = 5, ["gen_ai.usage.cache_write.input_tokens"] = 2,
    }, span.attributes)
    local resource = values(json.decode(requests[1].body).resourceSpans[1].resource.attributes)
    assert.same({ ["service.name"] = "shop", ["deployment.environment"] = "test" }, resource)
    for _, asked in ipairs(requests) do assert.is_nil(asked.body:find "secret") end
  end)

  it("has the time to the first chunk, and how long a stream took", function()
    local otel, client, requests = make()
    local stream = assert(client:stream { messages = "hi", keep = false })
    client.host.sleep(2)
    while stream:next() do end -- luacheck: ignore
    local span = spans(otel, requests)[1]
    assert.equal(2, span.attributes["gen_ai.response.time_to_first_chunk"])
    assert.is_true(span.attributes["gen_ai.request.stream"])
    assert.same({ "1700000000000000000", "1700000002000000000" }, { span.startTimeUnixNano, span.endTimeUnixNano })
    assert.equal(12, span.attributes["gen_ai.usage.input_tokens"])
  end)

  it("has what failed by its kind: an error's message may quote the request", function()
    local otel, client, requests = make(nil, { status = 400, body = "bad: secret question" })
    assert.is_nil((client:chat "secret question"))
    local span = spans(otel, requests)[1]
    assert.same({ 2, "http", "400" }, { span.status.code, span.status.message, span.attributes["error.type"] })
    for _, asked in ipairs(requests) do assert.is_nil(asked.body:find "secret") end
  end)

  it("says of a cut stream that its reason was an error, and reports no estimate as a count", function()
    local cut = 'data: {"model":"m-1","choices":[{"index":0,"delta":{"content":"ab"}}]}\n\n'
    local otel, client, requests = make(nil, { headers = SSE, body = cut })
    assert.is_nil((client:chat "hi"))
    local span = spans(otel, requests)[1]
    assert.equal("error", span.attributes["gen_ai.response.finish_reasons"])
    assert.equal("incomplete", span.attributes["error.type"])
    assert.is_nil(span.attributes["gen_ai.usage.output_tokens"])
  end)

  it("takes its parent from the request's header, and sends its own on", function()
    local otel, client, requests, asked = make()
    assert(client:chat { messages = "hi", headers = { Traceparent = PARENT, tracestate = "a=b", ["x-own"] = "1" } })
    local span = spans(otel, requests)[1]
    assert.same({ "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331", "a=b", 769 }, { span.traceId, span.parentSpanId, span.traceState, span.flags })
    assert.equal("00-" .. span.traceId .. "-" .. span.spanId .. "-01", sent_header(asked[1]))
  end)

  it("takes its parent from a function, begins a trace without one, and minds no header that is none", function()
    local named, given, list = make { parent = function() return PARENT end }
    assert(given:chat "hi")
    assert.equal("b7ad6b7169203331", spans(named, list)[1].parentSpanId)
    local otel, client, requests, asked = make()
    local wrong = {
      "", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331", "ff" .. PARENT:sub(3), PARENT:upper(),
      "00-00000000000000000000000000000000-b7ad6b7169203331-01", "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    }
    for _, text in ipairs(wrong) do assert(client:chat { messages = "hi", headers = { traceparent = text } }) end
    local ids = {}
    for i, span in ipairs(spans(otel, requests)) do
      assert.is_nil(span.parentSpanId, wrong[i])
      assert.is_nil(ids[span.traceId])
      ids[span.traceId] = true
      assert.matches("^00%-" .. span.traceId .. "%-" .. span.spanId .. "%-01$", sent_header(asked[i]))
    end
  end)

  it("has no span of a call whose parent was not sampled, and says so to the server", function()
    local otel, client, requests, asked = make { metrics = false }
    assert(client:chat { messages = "hi", headers = { traceparent = PARENT:sub(1, -2) .. "0" } })
    assert.same({}, spans(otel, requests))
    assert.matches("%-00$", sent_header(asked[1]))
    otel, client, requests = make { metrics = false, sample = 0 }
    assert(client:chat "hi")
    assert.same({}, spans(otel, requests))
  end)

  it("sends no traceparent where that is not wanted", function()
    local _, client, _, asked = make { propagate = false }
    assert(client:chat { messages = "hi", headers = { traceparent = PARENT } })
    assert.is_nil(sent_header(asked[1]))
  end)

  it("reports the content where it is asked for", function()
    local otel, client, requests = make { content = true }
    assert(client:chat { system = "be brief", messages = "secret question" })
    local span = spans(otel, requests)[1]
    assert.truthy(span.attributes["gen_ai.input.messages"]:find("secret question", 1, true))
    assert.truthy(span.attributes["gen_ai.output.messages"]:find("secret answer", 1, true))
    assert.truthy(span.attributes["gen_ai.system_instructions"]:find("be brief", 1, true))
  end)

  it("has the names that older backends read, where they are asked for", function()
    local otel, client, requests = make { semconv = "1.41" }
    assert(client:chat "hi")
    assert.equal(2, spans(otel, requests)[1].attributes["gen_ai.usage.cache_creation.input_tokens"])
    local text = requests[2].body
    assert.truthy(text:find('"gen_ai.client.token.usage"', 1, true))
    assert.truthy(text:find('"gen_ai.client.operation.duration"', 1, true))
    assert.is_nil(text:find "inference")
  end)

  it("sends metrics that add up, when there are new ones", function()
    local otel, client, requests = make()
    for _ = 1, 2 do assert(client:chat "hi") end
    assert(otel:flush())
    assert(otel:flush())
    assert.equal(2, #requests)
    assert.matches("/v1/metrics$", requests[2].url)
    local metrics = {}
    for _, metric in ipairs(json.decode(requests[2].body).resourceMetrics[1].scopeMetrics[1].metrics) do metrics[metric.name] = metric end
    assert.equal(24, metrics["gen_ai.client.inference.usage.input_tokens"].sum.dataPoints[1].asInt)
    assert.equal(2, metrics["gen_ai.client.inference.duration"].histogram.dataPoints[1].count)
  end)

  it("makes spans of tools and turns, inside of which the calls are", function()
    local otel, _, requests = make()
    local turn = { operation = "turn", provider = "p", client = {}, request = { name = "helper" } }
    local state = {}
    turn.request = otel.request(turn.request, turn, state)
    local tool = { operation = "tool", provider = "p", client = {}, request = { name = "weather", id = "c1", headers = turn.request.headers } }
    local inner = {}
    tool.request = otel.request(tool.request, tool, inner)
    otel.done({ temperature = 21 }, nil, tool, inner)
    otel.done(nil, errors.new { kind = "limit", message = "", calls = 3, tools = 1 }, turn, state)
    local list = spans(otel, requests)
    assert.same({ "execute_tool weather", "invoke_agent helper", 1, 1 }, { list[1].name, list[2].name, list[1].kind, list[2].kind })
    assert.same({ list[2].traceId, list[2].spanId }, { list[1].traceId, list[1].parentSpanId })
    assert.equal("c1", list[1].attributes["gen_ai.tool.call.id"])
    assert.truthy(requests[2].body:find('"gen_ai.invoke_agent.inference_calls"', 1, true))
  end)

  it("never fails a call because of the collector", function()
    local otel, client = make { transport = replay.new { err = errors.new { kind = "protocol", message = "gone" } }, batch = 1 }
    assert(client:chat "hi")
    assert(client:chat "hi")
    assert.is_true(otel.dropped() >= 1)
  end)

  it("leaves every recorded reply as it is", function()
    local otel = make { max_queue = 10 }
    recorded.check(otel)
  end)

  it("raises what is wrong with its options at the caller's line", function()
    for problem, options in pairs {
      ["endpoint: expected an address"] = { endpoint = "localhost" }, ['semconv: expected "2026%-10" or "1.41", got "1"'] = { semconv = "1" },
      ["batch: expected a number from 1 on, got 0"] = { batch = 0 }, ["resource: expected names"] = { resource = { a = {} } },
      ["headers: expected names and values"] = { headers = { a = 1 } }, ["service: expected string, got 1"] = { service = 1 },
      ["expected table, got string"] = "x",
    } do
      local _, where = pcall(function()
        local otel = ogl.middleware.otel(options)
        return otel
      end)
      assert.matches("otel_spec.lua:%d+: ogl.middleware.otel: " .. problem, where)
    end
  end)
end)
