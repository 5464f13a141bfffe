--- Estimates: how many tokens a request and an answer take, before the server has counted them, or where it never did.
--
-- Routers, limiters, costs and the usage of what broke off all ask here, so that they agree.
--
-- @module opengatellm.chat.estimate
local requests = require "opengatellm.request"

local M = {}

local BYTES_A_TOKEN = 4 -- of prose, in most languages and models
local MEDIA = 1000 * BYTES_A_TOKEN -- a picture counts as many tokens as one of middle size takes, whatever its bytes
local DEEPEST = 12 -- levels of a request that are looked at: messages, parts, schemas

--- How many tokens a text has, by its length.
---@param bytes integer
---@return integer
function M.tokens(bytes) return math.ceil(bytes / BYTES_A_TOKEN) end

-- Requests --------------------------------------------------------------------------------------------------------

-- The bytes that a table takes as JSON, more or less: a tool, a schema, the arguments of a call.
local function bytes_of_data(value, depth)
  local kind = type(value)
  if kind == "string" then return #value + 2 end
  if kind == "number" or kind == "boolean" then return BYTES_A_TOKEN end
  if kind ~= "table" or depth == 0 then return 0 end
  local bytes = 2
  for key, inner in next, value do
    bytes = bytes + bytes_of_data(inner, depth - 1) + (type(key) == "string" and #key + 4 or 1)
  end
  return bytes
end

local function bytes_of_call(call)
  local arguments = call.arguments
  return #(call.name or "") + (type(arguments) == "string" and #arguments or bytes_of_data(arguments, DEEPEST))
end

-- The bytes of a text, a message, a part, or a list of them; the numbers of a list are tokens.
local function bytes_of(value, depth)
  local kind = type(value)
  if kind == "string" then return #value end
  if kind == "number" then return BYTES_A_TOKEN end
  if kind ~= "table" or depth == 0 then return 0 end
  local bytes, content = 0, value.content
  if content ~= nil then bytes = bytes_of(content, depth - 1)
  elseif type(value.text) == "string" then bytes = #value.text
  elseif value.arguments ~= nil then bytes = bytes_of_call(value)
  elseif value.type ~= nil then bytes = MEDIA
  else
    for i = 1, #value do bytes = bytes + bytes_of(value[i], depth - 1) end
  end
  if type(content) == "table" then return bytes end -- the parts of a reply have its calls
  local calls = value.tool_calls
  for i = 1, calls and #calls or 0 do bytes = bytes + bytes_of_call(calls[i]) end
  return bytes
end

local TEXTS = { "messages", "system", "input", "query", "documents", "prompt" } -- fields of requests that a model reads

--- How many tokens a model reads of a request, by the lengths of its texts.
---@param request ogl.Request|table of a chat, or of embeddings, reranking, …
---@return integer
function M.prompt(request)
  local bytes = 0
  for _, name in ipairs(TEXTS) do
    if request[name] ~= nil then bytes = bytes + bytes_of(request[name], DEEPEST) end
  end
  for _, tool in ipairs(type(request.tools) == "table" and request.tools or {}) do
    bytes = bytes + 2 + bytes_of_data(type(tool) == "table" and requests.declared(tool) or tool, DEEPEST)
  end
  if type(request.output) == "table" then bytes = bytes + bytes_of_data(request.output, DEEPEST) end
  return M.tokens(bytes)
end

-- Answers ---------------------------------------------------------------------------------------------------------

--- How many tokens a reply has, by the lengths of its parts.
---@param reply? ogl.Reply|table whole or partial
---@return integer
function M.answer(reply)
  local bytes = 0
  for _, part in ipairs(reply and reply.content or {}) do
    bytes = bytes + #(part.text or "") + #(type(part.arguments) == "string" and part.arguments or "")
  end
  return M.tokens(bytes)
end

local function sent(call) return call.sent or type(call.wire.body) == "string" and #call.wire.body or 0 end

--- The usage of an answer that broke off: as the server said, else by the lengths of what was sent and what came, marked `estimated`.
---@param call ogl.Call
---@param partial? ogl.Reply
---@return ogl.Usage
function M.usage(call, partial)
  local said = partial and partial.usage
  if said and said.output_tokens and said.input_tokens then return said end
  local usage = { estimated = true }
  for name, value in pairs(said or {}) do usage[name] = value end
  usage.input_tokens = usage.input_tokens or M.tokens(sent(call))
  usage.output_tokens = usage.output_tokens or M.answer(partial)
  usage.total_tokens = usage.input_tokens + usage.output_tokens
  return usage
end

return M
