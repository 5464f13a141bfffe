--- Reranking: the answer, in the forms that servers have.
--
-- @module opengatellm.operations.rerank
local number = require "opengatellm.operations.number"

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

-- Reads Cohere's usage: the tokens; nil if it counted only searches.
local function usage_of(meta)
  local units = type(meta) == "table" and (meta.tokens or meta.billed_units)
  local input = type(units) == "table" and number.of(units.input_tokens)
  return input and { input_tokens = input, total_tokens = input } or nil
end

-- Makes the result of a row; nil if it has no score, or names no document of the request, or one that has a score already.
local function result_of(row, count, seen)
  if type(row) ~= "table" then return nil end
  local score = number.of(row.relevance_score == nil and row.score or row.relevance_score)
  local index = number.place(row.index, count)
  if not score or not index or seen[index] then return nil end
  seen[index] = true
  return { index = index, score = score }
end

--- Reads Cohere's form ({results: [{index, relevance_score}]}), that of OGL up to 0.3 and Voyage ({data: [{index, score}]}), or a bare
--- list. It cuts the list to `top_n`, since some servers ignore that and send all.
---@param answer table
---@param context ogl.Context
function M.finish(answer, context)
  local rows, results, seen = answer.results or answer.data or answer, {}, {}
  if type(rows) ~= "table" or rows == answer and next(rows) ~= nil and rows[1] == nil then return nil, "a list of scores" end
  for i, row in ipairs(rows) do
    results[i] = result_of(row, #context.options.documents, seen)
    if not results[i] then return nil, ("a list of scores: its item %d is none of a document of its own"):format(i) end
  end
  table.sort(results, better)
  local most = context.options.top_n or #results
  for i = #results, most + 1, -1 do results[i] = nil end
  return { results = results, model = answer.model, id = answer.id, usage = answer.usage or usage_of(answer.meta) }
end

return M
