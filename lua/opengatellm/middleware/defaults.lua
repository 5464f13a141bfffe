--- Defaults: fields that requests have where their callers do not say otherwise.
--
--   client:use(ogl.middleware.defaults { temperature = 0, system = "Be brief." })
--
-- @module opengatellm.middleware.defaults
local M = {}

--- Makes the middleware.
---@param fields table<string, any> of requests: chats, and what else middleware sees; a field that an operation does not have stays out
---@return ogl.Middleware
function M.new(fields)
  if type(fields) ~= "table" then error("ogl.middleware.defaults: expected table, got " .. type(fields), 2) end
  local problem = require "opengatellm.request".check_some(fields)
  if problem then error("ogl.middleware.defaults: " .. problem, 2) end
  return {
    name = "defaults",
    request = function(asked, call)
      if call.operation ~= "chat" and call.operation ~= "stream" then return nil end
      for name, value in pairs(fields) do
        if asked[name] == nil then asked[name] = value end
      end
    end,
  }
end

return M
