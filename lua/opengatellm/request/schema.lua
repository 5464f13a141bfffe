--- JSON Schemas as Lua tables, on their way to JSON.
--
-- An empty Lua table is an object to JSON, but `required = {}` and its like are arrays: they are marked, in a copy.
--
-- @module opengatellm.request.schema
local json = require "opengatellm.json"

local M = {}

local ARRAYS = { required = true, enum = true, anyOf = true, oneOf = true, allOf = true, examples = true, prefixItems = true }
-- Keys whose value maps the user's names to schemas: a property there may be called "enum".
local MAPS = { properties = true, patternProperties = true, ["$defs"] = true, definitions = true, dependentSchemas = true }

local copy

local function copy_map(map)
  local out = setmetatable({}, getmetatable(map)) -- which may name the order of its keys
  for name, schema in pairs(map) do out[name] = copy(schema) end
  return out
end

function copy(schema)
  if type(schema) ~= "table" then return schema end
  local out = setmetatable({}, getmetatable(schema))
  for key, value in pairs(schema) do
    if type(value) ~= "table" then out[key] = value
    elseif ARRAYS[key] and next(value) == nil then out[key] = json.array {}
    elseif MAPS[key] then out[key] = copy_map(value)
    else out[key] = copy(value) end
  end
  return out
end

--- Copies a schema and marks its lists as JSON arrays. A schema that came as text (json.raw) stays as it is, to keep its author's order.
---@param schema table
---@return table
function M.normalise(schema) return copy(schema) end

local COMBINED = { "anyOf", "oneOf", "allOf", "$ref", "enum", "const", "not" }

local function is_object(schema)
  if schema.type ~= nil then return schema.type == "object" end
  for _, key in ipairs(COMBINED) do
    if schema[key] ~= nil then return false end
  end
  return true
end

--- Completes the schema of an object: servers want a type and properties, even if it has none.
---@param schema table
---@return table
function M.object(schema)
  local plain = json.plain(schema)
  if type(plain) ~= "table" or not is_object(plain) or plain.type and plain.properties ~= nil then return schema end
  local out = copy(plain)
  out.type, out.properties = "object", out.properties or {}
  return out
end

--- Reads a request's `output`: the schema and its details. `{schema = …, name = …, description = …, strict = …}` holds a schema and
--- details; any other table is a schema itself.
---@param output table
---@return table schema
---@return {name?: string, description?: string, strict?: boolean, mode?: ogl.OutputMode, validate?: function}? details
function M.output(output)
  if type(output.schema) ~= "table" or output.type or output.properties then return output, nil end
  return output.schema, output
end

--- Whether an object of that schema takes no other properties.
---@param schema table
---@return boolean
function M.is_closed(schema)
  local plain = json.plain(schema)
  return type(plain) == "table" and plain.additionalProperties == false
end

return M
