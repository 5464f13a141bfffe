--- A store in nginx's shared memory: a lua_shared_dict, which all workers see.
--
-- @module opengatellm.store.shared
local M = {}

local Store = {}
Store.__index = Store

--- Makes a store. Raises outside of nginx, and where there is no such zone.
---@param zone string the name of a lua_shared_dict
---@param level? integer for error()
---@return table
function M.new(zone, level)
  local ngx = rawget(_G, "ngx")
  if type(zone) ~= "string" then error("ogl.store.shared: expected the name of a lua_shared_dict, got " .. type(zone), (level or 1) + 1) end
  local dict = ngx and ngx.shared and ngx.shared[zone]
  if not dict then
    local remedy = "write lua_shared_dict " .. zone .. " 10m; into nginx.conf"
    error("ogl.store.shared: there is no zone '" .. zone .. "': " .. remedy, (level or 1) + 1)
  end
  return setmetatable({ dict = dict, now = ngx.now }, Store)
end

--- The value of a key.
---@param key string
---@return string|number|nil
---@return string? err
function Store:get(key) return self.dict:get(key) end

--- Sets a value.
---@param key string
---@param value string|number
---@param seconds? number
---@return true?
---@return string? err
function Store:set(key, value, seconds)
  local fine, err = self.dict:set(key, value, seconds or 0)
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
  local fine, err = self.dict:add(key, value, seconds or 0)
  if fine then return true end
  if err == "exists" then return false end
  return nil, err
end

--- Adds to a number.
---@param key string
---@param by number
---@param seconds? number that a new one lives
---@return number?
---@return string? err
function Store:incr(key, by, seconds)
  local value, err = self.dict:incr(key, by, 0, seconds or 0)
  return value, err
end

--- Deletes a value.
---@param key string
---@return true
function Store:delete(key)
  self.dict:delete(key)
  return true
end

return M
