--- Grammars: JSON Schema to GBNF, by which libllama samples only what fits.
--
--   local text, err, warnings = grammar.of_schema(schema)
--
-- Exact are types, properties (which may be left out, and in which order of the schema they stand), closed objects, enum, const, bounded
-- arrays and texts, ranges of integers, anyOf and references inside of the schema. What a grammar allows is never less than JSON but may be
-- less than the schema does: no properties beside those that it names, no number of more than 15 digits. Where it allows more than the
-- schema, a warning names the keyword: validation has to look at that.
--
-- @module opengatellm.llama.grammar
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local grammar_text = require "opengatellm.llama.grammar_text"
local integer_range = require "opengatellm.llama.integer_range"
local json = require "opengatellm.json"
local references = require "opengatellm.schema.references"
local schema_items = require "opengatellm.schema.items"
local validator = require "opengatellm.schema.validator"
local words = require "opengatellm.base.words"

local M = {}

local literal, repeated, sequence = grammar_text.literal, grammar_text.repeated, grammar_text.sequence

--- The most rules of a grammar; and the most repetitions, more than which libllama refuses.
M.MOST_RULES, M.MOST_REPEATS = 5000, 2000

---@class ogl.llama.GrammarJob
---@field rules ogl.llama.Rules
---@field references ogl.schema.References
---@field by_schema table<table, string|false> the rules of the schemas that were met; false where nothing fits
---@field asked table<table, true> those that were asked for again
---@field warnings {code: string, field: string, message: string}[]
---@field warned table<string, true>
local Job = {}
Job.__index = Job

local function refuse(message) error(errors.unsupported(message, "grammar"), 0) end

