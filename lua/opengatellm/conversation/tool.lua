--- Tools: what a model may call, and what runs then.
--
-- @module opengatellm.conversation.tool
local json = require "opengatellm.json"

local M = {}

--- Checks a tool.
---@param given table
---@return table
function M.of(given) return given end

--- Reads the arguments of a call.
---@param tool table
---@param text string
---@return any value
---@return string? problem
function M.arguments(tool, text)
  local value, why = json.decode(text == "" and "{}" or text)
  if value == nil then return nil, why end
  local validator = tool.parameters and require "opengatellm.schema.validator"
  local fits, problems = true, nil
  if validator then fits, problems = validator.validate(json.plain(tool.parameters), value) end
  if not fits then return nil, problems[1].path .. ": " .. problems[1].message end
  return value
end

return M
