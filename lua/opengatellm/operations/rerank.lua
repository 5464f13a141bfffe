--- Reranking: the answer, in the forms that servers have.
--
-- @module opengatellm.operations.rerank
local M = {}

---@class ogl.Rerank
---@field results {index: integer, score: number}[] best first; index counts the documents from 1
---@field model? string
---@field id? string
---@field usage? ogl.Usage

-- Best first, and in the documents' order where the scores are the same.
local function better(a, b)
  if a.score ~= b.score then return a.score > b.score end
  return a.index < b.index
end

--- Cohere's form ({results: [{index, relevance_score}]}), and OGL's up to 0.3 ({data: [{index, score}]}).
function M.finish(answer)
  local rows, results = answer.results or answer.data, {}
  if type(rows) ~= "table" then return nil, "a list of scores" end
  for i, row in ipairs(rows) do
    local score = type(row) == "table" and (row.relevance_score or row.score)
    if type(score) ~= "number" or type(row.index) ~= "number" then return nil, "a list of scores" end
    results[i] = { index = row.index + 1, score = score }
  end
  table.sort(results, better)
  return { results = results, model = answer.model, id = answer.id, usage = answer.usage }
end

return M
