--- Messages on their way to a protocol: encodes their parts and calls, and decides which signatures and opaque parts a server gets.
--
-- Signatures and opaque parts of a reply, which only one server or its protocol can read, go back there byte for byte. For all others they
-- are left out, with a warning.
--
-- @module opengatellm.protocol.messages
local core = require "opengatellm.core"
local json = require "opengatellm.json"

local M = {}

--- Gives a message's content as a list of parts; a text becomes one part.
---@param content string|(string|table)[]|nil
---@return table[]
function M.parts(content)
  if type(content) == "string" then return { { type = "text", text = content } } end
  local parts = {}
  for i, part in ipairs(type(content) == "table" and content or {}) do
    parts[i] = type(part) == "string" and { type = "text", text = part } or part
  end
  return parts
end

--- Gives the text that the assistant said, from a reply, from a list of parts, or from a text.
---@param message ogl.Message
---@return string?
function M.text(message)
  if type(message.text) == "string" then return message.text end
  if type(message.content) ~= "table" then return message.content end
  local texts = {}
  for _, part in ipairs(message.content) do
    if type(part) == "string" then texts[#texts + 1] = part
    elseif part.type == "text" or part.type == "refusal" then texts[#texts + 1] = part.text or part.refusal end
  end
  return table.concat(texts)
end

-- Makes a tool call part of a call in our form or in that of Chat Completions.
local function call_of(call)
  local inner = call["function"] or call.custom or call
  return {
    type = "tool_call", id = call.id, name = inner.name, arguments = inner.arguments or inner.input, signature = call.signature,
    cache_control = call.cache_control,
  }
end

--- Gives the parts of an assistant's message in order, tool calls included. A reply without `content`, made by the program, gives its
--- text, then its calls.
---@param message ogl.Message
---@return table[]
function M.said(message)
  local content = message.content
  if content == nil or content == json.null or type(content) == "table" and not content[1] then content = message.text end
  local parts, called, refused = {}, false, type(message.refusal) ~= "string" or message.refusal == ""
  for i, part in ipairs(M.parts(content)) do
    parts[i], called, refused = part, called or part.type == "tool_call", refused or part.type == "refusal"
  end
  if not refused then parts[#parts + 1] = { type = "refusal", text = message.refusal } end
  if called then return parts end
  for _, call in ipairs(message.tool_calls or {}) do parts[#parts + 1] = call_of(call) end
  return parts
end

--- Gives the tool calls of an assistant's message: those of `tool_calls`, else those among its parts.
---@param message ogl.Message
---@return table[]
function M.calls(message)
  if message.tool_calls and message.tool_calls[1] then return message.tool_calls end
  local calls = {}
  for _, part in ipairs(type(message.content) == "table" and message.content or {}) do
    if type(part) == "table" and part.type == "tool_call" then calls[#calls + 1] = part end
  end
  return calls
end

--- Says whether a part of a reply holds something that only its own protocol can read.
---@param part table
---@return boolean
function M.is_bound(part) return part.signature ~= nil or part.type == "part" or part.type == "citation" end

local MADE = "ogl_call_"

--- Makes the id of the n-th call of a conversation whose protocol gives no ids, because other protocols need one.
---@param n integer
---@return string
function M.made_id(n) return MADE .. n end

--- Gives the id of a call if a server gave it; nil if `made_id` made it.
---@param id? string
---@return string?
function M.given_id(id) return id and id:sub(1, #MADE) ~= MADE and id or nil end

--- Says whether a message came by another protocol than this one.
---@param message ogl.Message
---@param name string of this protocol
---@return boolean
function M.is_foreign(message, name) return message.protocol ~= nil and message.protocol ~= name end

-- Protocols in which a server reads only its own signatures. In the other protocols, every server reads those of every other.
local OF_PROVIDERS = { openai_chat = true, openai_responses = true }

--- Says whether the asked server can read the signatures and opaque parts of a message. A message that does not say where it came from
--- counts as the server's own.
---@param message ogl.Message
---@param name string the protocol
---@param provider? {name?: string}
---@return boolean
function M.is_own(message, name, provider)
  if M.is_foreign(message, name) then return false end
  local asked = OF_PROVIDERS[name] and message.provider and provider and provider.name
  return not asked or asked == message.provider
end

--- Reads a signature that is a JSON object: gives its members, tables among them as raw JSON text; nil for any other signature.
---@param text any
---@return table<string, any>?
function M.members(text)
  if type(text) ~= "string" or not text:find "^%s*{" then return nil end
  local from, to = {}, {}
  local members = core.decode(text, nil, from, to)
  if type(members) ~= "table" then return nil end
  for name, value in pairs(members) do
    if from[value] then members[name] = json.raw(text:sub(from[value], to[value])) end
  end
  return members
end

--- Warns that the parts of a message which only its own server can read were left out.
---@param message ogl.Message
---@param warn fun(field: string, message: string)
function M.warn_of_bound(message, warn)
  local owner = message.provider and OF_PROVIDERS[message.protocol] and message.provider or message.protocol or "another server"
  warn("messages", "parts of a reply that only " .. owner .. " can read were left out: thoughts, signatures, opaque parts, citations")
end

--- Adds the fields that have no name here to an encoded message or part, if it goes back to the protocol that it came by.
---@param out table
---@param from {extra?: table, cache_control?: table}
---@param own boolean
---@return table out
function M.add_extra(out, from, own)
  if not own then return out end
  out.cache_control = from.cache_control
  for key, value in pairs(from.extra or {}) do out[key] = value end
  return out
end

local function note_extra(found, from)
  if from.cache_control then found.cache_control = true end
  for name in pairs(from.extra or {}) do found[name] = true end
end

--- Lists, sorted, the fields without a name here that messages of other protocols than this hold.
---@param list ogl.Message[]
---@param name string
---@return string[]
function M.extra_names(list, name)
  local found, names = {}, {}
  for _, message in ipairs(list) do
    if M.is_foreign(message, name) then
      note_extra(found, message)
      for _, part in ipairs(type(message.content) == "table" and message.content or {}) do note_extra(found, part) end
      for _, call in ipairs(message.tool_calls or {}) do note_extra(found, call) end
    end
  end
  for field in pairs(found) do names[#names + 1] = field end
  table.sort(names)
  return names
end

-- Whether a part names a file by its id on another server.
local function is_elsewhere(part, message, target) return part.id and not part.here and M.is_foreign(message, target.name) end

-- Encodes one part; gives nil if it is left out, or nil and an error.
local function encode_one(part, message, target)
  local own, foreign = message.protocol == target.name, M.is_foreign(message, target.name)
  local encode = target.encode[part.type]
  if part.type == "part" then
    if own and part.json then return json.raw(part.json) end
    return target.warn("messages", target.name .. " cannot take a part of kind " .. tostring(part.kind) .. ": it was left out")
  elseif not encode or part.source then -- it is written in the server's own form
    if not foreign then return target.own and target.own(part) or part end
    return target.warn("messages", target.name .. " cannot take a part of type " .. part.type .. ": it was left out")
  elseif is_elsewhere(part, message, target) then
    return target.warn("messages", ("only %s knows the file of %s by its id: it was left out"):format(message.protocol, part.type))
  end
  local encoded, err = encode(part, own)
  if encoded then return M.add_extra(encoded, part, own) end
  if err == nil then return nil end -- the part is empty
  -- a message written for another protocol may hold parts that this one lacks: that is no mistake of its author
  if not foreign or err.kind ~= "unsupported" then return nil, err end
  target.warn("messages", err.message .. ": it was left out")
end

--- Encodes the parts of a message. Parts of a message of another protocol that this one cannot take are left out, with warnings.
---@param message ogl.Message
---@param target {name: string, encode: table<string, function>, own?: (fun(part: table): table), warn: fun(field: string, message: string)}
---@return table[]?
---@return ogl.Error? err
function M.encode_parts(message, target)
  local out = {}
  for _, part in ipairs(M.parts(message.content)) do
    local encoded, err = encode_one(part, message, target)
    if err then return nil, err end
    out[#out + 1] = encoded
  end
  return json.array(out)
end

--- Says whether all parts of a message were left out. Such a message must not be sent, because servers refuse an empty list.
---@param message ogl.Message
---@param content any its encoded content
---@return boolean
function M.is_emptied(message, content)
  return type(content) == "table" and content[1] == nil and type(message.content) == "table" and message.content[1] ~= nil
end

--- Encodes the parts of an assistant's message: target.encode[type](part, out, own, warn) adds the encoded part to `out`. For another
--- server, signatures and opaque parts are left out, with a warning.
---@param message ogl.Message
---@param target {name: string, provider?: table, encode: table<string, function>, own?: (fun(part: table): table), warn: function}
---@return table[]
function M.encode_said(message, target)
  local out, own, left = json.array {}, M.is_own(message, target.name, target.provider), false
  for _, part in ipairs(M.said(message)) do
    local encode = target.encode[part.type]
    if encode then encode(part, out, own, target.warn)
    elseif not M.is_foreign(message, target.name) then out[#out + 1] = target.own and target.own(part) or part
    else target.warn("messages", target.name .. " cannot take a part of type " .. part.type .. ": it was left out") end
    left = left or not own and M.is_bound(part)
  end
  if left then M.warn_of_bound(message, target.warn) end
  return out
end

--- Gives the arguments of a call as raw JSON; {} with a warning if they are not an object, as in a call that was cut.
---@param part {name: string, arguments?: string}
---@param warn fun(field: string, message: string, code: string)
---@return table raw
function M.arguments(part, warn)
  local text = part.arguments
  local value = text and json.decode(text)
  if type(value) == "table" and text:find "^%s*{" then return json.raw(text) end
  if text and text ~= "" then
    warn("messages", "the arguments of a call of " .. part.name .. " are not a JSON object: {} was sent", "approximated")
  end
  return json.raw "{}"
end

return M