--- Warns, once, of what the grammar does not check.
---@param path string
---@param keyword string
function Job:warn(path, keyword)
  local message = ("%s: the grammar does not check %s"):format(path, keyword)
  if self.warned[message] then return end
  self.warned[message] = true
  self.warnings[#self.warnings + 1] = { code = "grammar", field = "output", message = message }
end

--- Warns of the keywords that a schema has.
---@param schema table
---@param path string
---@param keywords string with blanks between them
function Job:warn_of(schema, path, keywords)
  for _, keyword in ipairs(words.list(keywords)) do
    if schema[keyword] ~= nil then self:warn(path, keyword) end
  end
end

--- Gives a count that libllama takes; nil and a warning where it is too high.
---@param schema table
---@param path string
---@param keyword string
---@return integer?
function Job:count(schema, path, keyword)
  local count = schema[keyword]
  if not count or count <= M.MOST_REPEATS then return count end
  self:warn(path, keyword)
end

--- Makes a rule of alternatives, so that its name can stand anywhere.
---@param name string
---@param body? string nil where there are none
---@return string? name
function Job:rule(name, body)
  if #self.rules.names >= M.MOST_RULES then refuse(("a schema that needs more than %d rules of a grammar"):format(M.MOST_RULES)) end
  if body then self.rules:set(name, body) end
  return body and name
end

-- Scalars: each gives an expression; nil where no value fits -----------------------------------------------------------------------

local kinds = {}

function kinds.null(job) return job.rules:shared "null" end
function kinds.boolean(job) return job.rules:shared "boolean" end

function kinds.string(job, schema, path)
  job:warn_of(schema, path, "pattern")
  local least, most = job:count(schema, path, "minLength") or 0, job:count(schema, path, "maxLength")
  if most and least > most then return nil end
  if least == 0 and not most then return job.rules:shared "string" end
  return '( "\\"" ' .. sequence(repeated(job.rules:shared "char", least, most), '"\\""') .. " )"
end

local function above(bound) return math.floor(bound) + 1 end
local function below(bound) return math.ceil(bound) - 1 end

-- The tighter of two bounds that may be there.
local function tighter(pick, a, b)
  if a and b then return pick(a, b) end
  return a or b
end

function kinds.integer(job, schema, path)
  job:warn_of(schema, path, "multipleOf")
  local low = tighter(math.max, schema.minimum, schema.exclusiveMinimum and above(schema.exclusiveMinimum))
  local high = tighter(math.min, schema.maximum, schema.exclusiveMaximum and below(schema.exclusiveMaximum))
  local alternatives = integer_range.rule(low, high)
  return alternatives and "( " .. alternatives .. " )"
end

function kinds.number(job, schema, path)
  job:warn_of(schema, path, "multipleOf maximum exclusiveMaximum exclusiveMinimum")
  local low = schema.minimum or schema.exclusiveMinimum
  if schema.minimum and schema.minimum ~= 0 then job:warn(path, "minimum") end
  return job.rules:shared(low and low >= 0 and "positive" or "number")
end

-- Arrays ------------------------------------------------------------------------------------------------------------------------

-- What follows the first `count` items: each with a comma in front, but for the very first.
local function items_behind(job, items, count, least, most)
  local ws = job.rules:shared "ws"
  local comma = count > 0 and '"," ' .. ws .. " " or ""
  if most and count >= most then return "" end
  if items.first[count + 1] then
    local tail = items_behind(job, items, count + 1, least, most)
    local text = sequence(comma .. items.first[count + 1], tail)
    return count < least and text or "( " .. text .. " )?"
  end
  if not items.rest then return "" end
  local more = ('( "," %s %s )'):format(ws, items.rest)
  if count > 0 then return repeated(more, math.max(least - count, 0), most and most - count) end
  local text = sequence(items.rest, repeated(more, math.max(least - 1, 0), most and most - 1))
  return least > 0 and text or "( " .. text .. " )?"
end

-- The expressions of an array's items; `last` is the place from which on nothing fits.
local function expressions_of_items(job, schema, path)
  local schemas, items = schema_items.schemas(schema), { first = {} }
  for i, each in ipairs(schemas.first) do
    items.first[i] = job:expression(each, ("%s[%d]"):format(path, i))
    if not items.first[i] then return items, i - 1 end
  end
  local rest = schemas.rest
  if rest == nil then rest = true end
  items.rest = job:expression(rest, path .. "[]")
  return items, not items.rest and #items.first or nil
end

function kinds.array(job, schema, path)
  job:warn_of(schema, path, "uniqueItems contains unevaluatedItems")
  local least, most = job:count(schema, path, "minItems") or 0, job:count(schema, path, "maxItems")
  local items, last = expressions_of_items(job, schema, path)
  most = tighter(math.min, most, last)
  if most and least > most then return nil end
  local ws = job.rules:shared "ws"
  return '"[" ' .. sequence(ws, items_behind(job, items, 0, least, most), ws, '"]"')
end

-- Objects -----------------------------------------------------------------------------------------------------------------------

-- The members that an object may have, in their order: { expression, required }; nil where one that it needs cannot be.
local function members_of(job, schema, path)
  local properties, required, members = {}, {}, {}
  for _, name in ipairs(schema.required or {}) do required[name] = true end
  for name in pairs(required) do properties[name] = schema.additionalProperties ~= false end
  for name, each in pairs(schema.properties or {}) do properties[name] = each end
  local order = json.keys(schema.properties or {})
  for _, name in ipairs(schema.required or {}) do
    if not (schema.properties or {})[name] then order[#order + 1] = name end
  end
  for _, name in ipairs(order) do
    local value = job:expression(properties[name], path == "" and name or path .. "." .. name)
    if not value and required[name] then return nil end
    if value then
      local text = sequence(literal(core.encode(name)), '":"', job.rules:shared "ws", value)
      members[#members + 1] = { text = job:rule(job.rules:free_name(path .. "-" .. name .. "-member"), text), required = required[name] }
    end
  end
  return members
end

-- The members from a place on, where something stands in front of them.
local function members_behind(job, members, place)
  local parts = {}
  for i = place, #members do
    local part = ('( "," %s %s )'):format(job.rules:shared "ws", members[i].text)
    parts[#parts + 1] = members[i].required and part or part .. "?"
  end
  return table.concat(parts, " ")
end

-- All members: one of them is the first, and those in front of it may be left out.
local function members_text(job, members, path)
  local alternatives = {}
  for i, member in ipairs(members) do
    local tail = members_behind(job, members, i + 1)
    if tail ~= "" and not member.required then tail = job:rule(job.rules:free_name(path .. "-tail"), tail) end
    alternatives[#alternatives + 1] = sequence(member.text, tail)
    if member.required then return "( " .. table.concat(alternatives, " | ") .. " )" end
  end
  return alternatives[1] and "( " .. table.concat(alternatives, " | ") .. " )?" or ""
end

-- An object of which only the values are known.
local function map_of(job, schema, path)
  local inner = schema.additionalProperties
  if inner == nil or inner == true then return job.rules:shared "object" end
  local value, ws = inner and job:expression(inner, path .. ".*"), job.rules:shared "ws"
  if not value then return ('"{" %s "}"'):format(ws) end
  local member = ('( %s ":" %s %s )'):format(job.rules:shared "string", ws, value)
  return ('"{" %s ( %s ( "," %s %s )* %s )? "}"'):format(ws, member, ws, member, ws)
end

local BESIDE_PROPERTIES = "patternProperties propertyNames minProperties maxProperties dependentRequired dependentSchemas dependencies "
  .. "unevaluatedProperties"

function kinds.object(job, schema, path)
  job:warn_of(schema, path, BESIDE_PROPERTIES)
  if next(schema.properties or {}) == nil and not (schema.required or {})[1] then return map_of(job, schema, path) end
  local members = members_of(job, schema, path)
  if not members then return nil end
  local ws = job.rules:shared "ws"
  return '"{" ' .. sequence(ws, members_text(job, members, path), ws, '"}"')
end

-- Schemas -----------------------------------------------------------------------------------------------------------------------

-- The kinds whose keywords a schema has, where it names no type.
local HINTS = {
  { "object", words.list "properties required additionalProperties patternProperties propertyNames minProperties maxProperties" },
  { "array", words.list "items prefixItems minItems maxItems uniqueItems contains" },
  { "string", words.list "minLength maxLength pattern format" },
  { "number", words.list "minimum maximum exclusiveMinimum exclusiveMaximum multipleOf" },
}

local function types_of(schema)
  if type(schema.type) == "string" then return { schema.type } end
  if schema.type then return schema.type end
  for _, row in ipairs(HINTS) do
    for _, keyword in ipairs(row[2]) do
      if schema[keyword] ~= nil then return { row[1] } end
    end
  end
end

local function joined(alternatives)
  return alternatives[1] and table.concat(alternatives, " | ")
end

local function by_types(job, schema, path)
  local types, alternatives = types_of(schema), {}
  if not types then return job.rules:shared "value" end
  for _, each in ipairs(types) do alternatives[#alternatives + 1] = kinds[each](job, schema, path) end
  return joined(alternatives)
end

-- The values of an enum that the rest of the schema takes, too.
local function by_values(job, schema)
  local alternatives, whole = {}, job:resolved(schema)
  for _, each in ipairs(schema.const ~= nil and { schema.const } or schema.enum) do
    if validator.validate(whole, each) then alternatives[#alternatives + 1] = literal(core.encode(each)) end
  end
  return joined(alternatives)
end

local function by_branches(job, schema, path, key)
  local alternatives = {}
  for i, each in ipairs(schema[key]) do alternatives[#alternatives + 1] = job:expression(each, ("%s %d"):format(path, i)) end
  if key == "oneOf" and #alternatives > 1 then job:warn(path, "that only one of oneOf fits") end
  return joined(alternatives)
end

local NOT_CHECKED = "not if then else"

-- Whether a schema says more than its alternatives, its reference or its notes do.
local function says_more(schema)
  return schema.type ~= nil or types_of(schema) ~= nil
end

local function body_of(job, schema, path)
  job:warn_of(schema, path, NOT_CHECKED)
  if schema.const ~= nil or schema.enum then return by_values(job, schema) end
  if schema["$ref"] then
    local target = job.references:find(schema["$ref"], schema)
    if target == nil then refuse(("%s: there is no %s"):format(path, schema["$ref"])) end
    if says_more(schema) then job:warn(path, "what stands beside $ref") end
    return job:expression(target, path)
  end
  local key = schema.anyOf and "anyOf" or schema.oneOf and "oneOf" or schema.allOf and "allOf"
  if not key or says_more(schema) then
    if key then job:warn(path, key) end
    return by_types(job, schema, path)
  end
  if key ~= "allOf" then return by_branches(job, schema, path, key) end
  if #schema.allOf > 1 then job:warn(path, "allOf") end
  return job:expression(schema.allOf[1], path)
end

--- Gives a schema with the definitions of its document, so that it can be asked alone.
---@param schema table
---@return table
function Job:resolved(schema)
  if schema == self.root then return schema end
  local copy = { ["$defs"] = self.root["$defs"], definitions = self.root.definitions }
  for key, each in pairs(schema) do copy[key] = each end
  return copy
end

--- Gives the expression of a schema; nil where no value fits.
---@param schema table|boolean
---@param path string
---@return string?
function Job:expression(schema, path)
  if schema == true then return self.rules:shared "value" end
  if schema == false then return nil end
  local known = self.by_schema[schema]
  if known ~= nil then
    self.asked[schema] = true
    return known or nil
  end
  local name = self.rules:free_name(path == "" and "answer" or path)
  self.by_schema[schema] = name -- before its body is made, which may refer to it
  self.rules:set(name, "")
  local made = self:rule(name, body_of(self, schema, path))
  if not made then
    if self.asked[schema] then refuse(path .. ": a schema that refers to itself fits nothing") end
    self.rules:remove(name)
  end
  self.by_schema[schema] = made or false
  return made
end

-- Grammars ------------------------------------------------------------------------------------------------------------------------

local function finish(job, answer)
  job.rules:set("root", answer)
  return job.rules:text(), nil, job.warnings[1] and job.warnings or nil
end

-- A job for a schema, which has to be right.
local function job_of(schema)
  local fine, err = validator.compile(schema)
  if not fine then error(err, 0) end
  local root = schema == true and {} or schema
  return setmetatable({
    root = root, rules = grammar_text.rules(), references = references.new(root), by_schema = {}, asked = {}, warnings = {}, warned = {},
  }, Job)
end

-- Calls fn(…), and returns the error that it raises.
local function attempt(fn, ...)
  local fine, text, err, warnings = pcall(fn, ...)
  if fine then return text, err, warnings end
  if errors.is(text) then return nil, text end
  error(text, 0)
end

---@class ogl.llama.ToolGrammarOptions
---@field form? "hermes"|"llama"|"mistral"|"mistral_named" how the model writes calls (tool_forms.lua); default "hermes"
---@field parallel? boolean whether there may be several calls; default true

--- Makes the grammar of the values that fit a schema.
---@param schema table|boolean
---@return string? gbnf
---@return ogl.Error? err `config`: the schema is wrong; `unsupported`: no value fits, or the grammar would be too large
---@return {code: string, field: string, message: string}[]? warnings what the grammar does not check; nil for nothing
function M.of_schema(schema)
  return attempt(function()
    if schema == false then refuse "no value fits the schema" end
    local job = job_of(schema)
    local answer = job:expression(job.root, "") or refuse "no value fits the schema"
    return finish(job, answer)
  end)
end

-- A call as an object of JSON, with text around it.
local function object_call(before, key, behind)
  return function(name, arguments)
    local head = before .. '{"name": ' .. core.encode(name) .. (', "%s": '):format(key)
    return sequence(literal(head), arguments, literal("}" .. behind))
  end
end

local function several(call, separator, parallel) return parallel and ("%s ( %s %s )*"):format(call, separator, call) or call end

-- How each form writes one call, and all of them.
local FORMS = {
  hermes = {
    call = object_call("<tool_call>\n", "arguments", "\n</tool_call>"),
    all = function(call, parallel) return several(call, '"\\n"', parallel) end,
  },
  llama = {
    call = object_call("", "parameters", ""),
    all = function(call) return call end, -- its templates take one call at a time
  },
  mistral = {
    call = object_call("", "arguments", ""),
    all = function(call, parallel) return ('"[TOOL_CALLS][" %s "]"'):format(several(call, '", "', parallel)) end,
  },
  mistral_named = {
    call = function(name, arguments) return sequence(literal("[TOOL_CALLS]" .. name .. "[ARGS]"), arguments) end,
    all = function(call, parallel) return parallel and call .. "+" or call end,
  },
}

local function tool_call(job, tool, form)
  local parameters = tool.parameters
  if parameters == nil then parameters = { type = "object", properties = {} } end
  local inner = job_of(parameters)
  inner.rules, inner.warnings, inner.warned = job.rules, job.warnings, job.warned
  local arguments = inner:expression(inner.root, tool.name)
  if not arguments then refuse(("no arguments fit the tool %s"):format(tool.name)) end
  return form.call(tool.name, arguments)
end

--- Makes the grammar of calls of tools, for a model that has to call one.
---@param tools {name: string, parameters?: table}[]
---@param options? ogl.llama.ToolGrammarOptions
---@return string? gbnf
---@return ogl.Error? err as that of of_schema
---@return {code: string, field: string, message: string}[]? warnings
function M.of_tools(tools, options)
  options = options or {}
  local form = FORMS[options.form or "hermes"]
  return attempt(function()
    local job, calls = job_of {}, {}
    for i, tool in ipairs(tools) do calls[i] = tool_call(job, tool, form) end
    job.rules:set("call", joined(calls) or refuse "there are no tools")
    return finish(job, form.all("call", options.parallel ~= false))
  end)
end

return M
