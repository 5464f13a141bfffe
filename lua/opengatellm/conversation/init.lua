--- Conversations: messages that grow turn by turn, tools that the model calls, people who are asked before.
--
--   local chat = ogl.conversation { client = client, system = "…", tools = { weather }, max_steps = 8 }
--   local reply, err = chat:send "What is it like in Lyon?"        to the model's last word, or to a pause
--   for event in chat:stream("And in Lille?"):events() do … end
--   for _, call in ipairs(chat.pending) do chat:approve(call.id) end
--   reply, err = chat:resume()
--   local text = chat:save()                                      conversation/saved.lua
--
-- A turn is in turn.lua, its tools run in calls.lua, what waits for a person is decided in approval.lua.
--
-- @module opengatellm.conversation
local answers = require "opengatellm.conversation.answer"
local approval = require "opengatellm.conversation.approval"
local errors = require "opengatellm.errors"
local history = require "opengatellm.conversation.history"
local hooks = require "opengatellm.conversation.hooks"
local host = require "opengatellm.host"
local message = require "opengatellm.request.message"
local records = require "opengatellm.conversation.records"
local requests = require "opengatellm.request"
local tools = require "opengatellm.conversation.tool"
local turns = require "opengatellm.conversation.turn"
local usages = require "opengatellm.chat.usage"

local M = {}

---@class ogl.Conversation
---@field messages ogl.Message[] a program may change them between turns
---@field pending ogl.PendingCall[] calls that wait for a person or the program
---@field usage ogl.Usage of all answers
---@field steps integer requests so far
---@field revision integer counts the saves
---@field client ogl.Client|ogl.Router
---@field options table
---@field request table what each request holds beside messages and tools
---@field tools table<string, table> by name
---@field declared table[] as requests hold them
---@field records ogl.CallRecord[] of the model's last message
---@field said? ogl.Message the message with these calls
---@field turn? ogl.Turn the running one
---@field number integer steps of this turn
---@field begun boolean a turn has begun, and not ended
---@field queue {message: ogl.Message, when: string}[]
---@field always table<string, true> tools that a person approved for good
---@field retries table<string, integer>
---@field seen table<string, integer> results of the last step, for the guard
---@field n_calls integer calls that ran
---@field checked ogl.CheckedHistory
---@field clock fun(): number seconds since 1970
local Conversation = {}
Conversation.__index = Conversation
Conversation.__name = "opengatellm.conversation"

---@class ogl.ConversationOptions every field of a request but `messages` too
---@field client ogl.Client|ogl.Router
---@field system? string
---@field tools? table[] of ogl.tool, or plain tables
---@field messages? ogl.Message[] what was said before
---@field max_steps? integer requests of a turn; default 20
---@field max_parallel_tools? integer default 4
---@field tool_timeout? number seconds, for tools without their own
---@field tool_retries? integer wrong calls of a tool in a row; default 3
---@field result_limit? integer bytes of a result
---@field stop_on_tool_error? boolean a tool that fails ends the turn
---@field limits? {tokens?: integer, cost?: number, tool_calls?: integer} of the whole conversation
---@field approval? boolean|function a policy for all tools
---@field data? any for the tools: `context.data`
---@field stop_when? fun(conversation: ogl.Conversation): boolean
---@field prepare_step? fun(conversation: ogl.Conversation, number: integer): table?
---@field compact? fun(conversation: ogl.Conversation): ogl.Message[]
---@field context_length? integer tokens that the model reads; default: what is known of it
---@field continue_on_length? integer how often an answer that was cut goes on
---@field before? fun(conversation: ogl.Conversation)
---@field after? fun(conversation: ogl.Conversation, reply: ogl.Reply?, err: ogl.Error?)
---@field on_save? fun(conversation: ogl.Conversation) called before a call starts, and after it ended
---@field secret? string signs the saves
---@field name? string of the agent, for traces
---@field id? string of the conversation, for traces

local FIELDS = {
  client = "table", messages = "table", max_steps = "integer", max_parallel_tools = "integer", tool_timeout = "number",
  tool_retries = "integer", result_limit = "integer", stop_on_tool_error = "boolean", limits = "table", approval = "boolean or function",
  data = "any", stop_when = "function", prepare_step = "function", compact = "function", context_length = "integer",
  continue_on_length = "integer", before = "function", after = "function", on_save = "function", secret = "string", name = "string",
  id = "string",
}
local LIMITS = { tokens = "integer", cost = "number", tool_calls = "integer" }
local DECISION = { arguments = "any", always = "boolean", metadata = "any" }
local DECLARED = { "name", "description", "parameters", "strict", "cache" }

