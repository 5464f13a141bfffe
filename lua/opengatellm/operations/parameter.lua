--- Parameters: each parameter of an operation is written as one line; this file reads the lines and checks values against them.
--
--   name = "string 1..255, required: Its name."
--
-- A line is TYPE[, RULE…]: MEANING. Types: string, secret (a string that never shows in an error), login ({username, password}, whose
-- password shows in none either), integer, number, boolean, time (seconds since 1970), table, function, any, file (upload.lua), files
-- (one or a list), filter and metadata (filter.lua), `list of TYPE`, `one of A|B|C`. A range after a type bounds a number, or the
-- length of a text in characters; `1..64 items` bounds a list. Other rules: `required`, `or the client's` (which then stands in for
-- it), and `was NAME`, an old name of the same parameter that users may still write.
--
-- A value of a wrong type is a mistake in the program; a value beyond a limit comes from the program's data. The check returns the two
-- apart. The limits are the server's own (OpenAPI 0.4.5), and so is the wording of their messages.
--
-- @module opengatellm.operations.parameter
local filter = require "opengatellm.base.filter"
local json = require "opengatellm.json"
local upload = require "opengatellm.http.upload"

local M = {}

---@class ogl.Parameter
---@field name string
---@field type string the first word of the line
---@field item? ogl.Parameter of a list
---@field values? string[] of an enumeration
---@field min? number
---@field max? number
---@field above? number an exclusive lower bound
---@field items_min? integer
---@field items_max? integer
---@field required? boolean
---@field from_client? boolean if it is missing, the client's own setting is used
---@field was? string
---@field doc string

-- Reading a line ----------------------------------------------------------------------------------------------------

local function read_range(parameter, text)
  local low, high = text:match "^(%-?[%d.e]-)%.%.(%-?[%de]*)$"
  if low then parameter.min, parameter.max = tonumber(low), tonumber(high) end
  parameter.above = parameter.above or tonumber(text:match "^>(%-?%d+)$")
end

local function read_type(parameter, text)
  local item = text:match "^list of (.+)$"
  if item then
    parameter.type, parameter.item = "list", read_type({ name = parameter.name }, item)
    return parameter
  end
  local values = text:match "^one of (.+)$"
  if values then
    parameter.type, parameter.values = "enum", {}
    for value in values:gmatch "[^|]+" do table.insert(parameter.values, value) end
    return parameter
  end
  local kind, range = text:match "^(%a+) ?(.*)$"
  parameter.type = kind
  read_range(parameter, range)
  return parameter
end

local function read_rule(parameter, rule)
  local low, high = rule:match "^(%d*)%.%.(%d*) items$"
  if low then parameter.items_min, parameter.items_max = tonumber(low), tonumber(high)
  elseif rule == "required" then parameter.required = true
  elseif rule == "or the client's" then parameter.from_client = true
  elseif rule:find "^was " then parameter.was = rule:sub(5)
  else read_range(parameter, rule) end
end

--- Reads the parameter that a line describes.
---@param name string
---@param line string
---@return ogl.Parameter
function M.read(name, line)
  local rules, doc = line:match "^(.-): (.*)$"
  local parameter = { name = name, doc = doc }
  local first, rest = rules:match "^([^,]+)(.*)$"
  read_type(parameter, first)
  for rule in rest:gmatch ", ([^,]+)" do read_rule(parameter, rule) end
  return parameter
end

--- Reads all parameters of a table of lines, by name.
---@param lines? table<string, string>
---@return table<string, ogl.Parameter>
function M.read_all(lines)
  local parameters = {}
  for name, line in pairs(lines or {}) do parameters[name] = M.read(name, line) end
  return parameters
end

-- Checking a value --------------------------------------------------------------------------------------------------

local function is_integer(value) return type(value) == "number" and value == math.floor(value) and value - value == 0 end

-- Counts characters as the server does; each byte that is not UTF-8 counts as one.
local function length(text)
  local continuation = select(2, text:gsub("[\128-\191]", ""))
  return #text - continuation
end

local function plural(count, word) return ("%d %s%s"):format(count, word, count == 1 and "" or "s") end

local function check_length(parameter, text)
  local size = length(text)
  if parameter.min and size < parameter.min then return "should have at least " .. plural(parameter.min, "character") end
  if parameter.max and size > parameter.max then return "should have at most " .. plural(parameter.max, "character") .. ", has " .. size end
