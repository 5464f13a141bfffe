--- The user's own account on the played server: me, usage, login, and on main the own organization.
--
-- Keys are in ogl_keys.lua. `/v1/me/info` and `/v1/me/usage` are the old names, which all versions still know.

local check = require "server.check"
local json = require "server.json"
local refusal = require "server.refusal"

local PLAYGROUND_SECONDS = 86400
local MONTH = 30 * 86400

-- Me ----------------------------------------------------------------------------------------------------------------

local function limits_json(call)
  local list = json.list()
  for position, limit in ipairs(call.play.accounts:role_of(call.user).limits) do
    list[position] = json.record(call.dialect.limit_router, limit.router, "type", limit.type, "value", limit.value)
  end
  return list
end

local function me(call)
  local dialect, user = call.dialect, call.user
  local times = dialect.me_times
  call:answer(200, json.record("object", "userInfo", "id", user.id, "email", user.email, "name", user.name,
    dialect.me_organization, user.organization, "budget", user.budget and json.float(user.budget),
    "permissions", json.list(call.play.accounts:role_of(user).permissions), "limits", limits_json(call),
    "expires", user.expires, times and "priority" or nil, user.priority, times and "created" or nil, user.created,
    times and "updated" or nil, user.updated))
end

local function me_fields(dialect)
  local complete, shortest = dialect.me_complete, dialect.password_min
  return {
    { "name", "string", required = complete, null = not complete },
    { "email", "string", required = complete, null = not complete, min = complete and 1 or nil, max = 254 },
    { "current_password", "string", null = true, min = complete and shortest or nil, max = 72 },
    { "password", "string", null = true, min = complete and shortest or nil, max = 72 },
  }
end

--- Changes the password if the body says so and knows the old one.
local function change_password(call, body)
  if body.current_password and not body.password and call.dialect.me_complete then
    check.fail("value_error", { "body" }, "Value error, password is required when current_password is given", json.null)
  end
  if not body.password then return end
  if body.current_password ~= call.user.password then refusal.refuse(401, "Invalid current password.") end
  call.user.password = body.password
end

local function update_me(call)
  local users, user = call.play.accounts.users, call.user
  local body = check.body(call.request, me_fields(call.dialect))
  local taken = body.email and users:find(function(each) return each ~= user and each.email == body.email end)
  if taken then refusal.refuse(409, call.dialect.texts.users_taken, body.email) end
  change_password(call, body)
  user.name, user.email = body.name or user.name, body.email or user.email
  users.touch(user)
  call:none()
end

-- Usage -------------------------------------------------------------------------------------------------------------

local ENDPOINTS = {
  "/v1/audio/transcriptions", "/v1/chat/completions", "/v1/embeddings", "/v1/ocr", "/v1/rerank", "/v1/search",
}

local function usage(call)
  local required = call.dialect.usage_buckets
  local query = check.query(call.request, {
    { "start_time", "integer", required = required, default = os.time() - MONTH },
    { "end_time", "integer", required = required, default = os.time() },
    { "offset", "integer", default = 0, min = 0 }, { "limit", "integer", default = 10, min = 1, max = 100 },
    { "endpoint", "enum", values = ENDPOINTS, null = true },
    { "models", "list", of = { nil, "string" } }, { "key_id", "integer", null = true },
  })
  call:answer(200, call.play.ledger:answer(call.dialect, call.user, query))
end

-- Login -------------------------------------------------------------------------------------------------------------

local LOGIN = {
  { "email", "string", required = true, min = 1, max = 254 },
  { "password", "string", required = true, min = 1, max = 72 },
}

local function login(call)
  local accounts, dialect = call.play.accounts, call.dialect
  local body = check.body(call.request, LOGIN)
  local user = accounts.users:find(function(each) return each.email == body.email end)
  if not user then refusal.refuse(dialect.login and 404 or 401, dialect.texts.login_user) end
  if user.password ~= body.password then refusal.refuse(401, dialect.texts.login_password) end
  local key = accounts:issue(user, "playground", os.time() + PLAYGROUND_SECONDS)
  if dialect.login then
    return call:answer(200, json.record(dialect.login[1], key.id, dialect.login[2], key.secret))
  end
  call:answer(200, json.record("object", "key", "id", key.id, "name", key.name, dialect.secret_created, key.secret,
    dialect.key_user, user.id, "expires", key.expires, "created", key.created,
    dialect.key_revoked and "revoked" or nil, false))
end

--- There is no SSO session here, ever.
local function sso_login()
  refusal.refuse(401, "Invalid SSO session.")
end

-- The own organization ----------------------------------------------------------------------------------------------

local function organization(call)
  local accounts = call.play.accounts
  local own = accounts.organizations:get(call.user.organization)
    or refusal.refuse(404, "Organization %s not found.", tostring(call.user.organization))
  call:answer(200, json.record("object", "organization", "id", own.id, "name", own.name,
    "users", accounts.users:count(function(user) return user.organization == own.id end),
    "created", own.created, "updated", own.updated))
end

return function(dialect)
  local routes = dialect.routes
  return {
    { "GET", "/v1/me", me, expired_ok = true, off = not routes.me },
    { "PATCH", "/v1/me", update_me, off = not routes.me },
    { "GET", "/v1/me/info", me, expired_ok = true },
    { "PATCH", "/v1/me/info", update_me },
    { "GET", "/v1/usage", usage, off = not routes.usage },
    { "GET", "/v1/me/usage", usage },
    { "GET", "/v1/organizations/me", organization, off = not routes.organizations_me },
    { "POST", "/v1/auth/login", login, open = true },
    { "POST", "/v1/auth/sso/login", sso_login, open = true, off = not routes.sso },
  }
end
