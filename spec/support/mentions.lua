--- Looking for a text, such as a secret, wherever a value could show it.
local M = {}

--- Whether a text occurs anywhere in a value: in keys, values, and what tables and userdata print as.
---@param value any
---@param text string
---@param seen? table<any, true> what was looked at already
---@return boolean
function M.mentions(value, text, seen)
  seen = seen or {}
  if type(value) == "string" then return value:find(text, 1, true) ~= nil end
  if type(value) ~= "table" and type(value) ~= "userdata" or seen[value] then return false end
  seen[value] = true
  if tostring(value):find(text, 1, true) then return true end
  if type(value) ~= "table" then return false end
  for key, field in pairs(value) do
    if M.mentions(key, text, seen) or M.mentions(field, text, seen) then return true end
  end
  return false
end

return M
