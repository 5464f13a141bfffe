--- Tools: what a model may have called, and how the program answers.
--
--   local tool = M.of { name = "get_weather", parameters = schema, run = function(arguments, context) … end }
--   local arguments, problem = M.arguments(tool, '{"town":"Lyon"}')        checked, or a text for the model
--
-- A tool is a plain table of its fields, so that a request takes it as the declaration of a function: what the program says of running it
-- stays here. It does not change after it was made.
--
-- @module opengatellm.conversation.tool
local argument_texts = require "opengatellm.conversation.arguments"
local errors = require "opengatellm.errors"
local excerpt = require "opengatellm.conversation.excerpt"
local json = require "opengatellm.json"
local requests = require "opengatellm.request"
local validator = require "opengatellm.schema.validator"

local M = {}

---@class ogl.ConversationTool: ogl.Tool
---@field run? fun(arguments: table, context: table): any, any value, metadata; nil, message: it failed. Without it the program answers
---@field validate? fun(arguments: table): boolean?, string? the tool's own check, behind that of the schema
---@field approval? boolean|function true: a person is asked before it runs; a function decides
---@field timeout? number seconds that a run may take
---@field sequential? boolean nothing else runs while it does
---@field repeats? boolean it may be called with the same arguments as often as the model likes
---@field retries? integer how often the model may correct wrong arguments in a row
---@field metadata? table for the program; the model does not see it

local FIELDS = {
  name = "string", description = "string", parameters = "table", strict = "boolean", cache = "boolean", run = "function",
  validate = "function", approval = "boolean or function", timeout = "number", sequential = "boolean", repeats = "boolean",
  retries = "integer", metadata = "table", type = "string",
}

local mt = { __name = "opengatellm.tool" }

-- By the tool: its schema, decoded where it came as text.
local plain_schemas = setmetatable({}, { __mode = "k" })

-- Making --------------------------------------------------------------------------------------------------------------

local LONGEST = 64 -- characters of a name that every server takes

local function name_problem(name)
  if name == nil then return "name: a text is needed" end
  if #name > LONGEST or not name:find "^[%w_-]+$" or name:find "[\128-\255]" then
    return ("name: expected at most %d letters, digits, _ and -, got %s"):format(LONGEST, json.encode(excerpt.of(name, 100)))
  end
end

local function schema_problem(plain)
  if type(plain) ~= "table" then return "parameters: expected a JSON Schema; its text is no JSON" end
  if plain.type ~= nil and plain.type ~= "object" then return "parameters: expected the schema of an object" end
  local fine, err = validator.compile(plain)
  return not fine and "parameters: " .. err.message or nil
end

local function number_problem(fields)
  if fields.timeout and fields.timeout <= 0 then return "timeout: expected seconds above 0" end
  if fields.retries and fields.retries < 0 then return "retries: expected a number from 0 on" end
end

--- Says what is wrong with the fields of a tool; gives nil if nothing is.
---@param fields any
---@return string?
function M.problem(fields)
  if type(fields) ~= "table" then return "expected table, got " .. type(fields) end
  if getmetatable(fields) == mt then return nil end
  if fields.type ~= nil and fields.type ~= "function" then
    return "type: a tool that the server runs is a plain table of the request"
  end
  return requests.check_fields(fields, FIELDS) or name_problem(fields.name) or number_problem(fields)
    or fields.parameters and schema_problem(json.plain(fields.parameters)) or nil
end

--- Makes a tool. Raises what is wrong with it.
---@param fields table as ogl.tool takes them; a tool is given back as it is
---@param level? integer for error(); default: the caller's line
---@return ogl.ConversationTool
function M.of(fields, level)
  local problem = M.problem(fields)
  if problem then error("ogl.tool: " .. problem, (level or 1) + 1) end
  if getmetatable(fields) == mt then return fields end
  local tool = setmetatable(requests.merge(fields), mt)
  plain_schemas[tool] = fields.parameters and json.plain(fields.parameters)
  return tool
end

--- Says whether a value is a tool that `of` made.
---@param value any
---@return boolean
function M.is(value) return getmetatable(value) == mt end

-- Arguments -----------------------------------------------------------------------------------------------------------

local PROBLEM = 4096 -- bytes that a model is told: the names in its own arguments have any length

-- Whether null may mean something else than "left out", as far as the schema's own keywords say.
local function allows_null(schema)
  if type(schema) ~= "table" or schema.type == "null" then return true end
  if schema.type == nil then return schema["$ref"] == nil end
  for _, name in ipairs(type(schema.type) == "table" and schema.type or {}) do
    if name == "null" then return true end
  end
  return false
end

-- In a server's strict mode a model has to write every property, and null for one that it leaves out.
local function drop_nulls(schema, value)
  if type(schema) ~= "table" or type(value) ~= "table" then return end
  local required = {}
  for _, name in ipairs(schema.required or {}) do required[name] = true end
  for name, inner in pairs(schema.properties or {}) do
    if value[name] == json.null and not required[name] and not allows_null(inner) then value[name] = nil end
    drop_nulls(inner, value[name])
  end
  for _, item in ipairs(schema.items and value or {}) do drop_nulls(schema.items, item) end
end

local function lines_of(problems)
  if errors.is(problems) then return problems.message end
  local lines = {}
  for i, problem in ipairs(problems) do lines[i] = tostring(problem) end
  return table.concat(lines, "; ")
end

local function schema_failure(tool, value)
  local schema = plain_schemas[tool]
  if not schema then return nil end
  if tool.strict then drop_nulls(schema, value) end
  local fits, problems = validator.validate(schema, value)
  return not fits and "the arguments do not fit the schema of " .. tool.name .. ": " .. lines_of(problems) or nil
end

-- A message of Lua without the place in the program, which tells a model nothing.
local function said(raised) return (tostring(raised):gsub("^[^\n]-:%d+: ", "")) end

local function own_failure(tool, value)
  if not tool.validate then return nil end
  local fine, good, message = pcall(tool.validate, value)
  if not fine then return said(good) end
  if not good then return tostring(message or "the arguments are not allowed") end
end

--- Reads and checks the arguments of a call: as JSON, by the tool's schema, and by its own `validate`, which must not wait.
---@param tool ogl.ConversationTool
---@param text? string as the model wrote it
---@return table? arguments
---@return string? problem for the model: it names the paths
function M.arguments(tool, text)
  local value, problem = argument_texts.read(text)
  if value then problem = schema_failure(tool, value) or own_failure(tool, value) end
  if problem then return nil, excerpt.of(problem, PROBLEM) end
  return value
end

return M
