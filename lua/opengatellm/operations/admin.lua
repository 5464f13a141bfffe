--- The operations of an administrator: users, roles, organizations, routers, providers, keys, and who may sign in by SSO.
--
-- The form of a row: operations/init.lua.
--
-- @module opengatellm.operations.admin
local enums = require "opengatellm.operations.enums"

local ID, LIMIT = "integer, required: Its ID.", "integer 1..100: Items of a page; the server's default is 10."
local OFFSET, ORDER = "integer 0..: Items to skip.", "one of asc|desc: Direction of the order."

-- The parameters of a page of objects that can be sorted by those fields.
local function paged(fields, query)
  local all = { offset = OFFSET, limit = LIMIT, sort_by = "one of " .. fields .. ": What they are sorted by.", sort_order = ORDER }
  for name, line in pairs(query or {}) do all[name] = line end
  return all
end

local ROUTER_TYPES = "one of automatic-speech-recognition|image-to-text|text-embeddings-inference|text-generation|text-classification"
local RETRIES = "integer 0..: How often a request that finds all providers busy is tried again; null: as the server does by itself."
local ZONE = "one of " .. enums.HOSTING_ZONES .. ": Where the model runs (ISO 3166-1 alpha-3, WOR: anywhere), for its footprint."
local TOTAL = "integer 0..: All parameters of the model, in billions."
local ACTIVE = "integer 0..: Parameters that are active for a token, in billions."
local QOS_METRICS, QOS_METRIC = "one of ttft|latency|inflight|performance", ": What the quality of service is measured by."
local QOS_LIMIT = "number 0..: The bound of that measure; from 0.9.3 on: requests that it works on at once."
local TIMEOUT = "integer 1..3600: Seconds before it counts as too busy."
local PERMISSIONS = "list of one of admin|read_metric|provide_models: What it permits"

local LIMIT_TYPES = { tpm = true, tpd = true, rpm = true, rpd = true }

-- Finds the limits of a role that the server would refuse.
local function check_limits(options)
  for i, limit in ipairs(type(options.limits) == "table" and options.limits or {}) do
    local where = ("limits[%d]"):format(i)
    if type(limit.router_id) ~= "number" then return where .. ".router_id", "a router's ID is needed" end
    if not LIMIT_TYPES[limit.type] then return where .. ".type", "should be tpm, tpd, rpm or rpd, not '" .. tostring(limit.type) .. "'" end
    if type(limit.value) == "number" and limit.value < 0 then return where .. ".value", "should be greater than or equal to 0" end
  end
end

