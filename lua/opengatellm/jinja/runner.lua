--- The runner of statements: a body and a scope in, pieces of text out.
--
-- Each statement gets the run, which is { out, line }: the pieces of text so far, and the line that runs. It returns "break" or
-- "continue" where the loop around it has to know.
--
-- @module opengatellm.jinja.runner
local call = require "opengatellm.jinja.call"
local effort = require "opengatellm.jinja.effort"
local evaluator = require "opengatellm.jinja.evaluator"
local globals = require "opengatellm.jinja.globals"
local mistake = require "opengatellm.jinja.mistake"
local show = require "opengatellm.jinja.show"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"

local M = {}

local evaluate = evaluator.evaluate

---@class ogl.jinja.Run
---@field out ogl.jinja.Text[] the pieces of text so far
---@field line integer the line of the statement that runs
---@field level integer how many macros and loops call each other

local statements = {}

local function run_body(run, body, scope)
  for _, node in ipairs(body) do
    effort.spend(1)
    run.line = node.line or run.line
    local jump = statements[node.kind](run, node, scope)
    if jump then return jump end
  end
end

-- What a body prints, as one text.
local function captured(run, body, scope)
  local outer = run.out
  run.out = {}
  run_body(run, body, scope)
  local printed = text.join(run.out)
  run.out = outer
  return printed
end

-- Calls fn(…) one level deeper.
local function deeper(run, fn, ...)
  run.level = run.level + 1
  effort.check_depth(run.level)
  local line, result = run.line, fn(...)
  run.level, run.line = run.level - 1, line
  return result
end

