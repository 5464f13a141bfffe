--- Hooks: functions of the program that a conversation calls, whose errors must not end it.
--
-- @module opengatellm.conversation.hooks
local coroutines = require "opengatellm.host.coroutines"
local errors = require "opengatellm.errors"
local host = require "opengatellm.host"
local task = require "opengatellm.task"

local M = {}

-- On Lua 5.1 no yield crosses a pcall: the function gets a task of its own, which catches what it raises.
local function in_task(fn, ...)
  local it = task.spawn(fn, ...)
  it.on_end = function() end
  local a, b = it:wait()
  if it.failure then return false, it.failure.err end
  return true, a, b
end

--- Calls a function that may wait, and catches what it raises.
---@param fn function
---@param ... any its arguments
---@return boolean fine
---@return any first its first result, or what it raised
---@return any second
function M.call(fn, ...)
  if coroutines.NARROW and not host.current().blocking then return in_task(fn, ...) end
  return pcall(fn, ...)
end

--- Calls a hook by its name. One that raises, or returns false or nil with an error, ends the turn.
---@param name string
---@param fn? function
---@param ... any its arguments
---@return ogl.Error? err code `hook`
---@return any result
function M.run(name, fn, ...)
  if not fn then return nil end
  local fine, first, second = M.call(fn, ...)
  if fine and first ~= false and (first ~= nil or second == nil) then return nil, first end
  local why = not fine and first or second
  if errors.is(why) then return why end
  local message = ("%s %s: %s"):format(name, fine and "failed" or "raised", tostring(why))
  return errors.new { kind = "config", code = "hook", message = message }
end

return M
