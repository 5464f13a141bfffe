--- Dialects: knows which part of JSON Schema each kind of server takes for structured output.
--
-- `adapt(schema, dialect)` gives a copy that the server takes, and a report of the keywords that it removed or rewrote. The server does
-- not enforce a removed constraint, but the model still reads the descriptions. A program that needs the constraint checks the answer.
--
--   openai_strict   OpenAI's strict mode: objects are closed, every property is required (an optional one may be null)
--   anthropic       Anthropic's output_format: objects are closed; no bounds of numbers, texts and lists
--   gemini          Gemini's responseJsonSchema
--   openapi         Gemini's responseSchema, and its function parameters: OpenAPI 3.0; the schema replaces each reference to it
--   grammar         llama.cpp and Ollama, which make a grammar of the schema
--
-- Sources: the structured-output pages of each server (2026), the field list of Gemini's responseJsonSchema and of its Schema.
--
-- @module opengatellm.request.schema_dialects
local json = require "opengatellm.json"
local schemas = require "opengatellm.request.schema"
local words = require "opengatellm.base.words"

local M = {}

local set = words.set

-- keep: the keywords that the server takes; closed: it wants objects without other properties; all_required: it wants every property
-- required; nulls: how it writes "or null" ("type": a list of types, "anyOf": a branch, "nullable": a keyword); inline: it takes no $ref.
local DIALECTS = {
  openai_strict = {
    keep = set [[type properties required additionalProperties items enum const anyOf $ref $defs definitions title description pattern
      format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems]],
    closed = true, all_required = true, nulls = "type",
  },
  anthropic = {
    keep = set [[type properties required additionalProperties items enum const anyOf allOf $ref $defs definitions title description
      format default]],
    closed = true, nulls = "anyOf", few_items = true, -- of minItems it takes 0 and 1
  },
  gemini = {
    keep = set [[$id $defs $ref $anchor type format title description enum items prefixItems minItems maxItems minimum maximum anyOf
      properties additionalProperties required propertyOrdering]],
    nulls = "type",
  },
  openapi = {
    keep = set [[type format title description nullable enum items minItems maxItems minLength maxLength minProperties maxProperties
      pattern minimum maximum anyOf properties required propertyOrdering default example]],
    nulls = "nullable", inline = true,
  },
  grammar = {
    keep = set [[type properties required additionalProperties items prefixItems enum const anyOf oneOf allOf $ref $defs definitions title
      description format pattern minimum maximum exclusiveMinimum exclusiveMaximum minLength maxLength minItems maxItems]],
    nulls = "type",
  },
}

---@class ogl.SchemaChange
---@field path string where: "$.properties.age"
---@field keyword string
---@field action "removed"|"rewritten"
---@field message string
---@field same? boolean the change keeps the meaning, so it needs no warning

-- A schema may come from anywhere: a value that should be a table and is not counts as an empty one.
local function table_of(value) return type(value) == "table" and value or {} end

local DEEPEST = 64 -- levels; this ends schemas that refer to themselves

local walk

-- same: the change keeps the meaning.
local function report(job, path, keyword, action, message, same)
  table.insert(job.report, { path = path, keyword = keyword, action = action, message = message, same = same })
end

-- Rewriting, before anything is removed -------------------------------------------------------------------------------

local function find_reference(job, pointer)
  local at = job.root
  for step in pointer:gsub("^#/?", ""):gmatch "[^/]+" do
    step = step:gsub("~1", "/"):gsub("~0", "~")
    at = type(at) == "table" and (at[step] or at[tonumber(step)]) or nil
  end
  return at
end

-- An empty table that is written in the order of another, where that has one.
local function like(map) return setmetatable({}, getmetatable(map)) end

-- Puts the schema that a reference names in its place.
local function inlined(job, schema, path, depth)
  local found = type(schema["$ref"]) == "string" and find_reference(job, schema["$ref"])
  if type(found) ~= "table" then return schema end
  report(job, path, "$ref", "rewritten", "the schema that it refers to was put in its place", true)
  if depth > DEEPEST / 4 then return { type = found.type, description = found.description } end
  local out = like(found)
  for key, value in pairs(found) do out[key] = value end
  for key, value in pairs(schema) do if key ~= "$ref" then out[key] = value end end
  return out
