--- The fleet: routers (what users call models) and the providers behind them.
--
-- Life: `Fleet.new(dialect)` has a router for each model of script.lua, with one provider each; then the shelves
-- `routers` and `providers` may be used as they are. A router is a model for as long as it has a provider. All of
-- it is in memory, and nothing is ever called.

local json = require "server.json"
local script = require "server.script"
local Shelf = require "server.shelf"

local Fleet = {}
Fleet.__index = Fleet

local CREATED = 1765375160
local VECTOR_SIZE = 1024

local PROVIDERS = { ["text-embeddings-inference"] = "tei", ["text-classification"] = "tei" }

--- What each type of provider can serve; a type that is not here can serve everything.
local SERVES = {
  tei = { ["text-embeddings-inference"] = true, ["text-classification"] = true },
  mistral = {
    ["text-generation"] = true, ["image-text-to-text"] = true, ["image-to-text"] = true,
    ["text-embeddings-inference"] = true, ["automatic-speech-recognition"] = true,
  },
  vllm = {
    ["text-generation"] = true, ["image-text-to-text"] = true, ["text-embeddings-inference"] = true,
    ["automatic-speech-recognition"] = true, ["image-to-text"] = true, ["text-classification"] = true,
  },
}

--- True if a provider of that type can stand behind a router of that model type.
function Fleet.fits(provider_type, model_type)
  return not SERVES[provider_type] or SERVES[provider_type][model_type] == true
end

function Fleet:seed(model)
  local kind = model.type
  if kind == "image-text-to-text" and not self.dialect.image_text then kind = "text-generation" end
  local router = self.routers:add {
    name = model.id, type = kind, aliases = { model.alias, model.provider }, load_balancing_strategy = "shuffle",
    vector_size = kind == "text-embeddings-inference" and VECTOR_SIZE or nil, max_context_length = model.context,
    cost_prompt_tokens = model.prices[1], cost_completion_tokens = model.prices[2], user_id = 1, created = CREATED,
  }
  self.providers:add {
    router_id = router.id, user_id = 1, type = PROVIDERS[kind] or "vllm", url = "https://provider.example.org",
    timeout = 300, model_name = model.provider, model_hosting_zone = "FRA", model_total_params = 0,
    model_active_params = 0, created = CREATED,
  }
end

function Fleet.new(dialect)
  local fleet = setmetatable({ dialect = dialect, routers = Shelf.new(), providers = Shelf.new() }, Fleet)
  for _, model in ipairs(script.models) do fleet:seed(model) end
  return fleet
end

--- The providers of a router.
function Fleet:behind(router)
  return self.providers:select(function(provider) return provider.router_id == router.id end)
end

--- The router with that name or alias, whether it has a provider or not. `except` is one that does not count.
function Fleet:named(name, except)
  return self.routers:find(function(router)
    if router == except then return false end
    for _, alias in ipairs(router.aliases) do
      if alias == name then return true end
    end
    return router.name == name
  end)
end

--- The router that a request means by the name of a model.
function Fleet:model(name)
  local router = self:named(name)
  return router and #self:behind(router) > 0 and router or nil
end

--- The first model of a type, for requests that name none.
function Fleet:any(kind)
  return self.routers:find(function(router) return router.type == kind and #self:behind(router) > 0 end)
end

--- What the provider calls the model.
function Fleet:provider_name(router)
  return self:behind(router)[1].model_name
end

--- The prices of a router's tokens, as script.lua wants them.
function Fleet.prices(router)
  return { router.cost_prompt_tokens, router.cost_completion_tokens }
end

--- A router as `/v1/models` shows it.
function Fleet.describe(router)
  return json.record("object", "model", "id", router.name, "type", router.type, "aliases", json.list(router.aliases),
    "created", router.created, "owned_by", script.OWNER, "max_context_length", router.max_context_length,
    "costs", json.record("prompt_tokens", json.float(router.cost_prompt_tokens),
      "completion_tokens", json.float(router.cost_completion_tokens)))
end

return Fleet
