--- Stores: small values under keys, for a time, that parts of a program share: breakers, limits, caches.
--
--   store:get(key) -> value | nil                        nil where there is none, or its time is over
--   store:set(key, value, seconds) -> true
--   store:add(key, value, seconds) -> true | false       false where there is a value already
--   store:incr(key, by, seconds) -> number               a missing value counts from 0, and lives so long from then on
--   store:delete(key) -> true
--
-- Values are texts and numbers; `seconds` nil: for good. A store that fails returns nil and an error, or raises. What ships with the
-- library: `ogl.store.memory {}` (this Lua's memory), `ogl.store.shared "zone"` (a lua_shared_dict of nginx, for its workers),
-- `ogl.store.redis {}` (Redis, from nginx, for machines), `ogl.store.folder "path"` (files, which outlive the program).
-- Any table with these methods is a store; its field `now`, a function, is the clock that those who share it agree on (seconds), default
-- os.time.
--
-- @module opengatellm.store
local guard = require "opengatellm.store.guard"
local memory = require "opengatellm.store.memory"

local M = {}

local METHODS = { "get", "set", "add", "incr", "delete" }

--- What is wrong with a store that a program gave; nil when nothing is.
---@param given any
---@return string?
function M.problem(given)
  if given == nil then return nil end
  if type(given) ~= "table" then return "store: expected table, got " .. type(given) end
  for _, name in ipairs(METHODS) do
    if type(given[name]) ~= "function" then return "store: it has no method '" .. name .. "'" end
  end
end

--- A store that never fails: the given one as long as it answers, else this Lua's memory.
---@param given? table nil: the memory alone
---@param now fun(): number seconds
---@return table store with `problem()` where one was given (guard.lua)
function M.guarded(given, now)
  local own = memory.new { now = now }
  if given == nil then return own end
  return guard.new(given, own, now)
end

--- Makes a store in this Lua's memory.
---@param options? ogl.MemoryStoreOptions
---@return table
function M.memory(options) return memory.new(options or {}) end

--- Makes a store of nginx's shared memory, for all workers.
---@param zone string the name of a lua_shared_dict
---@return table
function M.shared(zone)
  local store = require "opengatellm.store.shared".new(zone, 2)
  return store -- no tail call: a mistake is the caller's, and error() counts the frames to it
end

--- Makes a store in a folder of files.
---@param path string of a folder that exists
---@param options? ogl.FolderStoreOptions
---@return table
function M.folder(path, options)
  local store = require "opengatellm.store.folder".new(path, options, 2)
  return store
end

--- Makes a store of a Redis server, for all machines; nginx alone.
---@param options? ogl.RedisStoreOptions
---@return table
function M.redis(options)
  local store = require "opengatellm.store.redis".new(options or {}, 2)
  return store
end

return M