end

local function const_to_enum(job, schema, path)
  if schema.const == nil or job.dialect.keep.const then return end
  schema.enum, schema.const = { schema.const }, nil
  report(job, path, "const", "rewritten", "a list of one value says the same", true)
end

local function one_to_any(job, schema, path)
  if not schema.oneOf or schema.anyOf or job.dialect.keep.oneOf then return end
  schema.anyOf, schema.oneOf = schema.oneOf, nil
  report(job, path, "oneOf", "rewritten", "anyOf stands in its place")
end

-- Gives the types of a list without null, and whether null was in it.
local function split_types(types)
  local rest, null = {}, false
  for _, name in ipairs(types) do
    if name == "null" then null = true else rest[#rest + 1] = name end
  end
  return rest, null
end

local function without(schema, key)
  local out = like(schema)
  for name, value in pairs(schema) do if name ~= key then out[name] = value end end
  return out
end

-- Writes a list of types as the dialect wants it.
local function respell_types(job, schema, path)
  local nulls = job.dialect.nulls
  if type(schema.type) ~= "table" or nulls == "type" then return schema end
  local types, null = split_types(schema.type)
  report(job, path, "type", "rewritten", nulls == "nullable" and "null is said by nullable" or "each type is a branch of anyOf", true)
  if nulls == "nullable" and #types == 1 then
    schema.type, schema.nullable = types[1], null or nil
    return schema
  end
  local branches, rest = {}, without(schema, "type")
  local description = rest.description
  rest.description = nil
  for i, name in ipairs(types) do
    branches[i] = without(rest, "")
    branches[i].type = name
  end
  if null and nulls == "anyOf" then branches[#branches + 1] = { type = "null" } end
  return { anyOf = branches, description = description, nullable = null and nulls == "nullable" or nil }
end

-- Objects -------------------------------------------------------------------------------------------------------------

local function is_required(schema, name)
  for _, each in ipairs(table_of(schema.required)) do
    if each == name then return true end
  end
  return false
end

local function may_be_null(schema)
  if type(schema) ~= "table" then return false end
  if schema.nullable or schema.type == "null" then return true end
  if type(schema.type) == "table" then return select(2, split_types(schema.type)) end
  for _, branch in ipairs(table_of(schema.anyOf)) do
    if may_be_null(branch) then return true end
  end
  return false
end

-- Makes a schema that also allows null.
local function or_null(schema)
  if may_be_null(schema) then return schema end
  if type(schema.type) == "string" and not schema.enum and schema.const == nil then
    local out = without(schema, "type")
    out.type = { schema.type, "null" }
    return out
  end
  return { anyOf = { schema, { type = "null" } } }
end

-- Makes every property required; an optional one may then be null.
local function require_all(job, schema, path)
  if not job.dialect.all_required or type(schema.properties) ~= "table" then return end
  local properties, required = like(schema.properties), json.array {}
  for _, name in ipairs(json.keys(schema.properties)) do
    local property = schema.properties[name]
    if not is_required(schema, name) and type(property) == "table" then
      property = or_null(property)
      report(job, path .. ".properties." .. name, "required", "rewritten", "it is required, and null where it has no value", true)
    end
    properties[name], required[#required + 1] = property, name
  end
  schema.properties, schema.required = properties, required
end

-- Names the order of the properties: such a server reads them into a map, which has none.
local function name_order(job, schema)
  local properties = schema.properties
  if not job.dialect.keep.propertyOrdering or schema.propertyOrdering or type(properties) ~= "table" then return end
  if getmetatable(properties) and next(properties) then schema.propertyOrdering = json.array(json.keys(properties)) end
end

local function close(job, schema, path)
  local is_object = schema.type == "object" or schema.properties ~= nil
  if not job.dialect.closed or not is_object or schema.additionalProperties == false then return end
  local empty = type(schema.properties) ~= "table" or next(schema.properties) == nil
  local open = schema.additionalProperties ~= nil or empty -- it says so, or it names no property, so that others must be allowed
  if open then report(job, path, "additionalProperties", "rewritten", "the server takes closed objects only") end
  schema.additionalProperties = false
end

-- The walk ------------------------------------------------------------------------------------------------------------

local MAPS = { properties = true, ["$defs"] = true, definitions = true, patternProperties = true, dependentSchemas = true }
local LISTS = { anyOf = true, oneOf = true, allOf = true, prefixItems = true }
local SCHEMAS = { items = true, additionalProperties = true, ["not"] = true, contains = true }

local function walk_map(job, map, path, depth)
  local out = like(map)
  for _, name in ipairs(json.keys(map)) do out[name] = walk(job, map[name], path .. "." .. name, depth) end
  return out
end

local function walk_list(job, list, path, depth)
  local out = json.array {}
  for i, each in ipairs(list) do out[i] = walk(job, each, ("%s[%d]"):format(path, i), depth) end
  return out
end

local function walk_keyword(job, key, value, path, depth)
  if type(value) ~= "table" then return value end
  if MAPS[key] then return walk_map(job, value, path .. "." .. key, depth) end
  if LISTS[key] then return walk_list(job, value, path .. "." .. key, depth) end
  if SCHEMAS[key] then return walk(job, value, path .. "." .. key, depth) end
  return value
end

local NOTES = { ["$schema"] = true, ["$id"] = true, ["$comment"] = true } -- they constrain nothing, so their removal needs no report

-- Makes the dialect's copy of a schema.
function walk(job, schema, path, depth)
  if type(schema) ~= "table" then return schema end
  if depth > DEEPEST then return {} end
  schema = without(schema, "")
  if job.dialect.inline then schema = inlined(job, schema, path, depth) end
  const_to_enum(job, schema, path)
  one_to_any(job, schema, path)
  require_all(job, schema, path)
  schema = respell_types(job, schema, path)
  name_order(job, schema)
  close(job, schema, path)
  local out = like(schema)
  for _, key in ipairs(json.keys(schema)) do
    if job.dialect.keep[key] then
      out[key] = walk_keyword(job, key, schema[key], path, depth + 1)
    elseif key == "minItems" and job.dialect.few_items and (schema[key] == 0 or schema[key] == 1) then
      out[key] = schema[key]
    elseif not (NOTES[key] or job.dialect.inline and (key == "$defs" or key == "definitions")) then
      report(job, path, key, "removed", "the server does not take it")
    end
  end
  return out
end

--- Copies a schema as a kind of server takes it.
---@param schema table JSON Schema
---@param dialect? string nil: the server takes every schema
---@return table schema
---@return ogl.SchemaChange[] report
function M.adapt(schema, dialect)
  if not DIALECTS[dialect] then return schemas.normalise(schema), {} end
  schema = json.plain(schema)
  local job = { dialect = DIALECTS[dialect], root = schema, report = {} }
  return schemas.normalise(walk(job, schema, "$", 1)), job.report
end

--- Copies a schema as `adapt` does, and warns of every change that alters its meaning.
---@param schema table
---@param dialect? string
---@param field string of the request: "output"
---@param warn fun(field: string, message: string, code: string)
---@return table
function M.warned(schema, dialect, field, warn)
  local adapted, changes = M.adapt(schema, dialect)
  for _, change in ipairs(changes) do
    if not change.same then
      warn(field, ("%s: %s was %s: %s"):format(change.path, change.keyword, change.action, change.message), "schema")
    end
  end
  return adapted
end

-- The top of a tool's schema -------------------------------------------------------------------------------------------

local function names_of(branches)
  local counts = {}
  for _, branch in ipairs(branches) do
    for _, name in ipairs(table_of(branch.required)) do counts[name] = (counts[name] or 0) + 1 end
  end
  return counts
end

-- Adds properties that a schema does not have behind its own, where one of both has an order.
local function add_properties(schema, added)
  local own = schema.properties
  local order = (getmetatable(own) or getmetatable(added)) and json.keys(own)
  for _, name in ipairs(json.keys(added)) do
    if own[name] == nil then
      own[name] = added[name]
      if order then order[#order + 1] = name end
    end
  end
  if order then json.ordered(own, order) end
end

-- Adds the properties of all branches to those of the schema. A property becomes required if every branch requires it; with allOf, if
-- one does.
local function merge_branches(job, schema, key)
  local branches = {}
  for i, branch in ipairs(schema[key]) do
    branches[i] = type(branch) == "table" and inlined(job, branch, "$." .. key, 1) or {}
    add_properties(schema, table_of(branches[i].properties))
  end
  local counts = names_of(branches)
  for _, name in ipairs(json.keys(counts)) do
    local always = key == "allOf" or counts[name] == #branches
    if always and not is_required(schema, name) then table.insert(schema.required, name) end
  end
end

local CHOICES = { "allOf", "anyOf", "oneOf" }
local BEYOND = { "enum", "not", "const" }

local function has_any(schema, keys)
  for _, key in ipairs(keys) do
    if schema[key] ~= nil then return true end
  end
  return false
end

local function copied_list(list)
  local out = json.array {}
  for i, each in ipairs(table_of(list)) do out[i] = each end
  return out
end

--- Makes the schema of a tool's parameters a plain object, for servers that take no anyOf, oneOf or allOf at its top: the object has
--- the properties of all branches.
---@param schema table
---@param field string of the request, for the warnings
---@param warn fun(field: string, message: string, code: string)
---@return table
function M.flat(schema, field, warn)
  local plain = json.plain(schema)
  if not (has_any(plain, CHOICES) or has_any(plain, BEYOND) or plain["$ref"]) then return schema end
  local job = { root = plain, report = {} }
  local out = inlined(job, without(plain, ""), "$", 1)
  out.type, out.properties, out.required = "object", without(table_of(out.properties), ""), copied_list(out.required)
  for _, key in ipairs(CHOICES) do
    if type(out[key]) == "table" then
      merge_branches(job, out, key)
      out[key] = nil
      warn(field, ("$: %s was rewritten: the server does not take it at the top, the object has all its properties"):format(key), "schema")
    end
  end
  for _, key in ipairs(BEYOND) do
    if out[key] ~= nil then warn(field, ("$: %s was removed: the server does not take it at the top"):format(key), "schema") end
    out[key] = nil
  end
  if not out.required[1] then out.required = nil end
  return out
end

-- Whether a change forbids something that the schema allows: it closed an object that allowed other properties.
local function narrows(changes)
  for _, change in ipairs(changes) do
    if change.keyword == "additionalProperties" then return true end
  end
  return false
end

-- Gives the schema, and whether to ask for it strictly. Without a dialect, only a closed schema is asked for strictly; with one, every
-- schema that the change to the dialect does not narrow.
local function strict(schema, dialect, warn)
  if not dialect then return schemas.normalise(schema), schemas.is_closed(schema) end
  local _, changes = M.adapt(schema, dialect)
  if narrows(changes) then return schemas.normalise(schema), false end
  return M.warned(schema, dialect, "output", warn), true
end

--- Prepares a request's `output` for servers that have a strict mode: gives the schema, whether to ask for it strictly, and the author's
--- name and description. An author who gives a name or `strict` decides the mode: `strict` as given, not strict if it is absent.
---@param output table
---@param dialect? string
---@param warn fun(field: string, message: string, code: string)
---@param own? boolean the request came by the protocol that it goes out by: the schema stays unchanged
---@return table schema
---@return boolean? strict
---@return {name?: string, description?: string}
function M.output(output, dialect, warn, own)
  local schema, details = schemas.output(output)
  if own then return schemas.normalise(schema), details and details.strict, details or {} end
  if details and not details.strict then return schemas.normalise(schema), details.strict, details end
  local adapted, is_strict = strict(schema, dialect, warn)
  return adapted, details and true or is_strict, details or {}
end

--- Gives the schema of a request's `output` as a server takes it. One that came by the same protocol stays unchanged, because its author
--- wrote it for such a server.
---@param request ogl.Request with `output`
---@param protocol string
---@param dialect string
---@param warn fun(field: string, message: string, code?: string)
---@return table
function M.of_output(request, protocol, dialect, warn)
  local plain = schemas.output(request.output)
  if request.protocol == protocol then return schemas.normalise(plain) end
  return M.warned(plain, dialect, "output", warn)
end

return M
