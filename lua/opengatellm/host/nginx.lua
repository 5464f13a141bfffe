--- The host inside nginx: light threads, semaphores and nginx's clock.
--
-- A light thread belongs to the request (or timer) that it runs in, and ends with it; so does everything that waits here. Light
-- threads cannot be woken while they wait for a cosocket, and only their parent can kill them. So all that `spawn` makes in a
-- request have one parent, the nursery, which does nothing but spawn and kill, and ends with the last of its children: whoever asks,
-- `kill` works. What cannot be killed is what nginx itself started: the handler of a phase, or of a timer.
--
-- Where nginx is, which phase this is and whether it may wait is asked here and nowhere else.
--
-- @module opengatellm.host.nginx
local coroutines = require "opengatellm.host.coroutines"

local M = { name = "nginx", blocking = false }

local ngx = rawget(_G, "ngx") -- nil elsewhere: the module loads on every Lua, for `here`
local LONGEST = 86400 -- seconds of one wait of a semaphore

-- Where are we? ---------------------------------------------------------------------------------------------------

--- Whether this is nginx.
---@return boolean
function M.here() return ngx ~= nil and ngx.get_phase ~= nil and ngx.socket ~= nil end

local TIMER = "put the call into ngx.timer.at(0, function() … end), with what it needs of this request in locals"

-- Phases without cosockets, and what to write instead.
local REFUSED = {
  set = "call it in rewrite_by_lua or access_by_lua, and set the variable there",
  balancer = "call it in access_by_lua, and leave the result in ngx.ctx",
  header_filter = TIMER, body_filter = TIMER, log = TIMER, init_worker = TIMER, ssl_session_store = TIMER,
  init = "call it later: in init_worker_by_lua by ngx.timer.at(0, …)", exit_worker = "a worker that exits waits for nothing",
}

--- The error of a call in this phase; nil where it may wait.
---@return ogl.Error?
function M.refusal()
  local phase = ngx.get_phase()
  local instead = REFUSED[phase]
  if not instead then return nil end
  local failure = require "opengatellm.base.failure"
  return failure.final("unsupported", "phase", ("nginx has no sockets in its phase %s: %s"):format(phase, instead))
end

--- What has to be said of an environment variable that a program is told to set: nginx hides all that its configuration does not name.
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

--- Seconds, monotonic, of arbitrary origin. nginx reads its clock once for all that is ready; this reads it anew.
---@return number
function M.now()
  ngx.update_time()
  return monotonic and tonumber(ffi.C.ngx_current_msec) / 1000 or ngx.now()
end

-- Waiting ---------------------------------------------------------------------------------------------------------

local semaphore = require "ngx.semaphore"
local parked = setmetatable({}, { __mode = "k" }) -- coroutine -> the semaphore that it waits for

-- Waits for a wake of the running coroutine, for at most so many seconds.
local function wait(seconds)
  local me = coroutine.running()
  local mine = assert(semaphore.new(0))
  parked[me] = mine
  mine:wait(seconds)
  parked[me] = nil
end

--- Waits; a wake ends it early.
---@param seconds number
function M.sleep(seconds)
  if seconds > 0 then wait(math.min(seconds, LONGEST)) end
end

--- Waits until `wake(coroutine)`; may return early.
function M.park() wait(LONGEST) end

--- Ends the wait of a coroutine that is parked or asleep.
---@param co thread
function M.wake(co)
  local its = parked[co]
  if its and its:count() < 1 then its:post(1) end
end

-- Light threads ---------------------------------------------------------------------------------------------------

-- A function of its own, so that nothing of the orders stays on the nursery's stack while it waits.
local function obey(self)
  local orders = self.orders
  self.orders = {}
  for _, order in ipairs(orders) do order() end
end

-- The nursery's life: obeys, until no child is left.
local function nurse(self, ctx)
  repeat
    self.bell:wait(LONGEST)
    obey(self)
  until self.children == 0 and not self.orders[1]
  ctx["opengatellm.nursery"] = nil
end

-- The nursery of this request; made when it is first needed, and again after its last child has ended.
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

-- Has the nursery do something, and waits until it is done: what it returned.
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

--- Runs a job in a light thread of its own, now until it first waits.
---@param job table see host/init.lua
---@return thread
function M.spawn(job)
  local self, body = nursery(), coroutines.protected(job)
  self.children = self.children + 1
  return have(self, function() return ngx.thread.spawn(child, self, body) end)
end

function M.report(message) ngx.log(ngx.ERR, message) end

local sockets = setmetatable({}, { __mode = "k" }) -- coroutine -> the cosocket that it waits for

--- Tells which cosocket the running coroutine waits for: nginx leaves it open where the coroutine is killed. nil: none any more.
---@param socket? userdata
---@param co? thread what the first call returned
---@return thread
function M.waits(socket, co)
  co = co or coroutine.running()
  sockets[co] = socket
  return co
end

--- Ends a light thread of `spawn`, of this request, wherever it waits, and closes the socket that it waits for.
---@param co thread
---@return boolean killed false where it has ended already, or is none of those
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
