--- Embedding: the forms in which servers take texts and give vectors; embeddings.lua makes the batches and joins the answers.
--
-- A form is a table:
--
--   path(model), root   the path of the request;   named: the model stands in the path
--   batch = {inputs, tokens}: the most that one request may have, if the provider does not say
--   carries             the fields that it can send: `dimensions`, `user`, `encoding_format`, `tokens` (inputs that are tokens)
--   tasks               task -> the server's word for it; nil: the server knows no tasks
--   body(ask)           makes the body; ask = {model, inputs, messages, several, options, task: the server's word}
--   pack                the key of the vectors, for packed answers
--   vectors(answer)     gives a list of vectors by their places; nil: the answer has another form
--   usage(answer)       gives the usage that the answer names
--
-- Sources. openai: openai-python and recorded answers. voyage: recorded exchanges (input_type, output_dimension). jina: api.jina.ai's
-- form as in the code of its users (task = retrieval.query, …). gemini: ai.google.dev/api/embeddings, recorded exchanges; 100 requests at
-- once are what its clients send. ollama: docs/api.md (POST /api/embed), recorded exchanges. cohere: cohere-python, v2/client.py
-- (96 texts at once), recorded answers.
--
-- @module opengatellm.operations.embedding_forms
local core = require "opengatellm.core"
local json = require "opengatellm.json"
local shape = require "opengatellm.operations.shape"
local url = require "opengatellm.base.url"

local M = { FORMS = {} }

--- The tasks that an embedding may be for.
M.TASKS = {
  query = true, document = true, similarity = true, classification = true, clustering = true, question = true, fact = true, code = true,
}

local function total(count) return type(count) == "number" and { input_tokens = count, total_tokens = count } or nil end

-- Reads a member of a value that may be no table, as null is.
local function member(value, name) return type(value) == "table" and value[name] or nil end

local function rows_of(list, count) return type(list) == "table" and (list[1] ~= nil or count == 0) and list or nil end

-- OpenAI ------------------------------------------------------------------------------------------------------------

-- {data: [{index, embedding}]}, in any order; an embedding is a list or base64.
local function openai_vectors(answer)
  if type(answer.data) ~= "table" then return nil end
  local vectors = {}
  for i, row in ipairs(answer.data) do
    local place = type(row) == "table" and type(row.index) == "number" and row.index + 1 or i
    vectors[place] = type(row) == "table" and row.embedding or nil
  end
  return vectors
end

-- OpenAI's form, with other words for some fields.
local function like_openai(words, form)
  form.path = function() return "/embeddings" end
  form.pack, form.vectors = "embedding", openai_vectors
  form.usage = function(answer) return shape.usage(answer.usage) end
  form.body = function(ask)
    local options = ask.options
    local body = { model = ask.model, user = options.user, messages = ask.messages }
    if not ask.messages then body.input = ask.several and json.array(ask.inputs) or ask.inputs[1] end
    body[words.dimensions or "dimensions"] = options.dimensions
    if words.task then body[words.task] = ask.task end
    if form.carries.encoding_format then body.encoding_format = options.encoding_format or "float" end
    return body
  end
  return form
end

M.FORMS.openai = like_openai({}, { carries = { dimensions = true, user = true, encoding_format = true, tokens = true } })

M.FORMS.voyage = like_openai({ dimensions = "output_dimension", task = "input_type" }, {
  carries = { dimensions = true }, tasks = { query = "query", document = "document" },
})

M.FORMS.jina = like_openai({ task = "task" }, {
  carries = { dimensions = true }, tasks = {
    query = "retrieval.query", document = "retrieval.passage", similarity = "text-matching", classification = "classification",
    clustering = "separation",
  },
})

-- Gemini ------------------------------------------------------------------------------------------------------------

local function gemini_name(model) return model:find("/", 1, true) and model or "models/" .. model end

M.FORMS.gemini = {
  carries = { dimensions = true }, batch = { inputs = 100 }, pack = "values", named = true,
  tasks = {
    query = "RETRIEVAL_QUERY", document = "RETRIEVAL_DOCUMENT", similarity = "SEMANTIC_SIMILARITY", classification = "CLASSIFICATION",
    clustering = "CLUSTERING", question = "QUESTION_ANSWERING", fact = "FACT_VERIFICATION", code = "CODE_RETRIEVAL_QUERY",
  },
  path = function(model) return "/" .. url.path(gemini_name(model)) .. ":batchEmbedContents" end,
  body = function(ask)
    local requests = json.array {}
    for i, text in ipairs(ask.inputs) do
      requests[i] = {
        model = gemini_name(ask.model), content = { parts = { { text = text } } }, taskType = ask.task,
        outputDimensionality = ask.options.dimensions,
      }
    end
    return { requests = requests }
  end,
  vectors = function(answer)
    local rows, vectors = rows_of(answer.embeddings), {}
    if not rows then return nil end
    for i, row in ipairs(rows) do vectors[i] = type(row) == "table" and row.values or nil end
    return vectors
  end,
  usage = function(answer) return total(member(answer.usageMetadata, "promptTokenCount")) end,
}

-- Ollama ------------------------------------------------------------------------------------------------------------

M.FORMS.ollama = {
  carries = { dimensions = true }, pack = "embeddings", root = true,
  path = function() return "/api/embed" end,
  body = function(ask) return { model = ask.model, input = json.array(ask.inputs), dimensions = ask.options.dimensions } end,
  vectors = function(answer) return rows_of(answer.embeddings) end,
  usage = function(answer) return total(answer.prompt_eval_count) end,
}

-- Cohere ------------------------------------------------------------------------------------------------------------

M.FORMS.cohere = {
  carries = { dimensions = true }, batch = { inputs = 96 }, pack = "float", root = true,
  tasks = { query = "search_query", document = "search_document", classification = "classification", clustering = "clustering" },
  path = function() return "/v2/embed" end,
  body = function(ask)
    return {
      model = ask.model, texts = json.array(ask.inputs), input_type = ask.task or "search_document", -- it may not be absent
      embedding_types = { "float" }, output_dimension = ask.options.dimensions,
    }
  end,
  vectors = function(answer) return rows_of(type(answer.embeddings) == "table" and (answer.embeddings.float or answer.embeddings)) end,
  usage = function(answer)
    local tokens, billed = member(answer.meta, "tokens"), member(answer.meta, "billed_units")
    return total(member(tokens, "input_tokens")) or total(member(billed, "input_tokens"))
  end,
}

-- Fields that a form cannot carry -----------------------------------------------------------------------------------

local OPTIONAL = { "dimensions", "encoding_format", "user" }

--- Finds the fields of a request that a form cannot carry, and the server's word for its task.
---@param form table
---@param options ogl.EmbeddingsRequest
---@param provider table
---@return string? task
---@return {code: string, field: string, message: string}[] warnings
function M.fit(form, options, provider)
  local warnings = {}
  local function warn(field, what)
    local message = ("the embeddings of %s have no %s: it was left out"):format(provider.name, what)
    warnings[#warnings + 1] = { code = "not_carried", field = field, message = message }
  end
  for _, field in ipairs(OPTIONAL) do
    if options[field] ~= nil and not form.carries[field] then warn(field, field) end
  end
  local task = options.task and form.tasks and form.tasks[options.task]
  if options.task and not task then warn("task", form.tasks and "task '" .. options.task .. "'" or "task") end
  return task, warnings
end

local FLOAT = 4 -- bytes

--- Reads one vector in the form that was asked for; gives nil if an item is not a number, or the bytes are not whole floats. With
--- `packed` the decoder has made a string of each vector.
---@param value any
---@param packed? boolean
---@return number[]|string|nil
function M.vector(value, packed)
  if packed then return type(value) == "string" and #value > 0 and #value % FLOAT == 0 and core.finite(value) and value or nil end
  if type(value) == "string" then
    local bytes = core.base64_decode(value)
    value = bytes and #bytes % FLOAT == 0 and core.floats(bytes) or nil
  end
  return type(value) == "table" and value[1] ~= nil and core.finite(value) and value or nil
end

return M
