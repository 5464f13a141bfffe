--- Scalars: the keywords that look at a value as a whole, at texts, and at numbers.
--
-- Each function makes the check of its keywords, or nil where the schema has none of them. A check gets any value, and returns nil or
-- failures; a keyword for texts passes everything else.
--
-- @module opengatellm.schema.scalars
local failure = require "opengatellm.schema.failure"
local kind = require "opengatellm.schema.kind"
local value_set = require "opengatellm.schema.value_set"

local M = {}

local type, is_list, is_null, unexpected = type, kind.is_list, kind.is_null, failure.unexpected

-- Types ---------------------------------------------------------------------------------------------------------------

-- One check a type, written out: most values of most schemas meet no other.
local OF_TYPE = {
  string = function(value) if type(value) ~= "string" then return unexpected("a string", value) end end,
  number = function(value) if type(value) ~= "number" then return unexpected("a number", value) end end,
  boolean = function(value) if type(value) ~= "boolean" then return unexpected("a boolean", value) end end,
  null = function(value) if not is_null(value) then return unexpected("null", value) end end,
  integer = function(value) if type(value) ~= "number" or value % 1 ~= 0 then return unexpected("an integer", value) end end,
  array = function(value) if type(value) ~= "table" or not is_list(value) then return unexpected("an array", value) end end,
  object = function(value) if type(value) ~= "table" or is_list(value) then return unexpected("an object", value) end end,
}

local function any_of_types(types)
  local names, set = {}, {}
  for i, name in ipairs(types) do names[i], set[name] = kind.name(name), true end
  local expected = table.concat(names, " or ")
  return function(value)
    local name = kind.of(value)
    if set[name] or name == "number" and set.integer and value % 1 == 0 then return nil end
    return unexpected(expected, value)
  end
end

--- Makes the check of `type`.
---@param schema table
---@return ogl.schema.Check?
function M.of_type(schema)
  if type(schema.type) ~= "table" then return OF_TYPE[schema.type] end
  return schema.type[2] and any_of_types(schema.type) or OF_TYPE[schema.type[1]]
end

-- Lists of values -----------------------------------------------------------------------------------------------------

local FEW = 10 -- values of an enum that a message lists

local function listed(values)
  local texts = {}
  for i = 1, math.min(#values, FEW) do texts[i] = kind.shown(values[i]) end
  if #values > FEW then texts[#texts + 1] = "…" end
  return #values == 1 and texts[1] or "one of " .. table.concat(texts, ", ")
end

local function one_of(values)
  local set, expected, only = value_set.new(values), listed(values), #values == 1
  return function(value)
    if set:has(value) then return nil end
    local failures = unexpected(expected, value)
    failures[1].only = only
    return failures
  end
end

--- Makes the check of `enum`.
---@param schema table
---@return ogl.schema.Check?
function M.of_enum(schema) return schema.enum and one_of(schema.enum) end

--- Makes the check of `const`.
---@param schema table
---@return ogl.schema.Check?
function M.of_const(schema)
  if schema.const == nil then return nil end
  return one_of { schema.const }
end

-- Numbers ---------------------------------------------------------------------------------------------------------------

--- Makes the check of `minimum` and `maximum`.
---@param schema table
---@return ogl.schema.Check?
function M.of_range(schema)
  local min, max = schema.minimum, schema.maximum
  if not min and not max then return nil end
  local low, high = min or -math.huge, max or math.huge
  return function(value)
    if type(value) ~= "number" or value >= low and value <= high then return nil end
    if value < low then return unexpected("at least " .. kind.shown(min), value) end
    return unexpected(max and "at most " .. kind.shown(max) or "a number", value)
  end
end

--- Makes the check of `exclusiveMinimum` and `exclusiveMaximum`.
---@param schema table
---@return ogl.schema.Check?
function M.of_open_range(schema)
  local min, max = schema.exclusiveMinimum, schema.exclusiveMaximum
  if not min and not max then return nil end
  return function(value)
    if type(value) ~= "number" then return nil end
    local above, below = not min or value > min, not max or value < max
    if above and below then return nil end
    return unexpected(above and "less than " .. kind.shown(max) or "more than " .. kind.shown(min), value)
  end
end

local EXACT = 2 ^ 53 -- from here on, every double is an integer

-- Whether a number is a multiple of another as their decimal digits say: 0.0075 is one of 0.0001, though no double is exactly that. The
-- quotient of two doubles is off by a few units of its last place.
local function is_multiple(value, of)
  if math.fmod(value, of) == 0 then return true end
  local quotient = value / of
  if quotient - quotient ~= 0 then return false end -- no double holds the quotient: the remainder has said it
  if value % 1 == 0 and of % 1 == 0 and math.abs(value) < EXACT then return false end
  return math.abs(quotient - math.floor(quotient + 0.5)) <= math.abs(quotient) * 2 ^ -50
end

--- Makes the check of `multipleOf`.
---@param schema table
---@return ogl.schema.Check?
function M.of_multiple(schema)
  local of = schema.multipleOf
  if not of then return nil end
  local expected = "a multiple of " .. kind.shown(of)
  return function(value)
    if type(value) == "number" and not is_multiple(value, of) then return unexpected(expected, value) end
  end
end

-- Texts -----------------------------------------------------------------------------------------------------------------

--- Words a number of things.
---@param number number
---@param thing string
---@return string # "1 item", "2 items"
function M.counted(number, thing)
  if thing == "property" and number ~= 1 then thing = "propertie" end
  return ("%d %s%s"):format(number, thing, number == 1 and "" or "s")
end

--- Makes the check of `minLength` and `maxLength`, which count characters.
---@param schema table
---@return ogl.schema.Check?
function M.of_length(schema)
  local min, max = schema.minLength or 0, schema.maxLength or math.huge
  if not schema.minLength and not schema.maxLength then return nil end
  return function(value)
    if type(value) ~= "string" then return nil end
    local bytes = #value
    if bytes >= min * 4 and bytes <= max then return nil end -- a character has one to four bytes
    local length = kind.length(value)
    if length < min then return unexpected("at least " .. M.counted(min, "character"), value) end
    if length > max then return unexpected("at most " .. M.counted(max, "character"), value) end
  end
end

--- Makes the check of `pattern`.
---@param schema table
---@param job ogl.schema.Job
---@return ogl.schema.Check?
function M.of_pattern(schema, job)
  local matches = schema.pattern and job:pattern(schema.pattern, schema)
  if not matches then return nil end
  local expected = ("a text that matches %s"):format(schema.pattern)
  return function(value)
    if type(value) ~= "string" then return nil end
    local fits, problem = matches(value)
    if fits == nil then return failure.plain(("%s could not be tried: %s"):format(expected, problem)) end
    if not fits then return unexpected(expected, value) end
  end
end

return M
