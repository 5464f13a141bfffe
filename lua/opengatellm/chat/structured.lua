--- Structured output: how a request asks a model for a value that fits a schema.
--
-- There are three modes, and the table of models says which a model knows:
--
--   native   the server is given the schema
--   tool     the model has to call a tool whose arguments are the value (output_tool.lua reads them as the answer's text)
--   prompt   the instructions hold the schema, and the server's JSON mode is on where it has one
--
-- A server takes objects alone at the top of a schema: another root is sent as the member `value` of an object, and taken out of it again.
--
-- @module opengatellm.chat.structured
local json = require "opengatellm.json"
local model_limits = require "opengatellm.protocol.model_limits"
local models = require "opengatellm.providers.models"
local names = require "opengatellm.base.names"
local outputs = require "opengatellm.request.output"
local requests = require "opengatellm.request"
local schemas = require "opengatellm.request.schema"
local validator = require "opengatellm.schema.validator"

local M = {}

---@alias ogl.OutputMode "native"|"tool"|"prompt"

---@class ogl.Output what a call keeps of its request's `output`
---@field schema table as the program gave it
---@field plain table|boolean the same, decoded
---@field wrapped boolean its root is no object
---@field mode? ogl.OutputMode
---@field modes? ogl.OutputMode[] that the model knows, the best first
---@field tool? string name of the tool, in mode "tool"
---@field validate? fun(value: any): boolean?, string? the program's own check
---@field loss? table the warning that the schema is not enforced
---@field notes table[] other warnings
---@field call? {id: string, name: string, arguments?: string} that the model made, in mode "tool"; arguments: once they are complete

M.MEMBER = "value" -- the name of a root that is no object

local MODES = { native = true, tool = true, prompt = true }

-- Whether a schema's root allows an object alone, as far as its own keywords say.
local function is_object(schema)
  if type(schema) ~= "table" then return false end
  if schema.type ~= nil then return schema.type == "object" end
  return schema.properties ~= nil or schema["$ref"] ~= nil or not (schema.anyOf or schema.oneOf or schema.enum or schema.const ~= nil)
end

--- What a request's `output` asks for; nil where it has no schema.
---@param output any
---@return ogl.Output?
function M.of(output)
  if type(output) ~= "table" then return nil end -- "json"
  if output.plain ~= nil and output.wrapped ~= nil then return output end -- it was read before
  local schema, details = schemas.output(output)
  local plain = json.plain(schema)
  return {
    schema = schema, details = details, plain = plain, wrapped = not is_object(plain), mode = details and details.mode,
    validate = details and details.validate, notes = {},
  }
end

-- Mistakes ----------------------------------------------------------------------------------------------------------

local function problem_of(output)
  local mode, validate = output.mode, output.validate
  if mode ~= nil and not MODES[mode] then return 'output.mode: expected "native", "tool" or "prompt", got ' .. tostring(mode) end
  if validate ~= nil and type(validate) ~= "function" then return "output.validate: expected function, got " .. type(validate) end
  local fine, err, warnings = validator.compile(output.plain)
  if not fine then return "output: " .. err.message end
  for _, warning in ipairs(warnings or {}) do
    table.insert(output.notes, { code = warning.code, field = "output", message = warning.message })
  end
end

-- Modes -------------------------------------------------------------------------------------------------------------

-- Ollama's protocol has no word for the choice of a tool.
local function takes_named_tool(provider)
  return provider.protocol ~= "ollama" and not (provider.tool_choice and provider.tool_choice.named == false)
end

-- The modes that a model knows, the best first.
local function modes_of(request, row, provider)
  local list = {}
  if row.output == nil then list[1] = "native" end
  if row.output == "json" then list[1] = "prompt" end -- its server answers in JSON, whatever the schema
  if takes_named_tool(provider) and model_limits.can_force(request, row) then list[#list + 1] = "tool" end
  if row.output ~= "json" then list[#list + 1] = "prompt" end
  return list
end

local function without_output(request)
  local copy = requests.merge(request)
  copy.output = nil
  return copy
end

-- The schema with an object at its top. What its references name stays at the top.
local function object_of(output)
  if not output.wrapped then return output.schema end
  local inner, defs = output.plain, {}
  if type(inner) == "table" then
    inner = requests.merge(inner)
    for _, name in ipairs { "$defs", "definitions" } do defs[name], inner[name] = inner[name], nil end
    setmetatable(inner, getmetatable(output.plain))
  end
  return {
    type = "object", properties = { [M.MEMBER] = inner }, required = json.array { M.MEMBER }, additionalProperties = false,
    ["$defs"] = defs["$defs"], definitions = defs.definitions,
  }
end

local ask = {}

function ask.native(request, output)
  local asked, details = object_of(output), output.details
  if details and (details.name or details.description or details.strict ~= nil) then
    asked = { schema = asked, name = details.name, description = details.description, strict = details.strict }
  end
  return requests.merge(request, { output = asked })
end

local function free_name(wanted, tools)
  local taken = {}
  for _, tool in ipairs(tools or {}) do taken[tool.name] = true end
  return names.free(wanted, taken, "_")
end

local DESCRIBED = "Gives the answer. Its arguments are the whole answer."

-- An answer that came as a call goes back as that call, with a result, since servers want each call answered.
local function as_calls(messages, name)
  local out = {}
  for _, message in ipairs(messages) do
    local call = type(message) == "table" and message.role == "assistant" and message.output_call
    if call and call.name == name then
      table.insert(out, { role = "assistant", content = "", tool_calls = { { id = call.id, name = name, arguments = call.arguments } } })
      table.insert(out, { role = "tool", tool_call_id = call.id, name = name, content = "The answer was received." })
    else
      table.insert(out, message)
    end
  end
  return out
end

function ask.tool(request, output, who)
  local details, asked = output.details or {}, without_output(request)
  local name = free_name(details.name or "output", request.tools)
  local tool = { name = name, description = details.description or DESCRIBED, parameters = object_of(output), strict = details.strict }
  asked.tools = {}
  if request.tool_choice ~= "none" then
    for i, own in ipairs(request.tools or {}) do asked.tools[i] = own end
  end
  table.insert(asked.tools, tool)
  asked.tool_choice = asked.tools[2] and "required" or { name = name }
  asked.messages, output.tool = as_calls(asked.messages, name), name
  local message = who .. " is asked for its output as the arguments of a tool"
  table.insert(output.notes, { code = "output_mode", field = "output", message = message })
  return asked
end

function ask.prompt(request, output, who, row)
  local asked = without_output(request)
  asked = outputs.with_schema(asked, output.schema)
  if row.output == "json" then asked.output = "json" end
  output.loss = { code = "approximated", field = "output", message = who .. " takes no schema: it was asked for in the instructions" }
  return asked
end

--- Chooses the mode of a call whose request has a schema for its output, and makes the request that asks by it. The call keeps the rest as
--- `output`.
---@param call ogl.Call
---@return string? mistake of the caller's
function M.choose(call)
  local request = call.request
  local output = M.of(request.output)
  if not output then return nil end
  local problem = problem_of(output)
  if problem then return problem end
  local provider, model = call.client.provider, call.model
  local row = models.of(provider.protocol, provider, model)
  output.modes = modes_of(request, row, provider)
  output.mode = output.mode or output.modes[1]
  call.request = ask[output.mode](request, output, model, row)
  call.output = output
end

return M
