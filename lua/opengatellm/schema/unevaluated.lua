--- Unevaluated: `unevaluatedProperties` and `unevaluatedItems`, which look at what no other keyword of a schema has looked at.
--
-- A marker notes which properties and items of a value a schema looks at; it is only called for values that fit. Only schemas with these
-- two keywords have markers made, so that all others pay nothing for them.
--
-- @module opengatellm.schema.unevaluated
local branches = require "opengatellm.schema.branches"
local failure = require "opengatellm.schema.failure"
local items = require "opengatellm.schema.items"
local kind = require "opengatellm.schema.kind"
local members = require "opengatellm.schema.members"

local M = {}

---@class ogl.schema.Seen
---@field keys table<string|integer, true>
---@field properties? boolean all of them
---@field items? boolean all of them

---@alias ogl.schema.Marker fun(value: table, seen: ogl.schema.Seen)

local function all_properties(_, seen) seen.properties = true end
local function all_items(_, seen) seen.items = true end

-- Of the keywords for objects.
local function of_properties(schema, job)
  if schema.additionalProperties ~= nil then return all_properties end
  local names, patterns = {}, members.patterns(schema, job)
  for name in pairs(schema.properties or {}) do names[name] = true end
  if not next(names) and not patterns.matches[1] then return nil end
  return function(value, seen)
    for name in next, value do
      if names[name] or type(name) == "string" and members.matches_any(patterns, name) then seen.keys[name] = true end
    end
  end
end

-- Of the keywords for arrays but `contains`.
local function of_items(schema)
  local schemas = items.schemas(schema)
  local first = #schemas.first
  if schemas.rest ~= nil then return all_items end
  return first > 0 and function(_, seen)
    for i = 1, first do seen.keys[i] = true end
  end
end

local function of_contains(schema, job)
  if schema.contains == nil then return nil end
  local check = job:check(schema.contains)
  return function(value, seen)
    for i = 1, #value do
      if not check or not check(value[i]) then seen.keys[i] = true end
    end
  end
end

-- Of a schema that may fit or not: it counts where it fits.
local function where_it_fits(inner, job)
  local check, mark = job:check(inner), job:marker(inner)
  return function(value, seen)
    if not check or not check(value) then mark(value, seen) end
  end
end

local function of_condition(schema, job)
  if schema["if"] == nil then return nil end
  local check, mark = job:check(schema["if"]), job:marker(schema["if"])
  local yes, no = job:marker(schema["then"]), job:marker(schema["else"])
  return function(value, seen)
    if check and check(value) then return no(value, seen) end
    mark(value, seen)
    yes(value, seen)
  end
end

local function of_dependent(schema, job)
  local markers = {}
  for name, each in pairs(branches.dependent(schema)) do markers[name] = job:marker(each) end
  return next(markers) and function(value, seen)
    for name, mark in pairs(markers) do
      if value[name] ~= nil then mark(value, seen) end
    end
  end
end

-- The markers of the keywords beside the two of this file; those for objects, those for arrays, those for both.
local function parts(schema, job)
  local objects = { of_properties(schema, job), of_dependent(schema, job) or nil }
  local arrays = { of_items(schema) or nil, of_contains(schema, job) }
  local both = { of_condition(schema, job) }
  for _, inner in ipairs(schema.allOf or {}) do both[#both + 1] = job:marker(inner) end
  for _, key in ipairs { "anyOf", "oneOf" } do
    for _, inner in ipairs(schema[key] or {}) do both[#both + 1] = where_it_fits(inner, job) end
  end
  if schema["$ref"] then both[#both + 1] = job:marker(job:target(schema)) end
  return objects, arrays, both
end

local function call_all(markers, value, seen)
  for _, mark in pairs(markers) do mark(value, seen) end -- a list may have holes
end

local function marker_of_others(schema, job)
  local objects, arrays, both = parts(schema, job)
  return function(value, seen)
    call_all(kind.is_list(value) and arrays or objects, value, seen)
    call_all(both, value, seen)
  end
end

--- Makes the marker of a schema.
---@param schema table
---@param job ogl.schema.Job
---@return ogl.schema.Marker
function M.marker(schema, job)
  local mark = marker_of_others(schema, job)
  local properties, its_items = schema.unevaluatedProperties ~= nil, schema.unevaluatedItems ~= nil
  return function(value, seen)
    mark(value, seen)
    seen.properties = seen.properties or properties
    seen.items = seen.items or its_items
  end
end

local function unexpected() return failure.plain "is covered by no part of the schema" end

-- The failures of the properties that were not seen.
local function properties_left(value, seen, check)
  local failures
  for name, inner in next, value do
    local found = not seen.keys[name] and check(inner)
    if found then
      failures = failures or {}
      failures[name] = found
    end
  end
  return failures and failure.of_properties(failures)
end

local function items_left(value, seen, check)
  local failures
  for i = 1, #value do
    local found = not seen.keys[i] and check(value[i])
    if found then failures = failure.join(failures, failure.at(found, i)) end
  end
  return failures
end

-- The check of what a keyword's schema says of a part that was not seen.
local function left_check(inner, job)
  if inner == false then return unexpected end
  return inner ~= nil and job:check(inner) or nil
end

--- Makes the check of `unevaluatedProperties` and `unevaluatedItems`.
---@param schema table
---@param job ogl.schema.Job
---@return ogl.schema.Check?
function M.of_unevaluated(schema, job)
  local property, item = left_check(schema.unevaluatedProperties, job), left_check(schema.unevaluatedItems, job)
  if not property and not item then return nil end
  local mark, spend = marker_of_others(schema, job), job:spender()
  return function(value)
    if type(value) ~= "table" then return nil end
    local list = kind.is_list(value)
    if not (list and item or not list and property) then return nil end
    local spent = spend()
    if spent then return spent end
    local seen = { keys = {} }
    mark(value, seen)
    if list then return not seen.items and items_left(value, seen, item) or nil end
    return not seen.properties and properties_left(value, seen, property) or nil
  end
end

return M
