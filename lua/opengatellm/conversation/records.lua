--- Records: what a conversation knows of each call of the model's last message. Only these can run; the record of a result, and nothing
-- else, ends a call.
--
-- A record goes from "new" to "done", over some of these:
--
--   waiting    for a person or the program, for a `reason`: "approval", "external", "deferred" (until `at`), "unknown" (it was running when
--              the conversation was saved)
--   approved, rejected, resolved   it was decided, and ends with the next `resume`
--   running
--
-- @module opengatellm.conversation.records
local history = require "opengatellm.conversation.history"
local names = require "opengatellm.base.names"
local json = require "opengatellm.json"

local M = {}

---@class ogl.CallRecord
---@field id string unique among the records
---@field call_id string by which the result names its call
---@field name string of the tool
---@field json string the arguments as the model wrote them
---@field state "new"|"waiting"|"approved"|"rejected"|"resolved"|"running"|"done"
---@field reason? "approval"|"external"|"deferred"|"unknown"
---@field at? number seconds since 1970
---@field metadata? any
---@field given? string arguments of a person, as JSON
---@field approved? boolean a person said yes
---@field why? string of a rejection
---@field value? any of a resolution
---@field outcome? ogl.Outcome of one that is done

---@alias ogl.Outcome "success"|"failed"|"retry"|"denied"|"interrupted"

---@class ogl.PendingCall
---@field id string
---@field name string
---@field arguments any decoded; nil where they are no JSON
---@field json string
---@field reason "approval"|"external"|"deferred"|"unknown"
---@field at? number
---@field metadata? any

local function unique(id, taken)
  local found = names.free(id, taken, "_")
  taken[found] = true
  return found
end

--- Makes the records of a message's calls.
---@param message ogl.Message
---@return ogl.CallRecord[]
function M.of(message)
  local list, calls = {}, history.calls(message)
  local taken = calls[2] and {}
  for i, call in ipairs(calls) do
    local inner, id = call["function"] or call.custom or call, history.id_of(call)
    list[i] = {
      id = taken and unique(id, taken) or id, call_id = id, name = inner.name, json = inner.arguments or inner.input or "", state = "new",
    }
  end
  return list
end

--- Whether some record waits for a person or the program.
---@param records ogl.CallRecord[]
---@return boolean
function M.are_waiting(records)
  for _, record in ipairs(records) do
    if record.state == "waiting" then return true end
  end
  return false
end

--- The records that wait for a person or the program, as these see them.
---@param records ogl.CallRecord[]
---@return ogl.PendingCall[]
function M.pending(records)
  local list = {}
  for _, record in ipairs(records) do
    if record.state == "waiting" then
      local text = record.given or record.json
      list[#list + 1] = {
        id = record.id, name = record.name, arguments = (json.decode(text == "" and "{}" or text)), json = text, reason = record.reason,
        at = record.at, metadata = record.metadata,
      }
    end
  end
  return list
end

--- Whether some record is not done.
---@param records ogl.CallRecord[]
---@return boolean
function M.are_open(records)
  for _, record in ipairs(records) do
    if record.state ~= "done" then return true end
  end
  return false
end

--- Whether some record waits for somebody, or was decided and did not run yet.
---@param records ogl.CallRecord[]
---@return string? names of these calls
function M.undecided(records)
  local list = {}
  for _, record in ipairs(records) do
    if record.state ~= "done" and record.state ~= "new" then list[#list + 1] = ("%s (%s)"):format(record.id, record.name) end
  end
  return list[1] and table.concat(list, ", ") or nil
end

--- Ends a record, and puts its result into the messages, where its place is among those of the same message.
---@param conversation ogl.Conversation
---@param record ogl.CallRecord
---@param outcome ogl.Outcome
---@param result {content: string|table[], is_error?: boolean, metadata?: any}
function M.finish(conversation, record, outcome, result)
  local place = history.place_of(conversation.messages, conversation.said) or #conversation.messages
  for _, other in ipairs(conversation.records) do
    if other == record then break end
    if other.state == "done" then place = place + 1 end
  end
  record.state, record.outcome, record.reason, record.value = "done", outcome, nil, nil
  table.insert(conversation.messages, place + 1, {
    role = "tool", tool_call_id = record.call_id, content = result.content, is_error = result.is_error or nil, metadata = result.metadata,
  })
end

return M
