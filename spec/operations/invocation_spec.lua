-- One call of an operation: what is checked, what is sent, what comes back.
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local function client(answer, options)
  local transport = replay.new(answer or { body = "{}" })
  local all = { base_url = "http://server", transport = transport, api_key = "sk-x12345", model = "m", version = "0.9.2", retries = { max = 0 } }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.client(all), transport
end

-- Answers in turn.
local function turns(...)
  local answers = { ... }
  return function(_, n) return answers[n] end
end

describe("misuse", function()
  it("raises before anything is sent, at the caller", function()
    local c, transport = client()
    for message, call in pairs {
      ["client.keys:create: name: expected string, got number"] = function() c.keys:create { name = 5 } end,
      ["client.keys:create: name: it is required"] = function() c.keys:create {} end,
      ["client.keys:get: id: it is required"] = function() c.keys:get() end,
      ["client.keys:get: id: expected integer, got string"] = function() c.keys:get "5" end,
      ["client.keys:list: expected a table of options, got string"] = function() c.keys:list "x" end,
      ["client.admin.users:get: id: expected integer, got table"] = function() c.admin.users:get {} end,
      ["client:rerank: documents: expected a list of string %(its item 1 is a number%), got table"] =
        function() c:rerank { query = "q", documents = { 1 } } end,
      ["client:metrics: parse: expected boolean, got number"] = function() c:metrics { parse = 1 } end,
      ["client:me: timeouts"] = function() c:me { timeouts = { first = 1 } } end,
      ["client:me: on_progress: expected function, got boolean"] = function() c:me { on_progress = true } end,
      ["client:ocr: pages: expected a list"] = function() c:ocr { document = "a.pdf", pages = { "1" } } end,
    } do
      assert.error_matches(call, "^" .. message:gsub("%.", "%%."))
      local _, raised = pcall(call)
      assert.matches("invocation_spec.lua:%d+: client", raised) -- luassert takes the place away
    end
    assert.equal(0, #transport.requests)
  end)

  it("is not a name that nothing has", function() assert.is_nil(client().nothing) end)
end)

describe("a limit of the server", function()
  it("is an error of the call, with every field that is wrong", function()
    local c, transport = client()
    local result, err = c.admin.users:create { email = "", password = "12345", role_id = 1, organization_id = 1 }
    assert.is_nil(result)
    assert.same({ "invalid", "invalid" }, { err.kind, err.code })
    assert.same({
      { path = "email", message = "should have at least 1 character" }, { path = "password", message = "should have at least 6 characters" },
    }, err.fields)
    assert.equal("client.admin.users:create: email: should have at least 1 character; password: should have at least 6 characters", err.message)
    assert.equal("invalid", select(2, c:update_me { password = "123456" }).kind)
    assert.equal(0, #transport.requests)
  end)
end)

describe("fields that are not known", function()
  it("go through, and are told in strict mode", function()
    local c, transport = client { body = '{"id":1,"value":"sk-abc"}' }
    assert(c.keys:create { name = "k", budget = 5, extra = { note = "x" } })
    assert.equal('{"budget":5,"name":"k","note":"x"}', transport.requests[1].body)
    local key, err = c.keys:create { name = "k", budget = 5, strict = true }
    assert.is_nil(key)
    assert.same({ "unsupported", "budget" }, { err.kind, err.code })
    assert.equal(1, #transport.requests)
    c.keys:list { colour = "red", limit = 5 }
    assert.equal("http://server/v1/keys?colour=red&limit=5", transport.requests[2].url)
  end)

  it("that have another name by now are translated", function()
    local c, transport = client({ body = '{"data":[]}' })
    assert(c:search { prompt = "q", collections = { 1 } })
    assert.equal('{"collection_ids":[1],"query":"q"}', transport.requests[1].body)
  end)
end)

describe("a request", function()
  it("leaves the user's table as it is", function()
    local options = { prompt = "q" }
    assert(client({ body = '{"data":[]}' }):search(options))
    assert.same({ prompt = "q" }, options)
  end)

  it("has lists that are lists, and numbers without a fraction", function()
    local c, transport = client { body = '{"data":[]}' }
    assert(c:search { query = "q", document_ids = {} })
    assert.equal('{"document_ids":[],"query":"q"}', transport.requests[1].body)
    c:usage { start_time = 1790000000.0, end_time = 1790000001, models = { "a b", "c" }, limit = 2 }
    assert.equal("http://server/v1/usage?end_time=1790000001&limit=2&models=a%20b&models=c&start_time=1790000000", transport.requests[2].url)
    c.chunks:get(12.0, 0)
    assert.equal("http://server/v1/documents/12/chunks/0", transport.requests[3].url)
  end)

  it("of retrieval goes to rag_url, with the same key", function()
    local c, transport = client({ body = '{"data":[]}' }, { rag_url = "http://rag" })
    assert(c.collections:list())
    assert.equal("http://rag/v1/collections", transport.requests[1].url)
    assert(c.keys:list())
    assert.equal("http://server/v1/keys", transport.requests[2].url)
  end)

  it("to another provider is refused where that has no such call", function()
    local c, transport = client(nil, { provider = "openai_compatible" })
    local keys, err = c.keys:list()
    assert.is_nil(keys)
    assert.same({ "unsupported", "client.keys:list: the provider openai_compatible has no such call" }, { err.kind, err.message })
    assert.equal(0, #transport.requests)
  end)
end)

describe("an update that replaces the whole", function()
  local USER = '{"id":3,"email":"a@b","name":"Ada","role_id":1,"organization_id":2,"budget":null,"expires":1800000000}'

  it("repeats what the user does not name", function()
    local c, transport = client(turns({ body = USER }, { body = USER }))
    assert(c.admin.users:update(3, { name = "Eve", expires = ogl.null }))
    assert.same({ "GET", "PATCH" }, { transport.requests[1].method, transport.requests[2].method })
    assert.same({ email = "a@b", name = "Eve", role_id = 1, organization_id = 2, budget = json.null, expires = json.null },
      json.decode(transport.requests[2].body))
  end)

  it("asks nothing where all is named, or where the server is older", function()
    local c, transport = client { status = 204, body = "" }
    assert.is_true(c:update_me { name = "Ada", email = "a@b" })
    assert.equal(1, #transport.requests)
    c, transport = client({ status = 204, body = "" }, { version = "0.6" })
    assert.is_true(c:update_me { name = "Ada" })
    assert.equal('{"name":"Ada"}', transport.requests[1].body)
    assert.equal("http://server/v1/me/info", transport.requests[1].url)
  end)

  it("fails where the whole cannot be asked for", function()
    local c, transport = client { status = 404, body = '{"detail":"Role 3 not found."}' }
    local role, err = c.admin.roles:update(3, { name = "x" })
    assert.is_nil(role)
    assert.same({ 404, "role_not_found" }, { err.status, err.code })
    assert.equal(1, #transport.requests)
  end)
end)

describe("an answer", function()
  it("has no nulls, and the newest names", function()
    local body = '{"id":1,"token":"sk-abc","user":4,"expires":null}'
    assert.same({ id = 1, value = "sk-abc", user_id = 4 }, assert(client({ body = body }).keys:get(1)))
    body = '{"id":1,"role":2,"organization":null,"limits":[{"router":5,"type":"rpm","value":null}]}'
    assert.same({ id = 1, role_id = 2, limits = { { router_id = 5, type = "rpm" } } }, assert(client({ body = body }).admin.users:get(1)))
    assert.equal("sk-new", assert(client({ body = '{"id":1,"key":"sk-new"}' }):login { email = "a", password = "secret" }).value)
  end)

  it("that is a list is a page", function()
    local page = assert(client({ body = '{"object":"list","total":12,"offset":5,"limit":2,"data":[{"id":1},{"id":2}]}' }).keys:list())
    assert.same({ 2, 12, 5, 2 }, { #page, page.total, page.offset, page.limit })
    assert.equal('[{"id":1},{"id":2}]', json.encode(page))
    page = assert(client({ body = '{"data":[]}' }).collections:list { offset = 3 })
    assert.same({ 0, 3 }, { #page, page.offset })
    assert.is_nil(page.total)
    page = assert(client({ body = '[{"id":"m","status":"green"}]' }):health_models())
    assert.same({ { id = "m", status = "green" } }, { page[1] })
    assert.equal(0, #assert(client({ body = "[]" }):health_models()))
  end)

  it("that is something else is an error", function()
    for _, case in ipairs {
      { '{"data":5}', "the server's answer is not a list" }, { '{"data":[5]}', "is not a list of objects" }, { "5", "is not an object" },
      { "<html><title>Hi</title>", "answered with HTML: Hi" }, { "{", "is not JSON" },
    } do
      local list, err = client({ body = case[1] }).keys:list()
      assert.is_nil(list)
      assert.equal("protocol", err.kind)
      assert.matches(case[2], err.message)
    end
    assert.equal("protocol", select(2, client({ body = '{"results":[{"index":"x"}]}' }):rerank { query = "q", documents = { "a" } }).kind)
    assert.equal("protocol", select(2, client({ body = '{"pages":1}' }):ocr { document = "http://x/a.pdf" }).kind)
    assert.equal("protocol", select(2, client({ body = "{}" }):transcribe { file = { data = "x" } }).kind)
  end)
end)

describe("a secret", function()
  it("that a server quotes is taken out of the error", function()
    local body = '{"detail":[{"type":"x","loc":["body","password"],"msg":"too weak: hunter22","input":"hunter22"}]}'
    local _, err = client({ status = 422, body = body }):login { email = "a@b", password = "hunter22" }
    assert.equal(422, err.status)
    assert.is_false(require "spec.helper".mentions(err, "hunter22"))
    assert.matches("%[REDACTED%]", err.message)
  end)
end)

describe("usage", function()
  it("is the same for buckets and for requests", function()
    local bucket = '{"data":[{"start_time":1790899200,"end_time":1790985600,"prompt_tokens":145,"completion_tokens":50,"total_tokens":195,'
      .. '"cost":0.5,"requests":3,"impacts":{"kWh":0.25,"kgCO2eq":0.125}}]}'
    assert.same({
      start_time = 1790899200, end_time = 1790985600, input_tokens = 145, output_tokens = 50, total_tokens = 195, cost = 0.5, requests = 3,
      energy_kwh = 0.25, co2_kg = 0.125,
    }, assert(client({ body = bucket }):usage())[1])
    local row = '{"data":[{"object":"me.usage","model":"m","key":"k","endpoint":"/v1/rerank","method":"POST","status":200,"created":1790000000,'
      .. '"usage":{"prompt_tokens":5,"completion_tokens":null,"total_tokens":5,"cost":0.5,"carbon":{"kWh":0.25,"kgCO2eq":0.125},'
      .. '"metrics":{"latency":120,"ttft":null}}}]}'
    assert.same({
      start_time = 1790000000, end_time = 1790000000, input_tokens = 5, total_tokens = 5, cost = 0.5, requests = 1, energy_kwh = 0.25,
      co2_kg = 0.125, model = "m", key = "k", endpoint = "/v1/rerank", method = "POST", status = 200, latency_ms = 120,
    }, assert(client({ body = row }, { version = "0.6" }):usage())[1])
  end)

  it("is that of the last 30 days where no dates are given", function()
    local c, transport = client { body = '{"data":[]}' }
    assert(c:usage())
    local finish, start = transport.requests[1].url:match "end_time=(%d+)&start_time=(%d+)"
    assert.equal(30 * 24 * 3600, finish - start)
  end)
end)

describe("OCR", function()
  it("makes the document of an address, a path or bytes", function()
    local helper = require "spec.helper"
    local pdf, png = helper.write "%PDF-1.7", helper.write "\137PNG\r\n\26\n"
    for _, case in ipairs {
      { "https://x.fr/a.pdf", { type = "document_url", document_url = "https://x.fr/a.pdf" } },
      { "https://x.fr/a.PNG?x=1", { type = "image_url", image_url = "https://x.fr/a.PNG?x=1" } },
      { "data:image/png;base64,AA==", { type = "image_url", image_url = "data:image/png;base64,AA==" } },
      { pdf, { type = "document_url", document_url = "data:application/pdf;base64,JVBERi0xLjc=", document_name = pdf:match "[^/]+$" } },
      { ogl.image { path = png }, { type = "image_url", image_url = "data:image/png;base64,iVBORw0KGgo=" } },
      { { data = "x", mime = "application/pdf", name = "n.pdf" },
        { type = "document_url", document_url = "data:application/pdf;base64,eA==", document_name = "n.pdf" } },
      { { type = "document_url", document_url = "https://x" }, { type = "document_url", document_url = "https://x" } },
    } do
      local c, transport = client { body = '{"pages":[{"index":0,"markdown":"# A","images":[]},{"index":2,"markdown":"B","images":[]}]}' }
      local found = assert(c:ocr { document = case[1], model = "o", pages = { 1, 3 } })
      local body = json.decode(transport.requests[1].body)
      assert.same(case[2], body.document)
      assert.same({ 0, 2 }, { body.pages[1], body.pages[2] })
      assert.same({ 1, 3, "# A\n\nB" }, { found.pages[1].index, found.pages[2].index, found.text })
    end
    assert.equal("file", select(2, client():ocr { document = "/nowhere/x.pdf" }).kind)
    assert.equal("invalid", select(2, client():ocr { document = { url = "a", path = "b" } }).kind)
  end)

  it("names the schema as the version does", function()
    local format = { type = "json_schema", json_schema = { name = "n", schema = { type = "object" } } }
    for version, name in pairs { ["0.9.2"] = "schema", ["0.4.5"] = "schema_definition" } do
      local c, transport = client({ body = '{"pages":[]}' }, { version = version })
      assert(c:ocr { document = "https://x/a.pdf", document_annotation_format = format })
      assert.same({ type = "object" }, json.decode(transport.requests[1].body).document_annotation_format.json_schema[name])
    end
    assert.same({ type = "object" }, format.json_schema.schema)
  end)
end)

describe("search in a chat", function()
  local ANSWER = { body = '{"choices":[{"index":0,"message":{"content":"ok"},"finish_reason":"stop"}],"search_results":[{"score":1,"method":"semantic"}]}' }

  it("becomes the gateway's tool", function()
    local c, transport = client(ANSWER, { version = "0.4.5" })
    local reply = assert(c:chat { messages = { ogl.user "q" }, search = { collection_ids = { 1 }, limit = 3 } })
    assert.equal(1, reply.search_results[1].score)
    local body = json.decode(transport.requests[1].body)
    assert.same({ type = "search", collection_ids = json.array { 1 }, limit = 3 }, body.tools[1])
    assert.equal("none", body.tool_choice)
    assert(c:chat { messages = { ogl.user "q" }, search = {}, tools = { { name = "f" } } })
    body = json.decode(transport.requests[2].body)
    assert.same({ 2, "auto" }, { #body.tools, body.tool_choice })
  end)

  it("is refused where the server has none, or does not take it", function()
    local c, transport = client(ANSWER)
    local reply, err = c:chat { messages = { ogl.user "q" }, search = {} }
    assert.is_nil(reply)
    assert.matches("OpenGateLLM 0.9.2 cannot search in a chat; it is there before 0.9", err.message)
    c = c:with { version = "0.4.5" }
    assert.equal("invalid", select(2, c:chat { messages = { ogl.user "q" }, search = { limit = 101 } }).kind)
    assert.error_matches(function() c:chat { messages = { ogl.user "q" }, search = { limit = "1" } } end, "search.limit: expected integer")
    assert.equal(0, #transport.requests)
    reply = assert(client(ANSWER, { provider = "openai_compatible" }):chat { messages = { ogl.user "q" }, search = {} })
    assert.equal("search", reply.warnings[1].field)
  end)
end)
