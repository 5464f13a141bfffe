--- Content for OpenTelemetry: messages in the form of its conventions, as JSON texts. `otel` reports them only where it is asked to.
--
-- @module opengatellm.middleware.otel_content
local json = require "opengatellm.json"

local M = {}

-- JSON of a value; nil where it holds what JSON cannot (a function).
local function encoded(value)
  local fine, text = pcall(json.encode, value)
  return fine and text or nil
end

-- The arguments of a call: as a value where they are JSON.
local function arguments_of(text)
  if type(text) ~= "string" then return text end
  local value = json.decode(text)
  if value == nil then return text end
  return value
end

local function part_of(part)
  if type(part) ~= "table" then return { type = "text", content = tostring(part) } end
  if part.type == "text" or part.type == "refusal" then return { type = "text", content = part.text } end
  if part.type == "reasoning" then return { type = "reasoning", content = part.text } end
  if part.type == "tool_call" then
    return { type = "tool_call", id = part.id, name = part.name, arguments = arguments_of(part.arguments) }
  end
  return { type = part.type or part.kind or "part", uri = part.url, mime_type = part.mime } -- a medium, without its bytes
end

local function parts_of(message)
  local parts = {}
  if message.role == "tool" then
    return { { type = "tool_call_response", id = message.tool_call_id, response = message.content } }
  elseif type(message.content) == "string" then
    if message.content ~= "" then parts[1] = { type = "text", content = message.content } end
  else
    for i, part in ipairs(message.content or {}) do parts[i] = part_of(part) end
  end
  local has_calls = false
  for _, part in ipairs(parts) do has_calls = has_calls or part.type == "tool_call" end
  for _, call in ipairs(not has_calls and message.tool_calls or {}) do
    parts[#parts + 1] = { type = "tool_call", id = call.id, name = call.name, arguments = arguments_of(call.arguments) }
  end
  return json.array(parts)
end

--- The messages of a request.
---@param request table
---@return string? json
function M.input(request)
  local messages = request.messages
  if type(messages) == "string" then messages = { { role = "user", content = messages } } end
  if type(messages) ~= "table" then return nil end
  local list = {}
  for i, message in ipairs(messages) do list[i] = { role = message.role, parts = parts_of(message) } end
  return encoded(list)
end

--- The system's instructions of a request.
---@param request table
---@return string? json
function M.instructions(request)
  return type(request.system) == "string" and encoded { { type = "text", content = request.system } } or nil
end

--- The answer.
---@param reply? table
---@return string? json
function M.output(reply)
  if not (reply and reply.content) then return nil end
  return encoded { { role = "assistant", parts = parts_of(reply), finish_reason = reply.finish_reason } }
end

--- The tools that a request declares.
---@param request table
---@return string? json
function M.tools(request)
  local list = {}
  for i, tool in ipairs(request.tools or {}) do
    list[i] = { type = "function", name = tool.name, description = tool.description, parameters = tool.parameters }
  end
  return list[1] and encoded(list) or nil
end

--- The arguments or the result of a tool.
---@param value any
---@return string? json a text stays as it is
function M.value(value)
  if type(value) == "string" then return value end
  return value ~= nil and encoded(value) or nil
end

return M