function statements.data(run, node) run.out[#run.out + 1] = node.text end

function statements.print(run, node, scope)
  for _, each in ipairs(node.items) do run.out[#run.out + 1] = show.str(evaluate(each, scope)) end
end

statements["if"] = function(run, node, scope)
  for _, branch in ipairs(node.branches) do
    if value.truth(evaluate(branch.test, scope)) then return run_body(run, branch.body, scope) end
  end
  if node.otherwise then return run_body(run, node.otherwise, scope) end
end

statements["break"] = function() return "break" end
statements["continue"] = function() return "continue" end

function statements.scope(run, node, scope) return run_body(run, node.body, evaluator.scope(scope)) end

-- Assignments ---------------------------------------------------------------------------------------------------------------

local function assign(scope, target, its_value)
  if target.kind == "name" then
    scope.names[target.name] = its_value
  elseif target.kind == "field" then
    globals.set_field(evaluate({ kind = "name", name = target.name }, scope), target.field, its_value)
  else
    local items = value.each(its_value)
    if #items ~= #target.items then mistake.raisef("expected %d values to unpack, got %d", #target.items, #items) end
    for i, each in ipairs(target.items) do assign(scope, each, items[i]) end
  end
end

function statements.set(_, node, scope) assign(scope, node.target, evaluate(node.value, scope)) end

local function filtered(filter, printed, scope)
  return evaluate(filter, evaluator.scope(scope, { [evaluator.CAPTURED] = printed }))
end

function statements.set_block(run, node, scope)
  local printed = captured(run, node.body, evaluator.scope(scope))
  assign(scope, node.target, filtered(node.filter, printed, scope))
end

function statements.filter_block(run, node, scope)
  local printed = captured(run, node.body, evaluator.scope(scope))
  run.out[#run.out + 1] = show.str(filtered(node.filter, printed, scope))
end

function statements.with(run, node, scope)
  local inner = evaluator.scope(scope)
  for i, target in ipairs(node.targets) do assign(inner, target, evaluate(node.values[i], scope)) end
  return run_body(run, node.body, inner)
end

-- Loops ---------------------------------------------------------------------------------------------------------------------

local Loop = { kind = "loop" }

local FIELDS = {
  index = function(loop) return loop.at end,
  index0 = function(loop) return loop.at - 1 end,
  first = function(loop) return loop.at == 1 end,
  last = function(loop) return loop.at == #loop.items end,
  length = function(loop) return #loop.items end,
  revindex = function(loop) return #loop.items - loop.at + 1 end,
  revindex0 = function(loop) return #loop.items - loop.at end,
  previtem = function(loop) return loop.items[loop.at - 1] end,
  nextitem = function(loop) return loop.items[loop.at + 1] end,
  depth = function(loop) return loop.depth end,
  depth0 = function(loop) return loop.depth - 1 end,
  cycle = function(loop)
    return function(arguments) return arguments[(loop.at - 1) % #arguments + 1] end
  end,
  changed = function(loop)
    return function(arguments)
      local seen = value.tuple(call.without_first(arguments, 0))
      local changed = not loop.seen or not value.equal(loop.seen, seen)
      loop.seen = seen
      return changed
    end
  end,
}

--- Gives what a body may ask its loop.
---@param loop table
---@param name string
---@return any # nil where there is none
function Loop.field(loop, name) return FIELDS[name] and FIELDS[name](loop) end

--- Runs a recursive loop over the items of an item.
---@param loop table
---@param arguments ogl.jinja.Arguments
---@return ogl.jinja.Text
function Loop.invoke(loop, arguments)
  if not loop.again then mistake.raise "the loop must have the 'recursive' marker to be called" end
  return loop.again(arguments[1])
end

-- The items that a loop's own `if` lets through.
local function wanted(node, items, scope)
  if not node.test then return items end
  local list = {}
  for _, each in ipairs(items) do
    local inner = evaluator.scope(scope)
    assign(inner, node.target, each)
    if value.truth(evaluate(node.test, inner)) then list[#list + 1] = each end
  end
  return list
end

-- A list that the body may not change under the loop.
local function snapshot(items)
  local copy = {}
  for i, each in ipairs(items) do copy[i] = each end
  effort.spend(#copy)
  return copy
end

local function iterate(run, node, scope, source, depth)
  local items = wanted(node, snapshot(value.each(source)), scope)
  local loop = setmetatable({ items = items, depth = depth }, Loop)
  loop.again = node.recursive and function(inner)
    return deeper(run, function()
      return captured(run, { { kind = "for_again", node = node, source = inner, depth = depth + 1 } }, scope)
    end)
  end
  for i, each in ipairs(items) do
    loop.at = i
    local inner = evaluator.scope(scope, { loop = loop })
    assign(inner, node.target, each)
    if run_body(run, node.body, inner) == "break" then break end
  end
  if not items[1] and node.otherwise then return run_body(run, node.otherwise, evaluator.scope(scope)) end
end

statements["for"] = function(run, node, scope) return iterate(run, node, scope, evaluate(node.source, scope), 1) end

function statements.for_again(run, node, scope) return iterate(run, node.node, scope, node.source, node.depth) end

-- Macros --------------------------------------------------------------------------------------------------------------------

local Macro = { kind = "macro" }

--- Gives the name of a macro.
---@param macro table
---@param name string
---@return any # nil where there is none
function Macro.field(macro, name) return name == "name" and macro.name or nil end

local function more_positional(macro, arguments)
  local more = call.without_first(arguments, #macro.node.parameters)
  if more[1] ~= nil and not macro.node.takes_more then
    mistake.raisef("macro '%s' takes not more than %d argument(s)", macro.name, #macro.node.parameters)
  end
  more.named = nil
  return value.tuple(more)
end

local function more_named(macro, arguments, is_parameter)
  local more = value.dict()
  for _, each in ipairs(arguments.named) do
    if not is_parameter[each.name] and each.name ~= "caller" then
      if not macro.node.takes_more_named then mistake.raisef("macro '%s' takes no keyword argument '%s'", macro.name, each.name) end
      value.put(more, each.key or each.name, each.value)
    end
  end
  return more
end

local function parameter_value(parameter, i, arguments, inner)
  local given = arguments[i]
  if given == nil then given = call.named(arguments, parameter.name) end
  if given ~= nil then return given end
  if parameter.default then return evaluate(parameter.default, inner) end
  return value.undefined(("parameter '%s' was not provided"):format(parameter.name))
end

--- Calls a macro.
---@param macro table
---@param arguments ogl.jinja.Arguments
---@return ogl.jinja.Text what it prints
function Macro.invoke(macro, arguments)
  local inner, is_parameter = evaluator.scope(macro.scope), {}
  for i, parameter in ipairs(macro.node.parameters) do
    is_parameter[parameter.name] = true
    inner.names[parameter.name] = parameter_value(parameter, i, arguments, inner)
  end
  inner.names.varargs = more_positional(macro, arguments)
  inner.names.kwargs = more_named(macro, arguments, is_parameter)
  inner.names.caller = call.named(arguments, "caller")
  return deeper(macro.run, captured, macro.run, macro.node.body, inner)
end

local function macro_of(run, node, scope) return setmetatable({ name = node.name, node = node, scope = scope, run = run }, Macro) end

function statements.macro(run, node, scope) scope.names[node.name] = macro_of(run, node, scope) end

function statements.call_block(run, node, scope)
  local callee = evaluate(node.call.of, scope)
  local arguments = evaluator.arguments(node.call.arguments, scope)
  table.insert(arguments.named, { name = "caller", value = macro_of(run, node, scope) })
  run.out[#run.out + 1] = show.str(evaluator.call(callee, arguments))
end

--- Runs the body of a template; raises its mistakes, with `run.line` at the line where they happened.
---@param run ogl.jinja.Run
---@param body table[]
---@param variables table<string, any>
---@return ogl.jinja.Text
function M.run(run, body, variables)
  run.out, run.level = {}, 0
  local outermost = evaluator.scope(nil, globals.globals)
  return captured(run, body, evaluator.scope(evaluator.scope(outermost, variables)))
end

return M
