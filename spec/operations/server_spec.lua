-- Finding out the server's version: the document, its routes where the number is wrong, and the probes where it is hidden.
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"
local server = require "opengatellm.operations.server"

local REQUIRED = { { name = "start_time", required = true } }

-- What a version's document has, as far as it tells.
local function document(version, ...)
  local paths = {}
  for _, route in ipairs { ... } do
    local method, path = route:match "^(%l+) (.*)$"
    paths[path] = paths[path] or {}
    paths[path][method] = { parameters = path == "/v1/usage" and REQUIRED or nil }
  end
  return json.encode { info = { version = version }, paths = paths }
end

local OLD = { "get /v1/me/info", "get /v1/me/keys", "get /v1/collections" }
local V045 = { "get /v1/me/info", "get /health/models", "get /v1/collections" }
local V08 = { "get /v1/me", "get /v1/me/info", "get /v1/usage", "get /v1/keys", "get /health/models" }
local V09 = { "get /v1/me", "get /v1/me/info", "get /v1/usage", "patch /v1/keys/{key_id}", "get /health/models" }

local unpack_of = table.unpack or unpack

-- A client whose server answers by path: a status, or a body.
local function client(answers, options)
  local transport = replay.new(function(request)
    local path = request.url:match "^http://server([^?]*)"
    local answer = answers[path] or 404
    if type(answer) == "table" then return answer end
    if type(answer) == "string" then return { body = answer } end
    return { status = answer, body = answer == 404 and '{"detail":"Not Found"}' or "{}" }
  end)
  local all = { base_url = "http://server", transport = transport, api_key = "sk-x12345", retries = { max = 0 } }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.client(all), transport
end

describe("a version", function()
  it("can be compared", function()
    local order = { "0.4.1", "0.4.5", "0.5", "0.9", "0.9.2", "0.9.10", "0.10", "1.0", "main" }
    for i = 2, #order do assert.is_true(server.parse(order[i - 1]) < server.parse(order[i]), order[i]) end
    assert.equal(server.parse "0.9", server.parse "0.9.0")
    assert.equal(server.parse "0.9.2", server.parse "v0.9.2-rc1")
    for _, text in ipairs { "0.4.5", "0.9", "main" } do assert.equal(text, server.text(server.parse(text))) end
    assert.is_nil(server.parse "latest")
  end)
end)

