--- Embeddings: vectors of texts, in the order of the texts.
--
-- Servers may answer in any order, and with base64 or with lists whatever was asked for (OGL decodes base64 by itself); both
-- forms of either are read. `packed` gives each vector as a string of float32 in the machine's byte order, as ffi.cast, string.unpack
-- and vector databases take it.
--
-- What is more than a server takes at once goes in several requests, some of them at the same time, and comes back as one answer. A
-- server that takes even less says 413; then the batch is split further.
--
-- @module opengatellm.embeddings
local call = require "opengatellm.call"
local core = require "opengatellm.core"
local json = require "opengatellm.json"
local request = require "opengatellm.request"

local M = {}

local BYTES_A_TOKEN = 3 -- less than most texts have, so that an estimate is rather too high
local CONCURRENCY = 4

---@class ogl.EmbeddingsRequest
---@field input string|string[]|integer[]|integer[][]
---@field model? string default: the client's
---@field dimensions? integer
---@field encoding_format? "float"|"base64" on the wire; default "float", which every version takes
---@field user? string
---@field packed? boolean vectors as strings of float32
---@field batch? {inputs?: integer, tokens?: integer} what one request may have; default: the provider's (OGL: 64, and about 32,768)
---@field concurrency? integer requests at the same time; default 4
---@field extra? table merged into the body as it is
---@field headers? table<string, string>
---@field timeouts? ogl.Timeouts

---@class ogl.Embeddings
---@field vectors (number[]|string)[]
---@field model? string
---@field usage? ogl.Usage the sum of all requests

local FIELDS = {
  input = "string or table", model = "string", dimensions = "integer", encoding_format = "string", user = "string", packed = "boolean",
  batch = "table", concurrency = "integer", extra = "table", headers = "table", timeouts = "table",
}

local function check(options)
  if type(options) ~= "table" then return "expected table, got " .. type(options) end
  local problem = request.check_fields(options, FIELDS)
    or request.check_shared(options)
    or options.batch and request.check_fields(options.batch, { inputs = "integer", tokens = "integer" }, "batch.")
  if problem then return problem end
  if options.input == nil then return "input: expected string or table, got nil" end
  if type(options.input) == "table" and options.input[1] == nil then return "input: at least one text is needed" end
end

-- Batches -----------------------------------------------------------------------------------------------------------

-- The texts as a list; a list of numbers is one text, as tokens.
local function inputs_of(input)
  if type(input) == "string" or type(input[1]) == "number" then return { input } end
  return input
end

