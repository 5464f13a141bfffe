--- Vectors: embeddings that mean nothing but are always the same.
--
-- The vector of a text comes from a hash of the text; it has length 1 and its numbers are exact in 32 bits, so that
-- the float form and the base64 form of an answer are equal to the last bit. `answer` is OGL's whole response body,
-- with `data` out of order, as the API allows it to be. Nothing is kept; the cost is about a microsecond a number.

local mime = require "mime"
local script = require "server.script"

local vectors = {}

local function hash(text)
  local state = 5381
  for position = 1, #text do state = (state * 33 + text:byte(position)) % 2147483647 end
  return state
end

--- `dimensions` numbers between -1 and 1 for `text`.
local function vector(text, dimensions)
  local state, numbers, square = hash(text), {}, 0.0
  for position = 1, dimensions do
    state = (state * 48271 + position) % 2147483647
    local number = state / 1073741823.5 - 1
    numbers[position] = number
    square = square + number * number
  end
  local length = square > 0 and math.sqrt(square) or 1
  for position, number in ipairs(numbers) do
    numbers[position] = string.unpack("<f", string.pack("<f", number / length))
  end
  return numbers
end

local function as_floats(numbers)
  local texts = {}
  for position, number in ipairs(numbers) do texts[position] = ("%.9g"):format(number) end
  return "[" .. table.concat(texts, ",") .. "]"
end

local function as_base64(numbers)
  local bytes = {}
  for position, number in ipairs(numbers) do bytes[position] = string.pack("<f", number) end
  return '"' .. mime.b64(table.concat(bytes)) .. '"'
end

--- The inputs as a list of texts: a string, a list of strings, a list of tokens or a list of lists of tokens.
function vectors.inputs(input)
  if type(input) == "string" then return { input } end
  if type(input) ~= "table" then return {} end
  if type(input[1]) == "number" then return { table.concat(input, " ") } end
  local texts = {}
  for position, each in ipairs(input) do
    texts[position] = type(each) == "table" and table.concat(each, " ") or tostring(each)
  end
  return texts
end

--- 1 … count, the even ones backwards and then the odd ones: never in order from two on.
local function shuffled(count)
  local order = {}
  for position = count - count % 2, 1, -2 do order[#order + 1] = position end
  for position = 1, count, 2 do order[#order + 1] = position end
  return order
end

--- The tokens of all inputs together.
function vectors.tokens(input)
  local tokens = 0
  for _, text in ipairs(vectors.inputs(input)) do tokens = tokens + script.estimate(text) end
  return tokens
end

--- The body of `POST /v1/embeddings` for a decoded request. `usage` is the JSON of its usage; unless given, that of
--- the migrated routes at the prices of the model.
function vectors.answer(request, dimensions, usage)
  local texts, items = vectors.inputs(request.input), {}
  local write = request.encoding_format == "base64" and as_base64 or as_floats
  for _, position in ipairs(shuffled(#texts)) do
    local numbers = vector(texts[position], dimensions)
    items[#items + 1] = ('{"embedding":%s,"index":%d,"object":"embedding"}'):format(write(numbers), position - 1)
  end
  local model = script.find_model(request.model)
  usage = usage or script.usage("lean", model and model.prices or { 0.0, 0.0 }, vectors.tokens(request.input), 0)
  return ('{"data":[%s],"model":%s,"object":"list","usage":%s,"id":"request-654b5f719157471997b7ad1e3fad7215"}'):format(
    table.concat(items, ","), script.quote(tostring(request.model)), usage)
end

return vectors
