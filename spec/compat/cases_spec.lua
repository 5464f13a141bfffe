-- The cases: a server that does everything passes them in each protocol, and each case fails where a server does the wrong thing.
local cases = require "opengatellm.compat.cases"
local compat = require "opengatellm.compat"
local core = require "opengatellm.core"
local gateway = require "spec.support.gateway"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local server = require "spec.support.compat_server"
local targets = require "opengatellm.compat.target"

-- A target whose server answers from memory.
local function target_of(answer, protocol, options)
  local client = gateway.client(protocol or "openai_chat", answer, { api_key = server.KEY })
  local all = { name = "memory", client = client, models = server.MODELS }
  for name, value in pairs(options or {}) do all[name] = value end
  return targets.new(all)
end

-- The results of a run by their cases: { verdict, detail }.
local function run(target, names)
  local by_case = {}
  for _, result in ipairs(compat.run({ target }, { cases = names }).providers[1].results) do
    assert.is_nil(result.traceback)
    by_case[result.case] = { result.verdict, result.detail }
  end
  return by_case
end

describe("a server that does everything", function()
  -- What the others pass, and these protocols do not have.
  local SKIPPED = {
    openai_chat = {}, openai_responses = { "stop" }, anthropic = { "embeddings", "rerank", "image_generation", "image_edit" },
    gemini = { "rerank", "image_generation", "image_edit" }, ollama = { "forced_tool", "rerank", "image_generation", "image_edit" },
  }
  for protocol, skipped in pairs(SKIPPED) do
    it("passes in " .. protocol, function()
      local expected, found = {}, {}
      for _, name in ipairs(cases.names()) do expected[name] = "pass" end
      for _, name in ipairs(skipped) do expected[name] = "skip" end
      for name, result in pairs(run(target_of(server.new(protocol), protocol), cases.names())) do found[name] = result[1] end
      assert.same(expected, found)
    end)
  end

  -- What a gateway in front of that server answers to a client, from memory.
  local function through_gateway()
    local upstream = gateway.client("openai_chat", server.new "openai_chat", { api_key = server.KEY })
    local made = ogl.gateway { routes = { { client = upstream } }, key = "sk-gateway-77" }
    return function(request)
      local headers = {}
      for _, pair in ipairs(request.headers) do headers[pair[1]:lower()] = pair[2] end
      local status, answered, body = made:handle {
        method = request.method, path = request.url:match "^%a+://[^/]+(.*)$", headers = headers, body = request.body,
      }
      return { status = status, headers = answered, body = gateway.read(body) }
    end
  end

  for protocol, skipped in pairs { openai_chat = {}, openai_responses = { "stop" }, ollama = { "forced_tool", "rerank" } } do
    it("passes behind a gateway, asked in " .. protocol, function()
      local client = gateway.client(protocol, through_gateway(), { api_key = "sk-gateway-77" })
      local expected, found = {}, run(targets.new { name = "gateway", client = client, models = server.MODELS })
      for name in pairs(found) do expected[name], found[name] = "pass", found[name][1] end
      for _, name in ipairs(skipped) do expected[name] = "skip" end
      assert.same(expected, found)
    end)
  end
end)

-- One flaw a row: the case that has to fail, a part of its detail, and the flaw (support/compat_server.lua).
local function on_text(change) return { limited = change } end
local function says(text) return { plan = function(plan) plan.text = plan.text and text end } end
local function on_calls(change) return { plan = function(plan) if plan.calls then change(plan.calls, plan) end end } end
local function on_route(name, change) return { route = function(route, value) if route == name then return change(value) end end } end
local function http(change) return { http = change } end

local function streamed(change) return { limited = function(plan, _, wants) if wants.stream then change(plan) end end } end

-- Refuses the n-th request and those behind it.
local function refuses_from(n, status)
  local count = 0
  return { http = function()
    count = count + 1
    return count >= n and server.refusal(status, "out of order") or nil
  end }
end

local VECTORS = "embeddings"

