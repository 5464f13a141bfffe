--- Messages: the builders, and the check of a conversation before it is sent.
--
--   { role = "system" | "developer" | "user" | "assistant" | "tool", content = string | list of parts, … }
--
-- A part is a string or a table: {type = "text", text}, what ogl.image, ogl.audio and ogl.file make, or a table in the server's own
-- form. A reply is a message of the assistant: it goes back as it is.
--
-- @module opengatellm.request.message
local json = require "opengatellm.json"

local M = {}

---@class ogl.Message
---@field role "system"|"developer"|"user"|"assistant"|"tool"
---@field content? string|(string|table)[]
---@field text? string of a reply
---@field tool_calls? {id?: string, name: string, arguments: string}[]
---@field tool_call_id? string of a tool's answer
---@field is_error? boolean of a tool's answer: it failed
---@field name? string
---@field protocol? string of a reply: the protocol that brought it; no other gets its signatures and opaque parts back
---@field provider? string of a reply: the provider that sent it, if no other can read those; absent: the provider that is asked
---@field refusal? string
---@field cache_control? table its mark for the prompt cache there
---@field extra? table its other fields there

local function content_of(where, ...)
  local n, first = select("#", ...), (...)
  if n == 0 or first == nil then error("ogl." .. where .. ": a text or a list of parts is needed", 3) end
  if n > 1 then return { ... } end
  if type(first) == "table" and first.type then return { first } end
  if type(first) ~= "string" and type(first) ~= "table" then
    error("ogl." .. where .. ": expected string or table, got " .. type(first), 3)
  end
  return first
end

--- Makes a message that tells the model how to behave. Several arguments are parts of one message.
---@param ... string|table
---@return ogl.Message
function M.system(...) return { role = "system", content = content_of("system", ...) } end

--- Makes a message of the user: `ogl.user("Look:", ogl.image { path = "cat.png" })`.
---@param ... string|table
---@return ogl.Message
function M.user(...) return { role = "user", content = content_of("user", ...) } end

--- Makes a message that the model said before.
---@param ... string|table
---@return ogl.Message
function M.assistant(...) return { role = "assistant", content = content_of("assistant", ...) } end

--- Makes the message with a tool's answer: a string, or any value that JSON can hold.
---@param id string the call's id
---@param value any
---@return ogl.Message
function M.tool_result(id, value)
  if type(id) ~= "string" then error("ogl.tool_result: id: expected string, got " .. type(id), 2) end
  if value == nil then error("ogl.tool_result: a value is needed (ogl.null says: nothing)", 2) end
  return { role = "tool", tool_call_id = id, content = type(value) == "string" and value or json.encode(value) }
end

-- Loads the module with the first medium, because most programs send only texts.
local function media() return require "opengatellm.request.media" end

--- Makes a picture for a message's content. If `mime` is not given, the bytes tell it.
---@param source {url?: string, path?: string, data?: string, mime?: string, detail?: string}
function M.image(source) return media().part("image", source, 3) end

--- Makes a recording for a message's content.
---@param source {url?: string, path?: string, data?: string, mime?: string}
function M.audio(source) return media().part("audio", source, 3) end

--- Makes a document for a message's content.
---@param source {url?: string, path?: string, data?: string, mime?: string, name?: string}
function M.file(source) return media().part("file", source, 3) end

-- Checks ----------------------------------------------------------------------------------------------------------

local ROLES = { system = true, developer = true, user = true, assistant = true, tool = true, ["function"] = true }

local function check_part(part, where)
  if type(part) == "string" then return nil end
  if type(part) ~= "table" then return where .. ": expected string or table, got " .. type(part) end
  if type(part.type) ~= "string" then return where .. ".type: expected string, got " .. type(part.type) end
  if part.type == "text" and type(part.text) ~= "string" then
    return where .. ".text: expected string, got " .. type(part.text)
  end
end

local function check_call(call, where)
  if type(call) ~= "table" then return where .. ": expected table, got " .. type(call) end
  local inner = call["function"] or call.custom or call
  if type(inner) ~= "table" or type(inner.name) ~= "string" then return where .. ".name: expected string" end
end

local function check_list(list, where, check)
  if type(list) ~= "table" then return where .. ": expected table, got " .. type(list) end
  for i, item in ipairs(list) do
    local problem = check(item, where .. "[" .. i .. "]")
    if problem then return problem end
  end
end

-- Whether a message is of the usual, correct form. This spares making its name for an error.
local function is_plain(message)
  return type(message) == "table" and ROLES[message.role] and type(message.content) == "string" and not message.tool_calls
    and message.role ~= "tool"
end

local function check_message(message, where)
  if type(message) ~= "table" then return where .. ": expected table, got " .. type(message) end
  if not ROLES[message.role] then
    return where .. ".role: expected system, user, assistant or tool, got " .. tostring(message.role)
  end
  local content = message.content
  if content == nil or content == json.null then
    if message.role ~= "assistant" then return where .. ".content: a text or a list of parts is needed" end
  elseif type(content) == "table" then
    local problem = check_list(content, where .. ".content", check_part)
    if problem then return problem end
  elseif type(content) ~= "string" then
    return where .. ".content: expected string or table, got " .. type(content)
  end
  if message.role == "tool" and type(message.tool_call_id) ~= "string" then
    return where .. ".tool_call_id: expected string, got " .. type(message.tool_call_id)
  end
  if message.tool_calls then return check_list(message.tool_calls, where .. ".tool_calls", check_call) end
end

--- Says what is wrong with a list of messages; gives nil if nothing is.
---@param messages any
---@return string?
function M.check(messages)
  if type(messages) == "table" and messages.role then
    return "messages: expected a list of messages, got one message: write { message }"
  end
  if type(messages) ~= "table" then return "messages: expected a list of messages, got " .. type(messages) end
  for i = 1, #messages do
    local message = messages[i]
    local problem = not is_plain(message) and check_message(message, "messages[" .. i .. "]")
    if problem then return problem end
  end
  if not messages[1] then return "messages: at least one is needed" end
end

return M
