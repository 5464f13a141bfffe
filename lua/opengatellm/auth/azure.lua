--- Azure OpenAI: a key in a header of its own or a token of Entra, and two forms of address.
--
--   v1        https://RESOURCE.openai.azure.com/openai/v1/chat/completions; the model is the deployment's name, in the body
--   classic   …/openai/deployments/DEPLOYMENT/chat/completions?api-version=2024-10-21
--
-- The setting `api_version` decides between them: a date means classic; no version, "preview", "latest" and "v1" mean v1. An address that
-- ends in /openai/v1, or holds /openai, is used unchanged.
--
-- Sources: learn.microsoft.com/azure/foundry/openai/latest (v1: path, api-version optional, api-key or Authorization) and
-- …/api-version-lifecycle; openai-python src/openai/lib/azure.py (classic: which paths name the deployment; the variables).
--
-- @module opengatellm.auth.azure
local url = require "opengatellm.base.url"

local M = {}

-- Paths that name the deployment in the classic form; the others stand under /openai.
local OF_DEPLOYMENT = {
  ["/chat/completions"] = true, ["/completions"] = true, ["/embeddings"] = true, ["/audio/transcriptions"] = true,
  ["/audio/translations"] = true, ["/audio/speech"] = true, ["/images/generations"] = true, ["/images/edits"] = true,
}

local function is_date(version) return version ~= nil and version:find "^%d%d%d%d%-%d%d%-%d%d" ~= nil end

--- Sends the key unchanged: in `api-key`, or with the setting auth = "bearer" as a token of Entra. Such a token lives for about an hour,
--- so `api_key` should be a function that gives it.
---@param client table
---@param key? string the client's `api_key`
---@return string? secret
---@return string scheme
function M.credential(client, key)
  if not key then return nil end
  return key, client.settings.auth
end

--- Makes the address of the API: the resource's own, and /openai/v1 or /openai.
---@param settings {api_version?: string}
---@param given? string
---@return string? address
---@return string? problem
function M.address(settings, given)
  if not given then return nil end
  given = given:gsub("/+$", "")
  local classic = is_date(settings.api_version)
  if not given:find "/openai$" and not given:find "/openai/" then return given .. (classic and "/openai" or "/openai/v1") end
  if given:find "/openai/v1$" or classic then return given end
  return nil, "an address of the classic form needs a version: set OPENAI_API_VERSION, or settings.api_version"
end

--- Adds the version to a path, and in the classic form the deployment.
---@param client table
---@param wire ogl.Wire
---@return string? path
---@return ogl.Error? err the deployment leads to another route
function M.path(client, wire)
  local version, path = client.settings.api_version, wire.path
  local classic = not client.api:find "/openai/v1$"
  if not version or is_date(version) ~= classic then return path end -- v1 knows no dates
  if classic and wire.model and OF_DEPLOYMENT[path] and not client.api:find("/deployments/", 1, true) then
    local err = url.refusal("the address", "model", wire.model)
    if err then return nil, err end
    path = "/deployments/" .. url.segment(wire.model) .. path
  end
  return path .. (path:find("?", 1, true) and "&" or "?") .. "api-version=" .. url.segment(version)
end

return M