-- Options -----------------------------------------------------------------------------------------------------------

-- Splits options into those of a conversation and those of its requests.
local function split(options)
  local own, request = {}, {}
  for name, value in pairs(options) do
    if FIELDS[name] then own[name] = value elseif name ~= "tools" then request[name] = value end
  end
  return own, request
end

local function is_client(value) return type(value) == "table" and value.chat ~= nil and value.stream ~= nil end

local function problem_of(own, request)
  local problem = requests.check_fields(own, FIELDS) or requests.check_some(request)
    or own.limits and requests.check_fields(own.limits, LIMITS, "limits.")
    or own.messages and own.messages[1] and message.check(own.messages)
  if problem then return problem end
  if not is_client(own.client) then return "client: expected a client or a router, got " .. type(own.client) end
  for _, name in ipairs { "max_steps", "max_parallel_tools" } do
    if own[name] and own[name] < 1 then return ("%s: expected a number from 1 on, got %d"):format(name, own[name]) end
  end
end

-- What a request declares of a tool; the server's own tools go as they are.
local function declaration(tool)
  local out = {}
  for _, name in ipairs(DECLARED) do out[name] = tool[name] end
  return out
end

local function is_of_server(tool) return type(tool) == "table" and tool.type ~= nil and tool.type ~= "function" end

