--- Structured output: the value that a model's text is, or holds.
--
-- @module opengatellm.output
local core = require "opengatellm.core"

local M = {}

-- The first fenced block of Markdown.
local function fenced(text)
  local _, from = text:find("```", 1, true)
  local start = from and text:find("\n", from, true)
  local stop = start and text:find("\n```", start, true)
  return stop and text:sub(start, stop)
end

-- From the first bracket to the last of its kind. Each search goes through the text once, whatever a model wrote.
local function bracketed(text)
  local from = text:find "[{%[]"
  local last = from and text:match(text:sub(from, from) == "{" and "^.*()}" or "^.*()%]")
  return last and text:sub(from, last)
end

local function inner_json(text)
  for _, inner in ipairs { fenced(text) or "", bracketed(text) or "" } do
    local value = core.decode(inner)
    if value ~= nil then return value end
  end
end

local function warning(code, message) return { code = code, field = "output", message = message } end

--- The value of a text: JSON, or the JSON in a fence or between words, with a warning.
---@param text string
---@return any value nil where there is none
---@return {code: "output_not_json"|"output_recovered", field: string, message: string}? warning
function M.read(text)
  local value, _, why = core.decode(text)
  if value ~= nil then return value end
  value = inner_json(text)
  if value == nil then return nil, warning("output_not_json", "the model's text is not JSON: " .. why) end
  return value, warning("output_recovered", "the model's text is more than JSON: the output is what stands in it")
end

return M