end

local function check_size(parameter, value)
  if parameter.above and value <= parameter.above then return "should be greater than " .. parameter.above end
  if parameter.min and value < parameter.min then return ("should be greater than or equal to %.14g"):format(parameter.min) end
  if parameter.max and value > parameter.max then return ("should be less than or equal to %.14g"):format(parameter.max) end
end

local function check_count(parameter, list)
  if parameter.items_min and #list < parameter.items_min then return "should have at least " .. plural(parameter.items_min, "item") end
  if parameter.items_max and #list > parameter.items_max then
    return "should have at most " .. plural(parameter.items_max, "item") .. ", has " .. #list
  end
end

local check = {} -- by type: nil, or "expected …" in the first place, or the limit's word in the second

local function of_type(expected, fits, limit)
  return function(parameter, value)
    if not fits(value) then return expected end
    return nil, limit and limit(parameter, value)
  end
end

local function is(name) return function(value) return type(value) == name end end
local function is_number(value) return type(value) == "number" and value - value == 0 end

check.string = of_type("string", is "string", check_length)
check.secret = check.string
check.integer = of_type("integer", is_integer, check_size)
check.time = check.integer
check.number = of_type("number", is_number, check_size)
check.boolean = of_type("boolean", is "boolean")
check.table = of_type("table", is "table")
check.file = of_type("string (a path) or table", function(value) return type(value) == "string" or type(value) == "table" end,
  function(parameter, value) return upload.problem(value, parameter.name) end)
check["function"] = of_type("function", is "function")
check.filter = of_type("table", is "table", function(_, value) return filter.problem(value) end)
check.metadata = of_type("table", is "table", function(_, value) return filter.metadata_problem(value) end)
function check.any() end

check.login = of_type("table", is "table", function(_, value)
  for _, name in ipairs { "username", "password" } do
    if type(value[name]) ~= "string" then return "should have a " .. name .. " that is a string" end
  end
end)

function check.files(parameter, value)
  if type(value) ~= "string" and type(value) ~= "table" then return "string (a path), table or a list of those" end
  local list = upload.list(value)
  local limit = list[1] == nil and "should have at least 1 item" or check_count(parameter, list)
  for _, source in ipairs(list) do
    local expected, problem = check.file(parameter, source)
    if expected then return "a list of " .. expected end
    limit = limit or problem
  end
  return nil, limit
end

function check.enum(parameter, value)
  if type(value) ~= "string" then return "string" end
  for _, known in ipairs(parameter.values) do
    if known == value then return nil end
  end
  if #parameter.values > 30 then return nil, ("'%s' is none of the %d values that the server knows"):format(value, #parameter.values) end
  return nil, "should be " .. table.concat(parameter.values, ", "):gsub(", ([^,]+)$", " or %1") .. ", not '" .. value .. "'"
end

function check.list(parameter, list)
  if type(list) ~= "table" then return "table (a list)" end
  local limit = check_count(parameter, list)
  for i, value in ipairs(list) do
    local expected, problem = check[parameter.item.type](parameter.item, value)
    if expected then return ("a list of %s (its item %d is a %s)"):format(expected, i, type(value)) end
    limit = limit or problem and ("item %d %s"):format(i, problem)
  end
  return nil, limit
end

--- Makes a list for the wire: an empty one stays a JSON array; fields of its tables get the names of `names`.
---@param list any[]
---@param names? table<string, string>
function M.list(list, names)
  local out = json.array {}
  for i, item in ipairs(list) do
    out[i] = names and {} or item
    for key, value in pairs(names and item or {}) do out[i][names[key] or key] = value end
  end
  return out
end

--- Says what is wrong with a value. `json.null` is right for a parameter that may be left out: it clears the field on the server.
---@param parameter ogl.Parameter
---@param value any
---@return string? misuse the value has a wrong type
---@return string? limit the value is beyond the server's limit
function M.check(parameter, value)
  if value == nil then return parameter.required and "it is required" or nil end
  if value == json.null and not parameter.required then return nil end
  local expected, limit = check[parameter.type](parameter, value)
  if expected then return "expected " .. expected .. ", got " .. type(value) end
  return nil, limit
end

return M
