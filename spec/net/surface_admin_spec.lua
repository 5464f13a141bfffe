-- Administration at each version of OpenGateLLM: users, roles, organizations, routers, providers, keys. Only against the script.
-- The versions: spec/net/surface.lua.
local helper = require "spec.helper"
local ogl = require "opengatellm"
local surface = require "spec.net.surface"

local fails = surface.fails

-- Resources -------------------------------------------------------------------------------------------------------

local function new_router(at)
  local router = assert(at.admin.admin.routers:create { name = helper.id(), type = "text-generation" })
  at:later(function() at.admin.admin.routers:delete(router.id) end)
  return router.id
end

-- One row a resource: what a new one has (a function of `at`), what changes alone, the field that no two may share, and what its
-- list sorts by beside the id.
local RESOURCES = {
  {
    name = "users", code = "user", change = { name = "Changed" }, unique = { "email" }, sort = "name",
    new = function(at)
      local user = {
        email = helper.id() .. "@example.org", name = helper.id(), password = "password-0123", role_id = 2, organization_id = 1,
        expires = os.time() + 86400,
      }
      if at.budget then user.budget = 12.5 end
      if at.priority then user.priority = 3 end
      return user
    end,
    hidden = { password = true },
  },
  {
    name = "roles", code = "role", change = { permissions = { "read_metric" } }, unique = { "name" }, sort = "name",
    new = function()
      return {
        name = helper.id(), permissions = { "read_metric", "provide_models" },
        limits = { { router_id = 1, type = "rpm", value = 5 }, { router_id = 2, type = "tpd" }, { router_id = 3, type = "rpd", value = 0 } },
      }
    end,
  },
  {
    name = "organizations", code = "organization", change = { name = function() return helper.id() end }, unique = { "name" }, sort = "name",
    new = function() return { name = helper.id() } end,
  },
  {
    name = "routers", code = "router", change = { cost_prompt_tokens = 2.5 }, unique = { "name", "aliases" }, sort = "name",
    new = function(at)
      return {
        name = helper.id(), type = "text-generation", aliases = { helper.id(), helper.id() }, load_balancing_strategy = "least_busy",
        cost_prompt_tokens = 0.5, cost_completion_tokens = 1.5, qos_retries_before_reject = at.router_retries and 3 or nil,
      }
    end,
  },
  {
    name = "providers", code = "provider", change = { timeout = 60 }, unique = { "model_name" }, sort = "model_name",
    new = function(at)
      local provider = {
        router_id = new_router(at), type = "vllm", url = "https://provider.example.org", model_name = helper.id(), timeout = 30,
        model_hosting_zone = "FRA", model_total_params = 7, model_active_params = 3,
      }
      if at.qos then provider.qos_metric, provider.qos_limit = "ttft", 0.5 end
      if at.basic_auth then provider.basic_auth = { username = "u", password = "p" } end
      return provider
    end,
    hidden = { basic_auth = true },
  },
}

local function resource_of(at, row) return at.admin.admin[row.name] end

-- Makes one; it is gone when the case is over.
local function make(at, row, fields)
  local made = assert(resource_of(at, row):create(fields))
  at:later(function() resource_of(at, row):delete(made.id) end)
  return made
end

-- Expects the fields of a thing as they were given.
local function check_fields(row, fields, thing)
  for name, value in pairs(fields) do
    if not (row.hidden and row.hidden[name]) then assert.same(value, thing[name], row.name .. "." .. name) end
  end
end

local function changes_of(row)
  local changes = {}
  for name, value in pairs(row.change) do changes[name] = type(value) == "function" and value() or value end
  return changes
end

