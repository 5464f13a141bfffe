--- Values of a template: what Python's None, lists, tuples and dicts are here, and what holds between values.
--
-- Booleans, functions and integers are Lua's own; texts are those of text.lua, floats those of number.lua. A function gets one table: its
-- arguments, and those with a name in the field `named`.
--
-- @module opengatellm.jinja.value
local effort = require "opengatellm.jinja.effort"
local kind_of_json = require "opengatellm.schema.kind"
local mistake = require "opengatellm.jinja.mistake"
local number = require "opengatellm.jinja.number"
local ordered = require "opengatellm.base.ordered"
local text = require "opengatellm.jinja.text"

local M = {}

local KINDS = { string = "text", number = "integer", boolean = "boolean", ["function"] = "function" }

--- Says what a value is.
---@param value any
---@return "text"|"integer"|"float"|"boolean"|"none"|"undefined"|"list"|"tuple"|"dict"|"function"|"namespace"|"macro"|"loop"|"object"
function M.kind(value) return KINDS[type(value)] or getmetatable(value).kind end

--- None.
M.none = setmetatable({}, { kind = "none" })

-- What is undefined ---------------------------------------------------------------------------------------------------

---@class ogl.jinja.Undefined
---@field why string what a use of it says
local Undefined = { kind = "undefined" }

--- Makes a value that is not there. It prints as nothing; most other uses are mistakes.
---@param why string
---@return ogl.jinja.Undefined
function M.undefined(why) return setmetatable({ why = why }, Undefined) end

--- Says whether a value is not there.
---@param value any
---@return boolean
function M.is_undefined(value) return getmetatable(value) == Undefined end

--- Raises where a value is not there.
---@param value any
---@return any value
function M.defined(value)
  if M.is_undefined(value) then mistake.raise(value.why) end
  return value
end

--- Gives nil instead of None: an argument that was not given is the same as None.
---@param argument any
---@return any
function M.given(argument)
  if argument ~= M.none then return argument end
end

-- Lists and tuples ------------------------------------------------------------------------------------------------------

---@class ogl.jinja.List
---@field [integer] any
local List, Tuple = { kind = "list" }, { kind = "tuple" }

--- Makes a list of a Lua list without holes, which it keeps.
---@param items? any[]
---@return ogl.jinja.List
function M.list(items) return setmetatable(items or {}, List) end

--- Makes a tuple of a Lua list without holes, which it keeps.
---@param items any[]
---@return ogl.jinja.List
function M.tuple(items) return setmetatable(items, Tuple) end

--- Says whether a value is a list or a tuple.
---@param value any
---@return boolean
function M.is_sequence(value)
  local mt = type(value) == "table" and getmetatable(value)
  return mt == List or mt == Tuple
end

-- Dicts -----------------------------------------------------------------------------------------------------------------

---@class ogl.jinja.Dict
---@field keys any[] in their order
---@field values table<any, any> by what `slot` makes of a key
---@field printed? ogl.jinja.Text what it prints as, instead of what Python would show
local Dict = { kind = "dict" }

--- Makes an empty dict.
---@return ogl.jinja.Dict
function M.dict() return setmetatable({ keys = {}, values = {} }, Dict) end

--- Says whether a value is a dict.
---@param value any
---@return boolean
function M.is_dict(value) return type(value) == "table" and getmetatable(value) == Dict end

-- What equal keys have in common; raises for what Python cannot hash.
local function slot(key)
  if text.is(key) then return text.bytes(key) end
  local its_number = number.of(key)
  if its_number then return its_number end
  if key == M.none or type(key) == "function" then return key end
  mistake.raisef("unhashable type: '%s'", M.kind(key))
end

--- Gives the value at a key.
---@param dict ogl.jinja.Dict
---@param key any
---@return any # nil where there is none
function M.get(dict, key) return dict.values[slot(key)] end

