--- Limits: fits a request to its server and its model. A field that they refuse is left out with a warning `not_carried`; a value that
--- they do not have is replaced by the nearest, with a warning `approximated`. The data are in providers/*.lua (`drop`) and models.lua.
--- `extra` stays unchanged.
--
-- @module opengatellm.protocol.model_limits
local keys = require "opengatellm.base.keys"
local models = require "opengatellm.providers.models"
local quirks = require "opengatellm.protocol.quirks"
local requests = require "opengatellm.request"

local M = {}

-- Copies a request with another value of one field; nil removes it.
local function with(request, field, value)
  local copy = requests.merge(request)
  copy[field] = value
  return copy
end

-- Reasoning -------------------------------------------------------------------------------------------------------

-- Whether the request asks the model to think: true, false, or nil if the request does not say.
local function asked_to_think(request)
  local reasoning = request.reasoning
  if reasoning == nil then return nil end
  if type(reasoning) == "string" then return reasoning ~= "none" end
  return reasoning.effort ~= "none" and reasoning.budget ~= 0
end

local function thinks(request, row)
  local asked = asked_to_think(request)
  if row.thinks == false then return false end
  if row.off == false or asked == nil and row.thinks == "unasked" then return true end
  return asked or false
end

-- Leaves out `reasoning` for a model that cannot think. A request not to think needs no warning, since the model does just that.
local function fit_thinking(request, row, model, warn)
  if row.thinks ~= false or request.reasoning == nil then return request end
  if asked_to_think(request) then warn("reasoning", model .. " cannot be asked to think: it was left out") end
  return with(request, "reasoning", nil)
end

local ORDER = { none = 1, minimal = 2, low = 3, medium = 4, high = 5, xhigh = 6, max = 8 }

local function nearest(effort, efforts)
  local best
  for _, each in ipairs(efforts) do
    if each == effort then return each end
    if not best or math.abs(ORDER[each] - ORDER[effort]) <= math.abs(ORDER[best] - ORDER[effort]) then best = each end
  end
  return best
end

-- Sends the nearest effort that the model has. The protocol handles "none" if the model has a way to switch thinking off (`off`, `way`).
local function fit_effort(request, row, model, warn)
  local reasoning = request.reasoning
  local effort = type(reasoning) == "table" and reasoning.effort or reasoning
  if not row.efforts or not row.efforts[1] or not ORDER[effort] then return request end
  if effort == "none" and (row.way or row.off) then return request end
  local known = nearest(effort, row.efforts)
  if known == effort then return request end
  warn("reasoning.effort", ("%s has no effort %s: %s was sent"):format(model, effort, known), "approximated")
  return with(request, "reasoning", type(reasoning) == "table" and with(reasoning, "effort", known) or known)
end

-- Parameters ------------------------------------------------------------------------------------------------------

-- Values that a server uses if the request sets none.
local DEFAULTS = {
  temperature = 1, top_p = 1, presence_penalty = 0, frequency_penalty = 0, logprobs = false, parallel_tool_calls = true, n = 1,
}

local function leave_out(request, field, why, warn)
  if request[field] ~= DEFAULTS[field] then warn(field, why .. ": it was left out") end
  return with(request, field, nil)
end

local NUMBERS = { temperature = true, top_p = true, presence_penalty = true, frequency_penalty = true }

local function is_taken(request, field, row)
  return request[field] == nil or row.defaults and NUMBERS[field] and request[field] == DEFAULTS[field]
end

local function fit_dropped(request, row, model, warn)
  for _, field in ipairs(row.drop and keys.sorted(row.drop) or {}) do
    if not is_taken(request, field, row) then request = leave_out(request, field, model .. " does not take " .. field, warn) end
  end
  return request
end

local function fit_ranges(request, row, model, warn)
  for _, field in ipairs(row.ranges and keys.sorted(row.ranges) or {}) do
    local value, range = request[field], row.ranges[field]
    local fits = value and math.max(range[1], math.min(range[2], value))
    if fits ~= value then
      warn(field, ("%s takes %s from %s to %s: %s was sent"):format(model, field, range[1], range[2], fits), "approximated")
      request = with(request, field, fits)
    end
  end
  return request
end

local function fit_length(request, row, model, warn)
  if not row.longest or not request.max_tokens or request.max_tokens <= row.longest then return request end
  warn("max_tokens", ("%s gives no more than %d tokens: that was sent"):format(model, row.longest), "approximated")
  return with(request, "max_tokens", row.longest)
end

-- While it thinks, a model takes a parameter only in a range, or not at all.
local function fit_beside_thought(request, row, model, warn)
  if not row.thinking or not thinks(request, row) then return request end
  for _, field in ipairs(keys.sorted(row.thinking)) do
    local value, range = request[field], row.thinking[field]
    local fits = range and type(value) == "number" and value >= range[1] and value <= range[2]
    if value ~= nil and not fits then
      request = leave_out(request, field, ("%s does not take this %s while it thinks"):format(model, field), warn)
    end
  end
  return request
end

local function fit_pairs(request, row, model, warn)
  for _, pair in ipairs(row.alone or {}) do
    if request[pair[1]] ~= nil and request[pair[2]] ~= nil then
      local field = request[pair[1]] == DEFAULTS[pair[1]] and pair[1] or pair[2]
      request = leave_out(request, field, ("%s takes %s or %s"):format(model, pair[1], pair[2]), warn)
    end
  end
  return request
end

-- Forced tools ----------------------------------------------------------------------------------------------------

local function is_forced(choice)
  if type(choice) == "string" then return choice == "required" or choice == "any" end
  return type(choice) == "table" and choice.type ~= "auto" and choice.type ~= "none"
end

-- Decides for models that cannot both think and be forced to call a tool: the call wins, because the program waits for it.
local function fit_forced(request, row, model, warn)
  if row.forced == nil or not is_forced(request.tool_choice) or not thinks(request, row) and row.forced ~= false then return request end
  if row.forced == false or row.off == false then
    warn("tool_choice", model .. " cannot be forced to call a tool: auto was sent")
    return with(request, "tool_choice", "auto")
  end
  if asked_to_think(request) then warn("reasoning", model .. " does not think when a tool is forced: it was left out") end
  return with(request, "reasoning", row.thinks == "unasked" and "none" or nil)
end

--- Says whether a model can be forced to call a tool, and keep its thoughts.
---@param request ogl.Request
---@param row ogl.ModelRow
---@return boolean
function M.can_force(request, row) return row.forced == nil or row.forced ~= false and not thinks(request, row) end

-- All of it -------------------------------------------------------------------------------------------------------

local STEPS = { fit_thinking, fit_forced, fit_dropped, fit_length, fit_ranges, fit_beside_thought, fit_pairs, fit_effort }

local NO_LIMITS = { concerns = {} }

local function concerns(request, row)
  local fields = row.concerns
  for i = 1, #fields do
    if request[fields[i]] ~= nil then return true end
  end
  return false
end

--- Fits a request to its server and its model, and gives the model's data.
---@param request ogl.Request
---@param protocol string
---@param provider table
---@param model string
---@param warn fun(field: string, message: string, code?: string)
---@return ogl.Request
---@return ogl.ModelRow
function M.fit(request, protocol, provider, model, warn)
  if provider.drop then request = quirks.request(request, provider, warn) end
  local row = model and models.of(protocol, provider, model) or NO_LIMITS
  if not concerns(request, row) then return request, row end
  for _, step in ipairs(STEPS) do request = step(request, row, model, warn) end
  return request, row
end

return M
