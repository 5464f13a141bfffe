--- Retries: whether a call is tried again, and after how long.
--
-- A budget belongs to one call. It counts the tries and the time waited; both are bounded, and the whole may have a deadline. The
-- server's own word (`err.retry_after`) goes before the exponential wait: if it is longer than what is left, the call fails at once, with
-- the figure in the error, instead of waiting for a time that was not asked for. A caller who gives `max_wait` alone bounds the time: then
-- as many tries fit as the server's overload takes, and the waits grow with it.
--
-- @module opengatellm.http.retry
local errors = require "opengatellm.errors"

local M = {}

local FIRST, LONGEST, JITTER = 0.5, 8, 0.25 -- seconds; share of the wait that is random, so that clients spread
local TRIES, WAIT = 2, 60

---@class ogl.Budget
---@field tries integer that were made after the first
---@field decide? function
local Budget = {}
Budget.__index = Budget

---@class ogl.Retries
---@field max? integer tries after the first; 0: none; default 2, or as many as fit where `max_wait` is given
---@field max_wait? number seconds that all waits of a call may take together; default 60
---@field retry? fun(err: ogl.Error, call: table, attempt: integer): number|false|nil seconds before another try; false: none; nil: as usual

--- Makes the budget of one call.
---@param policy ogl.Retries
---@param host table whose `sleep` the budget waits with
---@param random? fun(): number in [0, 1), for specs
---@param seconds? number that the whole call may take; default: no deadline
---@return ogl.Budget
function M.budget(policy, host, random, seconds)
  local wait = policy.max_wait or WAIT
  local timed = policy.max == nil and policy.max_wait ~= nil
  return setmetatable({
    left = policy.max or timed and math.huge or TRIES, wait_left = wait, longest = timed and math.max(LONGEST, wait / 10) or LONGEST,
    tries = 0, host = host, random = random or math.random, decide = policy.retry, deadline = seconds and host.now() + seconds or nil,
  }, Budget)
end

-- Gives the seconds that the policy wants. Where a server says 0, the exponential wait counts: without a wait, all tries would be over
-- before the server is free.
local function usual(self, err)
  if self.left <= 0 or not err.retryable then return nil end
  local wait = err.retry_after
  if not wait or wait <= 0 then
    wait = math.min(self.longest, FIRST * 2 ^ self.tries)
    wait = wait * (1 - JITTER * self.random())
  end
  return wait
end

-- Seconds as the caller's function decides; nil, or an error where it gives no number.
local function decided(self, err, call)
  local wait = self.decide(err, call, self.tries + 1)
  if wait == nil then return usual(self, err) end
  if wait == false then return nil end
  if type(wait) == "number" and wait >= 0 then return wait end
  local message = "retries.retry returned " .. tostring(wait) .. "; expected seconds, false or nil"
  return nil, errors.new { kind = "config", code = "retry", message = message }
end

--- Gives the seconds before the next try; nil if no try may follow.
---@param err ogl.Error
---@param call? table for the caller's function
---@return number?
---@return ogl.Error? err the caller's function gave no answer
function Budget:delay(err, call)
  local wait, problem
  if self.decide then wait, problem = decided(self, err, call) else wait = usual(self, err) end
  if not wait or wait > self.wait_left then return nil, problem end
  if self.deadline and self.host.now() + wait >= self.deadline then return nil end
  return wait
end

--- Waits, if the call may be tried again after this error.
---@param err ogl.Error
---@param call? table for the caller's function
---@return boolean again
---@return ogl.Error? err the caller's function gave no answer
function Budget:wait(err, call)
  local wait, problem = self:delay(err, call)
  if not wait then return false, problem end
  self.left, self.tries, self.wait_left = self.left - 1, self.tries + 1, self.wait_left - wait
  if wait > 0 then self.host.sleep(wait) end
  return true
end

--- Gives the seconds until the deadline; nil if the budget has no deadline.
---@return number?
function Budget:remaining() return self.deadline and self.deadline - self.host.now() end

return M
