--- Chat Completions: encodes messages of the assistant that go back to a server.
--
-- A plain answer is a text and calls. Parts that only its own server can read go back there under their own names: members of the message
-- (`reasoning_details`, `thinking_blocks`), members beside a call (its signature is their JSON), and parts of a content that is a list
-- (Mistral's thoughts).
--
-- @module opengatellm.protocol.openai_chat_said
local json = require "opengatellm.json"
local messages = require "opengatellm.protocol.messages"

local NAME = "openai_chat"

-- Calls -----------------------------------------------------------------------------------------------------------

local RESERVED = { id = true, type = true, index = true, ["function"] = true, custom = true }

-- Puts back the members that stood beside a call; gives false if the signature is not from this server.
local function add_members(out, call, own)
  local members = own and messages.members(call.signature)
  if not members then return call.signature == nil end
  for name, value in pairs(members) do
    if not RESERVED[name] then out[name] = value end
  end
  return true
end

local function encode_call(call, said)
  if not call.name then return call end -- it is in the protocol's form already
  local out = { id = call.id, type = "function" }
  if call.type == "custom" then
    out.type, out.custom = "custom", { name = call.name, input = call.arguments or "" }
  else
    out["function"] = { name = call.name, arguments = call.arguments or "{}" }
  end
  said.left = not add_members(out, call, said.own) or said.left
  return messages.add_extra(out, call, said.from_here)
end

-- Signs the first call with a word that Gemini accepts in place of a signature, since it refuses unsigned calls in this protocol too. A
-- gateway does that itself (`signs_calls` of its provider).
local function sign(calls, target)
  local word, first = target.row.signs_calls, calls[1]
  if not word or target.provider.signs_calls or first.extra_content or first["function"] == nil then return end
  calls[1] = {}
  for name, value in pairs(first) do calls[1][name] = value end -- a copy, because the first may be the caller's table
  calls[1].extra_content = { google = { thought_signature = word } }
end

-- Content -----------------------------------------------------------------------------------------------------------

local MEDIA = { images = true, audio = true } -- the model made them, but the server takes no media from an assistant

local encode_part = {}

function encode_part.text(part, said)
  said.listed = said.listed or said.from_here and (part.extra or part.cache_control) ~= nil
  return messages.add_extra({ type = "text", text = part.text }, part, said.from_here)
end

function encode_part.refusal(part, said)
  local text = part.text or part.refusal
  if said.refusal then return nil end -- it goes into a field of its own
  if said.target.provider.no_refusal or not said.from_here then return { type = "text", text = text } end
  said.listed = true
  return { type = "refusal", refusal = text }
end

-- Encodes a thought that came as a part of the content.
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

function encode_part.tool_call() end -- calls stand beside the content

-- Whether a content is only texts, as in most replies.
local function is_text(content)
  if type(content) ~= "table" then return true end
  for _, part in ipairs(content) do
    if type(part) ~= "string" and (part.type ~= "text" or part.extra or part.cache_control) then return false end
  end
  return true
end

-- Encodes the content as a list; it is sent if a text could not hold it all (`listed`).
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

-- Puts a refusal into its field, or into the text for servers that do not know that field.
local function add_refusal(out, refusal, provider)
  if type(refusal) ~= "string" then return end
  if not provider.no_refusal then out.refusal = refusal
  elseif type(out.content) == "table" and out.content ~= json.null then table.insert(out.content, { type = "text", text = refusal })
  elseif not (type(out.content) == "string" and out.content:find(refusal, 1, true)) then
    out.content = (type(out.content) == "string" and out.content or "") .. refusal
  end
end

-- Adds the calls. Servers with `echo_reasoning` think between calls, and refuse the request without those thoughts, empty ones too.
local function add_calls(out, message, said)
  local calls, provider = messages.calls(message), said.target.provider
  if not calls[1] then return end
  out.tool_calls = {}
  for i, call in ipairs(calls) do out.tool_calls[i] = encode_call(call, said) end
  if not (said.own and said.from_here) then sign(out.tool_calls, said.target) end
  if out.content == "" or out.content == nil then out.content = json.null end
  if provider.echo_reasoning then out[provider.echo_reasoning] = message.reasoning or "" end
end

--- Encodes a message of the assistant.
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
