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

-- What a book adds for a call: values and attributes, by the instruments' names.
local function added(seen, call, version)
  local by_name = {}
  local function find(instrument, list)
    local attributes = {}
    for _, pair in ipairs(list) do attributes[pair[1]] = pair[2] end
    return { instrument.name .. (attributes["gen_ai.token.type"] and "/" .. attributes["gen_ai.token.type"] or ""), attributes }
  end
  measures.book(version, find, function(series, value) by_name[series[1]] = { value, series[2] } end):add(seen, call)
  return by_name
end

local function book_of(sums, version)
  return measures.book(version, function(instrument, attributes) return sums:series(instrument, attributes) end, measures.add)
end

describe("the measures of a call", function()
  it("are its seconds and tokens", function()
    local by_name = added(seen_of(), call_of "chat", names.VERSIONS["2026-10"])
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
    local by_name = added(seen_of(), call_of "chat", names.VERSIONS["1.41"])
    assert.equal(3, by_name["gen_ai.client.token.usage/input"][1])
    assert.equal(2, by_name["gen_ai.client.token.usage/output"][1])
    assert.equal(1.5, by_name["gen_ai.client.operation.duration"][1])
    local count = 0
    for _ in pairs(by_name) do count = count + 1 end
    assert.equal(3, count)
  end)

  it("are 0 tokens of a call that failed, and of one whose tokens are an estimate", function()
    local failed = added(seen_of { kind = "http", status = 503, usage = {} }, call_of "chat", names.VERSIONS["2026-10"])
    assert.equal(0, failed["gen_ai.client.inference.usage.output_tokens"][1])
    assert.equal("503", failed["gen_ai.client.inference.duration"][2]["error.type"])
    assert.is_nil(failed["gen_ai.client.inference.operation.input_tokens"])
    local cut = seen_of { kind = "timeout", usage = { input_tokens = 9, output_tokens = 9, estimated = true } }
    local by_name = added(cut, call_of "stream", names.VERSIONS["2026-10"])
    assert.equal(0, by_name["gen_ai.client.inference.usage.input_tokens"][1])
    assert.equal("timeout", by_name["gen_ai.client.inference.duration"][2]["error.type"])
  end)

  it("are times of chunks for streams alone", function()
    local gaps = figures.add(figures.add(nil, figures.SECONDS, 0.015), figures.SECONDS, 100)
    local seen = seen_of { first_chunk = 0.3, gaps = gaps }
    local by_name = added(seen, call_of "stream", names.VERSIONS["2026-10"])
    assert.equal(0.3, by_name["gen_ai.client.inference.time_to_first_chunk"][1])
    assert.same({ [2] = 1, [15] = 1 }, by_name["gen_ai.client.inference.time_per_output_chunk"][1].counts)
    assert.equal("chat", by_name["gen_ai.client.inference.duration"][2]["gen_ai.operation.name"])
    assert.is_nil(added(seen, call_of "chat", names.VERSIONS["2026-10"])["gen_ai.client.inference.time_to_first_chunk"])
  end)

  it("are durations of their own for embeddings, tools and turns", function()
    local version = names.VERSIONS["2026-10"]
    assert.truthy(added(seen_of(), call_of "embeddings", version)["gen_ai.client.operation.duration"])
    assert.equal("n", added(seen_of(), call_of "tool", version)["gen_ai.execute_tool.duration"][2]["gen_ai.tool.name"])
    local turn = added(seen_of { calls = 3, tools = 2 }, call_of "turn", version)
    assert.equal("n", turn["gen_ai.invoke_agent.duration"][2]["gen_ai.agent.name"])
    assert.same({ 3, 2 }, { turn["gen_ai.invoke_agent.inference_calls"][1], turn["gen_ai.invoke_agent.tool_calls"][1] })
  end)

  it("are summed by their attributes", function()
    local sums = measures.sums()
    local book = book_of(sums, names.VERSIONS["2026-10"])
    for i = 1, 3 do book:add(seen_of { seconds = i }, call_of "chat") end
    book:add(seen_of(), call_of("chat", "http://other:8080"))
    local durations, count = sums.instruments["gen_ai.client.inference.duration"].series, 0
    for _, series in pairs(durations) do
      count = count + 1
      if series.value.count == 3 then assert.same({ 6, 1, 3 }, { series.value.sum, series.value.min, series.value.max }) end
    end
    assert.equal(2, count)
  end)

  it("go into the same series after more kinds of calls than a book keeps", function()
    local sums = measures.sums()
    local book = book_of(sums, names.VERSIONS["2026-10"])
    for i = 1, 300 do book:add(seen_of { model = "m-" .. i }, call_of "chat") end
    book:add(seen_of { model = "m-1", seconds = 2 }, call_of "chat")
    local counts = {}
    for _, series in pairs(sums.instruments["gen_ai.client.inference.duration"].series) do
      counts[series.value.count] = (counts[series.value.count] or 0) + 1
    end
    assert.same({ [1] = 299, [2] = 1 }, counts)
    assert.is_true(book.n <= 256)
  end)

  it("tell calls apart that succeeded, failed, and had another answer's model", function()
    local sums = measures.sums()
    local book = book_of(sums, names.VERSIONS["2026-10"])
    for _, seen in ipairs { seen_of(), seen_of { model = "m-2" }, seen_of { kind = "http", status = 503 }, seen_of { kind = "timeout" }, seen_of() } do
      book:add(seen, call_of "chat")
    end
    local count = 0
    for _ in pairs(sums.instruments["gen_ai.client.inference.duration"].series) do count = count + 1 end
    assert.equal(4, count)
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
