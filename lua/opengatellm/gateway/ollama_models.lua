--- Ollama's words about models: what its programs read of a model that somebody else hosts.
--
-- Such a model has no bytes here: its size is 0, `remote_model` and `remote_host` say who has it, and its digest is that of its name, so
-- that it stays the same. An Ollama server behind a route describes its models itself.
--
-- @module opengatellm.gateway.ollama_models
local core = require "opengatellm.core"
local data = require "opengatellm.providers.models"
local json = require "opengatellm.json"
local words = require "opengatellm.base.words"

local M = {}

local DEFAULT_CONTEXT = 131072 -- tokens, where nobody knows: programs that ask mostly warn below 64 K

--- A moment as Ollama writes it.
---@param seconds integer since 1970
---@return string
function M.time(seconds) return os.date("!%Y-%m-%dT%H:%M:%SZ", seconds) end

local function family_of(entry) return (entry.model:lower():match "([%a]+)[^/]*$" or "unknown") end

local function details_of(entry)
  local family = family_of(entry)
  return {
    parent_model = "", format = "gguf", family = family, families = json.array { family }, parameter_size = "", quantization_level = "",
  }
end

--- Says who hosts a model: the public address of its provider, never one of the operator's own network.
---@param client ogl.Client|ogl.Router
---@return string
function M.remote_host(client)
  local provider = client.provider
  local host = provider.base_url and provider.base_url:match "^https?://[^/{}]+"
  return host or provider.name
end

--- What a model can do, in Ollama's words.
---@param entry ogl.GatewayModel
---@return string[]
function M.capabilities(entry)
  if entry.route.capabilities then return entry.route.capabilities end
  local name = entry.model:lower()
  if name:find("embed", 1, true) or name:find("bge-", 1, true) then return { "embedding" } end
  local provider = entry.client.provider
  local list = words.list "completion tools vision"
  if data.of(provider.protocol, provider, entry.model).thinks ~= false then list[#list + 1] = "thinking" end
  return list
end

--- Says whether the operator or the data deny that a model can do something.
---@param entry ogl.GatewayModel
---@param name string
---@return boolean
function M.lacks(entry, name)
  for _, one in ipairs(M.capabilities(entry)) do
    if one == name then return false end
  end
  return true
end

local function digest_of(entry) return core.sha256(entry.client.provider.name .. "\n" .. entry.model .. "\n" .. entry.name) end

-- What an Ollama server lists of its model, by the name that it has here.
local function own_tag(entry)
  local tag = {}
  for name, value in pairs(entry.listed) do tag[name] = value end
  tag.id, tag.name, tag.model = nil, entry.name, entry.name
  return tag
end

--- A model in the list of /api/tags.
---@param entry ogl.GatewayModel
---@return table
function M.tag(entry)
  if entry.listed and entry.client.provider.protocol == "ollama" then return own_tag(entry) end
  return {
    name = entry.name, model = entry.name, modified_at = M.time(entry.created), size = 0, digest = digest_of(entry),
    details = details_of(entry), capabilities = json.array(M.capabilities(entry)), context_length = entry.context_length or DEFAULT_CONTEXT,
    remote_model = entry.model, remote_host = M.remote_host(entry.client),
  }
end

local LOADED = 300 -- seconds for which a model says that it stays

--- A model in the list of /api/ps: all are always ready.
---@param entry ogl.GatewayModel
---@param now integer seconds since 1970
---@return table
function M.running(entry, now)
  return {
    name = entry.name, model = entry.name, size = 0, size_vram = 0, digest = digest_of(entry), details = details_of(entry),
    expires_at = M.time(now + LOADED), context_length = entry.context_length or DEFAULT_CONTEXT,
  }
end

-- Programs that complete in the middle of a text look for its place.
local function template_of(entry) return M.lacks(entry, "insert") and "{{ .Prompt }}" or "{{ .Prompt }}{{ .Suffix }}" end

--- What /api/show tells of a model.
---@param entry ogl.GatewayModel
---@param name string that is shown
---@return table
function M.description(entry, name)
  local family, context = family_of(entry), entry.context_length or DEFAULT_CONTEXT
  return {
    modelfile = "FROM " .. entry.name .. "\n", parameters = ("num_ctx                        %d"):format(context),
    template = template_of(entry), license = "", details = details_of(entry), modified_at = M.time(entry.created),
    model_info = {
      ["general.architecture"] = family, ["general.basename"] = name, [family .. ".context_length"] = context,
    },
    capabilities = json.array(M.capabilities(entry)), remote_model = entry.model, remote_host = M.remote_host(entry.client),
  }
end

return M
