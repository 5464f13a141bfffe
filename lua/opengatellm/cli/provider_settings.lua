--- Providers of settings files: the keys of one, and the client that it describes.
--
--   providers = { albert = { type = "opengatellm", base_url = "https://albert.api.etalab.gouv.fr", api_key_env = "ALBERT_KEY" } }
--
-- The names are llm_adapter's. Where a key is to stand, a variable with the key may stand as well: it is the better place.
--
-- @module opengatellm.cli.provider_settings
local common = require "opengatellm.cli.common"
local providers = require "opengatellm.providers"
local request = require "opengatellm.request"

local M = {}

local TEXT, OWN = { type = "text" }, { type = "text", own = true }

--- The rules of a provider's keys (cli/settings/rules.lua).
---@type table<string, ogl.settings.Rule>
M.FIELDS = {
  type = TEXT, model = TEXT, protocol = TEXT, base_url = OWN, proxy = OWN, ca_file = OWN,
  api_key = OWN, api_key_env = OWN, auth_token = OWN, auth_token_env = OWN, headers = { own = true, each = TEXT },
}

-- The key, or false where a variable is named and not set.
local function key_of(entry)
  local key, variable = entry.api_key or entry.auth_token, entry.api_key_env or entry.auth_token_env
  if key or not variable then return key end
  key = os.getenv(variable)
  if key then return key end
  return nil, variable
end

-- The kind of server: named, or the provider's own name.
local function kind_of(name, entry)
  local kind = entry.type or name
  if providers.find(kind) then return kind end
  if entry.type or not entry.base_url then return nil end
  return "openai_compatible"
end

--- Makes the client of a provider.
---@param name string
---@param entry table what the file says of it
---@param options? ogl.ClientOptions
---@return ogl.Client? client
---@return string? line what is wrong
function M.client(name, entry, options)
  local kind = kind_of(name, entry)
  if not kind then return nil, ("ogl: provider %s: type: there is no kind of server '%s'"):format(name, entry.type or name) end
  local key, unset = key_of(entry)
  if unset then return nil, ("ogl: provider %s: the variable %s, which is to hold its key, is not set"):format(name, unset) end
  local client, line = common.client_of(request.merge(options, {
    provider = kind, base_url = entry.base_url, api_key = key, protocol = entry.protocol, proxy = entry.proxy, ca_file = entry.ca_file,
    headers = request.merge(options and options.headers, entry.headers),
  }))
  if client then return client end
  return nil, (line:gsub("^ogl: ", ("ogl: provider %s: "):format(name)))
end

return M
