--- Rules: what a settings file may hold, and what only the user's own file may.
--
--   local RULES = { settings = { fields = { timeout_seconds = { type = "number", min = 0 } } },
--                   providers = { each = { fields = { base_url = { type = "text", own = true } } } } }
--
-- A rule is a table. `own`: the value may send something somewhere else, or run something, so that a file which lay in the current folder
-- may not set it. One of
--
--   type    "text", "number", "integer", "boolean"; min, max: the limits of a number; values: the only texts that fit
--   fields  a table with these keys: key -> rule
--   each    a table with any texts as keys, whose values keep this rule
--   items   a list, whose items keep this rule
--   either  a list of rules; the first counts whose type is that of the value
--
-- No message shows a value, for it may be a key.
--
-- @module opengatellm.cli.settings.rules
local failure = require "opengatellm.schema.failure"
local json = require "opengatellm.json"
local kind = require "opengatellm.schema.kind"
local names = require "opengatellm.base.names"

local M = {}

---@class ogl.settings.Rule
---@field own? boolean
---@field type? "text"|"number"|"integer"|"boolean"
---@field min? number
---@field max? number
---@field values? string[]
---@field fields? table<string, ogl.settings.Rule>
---@field each? ogl.settings.Rule
---@field items? ogl.settings.Rule
---@field either? ogl.settings.Rule[]

---@class ogl.settings.Check what one check carries along
---@field lines ogl.settings.Lines
---@field name string of the file
---@field home? string where what is `own` belongs; nil: this file may set it
---@field path (string|integer)[] keys from the top

local LUA_TYPES = { text = "string", number = "number", integer = "number", boolean = "boolean" }
local NAMES = { text = "a text", number = "a number", integer = "a whole number", boolean = "true or false" }
local GOT = { string = "a text", number = "a number", boolean = "true or false", table = "a table" }

-- Whether a value is of the kind that a rule is about.
local function is_about(rule, value)
  if rule.either then return true end
  return type(value) == (LUA_TYPES[rule.type] or "table")
end

-- The sentence of what a rule expects.
local function expected(rule)
  if rule.values then return "one of " .. table.concat(rule.values, ", ") end
  if rule.items then return "a list" end
  if rule.fields or rule.each then return "a table" end
  if rule.either then
    local parts = {}
    for i, each in ipairs(rule.either) do parts[i] = expected(each) end
    return table.concat(parts, " or ")
  end
  local least, most = rule.min and (" from %.14g on"):format(rule.min) or "", rule.max and (" up to %.14g"):format(rule.max) or ""
  return NAMES[rule.type] .. least .. most
end

local LONGEST = 200 -- bytes of the keys that a message shows

-- The sentence about a key of the current table.
local function problem_of(check, holder, key, message)
  local way = {}
  for i = #check.path, 1, -1 do way[#way + 1] = check.path[i] end
  return ("%s:%d: %s: %s"):format(check.name, check.lines[holder][key], kind.front(failure.path(way), LONGEST), message)
end

local function is_one_of(list, value)
  for _, each in ipairs(list) do
    if each == value then return true end
  end
  return false
end

-- What a text or a number is instead of what its rule says; nil where it keeps it. Only numbers are shown.
local function got_instead(rule, value)
  if rule.values and not is_one_of(rule.values, value) then
    local near = names.nearest(value, rule.values)
    return near and ('another text; did you mean "%s"?'):format(near) or "another text"
  end
  local fits = (rule.type ~= "integer" or value % 1 == 0) and (not rule.min or value >= rule.min) and (not rule.max or value <= rule.max)
  return not fits and ("%.14g"):format(value) or nil
end

local of_key

-- What an unknown key may have meant.
local function unknown(fields, key)
  local list = json.keys(fields)
  local near = type(key) == "string" and names.nearest(key, list)
  if near then return ('there is no such key; did you mean "%s"?'):format(near) end
  return "there is no such key; there are: " .. table.concat(list, ", ")
end

-- The keys of a table in the order of the file.
local function keys_of(check, value)
  local keys, lines = {}, check.lines[value]
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b)
    if lines[a] ~= lines[b] then return lines[a] < lines[b] end
    return tostring(a) < tostring(b)
  end)
  return keys
end

-- The rule of a key in a table that keeps a rule; or why the key cannot be there.
local function rule_of(rule, value, key)
  if rule.fields then
    local inner = rule.fields[key]
    return inner, not inner and unknown(rule.fields, key) or nil
  end
  if rule.each then return rule.each, type(key) ~= "string" and "expected a name as the key" or nil end
  local is_position = type(key) == "number" and key % 1 == 0 and key >= 1 and (key == 1 or value[key - 1] ~= nil)
  return rule.items, not is_position and "expected a list, which has no such key" or nil
end

-- The first problem in a table.
local function in_table(check, rule, value)
  for _, key in ipairs(keys_of(check, value)) do
    check.path[#check.path + 1] = key
    local inner, problem = rule_of(rule, value, key)
    problem = problem and problem_of(check, value, key, problem) or of_key(check, inner, value, key)
    if problem then return problem end
    check.path[#check.path] = nil
  end
end

local function belongs_elsewhere(home)
  return "addresses, proxies, headers, keys and commands are not taken from a file in the current folder; this belongs into "
    .. home .. ", or a file that -c names"
end

-- The first problem of the value at a key, and in it.
function of_key(check, rule, holder, key)
  local value = holder[key]
  if rule.own and check.home then return problem_of(check, holder, key, belongs_elsewhere(check.home)) end
  for _, each in ipairs(rule.either or {}) do
    if is_about(each, value) then return of_key(check, each, holder, key) end
  end
  local got = GOT[type(value)]
  if not rule.either and is_about(rule, value) then
    if type(value) == "table" then return in_table(check, rule, value) end
    got = got_instead(rule, value)
  end
  return got and problem_of(check, holder, key, ("expected %s, got %s"):format(expected(rule), got))
end

--- Checks what the reader gave.
---@param fields table<string, ogl.settings.Rule> the keys of the file
---@param values table
---@param lines ogl.settings.Lines
---@param name string of the file
---@param home? string where what is `own` belongs; nil: this file may set it
---@return string? problem the first, in one line: file, line, key, what was expected
function M.problem(fields, values, lines, name, home)
  return in_table({ lines = lines, name = name, home = home, path = {} }, { fields = fields }, values)
end

return M
