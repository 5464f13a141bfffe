--- Canonical texts: what a call asks, as one key that is the same for all calls that ask for the same.
--
-- The key is the SHA-256 of sorted JSON: the whole request as the middleware sees it, files by their digest; the operation, the provider,
-- its address and protocol, the model, of a router its rows; and the program's own namespace. What only says how an answer is carried
-- (headers, timeouts, …) stays out, and so does what earlier answers say about themselves (their ids, usage, headers).
--
-- @module opengatellm.middleware.canonical
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local media = require "opengatellm.request.media"
local requests = require "opengatellm.request"
local words = require "opengatellm.base.words"

local M = {}

local CARRIED = words.set "headers timeouts keep no_streaming fetch on_progress batch concurrency"
local TOLD = words.set(
  "id model status headers request_id warnings raw complete usage finish_reason raw_finish_reason logprobs choices output search_results "
  .. "attempts citations")
local MEDIA = words.set "image audio file"

-- A part without its bytes, but with their digest; nil where its file cannot be read.
local function digested(part)
  local bytes = media.bytes(part)
  if not bytes then return nil end
  local out = {}
  for name, value in next, part do out[name] = value end
  out.data, out.path = nil, nil
  out.name = part.name or part.path and part.path:match "[^/]*$" or nil -- servers are told the file's name
  out.digest = core.sha256(bytes)
  return out
end

local function is_read(part)
  return type(part) == "table" and MEDIA[part.type] and (type(part.path) == "string" or type(part.data) == "string")
end

-- The content of a message with its files by their digests: the same table where it has none; nil where one cannot be read.
local function content_of(content)
  if type(content) ~= "table" then return content end
  local out
  for i, part in ipairs(content) do
    if is_read(part) then
      out = out or { (table.unpack or unpack)(content) } -- luacheck: compat
      out[i] = digested(part)
      if out[i] == nil then return nil end
    end
  end
  return out or content
end

-- A message as others may have it, too: the same table where it has nothing that must not count.
local function message_of(message)
  if type(message) ~= "table" then return message end
  local content, told = content_of(message.content), false
  if content == nil and message.content ~= nil then return nil end
  for name in next, message do told = told or TOLD[name] end
  if not told and content == message.content then return message end
  local out = { content = content }
  for name, value in next, message do
    if not TOLD[name] and name ~= "content" then out[name] = value end
  end
  return out
end

local function messages_of(messages)
  if type(messages) ~= "table" then return messages end
  local out = {}
  for i, message in ipairs(messages) do
    out[i] = message_of(message)
    if out[i] == nil then return nil end
  end
  return out
end

-- How the program runs its tools makes no other answer.
local function tools_of(list)
  if type(list) ~= "table" then return list end
  local out = {}
  for i, tool in ipairs(list) do out[i] = type(tool) == "table" and requests.declared(tool) or tool end
  return out
end

local function asked_of(request)
  local out = {}
  for name, value in next, request do
    if not CARRIED[name] then out[name] = value end
  end
  out.messages, out.tools = messages_of(request.messages), tools_of(request.tools)
  if out.messages == nil and request.messages ~= nil then return nil end
  return out
end

local function server_of(client) return { client.provider.name, client.provider.protocol, client.api or client.root or false } end

local function rows_of(client)
  if not client.rows then return nil end
  local list = {}
  for i, row in ipairs(client.rows) do
    list[i] = { name = row.name, model = row.model or row.client.model_name or nil, server = server_of(row.client) }
  end
  return list
end

-- The namespace of a call; false: it shares nothing with other calls.
local function space_of(call, given)
  if type(given) ~= "function" then return given or "" end
  local space = given(call)
  if space == nil or space == false then return false end
  if type(space) == "string" then return space end
  local message = "namespace: the function returned a " .. type(space) .. "; expected a text, or nil"
  return nil, errors.new { kind = "config", code = "namespace", message = message }
end

--- Makes the key of a call.
---@param call ogl.MiddlewareCall
---@param operation string that the key tells apart
---@param namespace? string|fun(call: ogl.MiddlewareCall): string|false|nil a text, or a function; where it gives none the call has no key
---@return string? key nil where the call shares nothing: it has no namespace, or one of its files or values cannot be read
---@return ogl.Error? err `config`: what the function of the namespace returned is no text
function M.key(call, operation, namespace)
  local space, err = space_of(call, namespace)
  if not space then return nil, err end
  local asked = asked_of(call.request)
  if not asked then return nil end
  local fine, text = pcall(json.encode, {
    operation = operation, namespace = space, model = call.model, server = server_of(call.client), rows = rows_of(call.client),
    asked = asked,
  })
  return fine and core.sha256(text) or nil
end

return M
