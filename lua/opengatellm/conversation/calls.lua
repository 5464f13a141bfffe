--- Calls: runs the tools that a model called, side by side.
--
-- Each call is looked at in order: whether its tool exists, its arguments fit, a person has to be asked. Then as many run at once as
-- `max_parallel_tools` allows, each in a task; a `sequential` tool runs alone. What a tool raises, returns wrongly or does not finish in
-- time becomes a result that tells the model so.
--
-- @module opengatellm.conversation.calls
local approval = require "opengatellm.conversation.approval"
local contexts = require "opengatellm.conversation.context"
local errors = require "opengatellm.errors"
local host = require "opengatellm.host"
local json = require "opengatellm.json"
local limits = require "opengatellm.conversation.limits"
local records = require "opengatellm.conversation.records"
local results = require "opengatellm.conversation.tool_result"
local task = require "opengatellm.task"
local tools = require "opengatellm.conversation.tool"

local M = {}

---@class ogl.Calls the calls of one step
---@field turn ogl.Turn
---@field ready ogl.Run[] that may run, in order
---@field running table<ogl.Run, true>
---@field n_running integer
---@field ended ogl.Run[] that a task has told of
---@field alone? ogl.Run a sequential one that runs
---@field err? ogl.Error that ends the turn

---@class ogl.Run of a call
---@field record ogl.CallRecord
---@field tool table
---@field arguments any
---@field began? number seconds of the host's clock
---@field deadline? number
---@field task? ogl.Task
---@field message? string why it failed
---@field metadata? any that the tool gave beside its value
---@field silent? boolean the tool gave nothing
local Calls = {}
Calls.__index = Calls

local NONE = {} -- not to be changed

