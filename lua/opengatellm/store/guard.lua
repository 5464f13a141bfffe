--- Guards: a store that answers, whatever becomes of the one behind it.
--
-- Where the store fails, the guard answers from memory, and leaves the store alone for some seconds: a Redis that is gone must not make
-- every request wait for it. A program goes on with what it knows; `problem()` tells once what failed.
--
-- @module opengatellm.store.guard
local coroutines = require "opengatellm.host.coroutines"

local M = {}

local REST = 5 -- seconds that a store is left alone after it failed

local Guard = {}
Guard.__index = Guard

--- Makes a guard.
---@param store table
---@param memory table the store that answers in its place
---@param now fun(): number seconds
---@return table
function M.new(store, memory, now)
  return setmetatable({ store = store, memory = memory, time = now, rests_until = false, err = false, told = false }, Guard)
end

-- Keeps the first failure since the store last answered.
local function failed(self, err)
  self.rests_until = self.time() + REST
  if not self.err then self.err, self.told = tostring(err), false end
end

local function settle(self, fine, value, err)
  if not fine then failed(self, value) return false end
  if value == nil and err ~= nil then failed(self, err) return false end
  self.err, self.rests_until = false, false
  return true, value
end

-- Asks the store, unless it rests; false where the memory has to answer. On Lua 5.1 a store that raises is not caught: no yield crosses
-- a pcall there.
local function ask(self, method, key, ...)
  if self.rests_until and self.time() < self.rests_until then return false end
  if coroutines.NARROW then return settle(self, true, self.store[method](self.store, key, ...)) end
  return settle(self, pcall(self.store[method], self.store, key, ...))
end

for _, method in ipairs { "get", "set", "add", "incr", "delete" } do
  Guard[method] = function(self, key, ...)
    local answered, value = ask(self, method, key, ...)
    if answered then return value end
    return self.memory[method](self.memory, key, ...)
  end
end

--- Tells what failed, once for each time that the store stopped to answer.
---@return string? message
function Guard:problem()
  if not self.err or self.told then return nil end
  self.told = true
  return self.err
end

return M
