--- The contract of a store, for every one whose clock a spec holds.
local assert = require "luassert"

local M = {}

--- Asks a store for each promise of lua/opengatellm/store/init.lua.
---@param store table empty
---@param clock {now: number} of that store
function M.check(store, clock)
  local began = clock.now
  assert.is_nil(store:get "a")
  assert.is_true(store:set("a", "x\0y\n", 10))
  assert.equal("x\0y\n", store:get "a")
  assert.is_false(store:add("a", "y", 10))
  clock.now = began + 10
  assert.is_nil(store:get "a")
  assert.is_true(store:add("a", "y"))
  assert.equal("y", store:get "a")
  assert.equal(2, store:incr("n", 2, 5))
  clock.now = began + 12
  assert.equal(3, store:incr("n", 1, 5))
  clock.now = began + 15 -- the time is that of the first
  assert.equal(1, store:incr("n", 1, 5))
  assert.is_true(store:set("f", 0.1))
  assert.equal(0.1, store:get "f")
  assert.is_true(store:delete "n")
  assert.is_true(store:delete "n")
  assert.is_nil(store:get "n")
end

return M
