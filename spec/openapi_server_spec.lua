-- The conformance server of tests/server/openapi.lua: what judges the requests of other specs has to be right itself.
local helper = require "spec.helper"
local cjson = require "cjson"
local http = require "socket.http"
local ltn12 = require "ltn12"

local contract = require "server.contract"
local example = require "server.example"
local form = require "server.form"
local schema = require "server.schema"

local DOCUMENT = helper.shared "reference/opengatellm_openapi_0.4.5.json"
local ABSENT = "the reference material is not here (OGL_SHARED)"

describe("validator", function()
  local ROOT = { defs = { id = { type = "integer" }, ["a/b"] = { ["$ref"] = "#/defs/id" } } }
  local NULLABLE = { anyOf = { { type = "integer", minimum = 1 }, { type = "null" } } }
  local NAMED = { type = "object", properties = { a = { type = "string" } } }

  local function closed(rule) return { type = "object", properties = { a = {} }, additionalProperties = rule } end

  -- The schema, a value that it allows, one that it does not, and what is wrong with that.
  local CASES = {
    { { type = "string" }, "7", 7, "value: is of type integer, not string" },
    { { type = "integer" }, 2.0, 2.5, "value: is of type number, not integer" },
    { { type = "integer" }, -3, math.huge, "value: is of type number, not integer" },
    { { type = "number" }, 2.5, "2.5", "value: is of type string, not number" },
    { { type = "boolean" }, false, 0, "value: is of type integer, not boolean" },
    { { type = "null" }, cjson.null, false, "value: is of type boolean, not null" },
    { { type = "array" }, { 1 }, { a = 1 }, "value: is of type object, not array" },
    { { type = "object" }, { a = 1 }, { 1 }, "value: is of type array, not object" },
    { { type = "array" }, {}, schema.decode "{}", "value: is of type object, not array" },
    { { type = "object" }, {}, schema.decode "[]", "value: is of type array, not object" },
    { { type = { "string", "null" } }, cjson.null, 1, "value: is of type integer, not string or null" },
    { { ["$ref"] = "#/defs/a~1b" }, 1, "x", "value: is of type string, not integer" },
    { { ["$ref"] = "#/defs/id", minimum = 3 }, 3, 2, "value: 2 is less than 3" },
    { { enum = { "a", 1, { 2 } } }, { 2 }, "b", 'value: "b" is none of the values allowed' },
    { { const = "x" }, "x", "y", 'value: is "y", not "x"' },
    { { const = false }, false, true, "value: is true, not false" },
    { { minLength = 2 }, "éé", "é", "value: has 1 characters, fewer than 2" },
    { { maxLength = 2 }, "éé", "ééé", "value: has 3 characters, more than 2" },
    { { minimum = 1 }, 1, 0.5, "value: 0.5 is less than 1" },
    { { maximum = 1 }, 1, 1.5, "value: 1.5 is more than 1" },
    { { exclusiveMinimum = 0 }, 0.1, 0, "value: 0 is not more than 0" },
    { { exclusiveMaximum = 9 }, 8, 9, "value: 9 is not less than 9" },
    { { minItems = 1 }, { 1 }, {}, "value: has 0 items, fewer than 1" },
    { { maxItems = 1 }, { 1 }, { 1, 2 }, "value: has 2 items, more than 1" },
    { { minProperties = 1 }, { a = 1 }, schema.decode "{}", "value: has 0 fields, fewer than 1" },
    { { maxProperties = 1 }, { a = 1 }, { a = 1, b = 2 }, "value: has 2 fields, more than 1" },
    { { required = { "a" } }, { a = cjson.null }, { b = 1 }, "value.a: is missing" },
    { NAMED, { a = "x", b = 1 }, { a = 1 }, "value.a: is of type integer, not string" },
    { closed(false), { a = 1 }, { a = 1, b = 2 }, "value.b: is not declared" },
    { closed(true), { a = 1, b = 2 }, nil },
    { closed { type = "string" }, { a = 1, b = "x" }, { b = 2 }, "value.b: is of type integer, not string" },
    { { propertyNames = { maxLength = 1 } }, { a = 1 }, { ab = 1 }, "value (a field's name): has 2 characters, more than 1" },
    { { items = { type = "string" } }, { "a", "b" }, { "a", 2 }, "value[1]: is of type integer, not string" },
    { { items = NAMED }, { { a = "x" } }, { {}, { a = 1 } }, "value[1].a: is of type integer, not string" },
    { NULLABLE, cjson.null, "x", "value: is of type string, not integer" },
    { NULLABLE, 1, 0, "value: 0 is less than 1" },
    { { anyOf = { { type = "string" }, { minimum = 2 } } }, 2, 1,
      "value: fits nothing that is allowed (value: is of type integer, not string / value: 1 is less than 2)" },
    { { oneOf = { { type = "integer" }, { minimum = 2 } } }, 1, 2, "value: fits 2 of what is allowed, not one" },
    { { allOf = { { minimum = 1 }, { maximum = 3 } } }, 2, 4, "value: 4 is more than 3" },
    { { items = false }, {}, { 1 }, "value[0]: is not allowed" },
    { { pattern = "^x$", format = "date" }, "y", nil },
    { {}, cjson.null, nil },
  }

  it("takes what a schema allows, and says of the rest what is wrong with it", function()
    for _, case in ipairs(CASES) do
      assert.same({}, schema.validate(ROOT, case[1], case[2]))
      if case[3] ~= nil then assert.same({ case[4] }, schema.validate(ROOT, case[1], case[3])) end
    end
  end)

  it("names the value as it is told to, and finds all mistakes", function()
    local rules = { required = { "a", "b" }, properties = { c = { type = "string" } } }
    assert.same({ "body.c: is of type integer, not string", "body.a: is missing", "body.b: is missing" },
      schema.validate({}, rules, { c = 1 }, "body"))
  end)

  it("reads JSON and tells an empty array from an empty object", function()
    local value = schema.decode [=[{"a": [ ], "b": {}, "c": "[] {} \"[]\\\\", "d": [[],{}], "e": [0]}]=]
    for key, rule in pairs { a = "array", b = "object", c = "string", d = "array", e = "array" } do
      assert.same({}, schema.validate({}, { type = rule }, value[key], key))
    end
    assert.equal('[] {} "[]\\\\', value.c)
    assert.equal(1, #schema.validate({}, { type = "object" }, value.d[1]))
    assert.equal(1, #schema.validate({}, { type = "array" }, value.d[2]))
    for _, text in ipairs { "{", '{"a":NaN}', "", '"a', "[0x10]" } do assert.is_nil((schema.decode(text))) end
  end)
end)

describe("form", function()
  it("turns texts into what the schema means", function()
    local properties = {
      n = { anyOf = { { type = "integer", minimum = 1 }, { type = "null" } } }, x = { type = "number" }, b = { type = "boolean" },
      l = { type = "array", items = { type = "integer" } }, s = { type = "string" },
    }
    local values, _, problems = form.values({}, properties, form.query "n=0&x=1.5e1&b=false&l=1&l=x&s=a+%C3%A9%2B&s=2&z=9")
    assert.same({ n = 0, x = 15, b = false, l = { 1, "x" }, s = "a é+", z = "9" }, values)
    assert.same({ "s: is given 2 times" }, problems)
    assert.same({ n = "1.0", x = "", b = "yes" }, (form.values({}, properties, form.query "n=1.0&x&b=yes")))
  end)
end)

describe("example", function()
  if not DOCUMENT then return it("of every operation", function() pending(ABSENT) end) end
  local document = contract.load(DOCUMENT)

  local function component(name) return { ["$ref"] = "#/components/schemas/" .. name } end

  it("of every operation fits its schema, whole and minimal", function()
    local with_body = 0
    for _, operation in ipairs(document.operations) do
      for _, minimal in ipairs { false, true } do
        local answer = example.answer(document, operation, {}, minimal)
        assert.equal(operation.response == nil, answer.body == nil)
        if answer.content_type == "application/json" then
          with_body = with_body + 1
          local value = assert(schema.decode(answer.body))
          assert.same({}, schema.validate(document.root, operation.response, value, operation.name))
          assert.same({}, schema.validate(document.root, example.schema(operation), value, operation.name))
        end
        assert.equal(answer.body, example.answer(document, operation, {}, minimal).body)
      end
    end
    assert.is_true(with_body > 90)
  end)

  it("of every component fits it", function()
    for name, rules in pairs(document.root.components.schemas) do
      for _, minimal in ipairs { false, true } do
        local value = assert(schema.decode(example.encode(example.value(document.root, rules, minimal))))
        assert.same({}, schema.validate(document.root, rules, value, name))
      end
    end
  end)

  it("has all properties, or with minimal the required ones", function()
    local rules = component "Model"
    assert.same({ "aliases", "costs", "created", "id", "max_context_length", "object", "owned_by", "type" },
      contract.names(example.value(document.root, rules)))
    assert.same({ "created", "id", "owned_by" }, contract.names(example.value(document.root, rules, true)))
  end)

  it("of a list has two items, which differ", function()
    local data = example.value(document.root, component "Embeddings").data
    assert.same({ 0, 1 }, { data[1].index, data[2].index })
    assert.are_not.same(data[1].embedding, data[2].embedding)
    assert.equal(2, #data)
  end)

  it("of a stream: two pieces of text, a finish, the usage", function()
    for _, minimal in ipairs { false, true } do
      local chunks = example.chunks(document, minimal)
      assert.equal(4, #chunks)
      for _, chunk in ipairs(chunks) do
        assert.same({}, schema.validate(document.root, component "ChatCompletionChunk", schema.decode(example.encode(chunk))))
      end
      assert.equal("stop", chunks[3].choices[1].finish_reason)
      assert.same({}, chunks[4].choices)
      assert.is_number(chunks[4].usage.cost)
    end
  end)

  it("fits also schemas of kinds that the document has not", function()
    for _, rules in ipairs {
      { type = "integer", minimum = 5, maximum = 7 }, { type = "number", exclusiveMinimum = 0, exclusiveMaximum = 1 },
      { type = "integer", maximum = -4 }, { type = "string", minLength = 40 }, { type = "string", maxLength = 1 },
      { type = { "null", "boolean" } }, { allOf = { { properties = { a = { type = "null" } } }, { properties = { b = {} } } } },
      { type = "array", minItems = 3, maxItems = 3, items = { enum = { "a", "b" } } },
      { type = "object", minProperties = 2, additionalProperties = { type = "integer" } },
      { oneOf = { { type = "null" }, { const = 4 } } },
    } do
      for _, minimal in ipairs { false, true } do assert.same({}, schema.validate({}, rules, example.value({}, rules, minimal))) end
    end
    local nested = { defs = { node = { type = "object", properties = { next = { ["$ref"] = "#/defs/node" } } } } }
    assert.is_table(example.value(nested, nested.defs.node))
  end)
end)

describe("conformance server", function()
  if not DOCUMENT then return it("judges", function() pending(ABSENT) end) end

  local function arguments(mode) return ("openapi.lua --document %s %s"):format(DOCUMENT, mode) end
  local function address(mode) return helper.serve(arguments(mode)) end

  teardown(function()
    helper.stop(arguments "")
    helper.stop(arguments "--minimal")
  end)

  local KEY = { authorization = "Bearer " .. helper.KEY }

  --- Gives status, body and headers; `body` is a value for JSON, or a text with a content type.
  local function send(method, target, body, options)
    options = options or {}
    local headers, text = {}, type(body) == "table" and cjson.encode(body) or body
    for name, value in pairs(options.headers or KEY) do headers[name] = value end
    if text then headers["content-type"], headers["content-length"] = options.content_type or "application/json", #text end
    local pieces = {}
    local _, status, received = assert(http.request {
      method = method, url = address(options.mode or "") .. target, headers = headers,
      source = text and ltn12.source.string(text), sink = ltn12.sink.table(pieces),
    })
    return status, table.concat(pieces), received
  end

  local function stats(name) return cjson.decode((select(2, send("GET", "/stats/" .. name)))) end

  --- What the server has to say of one request.
  local function judged(...)
    send("GET", "/stats/reset")
    send(...)
    local rows = stats "operations"
    assert.equal(1, #rows)
    return rows[1]
  end

  local function multipart(fields)
    local pieces = {}
    for _, field in ipairs(fields) do
      local file = field.filename and ('; filename="%s"\r\nContent-Type: audio/wav'):format(field.filename) or ""
      pieces[#pieces + 1] = ('--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'):format(field[1], file, field[2])
    end
    return table.concat(pieces) .. "--b--\r\n"
  end

  local MULTIPART = { content_type = "multipart/form-data; boundary=b" }
  local CHAT = { model = "m", messages = { { role = "user", content = "Bonjour" } } }

  it("lists the operations", function()
    local rows, deprecated = stats "list", 0
    assert.equal(#contract.load(DOCUMENT).operations, #rows)
    for _, row in ipairs(rows) do
      assert.is_truthy(row.operation and row.method and row.path)
      if row.deprecated then deprecated = deprecated + 1 end
    end
    assert.equal(3, deprecated)
  end)

  it("answers each of them with the status that is declared, in both modes", function()
    for _, operation in ipairs(contract.load(DOCUMENT).operations) do
      for _, mode in ipairs { "", "--minimal" } do
        local status, body = send(operation.method, operation.path:gsub("{[^}]*}", "7"), nil, { mode = mode })
        assert.equal(operation.status, status)
        assert.equal(operation.status == 204, body == "")
      end
    end
  end)

  it("finds nothing wrong with requests that are right", function()
    local file = { "file", "RIFF\0\255", filename = "a.wav" }
    local cases = {
      { "get_health_health_get", "GET", "/health", nil, { headers = {} } },
      { "get_models_v1_models_get", "GET", "/v1/models" },
      { "get_model_v1_models__model__get", "GET", "/v1/models/openai/gpt-oss%20120b" },
      { "get_health_models_health_models_get", "GET", "/health/models" },
      { "chat_completions_v1_chat_completions_post", "POST", "/v1/chat/completions", CHAT },
      { "get_documents_v1_documents_get", "GET", "/v1/documents?name=a%20b&collection_id=3&limit=100&required=false" },
      { "get_usage_v1_me_usage_get", "GET", "/v1/me/usage?endpoint=%2Fv1%2Fembeddings&start_time=1" },
      { "delete_document_chunk_v1_documents__document_id__chunks__chunk_id__delete", "DELETE", "/v1/documents/1/chunks/0" },
      { "update_user_v1_me_info_patch", "PATCH", "/v1/me/info", { name = "x", email = cjson.null } },
      { "create_document_v1_documents_post", "POST", "/v1/documents" },
      { "create_document_v1_documents_post", "POST", "/v1/documents",
        multipart { file, { "collection_id", "3" }, { "separators", "a" }, { "separators", "b" }, { "is_separator_regex", "true" } }, MULTIPART },
      { "audio_transcriptions_v1_audio_transcriptions_post", "POST", "/v1/audio/transcriptions",
        multipart { file, { "model", "w" }, { "temperature", "0.5" }, { "language", "fr" } }, MULTIPART },
    }
    for _, case in ipairs(cases) do
      local row = judged(case[2], case[3], case[4], case[5])
      assert.equal(case[1], row.operation)
      assert.same({}, row.violations)
      assert.same({}, row.undeclared)
    end
  end)

  it("reports what is wrong", function()
    local cases = {
      { "header.authorization: is missing", "GET", "/v1/models", nil, { headers = {} } },
      { "header.authorization: is not of the form Bearer KEY", "GET", "/v1/models", nil, { headers = { authorization = "Basic x" } } },
      { "no operation has the path /v1/nothing", "GET", "/v1/nothing" },
      { "no operation has the path /v1/models/", "GET", "/v1/models/" },
      { "PATCH is no method of /v1/models (GET)", "PATCH", "/v1/models" },
      { "path.document_id: is of type string, not integer", "GET", "/v1/documents/x" },
      { "path.document_id: 0 is not more than 0", "DELETE", "/v1/documents/0" },
      { "query.sort_by: is not declared", "GET", "/v1/me/keys?sort_by=id" },
      { "query.limit: 101 is more than 100", "GET", "/v1/me/keys?limit=101" },
      { "query.limit: is of type string, not integer", "GET", "/v1/me/keys?limit=1.5" },
      { "query.limit: is given 2 times", "GET", "/v1/me/keys?limit=1&limit=2" },
      { "query.order_direction: \"up\" is none of the values allowed", "GET", "/v1/me/keys?order_direction=up" },
      { "query.collection_id: 0 is not more than 0", "GET", "/v1/documents?collection_id=0" },
      { "query.required: is of type string, not boolean", "GET", "/v1/documents?required=1" },
      { "body: has 2 bytes, but the operation takes none", "DELETE", "/v1/me/keys/1", "{}" },
      { "body: is missing", "POST", "/v1/embeddings" },
      { "body.input: is missing", "POST", "/v1/embeddings", { model = "m" } },
      { "body.messages: is of type string, not array", "POST", "/v1/chat/completions", { model = "m", messages = "Bonjour" } },
      { "body.messages: is of type object, not array", "POST", "/v1/chat/completions", '{"model":"m","messages":{}}' },
      { "body.n: is of type string, not integer", "POST", "/v1/chat/completions", '{"model":"m","messages":[],"n":"1"}' },
      { "body.limit: 0 is not more than 0", "POST", "/v1/search", { query = "x", limit = 0 } },
      { "body: is not UTF-8", "POST", "/v1/embeddings", '{"model":"m","input":"\255"}' },
      { "header.content-type: is text/plain, not application/json", "POST", "/v1/embeddings", "x", { content_type = "text/plain" } },
      { "header.content-type: is application/x-www-form-urlencoded, not multipart/form-data", "POST", "/v1/documents", "name=x",
        { content_type = "application/x-www-form-urlencoded" } },
      { "body.file: is missing", "POST", "/v1/parse-beta", multipart { { "page_range", "1" } }, MULTIPART },
      { "body.file: is no file", "POST", "/v1/parse-beta", multipart { { "file", "x" } }, MULTIPART },
      { "body.name: is a file", "POST", "/v1/documents", multipart { { "name", "x", filename = "y" } }, MULTIPART },
      { "body.collection_id: 0 is not more than 0", "POST", "/v1/documents", multipart { { "collection_id", "0" } }, MULTIPART },
      { "body: Missing boundary in multipart.", "POST", "/v1/documents", "--b--\r\n", { content_type = "multipart/form-data" } },
      { "body: the body ends inside a part", "POST", "/v1/documents", "--b\r\n", MULTIPART },
    }
    for _, case in ipairs(cases) do assert.same({ case[1] }, judged(case[2], case[3], case[4], case[5]).violations) end
    local row = judged("POST", "/v1/embeddings", '{"model":')
    assert.equal(1, #row.violations)
    assert.equal(1, (row.violations[1]:find("body: is no JSON: ", 1, true)))
  end)

  it("gives a 404 only where no operation is", function()
    assert.equal(404, (send("GET", "/v1/nothing")))
    assert.equal(404, (send("PATCH", "/v1/models")))
    assert.equal(200, (send("POST", "/v1/embeddings", "no JSON", { headers = {} })))
  end)

  it("keeps what was sent and what was answered", function()
    local row = judged("POST", "/v1/chat/completions?required=true", '{"model":"m","messages":[],"max_tokens":5,"top_k":2}')
    assert.same({ "max_tokens", "top_k" }, row.undeclared)
    assert.same({ model = "m", messages = {}, max_tokens = 5, top_k = 2 }, row.body)
    assert.same({ required = true }, row.query)
    assert.equal("POST", row.method)
    assert.equal("/v1/chat/completions", row.path)
    assert.equal("/v1/chat/completions?required=true", row.target)
    assert.equal("chat.completion", cjson.decode(row.response).object)
    row = judged("POST", "/v1/documents", multipart { { "file", "é", filename = "a.txt" }, { "more", "1" } }, MULTIPART)
    assert.same({ file = { filename = "a.txt", content_type = "audio/wav", size = 2, content = "é" }, more = "1" }, row.body)
    assert.same({ "more" }, row.undeclared)
    row = judged("DELETE", "/v1/me/keys/1")
    assert.equal(cjson.null, row.body)
    assert.equal(cjson.null, row.response)
    row = judged("GET", "/v1/nothing")
    assert.equal(cjson.null, row.operation)
    send("GET", "/stats/reset")
    assert.same({}, stats "operations")
  end)

  it("streams a chat", function()
    local status, body, headers = send("POST", "/v1/chat/completions", '{"model":"m","messages":[],"stream":true}')
    assert.equal(200, status)
    assert.equal("text/event-stream; charset=utf-8", headers["content-type"])
    local texts, count = {}, 0
    for data in body:gmatch "data: ({[^\n]*})\n\n" do
      local choice = cjson.decode(data).choices[1]
      count, texts[#texts + 1] = count + 1, choice and choice.delta.content
    end
    assert.equal(4, count)
    assert.equal("Bonjour, ça va ?", table.concat(texts))
    assert.truthy(body:find "\n\ndata: %[DONE%]\n\n$")
    local rows = stats "operations"
    assert.equal(body, rows[#rows].response)
  end)

  it("transcribes to text where that is wanted", function()
    for format, content_type in pairs {
      json = "application/json", diarized_json = "application/json", text = "text/plain", srt = "application/x-subrip", vtt = "text/vtt",
    } do
      local fields = multipart { { "file", "x", filename = "a.wav" }, { "model", "w" }, { "response_format", format } }
      local _, body, headers = send("POST", "/v1/audio/transcriptions", fields, MULTIPART)
      assert.equal(content_type, headers["content-type"])
      assert.equal(content_type == "application/json", body:sub(1, 1) == "{")
    end
  end)

  it("answers with the shapes that the document leaves open", function()
    local function get(...) return cjson.decode((select(2, send(...)))) end
    assert.same({ status = "ok" }, get("GET", "/health"))
    assert.is_string(get("GET", "/health/models")[2].status)
    assert.equal("user", get("GET", "/v1/admin/users").data[2].object)
    assert.equal("document", get("GET", "/v1/documents").data[2].object)
    assert.is_number(get("POST", "/v1/collections", { name = "x" }).id)
    assert.equal(2, #get("POST", "/v1/documents/1/chunks", { chunks = { { content = "x" } } }).ids)
    local _, metrics, headers = send("GET", "/metrics")
    assert.equal(1, (metrics:find("# HELP ", 1, true)))
    assert.equal(1, (headers["content-type"]:find("text/plain", 1, true)))
  end)

  it("takes a long body", function()
    local text = ("x"):rep(4 * 1024 * 1024)
    local row = judged("POST", "/v1/embeddings", { model = "m", input = { text } })
    assert.same({}, row.violations)
    assert.equal(#text, #row.body.input[1])
  end)
end)
