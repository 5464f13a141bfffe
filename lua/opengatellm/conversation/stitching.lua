--- Stitching: an answer that was cut at its limit of tokens goes on in the next one (`continue_on_length`).
--
-- A turn of the user asks for the rest, since newer models refuse to go on with an answer that they are given. Models often repeat their
-- last words: what both texts share stands once in the reply. An answer that holds thoughts alone is not gone on with, nor is structured
-- output, whose value would not be checked as a whole.
--
-- @module opengatellm.conversation.stitching
local requests = require "opengatellm.request"

local M = {}

local ASK = "Your answer was cut off. Go on exactly where it ended, without repeating anything."
local MOST = 400 -- bytes that are looked at for repeated words
local LEAST = 8 -- bytes that are no chance

-- The second text without the words that end the first.
local function rest_of(first, second)
  for length = math.min(MOST, #first, #second), LEAST, -1 do
    if first:sub(-length) == second:sub(1, length) then return second:sub(length + 1) end
  end
  return second
end

local function join(first, second)
  if not first then return second end
  return first .. rest_of(first, second)
end

--- Says whether the model is to go on with a reply, and asks it to.
---@param turn ogl.Turn
---@param reply ogl.Reply
---@return boolean
function M.continues(turn, reply)
  local most, done = turn.conversation.options.continue_on_length or 0, turn.n_continued or 0
  if reply.finish_reason ~= "length" or reply.text == "" or done >= most or turn.asked.output then return false end
  turn.n_continued, turn.so_far = done + 1, join(turn.so_far, reply.text)
  table.insert(turn.conversation.messages, { role = "user", content = ASK })
  return true
end

--- The reply of a turn: with all that was said where it was cut in between.
---@param turn ogl.Turn
---@param reply ogl.Reply
---@return ogl.Reply
function M.whole(turn, reply)
  if not turn.so_far then return reply end
  local text = join(turn.so_far, reply.text)
  return requests.merge(reply, { text = text, content = { { type = "text", text = text } } })
end

return M
