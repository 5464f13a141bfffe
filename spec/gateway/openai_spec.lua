-- OpenAI's face in front of servers of every protocol.
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local support = require "spec.support.gateway"

local TOOL = { type = "function", ["function"] = { name = "get_weather", parameters = { type = "object" } } }

local ASK = {
  openai_chat = function(fields)
    local body = { model = "shown", messages = { { role = "user", content = "Bonjour" } } }
    for name, value in pairs(fields) do body[name] = value end
    return "/v1/chat/completions", body
  end,
  openai_responses = function(fields)
    local body = { model = "shown", input = "Bonjour" }
    for name, value in pairs(fields) do body[name] = value end
    if body.tools then body.tools = { { type = "function", name = "get_weather", parameters = { type = "object" } } } end
    body.stream_options = nil
    return "/v1/responses", body
  end,
}

local function gateway_of(protocol, answer, options)
  local client, transport = support.client(protocol, answer)
  local all = { routes = { { model = "shown", client = client, to = "m" }, { prefix = "same/", client = client }, { client = client } } }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.gateway(all), transport
end

local function ask(gateway, face, fields)
  local path, body = ASK[face](fields)
  local status, bytes, headers = support.ask(gateway, "POST", path, body)
  return status, bytes, headers
end

for face in pairs(ASK) do
  for upstream in pairs(support.PROVIDERS) do
    describe(("%s in front of %s"):format(face, upstream), function()
      for _, model in ipairs { "shown", "m" } do
        for _, streamed in ipairs { false, true } do
          local how = (streamed and "streamed" or "whole") .. (model == "m" and ", by its own name" or "")
          local function fields(more)
            local all = { model = model, stream = streamed, stream_options = streamed and { include_usage = true } or nil }
            for name, value in pairs(more or {}) do all[name] = value end
            return all
          end

          it("answers, " .. how, function()
            local gateway, transport = gateway_of(upstream, support.server(upstream, support.TEXT))
            local status, bytes, headers = ask(gateway, face, fields())
            assert.equal(200, status, bytes)
            local reply, code = support.decode(face, bytes, headers["content-type"])
            assert.is_nil(code)
            assert.equal("C'est Paris.", reply.text)
            assert.equal("stop", reply.finish_reason)
            assert.equal(20, reply.usage.input_tokens)
            assert.equal(4, reply.usage.output_tokens)
            assert.equal("m", headers["x-gateway-model"])
            assert.equal("1", headers["x-gateway-attempts"])
            assert.truthy(headers["x-request-id"])
            assert.equal(streamed and "no" or nil, headers["x-accel-buffering"])
            assert.equal(1, #transport.requests)
          end)

          it("passes tools, " .. how, function()
            local gateway, transport = gateway_of(upstream, support.server(upstream, support.CALL))
            local status, bytes, headers = ask(gateway, face, fields { tools = { TOOL } })
            assert.equal(200, status, bytes)
            local reply, code = support.decode(face, bytes, headers["content-type"])
            assert.is_nil(code)
            assert.equal("get_weather", reply.tool_calls[1].name)
            assert.same({ city = "Paris" }, json.decode(reply.tool_calls[1].arguments))
            assert.truthy(transport.requests[1].body:find("get_weather", 1, true))
          end)

          it("tells of an error, " .. how, function()
            local gateway = gateway_of(upstream, { status = 429, headers = { ["retry-after"] = "7" }, body = '{"error":{"message":"slow down"}}' })
            local status, bytes, headers = ask(gateway, face, fields())
            assert.equal(429, status)
            assert.equal("7", headers["retry-after"])
            assert.equal("application/json", headers["content-type"])
            assert.truthy(json.decode(bytes).error.message:find("slow down", 1, true))
          end)

          it("tells of an answer that broke off, " .. how, function()
            local heard = {}
            local gateway = gateway_of(upstream, support.server(upstream, { support.TEXT[1], support.TEXT[2] }, true), {
              on_error = function(err) heard[#heard + 1] = err end,
            })
            local status, bytes, headers = ask(gateway, face, fields())
            assert.is_nil(bytes:find("10.0.0.7", 1, true))
            assert.equal(1, #heard)
            if not streamed then
              assert.equal(502, status)
              return assert.equal("string", type(json.decode(bytes).error.message))
            end
            local _, code = support.decode(face, bytes, headers["content-type"])
            assert.truthy(code)
            assert.is_nil(bytes:find('"finish_reason":"stop"', 1, true))
          end)
        end
      end
    end)
  end
end

describe("what bad input gets", function()
  local gateway, transport = gateway_of("openai_chat", support.server("openai_chat", support.TEXT), { limits = { body = 1000 } })

  local function refused(status, path, body, headers, method)
    local got, bytes, answered = support.ask(gateway, method or "POST", path, body, headers)
    assert.equal(status, got, bytes)
    local err = json.decode(bytes).error
    assert.equal("string", type(err.message))
    assert.equal("string", type(err.type))
    assert.truthy(answered["x-request-id"])
    assert.equal(0, #transport.requests)
    return err, answered
  end

  it("is OpenAI's error with its status, and nothing goes upstream", function()
    refused(400, "/v1/chat/completions", "")
    refused(400, "/v1/chat/completions", "{")
    refused(400, "/v1/chat/completions", "[]")
    refused(400, "/v1/chat/completions", { model = "m" })
    refused(400, "/v1/chat/completions", { messages = { { role = "user", content = "x" } } })
    refused(400, "/v1/chat/completions", { model = 3, messages = { { role = "user", content = "x" } } })
    refused(400, "/v1/chat/completions", { model = "m", messages = { { role = "user", content = "x" } }, temperature = "hot" })
    refused(400, "/v1/chat/completions", { model = "m\nx: y", messages = { { role = "user", content = "x" } } })
    for _, path in ipairs { "/v1/chat/completions", "/v1/responses", "/v1/completions" } do
      refused(400, path, { model = "m", MODEL = "other", messages = { { role = "user", content = "x" } }, input = "x", prompt = "x" })
    end
    refused(400, "/v1/embeddings", { model = "m", input = 3 })
    refused(400, "/v1/embeddings", { model = "m" })
    refused(400, "/v1/rerank", { model = "m", query = "x" })
    refused(404, "/v1/nothing", {})
    refused(413, "/v1/chat/completions", ("x"):rep(1001))
    refused(415, "/v1/chat/completions", "{}", { ["content-type"] = "text/plain" })
    refused(415, "/v1/chat/completions", "{}", { ["content-encoding"] = "br" })
    local _, headers = refused(405, "/v1/chat/completions", nil, nil, "GET")
    assert.equal("POST", headers.allow)
  end)

  it("is 404 for a model that no route has", function()
    local client = support.client("openai_chat", {})
    local strict = ogl.gateway { routes = { { model = "one", client = client } } }
    local status, bytes = support.ask(strict, "POST", "/v1/chat/completions", { model = "two", messages = { { role = "user", content = "x" } } })
    assert.equal(404, status)
    assert.equal("model_not_found", json.decode(bytes).error.code)
  end)
end)

describe("a pass through", function()
  local BODY = { model = "m", stream = true, messages = { { role = "user", content = "x" } } }

  it("leaves the bytes of both sides as they are", function()
    local line = 'data: {"id":"c1","model":"m","odd": 1,"choices":[{"index":0,"delta":{"content":"a"}}]}\n\n'
    local bytes = ": hello\n\n" .. line .. 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
    local gateway, transport = gateway_of("openai_chat", { headers = { ["content-type"] = "text/event-stream" }, body = bytes, chunk = 7 })
    local sent = '{ "model":"m", "stream":true,"odd":[ ], "messages":[{"role":"user","content":"x"}]}'
    local status, got, headers = support.ask(gateway, "POST", "/v1/chat/completions", sent)
    assert.equal(200, status)
    assert.equal(bytes, got)
    assert.equal("text/event-stream", headers["content-type"])
    assert.equal(sent, transport.requests[1].body)
  end)

  it("is none where the server streams although it was not asked to: the caller gets the whole", function()
    for face in pairs(ASK) do
      local gateway = gateway_of(face, support.answer(face, support.TEXT, true))
      local status, bytes, headers = ask(gateway, face, { model = "m", stream = false })
      assert.same({ 200, "application/json" }, { status, headers["content-type"] })
      local reply, code = support.decode(face, bytes, headers["content-type"])
      assert.same({ "C'est Paris.", "stop" }, { reply.text, reply.finish_reason })
      assert.is_nil(code)
    end
  end)

  it("gives no header of the server but the type, and shows no caller's header to it", function()
    local answer = support.answer("openai_chat", support.TEXT, true)
    answer.headers["x-accel-redirect"], answer.headers["set-cookie"] = "/secret", "a=b"
    local gateway, transport = gateway_of("openai_chat", answer, { forward = { "X-Trace" } })
    local _, _, headers = support.ask(gateway, "POST", "/v1/chat/completions", BODY, {
      authorization = "Bearer caller", cookie = "c", ["x-trace"] = "t1", ["x-other"] = "o",
    })
    assert.is_nil(headers["x-accel-redirect"] or headers["set-cookie"])
    local seen = {}
    for _, row in ipairs(transport.requests[1].headers) do seen[row[1]:lower()] = row[2] end
    assert.equal("Bearer sk-upstream", seen.authorization)
    assert.equal("t1", seen["x-trace"])
    assert.is_nil(seen.cookie or seen["x-other"])
  end)

  it("lets no page and no error with the status 200 pass for an answer", function()
    for body, kind in pairs {
      ["<html>log in</html>"] = "text/html", ['{"error":{"message":"it broke"}}'] = "application/json",
      ['data: {"error":{"message":"it broke"}}\n\n'] = "text/event-stream", [""] = "application/json",
    } do
      for _, streamed in ipairs { false, true } do
        local gateway = gateway_of("openai_chat", { headers = { ["content-type"] = kind }, body = body })
        local status, bytes = support.ask(gateway, "POST", "/v1/chat/completions", { model = "m", stream = streamed, messages = BODY.messages })
        assert.equal(502, status, bytes)
        assert.equal("string", type(json.decode(bytes).error.message))
      end
    end
  end)

  it("counts what passes", function()
    local metrics = ogl.middleware.prometheus()
    local gateway = gateway_of("openai_chat", support.server("openai_chat", support.TEXT), { metrics = metrics })
    support.ask(gateway, "POST", "/v1/chat/completions", BODY)
    support.ask(gateway, "POST", "/v1/chat/completions", { model = "m", messages = BODY.messages })
    support.ask(gateway, "POST", "/v1/chat/completions", { model = "shown", messages = BODY.messages })
    local status, text, headers = support.ask(gateway, "GET", "/metrics")
    assert.equal(200, status)
    assert.truthy(headers["content-type"]:find "^text/plain")
    local sum = 0
    for n in text:gmatch "input_tokens_total{[^}]*} (%d+)" do sum = sum + tonumber(n) end
    assert.equal(60, sum, text)
  end)

  it("is given up with its caller", function()
    local gateway, transport = gateway_of("openai_chat", support.server("openai_chat", support.TEXT))
    for _, model in ipairs { "m", "shown" } do
      BODY.model = model
      local _, _, body, close = gateway:handle { method = "POST", path = "/v1/chat/completions", headers = {}, body = json.encode(BODY) }
      assert.equal("string", type(body()))
      local before = transport.closed
      close()
      assert.is_true(transport.closed > before)
      assert.is_nil(body())
    end
    BODY.model = "m"
  end)

  it("does not happen with middleware, a router, or a server that has quirks", function()
    local seen
    local client, transport = support.client("openai_chat", support.server("openai_chat", support.TEXT))
    local used = client:use { event = function(event) seen = true return event end }
    local gateway = ogl.gateway { routes = { { client = used } } }
    assert.equal(200, (support.ask(gateway, "POST", "/v1/chat/completions", BODY)))
    assert.is_true(seen)
    gateway = ogl.gateway { routes = { { client = ogl.router { clients = { client, client }, name = "gateway" } } } }
    local status, bytes, headers = support.ask(gateway, "POST", "/v1/chat/completions", BODY)
    assert.equal(200, status, bytes)
    assert.equal("openai_compatible", headers["x-gateway-provider"])
    assert.equal(2, #transport.requests)
  end)

  it("reaches the completions of a server that has them", function()
    local gateway, transport = gateway_of("openai_chat", { headers = { ["content-type"] = "application/json" }, body = '{"object":"text_completion"}' })
    local status, bytes = support.ask(gateway, "POST", "/v1/completions", { model = "shown", prompt = "x", suffix = "y" })
    assert.equal(200, status)
    assert.equal('{"object":"text_completion"}', bytes)
    assert.truthy(transport.requests[1].url:find "/v1/completions$")
    assert.equal("m", json.decode(transport.requests[1].body).model)
    gateway = gateway_of("anthropic", {})
    assert.equal(400, (support.ask(gateway, "POST", "/v1/completions", { model = "m", prompt = "x" })))
  end)

  it("tells of a completion that broke off", function()
    local body = { 'data: {"choices":[{"text":"a"}]}\n\n' }
    local gateway = gateway_of("openai_chat", function() return { headers = { ["content-type"] = "text/event-stream" }, body = body } end)
    local _, bytes = support.ask(gateway, "POST", "/v1/completions", { model = "m", prompt = "x", stream = true })
    assert.truthy(bytes:find('"error"', 1, true))
    body[2] = "data: [DONE]\n\n"
    _, bytes = support.ask(gateway, "POST", "/v1/completions", { model = "m", prompt = "x", stream = true })
    assert.equal(table.concat(body), bytes)
  end)
end)

describe("a request that names two models", function()
  it("goes on with the one that its route was found by", function()
    for _, protocol in ipairs { "openai_chat", "ollama" } do
      local client, transport = support.client(protocol, support.server(protocol, support.TEXT))
      local gateway = ogl.gateway { routes = { { client = client } } }
      local path = protocol == "ollama" and "/api/chat" or "/v1/chat/completions"
      local status, bytes, headers = support.ask(gateway, "POST", path, '{"model":"a","stream":false,"messages":[{"role":"user","content":"x"}],"model":"b"}')
      assert.equal(200, status, bytes)
      local sent = transport.requests[1].body
      assert.equal(headers["x-gateway-model"], json.decode(sent).model)
      assert.equal(1, select(2, sent:gsub('"model"', "")))
    end
  end)
end)

describe("a fallback", function()
  it("answers in place of a server that is down, and says so", function()
    local down = support.client("openai_chat", { status = 503, body = "" })
    local up = support.client("anthropic", support.server("anthropic", support.TEXT))
    local gateway = ogl.gateway { routes = { { model = "virtual", client = ogl.router { clients = {
      { client = down, model = "a" }, { client = up, model = "b" } } } } } }
    local status, bytes, headers = support.ask(gateway, "POST", "/v1/chat/completions", {
      model = "virtual", messages = { { role = "user", content = "x" } } })
    assert.equal(200, status, bytes)
    assert.equal("2", headers["x-gateway-attempts"])
    assert.equal("b", headers["x-gateway-model"])
    assert.equal("anthropic_compatible", headers["x-gateway-provider"])
    assert.equal("anthropic_compatible/b", headers["x-gateway-fallback"])
    assert.equal("virtual", json.decode(bytes).model)
  end)

  it("asks each server for the model of its own client", function()
    local down, first = support.client("openai_chat", { status = 503, body = '{"error":{"message":"busy"}}' }, { model = "a" })
    local up, second = support.client("openai_chat", support.server("openai_chat", support.TEXT), { model = "b" })
    local function virtual(...) return ogl.gateway { routes = { { model = "virtual", client = ogl.router { clients = { ... } } } } } end
    local body = { model = "virtual", messages = { { role = "user", content = "x" } } }
    local status, bytes = support.ask(virtual(down, up), "POST", "/v1/chat/completions", body)
    assert.equal(200, status, bytes)
    assert.same({ "a", "b" }, { json.decode(first.requests[1].body).model, json.decode(second.requests[1].body).model })
    local _, headers
    status, _, headers = support.ask(virtual(up), "POST", "/v1/chat/completions", body)
    assert.same({ 200, "b" }, { status, headers["x-gateway-model"] })
    assert.is_nil(headers["x-gateway-fallback"])
  end)

  it("that none answers says who was asked", function()
    local down = support.client("openai_chat", { status = 503, body = '{"error":{"message":"busy"}}' }, { model = "a" })
    local gateway = ogl.gateway { routes = {
      { model = "virtual", client = ogl.router { clients = { { client = down, name = "x" }, { client = down, name = "y" } }, retries = { max = 0 } } },
      { client = down },
    } }
    for name, wanted in pairs { virtual = { "2", nil, nil }, a = { "1", "a", "openai_compatible" } } do
      local status, bytes, headers = support.ask(gateway, "POST", "/api/chat", { model = name, messages = { { role = "user", content = "x" } } })
      assert.same({ 503, "busy" }, { status, json.decode(bytes).error })
      assert.same(wanted, { headers["x-gateway-attempts"], headers["x-gateway-model"], headers["x-gateway-provider"] })
      assert.truthy(headers["x-gateway-upstream-ms"])
    end
  end)
end)

describe("the other routes", function()
  it("embeddings are lists, or base64 where that is asked for", function()
    local gateway = gateway_of("openai_chat", function()
      return { headers = { ["content-type"] = "application/json" },
        body = '{"object":"list","data":[{"index":0,"embedding":[0.5,1]}],"model":"m","usage":{"prompt_tokens":3,"total_tokens":3}}' }
    end)
    local _, bytes = support.ask(gateway, "POST", "/v1/embeddings", { model = "m", input = "x" })
    local answer = json.decode(bytes)
    assert.same({ 0.5, 1 }, answer.data[1].embedding)
    assert.equal(3, answer.usage.prompt_tokens)
    _, bytes = support.ask(gateway, "POST", "/v1/embeddings", { model = "m", input = { "x" }, encoding_format = "base64" })
    assert.equal("AAAAPwAAgD8=", json.decode(bytes).data[1].embedding)
  end)

  it("rerank counts from 0", function()
    local gateway = gateway_of("openai_chat", { headers = { ["content-type"] = "application/json" },
      body = '{"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":0.1}]}' })
    local status, bytes = support.ask(gateway, "POST", "/v1/rerank", { model = "m", query = "q", documents = { "a", "b" } })
    assert.equal(200, status, bytes)
    assert.same({ { index = 1, relevance_score = 0.9 }, { index = 0, relevance_score = 0.1 } }, json.decode(bytes).results)
  end)

  it("models are those of the routes, and what open routes list", function()
    local calls = 0
    local gateway = gateway_of("openai_chat", function()
      calls = calls + 1
      return { headers = { ["content-type"] = "application/json" }, body = '{"object":"list","data":[{"id":"m","created":7}]}' }
    end)
    local names = {}
    for _ = 1, 2 do
      local _, bytes = support.ask(gateway, "GET", "/v1/models")
      for i, model in ipairs(json.decode(bytes).data) do names[i] = model.id end
    end
    assert.same({ "shown", "same/m", "m" }, names)
    assert.equal(2, calls)
    assert.equal(200, (support.ask(gateway, "GET", "/v1/models/same%2Fm")))
    assert.equal(200, (support.ask(gateway, "GET", "/v1/models/m")))
  end)

  it("health answers", function()
    assert.equal(200, (support.ask(gateway_of("openai_chat", {}), "GET", "/health")))
  end)
end)

describe("OpenAI's list of models", function()
  it("has Anthropic's form for programs that name a version of its API", function()
    local gateway = ogl.gateway { routes = { { model = "a", aliases = { "b" }, client = (support.client("openai_chat", {})) } } }
    local function list(headers) return json.decode((select(2, support.ask(gateway, "GET", "/v1/models", nil, headers)))) end
    local plain = list()
    assert.same({ "list", "a", "model" }, { plain.object, plain.data[1].id, plain.data[1].object })
    assert.same({
      data = {
        { type = "model", id = "a", display_name = "a", created_at = "1970-01-01T00:00:00Z" },
        { type = "model", id = "b", display_name = "b", created_at = "1970-01-01T00:00:00Z" },
      },
      has_more = false, first_id = "a", last_id = "b",
    }, list { ["anthropic-version"] = "2023-06-01" })
  end)

  it("asks servers beside each other, for a second at the most, and does without those that fail", function()
    local function server(id)
      return function(request)
        assert.equal(1, request.timeouts.total)
        if not id then return { status = 500, body = "" } end
        return { headers = { ["content-type"] = "application/json" }, body = ('{"object":"list","data":[{"id":"%s"}]}'):format(id) }
      end
    end
    local routes, transports = {}, {}
    for i, id in ipairs { "a", false, "c" } do
      local client, transport = support.client("openai_chat", server(id))
      routes[i], transports[i] = { prefix = i .. "/", client = client }, transport
    end
    local gateway = ogl.gateway { routes = routes }
    for _ = 1, 2 do
      local _, bytes = support.ask(gateway, "GET", "/v1/models")
      local names = {}
      for i, model in ipairs(json.decode(bytes).data) do names[i] = model.id end
      assert.same({ "1/a", "3/c" }, names)
    end
    for _, transport in ipairs(transports) do assert.equal(1, #transport.requests) end
  end)
end)

describe("OpenAI's transcriptions", function()
  local TYPE = "multipart/form-data; boundary=b1"

  local function form_of(fields)
    local lines = {}
    for name, value in pairs(fields) do
      local more = name == "file" and '; filename="a.wav"' or ""
      lines[#lines + 1] = ('--b1\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n'):format(name, more) .. value .. "\r\n"
    end
    return table.concat(lines) .. "--b1--\r\n"
  end

  local function transcribe(fields, answer, headers, protocol)
    local client, transport = support.client(protocol or "openai_chat", answer or { body = "" })
    local gateway = ogl.gateway { routes = { { model = "shown", client = client, to = "whisper" } } }
    local all = { ["content-type"] = TYPE }
    for name, value in pairs(headers or {}) do all[name] = value end
    local status, bytes, answered = support.ask(gateway, "POST", "/v1/audio/transcriptions", type(fields) == "table" and form_of(fields) or fields, all)
    return status, bytes, answered, transport.requests
  end

  it("go on as they came, but for the model's name", function()
    for _, protocol in ipairs { "openai_chat", "openai_responses" } do
      local fields = { model = "shown", file = "RIFF\r\n\0", language = "fr" }
      local status, bytes, headers, requests = transcribe(fields, { headers = { ["content-type"] = "application/json" }, body = '{"text":"Bonjour"}' }, nil, protocol)
      assert.same({ 200, '{"text":"Bonjour"}', "whisper" }, { status, bytes, headers["x-gateway-model"] })
      local sent = requests[1]
      assert.truthy(sent.url:find "/audio/transcriptions$")
      local body = sent.body
      local types = {}
      for _, row in ipairs(sent.headers) do
        if row[1]:lower() == "content-type" then types[#types + 1] = row[2] end
      end
      assert.same({ TYPE }, types)
      fields.model = "whisper"
      assert.equal(#form_of(fields), #body)
      for name, value in pairs(fields) do assert.truthy(body:find("\r\n\r\n" .. value .. "\r\n--b1", 1, true), name) end
    end
  end)

  it("stream where they are asked to, and have any form of the server's", function()
    local events = 'data: {"type":"transcript.text.delta","delta":"Bon"}\n\ndata: {"type":"transcript.text.done","text":"Bonjour"}\n\n'
    local status, bytes, headers = transcribe({ model = "shown", file = "x", stream = "true" },
      { headers = { ["content-type"] = "text/event-stream" }, body = events, chunk = 7 })
    assert.same({ 200, events, "no" }, { status, bytes, headers["x-accel-buffering"] })
    status, bytes, headers = transcribe({ model = "shown", file = "x", response_format = "srt" },
      { headers = { ["content-type"] = "text/plain; charset=utf-8" }, body = "1\n00:00" })
    assert.same({ 200, "1\n00:00", "text/plain; charset=utf-8" }, { status, bytes, headers["content-type"] })
  end)

  it("are refused in OpenAI's form, and nothing goes upstream", function()
    local function refused(wanted, fields, headers, protocol)
      local status, bytes, _, requests = transcribe(fields, nil, headers, protocol)
      assert.equal(wanted, status, bytes)
      assert.equal("string", type(json.decode(bytes).error.message))
      assert.equal(0, #requests)
    end
    local fine = { model = "shown", file = "x" }
    refused(400, "")
    refused(400, "{}")
    refused(400, { file = "x" })
    refused(404, { model = "other", file = "x" })
    refused(400, { model = "shown\r\nx", file = "x" })
    refused(415, fine, { ["content-type"] = "application/json" })
    refused(403, fine, { origin = "https://evil.example" })
    for _, protocol in ipairs { "anthropic", "gemini", "ollama" } do refused(400, fine, nil, protocol) end
  end)

  it("pass the server's errors on", function()
    local status, bytes = transcribe({ model = "shown", file = "x" }, { status = 400, body = '{"error":{"message":"no speech","code":"bad_audio"}}' })
    assert.same({ 400, "no speech", "bad_audio" }, { status, json.decode(bytes).error.message, json.decode(bytes).error.code })
  end)
end)
