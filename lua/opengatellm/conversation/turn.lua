--- Turns: the loop of a conversation, from what the user says to the model's last word, or to a pause.
--
-- A turn is a machine of stages, which each call of `next` turns until an event comes out of it:
--
--   begin   the hook `before`
--   ask     checks the limits, repairs the history, sends the request
--   read    gives the model's events; then keeps its message ("answer": the same, of a whole answer)
--   calls   runs the tools that the message calls; then asks again, or pauses for a person
--   over    the reply, or the error
--
-- @module opengatellm.conversation.turn
local calls = require "opengatellm.conversation.calls"
local errors = require "opengatellm.errors"
local host = require "opengatellm.host"
local history = require "opengatellm.conversation.history"
local hooks = require "opengatellm.conversation.hooks"
local json = require "opengatellm.json"
local limits = require "opengatellm.conversation.limits"
local records = require "opengatellm.conversation.records"
local requests = require "opengatellm.request"
local sources = require "opengatellm.conversation.source"
local stitching = require "opengatellm.conversation.stitching"
local task = require "opengatellm.task"
local windows = require "opengatellm.conversation.window"

local M = {}

---@class ogl.Turn
---@field conversation ogl.Conversation
---@field streamed boolean the model is asked for a stream
---@field quiet boolean nobody reads the events
---@field stage "begin"|"ask"|"read"|"answer"|"calls"|"over"
---@field signal? ogl.Signal made when something is first waited for
---@field headers? table of middleware, for the calls inside
---@field reply? ogl.Reply
---@field err? ogl.Error
---@field stop? ogl.Error the turn was ended from outside
---@field restart? ogl.Message what the user says in place of waiting
local Turn = {}
Turn.__index = Turn

local function unfinished(code, message, reply)
  return errors.new { kind = "incomplete", code = code, message = message, partial = reply }
end

--- Begins a turn.
---@param conversation ogl.Conversation
---@param options {streamed: boolean, quiet: boolean, no_streaming?: boolean}
---@return ogl.Turn
function M.new(conversation, options)
  local self = setmetatable({
    conversation = conversation, streamed = options.streamed, quiet = options.quiet, no_streaming = options.no_streaming,
    stage = "begin", events = not options.quiet and {} or nil, first = 1, last = 0, n_asked = 0,
  }, Turn)
  conversation.turn = self
  return self
end

--- Whether a wait of this turn would block the program, as of one without a loop.
---@return boolean
function Turn:blocks()
  if self.is_blocking == nil then self.is_blocking = host.current().blocking == true end
  return self.is_blocking
end

--- Adds an event.
---@param event table
function Turn:emit(event)
  if self.quiet then return end
  self.last = self.last + 1
  self.events[self.last] = event
end

--- What the turn waits by.
---@return ogl.Signal
function Turn:get_signal()
  self.signal = self.signal or task.signal()
  return self.signal
end

-- Has the turn look at what happened.
local function wake(self)
  if self.signal then self.signal:wake() end
end

--- Whether the turn was ended or turned from outside.
---@return boolean
function Turn:is_stopped() return self.stop ~= nil or self.restart ~= nil end

-- The end ---------------------------------------------------------------------------------------------------------

local function close(self)
  self.stage, self.source, self.runner = "over", nil, nil
  if self.conversation.turn == self then self.conversation.turn = nil end
  if self.release then self.release() end
  self.conversation:refresh()
end

-- Ends the turn with its reply, or an error.
local function finish(self, reply, err)
  local conversation = self.conversation
  close(self)
  conversation.number, conversation.begun = 0, false
  self.reply, self.err = reply, err
  local problem = hooks.run("after", conversation.options.after, conversation, reply, err)
  if problem and not err then self.reply, self.err = nil, problem end
end

local function fail(self, err) return finish(self, nil, err) end

-- Ends what runs. The partial answer is dropped; results that are there stay.
local function drop_work(self, text)
  if self.source then self.source:close() end
  self.source = nil
  local conversation = self.conversation
  if records.are_open(conversation.records) then (self.runner or calls.idle(self)):interrupt(text) end
  self.runner, conversation.records, conversation.said = nil, {}, nil
end

local function abort(self, err)
  drop_work(self, history.INTERRUPTED)
  return fail(self, err)
end

-- Pauses the turn, which `resume` goes on with.
local function pause(self)
  local conversation = self.conversation
  close(self)
  self.reply = self.last_reply or conversation.said
  self:emit { type = "paused", pending = conversation.pending }
end

-- Requests --------------------------------------------------------------------------------------------------------