-- What all resources have in common; a case is made for each.
local COMMON = {
  { "can be made, told, changed in part and deleted", function(at, row)
    local fields, resource = row.new(at), resource_of(at, row)
    local id = make(at, row, fields).id
    check_fields(row, fields, assert(resource:get(id)))
    local changes = changes_of(row)
    assert(resource:update(id, changes))
    for name, value in pairs(changes) do fields[name] = value end
    check_fields(row, fields, assert(resource:get(id)))
    assert(resource:delete(id))
    fails("http", row.code .. "_not_found", resource:get(id))
  end },

  { "are listed in order, a page at a time", function(at, row)
    local resource, ids = resource_of(at, row), {}
    for i = 1, 3 do ids[i] = make(at, row, row.new(at)).id end
    local page = assert(resource:list { sort_by = "id", sort_order = "desc", limit = 2 })
    assert.same({ ids[3], ids[2] }, surface.pluck(page, "id"))
    page = assert(resource:list { sort_by = "id", sort_order = "desc", limit = 2, offset = 2 })
    assert.equal(ids[1], page[1].id)
    local names = surface.pluck(assert(resource:list { sort_by = row.sort, sort_order = "asc", limit = 100 }), row.sort)
    local sorted = { (table.unpack or unpack)(names) }
    table.sort(sorted)
    assert.same(sorted, names)
    local by_two = surface.pluck(surface.all(resource:each { limit = 2, sort_by = "id", sort_order = "asc" }), "id")
    assert.same(surface.pluck(surface.all(resource:each { sort_by = "id", sort_order = "asc" }), "id"), by_two)
    assert.equal(ids[3], by_two[#by_two])
  end },

  { "may not have what another has, and are missed", function(at, row)
    local fields, resource = row.new(at), resource_of(at, row)
    make(at, row, fields)
    for _, name in ipairs(row.unique) do
      local other = row.new(at)
      other[name] = fields[name]
      if name == "model_name" then other.router_id = fields.router_id end
      local err = fails("http", "already_exists", resource:create(other))
      assert.equal(409, err.status)
    end
    local code = row.code .. "_not_found"
    fails("http", code, resource:get(9999))
    fails("http", code, resource:delete(9999))
    fails("http", code, resource:update(9999, changes_of(row)))
  end },

  { "are not for everybody", function(at, row)
    local resource = at.client.admin[row.name]
    local calls = {
      { resource:list() }, { resource:get(1) }, { resource:delete(1) }, { resource:create(row.new(at)) }, { resource:update(1, changes_of(row)) },
    }
    for _, answer in ipairs(calls) do assert.equal(403, fails("auth", "not_admin", answer[1], answer[2]).status) end
  end },
}

-- One by one ------------------------------------------------------------------------------------------------------

local USERS, ROLES, ORGANIZATIONS, ROUTERS, PROVIDERS = (table.unpack or unpack)(RESOURCES)

local CASES = {
  { "users are found by what they are", function(at)
    local users, organization = at.admin.admin.users, make(at, ORGANIZATIONS, ORGANIZATIONS.new(at)).id
    local role = make(at, ROLES, ROLES.new(at)).id
    local fields = USERS.new(at)
    fields.organization_id, fields.role_id = organization, role
    local id = make(at, USERS, fields).id
    for _, filter in ipairs { { email = fields.email }, { organization_id = organization }, { role_id = role }, { organization = organization }, { role = role } } do
      assert.same({ id }, surface.pluck(assert(users:list(filter)), "id"))
    end
    assert.same({}, surface.pluck(assert(users:list { email = "nobody@example.org" }), "id"))
    assert(users:update(id, { name = "Somebody", role_id = role, organization_id = organization }))
    fails("http", "in_use", at.admin.admin.roles:delete(role))
    fails("http", "in_use", at.admin.admin.organizations:delete(organization))
    assert(users:update(id, { role_id = 2, organization_id = 1 }))
    local user = assert(users:get(id))
    assert.same({ "Somebody", 2, 1 }, { user.name, user.role_id, user.organization_id })
  end },

  { "users lose what is cleared, and nothing else", function(at)
    local fields = USERS.new(at)
    local id = make(at, USERS, fields).id
    assert(at.admin.admin.users:update(id, at.budget and { budget = ogl.null } or { name = fields.name }))
    if not at.budget then fails("unsupported", "version", at.admin.admin.users:update(id, { budget = 1 })) end
    local user = assert(at.admin.admin.users:get(id))
    assert.same({ fields.name, fields.expires }, { user.name, user.expires })
    assert.is_nil(user.budget)
  end },

  { "users log in with the password that they were given", function(at)
    local fields = USERS.new(at)
    local id = make(at, USERS, fields).id
    assert(at.client:login { email = fields.email, password = fields.password })
    assert(at.admin.admin.users:update(id, { password = "other-password" }))
    fails("auth", "invalid_login", at.client:login { email = fields.email, password = fields.password })
    assert(at.client:login { email = fields.email, password = "other-password" })
    assert(at.admin.admin.users:update(id, { name = "Renamed" })) -- the password stays, though nobody can tell it
    assert(at.client:login { email = fields.email, password = "other-password" })
  end },

  { "users need what there is", function(at)
    local users, fields = at.admin.admin.users, USERS.new(at)
    fields.role_id = 9999
    fails("http", "role_not_found", users:create(fields))
    fields.role_id, fields.organization_id = 2, 9999
    fails("http", "organization_not_found", users:create(fields))
    fields.organization_id = nil
    if at.organization_needed then
      assert.has_error(function() users:create(fields) end)
    else
      make(at, USERS, fields)
    end
    fields.email, fields.priority, fields.organization_id = helper.id() .. "@example.org", 1, 1
    if at.priority then make(at, USERS, fields) else fails("unsupported", "version", users:create(fields)) end
  end },

  { "roles open models and count", function(at)
    local fields = ROLES.new(at)
    fields.limits = { { router_id = 1, type = "rpm", value = 2 } }
    local role = make(at, ROLES, fields).id
    local user = USERS.new(at)
    user.role_id = role
    make(at, USERS, user)
    assert.equal(1, assert(at.admin.admin.roles:get(role)).users)
    local client = at:other { api_key = assert(at.client:login { email = user.email, password = user.password }).value }
    assert.same({ "gpt-oss-120b" }, surface.pluck(assert(client:models()), "id"))
    assert.same(fields.limits, assert(client:me()).limits)
    for _ = 1, 2 do assert(client:chat "Bonjour") end
    fails("rate_limit", "requests_per_minute", client:chat "Bonjour")
    fails("http", "router_not_found", at.admin.admin.roles:create { name = helper.id(), limits = { { router_id = 9999, type = "rpm" } } })
  end },

  { "routers are models once they have a provider", function(at)
    local router = ROUTERS.new(at)
    local id = make(at, ROUTERS, router).id
    fails("http", "model_not_found", at.admin:model(router.name))
    local model = PROVIDERS.new(at)
    model.router_id = id
    local provider = make(at, PROVIDERS, model).id
    assert.equal(router.name, assert(at.admin:model(router.aliases[1])).id)
    assert.is_string(assert(at.admin:chat { model = router.name, messages = { ogl.user "Bonjour" } }).text)
    for _, filter in ipairs { { router_id = id }, { router = id } } do
      assert.same({ provider }, surface.pluck(assert(at.admin.admin.providers:list(filter)), "id"))
    end
    if at.routers_in_use then fails("http", "in_use", at.admin.admin.routers:delete(id)) end
  end },

  { "values that a version no longer has are refused before it is asked", function(at)
    local routers, roles = at.admin.admin.routers, at.admin.admin.roles
    local seeing = { name = helper.id(), type = "image-text-to-text" }
    if at.image_text then make(at, ROUTERS, seeing) else fails("unsupported", "version", routers:create(seeing)) end
    local publishing = { name = helper.id(), permissions = { "read_metric", "create_public_collection" } }
    if at.public_collections then
      local made = assert(roles:create(publishing))
      at:later(function() roles:delete(made.id) end)
    else
      fails("unsupported", "version", roles:create(publishing))
    end
  end },

  { "routers keep their retries through an update of something else", function(at)
    if not at.router_retries then
      return fails("unsupported", "version", at.admin.admin.routers:create { name = "x", type = "text-generation", qos_retries_before_reject = 1 })
    end
    local routers, router = at.admin.admin.routers, ROUTERS.new(at)
    for _, retries in ipairs { 0, 5, ogl.null } do
      router.name, router.aliases, router.qos_retries_before_reject = helper.id(), {}, retries
      local id = make(at, ROUTERS, router).id
      assert(routers:update(id, { cost_prompt_tokens = 1 }))
      assert.equal(retries ~= ogl.null and retries or nil, assert(routers:get(id)).qos_retries_before_reject)
      assert(routers:update(id, { qos_retries_before_reject = 7 }))
      assert.equal(7, assert(routers:get(id)).qos_retries_before_reject)
      assert(routers:update(id, { qos_retries_before_reject = ogl.null }))
      assert.is_nil(assert(routers:get(id)).qos_retries_before_reject)
    end
  end },

  { "providers have to answer, and to fit", function(at)
    local providers = at.admin.admin.providers
    local function try(changes)
      local fields = PROVIDERS.new(at)
      for name, value in pairs(changes) do fields[name] = value end
      return providers:create(fields)
    end
    assert.equal(424, fails("http", "provider_not_reachable", try { url = "https://unreachable.example.org" }).status)
    local _, err = try { model_name = "inconsistent" .. helper.id() }
    assert.equal("inconsistent_max_context_length", err.code)
    fails("http", "invalid_provider_type", try { type = "tei" })
    fails("http", "router_not_found", try { router_id = 9999 })
    fails("invalid", "invalid", try { model_hosting_zone = "XYZ" })
    if not at.qos then fails("unsupported", "version", try { qos_metric = "ttft" }) end
    err = fails("http", "provider_not_reachable", try { url = "https://unreachable.example.org", key = "provider-secret-0123" })
    assert.is_false(helper.mentions(err, "provider-secret-0123"))
    local login = { username = "ada", password = "provider-password-0123" }
    if at.basic_auth then
      err = fails("http", "provider_not_reachable", try { url = "https://unreachable.example.org", basic_auth = login })
      assert.is_false(helper.mentions(err, login.password))
    else
      fails("unsupported", "version", try { basic_auth = login })
    end
    fails("invalid", "invalid", try { timeout = 3601 })
    fails("invalid", "invalid", try { timeout = 0 })
  end },

  { "keys are made for others", function(at)
    local keys, user = at.admin.admin.keys, USERS.new(at)
    local id = make(at, USERS, user).id
    local made = assert(keys:create { name = "first", user_id = id, expires = os.time() + 3600 })
    local second = assert(keys:create { name = "second", user = id })
    assert.equal(user.email, assert(at:other { api_key = made.value }:me()).email)
    for _, filter in ipairs { { user_id = id }, { user = id } } do
      filter.sort_by, filter.sort_order = "id", "desc"
      assert.same({ second.id, made.id }, surface.pluck(assert(keys:list(filter)), "id"))
    end
    local key = assert(keys:get(made.id))
    assert.same({ "first", id }, { key.name, key.user_id })
    assert.is_false(key.value == made.value)
    assert(keys:delete(made.id))
    fails("auth", "invalid_api_key", at:other { api_key = made.value }:me())
    if at.keys_by_status then
      assert.same({ made.id }, surface.pluck(assert(keys:list { user_id = id, status = "revoked" }), "id"))
    else
      fails("unsupported", "version", keys:list { status = "revoked" })
    end
    assert.same({ second.id }, surface.pluck(surface.all(keys:each { user_id = id, status = at.keys_by_status and "active" or nil }), "id"))
  end },

  { "keys of others are not everybody's", function(at)
    local keys = at.client.admin.keys
    for _, answer in ipairs { { keys:list() }, { keys:get(1) }, { keys:delete(1) }, { keys:create { name = "x", user_id = 1 } } } do
      fails("auth", "not_admin", answer[1], answer[2])
    end
    fails("http", "key_not_found", at.admin.admin.keys:get(9999))
    fails("http", "key_not_found", at.admin.admin.keys:delete(9999))
    fails("http", "user_not_found", at.admin.admin.keys:create { name = "x", user_id = 9999 })
  end },
}

for _, row in ipairs(RESOURCES) do
  for _, case in ipairs(COMMON) do
    CASES[#CASES + 1] = { row.name .. " " .. case[1], function(at) case[2](at, row) end }
  end
end

teardown(surface.stop)
surface.cases("Administration", CASES)
