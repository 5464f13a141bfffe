--- Replayed streams: events that no server sends now, because they were kept, or because several calls share one answer.
--
-- @module opengatellm.chat.replayed
local calls = require "opengatellm.http.call"
local core = require "opengatellm.core"
local event_chain = require "opengatellm.chat.event_chain"
local stream = require "opengatellm.stream"

local M = {}

local function source_of(events)
  if type(events) == "function" then return events end
  local place = 0
  return function()
    place = place + 1
    return events[place]
  end
end

--- Opens a stream of events.
---@param view ogl.MiddlewareCall the call that it answers
---@param events ogl.Event[]|fun(): ogl.Event?, ogl.Error? a list, or a function that gives the next event; nil: the end, or an error
---@param about {protocol?: string, provider?: string, status?: integer, headers?: table, request_id?: string, warnings?: table[]}
---@param functions? ogl.EventFunction[] that the events pass
---@param states table[] of the functions
---@param guard? ogl.EventGuard of the functions
---@return ogl.Stream
function M.open(view, events, about, functions, states, guard)
  local client, asked = view.client, view.request
  local wire = { options = { keep = asked.keep, output = asked.output }, warnings = about.warnings or {} }
  local fold = asked.keep ~= false and core.fold(client.bounds.reply) or nil
  return stream.of {
    call = calls.new(client, wire), source = source_of(events), about = about, held = false,
    chain = event_chain.new(functions or {}, view, fold, states, guard), status = about.status or 200, headers = about.headers or {},
    request_id = about.request_id,
  }
end

return M
