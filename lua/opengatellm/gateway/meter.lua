--- Meters: what one call of the gateway adds to its metrics, whichever way its bytes take.
--
--   local meter = M.begin(visit, "stream", asked, target)
--   meter:event(event)          each event of the answer
--   meter:done(err)             once, at the end
--
-- The metrics are those of the middleware prometheus, whose functions a meter calls as a chain would: a stream that passes through
-- untouched has no chain.
--
-- @module opengatellm.gateway.meter
local task = require "opengatellm.task"

local M = {}

---@class ogl.GatewayMeter
---@field streamed boolean whether each event is wanted
local Meter = {}
Meter.__index = Meter

local IDLE = { wants = false, event = function() end, done = function() end }

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
  local self = setmetatable({ metrics = metrics, call = call, state = {}, wants = true, over = false, release = nil }, Meter)
  self.release = task.on_kill(function(err) self:done(err) end)
  metrics.request(asked, call, self.state)
  return self
end

--- Counts an event.
---@param event ogl.Event
function Meter:event(event) self.metrics.event(event, self.call, self.state) end

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

return M
