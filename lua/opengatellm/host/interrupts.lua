--- Interrupts: SIGINT (Ctrl-C) ends what waits, in a plain program that wants to live on.
--
--   local interrupts = assert(ogl.interrupts())
--   local reply, err = client:chat "Bonjour"      err.code is "interrupted" where the user pressed Ctrl-C
--   interrupts:reset()                             waits wait again
--   interrupts:close()                             Ctrl-C ends the program again
--
-- From the signal until the reset every wait of this library ends at once with that error, as those of a cancelled task do.
--
-- @module opengatellm.host.interrupts
local errors = require "opengatellm.errors"
local nginx = require "opengatellm.host.nginx"

local M = {}

---@class ogl.Interrupts
---@field seen fun(self: ogl.Interrupts): boolean whether SIGINT has come since the last reset
---@field reset fun(self: ogl.Interrupts)
---@field wait fun(self: ogl.Interrupts, seconds: number): boolean
---@field close fun(self: ogl.Interrupts)

local open = setmetatable({}, { __mode = "k" }) -- objects that were opened and are alive

local struck = setmetatable({}, { __mode = "k" }) -- coroutines that were woken by a signal and do not know it yet

local SLICE = 0.1 -- seconds: a signal that comes between a look and the wait behind it is seen so soon

--- Has SIGINT end waits from now on, and no more the program.
---@return ogl.Interrupts?
---@return ogl.Error? err
function M.open()
  if nginx.here() then return nil, errors.new { kind = "unsupported", message = "nginx itself takes the signals of its processes" } end
  local made, problem = require "opengatellm.system".interrupts()
  if not made then return nil, errors.new { kind = "config", code = "interrupts", message = problem } end
  open[made] = true
  return made
end

--- Says whether a signal has come since the last reset.
---@return boolean
function M.seen()
  for one in next, open do
    if one:seen() then return true end
  end
  return false
end

--- Has a coroutine that is woken because of a signal get its error, although another one may reset the signal before it runs.
---@param co thread
function M.strike(co) struck[co] = true end

--- Gives the error of what waits after a signal.
---@return ogl.Error? err `cancelled`; nil where none has come
function M.err()
  local co = next(struck) ~= nil and coroutine.running() or M
  if not (struck[co] or M.seen()) then return nil end
  struck[co] = nil
  return errors.new { kind = "cancelled", code = "interrupted", message = "the program was interrupted" }
end

--- The seconds that one wait of C may take, where a signal may come.
---@param seconds? number that are left; nil: no limit
---@return number?
function M.slice(seconds)
  if next(open) == nil then return seconds end
  return math.min(seconds or SLICE, SLICE)
end

return M
