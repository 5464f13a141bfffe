-- Ollama's face in front of servers of every protocol.
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local support = require "spec.support.gateway"

local TOOL = { type = "function", ["function"] = { name = "get_weather", parameters = { type = "object" } } }

local function gateway_of(protocol, answer, options, route)
  local client, transport = support.client(protocol, answer)
  local shown = { model = "shown", client = client, to = "m" }
  for name, value in pairs(route or {}) do shown[name] = value end
  local all = { routes = { shown, { client = client } } }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.gateway(all), transport
end

local function chat(gateway, fields)
  local body = { model = "shown", messages = { { role = "user", content = "Bonjour" } } }
  for name, value in pairs(fields or {}) do body[name] = value end
  return support.ask(gateway, "POST", "/api/chat", body)
end

local function lines_of(bytes)
  local list = {}
  for line in bytes:gmatch "[^\n]+" do list[#list + 1] = assert(json.decode(line), line) end
  return list
end

for upstream in pairs(support.PROVIDERS) do
  describe("Ollama's chat in front of " .. upstream, function()
    for _, model in ipairs { "shown", "shown:latest", "m" } do
      for _, streamed in ipairs { false, true } do
        local how = (streamed and "streamed" or "whole") .. ", " .. model

        it("answers, " .. how, function()
          local gateway, transport = gateway_of(upstream, support.server(upstream, support.TEXT))
          local status, bytes, headers = chat(gateway, { model = model, stream = streamed })
          assert.equal(200, status, bytes)
          assert.equal(streamed and "application/x-ndjson" or "application/json", headers["content-type"])
          local lines, text = lines_of(bytes), ""
          for _, line in ipairs(lines) do text = text .. line.message.content end
          assert.equal("C'est Paris.", text)
          local last = lines[#lines]
          assert.is_true(last.done)
          assert.equal("stop", last.done_reason)
          assert.equal(20, last.prompt_eval_count)
          assert.equal(4, last.eval_count)
          assert.equal("m", headers["x-gateway-model"])
          assert.is_nil(transport.requests[1].body:find("shown", 1, true))
        end)

        it("passes tools, " .. how, function()
          local gateway, transport = gateway_of(upstream, support.server(upstream, support.CALL))
          local status, bytes = chat(gateway, { model = model, stream = streamed, tools = { TOOL } })
          assert.equal(200, status, bytes)
          local call
          for _, line in ipairs(lines_of(bytes)) do call = call or line.message.tool_calls and line.message.tool_calls[1] end
          assert.equal("get_weather", call["function"].name)
          assert.same({ city = "Paris" }, call["function"].arguments)
          assert.truthy(transport.requests[1].body:find("get_weather", 1, true))
        end)

        it("tells of an error in Ollama's form, " .. how, function()
          local gateway = gateway_of(upstream, { status = 503, body = '{"error":{"message":"busy"}}' })
          local status, bytes, headers = chat(gateway, { model = model, stream = streamed })
          assert.equal(503, status)
          assert.equal("application/json", headers["content-type"])
          assert.equal("busy", json.decode(bytes).error)
        end)

        it("ends what broke off with one line of error, " .. how, function()
          local gateway = gateway_of(upstream, support.server(upstream, { support.TEXT[1], support.TEXT[2] }, true))
          local status, bytes = chat(gateway, { model = model, stream = streamed })
          if not streamed then return assert.equal(502, status) end
          assert.equal(200, status)
          local lines, failed = lines_of(bytes), 0
          for _, line in ipairs(lines) do
            failed = failed + (line.error and 1 or 0)
            assert.is_not_true(line.done)
          end
          assert.equal(1, failed)
          assert.equal("string", type(lines[#lines].error))
        end)
      end
    end
  end)
end

describe("Ollama's chat", function()
  local TEXT = support.server("openai_chat", support.TEXT)

  it("streams unless it is told not to", function()
    local gateway = gateway_of("openai_chat", TEXT)
    local _, bytes = chat(gateway)
    assert.is_true(#lines_of(bytes) > 1)
  end)

  it("without words loads a model, or unloads it: one object, and nothing goes upstream", function()
    local gateway, transport = gateway_of("openai_chat", TEXT)
    for reason, keep_alive in pairs { load = "5m", unload = 0 } do
      local _, bytes = chat(gateway, { messages = json.array {}, keep_alive = keep_alive })
      local answer = json.decode(bytes)
      assert.equal(reason, answer.done_reason)
      assert.equal("", answer.message.content)
      _, bytes = support.ask(gateway, "POST", "/api/generate", { model = "shown", keep_alive = keep_alive })
      answer = json.decode(bytes)
      assert.equal(reason, answer.done_reason)
      assert.equal("", answer.response)
    end
    assert.equal(0, #transport.requests)
  end)

  it("without words is 404 where the server lists its models, and has not this one", function()
    local gateway = ogl.gateway { routes = { { client = (support.client("openai_chat", {
      headers = { ["content-type"] = "application/json" }, body = '{"object":"list","data":[{"id":"one"}]}' })) } } }
    assert.equal(200, (chat(gateway, { model = "one", messages = json.array {} })))
    local status, bytes = chat(gateway, { model = "two", messages = json.array {} })
    assert.same({ 404, "model 'two' not found" }, { status, json.decode(bytes).error })
  end)

  it("refuses what the model cannot do, in Ollama's words", function()
    local gateway, transport = gateway_of("openai_chat", TEXT, nil, { capabilities = { "completion" } })
    local status, bytes = chat(gateway, { think = true })
    assert.equal(400, status)
    assert.equal('"shown" does not support thinking', json.decode(bytes).error)
    status, bytes = chat(gateway, { tools = { TOOL } })
    assert.equal(400, status)
    assert.equal('"shown" does not support tools', json.decode(bytes).error)
    for _, name in ipairs { "suffix", "template" } do
      status = support.ask(gateway, "POST", "/api/generate", { model = "shown", prompt = "x", [name] = "x" })
      assert.equal(400, status, name)
    end
    assert.equal(0, #transport.requests)
  end)

  it("thinks where the operator says that the model does, unless it is told not to", function()
    local function sent(upstream, capabilities, think)
      local gateway, transport = gateway_of(upstream, support.server(upstream, support.TEXT), nil, { capabilities = capabilities })
      local status, bytes = chat(gateway, { think = think })
      assert.equal(200, status, bytes)
      local body = json.decode(transport.requests[1].body)
      return body.thinking or body.generationConfig and body.generationConfig.thinkingConfig or body.reasoning
    end
    local able = { "completion", "thinking" }
    for _, think in ipairs { true, "default" } do
      if think == "default" then think = nil end
      assert.equal("enabled", sent("anthropic", able, think).type)
      assert.is_true(sent("gemini", able, think).includeThoughts)
    end
    assert.equal("enabled", sent("anthropic", nil, true).type)
    assert.equal("disabled", sent("anthropic", able, false).type)
    assert.equal("none", sent("openai_responses", able, false).effort)
    assert.equal("high", sent("openai_responses", able, "high").effort)
    for _, upstream in ipairs { "anthropic", "gemini", "openai_responses" } do
      assert.is_nil(sent(upstream, nil, nil))
      assert.is_nil(sent(upstream, { "completion" }, nil))
    end
  end)

  it("of an Ollama server passes through, what stands below conversations too", function()
    local answer = { headers = { ["content-type"] = "application/x-ndjson" },
      body = '{"model":"m","response":"a","done":false}\n{"model":"m","response":"","done":true,"done_reason":"stop","context":[1]}\n' }
    local gateway, transport = gateway_of("ollama", answer)
    local status, bytes = support.ask(gateway, "POST", "/api/generate", '{"model":"shown","prompt":"x","raw":true, "odd":[ ]}')
    assert.equal(200, status, bytes)
    assert.equal(answer.body, bytes)
    assert.truthy(transport.requests[1].url:find "/api/generate$")
    assert.equal("m", core.member(transport.requests[1].body, "model"):match '"(.*)"')
    assert.equal("[ ]", core.member(transport.requests[1].body, "odd"))
  end)

  it("tells bad input what is wrong with it", function()
    local gateway, transport = gateway_of("openai_chat", TEXT)
    local function refused(wanted, method, path, body, message)
      local status, bytes = support.ask(gateway, method, path, body)
      assert.equal(wanted, status, bytes)
      local err = json.decode(bytes).error
      assert.equal(message or err, err)
    end
    refused(400, "POST", "/api/chat", nil, "missing request body")
    refused(400, "POST", "/api/chat", "{")
    refused(400, "POST", "/api/chat", { messages = json.array {} }, "model is required")
    refused(400, "POST", "/api/show", {}, "model is required")
    refused(400, "POST", "/api/chat", { model = "m", messages = "x" })
    refused(400, "POST", "/api/chat", { model = "m", messages = json.array {}, top_logprobs = 21 }, "top_logprobs must be between 0 and 20")
    refused(400, "POST", "/api/chat", { model = "m", Model = "other", messages = { { role = "user", content = "x" } } }, "Model: expected model, in small letters")
    refused(400, "POST", "/api/generate", { model = "m", NAME = "other", prompt = "x" }, "NAME: expected name, in small letters")
    refused(400, "POST", "/api/pull", { model = "m", Name = "other" }, "Name: expected name, in small letters")
    refused(405, "GET", "/api/chat")
    refused(405, "POST", "/api/tags")
    assert.equal(0, #transport.requests)
    local status, bytes, headers = support.ask(gateway, "GET", "/nothing")
    assert.same({ 404, "404 page not found", "text/plain" }, { status, bytes, headers["content-type"] })
  end)

  it("tells of a hosted model what it is called there and who hosts it, on every line", function()
    for upstream in pairs(support.PROVIDERS) do
      local gateway = gateway_of(upstream, support.server(upstream, support.TEXT))
      for _, streamed in ipairs { true, false } do
        local _, bytes = chat(gateway, { stream = streamed })
        for _, line in ipairs(lines_of(bytes)) do
          assert.equal(upstream ~= "ollama" and "m" or nil, line.remote_model)
          assert.equal(upstream ~= "ollama" and "string" or "nil", type(line.remote_host))
        end
      end
    end
  end)

  it("takes the options that programs send, and sends none that its server does not know", function()
    local gateway, transport = gateway_of("openai_chat", TEXT)
    for _, options in ipairs {
      '{"num_ctx":4096,"temperature":null,"format":"json","keep_alive":"5m","odd":1,"num_predict":-1}', '{"num_predict":-2}', '{"num_predict":0}', "null", "{}",
    } do
      local status, bytes = support.ask(gateway, "POST", "/api/chat",
        ('{"model":"shown","stream":false,"keep_alive":-1,"options":%s,"messages":[{"role":"USER","content":"x"}]}'):format(options))
      assert.equal(200, status, bytes)
      assert.same({ model = "m", messages = { { role = "user", content = "x" } } }, json.decode(transport.requests[#transport.requests].body))
    end
    assert.equal(200, (chat(gateway, { stream = false, options = { num_predict = 5 } })))
    assert.equal(5, json.decode(transport.requests[#transport.requests].body).max_tokens)
  end)

  it("is busy, as a server with a full queue, where a limiter of the gateway is full", function()
    local function full() return nil, errors.new { kind = "limit", code = "queue", message = "full", retryable = true, retry_after = 2, sent = false } end
    local client = (support.client("openai_chat", TEXT)):use(full)
    local gateway = ogl.gateway { routes = { { model = "shown", client = client, to = "m" } } }
    local status, bytes, headers = chat(gateway)
    assert.same({ 503, "server busy, please try again.  maximum pending requests exceeded", "2" }, { status, json.decode(bytes).error, headers["retry-after"] })
    status = support.ask(gateway, "POST", "/v1/chat/completions", { model = "shown", messages = { { role = "user", content = "x" } } })
    assert.equal(429, status)
  end)

  it("says which model it does not have", function()
    local gateway = ogl.gateway { routes = { { model = "one", client = (support.client("openai_chat", {})) } } }
    local status, bytes = chat(gateway, { model = "two" })
    assert.equal(404, status)
    assert.equal("model 'two' not found", json.decode(bytes).error)
  end)
end)

describe("Ollama's completion", function()
  local encoder = core.encoder("ollama", "whole", { generate = true })
  encoder:finish()
  if not encoder:take():find('"response"', 1, true) then return pending "the encoder has no form of /api/generate" end

  it("has its own form, plain and streamed", function()
    for _, streamed in ipairs { false, true } do
      local gateway = gateway_of("openai_chat", support.server("openai_chat", support.TEXT))
      local status, bytes = support.ask(gateway, "POST", "/api/generate", { model = "shown", prompt = "x", stream = streamed })
      assert.equal(200, status, bytes)
      local text, lines = "", lines_of(bytes)
      for _, line in ipairs(lines) do text = text .. line.response end
      assert.equal("C'est Paris.", text)
      assert.is_true(lines[#lines].total_duration > 0)
      assert.is_nil(lines[1].created_at:find "^1970")
    end
  end)
end)

describe("Ollama's embeddings", function()
  local function answer(request)
    local list, input = {}, json.decode(request.body).input
    for i in ipairs(type(input) == "table" and input or { input }) do list[i] = ('{"index":%d,"embedding":[3,4]}'):format(i - 1) end
    return { headers = { ["content-type"] = "application/json" },
      body = ('{"object":"list","data":[%s],"usage":{"prompt_tokens":3}}'):format(table.concat(list, ",")) }
  end

  it("are of length 1, of the old route as they came", function()
    local gateway = gateway_of("openai_chat", answer)
    local status, bytes = support.ask(gateway, "POST", "/api/embed", { model = "shown", input = { "a", "b" } })
    assert.equal(200, status, bytes)
    local answered = json.decode(bytes)
    local _
    assert.same({ { 0.6, 0.8 }, { 0.6, 0.8 } }, answered.embeddings)
    assert.equal("shown", answered.model)
    assert.equal(3, answered.prompt_eval_count)
    _, bytes = support.ask(gateway, "POST", "/api/embeddings", { model = "shown", prompt = "a" })
    assert.same({ embedding = { 3, 4 } }, json.decode(bytes))
  end)

  it("of nothing are none", function()
    local gateway, transport = gateway_of("openai_chat", answer)
    local _, bytes = support.ask(gateway, "POST", "/api/embed", { model = "shown", input = json.array {} })
    assert.truthy(bytes:find('"embeddings":[]', 1, true))
    _, bytes = support.ask(gateway, "POST", "/api/embeddings", { model = "shown", prompt = "" })
    assert.equal('{"embedding":[]}', bytes)
    assert.equal(0, #transport.requests)
  end)
end)

describe("Ollama's lists", function()
  local gateway = gateway_of("openai_chat", function()
    return { headers = { ["content-type"] = "application/json" }, body = '{"object":"list","data":[{"id":"gpt-4o","created":7}]}' }
  end, nil, { aliases = { "other" }, context_length = 5000 })

  local function get(path, method)
    local status, bytes = support.ask(gateway, method or "GET", path)
    assert.equal(200, status, bytes)
    return json.decode(bytes) or bytes
  end

  it("say that the server lives, and its version", function()
    assert.equal("Ollama is running", get "/")
    get("/", "HEAD")
    assert.equal("0.32.15", get "/api/version".version)
    assert.is_true(get "/api/status".cloud.disabled)
    assert.same({}, get "/api/experimental/model-recommendations".recommendations)
  end)

  it("have of each model what programs read", function()
    local models = get "/api/tags".models
    assert.equal(3, #models)
    local model = models[1]
    assert.same({ "shown", "shown", 0 }, { model.name, model.model, model.size })
    assert.equal(64, #model.digest)
    assert.truthy(model.modified_at:find "^%d+%-%d%d%-%d%dT%d%d:%d%d:%d%dZ$")
    for _, name in ipairs { "format", "family", "parameter_size", "quantization_level" } do assert.equal("string", type(model.details[name])) end
    assert.equal("m", model.remote_model)
    assert.equal(5000, model.context_length)
    assert.equal("completion", model.capabilities[1])
    local running = get "/api/ps".models[3]
    assert.equal("gpt-4o", running.name)
    assert.equal(128000, running.context_length)
    assert.truthy(running.expires_at:find "Z$")
    assert.same(model.digest, get "/api/tags".models[1].digest)
  end)

  it("describe a model by `model` or `name`", function()
    for _, field in ipairs { "model", "name" } do
      local _, bytes = support.ask(gateway, "POST", "/api/show", { [field] = "gpt-4o:latest" })
      local shown = json.decode(bytes)
      local family = shown.model_info["general.architecture"]
      assert.equal(128000, shown.model_info[family .. ".context_length"])
      assert.equal("gpt-4o", shown.model_info["general.basename"])
      assert.truthy(shown.parameters:find "^num_ctx +128000")
      assert.equal("completion", shown.capabilities[1])
      assert.equal("string", type(shown.template))
    end
  end)

  it("show GitHub Copilot the name that it asks for, and who completes in the middle of a text its place", function()
    local able = gateway_of("openai_chat", {}, nil, { capabilities = { "completion", "insert" } })
    local function show(agent)
      local _, bytes = support.ask(able, "POST", "/api/show", { model = "shown:latest" }, { ["user-agent"] = agent })
      return json.decode(bytes)
    end
    assert.equal("shown:latest", show "GitHubCopilotChat/0.30".model_info["general.basename"])
    assert.equal("shown", show "curl".model_info["general.basename"])
    assert.truthy(show "curl".template:find(".Suffix", 1, true))
  end)

  it("let an Ollama server describe its own models", function()
    local function server(request)
      local body = request.url:find "/api/tags$" and '{"models":[{"name":"m:8b","model":"m:8b","size":7,"digest":"d"}]}' or '{"template":"own"}'
      return { headers = { ["content-type"] = "application/json" }, body = body }
    end
    local own = gateway_of("ollama", server)
    local _, bytes = support.ask(own, "POST", "/api/show", { model = "shown" })
    assert.equal("own", json.decode(bytes).template)
    _, bytes = support.ask(own, "GET", "/api/tags")
    assert.same({ name = "m:8b", model = "m:8b", size = 7, digest = "d" }, json.decode(bytes).models[2])
  end)

  it("describe a model whose own server fails, but none that it does not have", function()
    for status, wanted in pairs { [503] = 200, [404] = 404 } do
      local own = gateway_of("ollama", { status = status, body = '{"error":"x"}' })
      local answered, bytes = support.ask(own, "POST", "/api/show", { model = "shown" })
      assert.equal(wanted, answered)
      assert.equal(wanted == 200 and "completion" or nil, (json.decode(bytes).capabilities or {})[1])
    end
  end)
end)

describe("a request that changes models", function()
  it("finds those of the list there, and refuses the rest", function()
    local gateway = ogl.gateway { routes = { { model = "one", client = (support.client("openai_chat", {})) } } }
    local _, bytes = support.ask(gateway, "POST", "/api/pull", { model = "one" })
    assert.equal('{"status":"success"}\n', bytes)
    _, bytes = support.ask(gateway, "POST", "/api/pull", { name = "one", stream = false })
    assert.equal('{"status":"success"}', bytes)
    assert.equal(404, (support.ask(gateway, "POST", "/api/pull", { model = "two" })))
    local LIST = { headers = { ["content-type"] = "application/json" }, body = '{"object":"list","data":[{"id":"one"}]}' }
    for body, status in pairs { [LIST.body] = 404, ['{"object":"list","data":[]}'] = 200 } do
      LIST.body = body
      local open = ogl.gateway { routes = { { client = (support.client("openai_chat", LIST)) } } }
      assert.equal(200, (support.ask(open, "POST", "/api/pull", { model = "one" })))
      assert.equal(status, (support.ask(open, "POST", "/api/pull", { model = "two" })))
    end
    local own = ogl.gateway { routes = { { client = (support.client("ollama", {
      headers = { ["content-type"] = "application/json" }, body = '{"models":[{"name":"one:latest"},{"name":"two:8b"}]}' })) } } }
    for name, status in pairs { one = 200, ["one:latest"] = 200, ["two:8b"] = 200, two = 404, three = 404 } do
      assert.equal(status, (support.ask(own, "POST", "/api/pull", { model = name })), name)
    end
    assert.equal(403, (support.ask(gateway, "DELETE", "/api/delete", { model = "one" })))
    assert.equal(403, (support.ask(gateway, "POST", "/api/copy", { source = "one", destination = "x" })))
    assert.equal(403, (support.ask(gateway, "HEAD", "/api/blobs/sha256:00")))
    assert.equal(401, (support.ask(gateway, "POST", "/api/me")))
    assert.equal(401, (support.ask(gateway, "DELETE", "/api/user/keys/abc")))
  end)

  it("goes on to an Ollama server whose route says manage", function()
    local gateway, transport = gateway_of("ollama", { headers = { ["content-type"] = "application/x-ndjson" },
      body = '{"status":"pulling"}\n{"status":"success"}\n' }, nil, { manage = true })
    local _, bytes = support.ask(gateway, "POST", "/api/pull", { model = "shown" })
    assert.equal('{"status":"pulling"}\n{"status":"success"}\n', bytes)
    assert.equal(200, (support.ask(gateway, "DELETE", "/api/delete", { model = "shown" })))
    assert.equal("DELETE", transport.requests[2].method)
    assert.equal("m", json.decode(transport.requests[2].body).model)
    assert.equal(200, (support.ask(gateway, "HEAD", "/api/blobs/sha256:00")))
    assert.equal("HEAD", transport.requests[3].method)
    assert.truthy(transport.requests[3].url:find "/api/blobs/sha256:00$")
    assert.equal(200, (support.ask(gateway, "POST", "/api/create", { model = "shown", from = "shown" })))
    assert.equal("m", json.decode(transport.requests[4].body).from)
  end)

  it("sends layers on as files, and reads none where nothing is managed", function()
    local sent
    local function server(request)
      local pieces = {}
      for bytes in request.body.read do pieces[#pieces + 1] = bytes end
      sent = { table.concat(pieces), request.body.length }
      return { status = 201, body = "" }
    end
    local gateway, transport = gateway_of("ollama", server, { limits = { body = 10 } }, { manage = true })
    local function push(where, source, body)
      return (where:handle { method = "POST", path = "/api/blobs/sha256:00", headers = {}, source = source, body = body })
    end
    local path = helper.write(("x"):rep(100000))
    assert.equal(201, (push(gateway, function() return { path = path } end)))
    assert.same({ ("x"):rep(100000), 100000 }, sent)
    assert.truthy(transport.requests[1].url:find "/api/blobs/sha256:00$")
    assert.equal(201, (push(gateway, nil, "bytes")))
    assert.same({ "bytes", 5 }, sent)
    assert.is_true(gateway:takes_file "/api/blobs/sha256:00")
    assert.is_false(gateway:takes_file "/api/create")
    local closed = gateway_of("openai_chat", {})
    assert.equal(403, (push(closed, function() error "read" end)))
  end)
end)
