--- The tests that stand behind `is`.
--
-- @module opengatellm.jinja.tests
local call = require "opengatellm.jinja.call"
local mistake = require "opengatellm.jinja.mistake"
local number = require "opengatellm.jinja.number"
local strings = require "opengatellm.jinja.string_methods"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"

local M = {}

local function is_kind(kind)
  return function(subject) return value.kind(subject) == kind end
end

-- Undefined values have a length of 0, so that Python takes them for sequences.
local function is_sequence(subject) return value.length(subject) ~= nil end

local function is_callable(subject)
  local kind = value.kind(subject)
  return kind == "function" or kind == "macro" or kind == "undefined" or kind == "object"
end

local function is_divisible(subject, by) return value.equal(number.calculate("%", subject, by), 0) end

local function less_or_equal(a, b) return not value.less(b, a) end

local function is_same(a, b)
  if text.is(a) or number.of(a) then return value.kind(a) == value.kind(b) and value.equal(a, b) end
  return a == b
end

local function cased(change)
  return function(subject)
    local bytes = text.bytes(subject)
    return text.bytes(change(subject)) == bytes and bytes:find "%a" ~= nil
  end
end

local function test(parameters, fn) return call.declare(parameters, fn) end

local tests = {
  defined = test("", function(subject) return not value.is_undefined(subject) end),
  undefined = test("", value.is_undefined), none = test("", is_kind "none"), boolean = test("", is_kind "boolean"),
  ["true"] = test("", function(subject) return subject == true end),
  ["false"] = test("", function(subject) return subject == false end),
  string = test("", text.is), integer = test("", is_kind "integer"), float = test("", is_kind "float"),
  number = test("", function(subject) return number.of(subject) ~= nil end), mapping = test("", value.is_dict),
  sequence = test("", is_sequence), iterable = test("", is_sequence), callable = test("", is_callable),
  odd = test("", function(subject) return value.equal(number.calculate("%", subject, 2), 1) end),
  even = test("", function(subject) return is_divisible(subject, 2) end), divisibleby = test("num", is_divisible),
  lower = test("", cased(strings.lower)), upper = test("", cased(strings.upper)), sameas = test("other", is_same),
  escaped = test("", function() return false end), ["in"] = test("seq", value.is_in),
  eq = test("other", value.equal), ne = test("other", function(a, b) return not value.equal(a, b) end),
  lt = test("other", value.less), gt = test("other", function(a, b) return value.less(b, a) end),
  le = test("other", less_or_equal), ge = test("other", function(a, b) return less_or_equal(b, a) end),
  test = test("", function(name) return M.knows(text.bytes(name)) end),
  filter = test("", function(name) return require "opengatellm.jinja.filters".knows(text.bytes(name)) end),
}

for alias, name in pairs {
  equalto = "eq", lessthan = "lt", greaterthan = "gt",
  ["=="] = "eq", ["!="] = "ne", ["<"] = "lt", [">"] = "gt", ["<="] = "le", [">="] = "ge",
} do
  tests[alias] = tests[name]
end

--- Says whether there is a test.
---@param name string
---@return boolean
function M.knows(name) return tests[name] ~= nil end

--- Asks a test.
---@param name string
---@param subject any
---@param arguments ogl.jinja.Arguments
---@return boolean
function M.ask(name, subject, arguments)
  if not tests[name] then mistake.raisef("no test named '%s'", name) end
  return tests[name](subject, arguments)
end

return M
