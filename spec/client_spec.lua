local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local ANSWER = '{"id":"c1","model":"m-1","choices":[{"index":0,"message":{"role":"assistant","content":"Paris."},"finish_reason":"stop"}],'
  .. '"usage":{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11,"cost":0.5,"impacts":{"kWh":2e-5,"kgCO2eq":1e-6}}}'

-- A client on recorded answers; no variable of the environment takes part.
local function client(answer, options)
  local transport = replay.new(answer or { headers = { ["Content-Type"] = "application/json", ["X-Request-Id"] = "r1" }, body = ANSWER })
  options = options or {}
  options.provider = options.provider or "openai_compatible"
  options.base_url = options.base_url or "http://server"
  options.model = options.model or "m"
  options.transport = transport
  options.retries = options.retries or { max = 0 }
  return ogl.client(options), transport
end

local function header(request, name)
  for _, row in ipairs(request.headers) do
    if row[1] == name then return row[2] end
  end
end

-- Every string that can be reached from a value without calling anything.
local function strings(value, seen, out)
  seen, out = seen or {}, out or {}
  if type(value) == "string" then out[#out + 1] = value end
  if type(value) ~= "table" or seen[value] then return out end
  seen[value] = true
  for k, v in pairs(value) do
    strings(k, seen, out)
    strings(v, seen, out)
  end
  return out
end

describe("client:chat", function()
  it("gives the reply with all that came", function()
    local reply = assert(client():chat "Quelle est la capitale ?")
    assert.equal("Paris.", reply.text)
    assert.equal("stop", reply.finish_reason)
    assert.same({ "assistant", "c1", "m-1", true, 200, "r1" }, { reply.role, reply.id, reply.model, reply.complete, reply.status, reply.request_id })
    assert.same({ input_tokens = 9, output_tokens = 2, total_tokens = 11, cost = 0.5, energy_kwh = 2e-5, co2_kg = 1e-6 }, reply.usage)
    assert.same({ { type = "text", text = "Paris." } }, reply.content)
    assert.same({}, reply.warnings)
    assert.equal("Paris.", reply.raw.choices[1].message.content)
    assert.is_nil(reply.nothing)
  end)

  it("takes a text for the messages, as for the whole request", function()
    local c, transport = client()
    local request = { messages = "hi", temperature = 0 }
    assert(c:chat(request))
    assert.same({ { role = "user", content = "hi" } }, json.decode(transport.requests[1].body).messages)
    assert.equal("hi", request.messages) -- the caller's table is the caller's
    assert.equal(transport.requests[1].body, c:preview(request).body)
    assert.error_matches(function() c:chat { messages = 1 } end, "client:chat: messages: expected")
  end)

  it("sends one JSON body to the right address, with the key", function()
    local c, transport = client(nil, { base_url = "http://server/gate/", api_key = "sk-1", headers = { ["X-Team"] = "a" } })
    assert(c:chat { messages = { ogl.user "hi" }, temperature = 0, headers = { ["X-Call"] = "b" } })
    local request = transport.requests[1]
    assert.same({ "POST", "http://server/gate/v1/chat/completions" }, { request.method, request.url })
    assert.same({ model = "m", messages = { { role = "user", content = "hi" } }, temperature = 0 }, json.decode(request.body))
    assert.same({ "Bearer sk-1", "application/json", "a", "b" },
      { header(request, "authorization"), header(request, "content-type"), header(request, "X-Team"), header(request, "X-Call") })
    assert.matches("^opengatellm/", header(request, "user-agent"))
  end)

  it("lets the user's headers win, whatever their case", function()
    local c, transport = client(nil, { api_key = "sk-1", headers = { Authorization = "Basic x" } })
    assert(c:chat "hi")
    assert.equal("Basic x", header(transport.requests[1], "Authorization"))
    assert.is_nil(header(transport.requests[1], "authorization"))
  end)

  it("asks a function for the key at each call", function()
    local n = 0
    local c, transport = client(nil, { api_key = function()
      n = n + 1
      return "k" .. n
    end })
    assert(c:chat "a")
    assert(c:chat "b")
    assert.same({ "Bearer k1", "Bearer k2" }, { header(transport.requests[1], "authorization"), header(transport.requests[2], "authorization") })
  end)

  it("fails with the function's error, or for a key that cannot be sent", function()
    local cases = {
      { function() return nil, "vault is shut" end, "vault is shut" }, { function() return 5 end, "returned a number" },
      { function() return "a\r\nX: y" end, "control character" },
    }
    for _, case in ipairs(cases) do
      local c, transport = client(nil, { api_key = case[1] })
      local reply, err = c:chat "hi"
      assert.is_nil(reply)
      assert.equal("config", err.kind)
      assert.matches(case[2], err.message, 1, true)
      assert.same({}, transport.requests)
    end
  end)

  it("gives output as a value, and a warning where the text is none", function()
    local function answer(text) return { body = json.encode { choices = { { message = { content = text }, finish_reason = "stop" } } } } end
    assert.same({ a = 1 }, client(answer '{"a":1}'):chat({ messages = { ogl.user "hi" }, output = "json" }).output)
    local reply = client(answer "sorry"):chat { messages = { ogl.user "hi" }, output = "json" }
    assert.is_nil(reply.output)
    assert.equal("output_not_json", reply.warnings[1].code)
    reply = client(answer 'So: {"a":1}'):chat { messages = { ogl.user "hi" }, output = "json" }
    assert.same({ { a = 1 }, 'So: {"a":1}', "output_recovered" }, { reply.output, reply.text, reply.warnings[1].code })
  end)

  it("tells what the protocol could not carry, or refuses with strict", function()
    local c, transport = client()
    local reply = c:chat { messages = { ogl.user "hi" }, include = { "x" } }
    assert.same({ "not_carried", "include" }, { reply.warnings[1].code, reply.warnings[1].field })
    local none, err = c:chat { messages = { ogl.user "hi" }, include = { "x" }, strict = true }
    assert.is_nil(none)
    assert.equal("unsupported", err.kind)
    assert.equal(1, #transport.requests)
  end)

  it("sends what is no UTF-8 as U+FFFD, and says so", function()
    local c, transport = client()
    local reply = c:chat "a\255b"
    assert.equal("a\239\191\189b", json.decode(transport.requests[1].body).messages[1].content)
    assert.equal("invalid_utf8", reply.warnings[1].code)
    local _, err = c:chat { messages = { ogl.user "a\255b" }, strict = true }
    assert.same({ "unsupported", 1 }, { err.kind, #transport.requests })
  end)

  it("gives an error inside a 200 body its kind", function()
    local _, err = client({ body = '{"error":{"message":"slow down","type":"rate_limit_error"}}' }):chat "hi"
    assert.same({ "rate_limit", "slow down" }, { err.kind, err.message })
    _, err = client({ body = '{"detail":"Model is too busy."}' }):chat "hi"
    assert.same({ "provider", "Model is too busy." }, { err.kind, err.message })
  end)

  it("tells a cut body, HTML and nothing apart", function()
    local function kind(body) return select(2, client({ body = body }):chat "hi").kind end
    assert.equal("incomplete", kind(ANSWER:sub(1, 60)))
    assert.equal("incomplete", kind "<html><title>Log in</title></html>")
    assert.equal("incomplete", kind "")
  end)

  it("raises for misuse, naming function and field, before anything is sent", function()
    local c, transport = client()
    assert.error_matches(function() c:chat() end, "client:chat: expected a text or a request")
    assert.error_matches(function() c:chat { messages = { ogl.user "x" }, temprature = 1 } end, "client:chat: temprature: there is no such field")
    assert.error_matches(function() c:stream { messages = {} } end, "client:stream: messages")
    assert.error_matches(function() c:chat { messages = { ogl.user "x" }, extra = { f = print } } end, "cannot encode a function")
    assert.error_matches(function() client(nil, { model = "m\nX: y" }) end, "model: it holds a line end")
    local _, where = pcall(function() c:chat { messages = { ogl.user "x" }, n = "two" } end)
    assert.matches("client_spec.lua:%d+: client:chat: n: expected integer", where)
    assert.same({}, transport.requests)
  end)

  it("raises where no model is known", function()
    local c = ogl.client { provider = "openai_compatible", base_url = "http://server", transport = replay.new {} }
    assert.error_matches(function() c:chat "hi" end, "model: missing")
  end)
end)

describe("ogl.client", function()
  it("raises for options that are none", function()
    local cases = {
      { { modell = "m" }, "modell: there is no such field" }, { { provider = "nobody" }, "there is no provider 'nobody'" }, { { provider = 1 }, "provider: expected" },
      { { provider = { protocol = "smoke" } }, "there is no protocol 'smoke'" },
      { { protocol = "smoke" }, "ogl.client: protocol: there is no protocol 'smoke'" },
      { { protocol = 1 }, "protocol: expected string, got 1" }, { { base_url = 1 }, "base_url: expected string, got 1" },
      { { api_key = 1 }, "api_key: expected string or function" }, { { api_key = "a\nb" }, "api_key: it holds" }, { { headers = { a = "b\r" } }, "headers" },
      { { timeouts = { total = 0 } }, "timeouts.total" }, { { retries = { times = 1 } }, "retries.times" }, { { limits = { reply = "x" } }, "limits.reply" },
    }
    for _, case in ipairs(cases) do
      local fine, message = pcall(ogl.client, case[1])
      assert.is_false(fine)
      assert.matches(case[2], message, 1, true)
      assert.matches("ogl.client: ", message, 1, true)
    end
  end)

  it("makes a client of a wrong address, whose every call fails", function()
    local c, transport = client(nil, { base_url = "server" })
    for _, call in ipairs {
      function() return c:chat "hi" end, function() return c:stream "hi" end, function() return c:preview "hi" end,
      function() return c:models() end, function() return c:request("GET", "/health") end, function() return c:embeddings { input = "hi" } end,
      function() return c:with { model = "other" }:chat "hi" end,
    } do
      local value, err = call()
      assert.is_nil(value)
      assert.equal("config", err.kind)
      assert.matches("^base_url: it has to begin", err.message)
    end
    assert.same({}, transport.requests)
  end)

  it("takes a provider as a table", function()
    local c, transport = client(nil, { provider = { protocol = "openai_chat", auth = "none", version = "v2" }, api_key = "sk-1" })
    assert(c:chat "hi")
    assert.equal("http://server/v2/chat/completions", transport.requests[1].url)
    assert.is_nil(header(transport.requests[1], "authorization"))
  end)

  it("leaves an address alone with no_v1", function()
    local c, transport = client(nil, { no_v1 = true, base_url = "http://server/x" })
    assert(c:chat "hi")
    assert.equal("http://server/x/chat/completions", transport.requests[1].url)
  end)

  it("says what to set where there is no address", function()
    local c = ogl.client { provider = "openai_compatible", model = "m" }
    local _, err = c:chat "hi"
    assert.same({ "config", "no server address: set base_url" }, { err.kind, err.message })
  end)

  it("shows its key nowhere", function()
    local secret = "sk-SECRET-123456"
    local c, transport = client({ status = 401, body = '{"error":{"message":"bad key ' .. secret .. '"}}' }, { api_key = secret })
    local _, err = c:chat "hi"
    transport.requests = nil -- what was sent is kept here, key and all, for specs alone
    local derived = c:with { model = "x" }
    for _, value in ipairs { c, derived, err } do
      for _, text in ipairs(strings(value)) do assert.is_nil(text:find(secret, 1, true), text) end
      assert.is_nil(tostring(value):find(secret, 1, true))
    end
    assert.matches("[REDACTED]", err.message, 1, true)
  end)
end)

describe("a key that changes", function()
  it("is taken out of an error as it was sent", function()
    local n = 0
    local c = client({ body = '{"error":{"message":"sk-token-1 is bad"}}' }, { api_key = function()
      n = n + 1
      return "sk-token-" .. n
    end })
    local _, err = c:chat "hi"
    assert.same({ "[REDACTED] is bad", 1 }, { err.message, n })
  end)
end)

describe("client:with", function()
  it("replaces what it is given, inside tables too, and shares the connections", function()
    local c, transport = client(nil, { timeouts = { idle = 7 }, headers = { a = "1" } })
    local derived = c:with { model = "other", timeouts = { total = 5 }, headers = { b = "2" } }
    assert(derived:chat "hi")
    local request = transport.requests[1]
    assert.equal("other", json.decode(request.body).model)
    assert.same({ connect = 10, first_byte = 600, idle = 7, total = 5 }, request.timeouts)
    assert.same({ "1", "2" }, { header(request, "a"), header(request, "b") })
    assert.equal("m", c.model_name)
  end)

  it("keeps what the client was made with, whatever becomes of the table", function()
    local options = { headers = { a = "1" } }
    local c, transport = client(nil, options)
    options.model, options.api_key = "later", "sk-later"
    assert(c:with({ headers = { b = "2" } }):chat "hi")
    assert.equal("m", json.decode(transport.requests[1].body).model)
    assert.is_nil(header(transport.requests[1], "authorization"))
  end)

  it("takes another transport", function()
    local c, transport = client()
    local other = replay.new { body = ANSWER }
    assert(c:with({ transport = other }):chat "hi")
    assert.same({ 0, 1 }, { #transport.requests, #other.requests })
  end)

  it("takes false for: none", function()
    local c, transport = client(nil, { timeouts = { first_byte = false } })
    assert(c:chat { messages = { ogl.user "hi" }, timeouts = { idle = false } })
    assert.same({ connect = 10 }, transport.requests[1].timeouts)
  end)
end)

describe("client:models", function()
  it("gives the list", function()
    local c, transport = client({ body = '{"object":"list","data":[{"id":"a"},{"id":"b"}]}' })
    local models = assert(c:models())
    assert.same({ "a", "b" }, { models[1].id, models[2].id })
    assert.same({ "GET", "http://server/v1/models" }, { transport.requests[1].method, transport.requests[1].url })
    assert.is_nil(transport.requests[1].body)
  end)

  it("fails where the answer is no list, or no JSON", function()
    assert.equal("protocol", select(2, client({ body = "{}" }):models()).kind)
    local _, err = client({ body = "<html><title>Hello</title>" }):models()
    assert.same({ "protocol", "the server answered with HTML: Hello" }, { err.kind, err.message })
  end)

  it("asks for one model by a name with slashes", function()
    local c, transport = client({ body = '{"id":"openai/gpt-oss-120b"}' })
    assert.equal("openai/gpt-oss-120b", assert(c:model "openai/gpt-oss-120b").id)
    assert.equal("http://server/v1/models/openai/gpt-oss-120b", transport.requests[1].url)
    assert.error_matches(function() c:model(1) end, "client:model: id")
    assert.error_matches(function() c:model "a\r\nb" end, "client:model: id: it holds")
  end)
end)

describe("client:health and client:request", function()
  it("stand outside the version segment", function()
    local c, transport = client({ body = '{"status":"ok"}' }, { base_url = "http://server/v1" })
    assert.equal("ok", assert(c:health()).status)
    assert.equal("http://server/health", transport.requests[1].url)
  end)

  it("send any route, and decode what comes", function()
    local c, transport = client({ body = '{"id":1}' })
    local value, err, head = c:request("PATCH", "/v1/me", { name = "x" }, { query = { a = 1 } })
    assert.same({ id = 1 }, value)
    assert.same({}, { err, head }) -- the value alone
    local request = transport.requests[1]
    assert.same({ "PATCH", "http://server/v1/me?a=1", '{"name":"x"}' }, { request.method, request.url, request.body })
    assert.equal("# metrics", (client({ body = "# metrics" }):request("GET", "/metrics")))
  end)

  it("give the head of the answer to who asks for it", function()
    local value, err, head = client({ body = "null", headers = { ["x-left"] = "3" } }):request("GET", "/v1/me", nil, { head = true })
    assert.equal(ogl.null, value)
    assert.is_nil(err)
    assert.equal(200, head.status)
    assert.equal("3", head.headers["x-left"])
    value, err, head = client({ status = 404, body = "{}" }, { retries = { max = 0 } }):request("GET", "/v1/me", nil, { head = true })
    assert.same({}, { value, head })
    assert.equal(404, err.status)
    assert.error_matches(function() client():request("GET", "/v1/me", nil, { hed = true }) end, "client:request: hed: there is no such field")
  end)

  it("refuse a route that could break out of its line", function()
    local c = client()
    for _, case in ipairs { { "GET x", "/" }, { "GET", "v1" }, { "GET", "/a b" }, { "GET", "/a\r\nX: y" } } do
      assert.error_matches(function() c:request(case[1], case[2]) end, "client:request: ")
    end
  end)
end)

describe("retries", function()
  local function busy_then_fine(n, status, headers)
    return function(_, i)
      if i <= n then return { status = status, headers = headers, body = '{"detail":"busy"}' } end
      return { headers = { ["content-type"] = "application/json" }, body = ANSWER }
    end
  end

  local function simulated()
    local slept = {}
    return { name = "simulated", blocking = true, now = function() return 0 end, sleep = function(s) slept[#slept + 1] = s end }, slept
  end

  it("happen inside the call", function()
    local host, slept = simulated()
    local c, transport = client(busy_then_fine(2, 503, { ["retry-after"] = "4" }), { retries = { max = 2 }, host = host })
    assert.equal("Paris.", assert(c:chat "hi").text)
    assert.equal(3, #transport.requests)
    assert.same({ 4, 4 }, slept)
  end)

  it("end with the last error", function()
    local host = simulated()
    local c, transport = client(busy_then_fine(9, 502), { retries = { max = 2 }, host = host })
    local _, err = c:chat "hi"
    assert.same({ "http", 502, "busy" }, { err.kind, err.status, err.message })
    assert.equal(3, #transport.requests)
  end)

  it("do not repeat a POST that may have acted", function()
    local host = simulated()
    local c, transport = client(busy_then_fine(1, 500), { retries = { max = 2 }, host = host })
    assert.equal(500, select(2, c:request("POST", "/v1/keys", {})).status)
    assert.equal(1, #transport.requests)
    c, transport = client(busy_then_fine(1, 429), { retries = { max = 2 }, host = host })
    assert(c:request("POST", "/v1/keys", {}))
    assert.equal(2, #transport.requests)
  end)

  it("repeat a POST that was never sent", function()
    local host = simulated()
    local refused = errors.new { kind = "network", message = "refused", retryable = true, sent = false }
    local c, transport = client(function(_, i) return i == 1 and { err = refused } or { body = "{}" } end, { retries = { max = 1 }, host = host })
    assert(c:request("POST", "/v1/keys", {}))
    assert.equal(2, #transport.requests)
  end)

  it("takes numbers within their bounds alone, and names the field that has another", function()
    for field, options in pairs {
      ["limits.reply"] = { limits = { reply = -1 } }, ["limits.body"] = { limits = { body = 1e300 } }, ["limits.upload"] = { limits = { upload = 0 } },
      ["retries.max"] = { retries = { max = -1 } }, ["retries.max_wait"] = { retries = { max_wait = -0.5 } },
    } do
      local fine, message = pcall(ogl.client, options)
      assert.is_false(fine)
      assert.truthy(message:find(field, 1, true), message)
    end
    assert.is_false((pcall(ogl.client, { retries = { max_wait = 0 / 0 } })))
    assert.truthy(ogl.client { retries = { max = 0, max_wait = 600.5 }, limits = { reply = 1, body = 2 ^ 31 } })
  end)
end)
