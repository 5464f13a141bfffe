--- A store in this Lua's memory. Bounded by entries and bytes: what was used longest ago goes first.
--
-- @module opengatellm.store.memory
local host = require "opengatellm.host"

local M = {}

---@class ogl.MemoryStoreOptions
---@field entries? integer at most; default 10,000
---@field bytes? integer of keys and values at most; default 64 MiB
---@field now? fun(): number the clock; default: the host's

local Store = {}
Store.__index = Store

local OVERHEAD = 64 -- bytes that an entry counts beside its key and its value

local function size_of(key, value) return OVERHEAD + #key + (type(value) == "string" and #value or 8) end

--- Makes a store.
---@param options ogl.MemoryStoreOptions
---@return table
function M.new(options)
  local ring = { key = false } -- of entries by use: `next` of the ring is the newest, `before` the oldest
  ring.next, ring.before = ring, ring
  return setmetatable({
    most = options.entries or 10000, most_bytes = options.bytes or 64 * 1024 * 1024,
    now = options.now or function() return host.current().now() end, entries = {}, count = 0, bytes = 0, ring = ring,
  }, Store)
end

local function unlink(entry) entry.before.next, entry.next.before = entry.next, entry.before end

local function link(self, entry)
  local ring = self.ring
  entry.before, entry.next = ring, ring.next
  ring.next.before, ring.next = entry, entry
end

local function drop(self, entry)
  unlink(entry)
  self.entries[entry.key] = nil
  self.count, self.bytes = self.count - 1, self.bytes - entry.size
end

-- The entry of a key whose time is not over.
local function live(self, key)
  local entry = self.entries[key]
  if entry and entry.ends and entry.ends <= self.now() then
    drop(self, entry)
    return nil
  end
  return entry
end

local function make_room(self)
  while self.count > self.most or self.bytes > self.most_bytes and self.count > 0 do drop(self, self.ring.before) end
end

--- The value of a key.
---@param key string
---@return string|number|nil
function Store:get(key)
  local entry = live(self, key)
  if not entry then return nil end
  unlink(entry)
  link(self, entry)
  return entry.value
end

--- Sets a value.
---@param key string
---@param value string|number
---@param seconds? number
---@return true
function Store:set(key, value, seconds)
  local old = self.entries[key]
  if old then drop(self, old) end
  local entry = { key = key, value = value, size = size_of(key, value), ends = seconds and self.now() + seconds }
  self.entries[key] = entry
  link(self, entry)
  self.count, self.bytes = self.count + 1, self.bytes + entry.size
  make_room(self)
  return true
end

--- Sets a value where there is none.
---@param key string
---@param value string|number
---@param seconds? number
---@return boolean
function Store:add(key, value, seconds)
  if live(self, key) then return false end
  return self:set(key, value, seconds)
end

--- Adds to a number.
---@param key string
---@param by number
---@param seconds? number that a new one lives
---@return number
function Store:incr(key, by, seconds)
  local entry = live(self, key)
  if not entry then
    self:set(key, by, seconds)
    return by
  end
  entry.value = entry.value + by
  return entry.value
end

--- Deletes a value.
---@param key string
---@return true
function Store:delete(key)
  local entry = self.entries[key]
  if entry then drop(self, entry) end
  return true
end

return M
