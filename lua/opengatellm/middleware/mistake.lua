--- Mistakes: what a caller did wrong, on its way through functions that must not raise.
--
-- Misuse raises at the caller's line. Where other functions stand between the caller and the check (middleware, a router), the mistake
-- goes through them as an error with `mistake = true`, and the method that was called raises it.
--
-- @module opengatellm.middleware.mistake
local coroutines = require "opengatellm.host.coroutines"
local errors = require "opengatellm.errors"
local memory = require "opengatellm.base.memory"

local M = {}

--- Makes the error of a mistake.
---@param message string
---@return ogl.Error kind `invalid`, code `request`
function M.new(message) return errors.new { kind = "invalid", code = "request", message = message, mistake = true } end

--- Calls a function; what it raises is the error of a mistake. On Lua 5.1 it raises on, since no yield crosses a pcall there.
---@param fn function
---@param ... any its arguments
---@return any value
---@return ogl.Error? err
function M.catch(fn, ...)
  if coroutines.NARROW then return fn(...) end
  local fine, value, err = pcall(fn, ...)
  if fine then return value, err end
  if errors.is(value) then return nil, value end
  if memory.error(value) then return nil, memory.error(value) end
  return nil, M.new((tostring(value):gsub("^[^\n]-:%d+: ", "")))
end

return M
