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
---@field ready ogl.CallRecord[] that may run, in order
---@field running table<ogl.CallRecord, table> the call's task, its tool, its deadline
---@field n_running integer
---@field ended table[] that a task has told of
---@field err? ogl.Error that ends the turn
local Calls = {}
Calls.__index = Calls

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
function Calls:finish(record, outcome, result, value)
  local conversation, began = self.turn.conversation, self.began[record]
  if outcome == "success" or outcome == "failed" then result.content = with_edit(record, result.content) end
  records.finish(conversation, record, outcome, result)
  limits.count(conversation, record)
  conversation:refresh()
  if not self.turn.quiet then
    local seconds = began and self.clock() - began or 0
    self.turn:emit { type = "tool_result", id = record.id, name = record.name, outcome = outcome, value = value, seconds = seconds }
  end
  if conversation.options.stop_on_tool_error and outcome == "failed" and not self.err then
    local message = ("the tool %s failed: %s"):format(record.name, tostring(value))
    self.err = errors.new { kind = "provider", code = "tool_failed", message = message }
  end
  self.err = conversation:note_save() or self.err
end

local function limit_of(self, tool) return tool and tool.result_limit or self.turn.conversation.options.result_limit end

local function tell_failure(self, record, outcome, text)
  self:finish(record, outcome, results.failure(text, limit_of(self)), text)
end

-- Ends a call that gave a value.
local function tell_value(self, record, tool, value, metadata)
  local result, problem = results.of(value, limit_of(self, tool))
  if not result then return tell_failure(self, record, "failed", problem) end
  if metadata ~= nil then result.metadata = metadata end
  self:finish(record, "success", { content = result.content, is_error = result.is_error, metadata = result.metadata }, value)
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
  self.arguments[record] = arguments
  table.insert(self.ready, record)
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
    turn = turn, ready = {}, next = 1, running = {}, n_running = 0, ended = {}, arguments = {}, began = {}, err = nil, alone = nil,
    clock = host.for_tasks().now,
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

-- What the tool returns, through the client's middleware. `outcome` keeps what is not the value.
local function perform(self, record, tool, outcome)
  local conversation = self.turn.conversation
  local context = contexts.new(conversation, record)
  local function run(arguments)
    local value, second = tool.run(arguments, context)
    if value == nil and second ~= nil then
      outcome.message = errors.is(second) and second.message or tostring(second)
      return nil, errors.is(second) and second or errors.new { kind = "provider", code = "tool_failed", message = outcome.message }
    end
    outcome.metadata, outcome.silent = second, value == nil
    if value == nil then return json.null end -- to middleware, nil is an error
    return value
  end
  local chain = conversation.client.chain
  if not chain then return run(self.arguments[record]) end
  local about = conversation:about("tool", {
    name = record.name, id = record.id, description = tool.description, arguments = self.arguments[record], metadata = tool.metadata,
    headers = self.turn.headers,
  })
  return require "opengatellm.middleware.chain".run(chain, about, function(view) return run(view.request.arguments) end)
end

-- Ends a call whose function has returned, or raised.
local function settle(self, record, tool, outcome, fine, value, err)
  if not fine then return tell_failure(self, record, "failed", "the tool raised: " .. tostring(value)) end
  if value == nil then return tell_failure(self, record, "failed", outcome.message or tostring(err and err.message or err)) end
  local demand = contexts.demand_of(value)
  if demand == "retry" then return tell_failure(self, record, "retry", value.message) end
  if demand then
    record.approved = nil
    return wait_for(self, record, demand, value.at, value.metadata)
  end
  if outcome.silent and value == json.null then value = nil end
  tell_value(self, record, tool, value, outcome.metadata)
end

-- Ends a call whose task has ended.
local function settle_task(self, record, entry)
  local it = entry.task
  local raised = it.failure
  local value, err = it:wait()
  if raised then return settle(self, record, entry.tool, entry.outcome, false, raised.err) end
  return settle(self, record, entry.tool, entry.outcome, true, value, err)
