-- One's own account at each version of OpenGateLLM: who I am, my keys, what I used, logging in.
-- The versions, and how to run this against a real instance: spec/net/surface.lua.
local helper = require "spec.helper"
local ogl = require "opengatellm"
local surface = require "spec.net.surface"

local fails = surface.fails

-- Who I am ----------------------------------------------------------------------------------------------------------

-- A user of its own, so that no other case sees what is changed: its client, and its password.
local function somebody(at)
  local email, password = helper.id() .. "@example.org", "password-" .. helper.id()
  local user = assert(at.admin.admin.users:create { email = email, name = "Somebody", password = password, role_id = 2, organization_id = 1 })
  local key = assert(at.client:login { email = email, password = password })
  return at:other { api_key = key.value }, { id = user.id, email = email, password = password }
end

local ME_CASES = {
  { "is known by its key", "read", function(at)
    local me = assert(at.client:me())
    assert.is_string(me.email)
    assert.is_table(me.permissions)
    for _, limit in ipairs(me.limits) do
      assert.is_number(limit.router_id)
      assert.is_true(limit.type:find "^[tr]p[md]$" ~= nil)
    end
  end },

  { "has the same names in all versions", function(at)
    local me = assert(at.client:me())
    assert.same({ 2, "demo@example.org", "demo", 1 }, { me.id, me.email, me.name, me.organization_id })
    assert.equal(28, #me.limits)
    assert.same({ router_id = 1, type = "rpm" }, me.limits[1]) -- no limit
    assert.is_nil(me.organization)
    assert.same({ "admin", "read_metric" }, { assert(at.admin:me()).permissions[1], assert(at.admin:me()).permissions[2] })
  end },

  { "keeps what a change does not name", function(at)
    local client, user = somebody(at)
    assert(client:update_me { name = "New" })
    local me = assert(client:me())
    assert.same({ "New", user.email }, { me.name, me.email })
    local email = helper.id() .. "@example.org"
    assert(client:update_me { email = email })
    me = assert(client:me())
    assert.same({ "New", email }, { me.name, me.email })
    assert(client:update_me { current_password = user.password, password = "another-one" })
    assert.same({ "New", email }, { assert(client:me()).name, assert(client:me()).email })
    assert(client:login { email = email, password = "another-one" })
  end },

  { "is told what is wrong with a change, and no password is repeated", function(at)
    local client = somebody(at)
    local err = fails("auth", "invalid_password", client:update_me { current_password = "not-mine-0123", password = "another-one" })
    assert.is_false(helper.mentions(err, "not-mine-0123"))
    fails("http", "already_exists", client:update_me { email = "demo@example.org" })
    fails("invalid", "invalid", client:update_me { password = "without-the-old" })
    fails("invalid", "invalid", client:update_me { name = "" })
  end },

  { "may not be one whose time is over", function(at)
    local expired = at:other { api_key = "sk-expired-surface-0123" }
    assert.equal("expired@example.org", assert(expired:me()).email)
    fails("auth", "account_expired", expired:chat "Bonjour")
  end },
}

-- Keys --------------------------------------------------------------------------------------------------------------

-- Makes a key that is gone when the case is over.
local function make_key(at, options)
  local made = assert(at.client.keys:create { name = options.name or "surface-" .. helper.id(), expires = options.expires })
  at:later(function() at.client.keys:delete(made.id) end)
  return made
end

local KEY_CASES = {
  { "are listed, and their secrets are masked", "read", function(at)
    for _, key in ipairs(assert(at.client.keys:list { limit = 5 })) do
      assert.is_number(key.id)
      assert.is_string(key.name)
      local short = key.value == nil or #key.value < 40
      assert.is_true(short)
    end
  end },

  { "live: made, used, listed, renamed, ended", "write", function(at)
    local name, expires = "surface-" .. helper.id(), os.time() + 3600
    local made = make_key(at, { name = name, expires = expires })
    local used = at:other { api_key = made.value }
    assert(used:models())
    local found
    for key in at.client.keys:each() do found = key.id == made.id and key or found end
    for _, key in ipairs { found, assert(at.client.keys:get(made.id)) } do
      assert.same({ made.id, name, expires }, { key.id, key.name, key.expires })
      local masked = key.value ~= made.value
      assert.is_true(masked)
    end
    if at.key_rename then
      assert.equal("renamed", assert(at.client.keys:update(made.id, { name = "renamed" })).name)
      assert.equal("renamed", assert(at.client.keys:get(made.id)).name)
      assert(used:models())
    else
      fails("unsupported", "version", at.client.keys:update(made.id, { name = "renamed" }))
    end
    assert(at.client.keys:delete(made.id))
    local err = fails("auth", "invalid_api_key", used:models())
    assert.is_false(helper.mentions(err, made.value))
    if at.keys_end == "revoked" then
      assert.is_true(assert(at.client.keys:get(made.id)).revoked)
    else
      fails("http", "key_not_found", at.client.keys:get(made.id))
    end
  end },

  { "come in pages, in order, and by state", function(at)
    local ids = {}
    for i = 1, 5 do ids[i] = make_key(at, {}).id end
    local all = surface.pluck(surface.all(at.client.keys:each { limit = 2 }), "id")
    local sorted = { (table.unpack or unpack)(all) }
    table.sort(sorted)
    assert.same(sorted, all)
    assert.same(ids, { (table.unpack or unpack)(all, #all - 4) })
    local page = assert(at.client.keys:list { sort_by = "id", sort_order = "desc", limit = 2, offset = 1 })
    assert.same({ ids[4], ids[3] }, surface.pluck(page, "id"))
    local sent = at:sent(function() assert(at.client.keys:list()) end)
    assert.equal(at.expired_asked or nil, sent[1]:match "include_expired=true") -- else a list would be without those that are over
    if not at.keys_by_status then
      fails("unsupported", "version", at.client.keys:list { status = "revoked" })
      return
    end
    assert(at.client.keys:delete(ids[5]))
    for key in at.client.keys:each { status = "active" } do assert.is_false(key.revoked) end
    page = assert(at.client.keys:list { status = "revoked", sort_by = "id", sort_order = "desc", limit = 1 })
    assert.same({ ids[5] }, surface.pluck(page, "id"))
  end },

  { "are refused as they should be", function(at)
    fails("http", "key_not_found", at.client.keys:get(9999))
    fails("http", "key_not_found", at.client.keys:delete(9999))
    fails("http", "invalid_expiration", at.client.keys:create { name = helper.id(), expires = os.time() + 366 * 86400 })
    fails("http", "validation", at.client.keys:create { name = helper.id(), expires = 5 })
    fails("invalid", "invalid", at.client.keys:create { name = "" })
    assert.has_error(function() at.client.keys:create {} end)
  end },
}

-- Usage -------------------------------------------------------------------------------------------------------------

-- The calls of a fresh key: 2 chats, 1 embedding.
local function use(at)
  local name = "usage-" .. helper.id()
  local key = make_key(at, { name = name })
  local client = at:other { api_key = key.value }
  for _ = 1, 2 do assert(client:chat "Bonjour") end
  assert(client:embeddings { model = "bge-m3", input = "bonjour" })
  return key, name
end

-- What entries have in all versions.
local function check_entry(entry)
  surface.check_usage(entry)
  assert.is_true(entry.start_time <= entry.end_time and entry.end_time <= os.time() + 86400)
  assert.is_true(entry.requests >= 1)
end

local function sum(entries, name)
  local total = 0
  for _, entry in ipairs(entries) do total = total + entry[name] end
  return total
end

local USAGE_CASES = {
  { "has one shape", "read", function(at)
    for _, entry in ipairs(assert(at.client:usage { limit = 5 })) do check_entry(entry) end
  end },

  { "counts what was asked, by route and time", function(at)
    local chats, begin = "/v1/chat/completions", os.time()
    local before = sum(surface.all(at.client:each_usage { endpoint = chats }), "requests")
    local key, name = use(at)
    local all = surface.all(at.client:each_usage { endpoint = chats, limit = 3 })
    assert.equal(before + 2, sum(all, "requests"))
    for _, entry in ipairs(all) do check_entry(entry) end
    assert.is_true(sum(all, "cost") > 0)
    assert.same({}, surface.all(at.client:each_usage { start_time = begin - 7200, end_time = begin - 3600 }))
    if at.usage_by == "request" then
      assert.same({ chats, "gpt-oss-120b", name }, { all[1].endpoint, all[1].model, all[1].key })
      assert.is_number(all[1].latency_ms)
      for _, field in ipairs { "key_id", "models" } do
        fails("unsupported", "version", at.client:usage { [field] = field == "models" and { "bge-m3" } or key.id })
      end
    else
      assert.equal(1, #all)
      assert.equal(3, sum(assert(at.client:usage { key_id = key.id }), "requests"))
      assert.equal(1, sum(assert(at.client:usage { key_id = key.id, models = { "bge-m3", "whisper-large-v3" } }), "requests"))
    end
  end },
}

-- Logging in --------------------------------------------------------------------------------------------------------

local LOGIN_CASES = {
  { "gives a key that can be used", function(at)
    local nobody = at:other { api_key = function() return nil end }
    local key = assert(nobody:login { email = "demo@example.org", password = "demo-password" })
    assert.is_number(key.id)
    assert.equal("demo@example.org", assert(at:other { api_key = key.value }:me()).email)
  end },

  { "is refused, and no password is repeated", "read", function(at)
    local _, err = at.client:login { email = "nobody-" .. os.time() .. "@example.org", password = "not-a-password-0123" }
    assert.is_true(err.kind == "auth" or err.kind == "http")
    assert.is_false(helper.mentions(err, "not-a-password-0123"))
  end },

  { "tells who is not known from who is wrong, where the server does", function(at)
    local err = fails("auth", "invalid_login", at.client:login { email = "demo@example.org", password = "wrong-one" })
    assert.is_false(helper.mentions(err, "wrong-one"))
    local _, unknown = at.client:login { email = "nobody@example.org", password = "wrong-one" }
    assert.equal(at.login_unknown, unknown.code)
  end },

  { "by SSO needs a session", function(at)
    if at.lacks:find "sso_login" then return fails("unsupported", "version", at.client:sso_login { token = "token-0123" }) end
    fails("auth", "invalid_sso_session", at.client:sso_login { token = "token-0123" })
  end },

  { "shows the organization, where users may see it", "read", function(at)
    if at.lacks:find "organization" then return fails("unsupported", "version", at.client:organization()) end
    assert.is_string(assert(at.client:organization()).name)
  end },

  { "is not for who has no key, or a wrong one", "read", function(at)
    local nobody = at:other { api_key = function() return nil end }
    local err = fails("auth", "not_authenticated", nobody:me())
    assert.is_true(err.message:find "OGL_TOKEN" ~= nil)
    err = fails("auth", "invalid_api_key", at:other { api_key = "sk-invalid-surface-0123" }:me())
    assert.is_false(helper.mentions(err, "sk-invalid-surface-0123"))
    fails("auth", nil, at:other { api_key = "sk-invalid-surface-0123" }:chat { model = "x", messages = { ogl.user "Bonjour" } })
  end },
}

surface.skip = function(reason) return pending(reason) end
teardown(surface.stop)
surface.cases("The user", ME_CASES)
surface.cases("Keys", KEY_CASES)
surface.cases("Usage", USAGE_CASES)
surface.cases("The login", LOGIN_CASES)
