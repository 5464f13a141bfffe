--- The host inside nginx: light threads, semaphores and nginx's clock.
--
-- A light thread belongs to the request (or timer) that it runs in, and ends with it; so does everything that waits here. A light
-- thread cannot be woken while it waits for a cosocket, and only its parent can kill it. So one parent, the nursery, spawns all light
-- threads of a request: it only spawns and kills, and ends after its last child, so that any thread may call `kill`. The handlers of
-- phases and timers, which nginx itself starts, cannot be killed.
--
-- This file alone asks whether this is nginx, which phase runs, and whether the phase may wait.
--
-- @module opengatellm.host.nginx
local coroutines = require "opengatellm.host.coroutines"

local M = { name = "nginx", blocking = false }

local ngx = rawget(_G, "ngx") -- nil elsewhere: every Lua loads this module for `here`
local LONGEST = 86400 -- seconds that one wait of a semaphore may take

-- Where a call runs -----------------------------------------------------------------------------------------------

--- Says whether this is nginx.
---@return boolean
function M.here() return ngx ~= nil and ngx.get_phase ~= nil and ngx.socket ~= nil end

local TIMER = "put the call into ngx.timer.at(0, function() … end), with what it needs of this request in locals"

-- Phases without cosockets, and the code to write instead.
local REFUSED = {
  set = "call it in rewrite_by_lua or access_by_lua, and set the variable there",
  balancer = "call it in access_by_lua, and leave the result in ngx.ctx",
  header_filter = TIMER, body_filter = TIMER, log = TIMER, init_worker = TIMER, ssl_session_store = TIMER,
  init = "call it later: in init_worker_by_lua by ngx.timer.at(0, …)", exit_worker = "a worker that exits cannot wait",
}

--- Makes the error of a call in a phase without sockets.
---@return ogl.Error? err `unsupported`; nil where the phase may wait
function M.refusal()
  local phase = ngx.get_phase()
  local instead = REFUSED[phase]
  if not instead then return nil end
  local failure = require "opengatellm.base.failure"
  return failure.final("unsupported", "phase", ("nginx has no sockets in its phase %s: %s"):format(phase, instead))
end

--- Names an environment variable for a user who should set it. In nginx it adds how, since nginx hides all variables that its
--- configuration does not name.
---@param name string
---@return string
function M.variable(name)
  return M.here() and name .. " (nginx shows it to Lua only with `env " .. name .. ";` in nginx.conf)" or name
end

if not M.here() then return M end

-- Time ------------------------------------------------------------------------------------------------------------

local ffi = require "ffi"
pcall(ffi.cdef, "extern volatile uintptr_t ngx_current_msec;")
local monotonic = pcall(function() return ffi.C.ngx_current_msec end)

--- Gives the time in seconds, monotonic, of arbitrary origin. nginx caches its clock for a turn of its loop; this reads it anew.
---@return number
function M.now()
  ngx.update_time()
  return monotonic and tonumber(ffi.C.ngx_current_msec) / 1000 or ngx.now()
end

-- Waiting ---------------------------------------------------------------------------------------------------------

local semaphore = require "ngx.semaphore"
local parked = setmetatable({}, { __mode = "k" }) -- coroutine -> the semaphore that it waits for

-- Suspends the running coroutine until a wake, for at most so many seconds.
local function wait(seconds)
  local me = coroutine.running()
  local mine = assert(semaphore.new(0))
  parked[me] = mine
  mine:wait(seconds)
  parked[me] = nil
end

--- Suspends the running coroutine for a time; a wake ends it early.
---@param seconds number
function M.sleep(seconds)
  if seconds > 0 then wait(math.min(seconds, LONGEST)) end
end

--- Suspends the running coroutine until `wake(coroutine)`; may return early.
function M.park() wait(LONGEST) end

--- Ends the wait of a coroutine that is parked or asleep.
---@param co thread
function M.wake(co)
  local its = parked[co]
  if its and its:count() < 1 then its:post(1) end
end

-- Light threads ---------------------------------------------------------------------------------------------------

-- A function of its own, so that the orders do not stay on the nursery's stack, and in memory, while it waits.
local function obey(self)
  local orders = self.orders
  self.orders = {}
  for _, order in ipairs(orders) do order() end
end

-- The nursery's life: carries out orders until its last child has ended.
local function nurse(self, ctx)
  repeat
    self.bell:wait(LONGEST)
    obey(self)
  until self.children == 0 and not self.orders[1]
  ctx["opengatellm.nursery"] = nil
end

-- The nursery of this request, made on first use, and again after its last child has ended.
local function nursery()
  local ctx = ngx.ctx
  local found = ctx["opengatellm.nursery"]
  if found then return found end
  found = { orders = {}, bell = assert(semaphore.new(0)), children = 0, alive = {} }
  ctx["opengatellm.nursery"] = found
  ngx.thread.spawn(nurse, found, ctx)
  return found
end

local function tell(self, order)
  table.insert(self.orders, order)
  self.bell:post(1)
end

-- Has the nursery carry out an order, waits for that, and gives the order's result.
local function have(self, order)
  local done, result = assert(semaphore.new(0)), nil
  tell(self, function()
    result = order()
    done:post(1)
  end)
  done:wait(LONGEST)
  return result
end

local function child(self, body)
  local me = coroutine.running()
  self.alive[me] = true
  body()
  self.alive[me] = nil
  tell(self, function() self.children = self.children - 1 end)
end

--- Runs a job in a light thread of its own, at once, until the job first waits.
---@param job table see host/init.lua
---@return thread
function M.spawn(job)
  local self, body = nursery(), coroutines.protected(job)
  self.children = self.children + 1
  return have(self, function() return ngx.thread.spawn(child, self, body) end)
end

--- Logs an error that no caller caught.
---@param message string
function M.report(message) ngx.log(ngx.ERR, message) end

local sockets = setmetatable({}, { __mode = "k" }) -- coroutine -> the cosocket that it waits for

--- Notes which cosocket the running coroutine waits for, since nginx leaves it open when the coroutine is killed.
---@param socket? userdata nil where the coroutine waits for no cosocket any more
---@param co? thread the result of the first call
---@return thread co for the next call
function M.waits(socket, co)
  co = co or coroutine.running()
  sockets[co] = socket
  return co
end

--- Kills a light thread that `spawn` made in this request, wherever it waits, and closes the socket that it waits for.
---@param co thread
---@return boolean killed false where it has ended already, or `spawn` did not make it
function M.kill(co)
  local self = ngx.ctx["opengatellm.nursery"]
  if not self or not self.alive[co] then return false end
  return have(self, function()
    local killed = self.alive[co] and ngx.thread.kill(co)
    if not killed then return false end
    self.alive[co] = nil
    self.children = self.children - 1
    if sockets[co] then sockets[co]:close() end
    return true
  end)
end

return M
