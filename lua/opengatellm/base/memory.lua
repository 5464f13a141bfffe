--- The end of Lua's memory, returned as an error where something large is made: a decoded body, a reply, a request's body.
--
-- @module opengatellm.base.memory
local errors = require "opengatellm.errors"

local M = {}

local MESSAGE = "not enough memory" -- every Lua raises this very text, without a position

--- Turns what was raised into an error, if it was raised because memory ended.
---@param raised any
---@return ogl.Error? err `limit`, code `memory`; nil where something else was raised
function M.error(raised)
  if raised ~= MESSAGE then return nil end
  collectgarbage() -- frees what was half made: Lua 5.1 would not collect it before it needs the memory for this error
  return errors.new { kind = "limit", code = "memory", message = "Lua has no memory for what was to be made" }
end

local function settle(fine, ...)
  if fine then return ... end
  local err = M.error((...))
  if err then return nil, err end
  error((...), 0)
end

--- Calls fn(…), which must not yield. Raises again whatever fn raises, but for the end of memory.
---@param fn function
---@param ... any fn's arguments
---@return any ... fn's results; or nil and the error `limit`, code `memory`
function M.attempt(fn, ...) return settle(pcall(fn, ...)) end

return M
