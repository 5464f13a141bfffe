--- Coalesce: identical calls that are on their way at the same time are one.
--
--   client:use(ogl.middleware.coalesce {})
--
-- The first caller's call runs in a task of its own; callers that ask the same meanwhile get what came from its beginning, and the rest as
-- it comes. When the last of them leaves, the call is cancelled. What is the same is decided as by the cache (canonical.lua); once a call
-- has ended, the next one asks again.
--
-- A plain program outside of ogl.run makes one call after the other: there nothing is shared. In nginx the call runs in a timer, so that
-- the request that began it may end before the others; they wait on semaphores, in the same worker.
--
-- @module opengatellm.middleware.coalesce
local canonical = require "opengatellm.middleware.canonical"
local errors = require "opengatellm.errors"
local host = require "opengatellm.host"
local options = require "opengatellm.middleware.options"
local recording = require "opengatellm.middleware.recording"
local stream = require "opengatellm.stream"
local task = require "opengatellm.task"

local M = {}

---@class ogl.SharedCall
---@field readers integer callers that have not left
---@field waiters table<thread, table> coroutine -> its host
---@field events ogl.Event[]
---@field about? table who answers, once that is known
---@field value any of a call that is no stream
---@field err? ogl.Error
---@field late? fun(err: ogl.Error) puts into a caller's error what the server said behind it
---@field done boolean
---@field cancel fun() ends the call

local function wake_all(shared)
  for co, here in pairs(shared.waiters) do here.wake(co) end
end

-- Waits for news of a shared call; an error if the waiting task was cancelled.
local function wait(shared)
  local here, co = host.current(), coroutine.running()
  local err = task.cancelled()
  if err then return err end
  shared.waiters[co] = here
  here.park()
  shared.waiters[co] = nil
  return task.cancelled()
end

-- The shared call ----------------------------------------------------------------------------------------------------------

