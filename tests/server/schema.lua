--- A validator: what a value does not keep of a JSON schema.
--
--   schema.validate(root, { type = "integer" }, "7", "body.n")  →  { "body.n: is a string, not an integer" }
--
-- `root` is the document in which `$ref` points. Values are those of cjson, with cjson.null for null. An empty table
-- counts as array and as object, unless it comes from `schema.decode`, which tells them apart: to send `{}` for `[]` is
-- the mistake that a Lua client makes.
--
-- Not looked at: pattern, format, patternProperties, prefixItems, uniqueItems, multipleOf, not, if. Keywords are taken
-- in a fixed order, so that the same mistake always reads the same.

local cjson = require "cjson.safe".new()
local contract = require "server.contract"

cjson.decode_invalid_numbers(false) -- NaN, Infinity and 0x10 are no JSON

local schema = {}

--- Metatables of tables that are known for what they are.
schema.ARRAY, schema.OBJECT = {}, {}

local check -- of a value against a schema; the keywords call it for what is inside

-- Kinds -------------------------------------------------------------------------------------------------------------

local function is_array(value)
  if type(value) ~= "table" then return false end
  return value[1] ~= nil or next(value) == nil and getmetatable(value) ~= schema.OBJECT
end

local function is_object(value)
  if type(value) ~= "table" then return false end
  return value[1] == nil and (next(value) ~= nil or getmetatable(value) ~= schema.ARRAY)
end

local function is_number(value) return type(value) == "number" end

local KINDS = {
  { "null", function(value) return value == cjson.null end },
  { "boolean", function(value) return type(value) == "boolean" end },
  { "string", function(value) return type(value) == "string" end },
  { "integer", function(value) return is_number(value) and value % 1 == 0 end },
  { "number", is_number },
  { "array", is_array },
  { "object", is_object },
}

local IS = {}
for _, kind in ipairs(KINDS) do IS[kind[1]] = kind[2] end

local function kind_of(value)
  for _, kind in ipairs(KINDS) do
    if kind[2](value) then return kind[1] end
  end
  return type(value)
end

