--- Chance: numbers that look drawn by lot and are the same for the same seed, on every Lua. math.random differs between the versions.
--
--   local chance = require "opengatellm.bench.chance".new(42)
--   chance:unit()           from 0 to 1, neither of them
--   chance:whole(6)         a whole number from 1 to 6
--   chance:exponential()    the gap between two arrivals that come by chance, 1 on average
--
-- The generator is Lehmer's, x = 48271 x mod 2^31 - 1: a double holds all of its products.
--
-- @module opengatellm.bench.chance
local M = {}

---@class ogl.bench.Chance
---@field state integer
local Chance = {}
Chance.__index = Chance

local FACTOR, MODULUS = 48271, 2147483647
local SPREAD = 16 -- numbers that are dropped at first: those of seeds that stand side by side are alike

--- Makes a source of numbers.
---@param seed integer any whole number
---@return ogl.bench.Chance
function M.new(seed)
  local self = setmetatable({ state = seed % (MODULUS - 1) + 1 }, Chance)
  for _ = 1, SPREAD do self:unit() end
  return self
end

--- Gives a number between 0 and 1, and neither of them.
---@return number
function Chance:unit()
  self.state = self.state * FACTOR % MODULUS
  return self.state / MODULUS
end

--- Gives a whole number.
---@param most integer
---@return integer # from 1 to `most`
function Chance:whole(most) return math.floor(self:unit() * most) + 1 end

--- Gives a number above 0 of the exponential distribution whose mean is 1.
---@return number
function Chance:exponential() return -math.log(self:unit()) end

return M
