--- Items: the keywords that look at arrays.
--
-- @module opengatellm.schema.items
local failure = require "opengatellm.schema.failure"
local kind = require "opengatellm.schema.kind"
local scalars = require "opengatellm.schema.scalars"
local value_set = require "opengatellm.schema.value_set"

local M = {}

local type, is_list = type, kind.is_list

---@class ogl.schema.Items
---@field first (table|boolean)[] the schemas of the first items, each for its place
---@field rest table|boolean|nil the schema of all the others

--- Gives the schemas of an array's items. Until 2019 `items` was the list of the first ones, and `additionalItems` the others'.
---@param schema table
---@return ogl.schema.Items
function M.schemas(schema)
  if type(schema.items) == "table" and is_list(schema.items) then
    return { first = schema.items, rest = schema.additionalItems }
  end
  return { first = schema.prefixItems or {}, rest = schema.items }
end

-- Adds the failures of an item to those before it; and whether there is room for more.
local function add(failures, found, place)
  failures = failure.join(failures, failure.at(found, place))
  return failures, #failures < failure.MOST
end

-- The check of the items behind the first ones.
local function rest_check(check, first)
  return function(value)
    if type(value) ~= "table" or not is_list(value) then return nil end
    local failures, room
    for i = first + 1, #value do
      local found = check(value[i])
      if found then
        failures, room = add(failures, found, i)
        if not room then break end
      end
    end
    return failures
  end
end

local function first_check(checks, count)
  return function(value)
    if type(value) ~= "table" or not is_list(value) then return nil end
    local failures
    for i = 1, math.min(count, #value) do
      local found = checks[i] and checks[i](value[i])
      if found then failures = add(failures, found, i) end
    end
    return failures
  end
end

--- Makes the check of `prefixItems`, `items` and `additionalItems`.
---@param schema table
---@param job ogl.schema.Job
---@return ogl.schema.Check?
function M.of_items(schema, job)
  local schemas = M.schemas(schema)
  local checks, count = {}, #schemas.first
  for i, each in ipairs(schemas.first) do checks[i] = job:check(each) or false end
  local first = count > 0 and first_check(checks, count) or nil
  local check = schemas.rest ~= nil and job:check(schemas.rest)
  return job.both(first, check and rest_check(check, count))
end

--- Makes the check of `minItems` and `maxItems`.
---@param schema table
---@return ogl.schema.Check?
function M.of_count(schema)
  local min, max = schema.minItems or 0, schema.maxItems or math.huge
  if not schema.minItems and not schema.maxItems then return nil end
  return function(value)
    if type(value) ~= "table" or not is_list(value) then return nil end
    local has = #value
    if has >= min and has <= max then return nil end
    local expected = has < min and "at least " .. scalars.counted(min, "item") or "at most " .. scalars.counted(max, "item")
    return failure.plain(("expected %s, got %d"):format(expected, has))
  end
end

--- Makes the check of `contains`, `minContains` and `maxContains`.
---@param schema table
---@param job ogl.schema.Job
---@return ogl.schema.Check?
function M.of_contains(schema, job)
  if schema.contains == nil then return nil end
  local check, min, max = job:check(schema.contains), schema.minContains or 1, schema.maxContains or math.huge
  return function(value)
    if type(value) ~= "table" or not is_list(value) then return nil end
    local fit = 0
    for i = 1, #value do
      if not check or not check(value[i]) then fit = fit + 1 end
    end
    if fit >= min and fit <= max then return nil end
    local expected = fit < min and "at least " .. scalars.counted(min, "item") or "at most " .. scalars.counted(max, "item")
    return failure.plain(("expected %s that fit `contains`, got %d"):format(expected, fit))
  end
end

--- Makes the check of `uniqueItems`.
---@param schema table
---@return ogl.schema.Check?
function M.of_unique(schema)
  if not schema.uniqueItems then return nil end
  return function(value)
    if type(value) ~= "table" or not is_list(value) then return nil end
    local seen = value_set.new {}
    for i = 1, #value do
      if not seen:add(value[i]) then return failure.at(failure.plain "is the same as an item before it", i) end
    end
  end
end

return M