-- Adds what the program has queued for this moment.
local function take_queue(conversation, when)
  if not conversation.queue[1] then return false end
  local left, taken = {}, false
  for _, entry in ipairs(conversation.queue) do
    if entry.when == when then
      table.insert(conversation.messages, entry.message)
      taken = true
    else
      left[#left + 1] = entry
    end
  end
  if taken then conversation.queue = left end
  return taken
end

-- The tools of a step: those that `prepare_step` names, or all.
local function declared(conversation, names)
  if not names then return conversation.declared end
  local wanted, list = {}, {}
  for _, name in ipairs(names) do wanted[name] = true end
  for _, tool in ipairs(conversation.declared) do
    if wanted[tool.name] then list[#list + 1] = tool end
  end
  return list
end

-- A choice that forces a tool holds for the first step: it would force a call in each.
local function choice_of(choice, number)
  if number == 1 or choice == "none" or choice == "auto" then return choice end
  return nil
end

-- Merges what `prepare_step` wants for this step; messages and instructions hold from now on.
local function prepared(self, request)
  local conversation = self.conversation
  local overrides, err = hooks.ask("prepare_step", conversation.options.prepare_step, conversation, conversation.number)
  if err or type(overrides) ~= "table" then return request, err end
  request = requests.merge(request, overrides)
  if overrides.messages then conversation.messages = overrides.messages end
  if overrides.system then conversation.request = requests.merge(conversation.request, { system = overrides.system }) end
  request.tools = declared(conversation, overrides.tools)
  return request
end

local function request_of(self)
  local conversation = self.conversation
  local own = conversation.request
  local request = requests.merge(own)
  request.tools, request.no_streaming = conversation.declared, self.no_streaming
  if self.headers then request.headers = requests.merge(own.headers, self.headers) end
  request.tool_choice = choice_of(own.tool_choice, conversation.number)
  local err
  request, err = prepared(self, request)
  if err then return nil, err end
  err = windows.fit(conversation, request)
  if err then return nil, err end
  if request.tools and not request.tools[1] then request.tools, request.tool_choice = nil, nil end
  if request.output and request.tools and conversation.number == conversation.max_steps then request.tool_choice = "none" end
  local changed = self.n_asked == 0 or conversation.options.prepare_step ~= nil -- the program may have edited messages
  request.messages = conversation.checked:repair(conversation.messages, changed)
  return request
end

local stages = {}

function stages.begin(self)
  local conversation = self.conversation
  self.release = task.on_kill(function(err) self:halt(err) end)
  if conversation.begun then
    self.stage = records.are_open(conversation.records) and "calls" or "ask"
    return
  end
  local err = hooks.run("before", conversation.options.before, conversation)
  if err then
    if conversation.messages[#conversation.messages] == self.message then table.remove(conversation.messages) end
    return fail(self, err)
  end
  conversation.begun = true
  self.stage = records.are_open(conversation.records) and "calls" or "ask"
end

-- Whether the program ends the turn here, with the last reply.
local function is_enough(self)
  local stop_when = self.conversation.options.stop_when
  if not stop_when or self.conversation.number == 0 then return false end
  return hooks.ask("stop_when", stop_when, self.conversation)
end

-- The model's last message, where a resumed turn has no reply of its own.
local function last_said(conversation)
  for i = #conversation.messages, 1, -1 do
    if conversation.messages[i].role == "assistant" then return conversation.messages[i] end
  end
end

function stages.ask(self)
  local conversation = self.conversation
  take_queue(conversation, "asap")
  local err = limits.check(conversation)
  local enough
  if not err then enough, err = is_enough(self) end
  if err then return fail(self, err) end
  if enough then return finish(self, self.last_reply or last_said(conversation)) end
  conversation.number, conversation.steps = conversation.number + 1, conversation.steps + 1
  local request
  request, err = request_of(self)
  if err then return fail(self, err) end
  if not self.quiet then self:emit { type = "step", number = conversation.number } end
  self.asked, self.n_asked = request, self.n_asked + 1
  local own = conversation.client.host
  local waits = own and not own.blocking or not own and not self:blocks()
  if self.streamed or waits then
    self.source, self.stage = sources.open(conversation.client, request, self:get_signal(), self.streamed), "read"
  else
    self.stage = "answer"
  end
end

-- Answers ---------------------------------------------------------------------------------------------------------

-- Why the calls of a reply must not run; nil where they may.
local function why_not(self, reply)
  local reason, most = reply.finish_reason, self.asked.max_tokens
  local cut = reason == "length"
  local full = most and reply.usage and (reply.usage.output_tokens or 0) >= most
  for _, call in ipairs(full and not cut and reply.tool_calls or {}) do
    cut = cut or call.arguments ~= "" and json.decode(call.arguments or "") == nil
  end
  if cut then
    return unfinished("cut", "the reply was cut off at its limit of tokens, while it called tools: none of them ran", reply)
  elseif reason ~= "stop" and reason ~= "tool_calls" then
    local message = ("the reply ended for the reason '%s', while it called tools: none of them ran"):format(tostring(reason))
    return unfinished("not_run", message, reply)
  end
end

local function keep(conversation, reply)
  local message = history.said(reply)
  table.insert(conversation.messages, message)
  conversation.last_usage, conversation.last_length = reply.usage, #conversation.messages
  return message
end

-- Takes a message that ends no turn: more of it follows, or the user has said more. Returns whether the turn goes on.
local function goes_on(self, reply)
  local conversation = self.conversation
  if reply.finish_reason == "pause" then return true end
  if stitching.continues(self, reply) then return true end
  if take_queue(conversation, "asap") then return true end
  if take_queue(conversation, "when_idle") then
    conversation.number = 0
    return true
  end
  return false
end

local function take_reply(self, reply)
  local conversation = self.conversation
  conversation:add_usage(reply.usage)
  self.source, self.last_reply = nil, reply
  if reply.tool_calls and reply.tool_calls[1] then
    local err = why_not(self, reply)
    if err then return fail(self, err) end
    conversation.said = keep(conversation, reply)
    conversation.records, self.stage = records.of(conversation.said), "calls"
    return
  end
  keep(conversation, reply)
  if goes_on(self, reply) then self.stage = "ask" else finish(self, stitching.whole(self, reply)) end
end

local function take_error(self, err)
  local conversation = self.conversation
  if self.source then self.source:close() end
  self.source = nil
  conversation:add_usage(err.usage)
  if err.reason ~= "context_length" or not conversation.options.compact or self.compacted then return fail(self, err) end
  self.compacted = true
  local problem = windows.compact(conversation)
  if problem then return fail(self, problem) end
  conversation.number, self.stage = conversation.number - 1, "ask"
end

-- A whole answer, in a program that it blocks.
function stages.answer(self)
  local reply, err = sources.whole(self.conversation.client, self.asked)
  if reply then return take_reply(self, reply) end
  return take_error(self, err)
end

function stages.read(self)
  local source = self.source
  local function stopped() return self:is_stopped() end
  local event, reply, err
  if self.streamed then
    event, err = source:next(stopped)
    if event then return self:emit(event) end
  end
  if not err then reply, err = source:reply(stopped) end
  if stopped() or task.cancelled() then return end -- the next look at the turn ends it
  if reply then return take_reply(self, reply) end
  return take_error(self, err)
end

-- Calls -----------------------------------------------------------------------------------------------------------

local function n_open(conversation)
  local count = 0
  for _, record in ipairs(conversation.records) do
    if record.state ~= "done" then count = count + 1 end
  end
  return count
end

local function calls_ended(self, err)
  local conversation = self.conversation
  self.runner = nil
  if err then return fail(self, err) end
  if records.are_open(conversation.records) then return pause(self) end
  local place = history.place_of(conversation.messages, conversation.said)
  err = limits.exhausted(conversation) or place and limits.circle(conversation, place)
  conversation.records, conversation.said = {}, nil
  if err then return fail(self, err) end
  self.stage = "ask"
end

function stages.calls(self)
  if not self.runner then
    local err = limits.check_calls(self.conversation, n_open(self.conversation))
    if err then return fail(self, err) end
    self.runner = calls.new(self)
  end
  local going, err = self.runner:step()
  if going or self:is_stopped() or task.cancelled() then return end
  if self.runner.n_running > 0 then return abort(self, err) end -- this place cannot wait for them
  calls_ended(self, err)
end

function stages.over() end

-- From outside ----------------------------------------------------------------------------------------------------

local function begin_again(self)
  local message = self.restart
  drop_work(self, "interrupted: the user said something else")
  self.restart = nil
  table.insert(self.conversation.messages, message)
  self.stage = "ask"
end

local function advance(self)
  local err = self.stop or task.cancelled()
  if err then return abort(self, err) end
  if self.restart then return begin_again(self) end
  return stages[self.stage](self)
end

--- Ends the turn, at once.
---@param err ogl.Error what `next` and `reply` give from now on
function Turn:halt(err)
  if self.stage == "over" or self.stop then return end
  self.stop = err
  if not self.active then return abort(self, err) end
  if self.source then self.source:close() end
  wake(self)
end

--- Drops the partial answer, and asks again with a message of the user.
---@param message ogl.Message
function Turn:turn_to(message)
  self.restart = message
  if self.source then self.source:close() end
  wake(self)
end

-- For readers -----------------------------------------------------------------------------------------------------

--- The next event.
---@return ogl.Event? event nil at the end
---@return ogl.Error? err
function Turn:next()
  self.active = true
  while self.first > self.last and self.stage ~= "over" do advance(self) end
  self.active = false
  if self.first > self.last then return nil, self.err end
  local event = self.events[self.first]
  self.events[self.first], self.first = nil, self.first + 1
  return event
end

--- Turns to the end.
---@return ogl.Reply? reply
---@return ogl.Error? err
function Turn:run()
  self.quiet, self.first, self.last, self.active = true, 1, 0, true
  while self.stage ~= "over" do advance(self) end
  self.active = false
  return self.reply, self.err
end

return M
