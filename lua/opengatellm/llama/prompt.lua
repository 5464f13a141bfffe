--- Prompts: the messages and tools of a request, written as the model's own template has them.
--
-- @module opengatellm.llama.prompt
local core = require "opengatellm.core"
local json = require "opengatellm.json"
local template = require "opengatellm.llama.template"
local tool_forms = require "opengatellm.llama.tool_forms"

local M = {}

local OPEN, CLOSE = "<think>", "</think>"

local function thinks(body)
  local given = type(body.chat_template_kwargs) == "table" and body.chat_template_kwargs or {}
  if type(given.enable_thinking) == "boolean" then return given.enable_thinking end
  return body.reasoning_effort ~= "none"
end

-- Whether the prompt ends in a thought that it has opened: its last pieces are the template's own words.
local function ends_in_thought(pieces)
  local words = {}
  for i = math.max(1, #pieces - 2), #pieces do words[#words + 1] = pieces[i].text end
  return table.concat(words):find(OPEN .. "%s*$") ~= nil
end

-- A member as JSON, whose objects keep their order; nil where it is absent or null.
local function member(text, name)
  local raw = core.member(text, name)
  return raw and raw ~= "null" and json.raw(raw) or nil
end

-- The variables of the template: what transformers gives, and what the request adds. A function of the user gets plain tables.
local function values_of(engine, body, text, is_own)
  local facts, values = engine:facts(), {}
  if type(body.chat_template_kwargs) == "table" then
    for name, value in pairs(body.chat_template_kwargs) do values[name] = value end
  end
  values.messages, values.tools = member(text, "messages"), body.tool_choice ~= "none" and member(text, "tools") or nil
  if is_own then values.messages, values.tools = body.messages, values.tools and body.tools end
  values.enable_thinking, values.add_generation_prompt = thinks(body), true
  values.bos_token, values.eos_token, values.now = facts.bos_token, facts.eos_token, os.time()
  return values
end

---@class ogl.llama.Prompt
---@field pieces ogl.llama.Piece[]
---@field is_open boolean whether it ends in a thought
---@field thought? {open: string, close: string, is_open: boolean}
---@field form string in which the model writes calls (tool_forms.lua)
---@field warnings? table[]

--- Writes a prompt.
---@param engine ogl.llama.Engine whose model is loaded
---@param body table a request of POST /chat/completions
---@param text string the same as JSON
---@param own_template? function the user's, instead of the model's
---@return ogl.llama.Prompt? prompt
---@return ogl.Error? err
function M.of(engine, body, text, own_template)
  local writer = own_template and template.new(own_template) or engine:template()
  local pieces, err, warnings = writer:render(values_of(engine, body, text, own_template ~= nil))
  if not pieces then return nil, err end
  local is_open = ends_in_thought(pieces)
  local thought = thinks(body) and { open = OPEN, close = CLOSE, is_open = is_open } or nil
  local form = tool_forms.form_of(engine:facts().template)
  return { pieces = pieces, is_open = is_open, thought = thought, form = form, warnings = warnings }
end

return M
