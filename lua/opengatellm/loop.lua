--- Our part of a loop that is no host of ours: a game's, copas, lgi, luasocket's select.
--
--   local loop = ogl.loop()
--   wait until loop:fd() is readable, or loop:timeout() seconds (nil: no limit) are over, or whatever else the loop waits for;
--   then loop:step(), which never waits
--
-- Tasks made by ogl.spawn run inside of step. The descriptor stays the same as long as the loop lives and the system lets it.
--
-- @module opengatellm.loop
local driver = require "opengatellm.transport.driver"
local errors = require "opengatellm.errors"
local scheduler = require "opengatellm.host".scheduler()

local M = {}

---@class ogl.Loop
local Loop = {}
Loop.__index = Loop

--- Makes one; any number of them are the same loop.
---@return ogl.Loop? loop
---@return ogl.Error? err
function M.new()
  local self = setmetatable({}, Loop)
  local multi, kind, code, message = driver.hold(self)
  if not multi then return nil, errors.new { kind = kind, code = code, message = message } end
  return self
end

--- Readable when `step` has something to do.
---@return integer
function Loop:fd() return driver.fd() end -- luacheck: ignore self

--- Seconds until `step` has something to do that the descriptor does not tell: 0 now, nil never.
---@return number?
function Loop:timeout() return scheduler.timeout() end -- luacheck: ignore self

--- Does what can be done without waiting.
function Loop:step() -- luacheck: ignore self
  driver.step()
  scheduler.step()
end

--- Whether tasks are left.
---@return boolean
function Loop:busy() return scheduler.busy() end -- luacheck: ignore self

return M