describe("the server's version", function()
  it("is the document's number, unless its routes say otherwise", function()
    for _, case in ipairs {
      { document("0.4.1", unpack_of(OLD)), "0.4.1" }, { document("0.4.5", unpack_of(V045)), "0.4.5" },
      { document("0.8", unpack_of(V08)), "0.8" }, { document("0.9.2", unpack_of(V09)), "0.9.2" },
      { document("0.4.0", unpack_of(V09)), "0.9" }, { document("1.2.3", unpack_of(OLD)), "0.4.1" },
      { document("1.2.3", unpack_of(V045)), "0.4.5" }, { document("prod", unpack_of(V08)), "0.8" },
      { document("0.7.0", "get /v1/me", "get /v1/me/info"), "0.7" }, { document("0.6.0"), "0.6" },
    } do
      local c, transport = client { ["/openapi.json"] = case[1] }
      assert.equal(case[2], server.text(assert(server.version(c))))
      assert.equal(1, #transport.requests)
    end
  end)

  it("is found by probes where there is no document", function()
    for _, case in ipairs {
      { {}, "0.4.1" },
      { { ["/health/models"] = 401, ["/v1/parse-beta"] = 405 }, "0.4.5" },
      { { ["/health/models"] = 200 }, "0.6" },
      { { ["/v1/me"] = 200, ["/v1/usage"] = 200 }, "0.7" },
      { { ["/v1/me"] = 200, ["/v1/usage"] = 422, ["/v1/keys"] = 200 }, "0.8" },
      { { ["/v1/me"] = 200, ["/v1/usage"] = 422, ["/v1/keys"] = 422 }, "0.9" },
      { { ["/openapi.json"] = "<html>", ["/v1/me"] = 200, ["/v1/usage"] = 200 }, "0.7" },
      { { ["/openapi.json"] = document "custom", ["/v1/me"] = 200, ["/v1/usage"] = 200 }, "0.7" },
    } do
      assert.equal(case[2], server.text(assert(server.version((client(case[1]))))))
    end
  end)

  it("is asked for once for all clients of an address", function()
    local c, transport = client { ["/openapi.json"] = document("0.8", unpack_of(V08)), ["/v1/me"] = '{"id":1}' }
    assert.equal(1, assert(c:me()).id)
    assert(c:with({ timeouts = { total = 5 } }):me())
    assert.equal(3, #transport.requests)
    c:with({ base_url = "http://server/other" }):me()
    assert.equal("http://server/other/openapi.json", transport.requests[4].url)
  end)

  it("is not asked for where it is pinned, or where it does not matter", function()
    local c, transport = client({ ["/v1/me/info"] = '{"id":2}' }, { version = "0.6" })
    assert.equal(2, assert(c:me()).id)
    assert.equal(1, #transport.requests)
    c, transport = client {
      ["/v1/models"] = '{"data":[]}', ["/v1/rerank"] = '{"results":[]}', ["/health"] = '{"status":"ok"}', ["/v1/ocr"] = '{"pages":[]}',
      ["/v1/audio/transcriptions"] = '{"text":"x"}', ["/openapi.json"] = document "0.8",
    }
    assert(c:models())
    assert(c:rerank { model = "m", query = "q", documents = { "a" } })
    assert(c:health())
    assert(c:transcribe { model = "m", file = { data = "x" } })
    assert(c:ocr { document = "https://x/a.pdf" })
    assert.equal(5, #transport.requests)
    assert(c:transcribe { model = "m", file = { data = "x" }, response_format = "srt" })
    assert.equal("http://server/openapi.json", transport.requests[6].url)
  end)

  it("is not guessed where the key is refused", function()
    local answers = { ["/v1/me"] = 401, ["/v1/usage"] = 401, ["/v1/keys"] = 401 }
    local c = client(answers)
    assert.equal("auth", select(2, c.keys:list()).kind)
    answers["/v1/me"], answers["/v1/usage"], answers["/v1/keys"] = 200, 422, 422
    assert.equal("0.9", server.text(assert(server.version(c))))
  end)

  it("is an error of the call where nobody answers", function()
    local c = client { ["/openapi.json"] = { err = require "opengatellm.errors".new { kind = "network", message = "refused" } } }
    local me, err = c:me()
    assert.is_nil(me)
    assert.equal("network", err.kind)
  end)

  it("is asked for again where the server has become another one", function()
    local answers = { ["/openapi.json"] = document("0.6", "get /v1/me/info"), ["/v1/me/info"] = '{"id":1}' }
    local c, transport = client(answers)
    assert.equal(1, assert(c:me()).id)
    answers["/openapi.json"], answers["/v1/me/info"], answers["/v1/me"] = document("0.9.2", unpack_of(V09)), 404, '{"id":3}'
    assert.equal(3, assert(c:me()).id)
    assert.equal(5, #transport.requests) -- document, me/info; me/info (gone), document, me
  end)

  it("is told with the versions that have what it lacks", function()
    local c, transport = client({}, { version = "0.8" })
    local key, err = c.keys:update(1, { name = "x" })
    assert.is_nil(key)
    assert.same({ "unsupported", "version" }, { err.kind, err.code })
    assert.equal("client.keys:update: OpenGateLLM 0.8 has no such call; it is there from 0.9 on", err.message)
    err = select(2, c.legacy:parse { file = { data = "x" } })
    assert.equal("client.legacy:parse: OpenGateLLM 0.8 has no such call; it is there before 0.5", err.message)
    err = select(2, c:with({ version = "0.7" }):usage { models = { "m" } })
    assert.equal("client:usage: models: OpenGateLLM 0.7 does not know it; it is there from 0.8 on", err.message)
    assert.equal(0, #transport.requests)
  end)

  it("explains a route that is not there", function()
    local c = client { ["/openapi.json"] = document("0.4.1", unpack_of(OLD)) }
    local health, err = c:health_models()
    assert.is_nil(health)
    assert.equal("client:health_models: OpenGateLLM 0.4.1 has no such call; it is there from 0.4.5 on", err.message)
    err = select(2, client({}, { version = "0.8" }):health())
    assert.matches("an operator can turn routes off", err.message)
    err = select(2, client({}, { version = "0.8" }).collections:list())
    assert.matches("set rag_url to the address of its OpenGateRAG", err.message)
    err = select(2, client({}, { version = "0.8", rag_url = "http://server/rag" }).collections:list())
    assert.equal("Not Found", err.message)
  end)
end)
