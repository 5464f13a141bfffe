--- Attempts: what became of each try of a call.
--
--   local list = M.note(list, try, err)       adds the attempt of a try that failed, or (without an error) succeeded
--
-- A router's reply and its errors always have the list, as `attempts`; a client's where there was a second try.
--
-- @module opengatellm.http.attempt
local M = {}

---@class ogl.Attempt
---@field provider string
---@field client? string the name of a router's row
---@field model? string
---@field status? integer
---@field kind? ogl.ErrorKind nil: it succeeded
---@field code? string
---@field reason? ogl.Reason
---@field milliseconds integer from its begin to its commitment, its end or its error
---@field tokens? integer in and out
---@field cost? number as the server said; of one that was cancelled by the prices of the middleware cost
---@field hedged? boolean it was begun beside another one
---@field cancelled? boolean another one answered first; what it cost is an estimate
---@field estimated? boolean `tokens` is an estimate

--- Makes the attempt of a try.
---@param about {provider: string, client?: string, model?: string, seconds: number}
---@param status? integer
---@param err? ogl.Error
---@return ogl.Attempt
function M.of(about, status, err)
  return {
    provider = about.provider, client = about.client, model = about.model, milliseconds = math.floor(about.seconds * 1000 + 0.5),
    status = err and err.status or not err and status or nil, kind = err and err.kind, code = err and err.code, reason = err and err.reason,
  }
end

--- Adds what a try used, once it is known.
---@param attempt ogl.Attempt
---@param usage? ogl.Usage
function M.used(attempt, usage)
  if not usage then return end
  attempt.tokens, attempt.cost, attempt.estimated = usage.total_tokens, usage.cost, usage.estimated
end

return M
