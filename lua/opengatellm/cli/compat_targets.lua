--- The servers that `ogl compat` asks: made of its arguments, of settings files and of the registry of providers.
--
-- @module opengatellm.cli.compat_targets
local cases = require "opengatellm.compat.cases"
local keys = require "opengatellm.base.keys"
local provider_settings = require "opengatellm.cli.provider_settings"
local provider_variables = require "opengatellm.providers.settings"
local providers = require "opengatellm.providers"
local request = require "opengatellm.request"
local targets = require "opengatellm.compat.target"

local M = {}

--- The names of the settings files.
M.NAMES = { "llm-compat" }

local TEXT, OWN, TRUTH = { type = "text" }, { type = "text", own = true }, { type = "boolean" }

local function case_rules()
  local fields = {}
  for _, name in ipairs(cases.names()) do fields[name] = TRUTH end
  return { fields = fields }
end

-- The models of a provider: key of the file -> what the model is for.
local MODELS = { model = "text", vision_model = "vision", embedding_model = "embeddings", rerank_model = "rerank", image_model = "images" }

local function provider_rules()
  local fields = request.merge(provider_settings.FIELDS, {
    enabled = TRUTH, max_tokens = { type = "integer", min = 16 }, temperature = { type = "number", min = 0 }, cases = case_rules(),
  })
  for key in pairs(MODELS) do fields[key] = TEXT end
  return { each = { fields = fields } }
end

--- Gives the rules of the settings file.
---@return table<string, ogl.settings.Rule>
function M.rules()
  return {
    settings = { fields = {
      timeout_seconds = { type = "number", min = 0.001 }, fail_fast = TRUTH, verbose = TRUTH, user_agent = OWN, expected_token = TEXT,
      magic_number = { type = "integer", min = 1, max = 2 ^ 31 },
    } },
    cases = case_rules(), providers = provider_rules(),
  }
end

-- The providers that are asked: those of the arguments, else those of the file that are not switched off, else the usual one.
local function wanted(arguments, entries)
  if arguments.provider[1] then return arguments.provider end
  local names = {}
  for _, name in ipairs(keys.sorted(entries)) do
    if entries[name].enabled ~= false then names[#names + 1] = name end
  end
  return names[1] and names or { "opengatellm" }
end

-- A server at its own address on the internet wants a key; one that was named may want none.
local function lacks_key(client, entry)
  local provider = client.provider
  local is_public = not entry.base_url and (provider.base_url or ""):find "^https://" and not (provider.auth or ""):find "%.auth%."
  if not is_public or client.has_key() or not (provider.key_env or {})[1] then return nil end
  return "no key: set " .. table.concat(provider.key_env, " or ")
end

local SECONDS = 300 -- that an answer may take where nobody says otherwise: a server that hangs is told in time

local function client_of(name, entry, settings, arguments)
  local client, line = provider_settings.client(name, entry, {
    timeouts = { total = arguments.timeout or settings.timeout_seconds or SECONDS },
    headers = settings.user_agent and { ["user-agent"] = settings.user_agent } or nil,
  })
  if not client then return nil, line end
  local problem = lacks_key(client, entry)
  if problem then return nil, ("ogl: provider %s: %s"):format(name, problem) end
  return client
end

local function models_of(entry, arguments, kind)
  local models = {}
  for key, purpose in pairs(MODELS) do models[purpose] = entry[key] end
  models.text = arguments.model or models.text or kind == "opengatellm" and os.getenv "OGL_MODEL" or nil
  return models
end

-- What of an entry may be a secret beside its key.
local function secrets_of(entry)
  local list = {}
  for _, value in pairs(entry.headers or {}) do list[#list + 1] = value end
  list[#list + 1] = entry.proxy
  return list
end

local function target_of(name, values, arguments)
  local settings, entry = values.settings or {}, (values.providers or {})[name]
  if not entry and not providers.find(name) then
    return nil, ("ogl: --provider %s: it is neither in a settings file nor a kind of server"):format(name)
  end
  entry = request.merge(entry, { base_url = arguments.url })
  local client, line = client_of(name, entry, settings, arguments)
  if not client then return nil, line end
  return targets.new {
    name = name, client = client, models = models_of(entry, arguments, client.provider.name), token = settings.expected_token,
    number = settings.magic_number, fields = { max_tokens = entry.max_tokens, temperature = entry.temperature },
    cases = request.merge(values.cases, entry.cases), secrets = secrets_of(entry),
  }
end

--- Makes the targets of a run.
---@param arguments table as argparse read them
---@param values table of the settings files
---@return ogl.compat.Target[]?
---@return string? line what is wrong
function M.of(arguments, values)
  local names, list = wanted(arguments, values.providers or {}), {}
  if arguments.url and names[2] then return nil, "ogl: --url is the address of one server, and several are wanted" end
  for i, name in ipairs(names) do
    local target, line = target_of(name, values, arguments)
    if not target then return nil, line end
    list[i] = target
  end
  return list
end

-- Lists -------------------------------------------------------------------------------------------------------------------

---@class ogl.compat.Listed
---@field name string
---@field source "settings"|"preset"
---@field kind string of server
---@field protocol string
---@field address? string
---@field model? string
---@field access "set"|"missing"|"none" whether a key is there
---@field variables string[] that may hold the key
---@field enabled boolean

-- Whether a key is there, or why not.
local function access_of(entry, variables)
  if entry.api_key or entry.auth_token or provider_variables.variable(variables) then return "set" end
  return variables[1] and "missing" or "none"
end

-- What a list says of a provider; `entry` nil: it is in no file.
local function listed(name, entry)
  local data = providers.find(entry and entry.type or name) or providers.find "openai_compatible"
  local source = entry and "settings" or "preset"
  entry = entry or {}
  local named = entry.api_key_env or entry.auth_token_env
  local variables = named and { named } or data.key_env or {}
  return {
    name = name, source = source, kind = data.name, protocol = entry.protocol or data.protocol, model = entry.model,
    address = entry.base_url or provider_variables.variable(data.url_env) or data.base_url, access = access_of(entry, variables),
    variables = variables, enabled = entry.enabled ~= false,
  }
end

--- Lists the providers of the settings files, and behind them those that the library knows.
---@param values table of the settings files
---@return ogl.compat.Listed[]
function M.list(values)
  local list, entries = {}, values.providers or {}
  for _, name in ipairs(keys.sorted(entries)) do list[#list + 1] = listed(name, entries[name]) end
  for _, name in ipairs(providers.names()) do
    if not entries[name] then list[#list + 1] = listed(name) end
  end
  return list
end

return M
