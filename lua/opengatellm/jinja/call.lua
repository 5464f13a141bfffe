--- Calls: the arguments of filters, tests, methods and functions.
--
-- Arguments are a list with the field `named`, which is an ordered list of { name, value }.
--
-- @module opengatellm.jinja.call
local mistake = require "opengatellm.jinja.mistake"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"
local words = require "opengatellm.base.words"

local M = {}

local unpack = table.unpack or unpack -- luacheck: ignore

---@class ogl.jinja.Arguments
---@field [integer] any
---@field named {name: string, key?: ogl.jinja.Text, value: any}[] key: the name as it stood in a dict

--- Gives the value of a named argument.
---@param arguments ogl.jinja.Arguments
---@param name string
---@return any # nil where there is none
function M.named(arguments, name)
  for _, each in ipairs(arguments.named) do
    if each.name == name then return each.value end
  end
end

local function place_of(parameters, name)
  for i, each in ipairs(parameters) do
    if each == name then return i end
  end
  mistake.raisef("unexpected argument '%s'", name)
end

-- The arguments in the order of the parameters; what was not given is nil.
local function bound(parameters, arguments)
  if #arguments > #parameters then mistake.raisef("takes at most %d arguments, got %d", #parameters, #arguments) end
  local list = {}
  for i, each in ipairs(arguments) do list[i] = each end
  for _, each in ipairs(arguments.named) do list[place_of(parameters, each.name)] = each.value end
  return unpack(list, 1, #parameters)
end

--- Wraps a function of a value and some arguments, so that it takes arguments as templates give them.
---@param parameters string names with blanks between them
---@param fn fun(subject: any, ...: any): any what was not given is nil
---@return fun(subject: any, arguments: ogl.jinja.Arguments): any
function M.declare(parameters, fn)
  parameters = words.list(parameters)
  return function(subject, arguments) return fn(subject, bound(parameters, arguments)) end
end

--- Wraps a function of some arguments, as `declare` does.
---@param parameters string
---@param fn fun(...: any): any
---@return fun(arguments: ogl.jinja.Arguments): any
function M.plain(parameters, fn)
  parameters = words.list(parameters)
  return function(arguments) return fn(bound(parameters, arguments)) end
end

--- Gives arguments without the first ones.
---@param arguments ogl.jinja.Arguments
---@param count integer how many are left out
---@return ogl.jinja.Arguments
function M.without_first(arguments, count)
  local rest = { named = arguments.named }
  for i = count + 1, #arguments do rest[#rest + 1] = arguments[i] end
  return rest
end

--- Gives an argument that has to be an integer.
---@param argument any
---@param default? integer where it was not given
---@return integer
function M.integer(argument, default)
  if argument == nil and default then return default end
  if type(argument) == "boolean" then return argument and 1 or 0 end
  if type(argument) ~= "number" then mistake.raise "an argument has to be an integer" end
  return argument
end

--- Gives an argument that has to be a text.
---@param argument any
---@param default? ogl.jinja.Text where it was not given
---@return ogl.jinja.Text
function M.text(argument, default)
  if argument == nil and default then return default end
  if argument == nil or not text.is(value.defined(argument)) then mistake.raise "an argument has to be a text" end
  return argument
end

--- Says whether an argument is true; one that was not given is not.
---@param argument any
---@return boolean
function M.flag(argument) return argument ~= nil and value.truth(argument) end

return M
