--- Meters: what one call of the gateway adds to its metrics, whichever way its bytes take.
--
--   local meter = M.begin(visit, "stream", asked, target)
--   meter:event(event)                    each event of the answer; or, where nobody sees them,
--   meter:tally(decoder:tally())          what has come so far, as a decoder or a transcoder counts it
--   meter:done(err)                       once, at the end
--
-- The metrics are those of the middleware prometheus, whose functions a meter calls as a chain would: a stream that passes through
-- untouched has no chain.
--
-- @module opengatellm.gateway.meter
local estimate = require "opengatellm.chat.estimate"
local problems = require "opengatellm.gateway.problem"
local task = require "opengatellm.task"

local M = {}

---@class ogl.GatewayMeter
local Meter = {}
Meter.__index = Meter

local function nothing() end
local IDLE = { event = nothing, tally = nothing, spend = nothing, done = nothing, give_up = nothing }
local NONE = {}

--- Begins to count a call.
---@param visit ogl.GatewayVisit
---@param operation string "chat", "stream", "embeddings", "rerank"
---@param asked table the request
---@param target ogl.GatewayTarget
---@return ogl.GatewayMeter
function M.begin(visit, operation, asked, target)
  local metrics = visit.gateway.metrics
  if not metrics then return IDLE end
  local call = {
    operation = operation, request = asked, client = target.client, provider = target.client.provider.name,
    model = target.model or target.route.model,
  }
  local self = setmetatable({ metrics = metrics, call = call, state = {}, over = false, release = nil }, Meter)
  self.release = task.on_kill(function(err) self:done(err) end)
  metrics.request(asked, call, self.state)
  return self
end

--- Counts an event.
---@param event ogl.Event
function Meter:event(event) self.metrics.event(event, self.call, self.state) end

--- Counts what has come so far of an answer whose events nobody sees.
---@param chunks integer
---@param bytes integer
---@param usage? ogl.Usage
function Meter:tally(chunks, bytes, usage) self.metrics.tally(chunks, bytes, usage, self.call, self.state) end

--- Lets the request go, which may hold a long prompt: the answer has begun.
function Meter:spend()
  local call = self.call
  call.prompt_tokens, call.request = call.prompt_tokens or estimate.prompt(call.request), NONE
end

--- Ends the count, once.
---@param err? ogl.Error
---@param answer? table with `usage`, of a call that has no events
function Meter:done(err, answer)
  if self.over then return end
  self.over = true
  if self.release then self.release() end
  if not err then answer = answer or { usage = self.state.usage, status = 200 } end
  self.metrics.done(not err and answer or nil, err, self.call, self.state)
end

--- Ends the count of a call whose caller has gone.
function Meter:give_up() self:done(problems.gone()) end

return M
