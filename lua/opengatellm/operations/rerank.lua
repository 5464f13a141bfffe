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

-- What Cohere counts: the tokens that it billed, where it did not bill the search as a whole.
local function usage_of(meta)
  local units = type(meta) == "table" and (meta.tokens or meta.billed_units)
  local input = type(units) == "table" and units.input_tokens
  return input and { input_tokens = input, total_tokens = input } or nil
end

--- Cohere's form ({results: [{index, relevance_score}]}), OGL's up to 0.3 and Voyage's ({data: [{index, score}]}), and a bare list.
-- Servers that know no `top_n` send all; it counts here too.
function M.finish(answer, context)
  local rows, results = answer.results or answer.data or answer, {}
  if type(rows) ~= "table" or rows == answer and next(rows) ~= nil and rows[1] == nil then return nil, "a list of scores" end
  for i, row in ipairs(rows) do
    local score = type(row) == "table" and (row.relevance_score or row.score)
    if type(score) ~= "number" or type(row.index) ~= "number" then return nil, "a list of scores" end
    results[i] = { index = row.index + 1, score = score }
  end
  table.sort(results, better)
  local most = context.options.top_n or #results
  for i = #results, most + 1, -1 do results[i] = nil end
  return { results = results, model = answer.model, id = answer.id, usage = answer.usage or usage_of(answer.meta) }
end

return M