--- Sets the value at a key.
---@param dict ogl.jinja.Dict
---@param key any
---@param value any nil takes the key away
function M.put(dict, key, value)
  local at = slot(key)
  if dict.values[at] == nil and value ~= nil then dict.keys[#dict.keys + 1] = key end
  if dict.values[at] ~= nil and value == nil then
    effort.spend(#dict.keys)
    for i, each in ipairs(dict.keys) do
      if slot(each) == at then table.remove(dict.keys, i) break end
    end
  end
  dict.values[at] = value
end

--- Gives the pairs of a dict.
---@param dict ogl.jinja.Dict
---@return ogl.jinja.List # of tuples
function M.items(dict)
  local items = {}
  effort.spend(#dict.keys)
  for i, key in ipairs(dict.keys) do items[i] = M.tuple { key, M.get(dict, key) } end
  return M.list(items)
end

-- What holds of values --------------------------------------------------------------------------------------------------

--- Counts what is in a value; characters of a text.
---@param value any
---@return integer? # nil for what has no length
function M.length(value)
  if M.is_sequence(value) then return #value end
  if M.is_dict(value) then return #value.keys end
  if text.is(value) then
    local bytes = text.bytes(value)
    local spend = bytes:find "[\128-\255]" and effort.spend_characters or effort.spend_looks
    spend(#bytes)
    return kind_of_json.length(bytes)
  end
  return M.is_undefined(value) and 0 or nil
end

--- Says whether a value is true, as `if` asks.
---@param value any
---@return boolean
function M.truth(value)
  if type(value) == "boolean" then return value end
  if value == M.none or M.is_undefined(value) then return false end
  local its_number = number.of(value)
  if its_number then return its_number ~= 0 end
  if text.is(value) then return text.bytes(value) ~= "" end
  return M.length(value) ~= 0
end

local equal

local function equal_lists(a, b, level)
  if #a ~= #b then return false end
  for i, each in ipairs(a) do
    if not equal(each, b[i], level) then return false end
  end
  return true
end

local function equal_dicts(a, b, level)
  if #a.keys ~= #b.keys then return false end
  for _, key in ipairs(a.keys) do
    local other = M.get(b, key)
    if other == nil or not equal(M.get(a, key), other, level) then return false end
  end
  return true
end

function equal(a, b, level)
  effort.spend(1)
  effort.check_depth(level)
  if text.is(a) and text.is(b) then
    effort.spend_looks(#text.bytes(a))
    return text.bytes(a) == text.bytes(b)
  end
  if a == b then return true end
  local x, y = number.of(a), number.of(b)
  if x and y then return x == y end
  local kind = M.kind(a)
  if kind ~= M.kind(b) then return false end
  if kind == "list" or kind == "tuple" then return equal_lists(a, b, level + 1) end
  if kind == "dict" then return equal_dicts(a, b, level + 1) end
  return kind == "undefined"
end

--- Says whether two values are equal.
---@param a any
---@param b any
---@return boolean
function M.equal(a, b) return equal(a, b, 1) end

-- Whether the bytes of one text come before those of another; Lua's own `<` would ask the locale.
local function before(a, b)
  effort.spend_bytes(math.min(#a, #b))
  for at = 1, math.min(#a, #b), 64 do
    if a:sub(at, at + 63) ~= b:sub(at, at + 63) then
      for i = at, at + 63 do
        local x, y = a:byte(i) or -1, b:byte(i) or -1
        if x ~= y then return x < y end
      end
    end
  end
  return #a < #b
end

local function sequence_less(a, b)
  for i = 1, math.min(#a, #b) do
    if not M.equal(a[i], b[i]) then return M.less(a[i], b[i]) end
  end
  return #a < #b
end

--- Says whether a value comes before another; raises where Python cannot compare them.
---@param a any
---@param b any
---@return boolean
function M.less(a, b)
  effort.spend(1)
  local x, y = number.of(M.defined(a)), number.of(M.defined(b))
  if x and y then return x < y end
  if text.is(a) and text.is(b) then return before(text.bytes(a), text.bytes(b)) end
  if M.is_sequence(a) and M.kind(a) == M.kind(b) then return sequence_less(a, b) end
  mistake.raisef("'<' not supported between %s and %s", M.kind(a), M.kind(b))
end

--- Lists what a loop runs over: items, keys, characters.
---@param value any
---@return any[] items the value itself where it is a list: not to be changed
function M.each(value)
  if M.is_sequence(value) then return value end
  if M.is_dict(value) then return value.keys end
  if M.is_undefined(value) then return {} end
  if not text.is(value) then mistake.raisef("'%s' is not iterable", M.kind(value)) end
  local characters, bytes = {}, text.bytes(value)
  effort.spend(#bytes)
  for first, behind in bytes:gmatch "()[^\128-\191][\128-\191]*()" do characters[#characters + 1] = text.sub(value, first, behind - 1) end
  return characters
end

--- Says whether a value is in another.
---@param value any
---@param container any
---@return boolean
function M.is_in(value, container)
  if text.is(container) then
    if not text.is(value) then mistake.raisef("'in <string>' requires string as left operand, not %s", M.kind(M.defined(value))) end
    return text.find(container, value) ~= nil
  end
  if M.is_dict(container) then return M.get(container, value) ~= nil end
  for _, each in ipairs(M.each(container)) do
    if M.equal(value, each) then return true end
  end
  return false
end

-- From Lua --------------------------------------------------------------------------------------------------------------

local of

local function of_table(value, mark, level)
  effort.check_depth(level)
  if kind_of_json.is_list(value) then
    local items = {}
    for i, each in ipairs(value) do items[i] = of(each, mark, level + 1) end
    return M.list(items)
  end
  local dict = M.dict()
  for _, key in ipairs(ordered.keys(value)) do M.put(dict, mark(key), of(value[key], mark, level + 1)) end
  return dict
end

function of(value, mark, level)
  if type(value) == "string" then return mark(value) end
  if type(value) == "number" then return number.from_lua(value) end
  if kind_of_json.is_null(value) then return M.none end
  if type(value) ~= "table" or getmetatable(value) and getmetatable(value).kind then return value end
  return of_table(value, mark, level)
end

--- Makes a value of a Lua value: objects keep the order that json.ordered gave them, their other keys are sorted. Values of this module
--- stay as they are.
---@param value any as json.decode gives it
---@param mark fun(bytes: string): ogl.jinja.Text what its texts become: text.foreign, or a function that leaves them the template's own
---@return any
function M.of(value, mark) return of(value, mark, 1) end

return M
