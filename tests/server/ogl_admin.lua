--- Users, roles and organizations of the played server, for administrators.
--
-- What the five routes of each have in common is in resource.lua, the things themselves in accounts.lua.

local check = require "server.check"
local json = require "server.json"
local refusal = require "server.refusal"
local resource = require "server.resource"

local NAMES = { "id", "name", "created" }
local NAMES_AND_UPDATED = { "id", "name", "created", "updated" }

-- Organizations -----------------------------------------------------------------------------------------------------

local organizations = { name = "organizations", path = "/v1/admin/organizations", sorts = NAMES_AND_UPDATED }

function organizations.shelf(call)
  return call.play.accounts.organizations
end

function organizations.fields()
  return { { "name", "string", required = true, min = 1, trim = true } }
end

local function members(call, field, id)
  return call.play.accounts.users:count(function(user) return user[field] == id end)
end

function organizations.json(call, organization)
  return json.record("object", "organization", "id", organization.id, "name", organization.name,
    "users", members(call, "organization", organization.id), "created", organization.created,
    "updated", organization.updated)
end

function organizations.prepare(call, values, organization)
  local words = call.dialect.texts.organizations_taken
  resource.check_free(organizations.shelf(call), "name", values.name, organization, words)
end

function organizations.release(call, organization)
  if members(call, "organization", organization.id) > 0 then
    refusal.refuse(409, call.dialect.texts.organizations_used, organization.id)
  end
end

-- Roles -------------------------------------------------------------------------------------------------------------

local roles = { name = "roles", path = "/v1/admin/roles", sorts = NAMES }

function roles.shelf(call)
  return call.play.accounts.roles
end

function roles.fields(dialect)
  local permissions = { "admin", "read_metric", "provide_models" }
  if dialect.public_permission then table.insert(permissions, 2, "create_public_collection") end
  return {
    { "name", "string", required = true, min = 1, trim = true },
    { "permissions", "list", of = { nil, "enum", values = permissions }, default = {} },
    { "limits", "list", default = {}, of = { nil, "object", fields = {
      { dialect.limit_router, "integer", required = true },
      { "type", "enum", values = { "tpm", "tpd", "rpm", "rpd" }, required = true },
      { "value", "integer", null = true, min = 0 },
    } } },
  }
end

function roles.json(call, role)
  local limits = json.list()
  for position, limit in ipairs(role.limits) do
    limits[position] = json.record(call.dialect.limit_router, limit.router, "type", limit.type, "value", limit.value)
  end
  return json.record("object", "role", "id", role.id, "name", role.name, "permissions", json.list(role.permissions),
    "limits", limits, "users", members(call, "role", role.id), "created", role.created, "updated", role.updated)
end

function roles.prepare(call, values, role)
  resource.check_free(roles.shelf(call), "name", values.name, role, call.dialect.texts.roles_taken)
  for _, limit in ipairs(values.limits or {}) do
    limit.router = limit[call.dialect.limit_router]
    resource.check_there(call.play.fleet.routers, limit.router, call.dialect.texts.routers_missing)
  end
end

function roles.release(call, role)
  local count = members(call, "role", role.id)
  if count > 0 then refusal.refuse(409, call.dialect.texts.roles_used, role.id, count) end
end

-- Users -------------------------------------------------------------------------------------------------------------

local users = { name = "users", path = "/v1/admin/users", sorts = NAMES_AND_UPDATED }

users.filters = {
  { "role", "integer", null = true }, { "role_id", "integer", null = true },
  { "organization", "integer", null = true }, { "organization_id", "integer", null = true },
  { "email", "string", null = true },
}

function users.shelf(call)
  return call.play.accounts.users
end

function users.fields(dialect)
  local fields = {
    { "email", "string", required = true, min = 1, max = 254, trim = true },
    { "name", "string", null = true, min = 1 },
    { "password", "string", required = true, min = dialect.password_min, max = 72 },
    { dialect.role_field, "integer", required = true, to = "role" },
    { dialect.organization_field, "integer", required = dialect.organization_required,
      null = not dialect.organization_required, to = "organization" },
    { "expires", "integer", null = true, check = check.in_future },
    { "priority", "integer", default = 0, min = 0 },
  }
  if not dialect.budget_dropped then table.insert(fields, 6, { "budget", "number", null = true }) end
  return fields
end

--- A change does not need the password, which stays what it was.
function users.update_fields(dialect)
  local fields = users.fields(dialect)
  fields[3].required, fields[3].null, fields[3].kept = false, true, true
  return fields
end

function users.json(call, user)
  local dialect = call.dialect
  return json.record("object", "user", "id", user.id, "email", user.email, "name", user.name, "sub", nil, "iss", nil,
    dialect.role_field, user.role, dialect.organization_field, user.organization,
    not dialect.budget_dropped and "budget" or nil, user.budget and json.float(user.budget), "expires", user.expires,
    "created", user.created, "updated", user.updated, dialect.priority and "priority" or nil, user.priority)
end

--- Since 0.7 the old names of two fields are refused: they would be ignored, silently.
local function refuse_old_names(call)
  if not call.dialect.old_names_refused then return end
  local body = check.object(call.request)
  for _, name in ipairs { "role", "organization" } do
    if body[name] ~= nil then
      check.fail("extra_forbidden", { "body", name }, "Extra inputs are not permitted", body[name])
    end
  end
end

function users.prepare(call, values, user)
  local accounts, texts = call.play.accounts, call.dialect.texts
  refuse_old_names(call)
  resource.check_free(accounts.users, "email", values.email, user, texts.users_taken)
  resource.check_there(accounts.roles, values.role, texts.roles_missing)
  resource.check_there(accounts.organizations, values.organization, texts.organizations_missing)
end

function users.release(call, user)
  local function owned(thing) return thing.user_id == user.id end
  local fleet, words = call.play.fleet, call.dialect.texts.users_used
  if words and (fleet.routers:find(owned) or fleet.providers:find(owned)) then refusal.refuse(409, words, user.id) end
  local keys = call.play.accounts.keys
  for _, key in ipairs(keys:select(function(key) return key.user == user.id end)) do keys:remove(key) end
end

function users.passes(view, user, dialect)
  local role, organization = view[dialect.role_field], view[dialect.organization_field]
  return (not role or user.role == role) and (not organization or user.organization == organization)
    and (not view.email or user.email == view.email)
end

return function()
  local routes = {}
  for _, each in ipairs { users, roles, organizations } do
    for _, row in ipairs { resource.routes(each) } do routes[#routes + 1] = row end
  end
  return routes
end
