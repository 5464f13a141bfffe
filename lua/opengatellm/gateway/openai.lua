--- The face of OpenAI: /v1/chat/completions, /v1/responses, /v1/completions, /v1/embeddings, /v1/models, /v1/rerank,
--- /v1/audio/transcriptions.
--
-- @module opengatellm.gateway.openai
local browsers = require "opengatellm.gateway.browser"
local chats = require "opengatellm.gateway.chat"
local core = require "opengatellm.core"
local descriptions = require "opengatellm.gateway.ollama_models"
local forms = require "opengatellm.gateway.form"
local json = require "opengatellm.json"
local lists = require "opengatellm.gateway.models"
local operations = require "opengatellm.gateway.operation"
local problems = require "opengatellm.gateway.problem"
local relay = require "opengatellm.gateway.relay"
local url = require "opengatellm.base.url"

local M = { name = "openai" }

-- Errors ------------------------------------------------------------------------------------------------------------------

local TYPES = { [401] = "authentication_error", [403] = "permission_error", [404] = "not_found_error", [429] = "rate_limit_error" }

--- Says whether a path is this face's.
---@param path string
---@return boolean
function M.claims(path) return path == "/v1" or path:sub(1, 4) == "/v1/" end

--- The body of an error.
---@param status integer
---@param message string
---@param err ogl.Error
---@return string content_type
---@return string body
function M.error(status, message, err)
  local kind = err.type or TYPES[status] or (status < 500 and "invalid_request_error" or "server_error")
  local body = { error = { message = message, type = kind, param = json.null, code = err.code or json.null } }
  return "application/json", json.encode(body)
end

--- The words for a model that no route has.
---@param name string
---@return string
function M.unknown_model(name) return ("the model '%s' does not exist"):format(name) end

--- The words for a path that the face does not have.
---@param path string
---@return string
function M.unknown_path(path) return "there is no route " .. path end

local FORMS = { ["/v1/audio/transcriptions"] = true }

-- Forms are what a page of any site may send without asking first.
local function form_problem(visit, kind)
  if not kind or not kind:lower():find "^multipart/form%-data" then
    return problems.new(415, "content-type: expected multipart/form-data", "unsupported_content_type")
  end
  if not browsers.origin_fits(visit.gateway, visit.request) then return problems.new(403, "this origin is not allowed", "origin") end
end

--- What is wrong with the head of a request; nil where nothing is.
---@param visit ogl.GatewayVisit
---@return ogl.Error?
function M.guard(visit)
  local asked = visit.request
  local kind = asked.headers["content-type"]
  if asked.method ~= "POST" then return nil end
  if FORMS[asked.path] then return form_problem(visit, kind) end
  if kind == nil and not asked.headers.origin then return nil end -- no page of another site may send a request without a type
  if kind and kind:lower():find "^application/[%w.+-]*json" then return nil end
  return problems.new(415, "content-type: expected application/json", "unsupported_content_type")
end

-- Chats -------------------------------------------------------------------------------------------------------------------

local CHAT = { protocol = "openai_chat", id = "chatcmpl-" }

local function chat(visit) return chats.answer(visit, CHAT) end

-- Members of a request that the answer of /v1/responses repeats.
local ECHOED = {
  "instructions", "max_output_tokens", "metadata", "parallel_tool_calls", "previous_response_id", "reasoning", "store", "temperature",
  "text", "tool_choice", "tools", "top_p", "truncation", "user",
}

