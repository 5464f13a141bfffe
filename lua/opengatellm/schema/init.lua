--- Schemas: builders of JSON Schema, and the validator.
--
--   local s = ogl.schema
--   local person = s.object { { "name", s.string "as on the passport" }, { "age", s.optional(s.integer { min = 0 }) } }
--   local fits, errors = person:validate { name = "Ada", age = -1 }       -- nil; errors prints "age: expected at least 0, got -1"
--
-- What a builder returns is the JSON Schema itself: a table that json.encode writes as it is, and that a program may go on editing. A list
-- of pairs keeps its order on the wire, a map is sorted. A mistake raises where it is made.
--
-- @module opengatellm.schema
local grammar = require "opengatellm.schema.grammar"
local job = require "opengatellm.schema.job"
local json = require "opengatellm.json"
local kind = require "opengatellm.schema.kind"
local validator = require "opengatellm.schema.validator"

local unpack = table.unpack or unpack -- luacheck: compat

local M = {
  validate = validator.validate,
  compile = validator.compile,
}

---@class ogl.Schema a JSON Schema; what it has beside its keywords is not written
local Schema = {}

--- Checks a value, as `ogl.schema.validate` does.
---@param value any
---@return true? fits
---@return ogl.SchemaError[]|ogl.Error|nil errors
---@return {code: string, message: string}[]? warnings
function Schema:validate(value) return validator.validate(self, value) end

-- The order is empty: it tells the encoder at once that the table is an object like any other.
local schema_mt = { __name = "opengatellm.schema", __index = Schema, __jsonorder = {} }
-- Of a schema that an object does not require.
local optional_mt = { __name = "opengatellm.schema.optional", __index = Schema, __jsonorder = {} }

local function is_optional(value) return type(value) == "table" and getmetatable(value) == optional_mt end

-- A copy of a schema that has the methods; the schemas in it are shared.
local function copied(schema, mt)
  local out = {}
  for key, value in pairs(schema) do out[key] = value end
  return setmetatable(out, mt)
end

-- Called by the builders themselves: the mistake is in the line that called them.
local function raise(builder, problem) error(("ogl.schema.%s: %s"):format(builder, problem), 3) end

-- Options -----------------------------------------------------------------------------------------------------------------

-- An option's keyword in the schema. Its value is tested where the whole schema is.
local ABOUT = { description = "description", title = "title", default = "default" }
local LIMITS = {
  string = { min_length = "minLength", max_length = "maxLength", pattern = "pattern", format = "format" },
  number = { min = "minimum", max = "maximum", format = "format" },
  array = { min_items = "minItems", max_items = "maxItems" },
}
local TEXTS = { description = true, title = true, format = true }

local function names_of(takes)
  local names = json.keys(ABOUT)
  for name in pairs(takes) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, ", ")
end

-- Writes the options into a schema; gives the first mistake. Definitions are those of the whole, wherever a schema can hold others.
local function take_options(schema, options, takes)
  if type(options) == "string" then options = { description = options } end
  if options == nil then return nil end
  if type(options) ~= "table" then return "expected options, or a description, got " .. kind.shown(options) end
  for _, name in ipairs(json.keys(options)) do
    local keyword, value = ABOUT[name] or takes[name], options[name]
    if not keyword then return ("unknown option '%s'; it takes %s"):format(name, names_of(takes)) end
    if TEXTS[name] and type(value) ~= "string" then return ("%s: expected a text, got %s"):format(name, kind.shown(value)) end
    if keyword ~= true then schema[keyword] = value end
  end
  if options[1] ~= nil then return "expected options by name, got a list" end
end

local PAIRS = {
  { "min", "minimum", "max", "maximum" }, { "min_length", "minLength", "max_length", "maxLength" },
  { "min_items", "minItems", "max_items", "maxItems" },
}

local function crossed_limits(schema)
  for _, pair in ipairs(PAIRS) do
    local low, high = schema[pair[2]], schema[pair[4]]
    if low and high and low > high then
      return ("%s is %s, which is more than %s, %s"):format(pair[1], kind.shown(low), pair[3], kind.shown(high))
    end
  end
