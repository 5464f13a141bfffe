--- Chat Completions, what the assistant said: its message on its way back.
--
-- A plain answer is a text and calls. What only its own server can read goes back to it under its own name: members of the message
-- (`reasoning_details`, `thinking_blocks`), what stands beside a call (the call's signature, JSON of its members), and parts of a
-- content that is a list (Mistral's thoughts).
--
-- @module opengatellm.protocol.openai_chat_said
local json = require "opengatellm.json"
local messages = require "opengatellm.protocol.messages"

local NAME = "openai_chat"

-- Calls -----------------------------------------------------------------------------------------------------------

local RESERVED = { id = true, type = true, index = true, ["function"] = true, custom = true }

-- Puts back what stood beside a call; false where that is none of this server's.
local function add_members(out, call, own)
  local members = own and messages.members(call.signature)
  if not members then return call.signature == nil end
  for name, value in pairs(members) do
    if not RESERVED[name] then out[name] = value end
  end
  return true
end

local function encode_call(call, said)
  if not call.name then return call end -- in the wire's own form
  local out = { id = call.id, type = "function" }
  if call.type == "custom" then
    out.type, out.custom = "custom", { name = call.name, input = call.arguments or "" }
  else
    out["function"] = { name = call.name, arguments = call.arguments or "{}" }
  end
  said.left = not add_members(out, call, said.own) or said.left
  return messages.add_extra(out, call, said.from_here)
end

-- Gemini refuses calls that are not signed, here as well: a word stands for the signature of the first. Gateways see to that themselves
-- (`signs_calls`).
local function sign(calls, target)
  local word, first = target.row.signs_calls, calls[1]
  if not word or target.provider.signs_calls or first.extra_content or first["function"] == nil then return end
  calls[1] = {}
  for name, value in pairs(first) do calls[1][name] = value end -- it may be the caller's
  calls[1].extra_content = { google = { thought_signature = word } }
end

-- Content -----------------------------------------------------------------------------------------------------------

local MEDIA = { images = true, audio = true } -- what the model made: the server takes none of it from an assistant

local encode_part = {}

function encode_part.text(part, said)
  said.listed = said.listed or said.from_here and (part.extra or part.cache_control) ~= nil
  return messages.add_extra({ type = "text", text = part.text }, part, said.from_here)
end

function encode_part.refusal(part, said)
  local text = part.text or part.refusal
  if said.refusal then return nil end -- it has a field of its own
  if said.target.provider.no_refusal or not said.from_here then return { type = "text", text = text } end
  said.listed = true
  return { type = "refusal", refusal = text }
end

-- A thought is a part of the content where it came as one.
function encode_part.reasoning(part, said)
  local members = messages.members(part.signature)
  if not said.own or not members or members.type ~= "thinking" then
    said.left = said.left or part.signature ~= nil or said.foreign
    return nil
  end
  members.thinking = json.array { { type = "text", text = part.text or "" } }
  said.listed = true
  return members
end

function encode_part.part(part, said)
  if not said.own or not part.json then
    said.left = true
  elseif part.kind == "content" then
    said.listed = true
    return json.raw(part.json)
  elseif part.kind == "audio" then
    local id = (messages.members(part.json) or {}).id
    said.members.audio = id and { id = id } or nil
  elseif MEDIA[part.kind] then
    said.target.warn("messages", "openai_chat takes no " .. part.kind .. " of the assistant: they were left out")
  else
    said.members[part.kind] = json.raw(part.json)
  end
end

function encode_part.citation(_, said) said.left = said.left or said.foreign end

function encode_part.tool_call() end -- they stand beside the content

-- Whether a content is no more than its texts, as that of most replies is.
local function is_text(content)
  if type(content) ~= "table" then return true end
  for _, part in ipairs(content) do
    if type(part) ~= "string" and (part.type ~= "text" or part.extra or part.cache_control) then return false end
  end
  return true
end

-- The content as a list, which is sent where a text would not say it all (`listed`).
local function content_of(message, said)
  if is_text(message.content) then return messages.text(message) end
  local list = json.array {}
  for _, part in ipairs(message.content) do
    if type(part) == "string" then part = { type = "text", text = part } end
    local encode = encode_part[part.type]
    if encode then list[#list + 1] = encode(part, said)
    elseif not said.foreign then list[#list + 1], said.listed = part, true
    else said.target.warn("messages", "openai_chat cannot take a part of type " .. part.type .. ": it was left out") end
  end
  if said.listed then return list end
  return messages.text(message)
end

-- The message -------------------------------------------------------------------------------------------------------

-- A refusal has a field of its own, or is a text to servers that do not know it.
local function add_refusal(out, refusal, provider)
  if type(refusal) ~= "string" then return end
  if not provider.no_refusal then out.refusal = refusal
  elseif type(out.content) == "table" and out.content ~= json.null then table.insert(out.content, { type = "text", text = refusal })
  elseif not (type(out.content) == "string" and out.content:find(refusal, 1, true)) then
    out.content = (type(out.content) == "string" and out.content or "") .. refusal
  end
end

-- Servers that think between tool calls want those thoughts back, empty ones too, and refuse the request without (`echo_reasoning`).
local function add_calls(out, message, said)
  local calls, provider = messages.calls(message), said.target.provider
  if not calls[1] then return end
  out.tool_calls = {}
  for i, call in ipairs(calls) do out.tool_calls[i] = encode_call(call, said) end
  if not (said.own and said.from_here) then sign(out.tool_calls, said.target) end
  if out.content == "" or out.content == nil then out.content = json.null end
  if provider.echo_reasoning then out[provider.echo_reasoning] = message.reasoning or "" end
end

--- The message of an assistant.
---@param message ogl.Message
---@param target {provider: table, row: ogl.ModelRow, warn: fun(field: string, message: string)}
---@return table
return function(message, target)
  local said = {
    target = target, own = messages.is_own(message, NAME, target.provider), from_here = message.protocol == NAME,
    foreign = messages.is_foreign(message, NAME), refusal = message.refusal, members = {}, left = false, listed = false,
  }
  local out = { role = "assistant", name = message.name, content = content_of(message, said) or "" }
  add_calls(out, message, said)
  add_refusal(out, message.refusal, target.provider)
  for name, value in pairs(said.members) do out[name] = value end
  if said.left then messages.warn_of_bound(message, target.warn) end
  return messages.add_extra(out, message, said.from_here)
end
