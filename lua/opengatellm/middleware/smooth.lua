--- Smooth: gives text at an even pace, by words, lines or characters, however the server's pieces come.
--
--   client:use(ogl.middleware.smooth { by = "word", delay = 0.02 })
--
-- A word is given when the blank behind it has come, a line when it has ended; what is left is given with the next event of another kind,
-- or at the end. From one chunk to the next pass at least `delay` seconds, less what the reader and the server took. The wait is one of the
-- call's host: in a task, in Neovim and in nginx the others go on meanwhile. A chat, which gives no events, is not delayed.
--
-- @module opengatellm.middleware.smooth
local host = require "opengatellm.host"
local options = require "opengatellm.middleware.options"
local recording = require "opengatellm.middleware.recording"

local M = {}

local SMOOTHED = { text = true, reasoning = true }

-- A chunk at a place of a text: a word with the blanks before it and one behind, a line, a character of UTF-8.
local CHUNKS = { word = "^(%s*%S+%s)()", line = "^([^\n]*\n)()", character = "^([%z\1-\127\194-\244][\128-\191]*)()" }

local function push(self, event)
  self.last = self.last + 1
  self.out[self.last] = event
end

-- Puts the whole chunks of what is held into the queue; the rest stays held.
local function push_chunks(self)
  local from = 1
  while true do
    local chunk, behind = self.text:match(self.pattern, from)
    if not chunk or behind > #self.text and self.open then break end
    push(self, recording.with(self.event, "text", chunk))
    from = behind
  end
  self.text = self.text:sub(from)
end

local function push_rest(self)
  if self.event and self.text ~= "" then push(self, recording.with(self.event, "text", self.text)) end
  self.event, self.text = nil, ""
end

local function add(self, event)
  local before = self.event
  local follows = before and before.type == event.type and before.index == event.index and before.choice == event.choice
  if not follows then push_rest(self) end
  if not SMOOTHED[event.type] then return push(self, event) end
  self.event, self.text = event, self.text .. event.text
  push_chunks(self)
end

local function take(self)
  local event = self.out[self.first]
  if event == nil then return nil end
  self.out[self.first] = nil
  self.first = self.first + 1
  return event
end

-- Waits until the next chunk may be given.
local function pace(self)
  local here = host.current(self.host)
  local now = here.now()
  if self.due and now < self.due then
    here.sleep(self.due - now)
    now = here.now()
  end
  self.due = now + self.delay
end

-- The next event at its pace; nil at the end, or nil and the error.
local function next_event(self)
  while true do
    local event = take(self)
    if event then
      if SMOOTHED[event.type] and self.delay > 0 then pace(self) end
      return event
    end
    if self.over then return nil, self.err end
    event, self.err = self.inner:next()
    if event then add(self, event)
    else
      self.over = true
      push_rest(self)
    end
  end
end

--- Makes the middleware.
---@param given? {by?: "word"|"line"|"character", delay?: number} seconds between two chunks; default "word", 0.01
---@return ogl.Middleware
function M.new(given)
  given = options.check("smooth", given, { by = "string", delay = "number" })
  local by, delay = given.by or "word", given.delay or 0.01
  options.expect(CHUNKS[by], "smooth", "by: expected word, line or character, got " .. by:gsub("%c", "?"))
  options.expect(delay >= 0, "smooth", "delay: expected seconds from 0 on")
  return {
    name = "smooth",
    wrap = function(call, proceed)
      if call.operation ~= "stream" then return proceed(call) end
      local inner, err = call:apart(proceed)
      if not inner then return nil, err end
      local self = {
        inner = inner, pattern = CHUNKS[by], open = by == "character", delay = delay, host = call.client.host,
        out = {}, first = 1, last = 0, text = "", over = false,
      }
      return recording.relay(call, inner, function() return next_event(self) end)
    end,
  }
end

return M
