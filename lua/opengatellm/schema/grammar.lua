--- Grammar: which keyword of a schema may have which value, and where a schema holds others.
--
-- The compiler stands on it: once `problem` has found nothing, every keyword has the type that it should have. Keywords that nobody knows
-- are left alone, and so is what stands in them.
--
-- @module opengatellm.schema.grammar
local failure = require "opengatellm.schema.failure"
local kind = require "opengatellm.schema.kind"
local words = require "opengatellm.base.words"

local M = {}

--- The most levels of schemas in a schema.
M.DEEPEST = 128

local function is_list(value) return type(value) == "table" and (kind.is_list(value) or next(value) == nil) end
local function is_map(value) return type(value) == "table" and (not kind.is_list(value) or next(value) == nil) end
local function is_text(value) return type(value) == "string" end
local function is_finite(value) return type(value) == "number" and value - value == 0 end
local function is_count(value) return is_finite(value) and value >= 0 and value % 1 == 0 end
local function is_type(value) return type(value) == "string" and kind.name(value) ~= nil end

local function all(test)
  return function(value)
    if not is_list(value) then return false end
    for _, each in ipairs(value) do
      if not test(each) then return false end
    end
    return true
  end
end

local is_texts = all(is_text)

local function maps_to_texts(value)
  if not is_map(value) then return false end
  for _, each in pairs(value) do
    if not is_texts(each) then return false end
  end
  return true
end

-- What a value should be, in words, and the test.
local COUNT = { "a count", is_count }
local NUMBER = { "a number", is_finite }
local TEXT = { "a text", is_text }

local SHAPES = {
  type = { "a type, or a list of types", function(value) return is_type(value) or all(is_type)(value) and #value > 0 end },
  enum = { "a list", is_list },
  required = { "a list of names", is_texts }, dependentRequired = { "lists of names", maps_to_texts },
  minLength = COUNT, maxLength = COUNT, minItems = COUNT, maxItems = COUNT, minProperties = COUNT, maxProperties = COUNT,
  minContains = COUNT, maxContains = COUNT,
  minimum = NUMBER, maximum = NUMBER, exclusiveMinimum = NUMBER, exclusiveMaximum = NUMBER,
  multipleOf = { "a number above 0", function(value) return is_finite(value) and value > 0 end },
  uniqueItems = { "true or false", function(value) return type(value) == "boolean" end },
  pattern = TEXT, ["$ref"] = TEXT, ["$id"] = TEXT, ["$anchor"] = TEXT,
}

-- Keywords that this validator would otherwise leave out without a word.
local UNKNOWN = words.set "$dynamicRef $recursiveRef"

local SCHEMA = words.set
  "items additionalItems contains additionalProperties propertyNames not if then else unevaluatedItems unevaluatedProperties"
local LIST = words.set "items allOf anyOf oneOf prefixItems"
local MAP = words.set "properties patternProperties $defs definitions dependentSchemas dependencies"

-- Whether a keyword's table holds a list of schemas; `items` may hold either.
local function holds_list(key, value)
  if key == "items" then return type(value) == "table" and kind.is_list(value) end
  return LIST[key]
end

--- Calls a function for each schema that stands directly in a schema.
---@param schema table
---@param visit fun(inner: any, key: string, place?: string|integer)
function M.each(schema, visit)
  for key, value in pairs(schema) do
    if holds_list(key, value) and is_list(value) then
      for i, inner in ipairs(value) do visit(inner, key, i) end
    elseif MAP[key] and is_map(value) then
      for name, inner in pairs(value) do
        if not (key == "dependencies" and is_texts(inner)) then visit(inner, key, name) end
      end
    elseif SCHEMA[key] then
      visit(value, key)
    end
  end
end

-- The wrong keywords of one schema, without those that it holds: keyword -> words.
local function own_problem(schema)
  local found, words_of
  local function note(key, text)
    if not found or tostring(key) < found then found, words_of = tostring(key), text end -- the same mistake gives the same message
  end
  for key, value in pairs(schema) do
    local shape = SHAPES[key]
    if shape and not shape[2](value) then note(key, ("expected %s, got %s"):format(shape[1], kind.shown(value))) end
    if LIST[key] and key ~= "items" and not is_list(value) then note(key, "expected a list of schemas, got " .. kind.shown(value)) end
    if MAP[key] and not is_map(value) then note(key, "expected schemas by name, got " .. kind.shown(value)) end
    if UNKNOWN[key] then note(key, "this validator does not know it") end
  end
  return found and found .. ": " .. words_of
end

local problem_of

-- The first problem of the schemas in a schema, by their paths.
local function inner_problem(schema, keys, seen, test)
  local paths, texts = {}, {}
  M.each(schema, function(inner, key, place)
    local depth = #keys
    if key ~= "properties" then table.insert(keys, 1, key) end
    if place then table.insert(keys, 1, place) end
    local path, text = problem_of(inner, keys, seen, test)
    if text then paths[#paths + 1], texts[path] = path, text end
    while #keys > depth do table.remove(keys, 1) end
  end)
  table.sort(paths)
  return paths[1], texts[paths[1]]
end

function problem_of(schema, keys, seen, test)
  if type(schema) == "boolean" then return nil end
  if type(schema) ~= "table" or kind.is_list(schema) then
    return failure.path(keys), "expected a schema, got " .. kind.shown(schema)
  end
  if seen[schema] then return nil end
  seen[schema] = true
  if #keys > 2 * M.DEEPEST then return failure.path(keys), ("schemas nested deeper than %d levels"):format(M.DEEPEST) end
  local text = own_problem(schema) or test and test(schema)
  if text then return failure.path(keys), text end
  return inner_problem(schema, keys, seen, test)
end

--- Finds the first mistake in a schema.
---@param schema any
---@param seen? table<table, true> schemas that were looked at before; those that are now are added
---@param test? fun(schema: table): string? finds another mistake in a schema itself, without those that it holds
---@return string? problem with its path; nil where the schema is right
function M.problem(schema, seen, test)
  local path, text = problem_of(schema, {}, seen or {}, test)
  if not text then return nil end
  return path == "" and text or path .. ": " .. text
end

return M
