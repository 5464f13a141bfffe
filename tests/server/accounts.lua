--- Accounts: the organizations, roles, users and keys of the played server, and who may do what.
--
-- Life: `Accounts.new(dialect)` has the four users that README.md names, without the limits of their roles, which
-- need the models: `grant(routers)` gives them. Then the shelves `organizations`, `roles`, `users` and `keys` may be
-- used as they are; `identify` and `issue` know about keys. Everything is in memory and dies with the process.
--
-- Some keys need no table: a key that begins with `sk-admin`, `sk-expired` or `sk-limited` is of that user, one with
-- `sk-invalid` of nobody, and any other that the server did not issue itself of the demonstration user.

local mime = require "mime"
local Shelf = require "server.shelf"

local Accounts = {}
Accounts.__index = Accounts

local LIMITED = { rpm = 3, tpd = 100000 } -- a minute and a day last as long as the process
local LIMIT_TYPES = { "rpm", "rpd", "tpm", "tpd" }

local FIXED = { { "sk-admin", 1 }, { "sk-expired", 3 }, { "sk-limited", 4 }, { "sk-", 2 } }

local ISSUED = "sk-eyJ" -- a JWT begins so

function Accounts.new(dialect)
  local accounts = setmetatable({
    organizations = Shelf.new(), roles = Shelf.new(), users = Shelf.new(), keys = Shelf.new(), calls = {},
  }, Accounts)
  accounts.organizations:add { name = "DINUM" }
  local all = { "admin", "read_metric", "provide_models" }
  if dialect.public_permission then table.insert(all, "create_public_collection") end
  accounts.roles:add { name = "admin", permissions = all, limits = {} }
  accounts.roles:add { name = "user", permissions = {}, limits = {} }
  accounts.roles:add { name = "limited", permissions = {}, limits = {} }
  for position, name in ipairs { "admin", "demo", "expired", "limited" } do
    accounts.users:add {
      email = name .. "@example.org", name = name, password = name .. "-password", organization = 1, priority = 0,
      role = ({ 1, 2, 2, 3 })[position], expires = name == "expired" and 1700000000 or nil,
    }
  end
  return accounts
end

--- Gives the seeded roles their four limits for each router.
function Accounts:grant(routers)
  for _, role in ipairs(self.roles.things) do
    for _, router in ipairs(routers) do
      for _, kind in ipairs(LIMIT_TYPES) do
        local value = role.name == "limited" and LIMITED[kind] or nil
        table.insert(role.limits, { router = router.id, type = kind, value = value })
      end
    end
  end
end

function Accounts:role_of(user)
  return self.roles:get(user.role)
end

function Accounts:may(user, permission)
  for _, each in ipairs(self:role_of(user).permissions) do
    if each == permission then return true end
  end
  return false
end

-- Keys --------------------------------------------------------------------------------------------------------------

--- active, expired or revoked.
function Accounts.key_status(key)
  if key.revoked then return "revoked" end
  return key.expires and key.expires <= os.time() and "expired" or "active"
end

local function base64url(text)
  return (mime.b64(text):gsub("[+/=]", { ["+"] = "-", ["/"] = "_", ["="] = "" }))
end

--- What stands for a signature: 43 characters that differ from key to key.
local function signature(seed)
  local state, bytes = seed * 2654435761 % 2147483647 + 1, {}
  for position = 1, 32 do
    state = state * 48271 % 2147483647
    bytes[position] = string.char(state % 256)
  end
  return base64url(table.concat(bytes))
end

--- A new key, with its `secret`.
function Accounts:issue(user, name, expires)
  local key = self.keys:add { name = name, user = user.id, expires = expires, revoked = false }
  local claims = ('{"user_id":%d,"token_id":%d,"expires":%s}'):format(user.id, key.id, expires or "null")
  key.secret = "sk-" .. base64url('{"alg":"HS256","typ":"JWT"}') .. "." .. base64url(claims) .. "."
    .. signature(key.id)
  return key
end

--- A secret as lists show it.
function Accounts.mask(secret)
  return secret:sub(1, 8) .. "..." .. secret:sub(-8)
end

--- The user of a key and, if the server issued it, its record; nil for a key that is not valid (any more).
function Accounts:identify(secret)
  if secret:find("^sk%-invalid") then return nil end
  if secret:sub(1, #ISSUED) == ISSUED then
    local key = self.keys:find(function(each) return each.secret == secret end)
    if not key or self.key_status(key) ~= "active" then return nil end
    return self.users:get(key.user), key
  end
  for _, row in ipairs(FIXED) do
    if secret:sub(1, #row[1]) == row[1] then return self.users:get(row[2]) end
  end
end

-- Limits ------------------------------------------------------------------------------------------------------------

--- The limits of a user for a router, type → value; nil if the model is closed to the user. Admins have none.
function Accounts:limits(user, router)
  if self:may(user, "admin") then return {} end
  local limits, known = {}, false
  for _, limit in ipairs(self:role_of(user).limits) do
    if limit.router == router.id then
      if limit.value == 0 then return nil end
      limits[limit.type], known = limit.value, true
    end
  end
  return known and limits or nil
end

--- Counts a call of a user to a router, refused or not, with its tokens. Gives the calls and the tokens before it.
function Accounts:count_call(user, router, tokens)
  local name = user.id .. "/" .. router.id
  local before = self.calls[name] or { calls = 0, tokens = 0 }
  self.calls[name] = { calls = before.calls + 1, tokens = before.tokens + tokens }
  return before.calls, before.tokens
end

return Accounts
