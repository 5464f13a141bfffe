--- The host of libuv: Neovim (vim.uv, before 0.10 vim.loop), and programs that run luv's loop.
--
-- Waits yield in any coroutine but the main one, and whoever was woken goes on in a later turn of the loop: in Neovim by vim.schedule,
-- each coroutine by itself, so that all of vim.api may be called and the editor looks for keys in between.
--
-- Handles: one poll handle on libcurl's descriptor while somebody waits for the network, and a timer for each sleep. They keep the loop
-- alive, as long as there is somebody to wake; then they are closed, and uv.run returns. A stream that nobody reads has none.
--
-- @module opengatellm.host.luv
local coroutines = require "opengatellm.host.coroutines"

local vim = rawget(_G, "vim")
local neovim = type(vim) == "table" and vim.schedule and (vim.uv or vim.loop) or nil -- Vim has none, nor have Neovim's threads
local uv = neovim or select(2, pcall(require, "luv")) -- a text where there is none

---@class opengatellm.LuvHost: opengatellm.Host
local M = { name = "luv", blocking = false }

local PARK = {} -- what our own yields give; anything else is a task that lets the others go first

local parked = setmetatable({}, { __mode = "k" }) -- coroutine -> true
local jobs = {} -- coroutine of ours -> its job
local n_due = 0 -- coroutines that were woken and have not gone on yet
local running -- the coroutine that we resumed last, while it runs
local handle, watched -- the poll handle, and whose descriptor that is

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

-- Each by itself: one that waits by vim.wait keeps no other one.
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

-- One timer for all that are woken in one turn of the loop.
local function enqueue(co)
  n_due = n_due + 1
  queue[#queue + 1] = co
  if #queue == 1 then defer(run_queue) end
end

local later = neovim and schedule or enqueue

function resume(co)
  if coroutine.status(co) ~= "suspended" then return end -- closed by somebody, or in other hands
  local outer = running
  running = co
  local ok, what = coroutine.resume(co, jobs[co])
  running = outer
  if not ok then return over(co, false, what) end
  if coroutine.status(co) == "dead" then return over(co, true) end
  if what ~= PARK and jobs[co] then later(co) end
end

function M.now() return uv.hrtime() / 1e9 end

--- Whether the loop runs. Neovim's always does.
---@return boolean
function M.running() return neovim ~= nil or type(uv) == "table" and uv.loop_mode and uv.loop_mode() ~= nil end

local MAIN = "this call has to wait, and would freeze the editor: call it in a coroutine (ogl.spawn(function() … end), where ogl is "
  .. "require 'opengatellm'), give it callbacks (client:stream(request, {on_event = …, on_done = …})), or make the client with block = true"
local NESTED = "this call has to wait, and was made in a coroutine of yours inside of one of ours, which would get our yield: call it "
  .. "outside of the generator"

--- Whether the running coroutine is one whose waits yield to the loop. Raises where a wait would freeze the editor.
---@return boolean
function M.inside()
  if not M.running() then return false end
  local co = coroutines.running()
  if not co and neovim then error(MAIN, 0) end
  if running and co ~= running then error(NESTED, 0) end
  return co ~= nil
end

--- Tells of an error that nobody caught: in Neovim by vim.notify.
---@param message string
function M.report(message)
  if not neovim then return io.stderr:write(message, "\n") end
  vim.schedule(function() vim.notify(message, vim.log.levels.ERROR) end)
end

function M.spawn(job)
  local co = coroutine.create(job.run)
  jobs[co] = job
  later(co)
  return co
end

function M.park()
  local co = coroutine.running()
  parked[co] = true
  coroutine.yield(PARK)
  parked[co] = nil -- somebody else may have resumed it
end

function M.wake(co)
  if not parked[co] then return end
  parked[co] = nil
  later(co)
end

local LONGEST = 2 ^ 50 -- milliseconds; math.huge is no number of them

function M.sleep(seconds)
  coroutines.check() -- before there is a timer
  local co, timer = coroutine.running(), uv.new_timer()
  uv.update_time() -- a timer counts from the loop's own clock, which stands still while Lua runs
  timer:start(math.min(math.ceil(math.max(0, seconds) * 1000), LONGEST), 0, function()
    close(timer)
    M.wake(co)
  end)
  M.park()
  close(timer)
end

--- Makes sure that the driver is stepped for as long as somebody waits for it.
---@param driver table
function M.watch(driver)
  if handle then return end
  local fd = driver.fd()
  if not fd then return defer(driver.step) end -- C has failed those who wait, and the step tells them
  handle, watched = assert(uv.new_poll(fd)), driver
  driver.hold(M) -- else the last client's close could give the descriptor's number to another one
  handle:start("r", function() driver.step() end)
end

-- Going on --------------------------------------------------------------------------------------------------------

return M
