--- Operations: the calls of a server beside chat and embeddings. A row of a table describes each.
--
-- A row is { name, "METHOD /path", meaning, … }:
--
--   name        as users write it: "rerank" is client:rerank{…}, "keys.create" is client.keys:create{…}
--   parameters  lines (parameter.lua) for the parameters of the path; the user gives these first, in the path's order
--   query, body, form   lines for the parameters of the address, of a JSON object, of a multipart form
--   own         lines for the parameters that the library uses itself and does not send
--   result      the kind of the result: a shape (shape.lua), "list of" one, "text", or "bytes" (download.lua)
--   names       parameter -> name on the wire, where it differs
--   absent      parameters that the newest servers do not have (change_log.lua says which had)
--   complete    the operation that gives the fields that an update has to repeat, because it replaces the whole object
--   rule        checks parameters that depend on one another: function(options) -> name, problem
--   state       the member of an answer that holds the state of a job: an `error` beside it describes the job, not the call
--   media       of bytes: their medium ("audio"); an answer that is JSON, a page or words instead is an error
--   prepare     function(options, context) -> options | nil, err | nil, name, problem
--   finish      function(value, context, decoded) -> result | nil, err | nil, "what was expected"
--   send        function(context, fields) -> result | nil, err: makes the whole call, in place of one request
--   inference   the call changes nothing on the server, so it may be sent again
--   common      other servers have it too;   only_others: other servers have it, and OpenGateLLM does not (server_dialects.lua has their forms)
--   dialect     its key in a provider's dialects, if that is not its first word
--   follow      the route that the client asks after the first
--   root        the path does not stand under /v1;   slashes: slashes in an id are part of it
--   anonymous   it needs no key;   max_file: bytes that a file may have
--
-- Documentation and type annotations are made of the same rows (docs/generate.lua).
--
-- @module opengatellm.operations
local page = require "opengatellm.operations.page"
local invocation = require "opengatellm.operations.invocation"
local registry = require "opengatellm.operations.registry"

local M = {}

local methods, resources = {}, {} -- by name; a resource's methods by theirs

local Resource = {}

-- Splits a name: "admin.users.list" is `list` in the resource "admin.users"; a name without a dot is a method of the client.
local function holder(name)
  local path, last = name:match "^(.*)%.([%w_]+)$"
  if not path then return methods, name end
  resources[path] = resources[path] or {}
  local outer, inner = path:match "^(.*)%.([%w_]+)$"
  if outer then resources[outer] = resources[outer] or {} end
  if outer then resources[outer][inner] = path end -- a resource in a resource
  return resources[path], last
end

-- Operations that middleware sees: those of models, whose parameters are all in one table.
local function is_seen(operation) return operation.inference and not operation.ids[1] end

local function method(operation)
  local name, seen = operation.name, is_seen(operation)
  return function(self, ...)
    local client = self.client or self
    if seen and client.chain and type((...)) == "table" then
      local result, err = client:through(name, (...), function(options) return invocation.call(client, name, 2, options) end)
      return result, err
    end
    local result, err = invocation.call(client, name, 2, ...)
    return result, err -- no tail call: a mistake is the caller's, and error() counts the frames to it
  end
end

-- Iterates over the list of that name, page by page; the ids of its path come first, as for the list.
local function walk(operation, each)
  local count = #operation.ids
  return function(self, ...)
    local client, ids = self.client or self, { ... }
    local options = ids[count + 1]
    return each(function(place)
      ids[count + 1] = place
      local list, err = invocation.call(client, operation.name, 4, (table.unpack or unpack)(ids, 1, count + 1))
      return list, err
    end, options)
  end
end

for _, operation in ipairs(registry.all()) do
  local where, name = holder(operation.name)
  where[name] = method(operation)
  local each = operation.query and (operation.query.offset and page.each or operation.query.after and page.each_after)
  if each then where[name == "list" and "each" or "each_" .. name] = walk(operation, each) end
end

function Resource.__index(resource, name)
  local found = resources[resource.path][name]
  if type(found) ~= "string" then return found end
  local inner = setmetatable({ client = resource.client, path = found }, Resource)
  rawset(resource, name, inner)
  return inner
end

function Resource.__tostring(resource) return "opengatellm.client." .. resource.path end

--- Finds what a name means on a client: a method, which all clients share, or a resource, made for this one; nil for any other name.
---@param client ogl.Client
---@param name string
---@return any
function M.bind(client, name)
  if methods[name] then return methods[name] end
  if not resources[name] then return nil end
  local resource = setmetatable({ client = client, path = name }, Resource)
  rawset(client, name, resource)
  return resource
end

return M
