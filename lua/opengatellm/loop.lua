--- This library's part in a foreign loop for which there is no host: a game's, copas, lgi, luasocket's select.
--
--   local loop = ogl.loop()
--   wait until loop:fd() is readable, or loop:timeout() seconds (nil: no limit) are over, or whatever else the loop waits for;
--   then loop:step(), which never waits
--
-- Tasks of ogl.spawn run inside `step`. The descriptor stays the same as long as the loop lives and the system allows it.
--
-- @module opengatellm.loop
local driver = require "opengatellm.transport.driver"
local errors = require "opengatellm.errors"
local scheduler = require "opengatellm.host".scheduler()

local M = {}

---@class ogl.Loop
local Loop = {}
Loop.__index = Loop

--- Makes a loop. All loops share one scheduler and one descriptor.
---@return ogl.Loop? loop
---@return ogl.Error? err where libcurl cannot start
function M.new()
  local self = setmetatable({}, Loop)
  local multi, kind, code, message = driver.hold(self)
  if not multi then return nil, errors.new { kind = kind, code = code, message = message } end
  return self
end

--- Gives the descriptor to wait for: it is readable when `step` has something to do.
---@return integer
function Loop:fd() return driver.fd() end -- luacheck: ignore self

--- Gives the seconds until `step` has something to do that the descriptor does not show.
---@return number? # 0: now; nil: never
function Loop:timeout() return scheduler.timeout() end -- luacheck: ignore self

--- Does everything that can be done without waiting.
function Loop:step() -- luacheck: ignore self
  driver.step()
  scheduler.step()
end

--- Says whether tasks are left.
---@return boolean
function Loop:busy() return scheduler.busy() end -- luacheck: ignore self

return M
