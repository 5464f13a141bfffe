--- Cases of models that do not write: vectors of texts, and texts in the order of a question.
--
-- @module opengatellm.compat.cases.vectors
local verdict = require "opengatellm.compat.verdict"

local TEXTS = { "A cat sleeps on the sofa.", "The law of 1905 separates the State from the churches.", "Water boils at 100 degrees." }

-- The cosine of two vectors; nil where one is nothing, or no number.
local function cosine(a, b)
  local both, first, second = 0, 0, 0
  for i = 1, #a do both, first, second = both + a[i] * b[i], first + a[i] ^ 2, second + b[i] ^ 2 end
  local found = both / math.sqrt(first * second)
  return found == found and found or nil
end

-- What is wrong with the vectors of several texts; that there is one a text is for the client to see.
local function problem_of(vectors)
  for i, vector in ipairs(vectors) do
    local size, first = #vector, #vectors[1]
    if size == 0 or size ~= first then return ("vector %d has %d numbers, and the first has %d"):format(i, size, first) end
    if not cosine(vector, vector) then return ("vector %d points nowhere"):format(i) end
  end
  if cosine(vectors[1], vectors[2]) > 0.9999 then return "texts that say different things have the same vector" end
end

local SAME = 0.99 -- of the cosine: servers that compute in batches round otherwise

local function embeddings(target)
  local model = target:model "embeddings"
  local all, err = target.client:embeddings { model = model, input = TEXTS }
  if not all then return verdict.of_error(err, true) end
  local problem = problem_of(all.vectors)
  if problem then return "fail", problem end
  local one
  one, err = target.client:embeddings { model = model, input = { TEXTS[2] } }
  if not one then return verdict.of_error(err, true) end
  local near = one.vectors[1] and #one.vectors[1] == #all.vectors[2] and cosine(one.vectors[1], all.vectors[2]) or 0
  problem = near < SAME and "a text alone has another vector than among others: their order is wrong" or nil
  return verdict.of(problem, ("%d numbers a text, in the order of the texts"):format(#all.vectors[1]))
end

local DOCUMENTS = { "The recipe needs two eggs and some flour.", "The train to Paris leaves at noon.", "Lyon lies on the river Rhône." }
local RIGHT = 3

local function rerank(target)
  local answer, err = target.client:rerank {
    model = target:model "rerank", query = "Which town lies on the river Rhône?", documents = DOCUMENTS,
  }
  if not answer then return verdict.of_error(err, true) end
  local first, count = answer.results[1], #answer.results
  if count ~= #DOCUMENTS then return "fail", ("expected %d results, got %d"):format(#DOCUMENTS, count) end
  if first.index ~= RIGHT then return "fail", "the document that answers is not the first" end
  return "pass", ("the document that answers has the score %.3g"):format(first.score)
end

return {
  embeddings = { says = "texts have vectors, in their order", needs = "embeddings", run = embeddings },
  rerank = { says = "the document that answers a question comes first", needs = "rerank", run = rerank },
}
