--- Merge: joins neighbouring pieces of a text, for readers that pay for each event: a web socket, a database, a terminal far away.
--
--   client:use(ogl.middleware.merge { bytes = 200 })
--
-- A piece is held until so many bytes have come, a line ends, or something else comes.
--
-- @module opengatellm.middleware.merge
local options = require "opengatellm.middleware.options"
local recording = require "opengatellm.middleware.recording"

local M = {}

local JOINED = { text = true, reasoning = true, refusal = true, tool_arguments = true }

local function is_same(a, b) return a.type == b.type and a.index == b.index and a.choice == b.choice end

-- Gives what is held, and then the event.
local function give(state, event)
  local held = state.held
  state.held = nil
  if not held then return event end
  held = recording.with(held, "text", table.concat(state.pieces))
  return event and { held, event } or held
end

local function hold(state, event)
  if not state.held then state.held, state.pieces, state.size = event, {}, 0 end
  state.pieces[#state.pieces + 1], state.size = event.text, state.size + #event.text
end

--- Makes the middleware.
---@param given? {bytes?: integer} default 256
---@return ogl.Middleware
function M.new(given)
  given = options.check("merge", given, { bytes = "integer" })
  local most = given.bytes or 256
  options.expect(most > 0, "merge", "bytes: expected a number above 0")
  local function event_of(event, _, state)
    if not event or not JOINED[event.type] then return give(state, event) end
    local before
    if state.held and not is_same(state.held, event) then before = give(state) end
    hold(state, event)
    if state.size < most and not event.text:find("\n", 1, true) then return before end
    local full = give(state)
    return before and { before, full } or full
  end
  return { name = "merge", event = event_of }
end

return M