end

-- The default of a schema that stands for itself has to fit it.
local function wrong_default(schema)
  if schema.default == nil then return nil end
  local program = job.compile(schema)
  local failures = program and program.check and program.check(schema.default)
  if failures then return ("default: %s does not fit the schema"):format(kind.shown(schema.default)) end
end

-- Completes a schema: gives it its options and its methods, or the first mistake.
local function finished(schema, options, takes)
  local problem = take_options(schema, options, takes) or grammar.problem(schema) or crossed_limits(schema)
  if problem then return nil, problem end
  return setmetatable(schema, schema_mt)
end

local function finished_scalar(schema, options, takes)
  local problem
  schema, problem = finished(schema, options, takes)
  problem = problem or wrong_default(schema)
  if problem then return nil, problem end
  return schema
end

-- Scalars -----------------------------------------------------------------------------------------------------------------

---@class ogl.SchemaOptions a text instead of the table is the description
---@field description? string
---@field title? string
---@field default? any

---@class ogl.SchemaStringOptions: ogl.SchemaOptions
---@field min_length? integer in characters
---@field max_length? integer in characters
---@field pattern? string a regular expression of ECMAScript; it may match anywhere in the text
---@field format? string it describes: the validator does not check it

---@class ogl.SchemaNumberOptions: ogl.SchemaOptions
---@field min? number
---@field max? number
---@field format? string

---@class ogl.SchemaArrayOptions: ogl.SchemaOptions
---@field min_items? integer
---@field max_items? integer
---@field definitions? table<string, table>|{[1]: string, [2]: table}[] what `ref` names, in the outermost schema

--- Builds the schema of a text.
---@param options? ogl.SchemaStringOptions|string
---@return ogl.Schema
function M.string(options)
  local schema, problem = finished_scalar({ type = "string" }, options, LIMITS.string)
  return schema or raise("string", problem)
end

--- Builds the schema of a number without a fraction; 1.0 is one.
---@param options? ogl.SchemaNumberOptions|string
---@return ogl.Schema
function M.integer(options)
  local schema, problem = finished_scalar({ type = "integer" }, options, LIMITS.number)
  return schema or raise("integer", problem)
end

--- Builds the schema of a number.
---@param options? ogl.SchemaNumberOptions|string
---@return ogl.Schema
function M.number(options)
  local schema, problem = finished_scalar({ type = "number" }, options, LIMITS.number)
  return schema or raise("number", problem)
end

--- Builds the schema of true and false.
---@param options? ogl.SchemaOptions|string
---@return ogl.Schema
function M.boolean(options)
  local schema, problem = finished_scalar({ type = "boolean" }, options, {})
  return schema or raise("boolean", problem)
end

-- The type that all values have; nil where they have several, or one that says nothing about them.
local function common_type(values)
  local common = kind.of(values[1])
  for _, value in ipairs(values) do
    if kind.of(value) ~= common then return nil end
  end
  return (common == "string" or common == "number" or common == "boolean") and common or nil
end

local function enum_problem(values)
  if type(values) ~= "table" or values[1] == nil then return "expected a list of values, got " .. kind.shown(values) end
  local seen = {}
  for _, value in ipairs(values) do
    if kind.of(value) == nil then return ("a %s cannot be in JSON"):format(type(value)) end
    if seen[value] then return ("the value %s stands twice"):format(kind.shown(value)) end
    seen[value] = true
  end
end

--- Builds the schema of one of several values.
---@param values any[]
---@param options? ogl.SchemaOptions|string
---@return ogl.Schema
function M.enum(values, options)
  local problem, schema = enum_problem(values), nil
  if not problem then
    local list = json.array {}
    for i, value in ipairs(values) do list[i] = value end
    schema, problem = finished_scalar({ type = common_type(list), enum = list }, options, {})
  end
  return schema or raise("enum", problem)
end

