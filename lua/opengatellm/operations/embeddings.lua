--- Embeddings: vectors of texts, in the order of the texts.
--
-- Servers may answer in any order, and with base64 or with lists, whatever was asked for (OGL decodes base64 by itself); the client reads
-- both. `packed` gives each vector as a string of float32 in the machine's byte order, as ffi.cast, string.unpack and vector databases
-- take it.
--
-- If a request has more texts than a server takes at once, the client sends several, some of them at the same time, and joins the answers.
-- A server that takes even less answers 413; then the client splits the batch further.
--
-- Servers have several forms of request and answer: embedding_forms.lua. `warnings` name the fields that a form cannot carry.
--
-- @module opengatellm.operations.embeddings
local call = require "opengatellm.http.call"
local server_dialects = require "opengatellm.operations.server_dialects"
local forms = require "opengatellm.operations.embedding_forms"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local request = require "opengatellm.request"
local registry = require "opengatellm.operations.registry"
local server = require "opengatellm.operations.server"
local url = require "opengatellm.base.url"

local M = {}

local BYTES_A_TOKEN = 3 -- fewer than most texts have, so that the estimate of tokens is too high rather than too low
local CONCURRENCY = 4

---@class ogl.EmbeddingsRequest
---@field input? string|string[]|integer[]|integer[][]
---@field messages? ogl.Message[] in place of `input`, if the server takes them: gives one vector of all, pictures included
---@field model? string default: the client's
---@field dimensions? integer
---@field encoding_format? "float"|"base64" on the wire; default "float", which every version takes
---@field task? "query"|"document"|"similarity"|"classification"|"clustering"|"question"|"fact"|"code" the use of the vectors
---@field user? string
---@field packed? boolean vectors as strings of float32
---@field batch? {inputs?: integer, tokens?: integer} the most of one request; default: the provider's (OGL: 64, and about 32,768)
---@field concurrency? integer requests at the same time; default 4
---@field strict? boolean a field that the server does not take is an error, not a warning
---@field extra? table merged into the body as it is
---@field headers? table<string, string>
---@field timeouts? ogl.Timeouts

---@class ogl.Embeddings
---@field vectors (number[]|string)[]
---@field model? string
---@field usage? ogl.Usage the sum of all requests
---@field warnings? {code: string, field: string, message: string}[] fields that were left out

local FIELDS = {
  input = "string or table", messages = "table", model = "string", dimensions = "integer", encoding_format = "string", user = "string",
  packed = "boolean", task = "string", strict = "boolean", batch = "table", concurrency = "integer", extra = "table", headers = "table",
  timeouts = "table",
}

local function check(options)
  if type(options) ~= "table" then return "expected table, got " .. type(options) end
  local problem = request.check_fields(options, FIELDS)
    or request.check_shared(options)
    or options.batch and request.check_fields(options.batch, { inputs = "integer", tokens = "integer" }, "batch.")
  if problem then return problem end
  if options.messages then
    if options.input ~= nil then return "messages: they stand in place of input" end
    return request.check { messages = options.messages }
  end
  if options.input == nil then return "input: expected string or table, got nil" end
  if type(options.input) == "table" and options.input[1] == nil then return "input: at least one text is needed" end
  if options.task and not forms.TASKS[options.task] then return "task: there is no task '" .. options.task .. "'" end
end

-- Batches -----------------------------------------------------------------------------------------------------------

-- Makes a list of the texts; a list of numbers is one text, given as tokens.
local function inputs_of(input)
  if type(input) == "string" or type(input[1]) == "number" then return { input } end
  return input
end

