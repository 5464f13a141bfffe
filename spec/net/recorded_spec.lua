-- What OpenGateLLM has said in earnest, answered again: a live one of about 0.8, its own test suites of 0.2.0 and 0.4.1, its errors.
local cassette = require "spec.support.cassette"
local cjson = require "cjson"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local openapi = require "spec.support.openapi"
local replay = require "opengatellm.transport.replay"
local registry = require "opengatellm.operations.registry"
local server = require "opengatellm.operations.server"
local told = require "spec.support.told"
local url = require "socket.url"

local ABSENT = "the fixtures are not here (OGL_SHARED)"

local function read_shared(path)
  local found = helper.shared(path)
  return found and helper.read(found)
end

-- The bytes of a request's body; those of a form have to be read while it is sent.
local function body_of(request)
  if type(request.body) ~= "table" then return request.body end
  local pieces = {}
  for bytes in request.body.read do pieces[#pieces + 1] = bytes end
  return table.concat(pieces)
end

-- A client of one answer that is given to all requests, and the requests, each with the text of its body.
local function client_of(version, answer, options)
  local transport
  transport = replay.new(function(request)
    transport.requests[#transport.requests].text = body_of(request)
    return answer
  end)
  local all = { base_url = "http://server", api_key = helper.KEY, model = "m", version = version, transport = transport, retries = { max = 0 } }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.client(all), transport.requests
end

-- The live server -----------------------------------------------------------------------------------------------------

local LIVE = "fixtures/opengatellm_live/"
local TOKENS = { reset = 0 } -- all of them have the limit "None"

-- A row a file: name, the client's call, what is in the path, the options (nil: made of the recorded request), the kind of result. Of errors
-- `code`. `refused`: the parameter for which the client does not send it at all. `raw`: no call of the client sends this. `fill`: a list
-- that the record cuts short, and how long it was. `adds`: what the client sends besides. `limits`: of the answer's headers.
local EXCHANGES = {
  { "P1_me", "me", {}, {}, "user" },
  { "P2_models", "models", {}, {}, "list of object" },
  {
    "P3_ocr_page0", "ocr", {},
    { model = "mistral-ocr-2512", document = { url = "data:application/pdf;base64,<1440 caractères base64>" }, pages = { 1 }, include_image_base64 = false },
    code = "model_not_found",
  },
  {
    "P3_ocr_page0_synthetic", "ocr", {},
    { model = "mistral-ocr-2512", document = { url = "data:application/pdf;base64,<PDF de 2 pages>" }, pages = { 1 }, include_image_base64 = false }, "ocr",
  },
  { "P5_ocr_chat_alias", "chat", {}, nil, "chat" },
  { "P5_ocr_chat_latence", "chat", {}, nil, "chat" },
  { "P6_invalid_key", "models", {}, {}, code = "invalid_api_key" },
  { "P6_unknown_model", "chat", {}, nil, code = "model_not_found" },
  { "P6_wrong_model_type", "embeddings", {}, nil, code = "wrong_model_type", adds = { encoding_format = "float" } },
  { "P7_chat_usage", "chat", {}, nil, "chat" },
  { "P7_embeddings_usage", "embeddings", {}, nil, "embeddings", limits = { requests = { limit = 500, remaining = 500, reset = 0 }, tokens = TOKENS } },
  { "P7_search_usage", "search", {}, nil, "search" },
  { "P8_both_5_50", "chat", {}, nil, "chat" },
  { "P8_max_tokens_5", "chat", {}, nil, "chat" },
  { "P9_reasoning_low_2048", "chat", {}, nil, "chat" },
  { "P9_reasoning_trap_64", "chat", {}, nil, "chat" },
  { "P10_json_object_ministral", "chat", {}, nil, "chat" },
  { "P10_json_schema_gpt_oss", "chat", {}, nil, "chat" },
  { "P11_seed_run_1", "chat", {}, nil, "chat" },
  {
    "P12_batch_64", "embeddings", {}, nil, "embeddings", fill = { "input", 64 },
    limits = { requests = { limit = 500, remaining = 499, reset = 44 }, tokens = TOKENS },
  },
  { "P12_batch_65", "embeddings", {}, nil, fill = { "input", 65 }, code = "batch_too_large" },
  { "P12_empty_string", "embeddings", {}, nil, code = "validation" },
  { "P13_chat_headers", "chat", {}, nil, "chat" },
  { "P14_create", "collections.create", {}, nil, "object" },
  { "P14_delete_duplicate", "collections.delete", { 302361 }, {}, "done" },
  { "P14_filter_exact_name", "collections.list", {}, { name = "ragpy-probe-1790442018", limit = 100 }, "list of object" },
  { "P14_get_deleted_duplicate", "collections.get", { 302361 }, {}, code = "collection_not_found" },
  { "P14_limit_101", "collections.list", {}, { limit = 101 }, code = "validation", refused = "limit" },
  { "P15_get_document", "documents.get", { 4934607 }, {}, "object" },
  { "P15_multipart_no_file", "documents.create", {}, { name = "probe-doc", collection_id = 302360 }, "object" },
  { "P16_atomicity_batch", "chunks.create", { 4934610 }, nil, code = "validation", refused = "chunks[3].metadata" },
  { "P16_list_chunks", "chunks.list", { 4934607 }, { limit = 100 }, "list of object" },
  { "P16_merge_push", "chunks.create", { 4934609 }, nil, "object" },
  { "P16_meta_11_props", "chunks.create", { 4934610 }, nil, code = "validation", refused = "chunks[1].metadata" },
  { "P16_meta_none", "chunks.create", { 4934610 }, nil, code = "validation", refused = "chunks[1].metadata" },
  { "P16_push_64", "chunks.create", { 4934607 }, nil, "object", fill = { "chunks", 64 } },
  { "P16_push_65", "chunks.create", { 4934610 }, nil, fill = { "chunks", 65 }, code = "validation", refused = "chunks" },
  { "P17_filter_hash_eq", "search", {}, nil, "search" },
  { "P17_filter_or_5", "search", {}, nil, code = "validation", refused = "metadata_filters" },
  { "P17_hybrid_rff_k", "search", {}, nil, "search" },
  { "P17_hybrid_score_threshold", "search", {}, nil, code = "score_threshold_not_available", refused = "score_threshold" },
  { "P17_method_exact", "search", {}, nil, code = "validation", refused = "method" },
  { "P18_search_token", "search", {}, nil, "search" },
  { "P19_search_once", "search", {}, nil, "search" },
  {
    "P19_usage_embeddings_before", "usage", {}, { start_time = 1790380800, end_time = 1790442087, endpoint = "/v1/embeddings", limit = 100 },
    "list of usage",
  },
  {
    "P19_usage_search_before", "usage", {}, { start_time = 1790380800, end_time = 1790442087, endpoint = "/v1/search", limit = 100 }, "list of usage",
  },
  { "P20_health", "health", {}, {}, "object" },
  { "P20_health_models", "health_models", {}, {}, "list of object" },
  { "P20_v1_health", raw = true, code = "route_not_found" },
  { "P21_notes_c1", "chat", {}, nil, "chat" },
  { "P21_recode_c1", "chat", {}, nil, "chat" },
  { "P22_batch_65", "rerank", {}, nil, fill = { "documents", 65 }, code = "batch_too_large" },
  { "P22_empty_doc", "rerank", {}, nil, code = "validation", refused = "documents" },
  { "P22_three_docs", "rerank", {}, nil, "rerank", limits = { requests = { limit = 500, remaining = 500, reset = 0 }, tokens = TOKENS } },
  { "P23_stream_gpt_oss", "stream", {}, nil, "stream" },
  { "P24_usage_2d", "usage", {}, { start_time = 1790777188, end_time = 1790949988, limit = 100 }, "list of usage" },
  { "P24_usage_no_dates", raw = true, code = "validation" }, -- the client sends both dates
  { "P25_public_collections", "collections.list", {}, { visibility = "public", limit = 100, offset = 0 }, "list of object" },
  {
    "P26_verbose_json", "transcribe", {},
    { file = { data = "RIFF", name = "a.wav" }, model = "whisper-large-v3", language = "fr", response_format = "verbose_json" }, "transcript",
    limits = { requests = { limit = 50, remaining = 50, reset = 0 }, tokens = TOKENS },
  },
}

-- The record of a file: request, status, headers, and the body's text, as the server sent it.
local function recorded(name)
  local text = helper.read(helper.shared(LIVE .. name .. ".json"))
  local exchange = cjson.decode(text)
  local body = text:match '\n  "body": (.-),?\n  "[%w_]+": ' or text:match '\n  "body": (.-)\n}%s*$'
  if exchange.body == cjson.null then body = "" end
  return exchange, type(exchange.body) == "string" and exchange.body or body
end

-- A value with the library's null.
local function own(value)
  if value == cjson.null then return json.null end
  if type(value) ~= "table" then return value end
  local out = {}
  for key, field in pairs(value) do out[key] = own(field) end
  return out
end

-- The recorded body; a list that the record cuts short has its length again.
local function summary_of(row, exchange)
  local summary = exchange.request.body_summary
  if type(summary) ~= "table" or summary.multipart then return summary ~= cjson.null and summary or nil end
  if row.fill then
    local list = summary[row.fill[1]]
    for i = #list, row.fill[2] do list[i] = list[1] end -- the last item tells how many were left out
  end
  return own(summary)
end

local CHAT_NAMES = { reasoning_effort = "reasoning" }
local CHAT_EXTRA = { response_format = true, max_completion_tokens = true }

-- The client's call that makes this chat.
local function chat_of(summary)
  local options = { extra = {} }
  for name, value in pairs(summary) do
    local place = CHAT_EXTRA[name] and options.extra or options
    place[CHAT_NAMES[name] or name] = value
  end
  options.stream, options.stream_options = nil, nil
  return options
end

local function options_of(row, summary)
  if row[4] then return row[4] end
  return (row[2] == "chat" or row[2] == "stream") and chat_of(summary) or told.renamed(summary)
end

local function parts_of(text)
  local fields = {}
  for name, value in text:gmatch 'name="([^"]*)"[^\r]*\r\n.-\r?\n?\r\n(.-)\r\n%-%-' do fields[name] = value end
  return fields
end

local function parameters_of(query)
  local out = {}
  for name, value in (query or ""):gmatch "([^&=]+)=([^&]*)" do out[name] = url.unescape(value) end
  return out
end

-- The error that an answer amounts to: message and fields.
local function fault_of(detail)
  if type(detail) == "string" then return detail, nil end
  if detail.error then return detail.error, nil end
  local fields, lines = {}, {}
  for i, each in ipairs(detail) do
    local steps = {}
    for at, step in ipairs(each.loc) do steps[at] = type(step) == "number" and ("%d"):format(step) or step end
    fields[i] = { path = table.concat(steps, "."), message = each.msg }
    lines[i] = fields[i].path .. ": " .. each.msg
  end
  return table.concat(lines, "; "), fields
end

local function kind_of(status)
  return (status == 401 or status == 403) and "auth" or status == 429 and "rate_limit" or "http"
end

describe("recorded exchange of a live OpenGateLLM", function()
  if not helper.shared(LIVE .. "P1_me.json") then return it("is told as it was", function() pending(ABSENT) end) end

  local function check_request(row, exchange, summary, request)
    local path, query = exchange.request.path:match "^([^?]*)%??(.*)$"
    assert.same({ exchange.request.method, "http://server" .. path }, { request.method, (request.url:gsub("%?.*", "")) })
    assert.same(parameters_of(query), parameters_of(request.url:match "%?(.*)$"))
    if not summary then return assert.is_nil(request.text) end
    if summary.multipart then
      local parts = parts_of(request.text)
      parts.file = summary.multipart.file and parts.file and "<fichier>"
      return assert.same(summary.multipart, parts)
    end
    local expected = told.renamed(summary)
    for name, value in pairs(row.adds or {}) do expected[name] = value end
    assert.same(openapi.strip(cjson.decode(json.encode(expected))), openapi.strip(cjson.decode(request.text)))
  end

  local function check_error(row, exchange, err)
    local message, fields = fault_of(exchange.body.detail)
    assert.same({ kind_of(exchange.status), exchange.status, row.code, message }, { err.kind, err.status, err.code, err.message })
    assert.same(fields, err.fields)
  end

  local function check_result(row, exchange, text, options, result)
    local answer = type(exchange.body) == "table" and openapi.strip(exchange.body) or nil
    assert.same(told.expected(row[5], answer, text, options), told.shown(row[5], result))
    if row[5]:find "^list of" then assert.equal(answer.total, result.total) end
  end

  -- The client does not send it; sent past its checks, the server's words are told.
  local function check_refused(row, exchange, summary, options, answer)
    local client, requests = client_of("0.8", answer)
    local result, err = told.perform(client, row[2], row[3], options)
    assert.is_nil(result)
    assert.same({ "invalid", row.refused }, { err.kind, err.fields[1].path })
    assert.same({}, requests)
    result, err = client:request(exchange.request.method, exchange.request.path, summary)
    assert.is_nil(result)
    check_error(row, exchange, err)
  end

  local function check(row)
    local exchange, text = recorded(row[1])
    local answer, summary = { status = exchange.status, headers = exchange.headers, body = text }, summary_of(row, exchange)
    local options = not row.raw and options_of(row, summary)
    if row.refused then return check_refused(row, exchange, summary, options, answer) end
    local client, requests = client_of("0.8", answer)
    if row.fill and row[2] == "embeddings" then options.batch = { inputs = row.fill[2] } end
    local result, err
    if row.raw then
      result, err = client:request(exchange.request.method, exchange.request.path)
    else
      result, err = told.perform(client, row[2], row[3], options)
    end
    check_request(row, exchange, summary, requests[1])
    if exchange.status >= 400 then
      assert.is_nil(result)
      return check_error(row, exchange, err)
    end
    assert.is_nil(err)
    check_result(row, exchange, text, options, result)
  end

  for _, row in ipairs(EXCHANGES) do
    it(row[1] .. (row.refused and " is not made" or " is made and told"), function() check(row) end)
  end

  it("is in a row of this spec, each of them", function()
    local rows_of, list = {}, assert(io.popen("ls " .. helper.shared(LIVE .. "P1_me.json"):gsub("[^/]*$", "")))
    for _, row in ipairs(EXCHANGES) do rows_of[row[1] .. ".json"] = true end
    for name in list:lines() do assert.is_true(rows_of[name] or not name:find "%.json$", name) end
    list:close()
  end)

  it("tells the rate limits of its headers", function()
    for _, row in ipairs(EXCHANGES) do
      local exchange, text = recorded(row[1])
      local client = client_of("0.8", { status = exchange.status, headers = exchange.headers, body = text })
      client:request("GET", "/v1/me")
      assert.same(row.limits, client:limits(), row[1])
    end
  end)

  it("sends 65 texts in two requests, as the server wants them", function()
    local exchange, text = recorded "P12_batch_64"
    local client, requests = client_of("0.8", { status = exchange.status, body = text })
    local texts = {}
    for i = 1, 65 do texts[i] = "text " .. i end
    assert.equal(65, #assert(client:embeddings { input = texts }).vectors)
    local inputs = { cjson.decode(requests[1].text).input, cjson.decode(requests[2].text).input }
    table.sort(inputs, function(a, b) return #a > #b end) -- which one goes first is the client's affair
    assert.same({ 2, 64, 1, "text 65" }, { #requests, #inputs[1], #inputs[2], inputs[2][1] })
  end)

  it("asks for usage with both dates", function()
    local exchange, text = recorded "P24_usage_2d"
    local client, requests = client_of("0.8", { status = exchange.status, body = text })
    assert(client:usage())
    local sent = parameters_of(requests[1].url:match "%?(.*)$")
    assert.equal(30 * 24 * 3600, sent.end_time - sent.start_time)
  end)
end)

-- The cassettes of 0.2.0 ------------------------------------------------------------------------------------------------

local CASSETTES = "fixtures/opengatellm_0.2.0/"

-- How an answer of a route is asked for: the call, its options made of the request and the answer, the kind of result.
local ASKED = {
  ["/v1/models"] = function() return "models", {}, "list of object" end,
  ["/v1/chat/completions"] = function(exchange)
    local stream = exchange.body:find "^data: "
    return stream and "stream" or "chat", { messages = { { role = "user", content = "x" } } }, stream and "stream" or "chat"
  end,
  ["/v1/embeddings"] = function(_, answer)
    local texts = {}
    for i = 1, #(answer.data or { 1 }) do texts[i] = "x" end
    return "embeddings", { input = texts, batch = { inputs = #texts } }, "embeddings"
  end,
  ["/v1/rerank"] = function() return "rerank", { query = "q", documents = { "a", "b", "c" } }, "rerank" end,
  ["/v1/audio/transcriptions"] = function(exchange)
    local bare = not exchange.body:find "^{"
    return "transcribe", { file = { data = "ID3", name = "a.mp3" }, response_format = bare and "text" or "json" }, bare and "subtitles" or "transcript"
  end,
  ["/v1/parse-beta"] = function() return "legacy.parse", { file = { data = "%PDF-", name = "a.pdf" } }, "object" end,
}

describe("recorded answer of OpenGateLLM 0.2.0", function()
  local directory = helper.shared(CASSETTES .. "README.md")
  if not directory then return it("is read", function() pending(ABSENT) end) end

  -- The answers of the gateway; its own tests have recorded those of other servers as well.
  local function exchanges_of(path)
    local out = {}
    for _, exchange in ipairs(cassette.read(helper.read(path))) do
      if exchange.uri:find "^https?://[^/]*albert" then out[#out + 1] = exchange end
    end
    return out
  end

  local function check(exchange)
    local route = exchange.uri:gsub("^%a+://[^/]*", "")
    local decoded, answer = pcall(cjson.decode, exchange.body)
    answer = decoded and type(answer) == "table" and openapi.strip(answer) or nil
    local name, options, kind = assert(ASKED[route], "there is no call for " .. route)(exchange, answer)
    local client, requests = client_of("0.2", {
      status = exchange.status, headers = { ["content-type"] = exchange.content_type }, body = exchange.body,
    })
    local result, err = told.perform(client, name, {}, options)
    assert.same({ exchange.method, "http://server" .. route }, { requests[1].method, requests[1].url })
    if exchange.status >= 400 then
      assert.same({ kind_of(exchange.status), exchange.status }, { err.kind, err.status })
      return assert.is_true(#err.message > 0)
    end
    assert.is_nil(err)
    assert.same(told.expected(kind, answer, exchange.body, options), told.shown(kind, result))
  end

  it("is read", function()
    local list = assert(io.popen("ls " .. directory:gsub("[^/]*$", "") .. "*.yaml"))
    local read_ones, skipped = 0, 0
    for path in list:lines() do
      for _, exchange in ipairs(exchanges_of(path)) do
        if exchange.body:find("REDACTED", 1, true) then
          skipped = skipped + 1
        else
          check(exchange)
          read_ones = read_ones + 1
        end
      end
    end
    list:close()
    io.write(("cassettes of 0.2.0: %d answers read, %d without their body skipped\n"):format(read_ones, skipped))
    assert.is_true(read_ones > 50)
  end)
end)

-- Errors ----------------------------------------------------------------------------------------------------------------

-- The details of the reference's catalogue, by status: those of 0.9, then older ones.
local CATALOGUE = {
  [400] = {
    "Insufficient budget.", "Key expiration timestamp cannot be greater than 30 days from now.", "Key name x is reserved.",
    "Inconsistent max context length for m. Expected: 1. Actual: 2", "Inconsistent vector size for m. Expected: 1. Actual: 2",
    "Invalid model provider type a for b router.", "Wrong search method.", "Score threshold is only available for semantic search method",
    "Insufficient upload tokens limit.",
  },
  [401] = {
    "Not authenticated", "Invalid API key.", "Invalid authentication scheme.", "Invalid email or password.", "Invalid current password.",
    "Invalid SSO session.",
  },
  [403] = {
    "User has no admin rights.", "Insufficient rights.", "Your account has expired. Please contact support to renew your account.",
    "Access denied, please contact your administrator.", "Feature not enabled, please contact an administrator.",
    "Insufficient permissions to access the model.", "Missing permission to update collection visibility to public.",
  },
  [404] = {
    "Not Found", "Model m not found.", "Model not found.", "Key 1 not found.", "Role 1 not found.", "Organization 1 not found.", "User 1 not found.",
    "Model router 1 not found.", "Model provider 1 not found.", "Collection not found.", "Document not found.", "Chunk not found.",
  },
  [405] = { "Method Not Allowed" },
  [409] = {
    "User a@b.c already exists.", "Role x already exists.", "Router x already exists.", "Organization x already exists.", "Key x already exists.",
    "Model provider m for url u already exists for router 1.", "Following aliases already exist: 'a'",
    "Role 1 still has users and cannot be removed.", "Organization 1 still has users and cannot be removed.",
    "Router 1 still has providers and cannot be removed.", "User 1 still has routers and cannot be removed.",
  },
  [413] = { "File size limit exceeded. Expected: 21.0 MB. Actual: 30.0 MB.", "File size limit exceeded (max: 20971520 bytes)." },
  [422] = {
    "Model has wrong type. Expected: a. Actual: b.", "Wrong model type.", "Parsing document failed.", "Unsupported file type.", "Max tokens exceeded.",
    "Invalid JSON format.",
  },
  [424] = { "Model provider m not reachable (500): x", "Model provider m returned an invalid response: x" },
  [429] = {
    "Request limit per minute exceeded.", "Request limit per day exceeded.", "Token limit per minute exceeded.", "Token limit per day exceeded.",
    "10 requests per minute exceeded (remaining: 0).", "10 requests per day exceeded (remaining: 0).",
    "10 input tokens per minute exceeded (remaining: 0).", "10 input tokens per day exceeded (remaining: 0).",
  },
  [500] = {
    "An unexpected error occurred", "Model provider type t does not support the e endpoint.", "Request formatting failed.",
    "Response formatting failed.", "Vectorization failed.", "Chunking failed.", "Parsing document failed.",
  },
  [503] = {
    "Model is too busy, please try again later.", "Model is too busy (ReadTimeout), please try again later",
    "Model is temporarily unavailable, please try again later.", "SSO provider is not available.",
  },
}

describe("error of OpenGateLLM", function()
  local function check(status, detail)
    local answer = { status = status, headers = { ["content-type"] = "application/json" }, body = cjson.encode { detail = detail } }
    for _, version in ipairs { "0.4.1", "0.9" } do
      local _, err = client_of(version, answer):request("GET", "/v1/me")
      assert.same({ kind_of(status), status, detail }, { err.kind, err.status, err.message })
      assert.is_string(err.code, detail .. " has no code")
      local _, of_chat = client_of(version, answer):chat "x"
      assert.same({ err.kind, err.code, err.message }, { of_chat.kind, of_chat.code, of_chat.message })
    end
  end

  for status, details in pairs(CATALOGUE) do
    it(("of %d has kind, code and the server's words"):format(status), function()
      for _, detail in ipairs(details) do check(status, detail) end
    end)
  end

  it("is one of 0.4.1", function()
    local text = read_shared "fixtures/opengatellm_0.4.1/errors.json"
    if not text then return pending(ABSENT) end
    local count = 0
    for _, class in ipairs(cjson.decode(text)) do
      if class.status ~= cjson.null and class.status >= 400 then
        check(class.status, (class.detail:gsub("{[%w_]+}", "1")))
        count = count + 1
      end
    end
    assert.is_true(count > 60)
  end)
end)

-- The requests of 0.4.1's own tests ---------------------------------------------------------------------------------------

-- Routes that are no row: chat and embeddings have modules of their own.
local OTHERS = { { "POST", "^/v1/chat/completions$" }, { "POST", "^/v1/embeddings$" } }

-- What no call is for, as a pattern, and why.
local NO_CALLS = {
  { "^/openapi%.json$", "a client asks for it by itself, to learn the version" },
  { "^<test_configuration%.settings%.swagger_%a+_url>$", "pages for people" },
  { "^/v1/<test_configuration%.settings%.%a+_routers%[0%]>$", "whatever route that an operator has turned off" },
}

describe("request of OpenGateLLM's tests of 0.4.1", function()
  local text = read_shared "fixtures/opengatellm_0.4.1/test_requests.json"

  -- Method and pattern of each call that 0.4.1 has.
  local function templates()
    local out = { OTHERS[1], OTHERS[2] }
    for _, each in ipairs(registry.all()) do
      local row = registry.at(each.name, server.parse "0.4.1")
      local pattern = row.path:gsub("[%-.]", "%%%0"):gsub("{[%w_]+}", row.slashes and ".+" or "[^/]+")
      if not row.missing then out[#out + 1] = { row.method, "^" .. (row.root and "" or "/v1") .. pattern .. "$" } end
    end
    return out
  end

  local function matches(list, method, path)
    for _, each in ipairs(list) do
      if each[1] == method and path:find(each[2]) then return true end
    end
    return false
  end

  local function without_call(path)
    for _, each in ipairs(NO_CALLS) do
      if path:find(each[1]) then return true end
    end
    return false
  end

  it("has a call", function()
    if not text then return pending(ABSENT) end
    local list, count, unmatched = templates(), 0, {}
    for _, request in ipairs(cjson.decode(text)) do
      local path = request.url:gsub("%?.*", "")
      if matches(list, request.method, path) then count = count + 1
      elseif not without_call(path) then unmatched[#unmatched + 1] = request.method .. " " .. request.url end
    end
    io.write(("requests of the tests of 0.4.1: %d have a call\n"):format(count))
    assert.same({}, unmatched)
    assert.is_true(count > 250)
  end)
end)
