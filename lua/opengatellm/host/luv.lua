--- The host of libuv: Neovim (vim.uv, before 0.10 vim.loop), and programs that run luv's loop.
--
-- A wait yields in any coroutine but the main one, and a woken coroutine goes on in a later turn of the loop. In Neovim vim.schedule
-- resumes each coroutine by itself, so that all of vim.api may be called and the editor reads keys in between.
--
-- Handles: one poll handle on libcurl's descriptor while something waits for the network, and a timer for each sleep. They keep the
-- loop alive while a coroutine has to be woken; then they are closed, and uv.run returns. An unread stream has no handle.
--
-- @module opengatellm.host.luv
local coroutines = require "opengatellm.host.coroutines"

local vim = rawget(_G, "vim")
local neovim = type(vim) == "table" and vim.schedule and (vim.uv or vim.loop) or nil -- nil in Vim, and in a thread
local uv = neovim or select(2, pcall(require, "luv")) -- a text where luv is not installed

---@class opengatellm.LuvHost: opengatellm.Host
local M = { name = "luv", blocking = false }

local PARK = {} -- our own yields give this; any other value means that the task lets the others run first

local parked = setmetatable({}, { __mode = "k" }) -- coroutine -> true
local jobs = {} -- coroutine that `spawn` made -> its job
local n_due = 0 -- coroutines that were woken and have not run yet
local running -- the coroutine that `resume` has resumed, while it runs
local handle, watched -- the poll handle, and the driver whose descriptor it polls

local function close(some)
  if not some:is_closing() then some:close() end
end

local function unwatch()
  local driver = watched
  close(handle)
  handle, watched = nil, nil
  driver.release(M)
end

local function over(co, ok, err)
  local job = jobs[co]
  jobs[co], parked[co] = nil, nil
  local traceback = not ok and debug.traceback(co, tostring(err)) or nil
  if job then return job:ended(ok, err, traceback) end
  if not ok then M.report("opengatellm: uncaught error in a coroutine: " .. traceback) end
end

local resume

local function go_on(co)
  n_due = n_due - 1
  resume(co)
  if n_due == 0 and watched and not watched.busy() then unwatch() end
end

-- Schedules each coroutine by itself: one that waits by vim.wait must not hold up the others.
local function schedule(co)
  n_due = n_due + 1
  vim.schedule(function() go_on(co) end)
end

local queue = {}

local function run_queue()
  local now = queue
  queue = {}
  for _, co in ipairs(now) do go_on(co) end
end

local function next_turn(fn)
  local timer = uv.new_timer()
  timer:start(0, 0, function()
    close(timer)
    fn()
  end)
end

local defer = neovim and vim.schedule or next_turn

-- Collects all coroutines that are woken in one turn of the loop behind one timer.
local function enqueue(co)
  n_due = n_due + 1
  queue[#queue + 1] = co
  if #queue == 1 then defer(run_queue) end
end

local later = neovim and schedule or enqueue

function resume(co)
  if coroutine.status(co) ~= "suspended" then return end -- closed meanwhile, or resumed by other code
  local outer = running
  running = co
  local ok, what = coroutine.resume(co, jobs[co])
  running = outer
  if not ok then return over(co, false, what) end
  if coroutine.status(co) == "dead" then return over(co, true) end
  if what ~= PARK and jobs[co] then later(co) end
end

--- Gives the time in seconds, monotonic, of arbitrary origin.
---@return number
function M.now() return uv.hrtime() / 1e9 end

--- Says whether the loop runs. Neovim's always does.
---@return boolean
function M.running() return neovim ~= nil or type(uv) == "table" and uv.loop_mode and uv.loop_mode() ~= nil end

local MAIN = "this call has to wait, which would freeze the editor: call it in a coroutine (ogl.spawn(function() … end), where ogl is "
  .. "require 'opengatellm'), give it callbacks (client:stream(request, {on_event = …, on_done = …})), or make the client with block = true"
local NESTED = "this call has to wait, but was made in a coroutine of yours inside one of ours, and yours would get our yield: call it "
  .. "outside of the generator"

--- Says whether a wait of the running coroutine yields to the loop. Raises where a wait would freeze the editor, or in a generator.
---@return boolean
function M.inside()
  if not M.running() then return false end
  local co = coroutines.running()
  if not co and neovim then error(MAIN, 0) end
  if running and co ~= running then error(NESTED, 0) end
  return co ~= nil
end

--- Shows an error that no caller caught: in Neovim by vim.notify, else on the standard error stream.
---@param message string
function M.report(message)
  if not neovim then return io.stderr:write(message, "\n") end
  vim.schedule(function() vim.notify(message, vim.log.levels.ERROR) end)
end

--- Runs a job in a new coroutine, in a later turn of the loop.
---@param job table see host/init.lua
---@return thread
function M.spawn(job)
  local co = coroutine.create(job.run)
  jobs[co] = job
  later(co)
  return co
end

--- Suspends the running coroutine until `wake`; may return early.
function M.park()
  local co = coroutine.running()
  parked[co] = true
  coroutine.yield(PARK)
  parked[co] = nil -- other code may have resumed it, without a wake
end

--- Lets a parked coroutine go on in a later turn of the loop.
---@param co thread
function M.wake(co)
  if not parked[co] then return end
  parked[co] = nil
  later(co)
end

local LONGEST = 2 ^ 50 -- milliseconds; libuv takes an integer, so math.huge will not do

--- Suspends the running coroutine for a time; a wake ends it early. Raises where it cannot yield.
---@param seconds number
function M.sleep(seconds)
  coroutines.check() -- raises before there is a timer to close
  local co, timer = coroutine.running(), uv.new_timer()
  uv.update_time() -- a timer counts from the loop's own clock, which stands still while Lua runs
  timer:start(math.min(math.ceil(math.max(0, seconds) * 1000), LONGEST), 0, function()
    close(timer)
    M.wake(co)
  end)
  M.park()
  close(timer)
end

--- Steps the driver for as long as something waits for it.
---@param driver table transport/driver.lua
function M.watch(driver)
  if handle then return end
  local fd = driver.fd()
  if not fd then return defer(driver.step) end -- C has failed all waits already, and the step reports it to them
  handle, watched = assert(uv.new_poll(fd)), driver
  driver.hold(M) -- without it, the last client's close could free the descriptor's number for another use
  handle:start("r", function() driver.step() end)
end


return M
