--- Chains: the middleware of a client or a router, and the way of a call through it.
--
--   local list = M.extended(before, ...)                    checks what `client:use` was given
--   local answer, err = M.run(client, operation, asked, perform)        the call, from the outermost middleware to `perform` and back
--
-- A middleware is a function (call, proceed) -> answer | nil, err, or a table { name, request, wrap, event, done }. The first of the list
-- is the outermost: `request` and `wrap` run in the list's order, `event` in reverse (chat/event_chain.lua). Each time a call enters a
-- middleware, `done` ends that visit, once: when its answer has left it, and of a stream when the stream has ended, was closed or
-- cancelled. `state` is a table for each visit.
--
-- What a middleware raises, or returns and should not, fails this call: kind `config`, code `middleware`, the name in the message. On
-- Lua 5.1 what it raises goes to the caller as it is, since no yield crosses a pcall there.
--
-- @module opengatellm.middleware.chain
local coroutines = require "opengatellm.host.coroutines"
local errors = require "opengatellm.errors"
local memory = require "opengatellm.base.memory"
local replayed = require "opengatellm.chat.replayed"
local request = require "opengatellm.request"
local stream = require "opengatellm.stream"
local task = require "opengatellm.task"

local M = {}

---@class ogl.MiddlewareCall what a middleware sees of a call
---@field operation string "chat", "stream", "embeddings", "rerank", …
---@field request table a copy of what the caller gave; may be changed
---@field client table the client or the router that was called
---@field provider string its provider's name
---@field model? string that the request, or else the client, names
---@field deadline? number seconds of the host's clock
---@field begins? integer place from which on event functions see the answer: see View:apart
local View = {}
View.__index = View
View.__name = "opengatellm.call"

local FIELDS = { name = "string", request = "function", wrap = "function", event = "function", done = "function" }

-- Checks ----------------------------------------------------------------------------------------------------------

local function problem_of(given)
  if type(given) ~= "table" then return "expected a function or a table, got " .. type(given) end
  local problem
  for name, value in pairs(given) do
    local expected = FIELDS[name]
    local found
    if expected and type(value) ~= expected then
      found = ("%s: expected %s, got %s"):format(name, expected, type(value))
    elseif not expected and type(name) == "string" and type(value) == "function" and given.name == nil then
      found = name .. ": there is no such field"
    end
    if found and (not problem or found < problem) then problem = found end
  end
  if not problem and not (given.request or given.wrap or given.event or given.done) then
    problem = "it has none of request, wrap, event and done"
  end
  return problem
end

