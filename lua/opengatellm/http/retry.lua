--- Retries: whether, and after how long.
--
-- A budget belongs to one call. It counts the tries and the time waited; both are bounded. The server's own word
-- (`err.retry_after`) goes before the exponential wait: if it is longer than what is left, the call fails at once, with the
-- figure in the error, instead of waiting for a time that nobody asked for.
--
-- @module opengatellm.http.retry
local M = {}

local FIRST, LONGEST, JITTER = 0.5, 8, 0.25 -- seconds; share of the wait that is random, so that clients spread

local Budget = {}
Budget.__index = Budget

---@class ogl.Retries
---@field max? integer tries after the first; 0: none; default 2
---@field max_wait? number seconds that all waits of a call may take together; default 60

--- A budget for one call.
---@param policy ogl.Retries
---@param host table
---@param random? fun(): number in [0, 1), for specs
function M.budget(policy, host, random)
  return setmetatable({
    left = policy.max or 2, wait_left = policy.max_wait or 60, tries = 0, host = host, random = random or math.random,
  }, Budget)
end

--- Seconds before the next try; nil when there is none. A wait of 0 is
--- none that we take: all tries would be over before the server is free.
---@param err ogl.Error
---@return number?
function Budget:delay(err)
  if self.left <= 0 or not err.retryable then return nil end
  local wait = err.retry_after
  if not wait or wait <= 0 then
    wait = math.min(LONGEST, FIRST * 2 ^ self.tries)
    wait = wait * (1 - JITTER * self.random())
  end
  if wait > self.wait_left then return nil end
  return wait
end

--- Waits, if the call may be tried again after this error; false when it may not.
---@param err ogl.Error
---@return boolean
function Budget:wait(err)
  local wait = self:delay(err)
  if not wait then return false end
  self.left, self.tries, self.wait_left = self.left - 1, self.tries + 1, self.wait_left - wait
  if wait > 0 then self.host.sleep(wait) end
  return true
end

return M
