--- Routers and providers of the played server, for administrators.
--
-- What the five routes of each have in common is in resource.lua, the things themselves in fleet.lua. OGL calls a
-- provider before it takes it. Here a URL that holds `unreachable` cannot be called, and a model whose name holds
-- `inconsistent` has another context length than the others of its router.

local json = require "server.json"
local refusal = require "server.refusal"
local resource = require "server.resource"

local KINDS = {
  "automatic-speech-recognition", "image-text-to-text", "image-to-text", "text-embeddings-inference",
  "text-generation", "text-classification",
}

-- Routers -----------------------------------------------------------------------------------------------------------

local routers = { name = "routers", path = "/v1/admin/routers", sorts = { "id", "name", "created" } }

function routers.shelf(call)
  return call.play.fleet.routers
end

local function kinds(dialect)
  local list = {}
  for _, kind in ipairs(KINDS) do
    if kind ~= "image-text-to-text" or dialect.image_text then list[#list + 1] = kind end
  end
  return list
end

function routers.fields(dialect)
  local fields = {
    { "name", "string", required = true, min = 1, trim = true },
    { "type", "enum", values = kinds(dialect), required = true },
    { "aliases", "list", of = { nil, "string", min = 1, max = 64 }, default = {} },
    { "load_balancing_strategy", "enum", values = { "shuffle", "least_busy" }, default = "shuffle" },
    { "cost_prompt_tokens", "number", min = 0, default = 0.0 },
    { "cost_completion_tokens", "number", min = 0, default = 0.0 },
  }
  if dialect.router_retries then fields[#fields + 1] = { "qos_retries_before_reject", "integer", min = 0, null = true } end
  return fields
end

--- Adds what both forms of a router have at their end.
local function strategy_and_costs(call, router)
  return "load_balancing_strategy", router.load_balancing_strategy,
    "cost_prompt_tokens", json.float(router.cost_prompt_tokens),
    "cost_completion_tokens", json.float(router.cost_completion_tokens),
    call.dialect.router_retries and "qos_retries_before_reject" or nil, router.qos_retries_before_reject
end

function routers.json(call, router)
  local sizes = call.dialect.router_sizes
  return json.extend(json.record("object", "router", "id", router.id, "name", router.name, "user_id", router.user_id,
    "type", router.type, "aliases", json.list(router.aliases), sizes and "vector_size" or nil, router.vector_size,
    sizes and "max_context_length" or nil, router.max_context_length,
    "providers", #call.play.fleet:behind(router), "created", router.created, "updated", router.updated),
    strategy_and_costs(call, router))
end

function routers.created_json(call, router)
  if not call.dialect.router_created_short then return routers.json(call, router) end
  return json.extend(json.record("id", router.id, "name", router.name, "type", router.type,
    "aliases", json.list(router.aliases)), strategy_and_costs(call, router))
end

function routers.prepare(call, values, router)
  local fleet, texts = call.play.fleet, call.dialect.texts
  if values.name and fleet:named(values.name, router) then refusal.refuse(409, texts.routers_taken, values.name) end
  local taken = {}
  for _, alias in ipairs(values.aliases or {}) do
    if fleet:named(alias, router) then taken[#taken + 1] = alias end
  end
  if #taken > 0 then refusal.refuse(409, texts.aliases_taken, table.concat(taken, ",")) end
  if not router then values.user_id = call.user.id end
end

function routers.release(call, router)
  local providers = call.play.fleet:behind(router)
  local words = call.dialect.texts.routers_used
  if words and #providers > 0 then refusal.refuse(409, words, router.id) end
  for _, provider in ipairs(providers) do call.play.fleet.providers:remove(provider) end
end

-- Providers ---------------------------------------------------------------------------------------------------------

local providers = { name = "providers", path = "/v1/admin/providers", sorts = { "id", "model_name", "created" } }

providers.filters = { { "router_id", "integer", null = true }, { "router", "integer", null = true } }

function providers.shelf(call)
  return call.play.fleet.providers
end

local METRICS = { "ttft", "latency", "inflight", "performance" }

--- What can be changed later.
function providers.update_fields(dialect)
  local fields = {
    { dialect.provider_router, "integer", required = true, to = "router_id" },
    { "timeout", "integer", default = 300, min = 1, max = 3600 },
    { "model_hosting_zone", "string", default = "WOR", min = 3, max = 3 },
    { "model_total_params", "integer", default = 0, min = 0 }, { "model_active_params", "integer", default = 0, min = 0 },
  }
  if dialect.qos then fields[#fields + 1] = { "qos_metric", "enum", values = METRICS, null = true } end
  if dialect.qos or dialect.provider_limit then fields[#fields + 1] = { "qos_limit", "number", min = 0, null = true } end
  return fields
end

function providers.fields(dialect)
  local fields = providers.update_fields(dialect)
  for _, field in ipairs {
    { "type", "enum", values = { "albert", "openai", "mistral", "tei", "vllm" }, required = true },
    { "url", "string", null = true, min = 1 }, { "key", "string", null = true, min = 1 },
    { "model_name", "string", required = true, min = 1 },
  } do fields[#fields + 1] = field end
  if dialect.basic_auth then
    fields[#fields + 1] = { "basic_auth", "object", null = true, fields = {
      { "username", "string", required = true }, { "password", "string", required = true },
    } }
  end
  return fields
end

local function plain(call, provider)
  local qos, limit = call.dialect.qos, call.dialect.qos or call.dialect.provider_limit
  return json.record("id", provider.id, "router_id", provider.router_id, "user_id", provider.user_id,
    "type", provider.type, "url", provider.url, "key", provider.key, "timeout", provider.timeout,
    "model_name", provider.model_name, "model_hosting_zone", provider.model_hosting_zone,
    "model_total_params", provider.model_total_params, "model_active_params", provider.model_active_params,
    qos and "qos_metric" or nil, provider.qos_metric, limit and "qos_limit" or nil, provider.qos_limit,
    "created", provider.created, "updated", provider.updated)
end

function providers.json(call, provider)
  local fields = plain(call, provider)
  return json.extend(json.record("object", "provider"), table.unpack(fields, 1, fields.n))
end

--- Until 0.6 the answer to a creation has no `object`.
function providers.created_json(call, provider)
  return (call.dialect.provider_created_short and plain or providers.json)(call, provider)
end

--- What OGL finds out when it calls a new provider.
local function try(call, values)
  local dialect = call.dialect
  if (values.url or ""):find("unreachable", 1, true) then
    refusal.refuse(424, dialect.texts.providers_unreachable, values.model_name, 502, "Bad Gateway")
  end
  if values.model_name:find("inconsistent", 1, true) then
    refusal.refuse(dialect.inconsistent, "Inconsistent max context length for %s. Expected: %d. Actual: %d",
      values.model_name, 131072, 8192)
  end
end

local function check_new(call, values)
  local other = call.play.fleet.providers:find(function(provider)
    return provider.router_id == values.router_id and provider.model_name == values.model_name
      and provider.url == values.url
  end)
  if other then
    refusal.refuse(409, call.dialect.texts.providers_taken, values.model_name, tostring(values.url), values.router_id)
  end
  try(call, values)
  values.user_id = call.user.id
end

function providers.prepare(call, values, provider)
  local fleet, texts = call.play.fleet, call.dialect.texts
  local kind = values.type or provider.type
  resource.check_there(fleet.routers, values.router_id, texts.routers_missing)
  local router = values.router_id and fleet.routers:get(values.router_id)
  if router and not fleet.fits(kind, router.type) then
    refusal.refuse(400, "Invalid model provider type %s for %s router.", kind, router.type)
  end
  if not provider then check_new(call, values) end
end

function providers.passes(view, provider, dialect)
  local router = view[dialect.provider_router]
  return not router or provider.router_id == router
end

return function()
  local routes = { resource.routes(routers) }
  for _, row in ipairs { resource.routes(providers) } do routes[#routes + 1] = row end
  return routes
end