--- Builds the schema of one value alone.
---@param value any
---@param options? ogl.SchemaOptions|string
---@return ogl.Schema
function M.const(value, options)
  if kind.of(value) == nil then raise("const", ("a %s cannot be in JSON"):format(type(value))) end
  local schema, problem = finished_scalar({ type = common_type { value }, const = value }, options, {})
  return schema or raise("const", problem)
end

-- What holds others -------------------------------------------------------------------------------------------------------

local MISPLACED = "only a property of an object can be optional"

-- Schemas by name, from a list of pairs or a map: the names in order, the schemas, whether the list gave the order; or the first mistake.
local function named(fields, what)
  if type(fields) ~= "table" then return nil, ("expected %s, got %s"):format(what, kind.shown(fields)) end
  local schemas, names = {}, {}
  if fields[1] == nil then
    for name, schema in pairs(fields) do
      if type(name) ~= "string" then return nil, ("expected a name, got %s"):format(kind.shown(name)) end
      schemas[name] = schema
    end
    return json.keys(schemas), schemas, false
  end
  for i, field in ipairs(fields) do
    local name = type(field) == "table" and field[1]
    if type(name) ~= "string" then return nil, ("[%d]: expected { name, schema }, got %s"):format(i, kind.shown(field)) end
    if schemas[name] ~= nil then return nil, name .. ": it stands twice" end
    if field[2] == nil then return nil, name .. ": expected a schema, got nothing" end
    names[i], schemas[name] = name, field[2]
  end
  return names, schemas, true
end

-- The table of `properties` or `$defs`, in its order.
local function map_of(names, schemas, is_ordered) return is_ordered and json.ordered(schemas, names) or schemas end

-- Puts the definitions into a schema.
local function add_definitions(schema, options)
  local definitions = type(options) == "table" and options.definitions
  if not definitions then return nil end
  local names, schemas, is_ordered = named(definitions, "definitions")
  if not names then return "definitions: " .. schemas end
  for _, name in ipairs(names) do
    if is_optional(schemas[name]) then return ("definitions: %s: %s"):format(name, MISPLACED) end
  end
  schema["$defs"] = map_of(names, schemas, is_ordered)
end

-- With its definitions a schema is whole: each reference in it has to lead somewhere.
local function reference_problem(schema)
  if not schema["$defs"] then return nil end
  local _, err = job.compile(schema)
  return err and err.message:gsub("^the schema is wrong: ", "") or nil
end

local function finished_whole(schema, options, limits)
  local takes = { definitions = true }
  for name, keyword in pairs(limits or {}) do takes[name] = keyword end
  local problem = add_definitions(schema, options)
  if problem then return nil, problem end
  schema, problem = finished(schema, options, takes)
  problem = problem or reference_problem(schema)
  if problem then return nil, problem end
  return schema
end

