--- Models, embeddings and rerank of the played server.
--
-- Vectors come from a hash (vectors.lua), scores from the words that texts share: they mean nothing and are always
-- the same. What the provider (a text-embeddings-inference server, as behind Albert) refuses is refused in its words.

local check = require "server.check"
local gate = require "server.gate"
local Gateway = require "server.gateway"
local http = require "server.http"
local json = require "server.json"
local refusal = require "server.refusal"
local script = require "server.script"
local vectors = require "server.vectors"
local words = require "server.words"

local DIMENSIONS = 1024
local MOST_INPUTS = 64

-- Models ------------------------------------------------------------------------------------------------------------

local function models(call)
  local list = json.list()
  for position, router in ipairs(gate.open_to(call)) do list[position] = call.play.fleet.describe(router) end
  call:answer(200, json.record("object", "list", "data", list))
end

local function model(call, name)
  name = http.unescape(name)
  local router = call.play.fleet:model(name)
  if not router or not call.play.accounts:limits(call.user, router) then
    refusal.refuse(404, call.dialect.texts.models_missing, name)
  end
  call:answer(200, call.play.fleet.describe(router))
end

--- The usage object of a call to one of these routes; it is written into the ledger, too.
local function usage(call, router, prompt)
  call.play.ledger:enter(call, router, { prompt, 0 })
  return script.usage(call.dialect.usage_others, call.play.fleet.prices(router), prompt, 0)
end

-- Embeddings --------------------------------------------------------------------------------------------------------

local function embedding_fields(dialect)
  return {
    { "input", "any", required = not dialect.embedding_messages },
    { "messages", "list", of = { nil, "object" } },
    { "model", "string", required = true, min = 1 },
    { "encoding_format", "enum", values = dialect.embedding_formats, null = true },
    { "dimensions", "integer", null = true, min = 1 },
  }
end

--- The texts of the messages, which take the place of the input on main.
local function texts_of(messages)
  local texts = {}
  for position, message in ipairs(messages) do texts[position] = tostring(message.content) end
  return texts
end

local function check_inputs(input)
  local kind = type(input)
  if kind ~= "string" and kind ~= "table" then
    check.fail("string_type", { "body", "input", "str" }, "Input should be a valid string", input)
  end
  local texts = vectors.inputs(input)
  if #texts == 0 then
    check.fail("too_short", { "body", "input" }, "List should have at least 1 item after validation, not 0", input,
      json.record("field_type", "List", "min_length", 1, "actual_length", 0))
  end
  if #texts > MOST_INPUTS then
    refusal.refuse(413, "batch size %d > maximum allowed batch size %d", #texts, MOST_INPUTS)
  end
  for _, text in ipairs(texts) do
    if text == "" then refusal.refuse(400, "Input validation error: `inputs` cannot be empty") end
  end
end

local function embeddings(call)
  local body = check.body(call.request, embedding_fields(call.dialect))
  if body.input == nil then body.input = texts_of(body.messages or {}) end
  local router = gate.model(call, body.model, { "text-embeddings-inference" })
  local tokens = vectors.tokens(type(body.input) == "number" and "" or body.input)
  gate.admit(call, router, tokens, call.dialect.limits_others)
  check_inputs(body.input)
  if call.dialect.base64_decoded then body.encoding_format = "float" end
  call.response:whole(200, vectors.answer(body, body.dimensions or DIMENSIONS, usage(call, router, tokens)))
end

-- Rerank ------------------------------------------------------------------------------------------------------------

local RERANK = {
  { "query", "string", required = true, min = 1, trim = true },
  { "documents", "list", of = { nil, "string", min = 1 }, required = true },
  { "model", "string", required = true, min = 1 },
  { "top_n", "integer", null = true, min = 1 },
}

--- How alike two texts are, from 0 to 1: the share of the query's words that the document has, a little less for
--- long documents, so that equal scores are rare.
local function relevance(query, document)
  local wanted, all = words.of(query)
  return (words.shared(wanted, (words.of(document))) + 1 / (2 + #document)) / (all + 1)
end

local function rerank(call)
  local body = check.body(call.request, RERANK)
  local router = gate.model(call, body.model, { "text-classification" })
  local tokens = script.estimate(body.query) * #body.documents
  for _, document in ipairs(body.documents) do tokens = tokens + script.estimate(document) end
  gate.admit(call, router, tokens, call.dialect.limits_others)
  if #body.documents > MOST_INPUTS then
    local problem = ("batch size %d > maximum allowed batch size %d"):format(#body.documents, MOST_INPUTS)
    refusal.detail(413, json.record("error", problem, "error_type", "Validation"))
  end
  local results = {}
  for position, document in ipairs(body.documents) do
    results[position] = { score = relevance(body.query, document), index = position - 1 }
  end
  table.sort(results, function(a, b) return a.score > b.score or a.score == b.score and a.index < b.index end)
  local list = json.list()
  for position = 1, math.min(#results, body.top_n or #results) do
    local result = results[position]
    list[position] = json.record("relevance_score", json.float(result.score), "index", result.index)
  end
  call:answer(200, json.record("object", "list", "id", Gateway.request_id(), "results", list, "model", body.model,
    "usage", json.raw(usage(call, router, tokens))))
end

return function()
  return {
    { "GET", "/v1/models", models, migrated = true },
    { "GET", "/v1/models/{model:path}", model, migrated = true },
    { "POST", "/v1/embeddings", embeddings },
    { "POST", "/v1/rerank", rerank },
  }
end
