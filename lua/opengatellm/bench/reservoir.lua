--- Reservoirs: a list of bounded length that is a fair sample of all that was added.
--
-- Up to its size it holds everything. From then on each value has the same chance to be among those that it holds, wherever it came
-- (Vitter's algorithm R), so that a run of days needs no more memory than one of minutes, and its percentiles stay right.
--
-- @module opengatellm.bench.reservoir
local chances = require "opengatellm.bench.chance"

local M = {}

---@class ogl.bench.Reservoir
---@field list any[] what it holds
---@field n integer how many were added
local Reservoir = {}
Reservoir.__index = Reservoir

--- Makes an empty reservoir.
---@param size integer how many it holds
---@return ogl.bench.Reservoir
function M.new(size) return setmetatable({ size = size, list = {}, n = 0, chance = chances.new(size) }, Reservoir) end

--- Adds a value.
---@param value any not nil
function Reservoir:add(value)
  local n = self.n + 1
  self.n = n
  if n <= self.size then
    self.list[n] = value
    return
  end
  local place = self.chance:whole(n)
  if place <= self.size then self.list[place] = value end
end

return M
