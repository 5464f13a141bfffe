--- Keeps the one multi of this Lua state, and the coroutines that wait for it or for another source of news.
--
-- All transports share its connections, so that every host has one descriptor to poll. A transport holds it while it is open;
-- the last one that closes closes its connections. On a host that does not block, a waiting exchange is kept here until C lists it; then
-- `step` wakes its coroutine, on the host where it waits:
--
--   plain        no exchange is kept here, because the wait is in C
--   scheduler    its turn polls, by `poll`, once something has waited
--   luv, cqueues they `watch`: hold the multi, poll `fd` and call `step`, for as long as `busy` says
--
-- A source of news beside the network is a table: `fd`, a descriptor that is readable while it has news, and `next()`, which gives the id
-- of the next exchange that has some, or nil. The multi watches the descriptor, so that every host waits for both at once.
--
-- @module opengatellm.transport.driver
local curl = require "opengatellm.curl"
local coroutines = require "opengatellm.host.coroutines"

local M = {}

local multi
local holders = setmetatable({}, { __mode = "k" }) -- transports that are open
local sources = setmetatable({}, { __mode = "k" }) -- those beside the network
local waiting = {} -- id -> exchange whose `waiter` is a coroutine of its `waiter_host`

--- Gives the multi to a transport, which holds it from now on.
---@param holder table
---@return userdata? multi
---@return string? kind, then the other results of a failure
function M.hold(holder)
  if multi and multi:is_foreign() then -- after a fork: its connections belong to the parent process
    multi, holders, waiting = nil, setmetatable({}, { __mode = "k" }), {}
    sources = setmetatable({}, { __mode = "k" })
  end
  if not multi then
    local made, kind, code, message = curl.multi()
    if not made then return nil, kind, code, message end
    multi = made
  end
  holders[holder] = true
  return multi
end

--- Closes the connections once nothing holds them and no exchange is open.
function M.tidy()
  if not multi or next(holders) ~= nil or multi:count() > 0 then return end
  multi:close()
  multi = nil
end

--- Ends the hold of a transport that closes; its open exchanges go on.
---@param holder table
function M.release(holder)
  holders[holder] = nil
  M.tidy()
end

--- Has the hosts wait for a source of news, too, from now on.
---@param source {fd: integer, next: fun(self: table): any}
---@return boolean? attached
---@return string? kind, then the other results of a failure
function M.attach(source)
  local held, kind, code, message = M.hold(source)
  if not held then return nil, kind, code, message end
  if not sources[source] then held:watch(source.fd, true) end
  sources[source] = true
  return true
end

--- Says whether the hosts wait for a source.
---@param source table
---@return boolean
function M.is_attached(source) return sources[source] == true end

--- Ends that, before the source closes its descriptor.
---@param source table
function M.detach(source)
  if not sources[source] then return end
  sources[source] = nil
  if multi then multi:watch(source.fd, false) end
  M.release(source)
end

--- Parks the running coroutine until C has news of an exchange, or something else wakes it; in the second case `waiter` is still set, and
--- the caller calls `unpark`. It ends in a tail call, as its callers do: each frame of a parked coroutine costs memory, 10,000 times.
---@param exchange table
---@param host table
---@param co thread the running coroutine
---@param seconds? number the longest wait; nil: without limit
function M.park(exchange, host, co, seconds)
  local id = exchange.id
  if waiting[id] then error("two coroutines wait for the same answer: a stream has one reader", 0) end
  coroutines.check()
  waiting[id], exchange.waiter, exchange.waiter_host = exchange, co, host
  if host.watch then host.watch(M) end
  if seconds then return host.sleep(seconds) end
  return host.park()
end

--- Removes an exchange from the waiting ones, after something other than news woke its reader.
---@param exchange table
function M.unpark(exchange)
  M.forget(exchange)
  exchange.waiter = nil
  local unwatch = exchange.waiter_host.unwatch
  if unwatch and next(waiting) == nil then unwatch() end
end

--- Stops waiting for an exchange. After its close another exchange may get its id.
---@param exchange table
function M.forget(exchange)
  if waiting[exchange.id] == exchange then waiting[exchange.id] = nil end
end

--- Wakes the coroutine that waits for an exchange, which was closed.
---@param exchange table
function M.wake(exchange)
  if not exchange.waiter then return end
  M.forget(exchange)
  exchange.waiter_host.wake(exchange.waiter)
end

--- Closes every exchange that a coroutine of a host waits for, when the host's coroutines will not go on.
---@param host table
function M.abandon(host)
  local list = {}
  for _, exchange in pairs(waiting) do list[#list + 1] = exchange.waiter_host == host and exchange or nil end
  for _, exchange in ipairs(list) do
    waiting[exchange.id], exchange.waiter = nil, nil
    exchange:close()
  end
end

-- Wakes the coroutine that waits for the exchange of that id.
local function wake_waiter(id)
  local exchange = waiting[id]
  if not exchange then return end
  local co = exchange.waiter
  waiting[id], exchange.waiter = nil, nil
  exchange.waiter_host.wake(co)
end

-- Wakes the coroutine of each exchange that C or another source has news of.
local function deliver()
  for id in multi.next, multi do wake_waiter(id) end
  for source in pairs(sources) do
    for id in source.next, source do wake_waiter(id) end
  end
end

--- Gives a descriptor that is readable when `step` has something to do. It changes when the last transport was closed meanwhile.
---@return integer?
function M.fd() return multi and multi:fd() end

--- Does everything that can be done without waiting.
function M.step()
  if not multi then return end
  multi:step()
  deliver()
end

--- Says whether anything waits for the network.
---@return boolean
function M.busy() return next(waiting) ~= nil end

--- Waits for the network, and delivers its news.
---@param seconds? number the longest wait; nil: without limit
---@return boolean polled false, at once, if nothing waits here
function M.poll(seconds)
  if not multi or next(waiting) == nil then return false end
  multi:wait(seconds)
  deliver()
  return true
end

return M
