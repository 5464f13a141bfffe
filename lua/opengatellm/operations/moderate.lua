--- Moderation: a server's judgement of whether texts are harmful.
--
-- @module opengatellm.operations.moderate
local M = {}

---@class ogl.Moderation
---@field results {flagged: boolean, categories: table<string, boolean>, scores: table<string, number>, applied?: table<string, string[]>}[]
---@field model? string
---@field id? string
---@field usage? ogl.Usage

--- Reads an answer, {results: [{flagged, categories, category_scores, category_applied_input_types}], model, id}.
---@param answer table
function M.finish(answer)
  local results = {}
  if type(answer.results) ~= "table" then return nil, "a list of judgements" end
  for i, row in ipairs(answer.results) do
    if type(row) ~= "table" or type(row.categories) ~= "table" then return nil, "a list of judgements" end
    local flagged = row.flagged
    if flagged == nil then -- Mistral's form has no such field: a single category flags the text
      flagged = false
      for _, hit in pairs(row.categories) do flagged = flagged or hit == true end
    end
    results[i] = {
      flagged = flagged == true, categories = row.categories, applied = row.category_applied_input_types,
      scores = type(row.category_scores) == "table" and row.category_scores or {},
    }
  end
  return { results = results, model = answer.model, id = answer.id, usage = answer.usage }
end

--- Checks that there is something to judge.
---@param options table of the call
---@return string? name of the parameter
---@return string? problem
function M.rule(options)
  local input = options.input
  if type(input) ~= "string" and (type(input) ~= "table" or input[1] == nil) then
    return "input", "a text, or a list of texts or parts, is needed"
  end
end

return M
