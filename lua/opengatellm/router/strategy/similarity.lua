--- Similarity: rows by what the question is like.
--
--   strategy = { "similarity", client = client, model = "bge-m3", examples = { code = { "Write a function that …" }, chat = { "Hello" } } }
--
-- The strategy asks for the vectors of the examples once, and keeps them; each call asks for the vector of its question. The row with the
-- nearest example comes first, rows without examples follow in their order. Where no vector can be had, all rows keep their order, so
-- that a call is answered without the server of the embeddings.
--
-- @module opengatellm.router.strategy.similarity
local question = require "opengatellm.router.strategy.question"
local sorting = require "opengatellm.router.strategy.sorting"

local M = {}

---@class ogl.SimilarityOptions
---@field client ogl.Client that has embeddings
---@field model? string of the embeddings
---@field examples table<string, string[]> name of a row -> texts
---@field threshold? number least cosine that counts, from -1 to 1; default 0

local function problem_of(options, rows)
  if type(options.client) ~= "table" or not options.client.embeddings then return "client: expected a client that has embeddings" end
  if type(options.examples) ~= "table" or next(options.examples) == nil then return "examples: expected a table of names and texts" end
  local known = {}
  for _, row in ipairs(rows) do known[row.name] = true end
  for name, texts in pairs(options.examples) do
    if not known[name] then return ("examples: there is no row '%s'"):format(tostring(name)) end
    if type(texts) ~= "table" or type(texts[1]) ~= "string" then return ("examples.%s: expected a list of texts"):format(name) end
  end
end

local function cosine(a, b)
  local dot, length_a, length_b = 0, 0, 0
  for i = 1, math.min(#a, #b) do dot, length_a, length_b = dot + a[i] * b[i], length_a + a[i] * a[i], length_b + b[i] * b[i] end
  if length_a == 0 or length_b == 0 then return 0 end
  return dot / math.sqrt(length_a * length_b)
end

-- The examples' texts as one list, and the row's name of each.
local function listed(examples)
  local texts, names = {}, {}
  for name, list in pairs(examples) do
    for _, text in ipairs(list) do texts[#texts + 1], names[#names + 1] = text, name end
  end
  return texts, names
end

local function vectors_of(options, texts)
  local found = options.client:embeddings { input = texts, model = options.model }
  return found and found.vectors
end

--- Makes the strategy.
---@param options ogl.SimilarityOptions
---@param rows ogl.Row[]
---@return ogl.Strategy?
---@return string? problem
function M.new(options, rows)
  local problem = problem_of(options, rows)
  if problem then return nil, problem end
  local texts, names = listed(options.examples)
  local examples -- vectors, once they were asked for
  local function scores_of(text)
    examples = examples or vectors_of(options, texts)
    local asked = examples and vectors_of(options, { text })
    local best = {}
    for i, vector in ipairs(asked and examples or {}) do
      local score = cosine(vector, asked[1])
      if score >= (options.threshold or 0) then best[names[i]] = math.max(best[names[i]] or -1, score) end
    end
    return best
  end
  return function(request, all)
    local text = question.of(request)
    local best = text ~= "" and scores_of(text) or {}
    return sorting.by(all, function(row) return -(best[row.name] or -2) end)
  end
end

return M
