--- Retries: whether a call is sent again, and after how long.
--
-- A budget belongs to one call. It counts the tries and the time waited, and bounds both. If the server says how long to wait
-- (`err.retry_after`), that goes before the exponential wait. If the server asks for more than the budget has left, the call fails at
-- once, with the figure in the error, so that a program never waits longer than it allowed.
--
-- @module opengatellm.http.retry
local M = {}

local FIRST, LONGEST, JITTER = 0.5, 8, 0.25 -- seconds; JITTER is the random share of a wait, which spreads the clients of a busy server

local Budget = {}
Budget.__index = Budget

---@class ogl.Retries
---@field max? integer tries after the first; 0: none; default 2
---@field max_wait? number seconds that all waits of a call may take together; default 60

--- Makes a budget for one call.
---@param policy ogl.Retries
---@param host table whose `sleep` the budget waits with
---@param random? fun(): number in [0, 1), for specs
---@return table budget
function M.budget(policy, host, random)
  return setmetatable({
    left = policy.max or 2, wait_left = policy.max_wait or 60, tries = 0, host = host, random = random or math.random,
  }, Budget)
end

--- Seconds before the next try; nil if no try is left. If the server says 0, the exponential wait counts: without a wait, all tries
--- would be over before the server is free.
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

--- Waits, if the call may be tried again after this error.
---@param err ogl.Error
---@return boolean again false, at once, if it may not
function Budget:wait(err)
  local wait = self:delay(err)
  if not wait then return false end
  self.left, self.tries, self.wait_left = self.left - 1, self.tries + 1, self.wait_left - wait
  if wait > 0 then self.host.sleep(wait) end
  return true
end

return M
