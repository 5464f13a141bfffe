--- Quirks: adapts requests to servers that take less than their protocol has, or know a field under another name. Quirks are fields of
--- a provider's data (providers/init.lua). Each field that is left out gives a warning `not_carried`.
--
-- @module opengatellm.protocol.quirks
local M = {}

local NONE = {}

-- Copies a table without one field.
local function without(value, name)
  local copy = {}
  for key, field in next, value do copy[key] = field end
  copy[name] = nil
  return copy
end

--- Leaves out the fields of a request that this server refuses or ignores (`drop`).
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

--- Leaves out the name of a message for servers that refuse names (`no_message_names`).
---@param message table
---@param provider table
---@param warn fun(field: string, message: string)
---@return table
function M.message(message, provider, warn)
  if not provider.no_message_names or message.name == nil or message.role == "tool" then return message end
  warn("messages.name", provider.name .. " does not take names of messages: it was left out")
  return without(message, "name")
end

--- Renames fields of a body to the names that this server knows (`rename`).
---@param body table changed in place
---@param provider table
function M.body(body, provider)
  for ours, theirs in next, provider.rename or NONE do
    body[theirs], body[ours] = body[ours], nil
  end
end

--- Gives this server's word for a choice of tools. The provider's `tool_choice` maps "auto", "none", "required" and "named" (one tool) to
--- its words, or to false if it has no word; then the result is nil, and nothing is sent.
---@param choice any in the protocol's form
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
