--- The keys of the played server: those of the user (`/v1/keys`, before `/v1/me/keys`) and those that administrators
--- give (`/v1/admin/keys`, before `/v1/admin/tokens`).
--
-- The keys themselves are in accounts.lua. Only the answer to a creation has the secret; its field was renamed
-- twice, and so were half of the others.

local check = require "server.check"
local gate = require "server.gate"
local json = require "server.json"
local listing = require "server.listing"
local refusal = require "server.refusal"

local MOST_DAYS = 365 -- the operator's cap on the life of a key
local RESERVED = "_system_playground_key"
local SORTS = { "id", "name", "created" }

local CREATE = {
  { "name", "string", required = true, min = 1, trim = true },
  { "expires", "integer", null = true, check = check.in_future },
}

local ADMIN_CREATE = { CREATE[1], { "user", "integer", required = true }, CREATE[2] }

-- Which keys a list has, by the filter of the version.
local FILTERS = {
  include_expired = { "include_expired", "boolean", default = false },
  status = { "status", "enum", values = { "active", "expired", "revoked" }, null = true },
}

-- A key -------------------------------------------------------------------------------------------------------------

--- A key as it is shown; masked unless `secret` is given. The older admin routes call it a token.
local function key_json(call, key, secret, is_token)
  local dialect = call.dialect
  return json.record("object", is_token and "token" or "key", "id", key.id, "name", key.name,
    dialect.secret_listed, secret or call.play.accounts.mask(key.secret),
    dialect.key_user or is_token and "user" or nil, key.user, "expires", key.expires,
    "created", key.created, dialect.key_revoked and "revoked" or nil, key.revoked)
end

--- Refuses names that are reserved or, where names are unique, taken by another key of the user.
local function check_name(call, user_id, name, except)
  local dialect = call.dialect
  if dialect.key_reserved and name == RESERVED then refusal.refuse(400, "Key name %s is reserved.", name) end
  local taken = dialect.keys_unique and call.play.accounts.keys:find(function(key)
    return key ~= except and key.user == user_id and key.name == name
  end)
  if taken then refusal.refuse(409, "Key %s already exists.", name) end
end

--- Makes a key for a user and answers; `field` is the secret's where the answer is not the whole key.
local function create(call, user, body, field)
  check_name(call, user.id, body.name)
  if body.expires and body.expires > os.time() + MOST_DAYS * 86400 then
    refusal.refuse(400, call.dialect.texts.key_expiry, MOST_DAYS)
  end
  local key = call.play.accounts:issue(user, body.name, body.expires)
  if call.dialect.created_whole.keys then return call:answer(201, key_json(call, key, key.secret)) end
  call:answer(201, json.record("id", key.id, field, key.secret))
end

local function is_listed(call, view, key)
  local status = call.play.accounts.key_status(key)
  if call.dialect.key_filter == "include_expired" then return view.include_expired or status ~= "expired" end
  return not view.status or view.status == status
end

--- Lists the keys for which `wanted(key, view)` holds. `more` is a field of the query, if any.
local function list(call, wanted, more, is_token)
  local fields = { FILTERS[call.dialect.key_filter] }
  fields[#fields + 1] = more
  local view = listing.view(call, "keys", SORTS, fields)
  listing.answer(call, "keys", call.play.accounts.keys, view, function(key)
    return wanted(key, view) and is_listed(call, view, key)
  end, function(key) return key_json(call, key, nil, is_token) end)
end

--- Deletes a key, which since 0.9 means to revoke it, and answers.
local function delete(call, key)
  key.revoked = true
  if not call.dialect.key_revoked then call.play.accounts.keys:remove(key) end
  if not call.dialect.deleted_whole.keys then return call:none() end
  call:answer(200, key_json(call, key))
end

-- The user's own ----------------------------------------------------------------------------------------------------

local function own(call, id)
  local key = call.play.accounts.keys:get(id)
  if key and key.user == call.user.id then return key end
  refusal.refuse(404, call.dialect.texts.keys_missing, id)
end

local function create_own(call)
  create(call, call.user, check.body(call.request, CREATE), call.dialect.secret_created)
end

local function list_own(call)
  list(call, function(key) return key.user == call.user.id end)
end

local function get_own(call, id)
  call:answer(200, key_json(call, own(call, id)))
end

local function rename_own(call, id)
  local body = check.body(call.request, { CREATE[1] })
  local key = own(call, id)
  check_name(call, call.user.id, body.name, key)
  key.name = body.name
  call:answer(200, key_json(call, key))
end

local function delete_own(call, id)
  delete(call, own(call, id))
end

-- The administrator's -----------------------------------------------------------------------------------------------

local function any(call, id)
  return call.play.accounts.keys:get(id) or refusal.refuse(404, call.dialect.texts.keys_missing, id)
end

local function create_any(call)
  gate.admin(call, "keys")
  local body = check.body(call.request, ADMIN_CREATE)
  local user = call.play.accounts.users:get(body.user)
    or refusal.refuse(404, call.dialect.texts.users_missing, body.user)
  create(call, user, body, call.dialect.admin_secret_created)
end

local function is_token(call)
  return call.dialect.admin_keys == "tokens"
end

local function list_any(call)
  gate.admin(call, "keys")
  list(call, function(key, view) return not view.user or key.user == view.user end,
    { "user", "integer", null = true }, is_token(call))
end

local function get_any(call, id)
  gate.admin(call, "keys")
  call:answer(200, key_json(call, any(call, id), nil, is_token(call)))
end

local function delete_any(call, id)
  gate.admin(call, "keys")
  delete(call, any(call, id))
end

--- The routes of the user's own keys at one path.
local function own_routes(dialect, path, is_there)
  return
    { "POST", path, create_own, off = not is_there },
    { "GET", path, list_own, off = not is_there },
    { "GET", path .. "/{key_id}", get_own, off = not is_there },
    { "PATCH", path .. "/{key_id}", rename_own, off = not (is_there and dialect.key_rename) },
    { "DELETE", path .. "/{key_id}", delete_own, off = not is_there }
end

return function(dialect)
  local routes = { own_routes(dialect, "/v1/me/keys", true) }
  for _, row in ipairs { own_routes(dialect, "/v1/keys", dialect.routes.keys) } do routes[#routes + 1] = row end
  local path = "/v1/admin/" .. dialect.admin_keys
  for _, row in ipairs {
    { "POST", path, create_any, migrated = true },
    { "GET", path, list_any, migrated = true },
    { "GET", path .. "/{key_id}", get_any, migrated = true },
    { "DELETE", path .. "/{key_id}", delete_any, migrated = true },
  } do routes[#routes + 1] = row end
  return routes
end
