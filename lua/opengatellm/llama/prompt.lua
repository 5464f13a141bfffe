--- Prompts: the messages and tools of a request, written as the model's own template has them.
--
-- @module opengatellm.llama.prompt
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local template = require "opengatellm.llama.template"

local M = {}

local OPEN, CLOSE = "<think>", "</think>"

local function thinks(body)
  local given = type(body.chat_template_kwargs) == "table" and body.chat_template_kwargs.enable_thinking
  if type(given) == "boolean" then return given end
  return body.reasoning_effort ~= "none"
end

-- Whether the prompt ends in a thought that it has opened.
local function ends_in_thought(pieces)
  local last = pieces[#pieces]
  return last ~= nil and last.special and last.text:find(OPEN .. "%s*$") ~= nil
end

--- Writes a prompt.
---@param engine ogl.llama.Engine whose model is loaded
---@param body table a request of POST /chat/completions
---@param text string the same as JSON
---@param own_template? function the user's, instead of the model's
---@return {pieces: table[], is_open: boolean, thought?: table}? written
---@return ogl.Error? err
function M.of(engine, body, text, own_template)
  local facts = engine:facts()
  local pieces, problem = template.render(own_template or facts.template, {
    messages = body.messages, tools = body.tool_choice ~= "none" and body.tools ~= core.null and body.tools or nil, thinking = thinks(body),
    add_generation_prompt = true, bos_token = facts.bos_token, eos_token = facts.eos_token, json = text,
  })
  if not pieces then
    return nil, errors.new { kind = "unsupported", code = "template", message = "the model's template: " .. tostring(problem) }
  end
  local is_open = ends_in_thought(pieces)
  local thought = thinks(body) and { open = OPEN, close = CLOSE, is_open = is_open } or nil
  return { pieces = pieces, is_open = is_open, thought = thought }
end

return M
