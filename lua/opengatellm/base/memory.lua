--- The end of Lua's memory, as an error like any other where something large is made: a decoded body, a reply, a body of a request.
--
-- @module opengatellm.base.memory
local errors = require "opengatellm.errors"

local M = {}

local MESSAGE = "not enough memory" -- what every Lua raises, without a place

--- The error of what was raised where memory ended; nil where it is another.
---@param raised any
---@return ogl.Error?
function M.error(raised)
  if raised ~= MESSAGE then return nil end
  collectgarbage() -- what was half made is garbage, and up to 5.1 nothing else collects it in time for this very error
  return errors.new { kind = "limit", code = "memory", message = "Lua has no memory for what was to be made" }
end

local function settle(fine, ...)
  if fine then return ... end
  local err = M.error((...))
  if err then return nil, err end
  error((...), 0)
end

--- Calls fn(…), which must not yield: its results; nil and the error `limit`, code `memory`, where memory ends. Anything else that it
--- raises is raised.
---@param fn function
---@return any ...
function M.attempt(fn, ...) return settle(pcall(fn, ...)) end

return M
