--- Differences between the Lua versions' coroutines, and the check whether a call may wait where it was made.
--
-- @module opengatellm.host.coroutines
local core = require "opengatellm.core"

local M = {}

--- True on Lua 5.1 without LuaJIT, where a yield cannot cross a pcall, a metamethod or the iterator of a `for` loop.
M.NARROW = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

--- Gives the running coroutine.
---@return thread? # nil in the main coroutine
function M.running()
  local co, main = coroutine.running()
  if main then return nil end
  return co
end

local CROSSED = "this call has to wait, but cannot where it was made: inside a function that C called (string.gsub, table.sort, "
  .. "require, a finalizer…). Call it outside, and hand the result in"
local NARROW = "this call has to wait, but on Lua 5.1 it cannot inside pcall, a metamethod, or a function that C calls (string.gsub, "
  .. "table.sort). Call it outside; errors come as `nil, err`, so that no pcall is needed"

-- For versions without isyieldable (5.1, 5.2): looks for a C function on the stack. A pcall stops a yield on 5.1 alone.
local function crosses_c()
  local level = 3
  while true do
    local info = debug.getinfo(level, "Sf")
    if not info then return false end
    local harmless = not M.NARROW and (info.func == pcall or info.func == xpcall)
    if info.what == "C" and not harmless then return true end
    level = level + 1
  end
end

local isyieldable = coroutine.isyieldable or core.isyieldable -- nginx replaces the coroutine table by one without it

--- Raises where the running coroutine cannot yield, and says what to do instead.
function M.check()
  if isyieldable then
    if not isyieldable() then error(CROSSED, 0) end
  elseif crosses_c() then
    error(M.NARROW and NARROW or CROSSED, 0)
  end
end

-- Runs the job in a coroutine of its own and passes its yields on, since here a yield crosses no pcall.
local function carry(job)
  local inner = coroutine.create(job.run)
  local function go_on(ok, ...)
    if coroutine.status(inner) == "suspended" then return go_on(coroutine.resume(inner, coroutine.yield(...))) end
    job:ended(ok, ..., not ok and debug.traceback(inner, tostring((...))) or nil)
  end
  return function() go_on(coroutine.resume(inner, job)) end, inner
end

--- Makes a function for a coroutine of another loop: it runs a job (host/init.lua) and reports the end to the job, and no error goes
--- further. On Lua 5.1 the job needs a second coroutine.
---@param job table
---@return function
---@return thread? substitute the second coroutine, where there is one
function M.protected(job)
  if M.NARROW then return carry(job) end
  return function()
    local traceback
    local ok, err = xpcall(function() job:run() end, function(raised)
      traceback = debug.traceback(tostring(raised), 2)
      return raised
    end)
    job:ended(ok, err, traceback)
  end
end

return M