local function read_all(shared, answer)
  shared.about = recording.about(answer)
  wake_all(shared)
  local event, err = answer:next()
  while event do
    shared.events[#shared.events + 1] = event
    wake_all(shared)
    event, err = answer:next()
  end
  answer:close()
  return err
end

local function finish(shared, err)
  if shared.done then return end
  shared.err, shared.done, shared.late = err, true, err and recording.late(err)
  shared.forget()
  wake_all(shared)
end

-- Keeps the events of a shared chat, which is no stream: the functions of each caller's middleware have to see them. What comes behind
-- the end of an answer is another one: a middleware inside has asked again.
local function record(event, state)
  local shared = state.shared
  if not shared or event == nil then
    if shared then state.over = true end
    return event
  end
  if state.over then shared.events, state.over = {}, false end
  shared.events[#shared.events + 1] = recording.copy(event)
  return event
end

local function run(shared, call, proceed, state)
  if call.operation == "chat" then state.shared = shared else state.deaf = true end
  local answer, err = call:apart(proceed)
  if stream.is(answer) then err = read_all(shared, answer) else shared.value = answer end
  finish(shared, err)
end

local function raised(failure)
  return errors.new { kind = "config", code = "middleware", message = "middleware coalesce: the shared call raised: " .. tostring(failure) }
end

-- Runs a function in a task that belongs to no caller, and gives what ends it.
local function detach(fn, on_end)
  local ended = function(it)
    if it.failure then it.failure.seen = true end
    on_end(it.failure and raised(it.failure.err) or it.cancel_error)
  end
  local ngx = host.current().name == "nginx" and rawget(_G, "ngx")
  if not ngx then
    local it = task.spawn(fn)
    it.on_end = ended
    return function() it:cancel() end
  end
  local here, runner, left = host.current(), nil, false
  assert(ngx.timer.at(0, function()
    runner = coroutine.running()
    local it = task.spawn(fn)
    local over = it.done
    it.on_end = function(self)
      over = true
      ended(self)
      here.wake(runner)
    end
    if over then ended(it) end
    while not (over or left) do here.park() end
    if not over then it:cancel() end
  end))
  return function()
    left = true
    if runner then here.wake(runner) end
  end
end

-- Callers --------------------------------------------------------------------------------------------------------------------

local function leave(shared)
  shared.readers = shared.readers - 1
  if shared.readers == 0 and not shared.done then
    shared.forget()
    shared.cancel()
  end
end

local function copied(value, depth)
  if type(value) ~= "table" or depth == 0 then return value end
  local out = setmetatable({}, getmetatable(value))
  for key, inner in next, value do out[key] = copied(inner, depth - 1) end
  return out
end

local LEVELS = 8 -- of tables in a reply that callers may change

-- Each caller has the error as its own, since a stream adds what came to it.
local function error_of(shared) return shared.err and copied(shared.err, 1) end

-- What gives a caller the events from the beginning.
local function reader(shared)
  local place = 0
  return function()
    while true do
      local event = shared.events[place + 1]
      if event then
        place = place + 1
        return recording.copy(event)
      end
      if shared.done then return nil, error_of(shared) end
      local err = wait(shared)
      if err then return nil, err end
    end
  end
end

-- Whether a caller's middleware has functions that see events.
local function is_seen(call, place)
  for i = 1, place - 1 do
    if call.list[i].event then return true end
  end
  return false
end

-- Gives a caller the answer of a call that is no stream and has ended.
local function value_of(shared, call, place)
  local reply = shared.value
  if not reply or call.operation ~= "chat" or not is_seen(call, place) then return copied(reply, LEVELS), error_of(shared) end
  local about = recording.about(reply)
  about.warnings = recording.warnings(reply, shared.events)
  call.place = place
  return call:replay(reader(shared), about)
end

-- Gives a caller its answer; it has joined.
local function answer_of(shared, call, place)
  while not (shared.done or shared.about) do
    local err = wait(shared)
    if err then
      leave(shared)
      return nil, err
    end
  end
  if not shared.about then
    leave(shared)
    return value_of(shared, call, place)
  end
  call.place = place -- the shared call may be further in
  local answer = call:replay(reader(shared), shared.about)
  answer:on_end(function(_, err)
    if err and shared.late then shared.late(err) end
    leave(shared)
  end)
  return answer
end

-- Has a caller join a shared call. Where the host kills its task while it waits (nginx), it has left, too.
local function join(shared, call, place)
  shared.readers = shared.readers + 1
  local release = task.on_kill(function() leave(shared) end)
  local answer, err = answer_of(shared, call, place)
  if release then release() end
  return answer, err
end

local function share(calls, key, call, proceed, state)
  local shared = { readers = 0, waiters = {}, events = {}, done = false }
  calls[key] = shared
  function shared.forget()
    if calls[key] == shared then calls[key] = nil end
  end
  shared.cancel = detach(function() run(shared, call, proceed, state) end, function(err) finish(shared, err) end)
  return shared
end

--- Makes the middleware.
---@param given? {namespace?: string|fun(call: ogl.MiddlewareCall): string|false|nil} callers of another namespace share nothing
---@return ogl.Middleware
function M.new(given)
  given = options.check("coalesce", given, { namespace = "any" })
  options.expect_namespace("coalesce", given.namespace)
  local calls = {} -- key -> the shared call
  return {
    name = "coalesce",
    wrap = function(call, proceed, state)
      local own = call.operation == "tool" or call.operation == "turn" -- of one conversation, which none shares
      if own or host.current(call.client.host).blocking then return proceed(call) end
      local key, err = canonical.key(call, call.operation, given.namespace)
      if err then return nil, err end
      if not key then return proceed(call) end
      local place = call.place
      local shared = calls[key] or share(calls, key, call, proceed, state)
      return join(shared, call, place)
    end,
    event = function(event, _, state) return record(event, state) end,
  }
end

return M
