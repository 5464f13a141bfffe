--- Embeddings by a model in this process: the body of a request in, a job for each text, the body of the answer out.
--
-- @module opengatellm.llama.vectors
local core = require "opengatellm.core"
local json = require "opengatellm.json"
local refusal = require "opengatellm.llama.refusal"

local M = {}

---@class ogl.llama.Vectors
---@field job table options of the next job
local Vectors = {}
Vectors.__index = Vectors

local function job_of(text) return { kind = "embed", pieces = { { text = text, special = false } } } end

-- The texts of a request, or what is wrong with them.
local function texts_of(input)
  if type(input) == "string" then return { input } end
  if type(input) ~= "table" or #input == 0 then return nil, "input: expected a text or a list of texts" end
  for _, text in ipairs(input) do
    if type(text) ~= "string" then return nil, "input: expected texts; a model in this process takes no tokens" end
  end
  return input
end

--- Begins an answer.
---@param engine ogl.llama.Engine whose model is loaded
---@param body table a request of POST /embeddings
---@return ogl.llama.Vectors? vectors
---@return ogl.llama.Refusal? refusal
function M.new(engine, body)
  local texts, problem = texts_of(body.input)
  local length = engine:facts().vector
  if texts and body.dimensions and body.dimensions ~= length then problem = ("dimensions: this model gives %d"):format(length) end
  if problem then return nil, refusal.field(problem) end
  return setmetatable({
    texts = texts, job = job_of(texts[1]), rows = {}, bytes = {}, tokens = 0, packed = body.encoding_format == "base64", model = body.model,
    room = engine:facts().context,
  }, Vectors)
end

--- Takes the bytes of a vector; gives none of an answer.
---@param bytes string
function Vectors:feed(bytes) self.bytes[#self.bytes + 1] = bytes end

--- Ends a job: begins the next, or gives the answer.
---@param ending string
---@param tokens integer of the prompt
---@return string? body nil: `job` is the next one, or there is a problem
---@return ogl.llama.Refusal|ogl.Error|nil problem
function Vectors:finish(ending, tokens)
  if ending ~= "stop" then return nil, refusal.of(ending, tokens, self.room) end
  local bytes, place = table.concat(self.bytes), #self.rows + 1
  local vector = self.packed and core.base64_encode(bytes) or json.array(core.floats(bytes))
  self.rows[place] = { object = "embedding", index = place - 1, embedding = vector }
  self.bytes, self.tokens = {}, self.tokens + tokens
  local text = self.texts[place + 1]
  self.job = text and job_of(text)
  if text then return nil end
  local usage = { prompt_tokens = self.tokens, total_tokens = self.tokens }
  return core.encode { object = "list", model = self.model, data = self.rows, usage = usage }
end

return M