local function echo(body)
  local members = {}
  for _, name in ipairs(ECHOED) do
    local text = core.member(body, name)
    if text then members[#members + 1] = ('"%s":%s'):format(name, text) end
  end
  return table.concat(members, ",")
end

-- What one server keeps, another does not have: a conversation cannot go on there.
local function check_responses(visit, asked, _, target)
  local protocol = target.client.provider.protocol
  if not asked.previous_response_id or protocol == "openai_responses" then return nil end
  return visit:refuse(400, "previous_response_id: the server of this model keeps no responses", "previous_response_id")
end

local RESPONSES = { protocol = "openai_responses", id = "resp_", echo = echo, early = check_responses }

local function responses(visit) return chats.answer(visit, RESPONSES) end

-- Completions stand below the level of conversations: only a server that has the route itself can answer.
local COMPLETIONS = { protocol = "openai_chat", server = "openai", relayed = "/completions", ends = "%[DONE%]%s*$" }

local function completions(visit)
  local body, err = visit:json()
  if not body then return nil, err end
  local target
  target, err = visit:target(body.model)
  if not target then return nil, err end
  if not relay.client(target, "openai") then
    return visit:refuse(400, "the server of this model has no completions: use /v1/chat/completions", "unsupported_route")
  end
  if body.stream ~= nil and type(body.stream) ~= "boolean" then return visit:refuse(400, "stream: expected a boolean") end
  return relay.raw(visit, target, COMPLETIONS, body, body.stream == true)
end

-- Embeddings, reranking -----------------------------------------------------------------------------------------------------

local function usage_of(answer)
  local usage = answer.usage or {}
  return { prompt_tokens = usage.input_tokens or 0, total_tokens = usage.total_tokens or usage.input_tokens or 0 }
end

local function read(visit, kinds)
  local options, err, body = operations.read(visit, kinds)
  if not options then return nil, err end
  local target
  target, err = visit:target(body.model)
  return target and options, target or err, body.model
end

local function vectors_of(answer, encoded)
  local data = json.array {}
  for i, vector in ipairs(answer.vectors) do
    data[i] = { object = "embedding", index = i - 1, embedding = encoded and core.base64_encode(vector) or json.array(vector) }
  end
  return data
end

local EMBEDDINGS = { input = "string or table", dimensions = "number", user = "string", encoding_format = "string" }

local function embeddings(visit)
  local options, target, name = read(visit, EMBEDDINGS)
  if not options then return nil, target end
  if options.input == nil then return visit:refuse(400, "input is required") end
  local encoded = options.encoding_format == "base64"
  options.encoding_format, options.packed = nil, encoded or nil
  local answer, err = operations.ask(visit, "embeddings", target, options)
  if not answer then return nil, err end
  return operations.json { object = "list", data = vectors_of(answer, encoded), model = name, usage = usage_of(answer) }
end

local function rerank(visit)
  local options, target, name = read(visit, { query = "string", documents = "table", top_n = "number" })
  if not options then return nil, target end
  if options.query == nil or options.documents == nil then return visit:refuse(400, "query and documents are required") end
  local answer, err = operations.ask(visit, "rerank", target, options)
  if not answer then return nil, err end
  local results = json.array {}
  for i, row in ipairs(answer.results) do results[i] = { index = row.index - 1, relevance_score = row.score } end
  return operations.json { id = answer.id or "rerank-" .. visit.id, model = name, results = results, usage = usage_of(answer) }
end

-- Recordings ----------------------------------------------------------------------------------------------------------------

local TRANSCRIPTIONS = {
  protocol = "openai_chat", server = "openai", relayed = "/audio/transcriptions", keeps_type = true, operation = "transcribe",
}

-- A recording with its form goes on as it came, but for the model's name.
local function transcriptions(visit)
  local body, err = visit:text()
  if not body then return nil, err end
  local form, problem = forms.read(body, visit.request.headers["content-type"] or "")
  if not form then return visit:refuse(400, problem) end
  local target
  target, err = visit:target(form:value "model")
  if not target then return nil, err end
  if not relay.client(target, "openai") then
    return visit:refuse(400, "the server of this model has no transcriptions", "unsupported_route")
  end
  return relay.raw(visit, target, TRANSCRIPTIONS, form:with("model", target.model), form:value "stream" == "true")
end

-- Models --------------------------------------------------------------------------------------------------------------------

local function model_of(entry)
  return { id = entry.name, object = "model", created = entry.created, owned_by = entry.owner, context_length = entry.context_length }
end

-- The same in Anthropic's form, for its programs ask here too.
local function anthropic_model_of(entry)
  return { type = "model", id = entry.name, display_name = entry.name, created_at = descriptions.time(entry.created) }
end

local function models(visit)
  local data, is_anthropic = json.array {}, visit.request.headers["anthropic-version"] ~= nil
  for i, entry in ipairs(lists.all(visit.gateway)) do data[i] = (is_anthropic and anthropic_model_of or model_of)(entry) end
  if not is_anthropic then return operations.json { object = "list", data = data } end
  local first, last = data[1] and data[1].id or json.null, data[1] and data[#data].id or json.null
  return operations.json { data = data, has_more = false, first_id = first, last_id = last }
end

local function model(visit, name)
  name = url.unescape(name)
  local entry = lists.find(visit.gateway, name)
  if not entry then return visit:refuse(404, M.unknown_model(name), "model_not_found") end
  return operations.json(model_of(entry))
end

---@type table<string, table<string, fun(visit: ogl.GatewayVisit): integer?, table|ogl.Error, any, function?>>
M.routes = {
  ["/v1/chat/completions"] = { POST = chat },
  ["/v1/responses"] = { POST = responses },
  ["/v1/completions"] = { POST = completions },
  ["/v1/embeddings"] = { POST = embeddings },
  ["/v1/rerank"] = { POST = rerank },
  ["/v1/audio/transcriptions"] = { POST = transcriptions },
  ["/v1/models"] = { GET = models, HEAD = models },
}

M.patterns = { { "^/v1/models/(.+)$", { GET = model } } }

return M
