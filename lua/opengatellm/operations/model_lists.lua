--- Listing: makes objects with an `id` of the models that other servers list in their own forms.
--
-- @module opengatellm.operations.model_lists
local M = {}

local function page_of(list, name)
  if type(list) ~= "table" then return nil, "a list of models" end
  local page = {}
  for i, model in ipairs(list) do
    if type(model) ~= "table" then return nil, "a list of models" end
    model.id = model.id or name(model)
    page[i] = model
  end
  return page
end

local function gemini_id(model) return type(model.name) == "string" and model.name:gsub("^models/", "") or nil end

--- Reads Gemini's list of models, {models: [{name: "models/gemini-2.5-flash", …}]}.
---@param answer table
function M.gemini(answer) return page_of(answer.models, gemini_id) end

--- Adds the `id` to one model of Gemini, {name: "models/gemini-2.5-flash", …}.
---@param answer table
function M.gemini_model(answer)
  answer.id = gemini_id(answer)
  return answer
end

--- Reads Ollama's list of models, {models: [{name, model, size, …}]}.
---@param answer table
function M.ollama(answer)
  return page_of(answer.models, function(model) return model.model or model.name end)
end

return M
