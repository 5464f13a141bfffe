--- Options: what a program gives to a middleware that ships with the library, checked when it is made.
--
-- @module opengatellm.middleware.options
local request = require "opengatellm.request"

local M = {}

--- Checks options; raises what is wrong in the line that called `ogl.middleware.<name>`.
---@param name string of the middleware
---@param options any nil: none
---@param fields table<string, string> name -> type, as request.check_fields takes it
---@return table options
function M.check(name, options, fields)
  local problem = options ~= nil and type(options) ~= "table" and "expected table, got " .. type(options)
    or options and request.check_fields(options, fields)
  if problem then error(("ogl.middleware.%s: %s"):format(name, problem), 3) end
  return options or {}
end

--- Raises, in the line that called `ogl.middleware.<name>`, unless something holds.
---@param fine any
---@param name string of the middleware
---@param problem string
function M.expect(fine, name, problem)
  if not fine then error(("ogl.middleware.%s: %s"):format(name, problem), 3) end
end

--- Raises, in the line that called `ogl.middleware.<name>`, unless numbers are large enough, or not given.
---@param name string of the middleware
---@param given table<string, any> its options
---@param least table<string, number> the smallest value of each field
function M.expect_from(name, given, least)
  local found
  for field, from in pairs(least) do
    local value = given[field]
    local problem = value and value < from and ("%s: expected a number from %d on, got %g"):format(field, from, value)
    if problem and (not found or problem < found) then found = problem end
  end
  if found then error(("ogl.middleware.%s: %s"):format(name, found), 3) end
end

--- Raises, in the line that called `ogl.middleware.<name>`, unless a text is one of two words, or not given.
---@param name string of the middleware
---@param field string
---@param value? string
---@param one string
---@param other string
function M.expect_word(name, field, value, one, other)
  if value == nil or value == one or value == other then return end
  local problem = ('%s: expected "%s" or "%s", got "%s"'):format(field, one, other, (value:gsub("%c", "?")))
  error(("ogl.middleware.%s: %s"):format(name, problem), 3)
end

--- Raises, in the line that called `ogl.middleware.<name>`, unless a namespace is a text, a function, or not given.
---@param name string of the middleware
---@param namespace any
function M.expect_namespace(name, namespace)
  local kind = type(namespace)
  if namespace == nil or kind == "string" or kind == "function" then return end
  error(("ogl.middleware.%s: namespace: expected string or function, got %s"):format(name, kind), 3)
end

return M
