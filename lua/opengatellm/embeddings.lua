--- Embeddings: vectors of texts, in the order of the texts.
--
-- Servers may answer in any order, and with base64 or with lists whatever was asked for (OGL decodes base64 by itself); both
-- forms of either are read. `packed` gives each vector as a string of float32 in the machine's byte order, as ffi.cast, string.unpack
-- and vector databases take it.
--
-- @module opengatellm.embeddings
local call = require "opengatellm.call"
local core = require "opengatellm.core"
local json = require "opengatellm.json"
local request = require "opengatellm.request"

local M = {}

---@class ogl.EmbeddingsRequest
---@field input string|string[]|integer[]|integer[][]
---@field model? string default: the client's
---@field dimensions? integer
---@field encoding_format? "float"|"base64" on the wire; default "float", which every version takes
---@field user? string
---@field packed? boolean vectors as strings of float32
---@field extra? table merged into the body as it is
---@field headers? table<string, string>
---@field timeouts? ogl.Timeouts

---@class ogl.Embeddings
---@field vectors (number[]|string)[]
---@field model? string
---@field usage? ogl.Usage

local FIELDS = {
  input = "string or table", model = "string", dimensions = "integer", encoding_format = "string", user = "string", packed = "boolean",
  extra = "table", headers = "table", timeouts = "table",
}

local function check(options)
  if type(options) ~= "table" then return "expected table, got " .. type(options) end
  local problem = request.check_fields(options, FIELDS)
    or request.check_shared(options)
  if problem then return problem end
  if options.input == nil then return "input: expected string or table, got nil" end
  if type(options.input) == "table" and options.input[1] == nil then return "input: at least one text is needed" end
end

-- How many vectors have to come back: a list of numbers is one text, as tokens.
local function count(input)
  if type(input) == "string" or type(input[1]) == "number" then return 1 end
  return #input
end

-- One vector in the form that was asked for; nil where it is none. With `packed` the decoder has made strings of all.
local function vector_of(value, packed)
  if type(value) == "string" and not packed then
    local bytes = core.base64_decode(value)
    return bytes and #bytes % 4 == 0 and core.floats(bytes) or nil
  end
  return value
end

local function broken(self, head, message)
  return nil, call.unexpected(self, head, message)
end

local function collect(self, answer, options, head)
  local data, wanted = type(answer) == "table" and answer.data, count(options.input)
  if type(data) ~= "table" then return broken(self, head, "the server's answer is not a list of embeddings") end
  local vectors = {}
  for i, row in ipairs(data) do
    local place = type(row) == "table" and type(row.index) == "number" and row.index + 1 or i
    vectors[place] = type(row) == "table" and vector_of(row.embedding, options.packed) or nil
  end
  for i = 1, wanted do
    if type(vectors[i]) ~= (options.packed and "string" or "table") then
      return broken(self, head, ("the server sent no vector for input %d of %d"):format(i, wanted))
    end
  end
  return { vectors = vectors, model = answer.model, usage = type(answer.usage) == "table" and core.usage(json.encode(answer.usage)) or nil }
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
  local body = request.merge({
    model = model, input = options.input, dimensions = options.dimensions, user = options.user,
    encoding_format = options.encoding_format or "float",
  }, options.extra)
  local wire = { method = "POST", path = "/embeddings", body = json.encode(body), options = options, repeatable = "inference" }
  local answer, head = call.json(self, wire, options.packed and "embedding" or nil)
  if answer == nil then return nil, head end
  return collect(self, answer, options, head)
end

return M
