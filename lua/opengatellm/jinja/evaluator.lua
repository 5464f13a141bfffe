--- The evaluator of expressions: nodes of the parser and a scope in, values out.
--
-- A scope is { names, up }: what a block has set, and the block around it.
--
-- @module opengatellm.jinja.evaluator
local access = require "opengatellm.jinja.access"
local effort = require "opengatellm.jinja.effort"
local filters = require "opengatellm.jinja.filters"
local format = require "opengatellm.jinja.format"
local mistake = require "opengatellm.jinja.mistake"
local number = require "opengatellm.jinja.number"
local show = require "opengatellm.jinja.show"
local tests = require "opengatellm.jinja.tests"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"

local M = {}

---@class ogl.jinja.Scope
---@field names table<string, any>
---@field up? ogl.jinja.Scope

--- Opens a scope inside of another.
---@param up? ogl.jinja.Scope
---@param names? table<string, any>
---@return ogl.jinja.Scope
function M.scope(up, names) return { names = names or {}, up = up } end

local function find(scope, name)
  while scope do
    local found = scope.names[name]
    if found ~= nil then return found end
    scope = scope.up
  end
  return value.undefined(("'%s' is undefined"):format(name))
end

local expressions = {}

--- Evaluates a node.
---@param node table
---@param scope ogl.jinja.Scope
---@return any
function M.evaluate(node, scope)
  effort.spend(1)
  return expressions[node.kind](node, scope)
end

local evaluate = M.evaluate

function expressions.constant(node) return node.value end
function expressions.name(node, scope) return find(scope, node.name) end
function expressions.captured(_, scope) return find(scope, M.CAPTURED) end

--- The name of what a block has printed, for the filters behind it; no template can write it.
M.CAPTURED = "captured text"

-- Values that are made ------------------------------------------------------------------------------------------------------

local function all(nodes, scope)
  local values = {}
  for i, each in ipairs(nodes) do values[i] = evaluate(each, scope) end
  return values
end

function expressions.list(node, scope) return value.list(all(node.items, scope)) end
function expressions.tuple(node, scope) return value.tuple(all(node.items, scope)) end

function expressions.dict(node, scope)
  local dict = value.dict()
  for _, pair in ipairs(node.items) do
    local key = evaluate(pair.key, scope)
    value.put(dict, key, evaluate(pair.value, scope))
  end
  return dict
end

-- Access and calls ------------------------------------------------------------------------------------------------------------

function expressions.attribute(node, scope) return access.attribute(evaluate(node.of, scope), node.name) end

function expressions.item(node, scope)
  local subject, key = evaluate(node.of, scope), node.key
  if key.kind ~= "slice" then return access.item(subject, evaluate(key, scope)) end
  local function bound(each) return each and evaluate(each, scope) end
  return access.slice(subject, bound(key.from), bound(key.to), bound(key.step))
end