local function known_names(conversation)
  local names = {}
  for name in pairs(conversation.tools) do names[#names + 1] = name end
  table.sort(names)
  return names[1] and "the tools are " .. table.concat(names, ", ") or "there are no tools"
end

-- The end of a call ---------------------------------------------------------------------------------------------

-- Says in a result that a person changed the arguments, since the model's call stays as it was.
local function with_edit(record, content)
  if not record.given then return content end
  local note = ("(a person changed the arguments of this call to %s)"):format(record.given)
  if type(content) == "string" then return note .. "\n" .. content end
  local parts = { { type = "text", text = note } }
  for _, part in ipairs(content) do parts[#parts + 1] = part end
  return parts
end

--- Ends a call: its result goes into the history, and is saved.
---@param record ogl.CallRecord
---@param outcome ogl.Outcome
---@param result ogl.ToolOutcome
---@param value any for the event
---@param began? number when it started
function Calls:finish(record, outcome, result, value, began)
  local turn = self.turn
  local conversation, was_waiting = turn.conversation, record.state == "waiting"
  if outcome == "success" or outcome == "failed" then result.content = with_edit(record, result.content) end
  records.finish(conversation, record, outcome, result)
  limits.count(conversation, record)
  if was_waiting then conversation:refresh() end
  if not turn.quiet then
    local seconds = began and self.clock() - began or 0
    turn:emit { type = "tool_result", id = record.id, name = record.name, outcome = outcome, value = value, seconds = seconds }
  end
  if outcome == "failed" and conversation.options.stop_on_tool_error and not self.err then
    local message = ("the tool %s failed: %s"):format(record.name, tostring(value))
    self.err = errors.new { kind = "provider", code = "tool_failed", message = message }
  end
  self.err = conversation:note_save() or self.err
end

local function limit_of(self, tool) return tool and tool.result_limit or self.turn.conversation.options.result_limit end

local function tell_failure(self, record, outcome, text, began)
  self:finish(record, outcome, results.failure(text, limit_of(self)), text, began)
end

-- Ends a call that gave a value.
local function tell_value(self, record, tool, value, metadata, began)
  local result, problem = results.of(value, limit_of(self, tool), metadata)
  if not result then return tell_failure(self, record, "failed", problem, began) end
  self:finish(record, "success", result, value, began)
end

-- Before it runs -------------------------------------------------------------------------------------------------

local function wait_for(self, record, reason, at, metadata)
  record.state, record.reason, record.at = "waiting", reason, at
  if metadata ~= nil then record.metadata = metadata end
  self.turn.conversation:refresh()
end

-- The arguments of a call whose tool exists; nil where the call has ended.
local function arguments_of(self, record, tool)
  local value, problem = tools.arguments(tool, record.given or record.json)
  if value ~= nil then return value end
  local text = tostring(type(problem) == "table" and problem.message or problem)
  tell_failure(self, record, "retry", "the arguments are wrong: " .. text)
end

-- What the policy says of a call that nobody has decided, or that somebody has approved.
local function judge(self, record, tool, arguments)
  local verdict, detail = approval.assess(self.turn.conversation, tool, record, arguments)
  if verdict == "reject" then return tell_failure(self, record, "denied", "denied" .. (detail and ": " .. tostring(detail) or "")) end
  if record.state ~= "approved" then
    if verdict == "ask" then return wait_for(self, record, "approval") end
    if verdict == "defer" and detail > self.turn.conversation.clock() then return wait_for(self, record, "deferred", detail) end
  end
  if not tool.run then return wait_for(self, record, "external") end
  table.insert(self.ready, { record = record, tool = tool, arguments = arguments })
end

local function consider(self, record)
  local conversation = self.turn.conversation
  if record.state == "rejected" then
    return tell_failure(self, record, "denied", "denied" .. (record.why and ": " .. tostring(record.why) or ""))
  elseif record.state == "resolved" then
    return tell_value(self, record, conversation.tools[record.name], record.value)
  end
  local tool = conversation.tools[record.name]
  if not tool then
    return tell_failure(self, record, "retry", ("there is no tool '%s': %s"):format(record.name, known_names(conversation)))
  end
  local arguments = arguments_of(self, record, tool)
  if arguments ~= nil then judge(self, record, tool, arguments) end
end

-- Whether a call is to be looked at: not one that waits for somebody, or for its time.
local function is_due(record, now)
  if record.state == "waiting" then return record.reason == "deferred" and record.at <= now end
  return record.state ~= "done" and record.state ~= "running"
end

--- The calls of a step, of which none is looked at.
---@param turn ogl.Turn
---@return ogl.Calls
function M.idle(turn)
  return setmetatable({
    turn = turn, ready = {}, next = 1, running = NONE, n_running = 0, ended = NONE, err = nil, alone = nil, clock = host.for_tasks().now,
  }, Calls)
end

--- Looks at the calls of a step.
---@param turn ogl.Turn
---@return ogl.Calls
function M.new(turn)
  local self = M.idle(turn)
  local now, open = turn.conversation.clock(), {}
  for _, record in ipairs(turn.conversation.records) do
    if is_due(record, now) then open[#open + 1] = record end
  end
  for _, record in ipairs(open) do
    if self.err or turn:is_stopped() then break end
    consider(self, record)
  end
  return self
end

-- While they run -------------------------------------------------------------------------------------------------

-- What the tool returns; the run keeps what is not the value.
local function call_tool(run, arguments, context)
  local value, second = run.tool.run(arguments, context)
  if value == nil and second ~= nil then
    run.message = errors.is(second) and second.message or tostring(second)
    return nil, errors.is(second) and second or errors.new { kind = "provider", code = "tool_failed", message = run.message }
  end
  run.metadata, run.silent = second, value == nil
  if value == nil then return json.null end -- to middleware, nil is an error
  return value
end

-- The same, through the client's middleware.
local function perform(self, run)
  local conversation, record, tool = self.turn.conversation, run.record, run.tool
  local context, client = contexts.new(conversation, record), conversation.client
  if not client.chain then return call_tool(run, run.arguments, context) end
  local asked = {
    name = record.name, id = record.id, description = tool.description, arguments = run.arguments, metadata = tool.metadata,
    headers = self.turn.headers, model = conversation.request.model,
  }
  local run_chain = require "opengatellm.middleware.chain".run
  return run_chain(client, "tool", asked, function(view) return call_tool(run, view.request.arguments, context) end)
end

-- Ends a call whose function has returned, or raised.
local function settle(self, run, fine, value, err)
  local record, began = run.record, run.began
  if not fine then return tell_failure(self, record, "failed", "the tool raised: " .. tostring(value), began) end
  if value == nil then
    return tell_failure(self, record, "failed", run.message or tostring(err and err.message or err), began)
  end
  local demand = contexts.demand_of(value)
  if demand == "retry" then return tell_failure(self, record, "retry", value.message, began) end
  if demand then
    record.approved = nil
    return wait_for(self, record, demand, value.at, value.metadata)
  end
  if run.silent and value == json.null then value = nil end
  tell_value(self, record, run.tool, value, run.metadata, began)
end

-- Ends a call whose task has ended.
local function settle_task(self, run)
  local raised = run.task.failure
  local value, err = run.task:wait()
  if raised then return settle(self, run, false, raised.err) end
  return settle(self, run, true, value, err)
end

-- Notes that a call runs now, and has the program save that; false where it may not.
local function begin(self, run)
  local conversation, record = self.turn.conversation, run.record
  local before = record.state
  record.state = "running"
  local err = conversation:note_save()
  if err then
    record.state, self.err = before, err
    return false
  end
  if not self.turn.quiet then
    self.turn:emit { type = "tool_start", id = record.id, name = record.name, arguments = run.arguments }
  end
  conversation.n_calls, run.began = conversation.n_calls + 1, self.clock()
  return true
end

-- Runs a call in a task of its own.
local function launch(self, run, seconds)
  if not begin(self, run) then return end
  local signal = self.turn:get_signal()
  if self.running == NONE then self.running, self.ended = {}, {} end
  run.deadline = seconds and run.began + seconds or nil
  self.running[run], self.n_running = true, self.n_running + 1
  local function ended(it)
    run.task = it
    signal.running[it] = nil
    if self.running[run] then
      table.insert(self.ended, run)
      signal:wake()
    elseif it.failure then
      it:wait() -- nobody asks any more
    end
  end
  run.task = task.spawn(perform, self, run)
  signal.running[run.task] = true
  if run.task.done then ended(run.task) else run.task.on_end = ended end
end

-- Runs the only call that is left, in a program that it blocks anyway: a task would cost as much as all the rest.
local function run_here(self, run)
  if not begin(self, run) then return end
  settle(self, run, pcall(perform, self, run))
end

-- Whether a call is alone, and nobody could end it.
local function is_single(self, seconds)
  return not seconds and self.n_running == 0 and not self.ready[self.next] and self.turn:blocks()
end

-- Starts what may run now.
local function start(self)
  local options = self.turn.conversation.options
  local most = options.max_parallel_tools or 4
  while self.ready[self.next] and self.n_running < most and not self.alone and not self.err do
    local run = self.ready[self.next]
    local seconds = run.tool.timeout or options.tool_timeout
    if run.tool.sequential and self.n_running > 0 then return end
    self.next = self.next + 1
    if is_single(self, seconds) then return run_here(self, run) end
    self.alone = run.tool.sequential and run or nil
    launch(self, run, seconds)
  end
end

local function take_out(self, run)
  self.running[run], self.n_running = nil, self.n_running - 1
  if self.alone == run then self.alone = nil end
end

-- The seconds until the first of the running calls is too late.
local function patience(self)
  local first
  for run in pairs(self.running) do
    if run.deadline and (not first or run.deadline < first) then first = run.deadline end
  end
  return first and math.max(0, first - self.clock())
end

local function end_late(self)
  local now, late = self.clock(), {}
  for run in pairs(self.running) do
    if run.deadline and run.deadline <= now and not run.task.done then late[#late + 1] = run end
  end
  for _, run in ipairs(late) do
    take_out(self, run)
    run.task:cancel()
    tell_failure(self, run.record, "failed", ("the tool did not finish within %g s"):format(run.deadline - run.began), run.began)
  end
end

--- Goes on until some call has ended.
---@return boolean going false: all have ended that can run now
---@return ogl.Error? err that ends the turn
function Calls:step()
  if not self.err then start(self) end
  if self.n_running == 0 then return false, self.err end
  local turn = self.turn
  local err = turn:get_signal():wait(function() return self.ended[1] or turn:is_stopped() end, patience(self))
  if err and err.kind ~= "timeout" then return false, err end
  local ended = self.ended
  self.ended = {}
  for _, run in ipairs(ended) do
    take_out(self, run)
    settle_task(self, run)
  end
  end_late(self)
  return true
end

--- Ends the calls that run, and those that never will: each of them has a result.
---@param text string
function Calls:interrupt(text)
  local stopped = self.running
  self.running, self.n_running = NONE, 0
  for run in pairs(stopped) do run.task:cancel() end
  for _, record in ipairs(self.turn.conversation.records) do
    if record.state ~= "done" then tell_failure(self, record, "interrupted", text) end
  end
end

return M