--- Makes a longer chain. Raises what is wrong with the new middleware.
---@param before ogl.Middleware[]|false
---@param where string for messages: "client:use"
---@param level integer of the caller's line, as `error` counts from here
---@param ... function|ogl.Middleware
---@return ogl.Middleware[]
function M.extended(before, where, level, ...)
  local list = {}
  for i, one in ipairs(before or {}) do list[i] = one end
  for i = 1, select("#", ...) do
    local given = (select(i, ...))
    if type(given) == "function" then given = { wrap = given } end
    local problem = problem_of(given)
    if problem then error(("%s: argument %d: %s"):format(where, i, problem), level + 1) end
    list[#list + 1] = given
  end
  return list
end

-- Guards ----------------------------------------------------------------------------------------------------------

local function name_of(one, place) return one.name or "number " .. place end

local function fault(one, place, text)
  return errors.new { kind = "config", code = "middleware", message = ("middleware %s: %s"):format(name_of(one, place), text) }
end

-- The error of what a function of a middleware raised.
local function raised(one, place, part, what)
  if memory.error(what) then return memory.error(what) end
  if errors.is(what) then return what end
  return fault(one, place, ("its %s raised: %s"):format(part, tostring(what)))
end

-- Calls a function of a middleware with three arguments; nil and the error where it raises.
local function guarded(one, place, part, x, y, z)
  if coroutines.NARROW then return one[part](x, y, z) end
  local fine, a, b = pcall(one[part], x, y, z)
  if fine then return a, b end
  return nil, raised(one, place, part, a)
end

-- Events ----------------------------------------------------------------------------------------------------------

-- Names the middleware whose event function does what it should not: of the functions of one answer, by their places among them.
local EventGuard = {}
EventGuard.__index = EventGuard

--- The error of a second result.
---@param n integer place among the functions
---@param err any
---@return ogl.Error
function EventGuard:refused(n, err)
  if errors.is(err) then return err end
  local place = self.places[n]
  return fault(self.list[place], place, "its event returned a second value, a " .. type(err))
end

--- The error of a result that is no event.
---@param n integer place among the functions
---@param given any
---@return ogl.Error
function EventGuard:nonsense(n, given)
  local place = self.places[n]
  return fault(self.list[place], place, "its event returned a " .. type(given) .. "; expected an event, a list of events, or nil")
end

--- The error of what a function raised.
---@param n integer place among the functions
---@param what any
---@return ogl.Error
function EventGuard:raised(n, what)
  local place = self.places[n]
  return raised(self.list[place], place, "event", what)
end

local NONE = {}

-- The event functions of the middleware before a place, their states, and the guard that names them, for the stream of this visit. Where
-- a middleware gives the events on itself (View:apart), they begin with its own.
local function events_before(view, place)
  local functions, states, places
  local list, own, begins = view.list, view.states, view.begins
  for i = begins and begins < place and begins or 1, place - 1 do
    local fn, state = list[i].event, own[i]
    if fn and state and not state.deaf then -- `deaf`: this visit needs no events, which cost time
      if not functions then functions, states, places = {}, {}, {} end
      local n = #functions + 1
      functions[n], states[n], places[n] = fn, state, i
    end
  end
  if not functions then return nil, NONE end
  return functions, states, setmetatable({ list = list, places = places, catches = not coroutines.NARROW }, EventGuard)
end

-- Visits ----------------------------------------------------------------------------------------------------------

-- Ends a visit: returns the error of what `done` raised.
local function end_visit(view, one, place, state, answer, err)
  if coroutines.NARROW then
    local _, problem = one.done(answer, err, view, state)
    return errors.is(problem) and problem or nil
  end
  local fine, what, problem = pcall(one.done, answer, err, view, state)
  if not fine then return raised(one, place, "done", what) end
  return errors.is(problem) and problem or nil
end

-- What ends a visit, once: the first call counts.
local function ender(view, one, place, state)
  local ended = false
  return function(answer, err)
    if ended then return end
    ended = true
    return end_visit(view, one, place, state, answer, err)
  end
end

-- Ends the visit when the answer has ended: a stream later, anything else now. What `done` raises fails a call that has its answer yet.
-- `ended` ends it where the host may have done so before.
local function finish(view, one, place, state, answer, err, ended)
  if stream.is(answer) or type(answer) == "table" and type(answer.on_end) == "function" then -- a stream, or the answer of a turn
    answer:on_end(ended or ender(view, one, place, state))
    return answer
  end
  local problem
  if ended then problem = ended(answer, err) else problem = end_visit(view, one, place, state, answer, err) end
  if problem then return nil, problem end
  return answer, err
end

local enter -- a wrap proceeds to the next middleware

local function check_answer(one, place, answer, err)
  if answer ~= nil then return answer end
  if errors.is(err) then return nil, err end
  if type(err) == "string" then return nil, fault(one, place, err) end
  local returned = err == nil and "nothing" or "nil and a " .. type(err)
  return nil, fault(one, place, "its wrap returned " .. returned .. "; expected an answer, or nil and an error")
end

local function wrap(view, one, place, state)
  local function proceed(given)
    if given ~= nil and given ~= view then
      return nil, fault(one, place, "its wrap passed a " .. type(given) .. " to proceed; expected the call that it was given")
    end
    local answer, err = enter(view, place + 1)
    view.place = place
    return answer, err
  end
  view.place = place
  return check_answer(one, place, guarded(one, place, "wrap", view, proceed, state))
end

local function change_request(view, one, place, state)
  local changed, err = guarded(one, place, "request", view.request, view, state)
  if changed == nil and err == nil then return nil end
  if errors.is(err) then return err end
  if type(changed) ~= "table" then
    local returned = type(changed == nil and err or changed)
    return fault(one, place, "its request returned a " .. returned .. "; expected a request, nil, or nil and an error")
  end
  view.request = changed
end

-- Leads a call into a middleware, and through those behind it.
local function pass_through(view, one, place, state)
  local err = one.request and change_request(view, one, place, state)
  if err then return nil, err end
  if one.wrap then return wrap(view, one, place, state) end
  return enter(view, place + 1)
end

function enter(view, place)
  local one = view.list[place]
  if not one then
    view.place = place
    return view.perform(view, events_before(view, place))
  end
  local state = {}
  view.states[place] = state
  if not one.done then return pass_through(view, one, place, state) end
  local ended = task.mortal() and ender(view, one, place, state)
  local release = ended and task.on_kill(function(err) ended(nil, err) end)
  local answer, err = pass_through(view, one, place, state)
  if release then release() end
  return finish(view, one, place, state, answer, err, ended)
end

--- Leads a call of a client or a router through its middleware to `perform`, and its answer back.
---@param client table with its `chain`
---@param operation string
---@param asked table the request; the middleware gets a copy
---@param perform fun(call: ogl.MiddlewareCall, functions: ogl.EventFunction[]?, states: table[], guard: ogl.EventGuard?): any, ogl.Error?
---@return any answer
---@return ogl.Error? err
function M.run(client, operation, asked, perform)
  local view = setmetatable({
    operation = operation, request = request.copy(asked), client = client, provider = client.provider.name,
    model = asked.model or client.model_name or nil, list = client.chain, states = {}, perform = perform, place = 1,
    deadline = nil, begins = nil,
  }, View)
  return enter(view, 1)
end

-- What a call answers ---------------------------------------------------------------------------------------------

--- Answers this call with events, in place of a server: a stream of them, or the reply that they make. They pass the `event` of the
--- middleware outside of the one that calls this.
---@param events ogl.Event[]|fun(): ogl.Event?, ogl.Error? a list, or a function that gives the next event; nil: the end, or an error
---@param about? {protocol?: string, provider?: string, status?: integer, headers?: table, request_id?: string} of the answer
---@return ogl.Stream|ogl.Reply|nil
---@return ogl.Error? err
function View:replay(events, about)
  local functions, states, guard = events_before(self, self.place)
  local answer = replayed.open(self, events, about or {}, functions, states, guard)
  if self.operation == "stream" then return answer end
  return answer:reply()
end

--- Proceeds so that the answer's events pass the middleware inside alone: for one that gives them on by `replay`, which shows them to the
--- middleware outside.
---@param proceed fun(call: ogl.MiddlewareCall): any, ogl.Error?
---@return any answer
---@return ogl.Error? err
function View:apart(proceed)
  local begins = self.begins
  self.begins = self.place
  local answer, err = proceed(self)
  self.begins = begins
  return answer, err
end

function View:__tostring() return "opengatellm.call: " .. self.operation end

return M
