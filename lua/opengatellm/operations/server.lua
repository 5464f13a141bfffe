--- The server's version: the client's options name it, or the client finds it once for each address.
--
-- No header tells it. `/openapi.json` does, but the number in it is the operator's own and may be wrong, so the routes in it have
-- the last word; where an operator hides it, a few routes are asked that came or changed with a version (reference: the
-- probes are in the notes of the releases 0.4.5, 0.7, 0.8 and 0.9).
--
-- @module opengatellm.operations.server
local call = require "opengatellm.http.call"
local core = require "opengatellm.core"

local M = {}

local NEWEST = math.huge

--- Makes a version a number that can be compared: "0.9.2" < "0.10". "main" is newer than all. nil: the text is not a version.
---@param text string
---@return number?
function M.parse(text)
  if text == "main" then return NEWEST end
  local major, minor, patch = text:match "^v?(%d+)%.(%d+)%.?(%d*)"
  if not major then return nil end
  return tonumber(major) * 1e6 + tonumber(minor) * 1e3 + (tonumber(patch) or 0)
end

-- The document ----------------------------------------------------------------------------------------------------

-- Whether the document has a route, by method and path.
local function has(paths, method, path)
  local found = paths[path]
  return type(found) == "table" and found[method] ~= nil
end

local function wants_dates(paths)
  local usage = has(paths, "get", "/v1/usage") and paths["/v1/usage"].get
  for _, parameter in ipairs(type(usage) == "table" and usage.parameters or {}) do
    if parameter.name == "start_time" then return parameter.required == true end
  end
  return false
end

-- Tests of a document's routes, newest first: a version, and whether the document is at least of that version.
local SIGNS = {
  { "0.9.3", function(paths) return has(paths, "get", "/v1/organizations/me") end },
  { "0.9", function(paths) return has(paths, "patch", "/v1/keys/{key_id}") end },
  { "0.8", wants_dates },
  { "0.7", function(paths) return has(paths, "get", "/v1/me") end },
  { "0.4.5", function(paths) return has(paths, "get", "/health/models") end },
}

-- Finds the version of a document; its routes correct its number. A document without these routes tells no version: the operator hides
-- them.
local function of_document(document)
  local paths = type(document.paths) == "table" and document.paths or {}
  local stated = type(document.info) == "table" and type(document.info.version) == "string" and M.parse(document.info.version) or nil
  local least
  for _, sign in ipairs(SIGNS) do
    if sign[2](paths) then
      least = M.parse(sign[1])
      break
    end
  end
  local old = has(paths, "get", "/v1/me/info") and not has(paths, "get", "/v1/me")
  if old and (not stated or stated >= M.parse "0.7") then return least or M.parse "0.4.1" end
  if least and (not stated or stated < least) then return least end
  return stated
end

-- The probes ------------------------------------------------------------------------------------------------------

-- Asks for the status of a route, and the error with it; gives nil and the error if no answer comes.
local function status_of(client, path, root)
  local exchange, status = call.new(client, { method = "GET", path = path, root = root, repeatable = "always" }):send()
  if exchange then
    exchange:close()
    return status
  end
  return status.status, status
end

-- The route, and what its status means: a version, or the next probe. A refused key still tells that a route is there; where the
-- probe is of what the route answers (`open`), it tells nothing, and the caller's own call would be refused too.
local PROBES = {
  me = { "/me", { [404] = "health", other = "usage" } },
  health = { "/health/models", { [404] = "0.4.1", other = "parse" }, root = true },
  parse = { "/parse-beta", { [405] = "0.4.5", other = "0.6" } }, -- it takes POST alone
  usage = { "/usage?limit=1", { [200] = "0.7", other = "keys" }, open = true },
  keys = { "/keys?limit=1&status=none", { [422] = "0.9", other = "0.8" }, open = true }, -- 0.8 does not look at a status
}

local function probe(client, name)
  local row = PROBES[name]
  local status, err = status_of(client, row[1], row.root)
  if not status or row.open and err and err.kind == "auth" then return nil, err end
  local outcome = row[2][status] or row[2].other
  if PROBES[outcome] then return probe(client, outcome) end
  return M.parse(outcome)
end

local function find(client)
  local body, head = call.fetch(client, { method = "GET", path = "/openapi.json", root = true, repeatable = "always" })
  if body then
    local document = core.decode(body)
    local version = type(document) == "table" and of_document(document)
    if version then return version end
  elseif not head.status then
    return nil, head -- the server does not answer, and would not answer a probe either
  end
  return probe(client, "me")
end

-- The client's ----------------------------------------------------------------------------------------------------

--- Gives the version of a client's server without asking it: the pinned one, or the one that was found before.
---@param client table
---@return number? version
function M.known(client)
  return client.version and M.parse(client.version) or client.shared.versions[client.api]
end

--- Gives the version of a client's server. The first call asks the server; all clients on the same connections share the answer.
---@param client table
---@return number? version
---@return ogl.Error? err
function M.version(client)
  local version = M.known(client)
  if version then return version end
  if not client.api then return nil, client:missing() end
  local err
  version, err = find(client)
  if not version then return nil, err end
  client.shared.versions[client.api] = version
  return version
end

--- Forgets the version of a client's server, so that the next call asks again: the server was replaced.
---@param client table
function M.forget(client) client.shared.versions[client.api] = nil end

--- Writes a version as people do: "0.9.2".
---@param version number
---@return string
function M.text(version)
  if version == NEWEST then return "main" end
  local major, minor, patch = math.floor(version / 1e6), math.floor(version / 1e3) % 1e3, version % 1e3
  return ("%d.%d"):format(major, minor) .. (patch > 0 and (".%d"):format(patch) or "")
end

return M
