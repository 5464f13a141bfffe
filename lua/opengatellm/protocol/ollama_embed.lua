--- Ollama's embeddings, for a client that asks us: the bodies of POST /api/embed and /api/embeddings, and their answers.
--
-- /api/embed takes texts and gives vectors of length 1, also after they were cut to `dimensions`; the older /api/embeddings takes one
-- `prompt` and gives its vector as the model made it. Where the text is empty neither asks a model: `wants.load` says so.
--
-- wants: model, single (the client expects the answer of /api/embeddings), dimensions, load, rest (fields that only a server of Ollama
-- takes: truncate, options, keep_alive, …), keep_alive (seconds), warnings.
--
-- @module opengatellm.protocol.ollama_embed
local body_reader = require "opengatellm.protocol.reader"
local json = require "opengatellm.json"
local keep_alive = require "opengatellm.protocol.ollama_keep_alive"

local M = {}

-- The texts of the body. An empty text alone is none, as the server sees it.
local function texts_of(body, single)
  local input
  if single then input = body:text "prompt" else input = body:text_or_texts "input" end
  if type(input) == "table" then return input end
  return { input ~= "" and input or nil }
end

local function keep_alive_of(body)
  local value = body:any "keep_alive"
  if value == nil then return nil end
  local seconds = keep_alive.seconds(type(value) == "string" and value or body:number "keep_alive")
  if not seconds then body_reader.refuse("keep_alive", 'expected seconds, or a duration such as "5m"') end
  body:give_back "keep_alive"
  return seconds
end

local function dimensions_of(body)
  local dimensions = body:integer "dimensions"
  if dimensions and dimensions < 0 then body_reader.refuse("dimensions", "expected a number from 0 on") end
  return dimensions ~= 0 and dimensions or nil -- 0: all that there are
end

local function decode(body)
  local single = (body.reader.path or ""):find "/embeddings" ~= nil
  local request = { input = texts_of(body, single) }
  local wants = { model = body:text "model", single = single or nil, load = not request.input[1] or nil, keep_alive = keep_alive_of(body) }
  if not single then request.dimensions = dimensions_of(body) end
  wants.dimensions = request.dimensions
  wants.rest = body:rest()
  return request, wants
end

--- Makes a request for `client:embeddings` of a body.
---@param source string|table
---@param options? {path?: string}
---@return ogl.EmbeddingsRequest? request
---@return table|ogl.Error wants or the error, of kind `invalid`
function M.decode_request(source, options)
  return body_reader.read(source, { protocol = "ollama", path = options and options.path, no_chat = true }, decode)
end

-- A copy of the front of a vector, of length 1; one of zeros stays as it is.
local function unit(vector, dimensions)
  local n, squares = math.min(#vector, dimensions or #vector), 0
  for i = 1, n do squares = squares + vector[i] * vector[i] end
  local length, out = squares > 0 and math.sqrt(squares) or 1, {}
  for i = 1, n do out[i] = vector[i] / length end
  return json.array(out)
end

--- Makes the answer.
---@param wants table as `decode_request` gave it
---@param answer {model?: string, vectors: number[][], usage?: ogl.Usage} as `client:embeddings` gives it
---@param seconds? number that it took
---@return table body
function M.encode_answer(wants, answer, seconds)
  if wants.single then return { embedding = json.array(answer.vectors[1] or {}) } end
  local embeddings = {}
  for i, vector in ipairs(answer.vectors) do embeddings[i] = unit(vector, wants.dimensions) end
  return {
    model = wants.model or answer.model, embeddings = json.array(embeddings),
    total_duration = math.max(1, math.floor((seconds or 0) * 1e9)), load_duration = 0,
    prompt_eval_count = answer.usage and answer.usage.input_tokens or 0,
  }
end

return M
