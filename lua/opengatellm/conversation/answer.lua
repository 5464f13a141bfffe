--- Answers: a turn as its reader sees it.
--
--   for event in answer:events() do … end       the model's events, and step, tool_start, tool_result, paused
--   local event, err = answer:next()
--   local reply, err = answer:reply()           the rest of the turn, and its last reply
--   answer:close()                              ends the turn
--
-- @module opengatellm.conversation.answer
local callbacks = require "opengatellm.chat.callbacks"
local coroutines = require "opengatellm.host.coroutines"
local errors = require "opengatellm.errors"
local host = require "opengatellm.host"
local words = require "opengatellm.base.words"

local M = {}

---@class ogl.ConversationCallbacks: ogl.Callbacks
---@field on_tool? fun(event: ogl.Event) of tool_start and tool_result
---@field on_paused? fun(pending: ogl.PendingCall[])

---@class ogl.Answer
---@field turn ogl.Turn
---@field watchers? (fun(reply: ogl.Reply?, err: ogl.Error?))[]
local Answer = {}
Answer.__index = Answer
Answer.__name = "opengatellm.answer"

local guard_mt = { __close = function(guard) if guard.answer.turn.stage ~= "over" then guard.answer:close() end end }

-- Through the middleware --------------------------------------------------------------------------------------------

-- What a trace tells of a turn: how often the model and the tools were called.
local function count(told, turn, calls_before)
  if told then told.calls, told.tools = turn.n_asked, turn.conversation.n_calls - calls_before end
end

-- Leads a turn through the client's middleware to `perform`.
local function through(turn, perform)
  local conversation = turn.conversation
  local client, options = conversation.client, conversation.options
  local asked = {
    name = options.name, conversation = options.id, message = turn.message, headers = conversation.request.headers,
    model = conversation.request.model,
  }
  local answer, err = require "opengatellm.middleware.chain".run(client, "turn", asked, function(view)
    turn.headers = view.request.headers
    return perform()
  end)
  if answer == nil then turn:halt(err) end -- a middleware may refuse the turn
  return answer, err
end

--- Turns a turn to its end.
---@param turn ogl.Turn
---@return ogl.Reply?
---@return ogl.Error? err
function M.run(turn)
  local calls_before = turn.conversation.n_calls
  if not turn.conversation.client.chain then return turn:run() end
  return through(turn, function()
    local reply, err = turn:run()
    count(reply or err, turn, calls_before)
    return reply, err
  end)
end

--- Opens a turn for a reader.
---@param turn ogl.Turn
---@return ogl.Answer?
---@return ogl.Error? err
function M.open(turn)
  local chain = turn.conversation.client.chain
  local function answer()
    return setmetatable({ turn = turn, calls_before = turn.conversation.n_calls, chained = chain and true }, Answer)
  end
  if not chain then return answer() end
  return through(turn, answer)
end

-- For readers ---------------------------------------------------------------------------------------------------------

-- Tells the watchers of the end, once.
local function ended(self)
  if self.told then return end
  self.told = true
  if self.chained then count(self.turn.reply or self.turn.err, self.turn, self.calls_before) end
  for _, watcher in ipairs(self.watchers or {}) do watcher(self.turn.reply, self.turn.err) end
end

--- The next event; nil at the end; nil and the error.
---@return ogl.Event? event
---@return ogl.Error? err
function Answer:next()
  local event, err = self.turn:next()
  if event then return event end
  ended(self)
  return nil, err
end

local NARROW = "answer:events: on Lua 5.1 the iterator of a for loop cannot let other tasks run; write: "
  .. "local event, err = answer:next() while event do … event, err = answer:next() end"

--- Iterates over the events, in a `for` loop. A failure raises its error; the loop ends if the program closes the answer inside it.
---@return fun(): ogl.Event?
function Answer:events()
  if coroutines.NARROW and not host.current(self.turn.conversation.client.host or nil).blocking then error(NARROW, 2) end
  local was_closed = self.closed
  local function iterate()
    local event, err = self:next()
    if event then return event end
    if err and (was_closed or not self.closed) then error(err, 0) end
  end
  return iterate, nil, nil, setmetatable({ answer = self }, guard_mt)
end

--- Reads the rest, and gives the turn's last reply.
---@return ogl.Reply? reply
---@return ogl.Error? err
function Answer:reply()
  local reply, err = self.turn:run()
  ended(self)
  return reply, err
end

--- Ends the turn, if it has not ended. A program may call it any number of times.
function Answer:close()
  if self.turn.stage == "over" then return end
  self.closed = true
  self.turn:halt(errors.new { kind = "closed", code = "closed", message = "the answer is closed" })
  ended(self)
end

Answer.__close = Answer.close

--- Has a function called when the turn has ended, or paused.
---@param watcher fun(reply: ogl.Reply?, err: ogl.Error?)
function Answer:on_end(watcher)
  if self.told then return watcher(self.turn.reply, self.turn.err) end
  self.watchers = self.watchers or {}
  table.insert(self.watchers, watcher)
end

function Answer:__tostring() return "opengatellm.answer: " .. self.turn.stage end

-- Callbacks -------------------------------------------------------------------------------------------------------------

local OWN = words.set "on_tool on_paused"

--- Says what is wrong with callbacks.
---@param functions any
---@return string? problem
function M.check(functions)
  if type(functions) ~= "table" then return callbacks.check(functions) end
  local rest = {}
  for name, fn in pairs(functions) do
    if not OWN[name] then rest[name] = fn
    elseif type(fn) ~= "function" then return name .. ": expected function, got " .. type(fn) end
  end
  return callbacks.check(rest)
end

local function tell(answer, event, functions)
  if functions.on_event then functions.on_event(event) end
  local kind, source = event.type, answer.turn.source
  if functions.on_tool and (kind == "tool_start" or kind == "tool_result") then functions.on_tool(event) end
  if functions.on_paused and kind == "paused" then functions.on_paused(event.pending) end
  if kind == "text" and source and source.stream and source.stream.values then callbacks.tell_output(source.stream, functions) end
end

--- Runs a turn in a task, and calls functions with what happens.
---@param turn ogl.Turn
---@param functions ogl.ConversationCallbacks
---@return ogl.Task
function M.call_back(turn, functions)
  return callbacks.in_task(function(own)
    local answer, err = M.open(turn)
    if not answer then return nil, err end
    own(answer)
    local event
    event, err = answer:next()
    while event do
      tell(answer, event, functions)
      event, err = answer:next()
    end
    return answer.turn.reply, err
  end, functions.on_done)
end

return M
