--- Tries: what becomes of a call whose try has failed: whether it is sent again, and what its attempts say.
--
-- @module opengatellm.http.tries
local attempts = require "opengatellm.http.attempt"
local errors = require "opengatellm.errors"
local host = require "opengatellm.host"
local retry = require "opengatellm.http.retry"

local M = {}

-- Whether a call may be sent again after this error: "unsent" where the server cannot have acted, "refused" where it said no (what
-- it took of an upload before the connection broke is not sent twice unasked). A form that is spent cannot be read again.
-- `decided`: the caller's own function says whether an error passes.
local function may_repeat(wire, err, decided)
  if not (err.retryable or decided) or wire.form and wire.form.spent then return false end
  if wire.repeatable == "unsent" then return err.sent == false or err.status == 429 end
  if wire.repeatable == "refused" then return err.sent == false or err.status ~= nil end
  return true
end

-- Adds the present try to the attempts of its call.
local function note(call, status, err)
  local client, try = call.client, call.try
  local now = host.current(client.host).now()
  call.attempts = call.attempts or {}
  table.insert(call.attempts, attempts.of({
    provider = client.provider.name, model = call.model or call.wire.model, seconds = try and try.at and now - try.at or 0,
  }, status, err))
end

-- Makes the request anew where the caller's function may have changed it.
local function prepare_again(call) return call.asked and call.prepare(call) or nil end

--- Says whether to send a call again after an error; waits first.
---@param call ogl.Call
---@param err ogl.Error
---@return boolean again false, at once, if it must not be sent again
function M.again(call, err)
  note(call, nil, err)
  if call.attempts[2] then err.attempts = call.attempts end
  local policy, here = call.client.retries, host.current(call.client.host)
  if not may_repeat(call.wire, err, policy.retry) then return false end
  call.request = call.asked -- the caller's function may change it
  call.budget = call.budget or retry.budget(policy, here, nil, call.deadline and call.deadline - here.now())
  local again, problem = call.budget:wait(err, call)
  problem = problem or again and prepare_again(call)
  if problem then err.message = err.message .. "; " .. (errors.is(problem) and problem.message or problem) end
  return again and not problem
end

--- Adds an error that no other try may answer to the attempts of a call.
---@param call ogl.Call
---@param err ogl.Error
function M.failed(call, err)
  note(call, nil, err)
  err.attempts = call.attempts
end

--- Adds the try that answered to the attempts of a call.
---@param call ogl.Call
---@param status integer
---@param usage? ogl.Usage
---@return ogl.Attempt[]
function M.answered(call, status, usage)
  note(call, status)
  attempts.used(call.attempts[#call.attempts], usage)
  return call.attempts
end

return M
