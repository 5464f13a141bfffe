--- JSON Schemas as Lua tables, on their way to JSON.
--
-- An empty Lua table is an object to JSON, but `required = {}` and its like are arrays: they are marked, in a copy.
--
-- @module opengatellm.schema
local json = require "opengatellm.json"

local M = {}

local ARRAYS = { required = true, enum = true, anyOf = true, oneOf = true, allOf = true, examples = true, prefixItems = true }
-- Keys whose value maps names of the user's own to schemas: "enum" may be a property there.
local MAPS = { properties = true, patternProperties = true, ["$defs"] = true, definitions = true, dependentSchemas = true }

local copy

local function copy_map(map)
  local out = {}
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

--- A copy in which every list is one to JSON too. A schema that came as text (json.raw) stays that: its order is its author's.
---@param schema table
---@return table
function M.normalise(schema) return copy(schema) end

local NO_PARAMETERS = { type = "object", properties = {} }

--- The schema of a tool's parameters, for protocols that want one of every tool.
---@param parameters? table
---@return table
function M.parameters(parameters) return parameters and copy(parameters) or NO_PARAMETERS end

--- What a request's `output` says: the schema, and how its author calls it. `{schema = …, name = …, description = …, strict = …}` is
--- a schema with these, any other table is one itself.
---@param output table
---@return table schema
---@return {name?: string, description?: string, strict?: boolean}? details
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
