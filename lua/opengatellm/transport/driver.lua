--- The one multi of this Lua state, and those who wait for it.
--
-- All transports share its connections, so that every host has one descriptor to poll. A transport holds it while it is open;
-- with the last one its connections go. On a host that does not block, an exchange that waits is kept here until C lists it; then
-- its coroutine is woken, on the host where it waits:
--
--   plain        nobody is kept here: the wait is in C
--   scheduler    its turn polls, by `poll`, once something has waited
--   luv, cqueues they `watch`: hold the multi, poll `fd` and call `step`, for as long as `busy` says
--
-- @module opengatellm.transport.driver
local curl = require "opengatellm.curl"
local coroutines = require "opengatellm.host.coroutines"

local M = {}

local multi
local holders = setmetatable({}, { __mode = "k" }) -- transports that are open
local waiting = {} -- id -> exchange whose `waiter` is a coroutine of its `waiter_host`

--- The multi, for a transport that holds it from now on.
---@param holder table
---@return userdata? multi
---@return string? kind and what else a failure has
function M.hold(holder)
  if multi and multi:is_foreign() then -- of a parent: its connections are the parent's
    multi, holders, waiting = nil, setmetatable({}, { __mode = "k" }), {}
  end
  if not multi then
    local made, kind, code, message = curl.multi()
    if not made then return nil, kind, code, message end
    multi = made
  end
  holders[holder] = true
  return multi
end

--- Gives up the connections once nobody holds them and nothing is open.
function M.tidy()
  if not multi or next(holders) ~= nil or multi:count() > 0 then return end
  multi:close()
  multi = nil
end

--- The transport is closed; what it opened goes on.
function M.release(holder)
  holders[holder] = nil
  M.tidy()
end

--- Parks the running coroutine until C has news of an exchange, or something else wakes it: then `waiter` is still set, and the caller
--- gives it to `unpark`. A tail call to the end, as it is in those who call it: each frame of a parked coroutine is memory, 10,000 times.
---@param exchange table
---@param host table
---@param co thread
function M.park(exchange, host, co)
  local id = exchange.id
  if waiting[id] then error("two coroutines wait for the same answer: a stream has one reader", 0) end
  coroutines.check()
  waiting[id], exchange.waiter, exchange.waiter_host = exchange, co, host
  if host.watch then host.watch(M) end
  return host.park()
end

--- Keeps it no longer: something else than news woke who waits.
function M.unpark(exchange)
  M.forget(exchange)
  exchange.waiter = nil
  local unwatch = exchange.waiter_host.unwatch
  if unwatch and next(waiting) == nil then unwatch() end
end

--- Nobody waits for it any more. Once it is closed its id may be another's.
function M.forget(exchange)
  if waiting[exchange.id] == exchange then waiting[exchange.id] = nil end
end

--- Wakes who waits for an exchange: it was closed.
function M.wake(exchange)
  if not exchange.waiter then return end
  M.forget(exchange)
  exchange.waiter_host.wake(exchange.waiter)
end

--- Closes what is waited for on a host whose coroutines will not go on.
function M.abandon(host)
  local list = {}
  for _, exchange in pairs(waiting) do list[#list + 1] = exchange.waiter_host == host and exchange or nil end
  for _, exchange in ipairs(list) do
    waiting[exchange.id], exchange.waiter = nil, nil
    exchange:close()
  end
end

-- Wakes all of whom C has news.
local function deliver()
  for id in multi.next, multi do
    local exchange = waiting[id]
    if exchange then
      local co = exchange.waiter
      waiting[id], exchange.waiter = nil, nil
      exchange.waiter_host.wake(co)
    end
  end
end

--- Readable when `step` has something to do. It is another one when the last transport was closed meanwhile.
---@return integer?
function M.fd() return multi and multi:fd() end

--- Does what can be done without waiting.
function M.step()
  if not multi then return end
  multi:step()
  deliver()
end

--- Whether anybody waits here.
---@return boolean
function M.busy() return next(waiting) ~= nil end

--- Waits at most so long for the network (nil: without limit), and does what there is to do; false, at once, where nobody waits here.
---@param seconds? number
---@return boolean
function M.poll(seconds)
  if not multi or next(waiting) == nil then return false end
  multi:wait(seconds)
  deliver()
  return true
end

return M
