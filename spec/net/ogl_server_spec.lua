-- The scripted OpenGateLLM of tests/server/ogl.lua says what each version says. One row is one fact, by version: what is
-- expected of a version holds for those after it, until a row says otherwise. The requests are made by luasocket, not by us.
local cjson = require "cjson"
local http = require "socket.http"
local ltn12 = require "ltn12"
local helper = require "spec.helper"

local VERSIONS = { "0.4.1", "0.4.5", "0.6", "0.7", "0.8", "0.9.0", "0.9.2" }

-- Servers and requests --------------------------------------------------------------------------------------------

local served = {}

-- The address of a server with these options.
local function address_of(options)
  local arguments = "ogl.lua --pace 0 " .. options
  served[arguments] = true
  return helper.serve(arguments)
end

-- A body of multipart/form-data: a list of { name, value[, filename] }.
local function form(fields)
  local lines = {}
  for _, field in ipairs(fields) do
    local filename = field[3] and ('; filename="%s"'):format(field[3]) or ""
    lines[#lines + 1] = ('--limit\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'):format(field[1], filename, field[2])
  end
  return table.concat(lines) .. "--limit--\r\n"
end

-- A body of that many bytes that is never whole in memory: the form of a transcription.
local function large_form(size)
  local block, left = ("x"):rep(65536), size
  local head = form({ { "model", "whisper-large-v3" }, { "file", "", "a.mp3" } }):gsub("\r\n%-%-limit%-%-\r\n$", "")
  local tail = "\r\n--limit--\r\n"
  local file = function()
    if left == 0 then return nil end
    local piece = block:sub(1, left)
    left = left - #piece
    return piece
  end
  return ltn12.source.cat(ltn12.source.string(head), file, ltn12.source.string(tail)), #head + size + #tail
end

-- Sends `{ method, path, body, key = , form = , raw = , source = , authorization = }`; gives status, body (decoded if it can be), headers.
local function ask(options, request)
  local body = request.source and "" or request.form and form(request.form) or request.raw or request[3] and cjson.encode(request[3])
  local headers = { authorization = request.authorization or request.key ~= false and "Bearer " .. (request.key or "sk-demo") or nil }
  if body then
    headers["content-length"] = request.size or #body
    headers["content-type"] = request.content_type or request.form and "multipart/form-data; boundary=limit" or "application/json"
  end
  local pieces = {}
  local _, status, answered = assert(http.request {
    method = request[1], url = address_of(options) .. request[2], headers = headers,
    source = request.source or body and ltn12.source.string(body), sink = ltn12.sink.table(pieces),
  })
  local text = table.concat(pieces)
  local decodable, decoded = pcall(cjson.decode, text)
  return { status = status, headers = answered, text = text, body = decodable and decoded or nil }
end

-- `body.data.1.id` of an answer; a table is told by the names that it has, sorted.
local function pick(answer, path)
  local value = answer
  for name in path:gmatch "[^.]+" do
    if type(value) ~= "table" then return nil end
    if value[name] ~= nil then value = value[name] else value = value[tonumber(name)] end
  end
  if type(value) ~= "table" then return value end
  local names = {}
  for name in pairs(value) do names[#names + 1] = tostring(name) end
  table.sort(names)
  return table.concat(names, " ")
end

-- Requests that several rows make ---------------------------------------------------------------------------------

local function chat(text, fields)
  local body = { model = "openai/gpt-oss-120b", messages = { { role = "user", content = text or "La capitale de la France ?" } } }
  for name, value in pairs(fields or {}) do body[name] = value end
  return { "POST", "/v1/chat/completions", body }
end

local function stream(text) return chat(text, { stream = true }) end

local function as(key, request)
  request.key = key
  return request
end

local TOOL = { type = "function", ["function"] = { name = "weather", parameters = { properties = { city = { type = "string" } } } } }

local function version_number(version)
  local minor, patch = version:match "^0%.(%d+)%.?(%d*)$"
  return tonumber(minor) * 10 + (tonumber(patch) or 0)
end

local function since(version, first) return version_number(version) >= version_number(first) end
local function keys_path(version) return since(version, "0.7") and "/v1/keys" or "/v1/me/keys" end
local function admin_keys_path(version) return since(version, "0.7") and "/v1/admin/keys" or "/v1/admin/tokens" end

local function new_user(version)
  local new = since(version, "0.7")
  return {
    email = helper.id() .. "@example.org", password = "password",
    [new and "role_id" or "role"] = 2, [new and "organization_id" or "organization"] = 1,
  }
end

local function transcription(format)
  return { "POST", "/v1/audio/transcriptions", form = {
    { "file", "RIFF", "a.wav" }, { "model", "whisper-large-v3" }, { "response_format", format },
  } }
end

local MANY = {}
for i = 1, 65 do MANY[i] = "x" end

local USAGE_FLAT = "carbon completion_tokens cost prompt_tokens requests total_tokens"
local USAGE_LEAN = "completion_tokens cost impacts prompt_tokens total_tokens"
local USAGE_LEGACY = "carbon completion_tokens cost impacts prompt_tokens requests total_tokens"
local KEY_OLD, KEY_NEW = "created expires id name object token", "created expires id name object user value"

-- Expects a text in which the pattern occurs.
local function like(pattern)
  return function(value) return type(value) == "string" and value:find(pattern) ~= nil end
end

-- What, request (or a function of the version that makes it), part of the answer, { version = expected }.
local FACTS = {
  -- who is there
  { "no key", { "GET", "/v1/models", key = false }, "status", { ["0.4.1"] = 403, ["0.4.5"] = 401 } },
  { "no key, in words", { "GET", "/v1/models", key = false }, "body.detail", { ["0.4.1"] = "Not authenticated" } },
  { "a bad key at a migrated route", { "GET", "/v1/models", key = "sk-invalid" }, "status", { ["0.4.1"] = 401 } },
  { "a bad key at an old route", as("sk-invalid", chat()), "status", { ["0.4.1"] = 403, ["0.6"] = 401 } },
  { "a key of another kind", { "GET", "/v1/models", key = "key" }, "body.detail", { ["0.4.1"] = "Invalid API key." } },
  { "another scheme", { "GET", "/v1/models", authorization = "Basic eDp5" }, "body.detail", { ["0.4.1"] = "Invalid authentication scheme." } },
  { "an expired account", as("sk-expired", chat()), "status", { ["0.4.1"] = 403 } },
  { "an expired account asks who it is", { "GET", "/v1/me/info", key = "sk-expired" }, "status", { ["0.4.1"] = 200 } },
  { "an unknown route", { "GET", "/v1/responses" }, "body.detail", { ["0.4.1"] = "Not Found" } },
  { "a wrong method", { "PUT", "/v1/models" }, "status", { ["0.4.1"] = 405 } },
  { "the version", { "GET", "/openapi.json", key = false }, "body.info.version",
    { ["0.4.1"] = "0.4.1", ["0.4.5"] = "0.4.5", ["0.6"] = "0.6", ["0.7"] = "0.7", ["0.8"] = "0.8", ["0.9.0"] = "0.9.0", ["0.9.2"] = "0.9.2" } },
  { "the methods of a path", { "GET", "/openapi.json", key = false }, "body.paths./v1/me/keys", { ["0.4.1"] = "get post" } },

  -- monitoring
  { "health", { "GET", "/health", key = false }, "status", { ["0.4.1"] = 200 } },
  { "health of models needs a key", { "GET", "/health/models", key = false }, "status", { ["0.4.1"] = 404, ["0.4.5"] = 401 } },
  { "health of models, bare", { "GET", "/health/models" }, "body.1.status", { ["0.4.1"] = false, ["0.4.5"] = "green", ["0.6"] = false } },
  { "health of models, in data", { "GET", "/health/models" }, "body.data.1.status", { ["0.4.1"] = false, ["0.6"] = "green" } },
  { "metrics", { "GET", "/metrics", key = false }, "headers.content-type", { ["0.4.1"] = "text/plain; version=0.0.4; charset=utf-8" } },

  -- me
  { "me", { "GET", "/v1/me" }, "status", { ["0.4.1"] = 404, ["0.7"] = 200 } },
  { "me, the old name", { "GET", "/v1/me/info" }, "status", { ["0.4.1"] = 200 } },
  { "the organization of me", { "GET", "/v1/me/info" }, "body.organization", { ["0.4.1"] = 1, ["0.6"] = false } },
  { "the organization of me, by its new name", { "GET", "/v1/me/info" }, "body.organization_id", { ["0.4.1"] = false, ["0.6"] = 1 } },
  { "a limit", { "GET", "/v1/me/info" }, "body.limits.1", { ["0.4.1"] = "router type value", ["0.4.5"] = "router_id type value" } },
  { "the priority of me", { "GET", "/v1/me/info" }, "body.priority", { ["0.4.1"] = 0, ["0.6"] = false } },
  { "a change of me in part", { "PATCH", "/v1/me/info", { name = "demo" } }, "status", { ["0.4.1"] = 204, ["0.7"] = 422 } },
  { "a change of me", { "PATCH", "/v1/me/info", { name = "demo", email = "demo@example.org" } }, "status", { ["0.4.1"] = 204 } },
  { "a wrong old password", { "PATCH", "/v1/me/info", { name = "demo", email = "demo@example.org", password = "newpass", current_password = "wrong!" } },
    "body.detail", { ["0.4.1"] = "Invalid current password." } },
  { "a login", { "POST", "/v1/auth/login", { email = "demo@example.org", password = "demo-password" }, key = false }, "body",
    { ["0.4.1"] = "id key", ["0.7"] = KEY_NEW, ["0.8"] = "created expires id name object user_id value",
      ["0.9.0"] = "created expires id name object revoked user_id value" } },
  { "a login of nobody", { "POST", "/v1/auth/login", { email = "nobody", password = "no" }, key = false }, "status", { ["0.4.1"] = 404, ["0.7"] = 401 } },
  { "the own organization, which is of main", { "GET", "/v1/organizations/me" }, "status", { ["0.4.1"] = 404 } },

  -- keys
  { "a new key", function(version) return { "POST", keys_path(version), { name = helper.id() } } end, "body",
    { ["0.4.1"] = "id key", ["0.4.5"] = "id token", ["0.7"] = KEY_NEW, ["0.8"] = "created expires id name object user_id value",
      ["0.9.0"] = "created expires id name object revoked user_id value" } },
  { "a key of a list", function(version) return { "GET", keys_path(version) } end, "body.data.1",
    { ["0.4.1"] = KEY_OLD, ["0.7"] = KEY_NEW, ["0.8"] = "created expires id name object user_id value",
      ["0.9.0"] = "created expires id name object revoked user_id value" } },
  { "a list of keys", function(version) return { "GET", keys_path(version) } end, "body",
    { ["0.4.1"] = "data object", ["0.7"] = "data limit object offset total" } },
  { "sorting by sort_by", function(version) return { "GET", keys_path(version) .. "?sort_by=nothing" } end, "status", { ["0.4.1"] = 200, ["0.7"] = 422 } },
  { "sorting by order_by", function(version) return { "GET", keys_path(version) .. "?order_by=nothing" } end, "status", { ["0.4.1"] = 422, ["0.7"] = 200 } },
  { "keys by status", function(version) return { "GET", keys_path(version) .. "?status=old" } end, "status", { ["0.4.1"] = 200, ["0.9.0"] = 422 } },
  { "a new key without a name", function(version) return { "POST", keys_path(version), { expires = 5 } } end, "body.detail.1.loc.2", { ["0.4.1"] = "name" } },
  { "a new name for a key", function(version) return { "PATCH", keys_path(version) .. "/99", { name = "x" } } end, "status", { ["0.4.1"] = 405, ["0.9.0"] = 404 } },
  { "a key that is not there", function(version) return { "GET", keys_path(version) .. "/99" } end, "body.detail",
    { ["0.4.1"] = "Token not found.", ["0.7"] = "Key 99 not found." } },
  { "a reserved name", function(version) return { "POST", keys_path(version), { name = "_system_playground_key" } } end, "status", { ["0.4.1"] = 201, ["0.7"] = 400 } },

  -- usage
  { "usage without dates", { "GET", "/v1/usage" }, "status", { ["0.4.1"] = 404, ["0.7"] = 200, ["0.8"] = 422 } },
  { "usage by its old name, without dates", { "GET", "/v1/me/usage" }, "status", { ["0.4.1"] = 200, ["0.8"] = 422 } },

  -- administration
  { "administration by others", { "GET", "/v1/admin/organizations" }, "body.detail", { ["0.4.1"] = "Insufficient rights.", ["0.7"] = "User has no admin rights." } },
  { "the old name of admin keys", { "GET", "/v1/admin/tokens", key = "sk-admin" }, "status", { ["0.4.1"] = 200, ["0.7"] = 404 } },
  { "the new name of admin keys", { "GET", "/v1/admin/keys", key = "sk-admin" }, "status", { ["0.4.1"] = 404, ["0.7"] = 200 } },
  { "a new user", function(version) return { "POST", "/v1/admin/users", new_user(version), key = "sk-admin" } end, "body",
    { ["0.4.1"] = "id", ["0.4.5"] = "budget created email expires id iss name object organization priority role sub updated",
      ["0.7"] = "budget created email expires id iss name object organization_id priority role_id sub updated",
      ["0.9.0"] = "budget created email expires id iss name object organization_id role_id sub updated" } },
  { "a new user by the old names", { "POST", "/v1/admin/users", { email = "old", password = "password", role = 2 }, key = "sk-admin" },
    "status", { ["0.4.1"] = 201, ["0.7"] = 422 } },
  { "a user of no organization", function(version)
    local user = new_user(version)
    user.organization, user.organization_id = nil, nil
    return { "POST", "/v1/admin/users", user, key = "sk-admin" }
  end, "status", { ["0.4.1"] = 201, ["0.9.0"] = 422 } },
  { "a user whose email is taken", function(version)
    local user = new_user(version)
    user.email = "demo@example.org"
    return { "POST", "/v1/admin/users", user, key = "sk-admin" }
  end, "status", { ["0.4.1"] = 409 } },
  { "a change of a user in part", { "PATCH", "/v1/admin/users/3", { name = "expired" }, key = "sk-admin" }, "status", { ["0.4.1"] = 204, ["0.7"] = 422 } },
  { "a list of users", { "GET", "/v1/admin/users", key = "sk-admin" }, "body", { ["0.4.1"] = "data object", ["0.9.0"] = "data limit object offset total" } },
  { "a list of roles", { "GET", "/v1/admin/roles", key = "sk-admin" }, "body", { ["0.4.1"] = "data object", ["0.4.5"] = "data limit object offset total" } },
  { "a role with users", { "DELETE", "/v1/admin/roles/2", key = "sk-admin" }, "status", { ["0.4.1"] = 409 } },
  { "a new organization", function() return { "POST", "/v1/admin/organizations", { name = helper.id() }, key = "sk-admin" } end, "body",
    { ["0.4.1"] = "id", ["0.7"] = "created id name object updated users" } },
  { "a change of an organization", { "PATCH", "/v1/admin/organizations/1", { name = "DINUM" }, key = "sk-admin" }, "status", { ["0.4.1"] = 204, ["0.7"] = 200 } },
  { "a router", { "GET", "/v1/admin/routers/4", key = "sk-admin" }, "body.vector_size", { ["0.4.1"] = 1024, ["0.9.0"] = false } },
  { "a change of a router", { "PATCH", "/v1/admin/routers/1", { name = "gpt-oss-120b", type = "text-generation",
    aliases = { "openweight-large", "openai/gpt-oss-120b" }, cost_prompt_tokens = 0.15, cost_completion_tokens = 0.6 }, key = "sk-admin" },
    "status", { ["0.4.1"] = 204, ["0.4.5"] = 200 } },
  { "an alias that is taken", { "POST", "/v1/admin/routers", { name = "new", type = "text-generation", aliases = { "bge-m3" } }, key = "sk-admin" },
    "body.detail", { ["0.4.1"] = "Following aliases already exist: 'bge-m3'" } },
  { "a provider that cannot be reached", function(version)
    local router = version == "0.4.1" and "router" or "router_id"
    return { "POST", "/v1/admin/providers", { [router] = 1, type = "vllm", model_name = "m", url = "http://unreachable" }, key = "sk-admin" }
  end, "status", { ["0.4.1"] = 424 } },
  { "a list of providers", { "GET", "/v1/admin/providers", key = "sk-admin" }, "body", { ["0.4.1"] = "data object", ["0.4.5"] = "data limit object offset total" } },

  -- models
  { "a model that is not there", { "GET", "/v1/models/no/such" }, "body.detail", { ["0.4.1"] = "Model not found.", ["0.4.5"] = "Model no/such not found." } },
  { "a model that is not there, in a chat", chat(nil, { model = "none" }), "body.detail", { ["0.4.1"] = "Model not found.", ["0.9.0"] = "Model none not found." } },
  { "a model of another type", { "POST", "/v1/embeddings", { model = "gpt-oss-120b", input = "x" } }, "body.detail",
    { ["0.4.1"] = "Wrong model type.", ["0.6"] = "Model has wrong type. Expected: text-embeddings-inference. Actual: text-generation." } },
  { "the type that is gone", { "GET", "/v1/models/ministral-3-8b-instruct-2512" }, "body.type", { ["0.4.1"] = "image-text-to-text", ["0.9.0"] = "text-generation" } },

  -- chat
  { "usage of a chat", chat(), "body.usage", { ["0.4.1"] = USAGE_FLAT, ["0.4.5"] = USAGE_LEGACY, ["0.9.0"] = USAGE_LEAN } },
  { "the footprint", chat(), "body.usage.carbon.kWh", { ["0.4.1"] = function(value) return type(value) == "number" end, ["0.4.5"] = "max min", ["0.9.0"] = false } },
  { "usage of embeddings", { "POST", "/v1/embeddings", { model = "bge-m3", input = "x" } }, "body.usage",
    { ["0.4.1"] = USAGE_FLAT, ["0.4.5"] = USAGE_LEGACY, ["0.6"] = USAGE_LEAN } },
  { "the model of an answer is what was asked for", chat(), "body.model", { ["0.4.1"] = "openai/gpt-oss-120b" } },
  { "the id of an answer", chat(), "body.id", { ["0.4.1"] = like("^chatcmpl%-"), ["0.9.0"] = like("^request%-%x+$"), ["0.9.2"] = like("^%x+$") } },
  { "a tool without tool_choice", chat(nil, { tools = { TOOL } }), "body.choices.1.finish_reason", { ["0.4.1"] = "stop", ["0.9.2"] = "tool_calls" } },
  { "a tool with tool_choice", chat(nil, { tools = { TOOL }, tool_choice = "auto" }), "body.choices.1.finish_reason", { ["0.4.1"] = "tool_calls" } },
  { "the search tool", chat(nil, { tools = { { type = "search" } } }), "status", { ["0.4.1"] = 200, ["0.6"] = 403, ["0.9.0"] = 200 } },
  { "limits on chats", chat(), "headers.x-ratelimit-limit-request", { ["0.4.1"] = false, ["0.9.0"] = "None" } },
  { "limits on other routes", { "POST", "/v1/embeddings", { model = "bge-m3", input = "x" } }, "headers.x-ratelimit-reset-token", { ["0.4.1"] = false, ["0.6"] = "0s" } },

  -- streams
  { "the content type", stream(), "headers.content-type", { ["0.4.1"] = "text/event-stream; charset=utf-8" } },
  { "a chunk", stream(), "text", { ["0.4.1"] = like('^data: {"id":"chatcmpl%-%x+","object":"chat.completion.chunk","created":%d+,"model":"openai/gpt%-oss%-120b",'),
    ["0.9.2"] = like('^data: {"id": "%x+", "object": "chat.completion.chunk", "created": %d+, "model": "gpt%-oss%-120b", ') } },
  { "what is not ASCII", stream(), "text", { ["0.4.1"] = like "sembl\195\169e", ["0.9.2"] = like "sembl\\u00e9e" } },
  { "the usage chunk", stream(), "text", { ["0.4.1"] = like('"model": "openai/gpt%-oss%-120b", "choices": %[%], "usage": {[^\n]*}\n\ndata: %[DONE%]\n\n$'),
    ["0.9.0"] = like('"choices": %[%], "id": "[^"]+", "model": "gpt%-oss%-120b", "usage": {[^\n]*}\n\ndata: %[DONE%]\n\n$') } },
  { "a provider without [DONE]", stream "!no-done", "text", { ["0.4.1"] = like("}\n\n$"), ["0.9.2"] = like("data: %[DONE%]\n\n$") } },
  { "a provider without an answer", stream "!empty", "status", { ["0.4.1"] = 500, ["0.9.2"] = 200 } },
  { "lines that are no data", stream "!comments", "text", { ["0.4.1"] = like("^: ping\n\nevent: message\n\ndata: ") } },
  { "an error in the middle", stream "!fail-midstream", "text", { ["0.4.1"] = like('\n\n{"detail": "Model is too busy %(RemoteProtocolError%), please try again later."}$'),
    ["0.9.2"] = like('\n\nevent: error\ndata: {"detail": "[^\n]*"}\n\n$') } },
  { "an error of the gateway", stream "!fail-internal", "text", { ["0.4.1"] = like('event: error\ndata: {"error": {"message": "Internal Server Error"}}\n\n$') } },
  { "an error before the first chunk", stream "!fail-before", "text", { ["0.4.1"] = like("^{$"), ["0.9.0"] = like("context length") } },
  { "its status", stream "!fail-before", "status", { ["0.4.1"] = 400 } },
  { "its content type", stream "!fail-before", "headers.content-type", { ["0.4.1"] = "text/event-stream; charset=utf-8" } },
  { "the same without a stream", chat "!fail-before", "body.detail.error.code", { ["0.4.1"] = 400 } },
  { "a busy model", chat "!busy", "headers.retry-after", { ["0.4.1"] = false, ["0.9.0"] = "10" } },

  -- other routes
  { "too many inputs", { "POST", "/v1/embeddings", { model = "bge-m3", input = MANY } }, "body.detail", { ["0.4.1"] = "batch size 65 > maximum allowed batch size 64" } },
  { "an empty input", { "POST", "/v1/embeddings", { model = "bge-m3", input = "" } }, "status", { ["0.4.1"] = 400 } },
  { "base64", { "POST", "/v1/embeddings", { model = "bge-m3", input = "x", encoding_format = "base64" } }, "status", { ["0.4.1"] = 422, ["0.4.5"] = 200 } },
  { "a vector in base64", { "POST", "/v1/embeddings", { model = "bge-m3", input = "x", encoding_format = "base64", dimensions = 1 } }, "body.data.1.embedding",
    { ["0.4.1"] = false, ["0.4.5"] = like "^[%w+/]+=*$", ["0.9.2"] = "1" } },
  { "the best document", { "POST", "/v1/rerank", { model = "bge-reranker-v2-m3", query = "deux", documents = { "un", "deux" }, top_n = 1 } },
    "body.results.1.index", { ["0.4.1"] = 1 } },
  { "an empty document", { "POST", "/v1/rerank", { model = "bge-reranker-v2-m3", query = "x", documents = { "" } } }, "body.detail.1.type", { ["0.4.1"] = "string_too_short" } },
  { "the pages of a document", { "POST", "/v1/ocr", { document = { document_url = "https://example.org/a.pdf" }, pages = { 1 } } }, "body.pages.1.index", { ["0.4.1"] = 1 } },
  { "a transcription", transcription "json", "body.text", { ["0.4.1"] = like("a.wav.*4 octets") } },
  { "a transcription as text", transcription "text", "headers.content-type", { ["0.4.1"] = "text/plain; charset=utf-8" } },
  { "subtitles", transcription "srt", "status", { ["0.4.1"] = 422, ["0.4.5"] = 200 } },
  { "the parser", { "POST", "/v1/parse-beta", form = { { "file", "%PDF", "a.pdf" } } }, "status", { ["0.4.1"] = 200, ["0.6"] = 404 } },
  { "collections", { "GET", "/v1/collections" }, "body", { ["0.4.1"] = "data object", ["0.6"] = "detail" } },
}

-- Facts ---------------------------------------------------------------------------------------------------------------

-- `false` is expected of what is not there.
local function agrees(expected, value)
  if expected == false then return value == nil end
  if type(expected) == "function" then return expected(value) end
  return value == expected
end

describe("the scripted OpenGateLLM", function()
  teardown(function()
    for arguments in pairs(served) do helper.stop(arguments) end
  end)

  for _, row in ipairs(FACTS) do
    it("knows of " .. row[1], function()
      local expected
      for _, version in ipairs(VERSIONS) do
        local wanted = row[4][version]
        if wanted ~= nil then expected = wanted end
        local request = type(row[2]) == "function" and row[2](version) or row[2]
        local answer = ask("--version " .. version, request)
        local value = pick(answer, row[3])
        assert.is_true(agrees(expected, value), ("%s: %s is %s, not %s\n%s"):format(version, row[3], tostring(value), tostring(expected), answer.text:sub(-400)))
      end
    end)
  end

  it("takes the nearest version, hides what it is, and knows main", function()
    local known = {
      ["0.4.3"] = "/v1/chunks/{id}", ["0.5.0"] = "/v1/auth/sso/login", ["v0.8.1"] = "/v1/usage", ["0.10"] = "/v1/usage",
      main = "/v1/organizations/me",
    }
    for text, path in pairs(known) do
      local answer = ask("--version " .. text, { "GET", "/openapi.json" })
      assert.equal(text, answer.body.info.version)
      assert.truthy(answer.body.paths[path], text)
    end
    local hidden = ask("--version 0.7 --hide-version", { "GET", "/openapi.json" })
    assert.equal(404, hidden.status)
  end)

  it("records usage, and tells it as each version does", function()
    local now = os.time()
    for version, wanted in pairs {
      ["0.4.1"] = "created endpoint key method model object status usage", ["0.4.5"] = "created endpoint key method model object status usage",
      ["0.7"] = "created endpoint key model object usage", ["0.8"] = "completion_tokens cost end_time impacts object prompt_tokens requests start_time total_tokens",
    } do
      local options = "--version " .. version
      ask(options, chat())
      local usage = ask(options, { "GET", ("/v1/me/usage?start_time=%d&end_time=%d&endpoint=/v1/chat/completions"):format(now - 60, now + 60) })
      assert.equal(wanted, pick(usage, "body.data.1"))
    end
  end)

  it("revokes keys, or forgets them", function()
    for version, wanted in pairs { ["0.4.1"] = { 204, 404 }, ["0.6"] = { 204, 404 }, ["0.7"] = { 200, 404 }, ["0.9.0"] = { 200, 200 } } do
      local options, path = "--version " .. version, keys_path(version)
      local made = ask(options, { "POST", path, { name = helper.id() } }).body
      local secret = made.value or made.token or made.key
      assert.truthy(secret:find "^sk%-eyJ")
      assert.equal(200, ask(options, { "GET", "/v1/models", key = secret }).status)
      assert.equal(wanted[1], ask(options, { "DELETE", path .. "/" .. made.id }).status)
      assert.equal(401, ask(options, { "GET", "/v1/models", key = secret }).status)
      assert.equal(wanted[2], ask(options, { "GET", path .. "/" .. made.id }).status)
    end
  end)

  it("limits whom it limits, and opens new models to whose role has them", function()
    for version, words in pairs { ["0.4.1"] = "3 requests per minute exceeded (remaining: 0).", ["0.9.2"] = "Request limit per minute exceeded." } do
      local options, answer = "--version " .. version, nil
      for _ = 1, 4 do answer = ask(options, as("sk-limited", chat())) end
      assert.equal(429, answer.status)
      assert.equal(words, answer.body.detail)
      assert.equal(version == "0.9.2" and "37s" or nil, answer.headers["x-ratelimit-reset-requests"])
      assert.equal(version == "0.9.2" and "1h2m3s" or nil, answer.headers["x-ratelimit-reset-token"])
      local user = ask(options, { "POST", "/v1/admin/users", new_user(version), key = "sk-admin" }).body
      local key = ask(options, { "POST", admin_keys_path(version), { name = "x", user = user.id }, key = "sk-admin" }).body
      assert.equal(200, ask(options, as(key.value or key.token, chat())).status)
    end
  end)

  describe("keeps documents", function()
    local function collection(options) return ask(options, { "POST", "/v1/collections", { name = helper.id() } }).body.id end

    it("that are found when they are indexed", function()
      for _, options in ipairs { "--version 0.4.1", "--version 0.9.2 --rag", "--version 0.8 --rag-only" } do
        local id = collection(options)
        local document = ask(options, { "POST", "/v1/documents", form = {
          { "collection_id", id }, { "chunk_size", "8" }, { "metadata", '{"page":2}' }, { "file", "un deux trois", "a.txt" },
        } }).body.id
        local search = { "POST", "/v1/search", { query = "deux", collection_ids = { id }, method = "lexical" } }
        assert.equal(0, #ask(options, search).body.data)
        local path = "/v1/documents/" .. document
        assert.equal(0, ask(options, { "GET", path }).body.chunks)
        assert.equal(2, ask(options, { "GET", path }).body.chunks)
        local found = ask(options, search).body.data
        assert.equal(1, #found)
        assert.equal("un deux ", found[1].chunk.content)
        search[3].metadata_filters = { key = "page", type = "eq", value = 3 }
        assert.equal(0, #ask(options, search).body.data)
        assert.same({ 2, 3 }, ask(options, { "POST", path .. "/chunks", { chunks = { { content = "x" }, { content = "y", metadata = { a = true } } } } }).body.ids)
        assert.equal(422, ask(options, { "POST", path .. "/chunks", { chunks = { { content = "x" }, { content = "y", metadata = { a = cjson.null } } } } }).status)
        assert.equal(4, ask(options, { "GET", path }).body.chunks)
        assert.equal(204, ask(options, { "DELETE", "/v1/collections/" .. id }).status)
        assert.equal(404, ask(options, { "GET", path }).status)
      end
    end)

    it("for their owner, and public ones for all", function()
      local options = "--version 0.8 --rag"
      assert.equal(403, ask(options, { "POST", "/v1/collections", { name = "x", visibility = "public" } }).status)
      local id = ask(options, { "POST", "/v1/collections", { name = "x", visibility = "public" }, key = "sk-admin" }).body.id
      assert.equal(200, ask(options, { "GET", "/v1/collections/" .. id }).status)
      assert.equal(404, ask(options, { "DELETE", "/v1/collections/" .. id }).status)
      assert.equal(404, ask(options, { "GET", "/v1/collections/" .. collection(options), key = "sk-admin" }).status)
      assert.equal(403, ask(options, { "GET", "/v1/collections", key = "sk-invalid" }).status)
    end)

    it("searched as each version may", function()
      local hybrid = { "POST", "/v1/search", { query = "x", method = "hybrid", score_threshold = 0.5 } }
      assert.equal("Score threshold is only available for semantic search method", ask("--version 0.4.1", hybrid).body.detail)
      assert.equal(200, ask("--version 0.4.1", { "POST", "/v1/search", { prompt = "x", collections = {} } }).status)
      assert.equal(422, ask("--version 0.8 --rag", { "POST", "/v1/search", { prompt = "x" } }).status)
      assert.equal("enum", ask("--version 0.8 --rag", { "POST", "/v1/search", { query = "x", method = "exact" } }).body.detail[1].type)
      local five = { operator = "or", filters = {} }
      for i = 1, 5 do five.filters[i] = { key = "a", type = "eq", value = i } end
      assert.equal(422, ask("--version 0.8 --rag", { "POST", "/v1/search", { query = "x", metadata_filters = five } }).status)
    end)

    it("and searches them before it answers, in 0.4.x", function()
      local options = "--version 0.4.1"
      local id = collection(options)
      local document = ask(options, { "POST", "/v1/documents", raw = "name=d&collection_id=" .. id, content_type = "application/x-www-form-urlencoded" }).body.id
      ask(options, { "POST", "/v1/documents/" .. document .. "/chunks", { chunks = { { content = "Paris est la capitale" } } } })
      for _, fields in ipairs { { tools = { { type = "search", collection_ids = { id } } } }, { search = true, search_args = { collection_ids = { id } } } } do
        local answer = ask(options, chat(nil, fields))
        assert.equal("Paris est la capitale", answer.body.search_results[1].chunk.content)
        fields.stream = true
        assert.truthy(ask(options, chat(nil, fields)).text:find '"search_results": %[{"method": "semantic"')
      end
      assert.equal(422, ask(options, chat(nil, { search = true })).status)
    end)
  end)

  it("reads forms strictly", function()
    for _, raw in ipairs { "", "--limit\r\n", "--limit\r\nContent-Disposition: form-data\r\n\r\nx\r\n--limit--", "x--limit--\r\n", form { { "a", "b" } } .. "x" } do
      local answer = ask("--version 0.8", { "POST", "/v1/audio/transcriptions", raw = raw, content_type = "multipart/form-data; boundary=limit" })
      assert.equal(422, answer.status)
    end
    local source, size = large_form(20 * 1024 * 1024 + 1)
    local answer = ask("--version 0.8", {
      "POST", "/v1/audio/transcriptions", source = source, size = size, content_type = "multipart/form-data; boundary=limit",
    })
    assert.equal("File size limit exceeded. Expected: 21.0 MB. Actual: 21.0 MB.", answer.body.detail)
  end)
end)
