--- Capability: the rows that can do what a request asks for, in their order: its length, tools, pictures, a schema for the answer.
--
-- What a row can do is what its `capabilities` say, else what the table of models knows (providers/models.lua), else the context length in
-- the server's own list of models, with `lists = true` (asked for once a row, and kept). What none of them says is taken for granted: the
-- server refuses what it cannot do, and the router goes on to the next row where `fallback` says so.
--
-- @module opengatellm.router.strategy.capability
local estimate = require "opengatellm.chat.estimate"
local models = require "opengatellm.providers.models"

local M = {}

local function has_pictures(request)
  for _, message in ipairs(request.messages or {}) do
    for _, part in ipairs(type(message.content) == "table" and message.content or {}) do
      if type(part) == "table" and part.type == "image" then return true end
    end
  end
  return false
end

local function needs_of(request)
  return {
    tools = request.tools ~= nil and request.tools[1] ~= nil, vision = has_pictures(request), output = type(request.output) == "table",
    context = estimate.prompt(request) + (request.max_tokens or 0),
  }
end

-- The context length that the server's list of models tells; 0 where it tells none.
local function listed(row, model, lists)
  local key = row.name .. "\n" .. model
  if lists[key] == nil then
    local found = row.client:model(model)
    lists[key] = found and tonumber(found.max_context_length) or 0
  end
  return lists[key] > 0 and lists[key] or nil
end

local function context_of(row, model, known, lists)
  return row.capabilities.context or known.context or lists and model and listed(row, model, lists) or nil
end

local function can(row, request, needs, lists)
  local model = row.own_model or request.model or row.model
  local known = model and models.of(row.client.provider.protocol, row.client.provider, model) or {}
  local context = context_of(row, model, known, lists)
  if context and needs.context > context then return false end
  for _, name in ipairs { "tools", "vision", "output" } do
    local able = row.capabilities[name]
    if able == nil and name == "output" then able = known.output end
    if needs[name] and able == false then return false end
  end
  return true
end

--- Makes the strategy.
---@param options {lists?: boolean} true: asks the servers for their lists of models, too
---@return ogl.Strategy?
---@return string? problem
function M.new(options)
  if options.lists ~= nil and type(options.lists) ~= "boolean" then return nil, "lists: expected boolean, got " .. type(options.lists) end
  local lists = options.lists and {} or nil
  return function(request, rows)
    local needs, list = needs_of(request), {}
    for _, row in ipairs(rows) do
      if can(row, request, needs, lists) then list[#list + 1] = row end
    end
    return list
  end
end

return M
