--- The host of libuv: Neovim (vim.uv, before 0.10 vim.loop), and programs that run luv's loop.
--
-- Waits yield in any coroutine but the main one. What was waited for is handed on by vim.schedule, so that all of Neovim's
-- functions may be called; elsewhere by the next turn of the loop. libcurl costs one poll handle, closed when nothing waits for
-- it; the coroutines that wait keep the loop alive.
--
-- @module opengatellm.host.luv
local coroutines = require "opengatellm.host.coroutines"

local vim = rawget(_G, "vim")
local uv = vim and (vim.uv or vim.loop) or require "luv"

---@class opengatellm.LuvHost: opengatellm.Host
local M = { name = "luv", blocking = false }

local PARK = {}

local parked = setmetatable({}, { __mode = "k" }) -- coroutine -> true
local jobs = {} -- coroutine of ours -> its job
local queue = {}
local running -- the coroutine that we resumed last, while it runs
local handle, handle_fd, watched

function M.now() return uv.hrtime() / 1e9 end

--- Whether the loop runs. Neovim's always does.
---@return boolean
function M.running() return vim ~= nil or uv.loop_mode and uv.loop_mode() ~= nil end

local MAIN = "this call has to wait, and would freeze the editor: call it in a coroutine (require 'opengatellm'.spawn(function() … end)), "
  .. "give it callbacks (client:stream(request, {on_event = …, on_done = …})), or make the client with block = true"
local NESTED = "this call has to wait, and was made in a coroutine of yours inside of one of ours, which would get our yield: call it "
  .. "outside of the generator"

--- Whether the running coroutine is one whose waits yield to the loop. Raises where a wait would freeze the editor.
---@return boolean
function M.inside()
  if not M.running() then return false end
  local co = coroutines.running()
  if not co and vim then error(MAIN, 0) end
  if running and co ~= running then error(NESTED, 0) end
  return co ~= nil
end

-- Going on --------------------------------------------------------------------------------------------------------

function M.report(message)
  if not vim then return io.stderr:write(message, "\n") end
  vim.schedule(function() vim.notify(message, vim.log.levels.ERROR) end)
end

local function over(co, ok, err)
  local job = jobs[co]
  jobs[co], parked[co] = nil, nil
  local traceback = not ok and debug.traceback(co, tostring(err)) or nil
  if job then return job:ended(ok, err, traceback) end
  if not ok then M.report("opengatellm: uncaught error in a coroutine: " .. traceback) end
end

local function resume(co)
  local outer = running
  running = co
  local ok, what = coroutine.resume(co, jobs[co])
  running = outer
  if not ok then return over(co, false, what) end
  if coroutine.status(co) == "dead" then return over(co, true) end
  if what ~= PARK and jobs[co] then M.enqueue(co) end -- a task that lets the others go first
end

local function close_handle()
  if handle then handle:close() end
  handle, watched = nil, nil
end

local function run_queue()
  local now = queue
  queue = {}
  for _, co in ipairs(now) do resume(co) end
  if watched and not watched.busy() then close_handle() end
end

local function defer(fn)
  if vim then return vim.schedule(fn) end
  local timer = uv.new_timer()
  timer:start(0, 0, function()
    timer:close()
    fn()
  end)
end

function M.enqueue(co)
  queue[#queue + 1] = co
  if #queue == 1 then defer(run_queue) end
end

-- The contract ----------------------------------------------------------------------------------------------------

function M.spawn(job)
  local co = coroutine.create(job.run)
  jobs[co] = job
  M.enqueue(co)
  return co
end

function M.park()
  parked[coroutine.running()] = true
  coroutine.yield(PARK)
end

function M.wake(co)
  if not parked[co] then return end
  parked[co] = nil
  M.enqueue(co)
end

function M.sleep(seconds)
  local co, timer = coroutine.running(), uv.new_timer()
  timer:start(math.ceil(math.max(0, seconds) * 1000), 0, function() M.wake(co) end)
  M.park()
  timer:close()
end

--- Makes sure that the driver is stepped for as long as somebody waits for it.
function M.watch(driver)
  local fd = driver.fd()
  if handle and handle_fd == fd then return end
  close_handle()
  handle, handle_fd, watched = assert(uv.new_poll(fd)), fd, driver
  handle:start("r", driver.step)
end

--- Nobody waits for the driver any more, and its descriptor may be closed.
M.unwatch = close_handle

return M
