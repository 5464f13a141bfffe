--- Dialects: the forms that operations have on servers other than OpenGateLLM.
--
-- A row describes an operation once. If a server has it in another form, a dialect names the differences, with the same fields as an
-- entry of the change log (change_log.lua): those of the row, and `names`, `with`, `without`, `types`, `fixed`, and `unsent` (parameters
-- that are not sent). The data of a provider say which dialect its server speaks:
--
--   dialects = { rerank = "cohere", speech = false }            false: it has no such call
--   dialects = { rerank = { "cohere", address = "https://…" } }  the call has a host of its own
--
-- For the other operations the provider's protocol decides. The key is the operation's first word: "files.create" is under `files`.
--
-- Sources of the wire facts. cohere: cohere-python, v2/client.py, and recorded answers of v1 and v2. voyage: recorded exchanges
-- (top_k, `data`). tei: the OpenAPI document of text-embeddings-inference (POST /rerank: texts in, a bare list out). openai:
-- openai-python, types/*_params.py, made of OpenAI's OpenAPI document. gemini: ai.google.dev/api/models and /files. ollama: docs/api.md.
--
-- @module opengatellm.operations.server_dialects
local gemini_files = require "opengatellm.operations.gemini_files"
local model_lists = require "opengatellm.operations.model_lists"
local url = require "opengatellm.base.url"

local M = {}

--- By the key of an operation, by its dialect, by its name. A dialect without an entry takes the row unchanged; false: no such call.
M.FORMS = {
  rerank = {
    cohere = { rerank = { root = true, path = "/v2/rerank" } },
    voyage = { rerank = { names = { top_n = "top_k" } } },
    tei = {
      rerank = {
        root = true, path = "/rerank", names = { documents = "texts" }, unsent = { "model", "top_n" },
        types = { model = "string: The server has one model; its name is not sent." },
      },
    },
  },
  transcribe = {
    openai = {
      transcribe = {
        with = { "timestamp_granularities" }, names = { timestamp_granularities = "timestamp_granularities[]" },
        types = { language = "string: The language of the text, as the server names it." },
        max_file = false, -- OpenAI takes 25 MB, others as they are set up
      },
    },
  },
  files = {
    gemini = {
      ["files.create"] = {
        with = { "display_name", "wait" }, unsent = { "purpose" }, types = { purpose = "string 1..: It is not sent." }, send = gemini_files.create,
      },
      ["files.list"] = {
        result = "object", without = { "purpose", "order" }, names = { after = "pageToken", limit = "pageSize" }, finish = gemini_files.page,
        types = { limit = "integer 1..100: Items of a page; the server's default is 10." },
      },
      ["files.get"] = { state = "state", prepare = gemini_files.prepare, finish = gemini_files.file },
      ["files.delete"] = { prepare = gemini_files.prepare, finish = gemini_files.deleted },
      ["files.content"] = false, -- the server gives no uploaded file back
    },
  },
  model = { gemini = { model = { finish = model_lists.gemini_model } } },
  models = {
    gemini = { models = { result = "object", fixed = { pageSize = "1000" }, finish = model_lists.gemini } },
    ollama = { models = { result = "object", root = true, path = "/api/tags", finish = model_lists.ollama } },
  },
}

-- Dialects of a protocol's servers, for operations that the provider does not name. `_`: all other operations.
local PROTOCOLS = {
  openai_chat = { _ = "openai", count_tokens = false },
  openai_responses = { _ = "openai", count_tokens = "responses" },
  anthropic = { models = "openai", model = "openai", count_tokens = "anthropic" },
  gemini = { models = "gemini", model = "gemini", embeddings = "gemini", count_tokens = "gemini" },
  ollama = { models = "ollama", embeddings = "ollama" },
}

local NOTHING = {}

local function entry_of(provider, key)
  local own = provider.dialects and provider.dialects[key]
  if own ~= nil then return own end
  local usual = PROTOCOLS[provider.protocol] or NOTHING
  if usual[key] ~= nil then return usual[key] end
  return usual._ or false
end

--- Gives the key of an operation in a provider's data.
---@param operation {name: string, dialect?: string}
---@return string
function M.key(operation) return operation.dialect or operation.name:match "^[%w_]+" end

--- Gives the dialect in which a provider has an operation, by its key; nil: it does not have it.
---@param provider table
---@param key string
---@return string?
function M.of(provider, key)
  local entry = entry_of(provider, key)
  return (type(entry) == "table" and entry[1] or entry) or nil
end

--- Finds the form of an operation in a server's dialect.
---@param operation ogl.Operation
---@param dialect string
---@return table|false|nil form as registry.lua takes it; nil: the row as it stands; false: the dialect has no such call
function M.form(operation, dialect)
  local forms = M.FORMS[M.key(operation)]
  return forms and forms[dialect] and forms[dialect][operation.name]
end

--- Gives the address of a call that has a host of its own; nil if it has none, or if the user gave the client another address, because
--- that server takes all calls.
---@param client ogl.Client
---@param key string
---@return string?
function M.address(client, key)
  local entry = entry_of(client.provider, key)
  if type(entry) ~= "table" or not entry.address or not client.provider.base_url then return nil end
  return client.root == url.base(client.provider.base_url, client.provider.version) and entry.address or nil
end

return M
