--- Structured output: asks for it in words if a server has no other way, and reads it from a model's text.
--
-- @module opengatellm.request.output
local core = require "opengatellm.core"
local requests = require "opengatellm.request"
local schemas = require "opengatellm.request.schema"

local M = {}

-- The value between words, in a fence or behind thoughts, as a reader of the coming text finds it (csrc/core/json_finder.h).
local function inner_json(text)
  local reader = core.partial { limit = math.min(#text, 2 ^ 28) } -- the most that it takes
  local whole = reader:feed(text) and reader:finish()
  local value
  if whole then value = reader:value() end
  reader:close()
  return value
end

local function warning(code, message) return { code = code, field = "output", message = message } end

--- Reads the value of a text that is JSON; with a warning, also JSON in a fence or between words.
---@param text string
---@return any value nil if the text holds no JSON
---@return {code: "output_not_json"|"output_recovered", field: string, message: string}? warning
function M.read(text)
  local value, _, why = core.decode(text)
  if value ~= nil then return value end
  value = inner_json(text)
  if value == nil then return nil, warning("output_not_json", "the model's text is not JSON: " .. why) end
  return value, warning("output_recovered", "the model's text is more than JSON: the output is what stands in it")
end

-- Asking in words ---------------------------------------------------------------------------------------------------

-- A copy of the request with an instruction behind those that it begins with.
local function instructed(request, text)
  local messages, placed = {}, false
  for _, message in ipairs(request.messages) do
    if not placed and message.role ~= "system" and message.role ~= "developer" then
      messages[#messages + 1], placed = { role = "system", content = text }, true
    end
    messages[#messages + 1] = message
  end
  if not placed then messages[#messages + 1] = { role = "system", content = text } end
  return requests.merge(request, { messages = messages })
end

local function says_json(text) return type(text) == "string" and text:lower():find("json", 1, true) ~= nil end

local function mentions_json(request)
  if says_json(request.system) then return true end
  for _, message in ipairs(request.messages) do
    local content = message.content
    if says_json(content) or says_json(message.text) then return true end
    for _, part in ipairs(type(content) == "table" and content or {}) do
      if says_json(part) or type(part) == "table" and says_json(part.text) then return true end
    end
  end
  return false
end

local ASK = "Answer with one JSON value that fits this JSON Schema, and with nothing else:\n"

--- Makes a request whose instructions ask for JSON that fits a schema.
---@param request ogl.Request
---@param schema table
---@return ogl.Request
function M.with_schema(request, schema) return instructed(request, ASK .. core.encode(schema)) end

--- Makes a request for a server that takes no schema: an instruction asks for JSON that fits the schema. A server whose JSON mode wants
--- the conversation to mention JSON (`says_json`) gets an instruction that does.
---@param request ogl.Request that has `output`
---@param row ogl.ModelRow
---@param who string the server or model, for warnings
---@param warn fun(field: string, message: string, code: string)
---@return ogl.Request
function M.in_words(request, row, who, warn)
  if type(request.output) == "table" then
    if row.output ~= false and row.output ~= "json" then return request end
    warn("output", who .. " takes no schema: it was asked for in the instructions", "approximated")
    return M.with_schema(request, (schemas.output(request.output)))
  end
  if not row.says_json or mentions_json(request) then return request end
  warn("output", who .. " wants the word JSON in the conversation: the instructions have it now", "approximated")
  return instructed(request, "Answer in JSON.")
end

return M
