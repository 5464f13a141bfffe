--- Histories: the messages of a conversation as servers take them.
--
-- A server refuses a history where a call has no result or a result no call. A program may edit the messages, and a turn may end anywhere,
-- so each request is sent a repaired history: each call is followed by its result, in the order of the calls; a call without one gets one
-- that says `interrupted`; a result without a call is left out; neighbouring messages of the user are joined. The same messages always give
-- the same history, and a repaired one stays as it is.
--
-- @module opengatellm.conversation.history
local messages = require "opengatellm.protocol.messages"

local M = {}

--- What the model reads of a call that was not run to its end.
M.INTERRUPTED = "interrupted: the call did not run to its end, and nobody knows what it did"

--- The calls of an assistant's message.
---@param message ogl.Message
---@return table[]
function M.calls(message) return messages.calls(message) end

local function name_of(call)
  local inner = call["function"] or call.custom or call
  return inner.name
end

--- The id by which a result names its call: of a call without an id, the name.
---@param call table
---@return string
function M.id_of(call) return type(call.id) == "string" and call.id ~= "" and call.id or tostring(name_of(call)) end

local function is_result(message) return message.role == "tool" or message.role == "function" end
local function result_id(message) return message.tool_call_id or message.name end

-- Whether two neighbouring messages can be joined: the user's, with nothing but their content.
local function joins(a, b)
  if not a or a.role ~= "user" or b.role ~= "user" then return false end
  for name in next, a do
    if name ~= "role" and name ~= "content" then return false end
  end
  for name in next, b do
    if name ~= "role" and name ~= "content" then return false end
  end
  return true
end

-- Where the message behind the results of a call's message stands; nil where the results are not as they have to be.
local function behind_results(list, place, calls)
  for k = 1, #calls do
    local result = list[place + k]
    if not result or result.role ~= "tool" or result.tool_call_id ~= M.id_of(calls[k]) then return nil end
  end
  return place + #calls + 1
end

-- Whether the messages from a place on, which begins no results, are as they have to be.
local function is_sound(list, place, before)
  while list[place] do
    local message = list[place]
    local calls = message.role == "assistant" and M.calls(message)
    local next_place = place + 1
    if calls and calls[1] then next_place = behind_results(list, place, calls)
    elseif is_result(message) or joins(before, message) then next_place = nil end
    if not next_place then return false end
    before, place = message, next_place
  end
  return true
end

local function parts_of(content) return type(content) == "table" and content or { content } end

local function joined(a, b)
  if type(a.content) == "string" and type(b.content) == "string" then
    return { role = "user", content = a.content .. "\n\n" .. b.content }
  end
  local parts = {}
  for _, part in ipairs(parts_of(a.content)) do parts[#parts + 1] = part end
  for _, part in ipairs(parts_of(b.content)) do parts[#parts + 1] = part end
  return { role = "user", content = parts }
end

-- The results between a message and the assistant's next one, by their ids, in their order.
local function results_after(list, place)
  local by_id = {}
  for i = place + 1, #list do
    local message = list[i]
    if message.role == "assistant" then break end
    local id = is_result(message) and result_id(message)
    if id then
      by_id[id] = by_id[id] or {}
      table.insert(by_id[id], message)
    end
  end
  return by_id
end

-- A result as it has to be: an old form, which names its call alone, becomes the usual one.
local function as_result(message, id)
  if message.role == "tool" then return message end
  return { role = "tool", tool_call_id = id, content = message.content }
end

local function answer_calls(out, list, place, calls)
  local results = results_after(list, place)
  for _, call in ipairs(calls) do
    local id = M.id_of(call)
    local waiting = results[id]
    local result = waiting and table.remove(waiting, 1)
    out[#out + 1] = result and as_result(result, id)
      or { role = "tool", tool_call_id = id, content = M.INTERRUPTED, is_error = true }
  end
end

--- Gives a history that servers take; the same list where nothing has to change.
---@param list ogl.Message[]
---@return ogl.Message[]
function M.repair(list)
  if is_sound(list, 1, nil) then return list end
  local out = {}
  for place, message in ipairs(list) do
    if message.role == "assistant" then
      out[#out + 1] = message
      answer_calls(out, list, place, M.calls(message))
    elseif joins(out[#out], message) then
      out[#out] = joined(out[#out], message)
    elseif not is_result(message) then
      out[#out + 1] = message
    end
  end
  return out
end

-- Looking once ----------------------------------------------------------------------------------------------------------

---@class ogl.CheckedHistory the messages that were sound when a request was last sent
---@field list? ogl.Message[]
---@field messages ogl.Message[] those that were in it
---@field calls table[] those of them that have calls
---@field lists table[] these calls, in the same order
local Checked = {}
Checked.__index = Checked

--- Makes what remembers a history, since looking at each message anew would cost more with each turn.
---@return ogl.CheckedHistory
function M.checked() return setmetatable({ messages = {}, calls = {}, lists = {} }, Checked) end

-- Whether a list begins with the messages that were looked at. Within a turn, nobody but the turn adds messages.
local function begins_the_same(self, list, thorough)
  local known, calls, lists = self.messages, self.calls, self.lists
  if not thorough then return self.list == list and list[#known] == known[#known] end
  for i = 1, #known do
    if list[i] ~= known[i] then return false end
  end
  for i = 1, #calls do
    if calls[i].tool_calls ~= lists[i] then return false end
  end
  return true
end

local function note(self, list)
  local known, calls, lists = self.messages, self.calls, self.lists
  for i = #known + 1, #list do
    local message = list[i]
    known[i] = message
    if message.tool_calls then calls[#calls + 1], lists[#lists + 1] = message, message.tool_calls end
  end
  self.list = list
end

--- Gives the history as `repair` does, but looks only at what is new.
---@param list ogl.Message[]
---@param thorough boolean the program may have changed messages since
---@return ogl.Message[]
function Checked:repair(list, thorough)
  if not begins_the_same(self, list, thorough) then self.messages, self.calls, self.lists = {}, {}, {} end
  local n = #self.messages
  if not is_sound(list, n + 1, list[n]) then return M.repair(list) end
  note(self, list)
  return list
end

-- Keeping -----------------------------------------------------------------------------------------------------------------

--- What a conversation keeps of a reply: what goes back to the server, and who sent it.
---@param reply ogl.Reply
---@return ogl.Message
function M.said(reply)
  return {
    role = "assistant", content = reply.content, text = reply.text, tool_calls = reply.tool_calls, refusal = reply.refusal,
    protocol = reply.protocol, provider = reply.provider, id = reply.id, model = reply.model, finish_reason = reply.finish_reason,
    output_call = reply.output_call,
  }
end

--- Where a message stands; nil where the program has taken it out.
---@param list ogl.Message[]
---@param message ogl.Message
---@return integer?
function M.place_of(list, message)
  for i = #list, 1, -1 do
    if list[i] == message then return i end
  end
end

return M