-- Adds a tool; gives what is wrong with it. A tool of the server's own kind has no `run`: what it calls here, the program answers.
local function add_tool(self, given)
  local problem = not is_of_server(given) and tools.problem(given)
  if problem then return problem end
  local tool = is_of_server(given) and { name = given.name } or tools.of(given)
  if tool.name and self.tools[tool.name] then return ("there are two tools with the name '%s'"):format(tool.name) end
  if tool.name then self.tools[tool.name] = tool end
  self.declared[#self.declared + 1] = is_of_server(given) and given or declaration(tool)
end

local function set_tools(self, list)
  if type(list) ~= "table" then return "tools: expected table, got " .. type(list) end
  if list.name or list.run then return "tools: expected a list of tools, got one tool: write { tool }" end
  for i, given in ipairs(list) do
    local problem = add_tool(self, given)
    if problem then return ("tools[%d]: %s"):format(i, problem) end
  end
end

--- Makes a conversation. Raises mistakes in its options.
---@param options ogl.ConversationOptions
---@param level? integer for error()
---@return ogl.Conversation
function M.new(options, level)
  level = (level or 1) + 1
  if type(options) ~= "table" then error("ogl.conversation: expected table, got " .. type(options), level) end
  local own, request = split(options)
  local problem = problem_of(own, request)
  if problem then error("ogl.conversation: " .. problem, level) end
  local self = setmetatable({
    client = own.client, options = own, request = request, tools = {}, declared = {}, messages = {}, pending = {}, usage = {}, steps = 0,
    revision = 0, records = {}, number = 0, begun = false, queue = {}, always = {}, retries = {}, seen = {}, n_calls = 0,
    checked = history.checked(), max_steps = own.max_steps or 20, clock = function() return os.time() end,
  }, Conversation)
  for i, each in ipairs(own.messages or {}) do self.messages[i] = each end
  own.messages = nil
  problem = set_tools(self, options.tools or {})
  if problem then error("ogl.conversation: " .. problem, level) end
  return self
end

-- Turns -------------------------------------------------------------------------------------------------------------

local function refusal(code, text) return errors.new { kind = "invalid", code = code, message = text } end

-- A message of what a program says; nil and what is wrong.
local function message_of(said)
  if type(said) == "string" then return { role = "user", content = said } end
  if type(said) == "table" and said.role then
    local problem = message.check { said }
    if problem then return nil, problem end
    return said
  end
  if type(said) ~= "table" then return nil, "expected a text, a message or parts, got " .. type(said) end
  local made = { role = "user", content = said.type and { said } or said }
  local problem = message.check { made }
  if problem then return nil, problem end
  return made
end

-- Calls whose message the program has taken out of the messages are no calls any more.
local function forget_lost(self)
  if self.said and not history.place_of(self.messages, self.said) then
    self.records, self.said = {}, nil
    self:refresh()
  end
end

-- Why no turn can begin with a message.
local function why_not_send(self)
  if self.turn then return refusal("busy", "a turn is running: enqueue the message, or interrupt the turn") end
  forget_lost(self)
  local names = records.undecided(self.records)
  if names then return refusal("pending", "calls wait for a decision or for resume: " .. names) end
end

-- Ends calls that a limit or an error kept from running, since the user goes on.
local function end_left(self)
  if not self.records[1] then return end
  for _, record in ipairs(self.records) do
    if record.state ~= "done" then
      records.finish(self, record, "interrupted", { content = history.INTERRUPTED, is_error = true })
    end
  end
  self.records, self.said = {}, nil
end

local function begin_with(self, said, options)
  local err = why_not_send(self)
  if err then return nil, err end
  end_left(self)
  table.insert(self.messages, said)
  self.number, self.begun = 0, false
  if next(self.retries) ~= nil then self.retries = {} end
  if next(self.seen) ~= nil then self.seen = {} end
  local turn = turns.new(self, options)
  turn.message = said
  return turn
end

-- Why there is nothing to go on with.
local function why_not_resume(self)
  if self.turn then return refusal("busy", "a turn is running") end
  forget_lost(self)
  local last = self.messages[#self.messages]
  if records.are_open(self.records) or self.queue[1] or last and last.role ~= "assistant" then return nil end
  return refusal("nothing", "there is nothing to go on with: send a message")
end

local function begin_again(self, options)
  local err = why_not_resume(self)
  if err then return nil, err end
  if not records.are_open(self.records) then
    for _, entry in ipairs(self.queue) do table.insert(self.messages, entry.message) end
    self.queue = {}
  end
  return turns.new(self, options)
end

local WHOLE, STREAM = { streamed = false, quiet = true }, { streamed = true, quiet = false }
local EVENTS_OF_WHOLE = { streamed = true, quiet = false, no_streaming = true }

-- A turn of what the program says; without that, of what is left. Raises mistakes at the line of the method's caller.
local function turn_of(self, method, said, options, needed)
  if said == nil and not needed then return begin_again(self, options) end
  local made, problem = message_of(said)
  if not made then error(("conversation:%s: %s"):format(method, problem), 3) end
  return begin_with(self, made, options)
end

-- Checks the callbacks. Without any, the turn waits here: where that cannot be, it raises before anything has begun.
local function check_callbacks(self, method, functions)
  if functions == nil then return host.current(self.client.host or nil) end
  local problem = answers.check(functions)
  if problem then error(("conversation:%s: %s"):format(method, problem), 3) end
end

--- Says something to the model, and waits for the end of the turn: its last reply, or a pause with `pending` calls. Raises mistakes in the
--- arguments.
---@param said string|ogl.Message|table a text, a message, or parts
---@param functions? ogl.ConversationCallbacks then it does not wait, and returns a task
---@return ogl.Reply|ogl.Task|nil reply
---@return ogl.Error? err the conversation can be used on
function Conversation:send(said, functions)
  check_callbacks(self, "send", functions)
  local turn, err = turn_of(self, "send", said, functions and EVENTS_OF_WHOLE or WHOLE, true)
  if not turn then return nil, err end
  if functions then return answers.call_back(turn, functions) end
  return answers.run(turn)
end

--- Goes on after a pause, or after an error: runs what was decided, and pauses again for the rest.
---@param functions? ogl.ConversationCallbacks then it does not wait, and returns a task
---@return ogl.Reply|ogl.Task|nil reply
---@return ogl.Error? err
function Conversation:resume(functions)
  check_callbacks(self, "resume", functions)
  local turn, err = turn_of(self, "resume", nil, functions and EVENTS_OF_WHOLE or WHOLE)
  if not turn then return nil, err end
  if functions then return answers.call_back(turn, functions) end
  return answers.run(turn)
end

--- Says something, or without a message goes on, and gives the turn as a stream of events.
---@param said? string|ogl.Message|table
---@param functions? ogl.ConversationCallbacks then it does not wait, and returns a task
---@return ogl.Answer|ogl.Task|nil answer
---@return ogl.Error? err
function Conversation:stream(said, functions)
  check_callbacks(self, "stream", functions)
  local turn, err = turn_of(self, "stream", said, STREAM)
  if not turn then return nil, err end
  if functions then return answers.call_back(turn, functions) end
  return answers.open(turn)
end

-- Decisions -------------------------------------------------------------------------------------------------------------

--- Lets a call run with the next `resume`.
---@param id string
---@param options? {arguments?: table, always?: boolean, metadata?: any} other arguments; true: never ask for this tool again
---@return true?
---@return ogl.Error? err
function Conversation:approve(id, options)
  local problem = options ~= nil and type(options) ~= "table" and "expected table, got " .. type(options)
    or options and requests.check_fields(options, DECISION)
  if problem then error("conversation:approve: " .. problem, 2) end
  return approval.approve(self, id, options or {})
end

--- Denies a call; the model reads the reason.
---@param id string
---@param reason? string
---@return true?
---@return ogl.Error? err
function Conversation:reject(id, reason) return approval.reject(self, id, reason) end

--- Gives the value of a call that the program answers itself.
---@param id string
---@param value any
---@return true?
---@return ogl.Error? err
function Conversation:resolve(id, value)
  if value == nil then error("conversation:resolve: a value is needed (ogl.null says: nothing)", 2) end
  return approval.resolve(self, id, value)
end

-- Into a running turn ---------------------------------------------------------------------------------------------------

--- Gives the turn a message for later.
---@param said string|ogl.Message|table
---@param when? "asap"|"when_idle" before the next request (default), or when the turn would end
---@return true
function Conversation:enqueue(said, when)
  local made, problem = message_of(said)
  if not made then error("conversation:enqueue: " .. problem, 2) end
  if when ~= nil and when ~= "asap" and when ~= "when_idle" then
    error('conversation:enqueue: expected "asap" or "when_idle", got ' .. tostring(when), 2)
  end
  table.insert(self.queue, { message = made, when = when or "asap" })
  return true
end

--- Ends the running turn at once, or answers the calls that wait as interrupted. The history stays valid.
function Conversation:cancel()
  local err = errors.new { kind = "cancelled", code = "cancelled", message = "the turn was cancelled" }
  if self.turn then return self.turn:halt(err) end
  forget_lost(self)
  if not records.are_open(self.records) then return end
  end_left(self)
  self.number, self.begun = 0, false
  self:refresh()
end

--- Drops the answer that is on its way, and says something instead. Tools that have finished keep their results.
---@param said string|ogl.Message|table
---@return true?
---@return ogl.Error? err where no turn runs
function Conversation:interrupt(said)
  local made, problem = message_of(said)
  if not made then error("conversation:interrupt: " .. problem, 2) end
  if not self.turn then return nil, refusal("idle", "no turn is running: send the message") end
  self.turn:turn_to(made)
  return true
end

-- Saving ------------------------------------------------------------------------------------------------------------------

--- The conversation as JSON, without tools, keys and functions. Each save has the next revision.
---@return string? text
---@return ogl.Error? err where the messages hold what cannot be JSON, or the signature cannot be made
function Conversation:save() return require "opengatellm.conversation.saved".encode(self) end

--- Makes a conversation of a save.
---@param text string
---@param options ogl.ConversationOptions as the conversation had them, without messages
---@return ogl.Conversation?
---@return ogl.Error? err why the save is refused
function M.load(text, options)
  local self = M.new(options, 2)
  local fine, err = require "opengatellm.conversation.saved".decode(self, text)
  if not fine then return nil, err end
  self:refresh()
  return self
end

-- For the other files of this room ------------------------------------------------------------------------------------------

--- Makes the list of pending calls again.
function Conversation:refresh()
  if self.pending[1] or records.are_waiting(self.records) then self.pending = records.pending(self.records) end
end

--- Adds what an answer used.
---@param usage? ogl.Usage
function Conversation:add_usage(usage) usages.add(self.usage, usage) end

--- Has the program save the conversation.
---@return ogl.Error? err code `save`
function Conversation:note_save()
  if not self.options.on_save then return nil end
  local err = hooks.run("on_save", self.options.on_save, self)
  if err and err.code == "hook" then err.code = "save" end
  return err
end

function Conversation:__tostring()
  return ("opengatellm.conversation: %d messages, %d pending"):format(#self.messages, #self.pending)
end

return setmetatable(M, {
  __call = function(_, options)
    local self = M.new(options, 2)
    return self -- no tail call: a mistake is the caller's, and error() counts the frames to it
  end,
})
