--- Forms: how the messages of Chat Completions are written for a template.
--
-- Templates agree on most of it, not on all: some want the arguments of a call as a dict and some as a text, some cannot have a message
-- without content, some know no system message. There is a form for each of these; the caller tries one after the other.
--
-- @module opengatellm.llama.forms
local core = require "opengatellm.core"
local json_reader = require "opengatellm.jinja.json_reader"
local text = require "opengatellm.jinja.text"
local value = require "opengatellm.jinja.value"
local words = require "opengatellm.base.words"

local M = {}

---@class ogl.llama.Form
---@field filled? boolean what has no content gets an empty text
---@field texts? boolean the arguments of calls stay texts
---@field merged? boolean a system message is the beginning of the user's first one

--- The forms, those first that lose least.
---@type ogl.llama.Form[]
M.list = {
  {}, { filled = true }, { filled = true, texts = true }, { filled = true, merged = true }, { filled = true, merged = true, texts = true },
}

-- Only what the program or the template says may be a role: a role is no foreign text.
local ROLES = words.set "system user assistant tool"

local function role_of(message)
  local role = value.get(message, "role")
  local bytes = text.is(role) and text.bytes(role) or ""
  if bytes == "developer" then bytes = "system" end
  return ROLES[bytes] and bytes or role
end

-- The texts of a list of parts as one text; nil where there are other parts.
local function joined(parts)
  local texts = {}
  for i, part in ipairs(parts) do
    local its_text = value.is_dict(part) and value.get(part, "text")
    if not text.is(its_text) then return nil end
    texts[i] = its_text
  end
  return text.join(texts)
end

local function set_content(message, form)
  local content = value.get(message, "content")
  if value.is_sequence(content) then value.put(message, "content", joined(content) or content) end
  if form.filled and (content == nil or content == value.none) then value.put(message, "content", "") end
end

-- The arguments of a call: read, where they are the text of an object. What prints them gets that text again.
local function set_arguments(call)
  local fn = value.get(call, "function")
  local arguments = value.is_dict(fn) and value.get(fn, "arguments")
  if not arguments or not text.is(arguments) then return end
  local bytes = text.bytes(arguments)
  if type((core.decode(bytes))) ~= "table" then return end
  local dict = json_reader.read(bytes, text.foreign)
  if value.is_dict(dict) then
    dict.printed = arguments
    value.put(fn, "arguments", dict)
  end
end

-- The calls of a message, and their names by their ids.
local function set_calls(message, form, names)
  local calls = value.get(message, "tool_calls")
  for _, call in ipairs(value.is_sequence(calls) and calls or {}) do
    local id, fn = value.get(call, "id"), value.get(call, "function")
    if text.is(id) and value.is_dict(fn) then names[text.bytes(id)] = value.get(fn, "name") end
    if not form.texts then set_arguments(call) end
  end
end

-- A tool's answer gets the name of the tool, which templates ask for and requests need not have.
local function set_name(message, names)
  local id = value.get(message, "tool_call_id")
  if value.get(message, "name") == nil and text.is(id) then value.put(message, "name", names[text.bytes(id)]) end
end

local function merge_system(messages)
  local first, second = messages[1], messages[2]
  if not second or value.get(first, "role") ~= "system" or value.get(second, "role") ~= "user" then return end
  local system, user = value.get(first, "content"), value.get(second, "content")
  if not text.is(system) or not text.is(user) then return end
  value.put(second, "content", text.join { system, "\n\n", user })
  table.remove(messages, 1)
end

--- Writes messages in a form; raises a mistake where they are none.
---@param messages ogl.jinja.List of dicts, which are changed
---@param form ogl.llama.Form
function M.write(messages, form)
  local names = {}
  for _, message in ipairs(messages) do
    value.put(message, "role", role_of(message))
    set_content(message, form)
    set_calls(message, form, names)
    set_name(message, names)
  end
  if form.merged then merge_system(messages) end
end

return M
