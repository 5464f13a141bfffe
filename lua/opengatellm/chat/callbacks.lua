--- Callbacks: a task reads an answer and calls functions with its events, so that the caller needs no coroutine.
--
--   local task = client:stream(request, {
--     on_event = function(event) … end,         each event, in order
--     on_output = function(value) … end,        structured output so far, with each text: one table that grows
--     on_element = function(element, i) … end,  each complete element of structured output that is a list
--     on_done = function(reply, err) … end,     once, at the end: the whole reply, or the error
--   })
--   task:cancel()                               closes the connection; on_done gets the error `cancelled`
--
-- @module opengatellm.chat.callbacks
local requests = require "opengatellm.request"
local steps = require "opengatellm.chat.steps"
local streams = require "opengatellm.stream"
local task = require "opengatellm.task"

local M = {}

---@class ogl.Callbacks
---@field on_event? fun(event: ogl.Event)
---@field on_output? fun(value: any)
---@field on_element? fun(element: any, place: integer)
---@field on_done? fun(reply: ogl.Reply?, err: ogl.Error?) without a reply where the request says keep = false

local FIELDS = { on_event = true, on_output = true, on_element = true, on_done = true }

--- Says what is wrong with callbacks.
---@param callbacks any
---@return string? problem nil if nothing is
function M.check(callbacks)
  if type(callbacks) ~= "table" then return "callbacks: expected table, got " .. type(callbacks) end
  for name, fn in pairs(callbacks) do
    if not FIELDS[name] then
      return "callbacks: there is no '" .. tostring(name) .. "', only on_event, on_output, on_element and on_done"
    end
    if type(fn) ~= "function" then return name .. ": expected function, got " .. type(fn) end
  end
end

--- Calls the functions for structured output with what a text brought.
---@param stream ogl.Stream
---@param functions ogl.Callbacks
function M.tell_output(stream, functions)
  local value = functions.on_output and stream:output()
  if value ~= nil and functions.on_output then functions.on_output(value) end
  local element, place = nil, nil
  if functions.on_element then element, place = stream.values:next_element() end
  while element ~= nil do
    functions.on_element(element, place)
    element, place = stream.values:next_element()
  end
end

local function read(stream, functions, keep)
  local on_event, follows = functions.on_event, stream.values and (functions.on_output or functions.on_element)
  local event, err
  if on_event or follows then
    event, err = stream:next()
    while event do
      if on_event then on_event(event) end
      if follows and event.type == "text" then M.tell_output(stream, functions) end
      event, err = stream:next()
    end
  end
  if err then return nil, err end
  if keep == false then return nil end
  return stream:reply()
end

-- Reports what a callback raised as soon as the task ends, unless another task waits for it. A program that keeps the task to cancel it
-- never waits for it, and would not see the error.
local function tell(ended)
  local failure = ended.failure
  if not failure or ended.waiters and next(ended.waiters) then return end
  failure.seen = true
  failure.report("opengatellm: error in a callback: " .. failure.traceback)
end

--- Runs `read_all(own) -> reply | nil, err` in a task, and calls `on_done` with what it gives. `own(what)` has the task close something
--- when it ends. An error that is raised, as by a callback, ends the task and is reported.
---@param read_all fun(own: fun(closable: table)): ogl.Reply?, ogl.Error?
---@param on_done? fun(reply: ogl.Reply?, err: ogl.Error?)
---@return ogl.Task
function M.in_task(read_all, on_done)
  local it
  it = task.spawn(function()
    local reply, err = read_all(function(closable) it.owns = closable end)
    if on_done then on_done(reply, err) end
    return reply, err
  end)
  it.on_end = tell
  return it
end

--- Runs `open() -> stream | nil, err` and reads the stream, in a task. The task closes the stream when it ends, for whatever reason. An
--- error that a callback raises ends the task and is reported.
---@param open fun(): ogl.Stream?, ogl.Error?
---@param callbacks ogl.Callbacks
---@param keep? boolean false: there will be no reply
---@return ogl.Task
function M.run(open, callbacks, keep)
  return M.in_task(function(own)
    local stream, err = open()
    if not stream then return nil, err end
    own(stream)
    return read(stream, callbacks, keep)
  end, callbacks.on_done)
end

-- Opens the stream of a call whose first steps have been walked.
local function open(call, operation, next_step, problem)
  if next_step then next_step, problem = steps.walk(call, next_step) end
  if next_step then return streams.open(call) end
  if type(problem) == "string" then error("client:" .. operation .. ": " .. problem, 0) end
  return nil, problem
end

--- Begins a chat or a stream in a task of its own. It walks the steps that ask no server before the task begins, so that their mistakes
--- are the caller's to hear.
---@param client ogl.Client
---@param question string|ogl.Request
---@param operation "chat"|"stream"
---@param functions ogl.Callbacks
---@param chained? fun(client: ogl.Client, asked: ogl.Request): ogl.Stream?, ogl.Error? opens the stream in place of the steps
---@return ogl.Task?
---@return string? mistake
function M.start(client, question, operation, functions, chained)
  local problem = M.check(functions)
  if problem then return nil, problem end
  local call, next_step
  call, problem = steps.begin(client, question, operation, operation == "stream")
  if not call then return nil, problem end
  local asked, keep = call.request, call.request.keep
  if chained then
    if operation == "chat" then asked = requests.merge(asked, { no_streaming = true }) end
    return M.run(function() return chained(client, asked) end, functions, keep)
  end
  next_step, problem = steps.walk(call, 1, true)
  if not next_step and type(problem) == "string" then return nil, problem end
  return M.run(function() return open(call, operation, next_step, problem) end, functions, keep)
end

return M
