--- Tool forms: how models write calls of tools, and how these are read.
--
-- A form reads what stands behind its mark. It says nil where more has to come, false where this is no call; else the calls, and the
-- byte behind them.
--
-- @module opengatellm.llama.tool_forms
local core = require "opengatellm.core"

local M = {}

---@class ogl.llama.Call
---@field name string
---@field arguments string the JSON text of an object

-- The JSON text of the arguments, which some models write as a text inside of the JSON.
local function arguments_of(json)
  local raw = core.member(json, "arguments") or core.member(json, "parameters") or "{}"
  local value = core.decode(raw)
  if type(value) == "string" then raw, value = value, (core.decode(value)) end
  return type(value) == "table" and raw:find "^%s*{" and raw or nil
end

-- The call in a JSON object; nil where it is none.
local function call_of(json)
  local value = core.decode(json)
  local name, arguments = type(value) == "table" and value.name, arguments_of(json)
  if type(name) ~= "string" or name == "" or not arguments then return nil end
  return { name = name, arguments = arguments }
end

-- Where the blanks from a byte on end; nil where nothing else is there yet.
local function behind_blanks(text, at)
  at = text:match("^%s*()", at)
  return at <= #text and at or nil
end

-- Whether a text goes on with a word: true, false, or nil where it may yet.
local function goes_on(text, at, word)
  local part = text:sub(at, at + #word - 1)
  if part == word then return true end
  if at + #part > #text and word:sub(1, #part) == part then return nil end
  return false
end

-- An object of JSON from a byte on: its text, and the byte behind it.
local function object_at(reader, at)
  if reader.held:sub(at, at) ~= "{" then return false end
  local last = reader:json_end(at)
  if not last then return nil end
  return reader.held:sub(at, last), last + 1
end

-- The schema of a tool's parameter; nothing where the tool is not known by more than its name.
local function schema_of(tool, name)
  local parameters = type(tool) == "table" and type(tool.parameters) == "table" and tool.parameters
  local properties = parameters and type(parameters.properties) == "table" and parameters.properties
  return properties and type(properties[name]) == "table" and properties[name] or {}
end

-- The JSON of a value that was written as it is: a text, unless the parameter may be no text and the value can be read as JSON.
local function json_of(words, schema)
  local may_be_text = schema.type == "string"
  for _, each in ipairs(type(schema.type) == "table" and schema.type or {}) do may_be_text = may_be_text or each == "string" end
  if may_be_text or core.decode(words) == nil then return core.encode(words) end
  return words
end

-- One parameter of a call in tags, and the byte behind it.
local function parameter_at(reader, at, tool)
  local found = goes_on(reader.held, at, "<parameter=")
  if not found then return found end
  local name, first = reader.held:match("^<parameter=([^>\n]+)>\n?()", at)
  local last, behind = reader.held:match("()\n?</parameter>()", first or at)
  if not first or not last then return nil end
  return core.encode(name) .. ": " .. json_of(reader.held:sub(first, last - 1), schema_of(tool, name)), behind
end

-- Qwen's later models: <function=name><parameter=name>value</parameter>…</function>. Gives the call, and the byte behind it.
local function tagged_at(reader, at)
  local name, next_at = reader.held:match("^<function=([^>\n]+)>()", at)
  if not name then return nil end
  local members = {}
  while true do
    next_at = behind_blanks(reader.held, next_at)
    if not next_at then return nil end
    local ended = goes_on(reader.held, next_at, "</function>")
    if ended then return { name = name, arguments = "{" .. table.concat(members, ", ") .. "}" }, next_at + #"</function>" end
    if ended == nil then return nil end
    local member, behind = parameter_at(reader, next_at, reader.tools[name])
    if not member then return member end
    members[#members + 1], next_at = member, behind
  end
end

-- A call in JSON, and the byte behind it.
local function json_call_at(reader, at)
  local json, behind = object_at(reader, at)
  if not json then return json end
  return call_of(json) or false, behind
end

local CLOSE = "</tool_call>"

-- Hermes and Qwen: <tool_call>{"name": …, "arguments": {…}}</tool_call>, or tags in it. The end of the answer may stand for the last mark.
local function hermes(reader, from)
  local at = behind_blanks(reader.held, from)
  if not at then return nil end
  local tagged = goes_on(reader.held, at, "<function=")
  if tagged == nil then return nil end
  local call, behind = (tagged and tagged_at or json_call_at)(reader, at)
  if not call then return call end
  local mark_at = behind_blanks(reader.held, behind) or #reader.held + 1
  local closed = goes_on(reader.held, mark_at, CLOSE)
  if closed == nil and not reader.ended then return nil end
  if closed == false then return false end
  return { call }, closed and mark_at + #CLOSE or #reader.held + 1
end

-- Llama 3: {"name": …, "parameters": {…}}, several with semicolons or line ends between them. The tools have to be known: another object
-- is an answer.
local function llama(reader, from)
  local calls, at = {}, from
  while true do
    local next_at = behind_blanks(reader.held, at)
    if next_at and calls[1] and reader.held:sub(next_at, next_at) == ";" then next_at = behind_blanks(reader.held, next_at + 1) end
    if not next_at and not reader.ended then return nil end
    if not next_at or calls[1] and reader.held:sub(next_at, next_at) ~= "{" then break end
    local json, behind = object_at(reader, next_at)
    if json == nil and not reader.ended then return nil end
    local call = json and call_of(json)
    if not call or not reader.tools[call.name] then break end
    calls[#calls + 1], at = call, behind
  end
  return calls[1] and calls or false, at
end

-- A list of calls: [{"name": …, "arguments": {…}}, …].
local function list_of_calls(reader, at)
  local last = reader:json_end(at)
  if not last then return nil end
  local calls, inner = {}, reader.held:match("^%s*()", at + 1)
  while inner < last do
    local json, behind = object_at(reader, inner)
    local call = json and call_of(json)
    if not call then return false end
    calls[#calls + 1] = call
    inner = reader.held:match("^[%s,]*()", behind)
  end
  return calls[1] and calls or false, last + 1
end

-- Mistral: [TOOL_CALLS] and a list of calls; or, in its later models, a name, [ARGS] and an object.
local function mistral(reader, from)
  local at = behind_blanks(reader.held, from)
  if not at then return nil end
  if reader.held:sub(at, at) == "[" then return list_of_calls(reader, at) end
  local name, behind = reader.held:match("^([%w_.-]+)()", at)
  if not name then return false end
  local object = reader.held:match("^%[CALL_ID%][%w_-]*()", behind) or behind
  object = reader.held:match("^%[ARGS%]()", object) or object
  object = behind_blanks(reader.held, object)
  if not object then return nil end
  if reader.held:sub(object, object) == "[" and #reader.held - object < 40 then return nil end -- one of the two marks, not yet whole
  local json, past = object_at(reader, object)
  if not json then return json end
  local arguments = arguments_of('{"arguments":' .. json .. "}")
  if not arguments then return false end
  return { { name = name, arguments = arguments } }, past
end

--- The forms by the mark that stands in front of a call.
---@type table<string, fun(reader: ogl.llama.Output, from: integer): ogl.llama.Call[]|false|nil, integer?>
M.by_mark = { ["<tool_call>"] = hermes, ["[TOOL_CALLS]"] = mistral, ["<|python_tag|>"] = llama }

-- What a template says that asks for a form; the first that is there counts.
local SIGNS = {
  { "<tool_call>", "hermes" }, { "[ARGS]", "mistral_named" }, { "[TOOL_CALLS]", "mistral" }, { '"parameters"', "llama" },
  { "<|python_tag|>", "llama" },
}

--- Says in which form a model writes calls.
---@param source? string its chat template
---@return "hermes"|"llama"|"mistral"|"mistral_named"
function M.form_of(source)
  for _, row in ipairs(SIGNS) do
    if source and source:find(row[1], 1, true) then return row[2] end
  end
  return "hermes"
end

-- How an object begins that may be a call.
local BEGINNINGS = { '"name"', '"type"', '"parameters"', '"function"' }

-- Whether an answer so far may be a call without a mark: nil where that cannot be said yet.
local function may_be_call(text)
  local at = behind_blanks(text, 1)
  if not at then return nil end
  if text:sub(at, at) ~= "{" then return false end
  at = behind_blanks(text, at + 1)
  if not at then return nil end
  for _, word in ipairs(BEGINNINGS) do
    local found = goes_on(text, at, word)
    if found ~= false then return found end
  end
  return false
end

--- The form of calls without a mark, which are the whole answer.
---@param reader ogl.llama.Output
---@param from integer
---@return ogl.llama.Call[]|false|nil calls
---@return integer? behind
function M.bare(reader, from)
  local may_be = may_be_call(reader.held)
  if not may_be then return may_be end
  return llama(reader, from)
end

return M
