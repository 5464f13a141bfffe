--- Members: the keywords that look at the properties of objects.
--
-- @module opengatellm.schema.members
local failure = require "opengatellm.schema.failure"
local json = require "opengatellm.json"
local kind = require "opengatellm.schema.kind"
local scalars = require "opengatellm.schema.scalars"

local M = {}

local type, next, is_list = type, next, kind.is_list

local function missing() return failure.plain "is missing" end

-- Whether a key may be that of a JSON object.
local function is_name(key) return type(key) == "string" end

-- Properties ------------------------------------------------------------------------------------------------------------

---@class ogl.schema.Patterns one entry each, in the same order
---@field matches (fun(subject: string): boolean?, string?)[]
---@field checks (ogl.schema.Check|false)[]

--- Compiles `patternProperties`.
---@param schema table
---@param job ogl.schema.Job
---@return ogl.schema.Patterns
function M.patterns(schema, job)
  local patterns = { matches = {}, checks = {} }
  for _, text in ipairs(json.keys(schema.patternProperties or {})) do
    local matches = job:pattern(text, schema)
    local check = job:check(schema.patternProperties[text]) or false
    if matches then
      table.insert(patterns.matches, matches)
      table.insert(patterns.checks, check)
    end
  end
  return patterns
end

--- Finds out whether a property has a schema by its name or by a pattern.
---@param patterns ogl.schema.Patterns
---@param name string
---@return boolean
function M.matches_any(patterns, name)
  for _, matches in ipairs(patterns.matches) do
    if matches(name) then return true end
  end
  return false
end

-- The check of one property that patterns may match: all that do, or else `additional`.
local function by_pattern(patterns, name, value, own, additional)
  local failures, met = own and own(value), own ~= nil
  for i, matches in ipairs(patterns.matches) do
    local fits, problem = matches(name)
    if fits == nil then failures = failure.join(failures, failure.plain("its name could not be matched: " .. problem)) end
    if fits then
      met = true
      failures = failure.join(failures, patterns.checks[i] and patterns.checks[i](value) or nil)
    end
  end
  if not met and additional then return additional(value) end
  return failures or nil
end

-- What the schemas of an object's properties are once they are compiled: name -> check, false where everything fits.
local function property_checks(schema, job)
  local checks, some = {}, false
  for name, each in pairs(schema.properties or {}) do
    checks[name] = job:check(each) or false
    some = some or checks[name] ~= false
  end
  return checks, some
end

local function unknown() return failure.plain "is not a property of this object" end

-- The check of all other properties; a schema `false` says which property it refuses.
local function additional_check(schema, job)
  if schema.additionalProperties == false then return unknown end
  return schema.additionalProperties ~= nil and job:check(schema.additionalProperties) or nil
end

--- Makes the check of `properties`, `patternProperties` and `additionalProperties`.
---@param schema table
---@param job ogl.schema.Job
---@return ogl.schema.Check?
function M.of_properties(schema, job)
  local checks, some = property_checks(schema, job)
  local patterns, additional = M.patterns(schema, job), additional_check(schema, job)
  local has_patterns = patterns.matches[1] ~= nil
  if not some and not has_patterns and not additional then return nil end
  return function(value)
    if type(value) ~= "table" or is_list(value) then return nil end
    local failures
    for name, inner in next, value do
      local check, found = checks[name], nil
      if has_patterns then found = is_name(name) and by_pattern(patterns, name, inner, check, additional)
      elseif check then found = check(inner)
      elseif check == nil and additional then found = additional(inner) end
      if found then
        failures = failures or {}
        failures[name] = found
      end
    end
    return failures and failure.of_properties(failures)
  end
end

-- Names -----------------------------------------------------------------------------------------------------------------

-- The failures of the names that an object lacks.
local function lacking(value, names)
  local failures
  for i = 1, #names do
    if value[names[i]] == nil then failures = failure.join(failures, failure.at(missing(), names[i])) end
  end
  return failures
end

local function copied(list)
  local out = {}
  for i, each in ipairs(list) do out[i] = each end
  return out
end

--- Makes the check of `required`.
---@param schema table
---@return ogl.schema.Check?
function M.of_required(schema)
  local names = copied(schema.required or {})
  local count = #names
  if count == 0 then return nil end
  return function(value)
    if type(value) ~= "table" or is_list(value) then return nil end
    for i = 1, count do
      if value[names[i]] == nil then return lacking(value, names) end
    end
  end
end

-- The lists of `dependentRequired`, and those of `dependencies`, which had them until 2019.
local function dependent_names(schema)
  local lists = {}
  for name, list in pairs(schema.dependentRequired or {}) do lists[name] = copied(list) end
  for name, list in pairs(schema.dependencies or {}) do
    if type(list) == "table" and (is_list(list) or next(list) == nil) then lists[name] = copied(list) end
  end
  return lists
end

--- Makes the check of `dependentRequired`.
---@param schema table
---@return ogl.schema.Check?
function M.of_dependent_required(schema)
  local lists = dependent_names(schema)
  if next(lists) == nil then return nil end
  local names = json.keys(lists)
  return function(value)
    if type(value) ~= "table" or is_list(value) then return nil end
    local failures
    for _, name in ipairs(names) do
      if value[name] ~= nil then failures = failure.join(failures, lacking(value, lists[name])) end
    end
    return failures
  end
end

--- Makes the check of `propertyNames`.
---@param schema table
---@param job ogl.schema.Job
---@return ogl.schema.Check?
function M.of_names(schema, job)
  local check = schema.propertyNames ~= nil and job:check(schema.propertyNames)
  if not check then return nil end
  return function(value)
    if type(value) ~= "table" or is_list(value) then return nil end
    local failures
    for name in next, value do
      local found = check(name)
      if found then
        failures = failures or {}
        failures[name] = failure.plain("its name is wrong: " .. failure.message(found[1]))
      end
    end
    return failures and failure.of_properties(failures)
  end
end

--- Makes the check of `minProperties` and `maxProperties`.
---@param schema table
---@return ogl.schema.Check?
function M.of_count(schema)
  local min, max = schema.minProperties or 0, schema.maxProperties or math.huge
  if not schema.minProperties and not schema.maxProperties then return nil end
  return function(value)
    if type(value) ~= "table" or is_list(value) then return nil end
    local has = 0
    for _ in next, value do has = has + 1 end
    if has >= min and has <= max then return nil end
    local expected = has < min and "at least " .. scalars.counted(min, "property") or "at most " .. scalars.counted(max, "property")
    return failure.plain(("expected %s, got %d"):format(expected, has))
  end
end

return M
