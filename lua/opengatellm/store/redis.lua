--- A store on a Redis server, for all machines that reach it. It goes over nginx's cosockets, by Debian's package lua-nginx-redis
-- (elsewhere OpenResty's lua-resty-redis); connections are kept in nginx's pool.
--
-- @module opengatellm.store.redis
local request = require "opengatellm.request"

local M = {}

---@class ogl.RedisStoreOptions
---@field host? string default "127.0.0.1"
---@field port? integer default 6379
---@field unix_socket? string path, in place of both
---@field username? string
---@field password? string|fun(): string?
---@field database? integer
---@field prefix? string of all keys; default "ogl:"
---@field timeout? number seconds for each step; default 1

local FIELDS = {
  host = "string", port = "number", unix_socket = "string", username = "string", password = "any", database = "number", prefix = "string",
  timeout = "number",
}

local IDLE, POOL = 60000, 32 -- milliseconds that a connection is kept without use; connections a worker

-- Adds to a number, and gives a new one its time, in one step: a client that died between two would leave a number for good.
local INCR = "local v = redis.call('INCRBYFLOAT', KEYS[1], ARGV[1]) if ARGV[2] ~= '' and redis.call('PTTL', KEYS[1]) == -1 then "
  .. "redis.call('PEXPIRE', KEYS[1], ARGV[2]) end return v"

local Store = {}
Store.__index = Store

local function library()
  for _, name in ipairs { "resty.redis", "nginx.redis" } do
    local found, module = pcall(require, name)
    if found then return module end
  end
end

--- Makes a store. Raises outside of nginx, where the library is missing, and what is wrong with the options.
---@param options ogl.RedisStoreOptions
---@param level? integer for error()
---@return table
function M.new(options, level)
  level = (level or 1) + 1
  local problem = type(options) ~= "table" and "expected table, got " .. type(options) or request.check_fields(options, FIELDS)
  if problem then error("ogl.store.redis: " .. problem, level) end
  local ngx = rawget(_G, "ngx")
  if not ngx then error("ogl.store.redis: it goes over nginx's cosockets, and this is not nginx", level) end
  local module = library()
  if not module then error("ogl.store.redis: no library for Redis: install lua-nginx-redis (Debian) or lua-resty-redis", level) end
  local password = options.password
  return setmetatable({
    module = module, now = ngx.now, prefix = options.prefix or "ogl:", timeout = (options.timeout or 1) * 1000,
    address = { options.host or "127.0.0.1", options.port or 6379, unix_socket = options.unix_socket }, database = options.database,
    username = options.username, -- the password stands in a function, where no printer of tables finds it
    secret = function() if type(password) == "function" then return password() end return password end,
  }, Store)
end

-- A new connection says who it is; one of the pool has said so.
local function greet(self, red)
  local secret = self.secret()
  if secret then
    local fine, err
    if self.username then fine, err = red:auth(self.username, secret) else fine, err = red:auth(secret) end
    if not fine then return nil, err end
  end
  if self.database then return red:select(self.database) end
  return true
end

local function connect(self)
  local red = self.module:new()
  red:set_timeout(self.timeout)
  local fine, err
  local address = self.address
  if address.unix_socket then fine, err = red:connect("unix:" .. address.unix_socket)
  else fine, err = red:connect(address[1], address[2]) end
  if not fine then return nil, err end
  if (red:get_reused_times() or 0) == 0 then
    fine, err = greet(self, red)
    if not fine then return nil, err end
  end
  return red
end

-- Sends one command, and gives its answer; nil and the error where it failed. ngx.null is no value.
local function ask(self, command, ...)
  local red, err = connect(self)
  if not red then return nil, "Redis: " .. tostring(err) end
  local answer
  answer, err = red[command](red, ...)
  if answer == nil or answer == false and err then return nil, "Redis: " .. tostring(err) end
  red:set_keepalive(IDLE, POOL)
  if answer == rawget(_G, "ngx").null then return false end
  return answer
end

local function milliseconds(seconds) return ("%d"):format(math.max(1, math.floor(seconds * 1000))) end

--- The value of a key. Numbers come back as texts.
---@param key string
---@return string?
---@return string? err
function Store:get(key)
  local value, err = ask(self, "get", self.prefix .. key)
  if value == false then return nil end
  return value, err
end

--- Sets a value.
---@param key string
---@param value string|number
---@param seconds? number
---@return true?
---@return string? err
function Store:set(key, value, seconds)
  local fine, err
  if seconds then fine, err = ask(self, "set", self.prefix .. key, value, "PX", milliseconds(seconds))
  else fine, err = ask(self, "set", self.prefix .. key, value) end
  if not fine then return nil, err end
  return true
end

--- Sets a value where there is none.
---@param key string
---@param value string|number
---@param seconds? number
---@return boolean?
---@return string? err
function Store:add(key, value, seconds)
  local fine, err
  if seconds then fine, err = ask(self, "set", self.prefix .. key, value, "PX", milliseconds(seconds), "NX")
  else fine, err = ask(self, "set", self.prefix .. key, value, "NX") end
  if fine == nil then return nil, err end
  return fine ~= false
end

--- Adds to a number.
---@param key string
---@param by number
---@param seconds? number that a new one lives
---@return number?
---@return string? err
function Store:incr(key, by, seconds)
  local value, err = ask(self, "eval", INCR, 1, self.prefix .. key, by, seconds and milliseconds(seconds) or "")
  if not value then return nil, err end
  return tonumber(value)
end

--- Deletes a value.
---@param key string
---@return true?
---@return string? err
function Store:delete(key)
  local count, err = ask(self, "del", self.prefix .. key)
  if not count then return nil, err end
  return true
end

return M
