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
  local a, b, c = it:wait()
  if it.failure then return false, it.failure.err end
  return true, a, b, c
end

--- Calls a function that may wait, and catches what it raises.
---@param fn function
---@param ... any its arguments
---@return boolean fine
---@return any first its first result, or what it raised
---@return any second
---@return any third
function M.call(fn, ...)
  if coroutines.NARROW and not host.current().blocking then return in_task(fn, ...) end
  return pcall(fn, ...)
end

local function error_of(name, fine, why)
  if errors.is(why) then return why end
  local message = ("%s %s: %s"):format(name, fine and "failed" or "raised", tostring(why))
  return errors.new { kind = "config", code = "hook", message = message }
end

--- Asks a function of the program. One that raises, or returns nothing with an error, ends the turn.
---@param name string
---@param fn? function
---@param ... any its arguments
---@return any answer
---@return ogl.Error? err code `hook`
function M.ask(name, fn, ...)
  if not fn then return nil end
  local fine, first, second = M.call(fn, ...)
  if not fine then return nil, error_of(name, false, first) end
  if not first and second ~= nil then return nil, error_of(name, true, second) end
  return first
end

--- Calls a hook, as `ask` does; false is a failure too.
---@param name string
---@param fn? function
---@param ... any its arguments
---@return ogl.Error? err code `hook`
function M.run(name, fn, ...)
  local answer, err = M.ask(name, fn, ...)
  if answer == false then return error_of(name, true, "it returned false") end
  return err
end

return M