return {
  -- Users
  {
    "admin.users.create", "POST /admin/users", "Makes a user.", result = "user", absent = { "priority", "budget" },
    body = {
      email = "string 1..254, required: The address, which is the name to log in with.", name = "string 1..: The name.",
      password = "secret 6..72, required: The password.", role_id = "integer, required, was role: The role's ID.",
      organization_id = "integer, required, was organization: The organization's ID.", budget = "number: What may be spent; none: no limit.",
      expires = "time: When the account ends; none: never.", priority = "integer 0..: Higher goes first.",
    },
  },
  {
    "admin.users.list", "GET /admin/users", "The users.", result = "list of user",
    query = paged("id|name|created|updated", {
      role_id = "integer, was role: Only those with this role.", organization_id = "integer, was organization: Only those of it.",
      email = "string: Only the one with this address.",
    }),
  },
  { "admin.users.get", "GET /admin/users/{id}", "One user.", result = "user", parameters = { id = ID } },
  {
    "admin.users.update", "PATCH /admin/users/{id}", "Changes a user; what is not named stays.", result = "user", parameters = { id = ID },
    complete = "admin.users.get", absent = { "priority", "budget" },
    body = {
      email = "string 1..254: The new address.", name = "string 1..: The new name.", password = "secret 6..72: The new password.",
      current_password = "secret 1..72: The password so far.", role_id = "integer, was role: The new role.",
      organization_id = "integer, was organization: The new organization.", budget = "number: The new budget; null: no limit.",
      expires = "time: When the account ends; null: never.", priority = "integer 0..: Higher goes first.",
    },
  },
  { "admin.users.delete", "DELETE /admin/users/{id}", "Deletes a user.", result = "user", parameters = { id = ID } },

  -- Roles
  {
    "admin.roles.create", "POST /admin/roles", "Makes a role.", result = "role", rule = check_limits,
    body = {
      name = "string 1..: The name.",
      permissions = PERMISSIONS .. ".",
      limits = "list of table: Its limits, each {router_id, type = tpm|tpd|rpm|rpd, value = null: none, 0: forbidden}.",
    },
  },
  { "admin.roles.list", "GET /admin/roles", "The roles.", result = "list of role", query = paged "id|name|created" },
  { "admin.roles.get", "GET /admin/roles/{id}", "One role.", result = "role", parameters = { id = ID } },
  {
    "admin.roles.update", "PATCH /admin/roles/{id}", "Changes a role; what is not named stays.", result = "role", parameters = { id = ID },
    complete = "admin.roles.get", rule = check_limits,
    body = {
      name = "string 1..: The new name.",
      permissions = PERMISSIONS .. " from now on.",
      limits = "list of table: Its limits from now on, each {router_id, type = tpm|tpd|rpm|rpd, value}.",
    },
  },
  { "admin.roles.delete", "DELETE /admin/roles/{id}", "Deletes a role that no user has.", result = "role", parameters = { id = ID } },

  -- Organizations
  {
    "admin.organizations.create", "POST /admin/organizations", "Makes an organization.", result = "organization",
    body = { name = "string 1.., required: The name." },
  },
  {
    "admin.organizations.list", "GET /admin/organizations", "The organizations.", result = "list of organization",
    query = paged "id|name|created|updated",
  },
  { "admin.organizations.get", "GET /admin/organizations/{id}", "One organization.", result = "organization", parameters = { id = ID } },
  {
    "admin.organizations.update", "PATCH /admin/organizations/{id}", "Renames an organization.", result = "organization",
    parameters = { id = ID }, complete = "admin.organizations.get", body = { name = "string 1..: The new name." },
  },
  {
    "admin.organizations.delete", "DELETE /admin/organizations/{id}", "Deletes an organization.", result = "organization",
    parameters = { id = ID },
  },

  -- Routers: the models as users see them
  {
    "admin.routers.create", "POST /admin/routers", "Makes a router: a model's name, with providers behind it.", result = "router",
    body = {
      name = "string 1.., required: The model's name.", type = ROUTER_TYPES .. ", required: What it does.",
      aliases = "list of string 1..64: Other names of the same.",
      load_balancing_strategy = "one of shuffle|least_busy: How one of the providers is chosen.",
      cost_prompt_tokens = "number 0..: Price of a million tokens that it reads.",
      cost_completion_tokens = "number 0..: Price of a million tokens that it writes.", qos_retries_before_reject = RETRIES,
    },
  },
  { "admin.routers.list", "GET /admin/routers", "The routers.", result = "list of router", query = paged "id|name|created" },
  { "admin.routers.get", "GET /admin/routers/{id}", "One router.", result = "router", parameters = { id = ID } },
  {
    "admin.routers.update", "PATCH /admin/routers/{id}", "Changes a router; what is not named stays.", result = "router",
    parameters = { id = ID }, complete = "admin.routers.get",
    body = {
      name = "string 1..: The new name.", type = ROUTER_TYPES .. ": What it does.", aliases = "list of string 1..64: Its other names from now on.",
      load_balancing_strategy = "one of shuffle|least_busy: How one of the providers is chosen.",
      cost_prompt_tokens = "number 0..: Price of a million tokens that it reads.",
      cost_completion_tokens = "number 0..: Price of a million tokens that it writes.", qos_retries_before_reject = RETRIES,
    },
  },
  { "admin.routers.delete", "DELETE /admin/routers/{id}", "Deletes a router.", result = "router", parameters = { id = ID } },

  -- Providers: the servers behind a router
  {
    "admin.providers.create", "POST /admin/providers", "Puts a provider behind a router; the server tries to reach it.", result = "provider",
    absent = { "qos_metric", "basic_auth" },
    body = {
      router_id = "integer, required, was router: The router's ID.", type = "one of albert|openai|mistral|tei|vllm, required: Its kind.",
      url = "string 1..: Its address, without /v1.", key = "secret 1..: Its key.", timeout = TIMEOUT,
      basic_auth = "login: What it asks for besides: {username, password}.",
      model_name = "string, required: What it calls the model.", model_hosting_zone = ZONE, model_total_params = TOTAL,
      model_active_params = ACTIVE, qos_metric = QOS_METRICS .. "|normalized_latency" .. QOS_METRIC, qos_limit = QOS_LIMIT,
    },
  },
  {
    "admin.providers.list", "GET /admin/providers", "The providers.", result = "list of provider",
    query = paged("id|model_name|created", { router_id = "integer, was router: Only those behind this router." }),
  },
  { "admin.providers.get", "GET /admin/providers/{id}", "One provider.", result = "provider", parameters = { id = ID } },
  {
    "admin.providers.update", "PATCH /admin/providers/{id}", "Changes a provider; what is not named stays.", result = "provider",
    parameters = { id = ID }, complete = "admin.providers.get", absent = { "qos_metric" },
    body = {
      router_id = "integer, was router: The router to put it behind.", timeout = TIMEOUT,
      model_hosting_zone = ZONE, model_total_params = TOTAL, model_active_params = ACTIVE,
      qos_metric = QOS_METRICS .. QOS_METRIC, qos_limit = QOS_LIMIT,
    },
  },
  { "admin.providers.delete", "DELETE /admin/providers/{id}", "Takes a provider away.", result = "provider", parameters = { id = ID } },

  -- Keys of any user
  {
    "admin.keys.create", "POST /admin/keys", "Makes a key for a user; its secret, `value`, is shown this once.", result = "key",
    names = { user_id = "user" },
    body = {
      name = "string 1.., required: The name.", user_id = "integer, required, was user: Whose key it is.", expires = "time: When it ends; none: never.",
    },
  },
  {
    "admin.keys.list", "GET /admin/keys", "The keys of all users; their secrets are masked.", result = "list of key", names = { user_id = "user" },
    query = paged("id|name|created", {
      user_id = "integer, was user: Only those of this user.", status = "one of active|expired|revoked: Only those in this state.",
    }),
  },
  { "admin.keys.get", "GET /admin/keys/{id}", "One key; its secret is masked.", result = "key", parameters = { id = ID } },
  { "admin.keys.delete", "DELETE /admin/keys/{id}", "Ends a key.", result = "key", parameters = { id = ID } },

  -- SSO
  { "admin.sso.get", "GET /admin/sso/policy", "The rules that say who may sign in by SSO.", result = "list of object" },
  {
    "admin.sso.update", "PUT /admin/sso/policy", "Replaces those rules.", result = "list of object",
    body = {
      rules = "list of table, required: Each {type = email|organization|role, value, organization_id | role_id}.",
    },
  },
}