local function tokens_of(text)
  return type(text) == "string" and math.ceil(#text / BYTES_A_TOKEN) or #text
end

-- Cuts a list into batches {from, to} of so many texts and tokens; a single text that is longer becomes a batch of its own.
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

-- Cuts a batch into smaller ones after a 413: as many texts as the server said that it takes, or half.
local function smaller(batch, err)
  local count = batch.to - batch.from + 1
  local most = tonumber(err.message:match "maximum allowed batch size (%d+)") or math.ceil(count / 2)
  most = math.max(1, math.min(most, math.ceil(count / 2)))
  local batches = {}
  for from = batch.from, batch.to, most do batches[#batches + 1] = { from = from, to = math.min(from + most - 1, batch.to) } end
  return batches
end

local function wire_of(job, batch)
  local form, inputs = job.form, {}
  for i = batch.from, batch.to do inputs[#inputs + 1] = job.inputs[i] end
  local ask = { model = job.model, inputs = inputs, messages = job.messages, several = job.several, options = job.options, task = job.task }
  return {
    method = "POST", path = form.path(job.model), root = form.root, api = job.address, model = job.model, options = job.options,
    repeatable = "inference",
    body = json.encode(request.merge(form.body(ask), job.options.extra)),
  }
end

-- Answers -----------------------------------------------------------------------------------------------------------

local function add_usage(job, usage)
  if not usage then return end
  job.usage = job.usage or {}
  for name, value in pairs(usage) do job.usage[name] = (job.usage[name] or 0) + value end
end

-- Puts the vectors of a batch in their places; returns an error if one is missing.
local function collect(job, batch, answer, head, body)
  local vectors = type(answer) == "table" and job.form.vectors(answer)
  if not vectors then return call.unexpected(job.client, head, "the server's answer is not a list of embeddings", body) end
  for i = batch.from, batch.to do
    local vector = forms.vector(vectors[i - batch.from + 1], job.options.packed)
    if not vector then
      return call.unexpected(job.client, head, ("the server sent no vector for input %d of %d"):format(i, #job.inputs), body)
    end
    job.vectors[i] = vector
  end
  job.answer_model = job.answer_model or type(answer.model) == "string" and answer.model or nil
  add_usage(job, job.form.usage(answer))
end

local run -- the two functions call each other

-- Runs one batch, begun or not, and puts its vectors, or those of smaller batches, in their places.
local function settle(job, batch, asked)
  local answer, head, body = asked:json(job.options.packed and job.form.pack or nil)
  if answer ~= nil then return collect(job, batch, answer, head, body) end
  if head.status == 413 and batch.to > batch.from then return run(job, smaller(batch, head)) end
  return head
end

local function close_all(begun)
  for _, asked in pairs(begun) do asked:close() end
end

-- Runs all batches, some at the same time: while it waits for one, the next are on their way. The first error ends it.
function run(job, batches)
  local begun, width = {}, job.options.concurrency or CONCURRENCY
  for i, batch in ipairs(batches) do
    for ahead = i + 1, math.min(i + width - 1, #batches) do
      if not begun[ahead] then
        begun[ahead] = call.new(job.client, wire_of(job, batches[ahead]))
        begun[ahead]:begin() -- if this fails, settling the batch returns the error
      end
    end
    local asked = begun[i] or call.new(job.client, wire_of(job, batch))
    begun[i] = nil
    local err = settle(job, batch, asked)
    if err then
      close_all(begun)
      return err
    end
  end
end

-- Refusals ----------------------------------------------------------------------------------------------------------

local function unsupported(code, message)
  return errors.unsupported("client:embeddings: " .. message, code)
end

-- Makes the error of a request that this server's form cannot carry.
local function refusal(job, warnings)
  if job.options.strict and warnings[1] then return unsupported(warnings[1].field, warnings[1].message) end
  if type(job.inputs[1]) == "table" and not job.form.carries.tokens then
    return unsupported("input", "the provider " .. job.client.provider.name .. " takes texts, no tokens")
  end
  return job.form.named and url.refusal("client:embeddings", "model", job.model) or nil
end

-- Puts the messages into the job as the server takes them in a chat; returns an error if it takes none.
local function encode_messages(job)
  local client = job.client
  if not client.provider.operations then
    return unsupported("messages", "messages: the provider " .. client.provider.name .. " takes none for embeddings")
  end
  local version, err = server.version(client)
  if not version then return err end
  local range = registry.missing("embeddings.messages", version)
  if range then
    return unsupported("version", ("messages: OpenGateLLM %s does not know them; they are there %s"):format(server.text(version), range))
  end
  local wire
  wire, err = client.protocol.encode_request({ messages = job.options.messages }, client.provider, false, job.model)
  if not wire then return err end
  for _, warning in ipairs(wire.warnings or {}) do table.insert(job.warnings, warning) end
  job.messages = wire.body.messages
end

--- Computes the embeddings of texts, in as many requests as the server's limits need. Raises mistakes in the options.
---@param self table a client
---@param options ogl.EmbeddingsRequest
---@return ogl.Embeddings?
---@return ogl.Error?
function M.embed(self, options)
  local problem = check(options)
  if problem then error("client:embeddings: " .. problem, 3) end
  local model, provider = options.model or self.model_name, self.provider
  if not model then error("client:embeddings: model: missing here and in the options of the client", 3) end
  local form = forms.FORMS[server_dialects.of(provider, "embeddings")]
  if not form then return nil, unsupported("provider", "the provider " .. provider.name .. " has no such call") end
  local inputs = options.messages and { "" } or inputs_of(options.input)
  local several = inputs == options.input
  local job = { client = self, options = options, model = model, inputs = inputs, several = several, vectors = {}, form = form }
  local task, warnings = forms.fit(form, options, provider)
  job.warnings = warnings
  local err = options.messages and encode_messages(job) or refusal(job, warnings)
  if err then return nil, err end
  job.task, job.address = task, server_dialects.address(self, "embeddings")
  err = run(job, batches_of(inputs, request.merge(form.batch, provider.batch, options.batch)))
  if err then return nil, err end
  return { vectors = job.vectors, model = job.answer_model, usage = job.usage, warnings = warnings[1] and warnings or nil }
end

return M
