--- Trials: one request each, with the moments of its answer.
--
--   local ask = trial.asker(client, is_streaming, now)
--   local one = ask(request, start, gaps)      -- waits for the whole answer
--
-- A trial is { status, moments, usage, err }. Its status is "success"; "error", with the error; or "incomplete" where the bench itself cut
-- it off, because its time was over or somebody pressed Ctrl-C. A stream that the server or the network cut is an error.
--
-- Nothing is done between two events but to look at the clock, so that the next event is not kept waiting.
--
-- @module opengatellm.bench.trial
local words = require "opengatellm.base.words"

local M = {}

---@class ogl.bench.Trial
---@field status "success"|"incomplete"|"error"
---@field moments ogl.bench.Moments
---@field usage? ogl.Usage
---@field err? ogl.Error

local CONTENT = words.set "text reasoning refusal tool_call tool_arguments part" -- events with part of an answer

local function finished(moments, usage, err, now)
  moments.ended = now()
  local status = not err and "success" or err.kind == "cancelled" and "incomplete" or "error"
  return { status = status, moments = moments, usage = usage, err = err }
end

-- Reads a stream to its end: the moments of its events, its usage, and its error. What lies between two events goes into the gaps.
local function read(stream, moments, gaps, now)
  local first, output, last, usage, chunks = nil, nil, nil, nil, 0
  local event, err = stream:next()
  while event do
    local kind = event.type
    if CONTENT[kind] then
      local at = now()
      if not last then first = at elseif gaps then gaps:add(at - last) end
      if not output and kind ~= "reasoning" then output = at end
      last, chunks = at, chunks + 1
    elseif kind == "usage" then
      usage = event.usage
    end
    event, err = stream:next()
  end
  moments.first, moments.output, moments.last, moments.chunks = first, output, last, chunks
  return usage or err and err.usage, err
end

-- Asks for a stream.
local function stream(client, request, moments, gaps, now)
  local answer, err = client:stream(request)
  local usage
  if answer then usage, err = read(answer, moments, gaps, now) end
  return finished(moments, usage, err, now)
end

-- Asks for a whole answer.
local function whole(client, request, moments, now)
  local reply, err = client:chat(request)
  return finished(moments, reply and reply.usage, err, now)
end

--- Makes a function that asks a client.
---@param client ogl.Client
---@param is_streaming boolean
---@param now fun(): number
---@return fun(request: ogl.Request, start: number, gaps?: ogl.bench.Reservoir): ogl.bench.Trial
function M.asker(client, is_streaming, now)
  return function(request, start, gaps)
    local moments = { start = start, chunks = 0 }
    if is_streaming then return stream(client, request, moments, gaps, now) end
    return whole(client, request, moments, now)
  end
end

return M