--- Evaluates the arguments of a call.
---@param node table
---@param scope ogl.jinja.Scope
---@return ogl.jinja.Arguments
function M.arguments(node, scope)
  local arguments = all(node.positional, scope)
  arguments.named = {}
  for i, each in ipairs(node.named) do arguments.named[i] = { name = each.name, value = evaluate(each.value, scope) } end
  local rest = node.rest and value.each(evaluate(node.rest, scope)) or {}
  effort.spend(#rest)
  for _, each in ipairs(rest) do arguments[#arguments + 1] = each end
  local more = node.named_rest and evaluate(node.named_rest, scope)
  for _, pair in ipairs(more and value.items(more) or {}) do
    table.insert(arguments.named, { name = text.bytes(pair[1]), key = pair[1], value = pair[2] })
  end
  return arguments
end

--- Calls a value.
---@param callee any
---@param arguments ogl.jinja.Arguments
---@return any
function M.call(callee, arguments)
  if type(callee) == "function" then return callee(arguments) end
  local invoke = type(callee) == "table" and getmetatable(callee).invoke
  if not invoke then mistake.raisef("'%s' is not callable", value.kind(value.defined(callee))) end
  return invoke(callee, arguments)
end

function expressions.call(node, scope)
  local callee = evaluate(node.of, scope)
  return M.call(callee, M.arguments(node.arguments, scope))
end

function expressions.filter(node, scope)
  local subject = evaluate(node.of, scope)
  return filters.apply(node.name, subject, M.arguments(node.arguments, scope))
end

function expressions.test(node, scope)
  local subject = evaluate(node.of, scope)
  return tests.ask(node.name, subject, M.arguments(node.arguments, scope))
end

-- Operators -----------------------------------------------------------------------------------------------------------------

expressions["not"] = function(node, scope) return not value.truth(evaluate(node.of, scope)) end

expressions["and"] = function(node, scope)
  local left = evaluate(node.left, scope)
  if not value.truth(left) then return left end
  return evaluate(node.right, scope)
end

expressions["or"] = function(node, scope)
  local left = evaluate(node.left, scope)
  if value.truth(left) then return left end
  return evaluate(node.right, scope)
end

function expressions.condition(node, scope)
  if value.truth(evaluate(node.test, scope)) then return evaluate(node.yes, scope) end
  if node.no then return evaluate(node.no, scope) end
  return value.undefined "the inline if-expression has no else"
end

function expressions.negative(node, scope)
  return number.calculate("*", -1, value.defined(evaluate(node.of, scope))) or mistake.raise "bad operand type for unary -"
end

function expressions.positive(node, scope)
  return number.calculate("+", 0, value.defined(evaluate(node.of, scope))) or mistake.raise "bad operand type for unary +"
end

local COMPARISONS = {
  ["=="] = value.equal,
  ["!="] = function(a, b) return not value.equal(a, b) end,
  ["<"] = value.less,
  [">"] = function(a, b) return value.less(b, a) end,
  ["<="] = function(a, b) return value.equal(a, b) or value.less(a, b) end,
  [">="] = function(a, b) return value.equal(a, b) or value.less(b, a) end,
  ["in"] = value.is_in,
  ["not in"] = function(a, b) return not value.is_in(a, b) end,
}

function expressions.compare(node, scope)
  local left = evaluate(node.first, scope)
  for _, link in ipairs(node.links) do
    local right = evaluate(link.of, scope)
    if not COMPARISONS[link.operator](left, right) then return false end
    left = right
  end
  return true
end

local function joined_lists(a, b)
  local items = {}
  effort.spend(#a + #b)
  for _, each in ipairs(a) do items[#items + 1] = each end
  for _, each in ipairs(b) do items[#items + 1] = each end
  return value.kind(a) == "list" and value.list(items) or value.tuple(items)
end

local function repeated(subject, times)
  if text.is(subject) then return text.rep(subject, times) end
  local items = {}
  effort.spend(#subject * math.max(times, 0))
  for _ = 1, times do
    for _, each in ipairs(subject) do items[#items + 1] = each end
  end
  return value.list(items)
end

-- What operators mean for what are no numbers; nil where they mean nothing.
local BESIDE_NUMBERS = {
  ["+"] = function(a, b)
    if text.is(a) and text.is(b) then return text.sum(a, b) end
    if value.is_sequence(a) and value.kind(a) == value.kind(b) then return joined_lists(a, b) end
  end,
  ["*"] = function(a, b)
    if type(a) == "number" then a, b = b, a end
    if type(b) == "number" and (text.is(a) or value.is_sequence(a)) then return repeated(a, b) end
  end,
  ["%"] = function(a, b)
    if text.is(a) then return format.percent(a, b) end
  end,
  ["~"] = function(a, b) return text.join { show.str(a), show.str(b) } end,
}

function expressions.binary(node, scope)
  local a, b, operator = evaluate(node.left, scope), evaluate(node.right, scope), node.operator
  local result
  if operator ~= "~" then result = number.calculate(operator, value.defined(a), value.defined(b)) end
  if result == nil and BESIDE_NUMBERS[operator] then result = BESIDE_NUMBERS[operator](a, b) end
  if result == nil then mistake.raisef("unsupported operand types for %s: %s and %s", operator, value.kind(a), value.kind(b)) end
  return result
end

return M
