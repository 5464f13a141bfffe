--- Quirks: where a server takes less than its protocol has, or under another name. They are fields of a provider's data
--- (providers/init.lua); a protocol file asks here for each. What is left out is told as a warning `not_carried`.
--
-- @module opengatellm.protocol.quirks
local M = {}

local NONE = {}

-- A copy of a table without one field.
local function without(value, name)
  local copy = {}
  for key, field in next, value do copy[key] = field end
  copy[name] = nil
  return copy
end

--- The request without the fields that this server refuses or ignores (`drop`).
---@param request ogl.Request
---@param provider table
---@param warn fun(field: string, message: string)
---@return ogl.Request
function M.request(request, provider, warn)
  for _, field in ipairs(provider.drop or NONE) do
    if request[field] ~= nil then
      request = without(request, field)
      warn(field, provider.name .. " does not take " .. field .. ": it was left out")
    end
  end
  return request
end

--- A message without its name, for servers that refuse one (`no_message_names`).
---@param message table
---@param provider table
---@param warn fun(field: string, message: string)
---@return table
function M.message(message, provider, warn)
  if not provider.no_message_names or message.name == nil or message.role == "tool" then return message end
  warn("messages.name", provider.name .. " does not take names of messages: it was left out")
  return without(message, "name")
end

--- The body with the names that this server has (`rename`).
---@param body table changed in place
---@param provider table
function M.body(body, provider)
  for ours, theirs in pairs(provider.rename or NONE) do
    body[theirs], body[ours] = body[ours], nil
  end
end

--- The word for a choice of tools (`tool_choice`: "auto", "none", "required", or "named" for that of one tool -> this server's word,
--- or false where it has none); nil: nothing is sent.
---@param choice any as its protocol has it
---@param provider table
---@param warn fun(field: string, message: string)
---@return any
function M.tool_choice(choice, provider, warn)
  local words = provider.tool_choice
  if not words then return choice end
  local name = type(choice) == "string" and choice or "named"
  local word = words[name]
  if word == nil then return choice end
  if word then return word end
  warn("tool_choice", provider.name .. " does not take the tool_choice '" .. name .. "': it was left out")
  return nil
end

return M
