--- Turns: where a list of messages may be cut.
--
-- A turn begins with what the user says, and has everything up to the next. Between two steps of one turn a list may be cut as well. No
-- cut comes between a call and its result: servers refuse one without the other.
--
-- @module opengatellm.conversation.turns
local messages = require "opengatellm.protocol.messages"

local M = {}

--- Says whether a message is an instruction, which belongs to no turn.
---@param message ogl.Message
---@return boolean
function M.is_instruction(message) return message.role == "system" or message.role == "developer" end

-- Where the last result of each call stands.
local function results_of(list)
  local places = {}
  for i, message in ipairs(list) do
    if message.role == "tool" and message.tool_call_id then places[message.tool_call_id] = i end
  end
  return places
end

-- The first messages of the pieces of a list. A piece begins where `begins(message, before)` says so, and no call is open; instructions
-- begin none.
local function starts(list, begins)
  local results, open_to, found, before = results_of(list), 0, {}, nil
  for i, message in ipairs(list) do
    if not M.is_instruction(message) then
      if i > open_to and begins(message, before) then found[#found + 1] = i end
      before = message
    end
    for _, call in ipairs(message.role == "assistant" and messages.calls(message) or {}) do
      open_to = math.max(open_to, call.id and results[call.id] or 0)
    end
  end
  return found
end

local function begins_turn(message, before) return message.role == "user" and not (before and before.role == "user") end

--- Lists the places at which turns begin.
---@param list ogl.Message[]
---@return integer[]
function M.starts(list) return starts(list, begins_turn) end

--- Lists the places at which steps begin: the assistant's messages, each with the results of its calls.
---@param list ogl.Message[]
---@return integer[]
function M.steps(list) return starts(list, function(message) return message.role == "assistant" end) end

return M
