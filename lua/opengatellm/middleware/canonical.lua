--- Canonical texts: what a call asks, as one text that is the same for calls that ask the same.
--
-- The text is sorted JSON of the request as the middleware sees it, with the operation, the provider, its address and the model; of a
-- router, with all its rows. Headers, timeouts, and how the answer is to be kept or delivered are not in it. A file on the disk stands as
-- the hash of its bytes.
--
-- @module opengatellm.middleware.canonical
local core = require "opengatellm.core"
local json = require "opengatellm.json"
local words = require "opengatellm.base.words"

local M = {}

local LEFT_OUT = words.set "headers timeouts keep on_progress no_streaming concurrency batch"

local DEEPEST = 64 -- levels of tables

local copied -- a value without what is no part of a question; nil and false where it cannot be written

local function file_of(path)
  local file = io.open(path, "rb")
  if not file then return nil, false end
  local bytes = file:read "*a"
  file:close()
  return bytes and core.sha1(bytes)
end

local function table_of(value, depth)
  local out = setmetatable({}, getmetatable(value))
  for key, inner in next, value do
    local text, failed = copied(inner, depth + 1)
    if failed == false then return nil, false end
    out[key] = text
  end
  if type(value.path) == "string" and value.type ~= nil and value.data == nil and value.url == nil then
    local hash, failed = file_of(value.path)
    if failed == false then return nil, false end
    out.path = "sha1:" .. hash
  end
  return out
end

function copied(value, depth)
  local kind = type(value)
  if kind == "function" or kind == "thread" or depth > DEEPEST then return nil, false end
  if kind == "table" then return table_of(value, depth) end
  return value
end

-- Who answers: a client, or the rows of a router.
local function target_of(call)
  local client = call.client
  if not client.rows then return { client.provider.name, client.provider.protocol, client.api or "", client.rag_api or "" } end
  local rows = {}
  for i, row in ipairs(client.rows) do
    rows[i] = { row.name, row.client.provider.name, row.client.api or "", row.model or "" }
  end
  return rows
end

--- Writes what a call asks. A chat and a stream of the same request have the same text.
---@param call ogl.MiddlewareCall
---@param namespace? string
---@return string? text nil where the request has what cannot be written: a function, a file that cannot be read
function M.of(call, namespace)
  local asked = {}
  for name, value in pairs(call.request) do
    if not LEFT_OUT[name] then asked[name] = value end
  end
  local request, failed = copied(asked, 1)
  if failed == false then return nil end
  local operation = call.operation == "stream" and "chat" or call.operation
  local fine, text = pcall(json.encode, { operation, target_of(call), call.model or "", namespace or "", request })
  return fine and text or nil
end

return M
