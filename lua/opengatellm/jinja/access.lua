--- Access: `value.name` and `value[key]`. Python's way is kept: a name is a method before it is a key, in brackets the key comes first.
--
-- @module opengatellm.jinja.access
local call = require "opengatellm.jinja.call"
local containers = require "opengatellm.jinja.container_methods"
local mistake = require "opengatellm.jinja.mistake"
local number = require "opengatellm.jinja.number"
local slice = require "opengatellm.jinja.slice"
local strings = require "opengatellm.jinja.string_methods"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"

local M = {}

-- What Python would find as an attribute; nil where there is none.
local function attribute(subject, name)
  local kind = value.kind(subject)
  if kind == "undefined" then mistake.raise(subject.why) end
  local methods = kind == "text" and strings.methods or containers.methods[kind]
  local method = methods and methods[name]
  if method then return function(arguments) return method(subject, arguments) end end
  local fields = type(subject) == "table" and getmetatable(subject).field
  if fields then return fields(subject, name) end
end

-- What stands at a key; nil where there is nothing.
local function member(subject, key)
  if value.is_undefined(key) or value.is_sequence(key) or value.is_dict(key) then return nil end
  if value.is_dict(subject) then return value.get(subject, key) end
  local index, is_float = number.of(key)
  if index and not is_float and (value.is_sequence(subject) or text.is(subject)) then return slice.at(subject, index) end
end

local function missing(subject, key)
  local name = text.is(key) and text.bytes(key) or nil
  return value.undefined(("'%s' has no %s"):format(value.kind(subject), name and ("attribute '%s'"):format(name) or "such item"))
end

--- Gives what `subject.name` means.
---@param subject any
---@param name string
---@return any # an undefined value where there is nothing
function M.attribute(subject, name)
  local found = attribute(subject, name)
  if found == nil then found = member(subject, name) end
  if found == nil then return missing(subject, name) end
  return found
end

--- Gives what `subject[key]` means.
---@param subject any
---@param key any
---@return any # an undefined value where there is nothing
function M.item(subject, key)
  value.defined(subject)
  local found = member(subject, key)
  if found == nil and text.is(key) then found = attribute(subject, text.bytes(key)) end
  if found == nil then return missing(subject, key) end
  return found
end

--- Follows names and numbers with dots between them, as filters write attributes.
---@param subject any
---@param path any
---@return any
function M.path(subject, path)
  if not text.is(path) then return M.item(subject, path) end
  for part in text.bytes(path):gmatch "[^.]+" do
    subject = M.item(subject, part:find "^%d+$" and tonumber(part) or part)
  end
  return subject
end

--- Cuts a slice out of a value.
---@param subject any
---@param from any
---@param to any
---@param step any
---@return any # an undefined value where it has no parts
function M.slice(subject, from, to, step)
  local function bound(given)
    given = value.given(given)
    return given ~= nil and call.integer(given) or nil
  end
  local found = slice.of(value.defined(subject), bound(from), bound(to), bound(step))
  return found == nil and missing(subject) or found
end

return M
