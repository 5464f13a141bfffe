--- What every template may call: Jinja's own globals, and raise_exception, which transformers adds.
--
-- @module opengatellm.jinja.globals
local call = require "opengatellm.jinja.call"
local containers = require "opengatellm.jinja.container_methods"
local effort = require "opengatellm.jinja.effort"
local mistake = require "opengatellm.jinja.mistake"
local show = require "opengatellm.jinja.show"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"

local M = {}

-- A namespace's fields are what `{% set ns.field = … %}` writes.
local Namespace = { kind = "namespace" }

--- Gives a field.
---@param namespace table
---@param name string
---@return any # nil where there is none
function Namespace.field(namespace, name) return value.get(namespace.fields, name) end

--- Sets a field of a namespace.
---@param namespace any
---@param name string
---@param its_value any
function M.set_field(namespace, name, its_value)
  if getmetatable(namespace) ~= Namespace then mistake.raise "cannot assign attribute on non-namespace object" end
  value.put(namespace.fields, name, its_value)
end

local function dict(arguments)
  local made = value.dict()
  containers.update(made, arguments)
  return made
end

local function namespace(arguments) return setmetatable({ fields = dict(arguments) }, Namespace) end

local LONGEST_RANGE = 100000 -- as Jinja's sandbox has it

local function range(start, stop, step)
  local from = stop == nil and 0 or call.integer(start)
  local to, by = call.integer(stop == nil and start or stop), call.integer(step, 1)
  if by == 0 then mistake.raise "range() arg 3 must not be zero" end
  local count = math.max(math.ceil((to - from) / by), 0)
  if count > LONGEST_RANGE then mistake.raisef("a range of more than %d numbers", LONGEST_RANGE) end
  effort.spend(count)
  local items = {}
  for i = 1, count do items[i] = from + (i - 1) * by end
  return value.list(items)
end

-- Objects that are called, or have fields --------------------------------------------------------------------------------------

local Joiner = { kind = "object" }

--- Gives nothing at the first call, the separator at the others.
---@param joiner table
---@return ogl.jinja.Text
function Joiner.invoke(joiner)
  local separator = joiner.used and joiner.separator or ""
  joiner.used = true
  return separator
end

local function joiner(separator) return setmetatable({ separator = call.text(separator, ", ") }, Joiner) end

local Cycler = { kind = "object" }

local function current(cycler) return cycler.items[cycler.at] end

--- Gives the present item, or a method.
---@param cycler table
---@param name string
---@return any # nil where there is none
function Cycler.field(cycler, name)
  if name == "current" then return current(cycler) end
  if name == "next" then
    return function()
      local item = current(cycler)
      cycler.at = cycler.at % #cycler.items + 1
      return item
    end
  elseif name == "reset" then
    return function()
      cycler.at = 1
      return value.none
    end
  end
end

local function cycler(arguments)
  if arguments[1] == nil then mistake.raise "at least one item has to be provided" end
  return setmetatable({ items = call.without_first(arguments, 0), at = 1 }, Cycler)
end

--- The globals, by name.
---@type table<string, any>
M.globals = {
  namespace = namespace, dict = dict, range = call.plain("start stop step", range), joiner = call.plain("sep", joiner), cycler = cycler,
  raise_exception = call.plain("message", function(message) mistake.refuse(text.bytes(show.str(message))) end),
}

return M
