--- Turns: builds a conversation for protocols that know two roles, the user and the model, and keep instructions apart from both.
--
-- A draft is the conversation as far as it is encoded:
--
--   out      messages, oldest first; one that holds answers of tools has `results` while more may join them
--   system   parts of the instructions
--   row      the model's data (providers/models.lua);   model its name;   warn(field, message, code)
--
-- The protocol adds a message by its role: add.system, add.user, add.assistant or add.tool (draft, message) -> nil | err.
--
-- @module opengatellm.protocol.turns
local call_ids = require "opengatellm.protocol.call_ids"

local M = {}

---@class ogl.TurnsDraft
---@field out table[]
---@field system table[]
---@field row table
---@field model string
---@field warn fun(field: string, message: string, code?: string)

local ROLES = { system = "system", developer = "system", assistant = "assistant", tool = "tool" }

--- Adds all messages of a request to a draft.
---@param draft ogl.TurnsDraft changed
---@param messages ogl.Message[]
---@param ids string the rule for ids of calls: see call_ids.fit
---@param add table<string, fun(draft: ogl.TurnsDraft, message: ogl.Message): ogl.Error?>
---@return ogl.Error? err the first error of a message
function M.add_all(draft, messages, ids, add)
  for _, message in ipairs(call_ids.fit(messages, ids)) do
    local err = add[ROLES[message.role] or "user"](draft, message)
    if err then return err end
  end
end

--- Adds instructions to those before the conversation; warns if they stood inside it.
---@param draft ogl.TurnsDraft changed
---@param parts table[]
---@param protocol string for the warning
function M.add_instructions(draft, parts, protocol)
  if draft.out[1] then
    draft.warn("messages", protocol .. " has instructions only before the conversation: they were moved there", "approximated")
  end
  for _, part in ipairs(parts) do table.insert(draft.system, part) end
end

--- Says that a message was left out because nothing in it can be sent.
---@param draft ogl.TurnsDraft
---@param who "user"|"assistant"
function M.leave_out_empty(draft, who)
  draft.warn("messages", "a message of the " .. who .. " without anything to send was left out")
end

--- Removes an answer that the assistant only began, at the end of the conversation, if the model cannot continue it.
---@param draft ogl.TurnsDraft changed
---@param is_text boolean the last message is the assistant's, and is only text
---@return boolean removed
function M.drop_prefill(draft, is_text)
  local out = draft.out
  if draft.row.prefill ~= false or not out[2] or not is_text then return false end
  draft.warn("messages", draft.model .. " cannot continue an answer that the assistant began: it was left out")
  out[#out] = nil
  return true
end

--- Sends the instructions as a message of the user if the conversation has no other message, because servers refuse an empty one.
---@param draft ogl.TurnsDraft changed
---@param protocol string for the warning
---@param message_of fun(parts: table[]): table
function M.promote_instructions(draft, protocol, message_of)
  if draft.out[1] or not draft.system[1] then return end
  draft.warn("messages", protocol .. " wants a message of the user: the instructions were sent as one", "approximated")
  draft.out[1], draft.system = message_of(draft.system), {}
end

return M
