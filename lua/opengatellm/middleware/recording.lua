--- Recordings: the events of an answer, kept so that they can answer other calls.
--
--   local copy = M.copy(event)                  an event that nobody else changes
--   local other = M.with(event, name, value)    the same event with another field
--   local about = M.about(answer)               what a replay says of the server that answered: View:replay's second argument
--   local list = M.warnings(reply, events)      the warnings of a reply that no event brought
--   local add = M.late(err)                     what a server said behind its error; add(other) puts it into another error
--   local outer = M.relay(call, inner, next)    a stream that gives on what another one gives
--
-- @module opengatellm.middleware.recording
local stream = require "opengatellm.stream"

local M = {}

--- Copies an event with all that is in it. Tables with a meta table (arrays, raw JSON) are values, and stay the same.
---@generic T
---@param value T an event, or what is in one
---@return T
function M.copy(value)
  local out = {}
  for name, inner in next, value do
    out[name] = type(inner) == "table" and getmetatable(inner) == nil and M.copy(inner) or inner
  end
  return out
end

--- Makes an event that differs from another one in a field; what is in the other fields is shared.
---@param event ogl.Event
---@param name string
---@param value any
---@return ogl.Event
function M.with(event, name, value)
  local out = {}
  for field, inner in next, event do out[field] = inner end
  out[name] = value
  return out
end

--- Says who answered: of a stream before it has ended, or of a reply.
---@param answer ogl.Stream|ogl.Reply
---@return table about of View:replay
function M.about(answer)
  local about = { status = answer.status, headers = answer.headers, request_id = answer.request_id }
  if not stream.is(answer) then
    about.protocol, about.provider = answer.protocol, answer.provider
    return about
  end
  local provider, told = answer.call.client.provider, answer.about or {}
  about.protocol, about.provider = told.protocol or provider.protocol, told.provider or provider.name
  about.warnings = answer.call.wire.warnings
  return about
end

local LATE = { "finish_reason", "raw_finish_reason", "usage" }

--- Keeps what a server said behind its error, which no event brings.
---@param err ogl.Error as the stream that failed has it
---@return fun(err: ogl.Error) add puts it into the error of a stream that gave on what that one gave
function M.late(err)
  local partial, usage = err.partial or {}, err.usage
  return function(other)
    if other.partial then
      for _, field in ipairs(LATE) do other.partial[field] = partial[field] or other.partial[field] end
    end
    other.usage = usage or other.usage
  end
end

--- Makes a stream of what a function makes of another stream. It has that one's call, with its tries and secrets, and closes it.
---@param call ogl.MiddlewareCall
---@param inner ogl.Stream from View:apart
---@param next_event fun(): ogl.Event?, ogl.Error?
---@return ogl.Stream
function M.relay(call, inner, next_event)
  local outer, over, add_late
  outer = call:replay(function()
    local event, err = next_event()
    over = event == nil
    if err then
      outer.attempts, add_late = err.attempts, M.late(err) -- it has counted the try that failed
    end
    return event, err
  end, M.about(inner))
  outer.call, outer.attempts = inner.call, inner.attempts
  outer:on_end(function(_, err)
    outer.last_raw = inner:raw()
    if add_late then add_late(err) end
    if not over then inner:close() end
  end)
  return outer
end

local OUTPUT = { output_not_json = true, output_recovered = true } -- a replay finds these out anew

--- Lists the warnings of a reply that stand before those of its events: what the request could not carry.
---@param reply ogl.Reply
---@param events ogl.Event[]
---@return table[]
function M.warnings(reply, events)
  local of_events = 0
  for _, event in ipairs(events) do
    if event.type == "warning" then of_events = of_events + 1 end
  end
  local list, all = {}, {}
  for _, warning in ipairs(reply.warnings) do
    if not (warning.field == "output" and OUTPUT[warning.code]) then all[#all + 1] = warning end
  end
  for i = 1, #all - of_events do list[i] = M.copy(all[i]) end
  return list
end

return M
