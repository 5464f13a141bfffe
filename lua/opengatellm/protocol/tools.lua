--- Tools of a request: encodes the functions that a program runs, and tells the server's own tools from them.
--
-- The schema of a function's parameters goes through the dialects, as that of `output` does, and each change is a warning. A schema that
-- came by the same protocol stays unchanged.
--
-- @module opengatellm.protocol.tools
local messages = require "opengatellm.protocol.messages"
local schema_dialects = require "opengatellm.request.schema_dialects"
local schemas = require "opengatellm.request.schema"

local M = {}

---@class ogl.ToolTarget
---@field own boolean the request came by the protocol that it goes out by
---@field strict_dialect? string the dialect for functions with `strict`
---@field dialect? string the dialect for the others
---@field flat? boolean the server takes no anyOf, oneOf or allOf at the top of a schema
---@field warn fun(field: string, message: string, code?: string)

--- Gives the function of a tool: the tool itself, or its `function` as Chat Completions writes it; nil for one of the server's own tools.
---@param tool table
---@return table?
function M.function_of(tool)
  if type(tool["function"]) == "table" then return tool["function"] end
  return (not tool.type or tool.type == "function") and tool or nil
end

local function adapted(parameters, inner, where, target)
  local dialect = inner.strict == true and target.strict_dialect or target.dialect
  if target.flat then parameters = schema_dialects.flat(parameters, where, target.warn) end
  if dialect then parameters = schema_dialects.warned(parameters, dialect, where, target.warn) end
  return schemas.object(schemas.normalise(parameters))
end

local NO_PARAMETERS = { type = "object", properties = {} }

--- Makes the schema of a function's parameters as the server takes it.
---@param inner table the function
---@param number integer which tool it is, for warnings
---@param target ogl.ToolTarget
---@return table
function M.parameters(inner, number, target)
  if not inner.parameters then return NO_PARAMETERS end
  if target.own then return schemas.normalise(inner.parameters) end
  return adapted(inner.parameters, inner, ("tools[%d].parameters"):format(number), target)
end

--- Encodes a function in the form of Chat Completions, which other protocols copied.
---@param fields table name, description, and the protocol's other fields beside the schema
---@param tool table as the request has it
---@param inner table the function in it
---@param number integer which tool it is, for warnings
---@param target ogl.ToolTarget
---@return table
function M.wrapped(fields, tool, inner, number, target)
  local out = messages.add_extra(fields, { extra = tool.inner_extra }, target.own)
  out.parameters = M.parameters(inner, number, target)
  return messages.add_extra({ type = "function", ["function"] = out }, tool, target.own)
end

return M
