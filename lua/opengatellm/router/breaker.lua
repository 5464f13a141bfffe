--- Breakers: rows that fail are left alone until they have had time to recover.
--
--   local breaker = M.new(options, store, now, prefix)
--   breaker:permit(row) -> "closed" | "probe" | nil, seconds     may it be asked now; nil: seconds until it may be probed
--   breaker:report(row, outcome, permit, retry_after)             what came of it: "success", "alive", "failure" or "neutral"
--   breaker:state(row) -> "closed" | "open" | "half_open", seconds
--   breaker:set(row, state, seconds)
--
-- A row opens after so many failures in a row, or when the share of failures in a window is too high. It recovers for some time, which a
-- server's Retry-After moves (the later wins). Then exactly one call probes it: the store's `add` gives the probe to one caller, with a
-- lease, so that a probe that never reports blocks the row no longer than that. A refusal of 400 to 499 proves that the server lives: it
-- closes a row that is being probed, and forgives no failure of a closed one. A cancelled call says nothing.
--
-- All state is in the store, under the row's name: workers and machines that share a store share their breakers.
--
-- @module opengatellm.router.breaker
local M = {}

---@class ogl.BreakerOptions
---@field failures? integer in a row that open a row; default 3
---@field rate? number share of failures, from 0 to 1, that opens it instead
---@field window? number seconds that failures count; default 60
---@field calls? integer that a window must have before its rate counts; default 10
---@field recovery? number seconds from opening to the probe; default 30
---@field lease? number seconds that a probe may take; default 60

---@class ogl.Breaker
local Breaker = {}
Breaker.__index = Breaker

local FIELDS = { failures = "integer", rate = "number", window = "number", calls = "integer", recovery = "number", lease = "number" }
local KEPT = 3600 -- seconds that the store keeps a row open after its recovery time, until a probe settles it

--- The options' fields and types, for the router's check.
M.FIELDS = FIELDS

--- Makes the breaker of a router.
---@param options ogl.BreakerOptions
---@param store table of store/init.lua; must not fail (store/guard.lua)
---@param now fun(): number seconds, the same clock for all who share the store
---@param prefix string of the keys
---@return ogl.Breaker
function M.new(options, store, now, prefix)
  return setmetatable({
    failures = options.failures or 3, rate = options.rate, window = options.window or 60, calls = options.calls or 10,
    recovery = options.recovery or 30, lease = options.lease or 60, store = store, now = now, prefix = prefix, keys = {},
  }, Breaker)
end

local function key(self, row, what)
  local keys = self.keys[row]
  if not keys then
    keys = {}
    for _, name in ipairs { "open", "probe", "failed", "calls" } do keys[name] = self.prefix .. row .. ":" .. name end
    self.keys[row] = keys
  end
  return keys[what]
end

-- When the row may be probed; nil while it is closed.
local function opens_until(self, row) return tonumber((self.store:get(key(self, row, "open")))) end

local function open(self, row, seconds)
  local now = self.now()
  local till = math.max(opens_until(self, row) or 0, now + seconds)
  self.store:set(key(self, row, "open"), till, till - now + KEPT)
end

local function close(self, row)
  self.store:delete(key(self, row, "open"))
  self.store:delete(key(self, row, "probe"))
  self.store:delete(key(self, row, "failed"))
end

--- Says whether a row may be asked now. A permit of "probe" has to be reported.
---@param row string
---@return "closed"|"probe"|nil permit
---@return number? seconds until it may be probed; 0 while another call probes it
function Breaker:permit(row)
  local till = opens_until(self, row)
  if not till then return "closed" end
  local left = till - self.now()
  if left > 0 then return nil, left end
  if self.store:add(key(self, row, "probe"), 1, self.lease) then return "probe" end
  return nil, 0
end

-- Counts a call in the window; true where that opens the row.
local function is_too_much(self, row, failed)
  if not self.rate then
    return failed and (self.store:incr(key(self, row, "failed"), 1, self.window) or 0) >= self.failures
  end
  local calls = self.store:incr(key(self, row, "calls"), 1, self.window) or 0
  local failures = self.store:incr(key(self, row, "failed"), failed and 1 or 0, self.window) or 0
  return failed and calls >= self.calls and failures / calls >= self.rate
end

local function report_failure(self, row, permit, retry_after)
  local seconds = math.max(self.recovery, retry_after or 0)
  if permit == "probe" then
    open(self, row, seconds)
    self.store:delete(key(self, row, "probe"))
  elseif is_too_much(self, row, true) or retry_after and opens_until(self, row) then
    open(self, row, seconds)
  end
end

--- Tells what came of a call.
---@param row string
---@param outcome "success"|"alive"|"failure"|"neutral"
---@param permit "closed"|"probe"|"forced" that it was made with
---@param retry_after? number seconds that the server asked for
function Breaker:report(row, outcome, permit, retry_after)
  if outcome == "failure" then return report_failure(self, row, permit, retry_after) end
  if outcome == "neutral" then
    if permit == "probe" then self.store:delete(key(self, row, "probe")) end
  elseif permit ~= "closed" then
    close(self, row)
  elseif self.rate then
    is_too_much(self, row, false)
  elseif outcome == "success" then
    self.store:delete(key(self, row, "failed"))
  end
end

--- Tells the state of a row.
---@param row string
---@return "closed"|"open"|"half_open" state
---@return number? seconds until an open one may be probed
---@return integer failures that count
function Breaker:state(row)
  local till, failures = opens_until(self, row), tonumber((self.store:get(key(self, row, "failed")))) or 0
  if not till then return "closed", nil, failures end
  local left = till - self.now()
  if left <= 0 then return "half_open", nil, failures end
  return "open", left, failures
end

--- Sets the state of a row.
---@param row string
---@param state "closed"|"open"|"half_open"
---@param seconds? number that it stays open; default: the recovery time
function Breaker:set(row, state, seconds)
  close(self, row)
  if state ~= "closed" then open(self, row, state == "open" and (seconds or self.recovery) or 0) end
end

return M
