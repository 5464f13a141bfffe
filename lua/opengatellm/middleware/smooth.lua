--- Smooth: gives text at an even pace, by words or lines, however the server's pieces come.
--
--   client:use(ogl.middleware.smooth { by = "word", delay = 0.02 })
--
-- A word is given when the blank behind it has come, a line when it has ended; what is left is given at the end. The delay is a wait of the
-- call's host: in a task, in Neovim and in nginx the others go on meanwhile.
--
-- @module opengatellm.middleware.smooth
local host = require "opengatellm.host"
local options = require "opengatellm.middleware.options"

local M = {}

local SMOOTHED = { text = true, reasoning = true }

-- A chunk at the front of a text: a word with the blanks before it and one behind, a line, a character of UTF-8.
local CHUNKS = { word = "^(%s*%S+%s)()", line = "^([^\n]*\n)()", character = "^([%z\1-\127\194-\244][\128-\191]*)()" }

local function piece_of(event, text)
  local out = {}
  for name, value in pairs(event) do out[name] = value end
  out.text = text
  return out
end

-- Whole chunks of what is held, as events; the rest stays held.
local function take(state, pattern)
  local list, from = {}, 1
  while true do
    local chunk, behind = state.text:match(pattern, from)
    if not chunk then break end
    list[#list + 1], from = piece_of(state.event, chunk), behind
  end
  state.text = state.text:sub(from)
  return list
end

local function give_rest(state, list)
  if state.event and state.text ~= "" then list[#list + 1] = piece_of(state.event, state.text) end
  state.event, state.text = nil, ""
end

--- Makes the middleware.
---@param given? {by?: "word"|"line"|"character", delay?: number} seconds between two chunks; default "word", 0.01
---@return ogl.Middleware
function M.new(given)
  given = options.check("smooth", given, { by = "string", delay = "number" })
  local by, delay = given.by or "word", given.delay or 0.01
  options.expect(CHUNKS[by], "smooth", "by: expected word, line or character, got " .. by:gsub("%c", "?"))
  options.expect(delay >= 0, "smooth", "delay: expected seconds from 0 on")
  -- a pattern with ^ looks at its start; from elsewhere on it has to be asked without
  local pattern = by == "character" and "([%z\1-\127\194-\244][\128-\191]*)()" or CHUNKS[by]:sub(2)
  local function event_of(event, call, state)
    local list = {}
    if not event or not SMOOTHED[event.type] then
      give_rest(state, list)
      if event then list[#list + 1] = event end
      return list
    end
    local before = state.event
    local follows = before and before.type == event.type and before.index == event.index and before.choice == event.choice
    if before and not follows then give_rest(state, list) end
    state.event, state.text = event, (state.text or "") .. event.text
    for _, piece in ipairs(take(state, pattern)) do list[#list + 1] = piece end
    if delay > 0 and list[1] then host.current(call.client.host).sleep(delay * #list) end
    return list
  end
  return { name = "smooth", event = event_of }
end

return M
