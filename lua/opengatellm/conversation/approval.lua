--- Approval: which calls a person is asked about, and what the person says.
--
-- A tool's `approval`, and the conversation's for all tools, is true (ask), or a function (arguments, context) that returns true, false
-- (run), "reject" and a reason, or "defer" and a time. The stricter of the two counts. What a function returns beside that, and one that
-- raises, asks: nothing runs because a policy failed.
--
-- @module opengatellm.conversation.approval
local contexts = require "opengatellm.conversation.context"
local errors = require "opengatellm.errors"
local hooks = require "opengatellm.conversation.hooks"
local json = require "opengatellm.json"
local tools = require "opengatellm.conversation.tool"

local M = {}

local STRICTNESS = { run = 1, ask = 2, defer = 3, reject = 4 }

-- What one policy says.
local function said_by(policy, arguments, context)
  if policy == nil or policy == false then return "run" end
  if type(policy) ~= "function" or type(arguments) ~= "table" then return "ask" end
  local fine, answer, detail = hooks.call(policy, arguments, context)
  if not fine then return "ask" end
  if answer == false then return "run" end
  if answer == "reject" then return "reject", detail end
  if answer == "defer" and type(detail) == "number" then return "defer", detail end
  return "ask"
end

--- Says what may happen with a call.
---@param conversation ogl.Conversation
---@param tool table
---@param record ogl.CallRecord
---@param arguments any
---@return "run"|"ask"|"reject"|"defer" verdict
---@return any detail the reason, or the time
function M.assess(conversation, tool, record, arguments)
  if not tool.approval and not conversation.options.approval then return "run" end
  local context = contexts.new(conversation, record)
  local verdict, detail = said_by(tool.approval, arguments, context)
  local other, other_detail = said_by(conversation.options.approval, arguments, context)
  if STRICTNESS[other] > STRICTNESS[verdict] then verdict, detail = other, other_detail end
  if verdict == "ask" and conversation.always[record.name] then return "run" end
  return verdict, detail
end

-- Decisions -------------------------------------------------------------------------------------------------------

local function problem(code, message) return errors.new { kind = "invalid", code = code, message = message } end

-- The record of a call that can be decided.
local function record_of(conversation, id)
  if conversation.turn then return nil, problem("busy", "a turn is running: calls are decided when it has paused") end
  for _, record in ipairs(conversation.records) do
    if record.id == id then
      if record.state == "done" then return nil, problem("answered", ("the call %s has its result"):format(id)) end
      if record.state == "new" then return nil, problem("no_call", ("the call %s waits for nobody"):format(id)) end
      return record
    end
  end
  return nil, problem("no_call", ("no call %s waits"):format(tostring(id)))
end

-- Reads arguments of a person as the tool does with the model's; their JSON.
local function edited(conversation, record, arguments)
  local fine, text = pcall(json.encode, arguments)
  if not fine then return nil, "they cannot be JSON: " .. tostring(text) end
  local tool = conversation.tools[record.name]
  if not tool then return nil, ("there is no tool '%s'"):format(record.name) end
  local value, why = tools.arguments(tool, text)
  if value == nil then return nil, tostring(type(why) == "table" and why.message or why) end
  return text
end

local function check_approvable(record, now)
  if record.reason == "external" then return problem("external", ("the call %s waits for its value: resolve it"):format(record.id)) end
  if record.reason == "deferred" and record.at > now then
    return problem("deferred", ("the call %s does not run before %d"):format(record.id, record.at))
  end
end

--- Lets a call run with the next `resume`.
---@param conversation ogl.Conversation
---@param id string
---@param options {arguments?: table, always?: boolean, metadata?: any}
---@return true?
---@return ogl.Error? err
function M.approve(conversation, id, options)
  local record, err = record_of(conversation, id)
  err = err or check_approvable(record, conversation.clock())
  if err then return nil, err end
  if options.arguments ~= nil then
    local text, why = edited(conversation, record, options.arguments)
    if not text then return nil, problem("arguments", ("the arguments for %s: %s"):format(id, why)) end
    record.given = text
  end
  record.state, record.approved, record.value, record.why = "approved", true, nil, nil
  if options.metadata ~= nil then record.metadata = options.metadata end
  if options.always then conversation.always[record.name] = true end
  conversation:refresh()
  return true
end

--- Denies a call; the model is told with the next `resume`.
---@param conversation ogl.Conversation
---@param id string
---@param reason? string
---@return true?
---@return ogl.Error? err
function M.reject(conversation, id, reason)
  local record, err = record_of(conversation, id)
  if not record then return nil, err end
  record.state, record.why, record.approved, record.value, record.given = "rejected", reason, nil, nil, nil
  conversation:refresh()
  return true
end

--- Gives the value of a call in place of its tool.
---@param conversation ogl.Conversation
---@param id string
---@param value any
---@return true?
---@return ogl.Error? err
function M.resolve(conversation, id, value)
  local record, err = record_of(conversation, id)
  if not record then return nil, err end
  if record.reason == "approval" then
    return nil, problem("approval", ("the call %s waits for approval: approve or reject it"):format(id))
  end
  record.state, record.value, record.why, record.approved = "resolved", value, nil, nil
  conversation:refresh()
  return true
end

return M
