--- Excerpts: the head and the tail of a text that is too long, with a marker that says how much is missing between them.
--
-- @module opengatellm.conversation.excerpt
local M = {}

local MARKER = "\n[… %d bytes are left out here …]\n"

-- A byte from 0x80 to 0xBF goes on with a character of UTF-8, so a text may not be cut before it.
local function continues(text, at) return text:find("^[\128-\191]", at) ~= nil end

local function head_of(text, bytes)
  while bytes > 0 and continues(text, bytes + 1) do bytes = bytes - 1 end
  return text:sub(1, bytes)
end

local function tail_of(text, bytes)
  local from = #text - bytes + 1
  while continues(text, from) do from = from + 1 end
  return text:sub(from)
end

--- Shortens a text that has more bytes than the limit. The marker counts too, and is all that is left where the limit has room for no more.
---@param text string valid UTF-8: it is cut between characters
---@param limit integer bytes
---@return string
function M.of(text, limit)
  if #text <= limit then return text end
  local half = math.max(math.floor((limit - #MARKER:format(#text)) / 2), 0)
  local head, tail = head_of(text, half), tail_of(text, half)
  return head .. MARKER:format(#text - #head - #tail) .. tail
end

return M
