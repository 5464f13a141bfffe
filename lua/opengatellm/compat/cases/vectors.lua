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

-- What is wrong with the vectors of several texts.
local function problem_of(vectors)
  if #vectors ~= #TEXTS then return ("expected %d vectors, got %d"):format(#TEXTS, #vectors) end
  for i, vector in ipairs(vectors) do
    if #vector == 0 or #vector ~= #vectors[1] then return ("vector %d has %d numbers, and the first has %d"):format(i, #vector, #vectors[1]) end
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

local function rerank(target)
  local answer, err = target.client:rerank {
    model = target:model "rerank", query = "Which town lies on the river Rhône?", documents = DOCUMENTS,
  }
  if not answer then return verdict.of_error(err, true) end
  local seen, count = {}, 0
  for _, result in ipairs(answer.results) do
    if not DOCUMENTS[result.index] or seen[result.index] then return "fail", "its results name no document, or one twice" end
    seen[result.index], count = true, count + 1
  end
  local problem = count ~= #DOCUMENTS and ("expected %d results, got %d"):format(#DOCUMENTS, count)
    or answer.results[1].index ~= 3 and "the document that answers is not the first"
  return verdict.of(problem or nil, ("the document that answers has the score %.3g"):format(answer.results[1] and answer.results[1].score or 0))
end

return {
  embeddings = { says = "texts have vectors, in their order", needs = "embeddings", run = embeddings },
  rerank = { says = "the document that answers a question comes first", needs = "rerank", run = rerank },
}