local function equal(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for key, value in pairs(a) do
    if not equal(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local function count_characters(text)
  return select(2, text:gsub("[^\128-\191]", ""))
end

local function count_fields(value)
  return #contract.names(value)
end

local function quote(value) return cjson.encode(value) or tostring(value) end

-- Keywords ----------------------------------------------------------------------------------------------------------

-- Each looks at values of its own kind only, and says to `report(where, what, …)` what is wrong.
local KEYWORDS = {}

KEYWORDS["$ref"] = function(judge, rule, value, at)
  check(judge, contract.lookup(judge.root, rule), value, at)
end

function KEYWORDS.type(judge, rule, value, at)
  local kinds = type(rule) == "table" and rule or { rule }
  for _, kind in ipairs(kinds) do
    if IS[kind](value) then return end
  end
  judge:report(at, "is of type %s, not %s", kind_of(value), table.concat(kinds, " or "))
end

function KEYWORDS.enum(judge, rule, value, at)
  for _, allowed in ipairs(rule) do
    if equal(allowed, value) then return end
  end
  judge:report(at, "%s is none of the values allowed", quote(value))
end

function KEYWORDS.const(judge, rule, value, at)
  if not equal(rule, value) then judge:report(at, "is %s, not %s", quote(value), quote(rule)) end
end

--- A bound: the value, or what is counted of it, must not be on the wrong side of the rule.
local function bound(is_kind, measure, is_wrong, text)
  return function(judge, rule, value, at)
    local size = is_kind(value) and measure(value)
    if size and is_wrong(size, rule) then judge:report(at, text, size, rule) end
  end
end

local function itself(value) return value end
local function below(size, rule) return size < rule end
local function above(size, rule) return size > rule end
local function not_above(size, rule) return size <= rule end
local function not_below(size, rule) return size >= rule end
local function length(value) return #value end

KEYWORDS.minLength = bound(IS.string, count_characters, below, "has %d characters, fewer than %d")
KEYWORDS.maxLength = bound(IS.string, count_characters, above, "has %d characters, more than %d")
KEYWORDS.minimum = bound(is_number, itself, below, "%.14g is less than %.14g")
KEYWORDS.maximum = bound(is_number, itself, above, "%.14g is more than %.14g")
KEYWORDS.exclusiveMinimum = bound(is_number, itself, not_above, "%.14g is not more than %.14g")
KEYWORDS.exclusiveMaximum = bound(is_number, itself, not_below, "%.14g is not less than %.14g")
KEYWORDS.minItems = bound(is_array, length, below, "has %d items, fewer than %d")
KEYWORDS.maxItems = bound(is_array, length, above, "has %d items, more than %d")
KEYWORDS.minProperties = bound(is_object, count_fields, below, "has %d fields, fewer than %d")
KEYWORDS.maxProperties = bound(is_object, count_fields, above, "has %d fields, more than %d")

function KEYWORDS.required(judge, rule, value, at)
  if not is_object(value) then return end
  for _, name in ipairs(rule) do
    if value[name] == nil then judge:report(at .. "." .. name, "is missing") end
  end
end

function KEYWORDS.properties(judge, rule, value, at)
  if not is_object(value) then return end
  for _, name in ipairs(contract.names(rule)) do
    if value[name] ~= nil then check(judge, rule[name], value[name], at .. "." .. name) end
  end
end

function KEYWORDS.additionalProperties(judge, rule, value, at, rules)
  if not is_object(value) then return end
  for _, name in ipairs(schema.undeclared(rules, value)) do
    if rule == false then
      judge:report(at .. "." .. name, "is not declared")
    else
      check(judge, rule, value[name], at .. "." .. name)
    end
  end
end

function KEYWORDS.propertyNames(judge, rule, value, at)
  if not is_object(value) then return end
  for _, name in ipairs(contract.names(value)) do check(judge, rule, name, at .. " (a field's name)") end
end

function KEYWORDS.items(judge, rule, value, at)
  if not is_array(value) then return end
  for i, item in ipairs(value) do check(judge, rule, item, ("%s[%d]"):format(at, i - 1)) end
end

--- How many of the schemas a value keeps; and what was wrong with it for the others, except that it is not null.
local function try_all(judge, rules, value, at)
  local kept, wrong, first = 0, {}, nil
  for _, rule in ipairs(rules) do
    local problems = schema.validate(judge.root, rule, value, at)
    if #problems == 0 then
      kept = kept + 1
    elseif rule == false or rule.type ~= "null" then
      wrong[#wrong + 1], first = problems[1], first or problems
    end
  end
  return kept, wrong, first
end

--- Says why a value fits nothing: in full if there is but one thing that it could have been.
local function report_none(judge, wrong, first, at)
  if #wrong ~= 1 then return judge:report(at, "fits nothing that is allowed (%s)", table.concat(wrong, " / ")) end
  for _, problem in ipairs(first) do judge.problems[#judge.problems + 1] = problem end
end

function KEYWORDS.anyOf(judge, rule, value, at)
  local kept, wrong, first = try_all(judge, rule, value, at)
  if kept == 0 then report_none(judge, wrong, first, at) end
end

function KEYWORDS.oneOf(judge, rule, value, at)
  local kept, wrong, first = try_all(judge, rule, value, at)
  if kept == 0 then report_none(judge, wrong, first, at) end
  if kept > 1 then judge:report(at, "fits %d of what is allowed, not one", kept) end
end

function KEYWORDS.allOf(judge, rule, value, at)
  for _, each in ipairs(rule) do check(judge, each, value, at) end
end

local ORDER = contract.names(KEYWORDS)

function check(judge, rules, value, at)
  if rules == false then return judge:report(at, "is not allowed") end
  if rules == true then return end
  for _, keyword in ipairs(ORDER) do
    local rule = rules[keyword]
    if rule ~= nil then KEYWORDS[keyword](judge, rule, value, at, rules) end
  end
end

-- The whole ---------------------------------------------------------------------------------------------------------

local Judge = {}
Judge.__index = Judge

function Judge:report(at, text, ...)
  self.problems[#self.problems + 1] = at .. ": " .. text:format(...)
end

--- What is wrong with a value, as a list of "path: what"; `at` is what the value itself is called.
function schema.validate(root, rules, value, at)
  local judge = setmetatable({ root = root, problems = {} }, Judge)
  check(judge, rules, value, at or "value")
  return judge.problems
end

--- The fields of an object that the schema (not a reference) has no property for.
function schema.undeclared(rules, value)
  local names = {}
  for _, name in ipairs(contract.names(value)) do
    if (rules.properties or {})[name] == nil then names[#names + 1] = name end
  end
  return names
end

-- JSON --------------------------------------------------------------------------------------------------------------

-- What `decode` puts into empty arrays and objects, so that cjson, for which both are {}, does not lose which is which.
local EMPTY_ARRAY, EMPTY_OBJECT = "\1empty array", "\1empty object"
local FILLERS = {
  ["["] = { "^%[%s*%]()", '["\\u0001empty array"]' }, ["{"] = { "^{%s*}()", '{"\\u0001empty object":0}' },
}

local function skip_string(text, quote_at)
  local at = quote_at + 1
  while true do
    local found = text:find('["\\]', at)
    if not found then return #text + 1 end
    if text:byte(found) == 34 then return found + 1 end
    at = found + 2 -- what a backslash escapes
  end
end

local function fill_empty(text)
  local pieces, kept, at = {}, 1, 1
  while true do
    local found = text:find('["%[{]', at)
    if not found then break end
    local filler = FILLERS[text:sub(found, found)]
    local after = filler and text:match(filler[1], found)
    if after then
      pieces[#pieces + 1] = text:sub(kept, found - 1) .. filler[2]
      kept, at = after, after
    else
      at = filler and found + 1 or skip_string(text, found)
    end
  end
  return table.concat(pieces) .. text:sub(kept)
end

local function mark_empty(value)
  if type(value) ~= "table" then return value end
  if value[1] == EMPTY_ARRAY then return setmetatable({}, schema.ARRAY) end
  if value[EMPTY_OBJECT] then return setmetatable({}, schema.OBJECT) end
  for key, each in pairs(value) do value[key] = mark_empty(each) end
  return value
end

--- A JSON text as a value in which empty arrays and empty objects are told apart; nil and why not.
function schema.decode(text)
  local value, problem = cjson.decode(fill_empty(text))
  if value == nil then return nil, problem end
  return mark_empty(value)
end

return schema
