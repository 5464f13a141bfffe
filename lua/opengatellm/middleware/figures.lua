--- Figures: what a visit of a call took in seconds and tokens. The middleware that limit, count and report stand on them.
--
--   M.begin(call, state)                              the visit begins
--   M.event(event, state)                             an event passes
--   local figures = M.of(answer, err, call, state)    the visit has ended
--
-- All of it is kept in the visit's own `state`.
--
-- @module opengatellm.middleware.figures
local estimate = require "opengatellm.chat.estimate"
local host = require "opengatellm.host"
local words = require "opengatellm.base.words"

local M = {}

---@class ogl.Figures
---@field seconds number from the beginning of the visit to its end
---@field first_chunk? number seconds to the first event with part of an answer
---@field per_chunk? number seconds from one such event to the next, on average
---@field gaps? ogl.Histogram of these seconds, where there were several such events
---@field chunks integer how many such events passed
---@field usage ogl.Usage as the server said, else an estimate, marked `estimated`; of a call that no server took: without tokens
---@field status? integer
---@field request_id? string
---@field id? string of the answer
---@field model? string that answered, else that was asked
---@field provider string
---@field finish_reason? string
---@field kind? string of the error
---@field code? string of the error
---@field reason? string of the error
---@field attempts integer how many times the request was sent

local CHUNKS = words.set "text reasoning refusal tool_call tool_arguments part"

-- The lengths of answers -----------------------------------------------------------------------------------------

local KEPT, FRESH = 64, 16 -- outputs that are remembered; after so many more they are sorted anew

---@class ogl.Outputs how long answers have been
local Outputs = {}
Outputs.__index = Outputs

--- Remembers the lengths of the last answers.
---@return ogl.Outputs
function M.outputs() return setmetatable({ list = {}, place = 0, high = nil }, Outputs) end

