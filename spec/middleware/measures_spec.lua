-- What calls add to the metrics.
local figures = require "opengatellm.middleware.figures"
local measures = require "opengatellm.middleware.measures"
local names = require "opengatellm.middleware.otel_names"

local function call_of(operation, api)
  return { operation = operation, model = "m", provider = "gemini", request = { name = "n" }, client = { api = api or "https://server/v1" } }
end

local function seen_of(fields)
  local seen = { seconds = 1.5, chunks = 0, usage = { input_tokens = 3, output_tokens = 2 }, model = "m-1", provider = "gemini", attempts = 1 }
  for name, value in pairs(fields or {}) do seen[name] = value end
  return seen
end

local function found(list)
  local by_name = {}
  for _, one in ipairs(list) do
    local attributes = {}
    for _, pair in ipairs(one.attributes) do attributes[pair[1]] = pair[2] end
    by_name[one.instrument.name .. (attributes["gen_ai.token.type"] and "/" .. attributes["gen_ai.token.type"] or "")] = { one.value, attributes }
  end
  return by_name
end

describe("the measures of a call", function()
  it("are its seconds and tokens", function()
    local by_name = found(measures.of(seen_of(), call_of "chat", names.VERSIONS["2026-10"]))
    assert.equal(1.5, by_name["gen_ai.client.inference.duration"][1])
    assert.equal(3, by_name["gen_ai.client.inference.usage.input_tokens"][1])
    assert.equal(2, by_name["gen_ai.client.inference.operation.output_tokens"][1])
    assert.same({
      ["gen_ai.operation.name"] = "chat", ["gen_ai.provider.name"] = "gcp.gemini", ["gen_ai.request.model"] = "m",
      ["gen_ai.response.model"] = "m-1", ["server.address"] = "server", ["server.port"] = 443,
    }, by_name["gen_ai.client.inference.duration"][2])
    assert.equal("unknown", by_name["gen_ai.client.inference.usage.input_tokens"][2]["gen_ai.token.modality"])
    assert.is_nil(by_name["gen_ai.client.inference.operation.input_tokens"][2]["gen_ai.token.modality"])
    assert.is_nil(by_name["gen_ai.client.inference.time_to_first_chunk"])
  end)

  it("have the names of the older conventions where they are asked for", function()
    local by_name = found(measures.of(seen_of(), call_of "chat", names.VERSIONS["1.41"]))
    assert.equal(3, by_name["gen_ai.client.token.usage/input"][1])
    assert.equal(2, by_name["gen_ai.client.token.usage/output"][1])
    assert.equal(1.5, by_name["gen_ai.client.operation.duration"][1])
    local count = 0
    for _ in pairs(by_name) do count = count + 1 end
    assert.equal(3, count)
  end)

  it("are 0 tokens of a call that failed, and of one whose tokens are an estimate", function()
    local failed = found(measures.of(seen_of { kind = "http", status = 503, usage = {} }, call_of "chat", names.VERSIONS["2026-10"]))
    assert.equal(0, failed["gen_ai.client.inference.usage.output_tokens"][1])
    assert.equal("503", failed["gen_ai.client.inference.duration"][2]["error.type"])
    assert.is_nil(failed["gen_ai.client.inference.operation.input_tokens"])
    local cut = seen_of { kind = "timeout", usage = { input_tokens = 9, output_tokens = 9, estimated = true } }
    local by_name = found(measures.of(cut, call_of "stream", names.VERSIONS["2026-10"]))
    assert.equal(0, by_name["gen_ai.client.inference.usage.input_tokens"][1])
    assert.equal("timeout", by_name["gen_ai.client.inference.duration"][2]["error.type"])
  end)

  it("are times of chunks for streams alone", function()
    local gaps = figures.add(figures.add(nil, figures.SECONDS, 0.015), figures.SECONDS, 100)
    local seen = seen_of { first_chunk = 0.3, gaps = gaps }
    local by_name = found(measures.of(seen, call_of "stream", names.VERSIONS["2026-10"]))
    assert.equal(0.3, by_name["gen_ai.client.inference.time_to_first_chunk"][1])
    assert.same({ [2] = 1, [15] = 1 }, by_name["gen_ai.client.inference.time_per_output_chunk"][1].counts)
    assert.equal("chat", by_name["gen_ai.client.inference.duration"][2]["gen_ai.operation.name"])
    assert.is_nil(found(measures.of(seen, call_of "chat", names.VERSIONS["2026-10"]))["gen_ai.client.inference.time_to_first_chunk"])
  end)

  it("are durations of their own for embeddings, tools and turns", function()
    local version = names.VERSIONS["2026-10"]
    assert.truthy(found(measures.of(seen_of(), call_of "embeddings", version))["gen_ai.client.operation.duration"])
    assert.equal("n", found(measures.of(seen_of(), call_of "tool", version))["gen_ai.execute_tool.duration"][2]["gen_ai.tool.name"])
    local turn = found(measures.of(seen_of { calls = 3, tools = 2 }, call_of "turn", version))
    assert.equal("n", turn["gen_ai.invoke_agent.duration"][2]["gen_ai.agent.name"])
    assert.same({ 3, 2 }, { turn["gen_ai.invoke_agent.inference_calls"][1], turn["gen_ai.invoke_agent.tool_calls"][1] })
  end)

  it("are summed by their attributes", function()
    local sums, version = measures.sums(), names.VERSIONS["2026-10"]
    for i = 1, 3 do sums:add(measures.of(seen_of { seconds = i }, call_of "chat", version)) end
    sums:add(measures.of(seen_of(), call_of("chat", "http://other:8080"), version))
    local durations, count = sums.instruments["gen_ai.client.inference.duration"].series, 0
    for _, series in pairs(durations) do
      count = count + 1
      if series.value.count == 3 then assert.same({ 6, 1, 3 }, { series.value.sum, series.value.min, series.value.max }) end
    end
    assert.equal(2, count)
  end)

  it("know the address of the server", function()
    local function server(api) return { measures.server(call_of("chat", api)) } end
    assert.same({ "api.openai.com", 443 }, server "https://api.openai.com/v1")
    assert.same({ "127.0.0.1", 8000 }, server "http://127.0.0.1:8000/v1")
    assert.same({ "::1", 80 }, server "http://[::1]/v1")
    assert.same({}, server "nonsense")
    assert.same({}, { measures.server { client = {} } })
  end)
end)
