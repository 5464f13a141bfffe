--- Contexts: what the function of a tool knows beside its arguments, and what it may return in place of a value.
--
--   run = function(arguments, context)
--     if not context.approved then return context:need_approval { why = "it writes" } end
--     …
--
-- @module opengatellm.conversation.context
local M = {}

---@class ogl.ToolContext
---@field id string of the call
---@field name string of the tool
---@field data any the conversation's `data`
---@field approved boolean a person said yes to this call
---@field metadata any what `approve` or `need_approval` gave
---@field step integer the step of the turn
---@field conversation ogl.Conversation
local Context = {}
Context.__index = Context
Context.__name = "opengatellm.tool_context"

local Demand = {}

--- Makes the context of a call.
---@param conversation ogl.Conversation
---@param record ogl.CallRecord
---@return ogl.ToolContext
function M.new(conversation, record)
  return setmetatable({
    id = record.id, name = record.name, data = conversation.options.data, approved = record.approved == true, metadata = record.metadata,
    step = conversation.number, conversation = conversation,
  }, Context)
end

--- Says what a tool demands in place of giving a value.
---@param value any
---@return "retry"|"approval"|"deferred"|nil
function M.demand_of(value) return getmetatable(value) == Demand and value.demand or nil end

--- Has the model call the tool again, as the message says.
---@param message string
---@return table to be returned by the tool
function Context:retry(message)
  if type(message) ~= "string" then error("context:retry: expected string, got " .. type(message), 2) end
  return setmetatable({ demand = "retry", message = message, name = self.name }, Demand)
end

--- Has a person asked before the tool goes on.
---@param metadata? any for the person, and for the tool when it runs again
---@return table to be returned by the tool
function Context:need_approval(metadata) return setmetatable({ demand = "approval", metadata = metadata, name = self.name }, Demand) end

--- Has the tool run again later.
---@param time number seconds since 1970
---@return table to be returned by the tool
function Context:defer(time)
  if type(time) ~= "number" then error("context:defer: expected number, got " .. type(time), 2) end
  return setmetatable({ demand = "deferred", at = time, name = self.name }, Demand)
end

return M