local function tokens_of(text)
  return type(text) == "string" and math.ceil(#text / BYTES_A_TOKEN) or #text
end

-- Cuts a list into batches {from, to} of so many texts and tokens; a text that is too long alone is a batch of its own.
local function batches_of(inputs, limits)
  local batches, tokens = {}, 0
  for i, text in ipairs(inputs) do
    local batch, size = batches[#batches], tokens_of(text)
    local full = not batch or limits.inputs and i - batch.from >= limits.inputs or limits.tokens and tokens + size > limits.tokens
    if full then
      batch, tokens = { from = i }, 0
      batches[#batches + 1] = batch
    end
    batch.to, tokens = i, tokens + size
  end
  return batches
end

-- The same texts in smaller batches after a 413: as many as the server said it takes, or half.
local function smaller(batch, err)
  local count = batch.to - batch.from + 1
  local most = tonumber(err.message:match "maximum allowed batch size (%d+)") or math.ceil(count / 2)
  most = math.max(1, math.min(most, math.ceil(count / 2)))
  local batches = {}
  for from = batch.from, batch.to, most do batches[#batches + 1] = { from = from, to = math.min(from + most - 1, batch.to) } end
  return batches
end

local function wire_of(job, batch)
  local options, input = job.options, job.options.input
  if job.several then
    input = json.array {}
    for i = batch.from, batch.to do input[#input + 1] = job.inputs[i] end
  end
  local body = request.merge({
    model = job.model, input = input, dimensions = options.dimensions, user = options.user,
    encoding_format = options.encoding_format or "float",
  }, options.extra)
  return {
    method = "POST", path = "/embeddings", model = job.model, body = json.encode(body), options = options, repeatable = "inference",
  }
end

-- Answers -----------------------------------------------------------------------------------------------------------

-- One vector in the form that was asked for; nil where it is none. With `packed` the decoder has made strings of all.
local function vector_of(value, packed)
  if type(value) == "string" and not packed then
    local bytes = core.base64_decode(value)
    return bytes and #bytes % 4 == 0 and core.floats(bytes) or nil
  end
  return value
end

local function add_usage(job, answer)
  local usage = type(answer.usage) == "table" and core.usage(json.encode(answer.usage))
  if not usage then return end
  job.usage = job.usage or {}
  for name, value in pairs(usage) do job.usage[name] = (job.usage[name] or 0) + value end
end

-- Puts the vectors of a batch in their places; an error where one is missing.
local function collect(job, batch, answer, head)
  local data, packed = type(answer) == "table" and answer.data, job.options.packed
  if type(data) ~= "table" then return call.unexpected(job.client, head, "the server's answer is not a list of embeddings") end
  local count, vectors = batch.to - batch.from + 1, {}
  for i, row in ipairs(data) do
    local place = type(row) == "table" and type(row.index) == "number" and row.index + 1 or i
    vectors[place] = type(row) == "table" and vector_of(row.embedding, packed) or nil
  end
  for i = 1, count do
    if type(vectors[i]) ~= (packed and "string" or "table") then
      local message = ("the server sent no vector for input %d of %d"):format(batch.from + i - 1, #job.inputs)
      return call.unexpected(job.client, head, message)
    end
    job.vectors[batch.from + i - 1] = vectors[i]
  end
  job.answer_model = job.answer_model or answer.model
  add_usage(job, answer)
end

local run -- the two need each other

-- One batch, begun or not: its vectors, or those of smaller batches.
local function settle(job, batch, wire, begun)
  local answer, head = call.json(job.client, wire, job.options.packed and "embedding" or nil, begun)
  if answer ~= nil then return collect(job, batch, answer, head) end
  if head.status == 413 and batch.to > batch.from then return run(job, smaller(batch, head)) end
  return head
end

local function close_all(begun)
  for _, exchange in pairs(begun) do exchange:close() end
end

-- All batches, some at the same time: while one is waited for, the next are on their way. The first error ends it.
function run(job, batches)
  local wires, begun, width = {}, {}, job.options.concurrency or CONCURRENCY
  for i, batch in ipairs(batches) do
    for ahead = i + 1, math.min(i + width - 1, #batches) do
      if not wires[ahead] then
        wires[ahead] = wire_of(job, batches[ahead])
        begun[ahead] = call.begin(job.client, wires[ahead]) -- if it fails, its turn tells why
      end
    end
    local exchange = begun[i]
    begun[i] = nil
    local err = settle(job, batch, wires[i] or wire_of(job, batch), exchange)
    wires[i] = nil
    if err then
      close_all(begun)
      return err
    end
  end
end

---@param self table a client
---@param options ogl.EmbeddingsRequest
---@return ogl.Embeddings?
---@return ogl.Error?
function M.embed(self, options)
  local problem = check(options)
  if problem then error("client:embeddings: " .. problem, 3) end
  local model = options.model or self.model_name
  if not model then error("client:embeddings: model: none is given, neither here nor to the client", 3) end
  local inputs = inputs_of(options.input)
  local job = { client = self, options = options, model = model, inputs = inputs, several = inputs == options.input, vectors = {} }
  local limits = request.merge(self.provider.batch, options.batch)
  local err = run(job, batches_of(inputs, limits))
  if err then return nil, err end
  return { vectors = job.vectors, model = job.answer_model, usage = job.usage }
end

return M