local FLAWS = {
  { "text", 'expected "PONG-4711" in the answer, got "Hello."', says "Hello." },
  { "text", 'expected the reason "stop" at the end of the answer, got "length"', on_text(function(plan) plan.reason = "length" end) },
  { "text", "http 400: this model does not support chat", http(function() return server.refusal(400, "this model does not support chat") end) },
  { "text", "auth 401: the key is wrong", http(function() return server.refusal(401, "the key is wrong") end) },
  { "stream", "it answered whole where it was asked for a stream", { whole = true } },
  { "stream", "the whole text came in one piece", streamed(function(plan) plan.pieces = { table.concat(plan.pieces) } end) },
  { "stream", 'expected "60" in the answer', streamed(function(plan) plan.pieces[60] = nil end) },
  { "stream", 'expected the reason "stop"', streamed(function(plan) plan.reason = "length" end) },
  { "memory", 'expected "42817" in the answer, got "Ten."', { asked = function(request) request.messages = { request.messages[#request.messages] } end } },
  { "memory", 'expected "42817" in the answer, got "12345"', { plan = function(plan) plan.text = plan.text:gsub("%d+", "12345") end } },
  { "usage", "no tokens were counted in a whole answer", on_text(function(plan) plan.usage = nil end) },
  { "usage", "no tokens were counted in a stream", streamed(function(plan) plan.usage = nil end) },
  { "usage", "expected tokens in and out in a stream, got 9 and 0", streamed(function(plan) plan.usage.output_tokens, plan.usage.total_tokens = 0, 9 end) },
  { "usage", "5 tokens in all in a whole answer are fewer than 9 in and 1 out", on_text(function(plan) plan.usage.total_tokens = 5 end) },
  { "stop", "the answer went on behind the 5", { asked = function(request) request.stop = nil end } },
  { "stop", 'expected "4" in the answer', { asked = function(request) request.stop = { "2" } end } },
  { "stop", 'expected the reason "stop"', on_text(function(plan) plan.reason = "length" end) },
  { "max_tokens", "expected at most 16 tokens, got 500", { asked = function(request) request.max_tokens = nil end } },
  { "max_tokens", 'expected the reason "length" at the end of the answer, got "stop"', on_text(function(plan) plan.reason = "stop" end) },
  { "cancel", "the stream ended without a text", streamed(function(plan) plan.pieces = {} end) },
  { "cancel", "after a stream that was left: http 400: out of order", refuses_from(2, 400) },
  { "cancel", "http 400: out of order", refuses_from(1, 400) },
  { "cancel", 'expected "PONG-4711" in the answer', { plan = function(plan, _, wants) plan.text = wants.stream and plan.text or "1 2 3" end } },
  { "errors", "a model that does not exist was answered", { any_model = true } },
  { "errors", "a model that does not exist: expected 400 to 499, got 501", http(function() return server.refusal(501, "what?") end) },
  { "errors", "a request without messages was answered", http(function(request)
    if request.body:find "5" then return gateway.answer("openai_chat", gateway.TEXT, false) end
  end) },
  { "key", "a wrong key was answered", { any_key = true } },
  { "key", "a wrong key: expected 401 or 403, got 404", { any_key = true, http = function(request)
    for _, pair in ipairs(request.headers) do
      if pair[2]:find "wrong" then return server.refusal(404, "no such thing") end
    end
  end } },
  { "tool_call", "expected calls for Lyon, got 0 in one answer", { asked = function(request) request.tools = nil end } },
  { "tool_call", 'expected a call of get_weather, got one of "weather"', on_calls(function(calls) calls[1].name = "weather" end) },
  { "tool_call", "its arguments are no JSON object", on_calls(function(calls) calls[1].json = '{"town": "Ly' end) },
  { "tool_call", "its arguments are no JSON object", on_calls(function(calls) calls[1].json = '"Lyon"' end) },
  { "tool_call", "its arguments do not fit: town: is missing", on_calls(function(calls) calls[1].json = '{}' end) },
  { "tool_call", "its arguments do not fit: city: is not a property", on_calls(function(calls) calls[1].json = '{"town": "Lyon", "city": "Lyon"}' end) },
  { "tool_call", 'expected "Lyon" in the answer, got "Paris"', on_calls(function(calls) calls[1].arguments.town = "Paris" end) },
  { "tool_call", 'expected the reason "tool_calls" at the end of the answer, got "length"', on_calls(function(_, plan) plan.reason = "length" end) },
  { "tool_call", 'expected "31" in the answer', says "It is warm." },
  { "parallel_tools", "expected calls for Lyon and Lille, got 1 in one answer", on_calls(function(calls) calls[2] = nil end) },
  { "parallel_tools", "two calls have the same id", on_calls(function(calls) calls[1].id, calls[2].id = "c", "c" end) },
  { "parallel_tools", 'expected "Lille" in the answer, got "Lyon Lyon"', on_calls(function(calls) calls[2].arguments.town = "Lyon" end) },
  { "parallel_tools", 'expected "17" in the answer, got "It is 31."', says "It is 31." },
  { "forced_tool", "expected a call of note_topic, got none", { asked = function(request) request.tool_choice, request.tools = nil, nil end } },
  { "forced_tool", 'expected a call of note_topic, got one of "get_weather"', { asked = function(request) request.tool_choice = nil end } },
  { "structured_output", "the output is missing: the model's text is not JSON", says "Lyon, on the Rhône." },
  { "structured_output", "the output does not fit its schema", says '{"town": "Lyon", "river": "Rhône", "people": "many"}' },
  { "structured_output", "and wrote more than JSON", says '```json\n{"town": "Lyon", "river": "Rhône", "people": 520000}\n```' },
  { "structured_output", 'expected "Lyon" in the answer, got "Paris"', says '{"town": "Paris", "river": "Seine", "people": 2}' },
  { "image", 'expected "purple" in the answer, got "red"', says "Red." },
  { "image", 'expected "purple" in the answer, got "I see no picture."', says "I see no picture." },
  { "image", "http 400: bad image", http(function(request) return request.body:find "image" and server.refusal(400, "bad image") end) },
  { "reasoning", "no reasoning came, and none was counted", { plan = function(plan) plan.reasoning = nil end } },
  { VECTORS, "the server sent no vector for input 3 of 3", on_route(VECTORS, function(value) value.data[3] = nil end) },
  { VECTORS, "vector 2 has 1 numbers, and the first has 4", on_route(VECTORS, function(value) if value.data[2] then value.data[2].embedding = { 1 } end end) },
  { VECTORS, "vector 1 points nowhere", on_route(VECTORS, function(value) value.data[1].embedding = { 0, 0, 0, 0 } end) },
  { VECTORS, "texts that say different things have the same vector", on_route(VECTORS, function(value)
    for _, row in ipairs(value.data) do row.embedding = { 1, 2, 3, 4 } end
  end) },
  { VECTORS, "a text alone has another vector than among others", on_route(VECTORS, function(value)
    if value.data[3] then value.data[1].embedding, value.data[2].embedding = value.data[2].embedding, value.data[1].embedding end
  end) },
  { "rerank", "the document that answers is not the first", on_route("rerank", function(value) value.results[3].relevance_score = 0 end) },
  { "rerank", "expected 3 results, got 2", on_route("rerank", function(value) table.remove(value.results, 1) end) },
  { "rerank", "is none of a document of its own", on_route("rerank", function(value) value.results[1].index = 1 end) },
  { "image_generation", "expected one image, got 2", on_route("generations", function(value) value.data[2] = value.data[1] end) },
  { "image_generation", "its bytes are no image", on_route("generations", function(value) value.data[1].b64_json = core.base64_encode "hello" end) },
  { "image_generation", "its address is none", on_route("generations", function(value) value.data[1] = { url = "picture" } end) },
  { "image_edit", "expected one image, got 0", on_route("edits", function(value) value.data = json.array {} end) },
}

describe("a server with one flaw", function()
  for i, row in ipairs(FLAWS) do
    it(("fails %s (%d): %s"):format(row[1], i, row[2]), function()
      local result = run(target_of(server.new("openai_chat", row[3])), { row[1] })[row[1]]
      assert.equal("fail", result[1], result[2])
      assert.truthy(result[2]:find(row[2], 1, true), result[2])
    end)
  end

  it("is there for each case", function()
    local failed = {}
    for _, row in ipairs(FLAWS) do failed[row[1]] = true end
    for _, name in ipairs(cases.names()) do assert.is_true(failed[name], name) end
  end)
end)

describe("a server that says that it has no such thing", function()
  -- What it refuses with, and the cases that are skipped.
  for _, row in ipairs {
    { 400, "m does not support tools", '"tools"', { "tool_call", "parallel_tools", "forced_tool" } },
    { 422, "image input is not supported", "image_url", { "image" } }, { 400, "Unsupported parameter: stop", '"stop"', { "stop" } },
    { 400, "reasoning_effort is not supported with this model", "reasoning", { "reasoning" } },
    { 501, "not implemented", "response_format", { "structured_output" } },
    { 404, "Not Found", "embed", { "embeddings" } }, { 405, "Method Not Allowed", "documents", { "rerank" } },
  } do
    it(("is skipped: %d %s"):format(row[1], row[2]), function()
      local answer = server.new("openai_chat", { http = function(request) return request.body:find(row[3], 1, true) and server.refusal(row[1], row[2]) end })
      for name, result in pairs(run(target_of(answer), row[4])) do
        assert.equal("skip", result[1], name)
        assert.truthy(result[2]:find(row[2], 1, true), result[2])
      end
      for name, result in pairs(run(target_of(answer, nil, { cases = { [row[4][1]] = true } }), { row[4][1] })) do
        assert.equal("fail", result[1], name)
        assert.truthy(result[2]:find("it has to pass, and was skipped: ", 1, true), result[2])
      end
    end)
  end

  it("is skipped where there is no model for it, and no key", function()
    local client = gateway.client("openai_chat", server.new "openai_chat", { api_key = server.KEY })
    local found = run(targets.new { name = "m", client = client }, { "text", "embeddings", "rerank", "image_generation" })
    assert.equal("pass", found.text[1])
    assert.same({ "skip", "the server lists no model for embeddings, and none is set" }, found.embeddings)
    assert.equal("skip", found.rerank[1])
    assert.equal("skip", found.image_generation[1])
  end)

  it("is skipped where its credentials are more than a key", function()
    local client = gateway.client("openai_chat", server.new "openai_chat", { api_key = server.KEY, provider = "azure_openai", base_url = "https://x.openai.azure.com" })
    assert.same({ "skip", "its credentials are more than a key" }, run(targets.new { name = "azure", client = client, models = server.MODELS }, { "key" }).key)
  end)

  it("has failed where its model is not there", function()
    local answer = server.new("openai_chat", { http = function(_, name) return name == VECTORS and server.refusal(404, "the model 'm-embed' does not exist") end })
    assert.equal("fail", run(target_of(answer), { VECTORS })[VECTORS][1])
  end)
end)