end

-- Notes that a call runs now, and has the program save that; false where it may not.
local function begin(self, record)
  local conversation, before = self.turn.conversation, record.state
  record.state = "running"
  local err = conversation:note_save()
  if err then
    record.state, self.err = before, err
    return false
  end
  if not self.turn.quiet then
    self.turn:emit { type = "tool_start", id = record.id, name = record.name, arguments = self.arguments[record] }
  end
  conversation.n_calls, self.began[record] = conversation.n_calls + 1, self.clock()
  return true
end

-- Runs a call in a task of its own.
local function launch(self, record, tool, seconds)
  if not begin(self, record) then return end
  local signal, entry = self.turn:get_signal(), { tool = tool, outcome = {} }
  entry.deadline = seconds and self.began[record] + seconds or nil
  self.running[record], self.n_running = entry, self.n_running + 1
  local function ended(it)
    entry.task = it
    signal.running[it] = nil
    if self.running[record] == entry then
      table.insert(self.ended, record)
      signal:wake()
    elseif it.failure then
      it:wait() -- nobody asks any more
    end
  end
  entry.task = task.spawn(perform, self, record, tool, entry.outcome)
  signal.running[entry.task] = true
  if entry.task.done then ended(entry.task) else entry.task.on_end = ended end
end

-- Runs the only call that is left, in a program that it blocks anyway: a task would cost as much as all the rest.
local function run_here(self, record, tool)
  if not begin(self, record) then return end
  local outcome = {}
  settle(self, record, tool, outcome, pcall(perform, self, record, tool, outcome))
end

-- Whether a call is alone, and nobody could end it.
local function is_single(self, seconds)
  return not seconds and self.n_running == 0 and not self.ready[self.next] and host.current().blocking
end

-- Starts what may run now.
local function start(self)
  local conversation = self.turn.conversation
  local most = conversation.options.max_parallel_tools or 4
  while self.ready[self.next] and self.n_running < most and not self.alone and not self.err do
    local record = self.ready[self.next]
    local tool = conversation.tools[record.name]
    local seconds = tool.timeout or conversation.options.tool_timeout
    if tool.sequential and self.n_running > 0 then return end
    self.next = self.next + 1
    if is_single(self, seconds) then return run_here(self, record, tool) end
    self.alone = tool.sequential and record or nil
    launch(self, record, tool, seconds)
  end
end

local function take_out(self, record)
  local entry = self.running[record]
  self.running[record], self.n_running = nil, self.n_running - 1
  if self.alone == record then self.alone = nil end
  return entry
end

-- The seconds until the first of the running calls is too late.
local function patience(self)
  local first
  for _, entry in pairs(self.running) do
    if entry.deadline and (not first or entry.deadline < first) then first = entry.deadline end
  end
  return first and math.max(0, first - self.clock())
end

local function end_late(self)
  local now, late = self.clock(), {}
  for record, entry in pairs(self.running) do
    if entry.deadline and entry.deadline <= now and not entry.task.done then late[#late + 1] = record end
  end
  for _, record in ipairs(late) do
    local seconds = self.running[record].deadline - self.began[record]
    local entry = take_out(self, record)
    entry.task:cancel()
    tell_failure(self, record, "failed", ("the tool did not finish within %g s"):format(seconds))
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
  for _, record in ipairs(ended) do settle_task(self, record, take_out(self, record)) end
  end_late(self)
  return true
end

--- Ends the calls that run, and those that never will: each of them has a result.
---@param text string
function Calls:interrupt(text)
  local stopped = {}
  for record, entry in pairs(self.running) do stopped[record] = entry end
  self.running, self.n_running = {}, 0
  for _, entry in pairs(stopped) do entry.task:cancel() end
  for _, record in ipairs(self.turn.conversation.records) do
    if record.state ~= "done" then tell_failure(self, record, "interrupted", text) end
  end
end

return M
