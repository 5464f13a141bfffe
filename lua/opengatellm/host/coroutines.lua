--- What the Lua versions say differently of coroutines, and whether a wait is possible where a call was made.
--
-- @module opengatellm.host.coroutines
local core = require "opengatellm.core"

local M = {}

--- Lua 5.1 but for LuaJIT: a yield crosses no pcall, no metamethod and no iterator of a `for` loop.
M.NARROW = _VERSION == "Lua 5.1" and not rawget(_G, "jit")

--- The running coroutine; nil in the main one.
---@return thread?
function M.running()
  local co, main = coroutine.running()
  if main then return nil end
  return co
end

local CROSSED = "this call has to wait, and cannot where it was made: inside of a function that C called (string.gsub, table.sort, "
  .. "require, a finalizer…). Call it outside, and hand the result in"
local NARROW = "this call has to wait, and on Lua 5.1 cannot inside of pcall, of a metamethod, or of what C calls (string.gsub, "
  .. "table.sort). Call it outside; errors come as `nil, err`, so that no pcall is needed"

-- Without isyieldable (5.1, 5.2): is there a C function between us and the coroutine's start? pcall is one on 5.1 alone.
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

local isyieldable = coroutine.isyieldable or core.isyieldable -- nginx's table lacks it

--- Raises, with what to do instead, where the running coroutine cannot yield.
function M.check()
  if isyieldable then
    if not isyieldable() then error(CROSSED, 0) end
  elseif crosses_c() then
    error(M.NARROW and NARROW or CROSSED, 0)
  end
end

-- Runs the job in a coroutine of its own and hands its yields on, for a yield crosses no pcall here.
local function carry(job)
  local inner = coroutine.create(job.run)
  local function go_on(ok, ...)
    if coroutine.status(inner) == "suspended" then return go_on(coroutine.resume(inner, coroutine.yield(...))) end
    job:ended(ok, ..., not ok and debug.traceback(inner, tostring((...))) or nil)
  end
  return function() go_on(coroutine.resume(inner, job)) end, inner
end

--- A function for a coroutine of another loop, which runs a job (host/init.lua) and tells it of its end; errors go no further. Where it
--- has to, it runs it in a second coroutine, which is given too.
---@param job table
---@return function
---@return thread?
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
