--- Results of tools as a model reads them.
--
-- @module opengatellm.conversation.tool_result
local json = require "opengatellm.json"

local M = {}

--- Makes a result of a value.
---@param value any
---@param limit? integer
---@return table?
---@return string? problem
function M.of(value, limit)
  if value == nil then return { content = "Done.", is_error = false } end
  if type(value) == "string" then return { content = limit and value:sub(1, limit) or value, is_error = false } end
  local fine, text = pcall(json.encode, value)
  if not fine then return nil, tostring(text) end
  return { content = text, is_error = false }
end

--- Makes the result of a tool that failed.
---@param message any
---@return table
function M.failure(message) return { content = tostring(message), is_error = true } end

return M