-- Takes the optional ones out of the properties, and lists the others.
local function required_of(names, schemas)
  local required = json.array {}
  for _, name in ipairs(names) do
    if is_optional(schemas[name]) then schemas[name] = copied(schemas[name], schema_mt) else required[#required + 1] = name end
  end
  return required[1] and required or nil
end

--- Builds the schema of an object, which has no other properties than these.
---@param fields table<string, table>|{[1]: string, [2]: table}[] a list of `{ name, schema }` keeps its order on the wire
---@param options? ogl.SchemaArrayOptions|string `definitions` and what describes; no limits
---@return ogl.Schema
function M.object(fields, options)
  local names, schemas, is_ordered = named(fields, "properties")
  if not names then raise("object", schemas) end
  local required = required_of(names, schemas)
  local schema, problem = finished_whole(
    { type = "object", properties = map_of(names, schemas, is_ordered), required = required, additionalProperties = false }, options)
  return schema or raise("object", problem)
end

--- Builds the schema of an array whose items all fit one schema.
---@param items table
---@param options? ogl.SchemaArrayOptions|string
---@return ogl.Schema
function M.array(items, options)
  if items == nil then raise("array", "items: expected a schema, got nothing") end
  if is_optional(items) then raise("array", "items: " .. MISPLACED) end
  local schema, problem = finished_whole({ type = "array", items = items }, options, LIMITS.array)
  return schema or raise("array", problem)
end

--- Builds the schema of an object with any keys, whose values all fit one schema.
---@param value_schema table
---@param options? ogl.SchemaArrayOptions|string `definitions` and what describes; no limits
---@return ogl.Schema
function M.record(value_schema, options)
  if value_schema == nil then raise("record", "expected a schema, got nothing") end
  if is_optional(value_schema) then raise("record", MISPLACED) end
  local schema, problem = finished_whole({ type = "object", additionalProperties = value_schema }, options)
  return schema or raise("record", problem)
end

--- Builds the schema of a value that fits at least one of several schemas.
---@param schemas table[]
---@param options? ogl.SchemaArrayOptions|string `definitions` and what describes; no limits
---@return ogl.Schema
function M.union(schemas, options)
  if type(schemas) ~= "table" or schemas[1] == nil then raise("union", "expected a list of schemas, got " .. kind.shown(schemas)) end
  local branches = json.array {}
  for i, each in ipairs(schemas) do
    if is_optional(each) then raise("union", ("[%d]: %s"):format(i, MISPLACED)) end
    branches[i] = each
  end
  local schema, problem = finished_whole({ anyOf = branches }, options)
  return schema or raise("union", problem)
end

--- Refers to a schema by its name among the `definitions` of the outermost schema. So a schema may hold itself.
---@param name string "#" names the outermost schema itself
---@param options? ogl.SchemaOptions|string
---@return ogl.Schema
function M.ref(name, options)
  if type(name) ~= "string" or name == "" then raise("ref", "expected a name, got " .. kind.shown(name)) end
  local pointer = name == "#" and name or "#/$defs/" .. name:gsub("~", "~0"):gsub("/", "~1"):gsub("%%", "%%25")
  local schema, problem = finished({ ["$ref"] = pointer }, options, {})
  return schema or raise("ref", problem)
end

-- Marks -------------------------------------------------------------------------------------------------------------------

local function schema_problem(schema)
  if schema == nil then return "expected a schema, got nothing" end
  if type(schema) ~= "table" then return "expected a schema, got " .. kind.shown(schema) end
  return grammar.problem(schema)
end

--- Marks a property that its object does not require: `s.object { note = s.optional(s.string()) }`.
---@param schema table
---@return ogl.Schema # a copy
function M.optional(schema)
  local problem = schema_problem(schema)
  if problem then raise("optional", problem) end
  return copied(schema, optional_mt)
end

local function with_null(types)
  local out = json.array { types }
  if type(types) == "table" then
    for i, name in ipairs(types) do out[i] = name end
  end
  for _, name in ipairs(out) do
    if name == "null" then return types end
  end
  out[#out + 1] = "null"
  return out
end

-- A union with null; what describes the schema describes the union.
local function or_null(schema, mt)
  local about = setmetatable({}, mt)
  local inner = copied(schema, schema_mt)
  for keyword in pairs(ABOUT) do about[keyword], inner[keyword] = schema[keyword], nil end
  about["$defs"], inner["$defs"] = schema["$defs"], nil -- a reference looks for them in the outermost schema
  about.anyOf = json.array { inner }
  if next(inner) == "anyOf" and next(inner, "anyOf") == nil then about.anyOf = json.array { unpack(inner.anyOf) } end
  table.insert(about.anyOf, setmetatable({ type = "null" }, schema_mt))
  return about
end

--- Allows null beside what a schema allows.
---@param schema table
---@return ogl.Schema # another table; one that was optional stays so
function M.nullable(schema)
  local problem = schema_problem(schema)
  if problem then raise("nullable", problem) end
  local mt = is_optional(schema) and optional_mt or schema_mt
  if schema.type == nil or schema.enum ~= nil or schema.const ~= nil then return or_null(schema, mt) end
  local out = copied(schema, mt)
  out.type = with_null(schema.type)
  return out
end

return M