--- Adds the length of an answer.
---@param tokens integer
function Outputs:add(tokens)
  self.place = self.place + 1
  self.list[(self.place - 1) % KEPT + 1] = tokens
  if self.place > FRESH and self.place % FRESH ~= 0 then
    self.high = math.max(self.high or 0, self.place <= KEPT and tokens or 0)
    return
  end
  local sorted = {}
  for i, one in ipairs(self.list) do sorted[i] = one end
  table.sort(sorted)
  self.high = sorted[math.ceil(#sorted * 0.95)]
end

--- Estimates the tokens of the next answer: as many as 19 of 20 answers have stayed below, and no more than the request allows.
---@param most? integer the request's max_tokens
---@param default integer before any answer has come, where the request says nothing
---@return integer
function Outputs:expected(most, default)
  if not self.high then return most or default end
  return most and math.min(most, self.high) or self.high
end

-- Histograms ------------------------------------------------------------------------------------------------------

--- Bounds of seconds, as OpenTelemetry has them: from a hundredth on, each the double of the one before.
M.SECONDS = { 0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92 }

---@class ogl.Histogram
---@field counts table<integer, integer> by the place of the bound that holds the value; one more for what is above all bounds
---@field count integer
---@field sum number
---@field min number
---@field max number

--- The place of a value among bounds.
---@param bounds number[]
---@param value number
---@return integer # of the first bound that holds it; one more than there are where it is above all
function M.place(bounds, value)
  local place = 1
  while bounds[place] and value > bounds[place] do place = place + 1 end
  return place
end

--- Adds a value to a histogram.
---@param histogram? ogl.Histogram nil: a new one
---@param bounds number[]
---@param value number
---@param times? integer how often it was seen; default 1
---@return ogl.Histogram
function M.add(histogram, bounds, value, times)
  histogram, times = histogram or { counts = {}, count = 0, sum = 0, min = value, max = value }, times or 1
  local place = M.place(bounds, value)
  histogram.counts[place] = (histogram.counts[place] or 0) + times
  histogram.count, histogram.sum = histogram.count + times, histogram.sum + value * times
  if value < histogram.min then histogram.min = value end
  if value > histogram.max then histogram.max = value end
  return histogram
end

-- Visits ----------------------------------------------------------------------------------------------------------

--- Notes the beginning of a visit. Where the reply will tell everything, the visit is passed no events.
---@param call ogl.MiddlewareCall
---@param state table
---@param timed? boolean whether the moments of a stream's events are wanted
function M.begin(call, state, timed)
  local here = host.current(call.client.host)
  state.host, state.began, state.chunks, state.bytes = here, here.now(), 0, 0
  state.deaf = not (call.operation == "stream" and (timed or call.request.keep == false)) or nil
end

-- Notes pieces of the answer that have come at one moment.
local function note_chunks(state, chunks, bytes, timed)
  state.chunks, state.bytes = state.chunks + chunks, state.bytes + bytes
  if not timed then return end
  local now = state.host.now()
  if state.last then state.gaps = M.add(state.gaps, M.SECONDS, now - state.last) end
  if chunks > 1 then state.gaps = M.add(state.gaps, M.SECONDS, 0, chunks - 1) end
  state.first, state.last = state.first or now, now
end

--- Notes what has come of an answer whose events nobody sees.
---@param chunks integer so far, as a decoder or a transcoder of core tallies them
---@param bytes integer of their texts
---@param usage? ogl.Usage
---@param state table
---@param timed? boolean whether the moments of events are wanted
function M.tally(chunks, bytes, usage, state, timed)
  if chunks > state.chunks then note_chunks(state, chunks - state.chunks, bytes - state.bytes, timed) end
  state.usage = usage or state.usage
end

--- Notes an event; give it to the middleware's `event`.
---@param event? ogl.Event
---@param state table
---@param timed? boolean whether the moments of events are wanted
function M.event(event, state, timed)
  if not event or not state.host then return end
  local kind = event.type
  if CHUNKS[kind] then
    note_chunks(state, 1, #(event.text or ""), timed)
  elseif kind == "usage" then
    state.usage = event.usage
  elseif kind == "finish" and not event.choice then
    state.finish = event.reason
  elseif kind == "start" then
    state.id, state.model = event.id, event.model
  end
end

-- Kinds of errors with which a server may have read the request, though it gave no answer.
local TAKEN = words.set "network timeout protocol provider incomplete cancelled closed"

local function with_total(usage)
  usage.total_tokens = (usage.input_tokens or 0) + (usage.output_tokens or 0)
  return usage
end

-- The tokens of a prompt, by an estimate. A gateway lets its requests go while their answers come, and notes this before.
local function prompt_of(call) return call.prompt_tokens or estimate.prompt(call.request) end

-- The usage of an answer whose server counted nothing.
local function counted(answer, call, state)
  local output = state.bytes > 0 and estimate.tokens(state.bytes) or estimate.answer(answer)
  return with_total { input_tokens = prompt_of(call), output_tokens = output, estimated = true }
end

local function usage_of_error(err, call, state)
  local usage = err.usage
  if usage then
    local seen = estimate.tokens(state.bytes)
    if not usage.estimated or (usage.output_tokens or 0) >= seen then return usage end
    local copy = {} -- with `keep = false` no reply tells how much came
    for name, value in pairs(usage) do copy[name] = value end
    copy.output_tokens = seen
    return with_total(copy)
  end
  if err.sent == false or err.status or not TAKEN[err.kind] then return {} end
  return with_total { input_tokens = prompt_of(call), output_tokens = 0, estimated = true }
end

--- What a call used: as the server said, else an estimate, marked `estimated`. An answer out of a cache (`usage.cached`) used nothing.
---@param answer? table
---@param err? ogl.Error
---@param call ogl.MiddlewareCall
---@param state table of a visit that was begun
---@return ogl.Usage
function M.usage(answer, err, call, state)
  if err then return usage_of_error(err, call, state) end
  local usage = answer and answer.usage or state.usage or counted(answer, call, state)
  if usage.cached or answer and answer.cached or state.usage and state.usage.cached then return { requests = 0, cached = true } end
  return usage
end

--- The tries of a router's call that another one was faster than (hedges): their servers have read the prompt, which is an estimate.
---@param answer? table
---@param err? ogl.Error
---@return ogl.Attempt[]
function M.losers(answer, err)
  local attempts, list = answer and answer.attempts or err and err.attempts, {}
  for i = 1, attempts and #attempts or 0 do
    local attempt = attempts[i]
    if attempt.cancelled and attempt.tokens then list[#list + 1] = attempt end
  end
  return list
end

-- How many times the request was sent.
local function attempts_of(answer, err)
  local list = answer and answer.attempts or err and err.attempts
  return list and #list or 1
end

--- All figures of a visit that has ended.
---@param answer? table
---@param err? ogl.Error
---@param call ogl.MiddlewareCall
---@param state table of a visit that was begun
---@return ogl.Figures
function M.of(answer, err, call, state)
  local from = answer or err and err.partial or {}
  local first = state.first and state.first - state.began
  return {
    seconds = state.host.now() - state.began, first_chunk = first,
    chunks = state.deaf and from.content and #from.content or state.chunks,
    gaps = state.gaps, per_chunk = state.gaps and state.gaps.sum / state.gaps.count or nil,
    usage = M.usage(answer, err, call, state), status = answer and answer.status or err and err.status,
    request_id = answer and answer.request_id or err and err.request_id, id = from.id or state.id,
    model = from.model or state.model or call.model, provider = answer and answer.provider or err and err.provider or call.provider,
    finish_reason = from.finish_reason or state.finish, kind = err and err.kind, code = err and err.code, reason = err and err.reason,
    attempts = attempts_of(answer, err),
  }
end

return M
