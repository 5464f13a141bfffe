--- Absent members: those that a model could leave out only as null.
--
-- OpenAI's strict mode requires every member of an object, so that an optional one is sent to it as "or null"
-- (request/schema_dialects.lua); other models write null there unasked. A null in an optional member whose schema allows none is taken
-- out of the value.
--
-- @module opengatellm.chat.absent
local kind = require "opengatellm.schema.kind"
local references = require "opengatellm.schema.references"
local validator = require "opengatellm.schema.validator"

local M = {}

local DEEPEST = 128 -- schemas within schemas; this ends references that go in a circle

local function target_of(document, schema)
  local reference = schema["$ref"]
  return type(reference) == "string" and document:find(reference, schema) or nil
end

local function has_null(list)
  for _, each in ipairs(list) do
    if each == "null" or kind.is_null(each) then return true end
  end
  return false
end

local allows_null

local function some_allow(document, schemas, levels)
  for _, each in ipairs(schemas) do
    if allows_null(document, each, levels) then return true end
  end
  return false
end

-- Whether a schema allows null, as far as these keywords say.
function allows_null(document, schema, levels)
  if type(schema) ~= "table" then return schema ~= false end
  if levels == 0 then return true end
  local types, target = schema.type, target_of(document, schema)
  if types ~= nil and not has_null(type(types) == "table" and types or { types }) then return false end
  if target ~= nil and not allows_null(document, target, levels - 1) then return false end
  if schema.const ~= nil and not kind.is_null(schema.const) or schema.enum and not has_null(schema.enum) then return false end
  for _, key in ipairs { "anyOf", "oneOf" } do
    if schema[key] and not some_allow(document, schema[key], levels - 1) then return false end
  end
  return true
end

local visit

local function visit_members(document, schema, value, levels)
  local required, properties = {}, schema.properties or {}
  for _, name in ipairs(schema.required or {}) do required[name] = true end
  for name, inner in pairs(properties) do
    local member = value[name]
    if kind.is_null(member) and not required[name] and not allows_null(document, inner, DEEPEST) then value[name] = nil
    else visit(document, inner, member, levels) end
  end
  for name, member in pairs(value) do
    if properties[name] == nil then visit(document, schema.additionalProperties, member, levels) end
  end
end

-- Takes the nulls out of a value and of what it holds.
function visit(document, schema, value, levels)
  if type(schema) ~= "table" or type(value) ~= "table" or levels == 0 then return end
  levels = levels - 1
  visit(document, target_of(document, schema), value, levels)
  for _, key in ipairs { "allOf", "anyOf", "oneOf" } do
    for _, each in ipairs(schema[key] or {}) do visit(document, each, value, levels) end
  end
  if not kind.is_list(value) then return visit_members(document, schema, value, levels) end
  for _, item in ipairs(value) do visit(document, schema.items, item, levels) end
end

--- Checks a value as the validator does; where it does not fit, without the nulls of optional members, which are then no more in it.
---@param schema table|boolean
---@param value any
---@return true? fits
---@return ogl.SchemaError[]|ogl.Error|nil errors
function M.fit(schema, value)
  local fits, problems = validator.validate(schema, value)
  if fits or problems.kind or type(value) ~= "table" or type(schema) ~= "table" then return fits, problems end
  visit(references.new(schema), schema, value, DEEPEST)
  return validator.validate(schema, value)
end

return M
