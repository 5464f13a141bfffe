--- Event chains: functions that see each event of an answer before its reader does, and may change it.
--
--   chain:pass(event) -> event | nil, err   passes an event through all functions, and gives what came out, if it is one event
--   chain:put(event) -> true | nil, err     the same, but what came out has to be taken
--   chain:finish() -> true | nil, err       the end, however it came: functions give what they hold. Any number of times
--   chain:take() -> event | nil             the next of those that came out
--   chain:reply() -> reply                  what came out, folded
--
-- A function is fn(event, call, state): it returns the event, another one, a list of events, or nil to drop it; nil and an error fail the
-- stream. The first of the list is the outermost: events pass the last one first. At the end each is called with nil, and gives what it
-- still holds (as the filters of ltn12 do). `state` is a table of its own for each function.
--
-- @module opengatellm.chat.event_chain
local errors = require "opengatellm.errors"

local M = {}

---@alias ogl.EventFunction fun(event: ogl.Event?, call: table, state: table): ogl.Event|ogl.Event[]|nil, ogl.Error?

---@class ogl.EventGuard makes the errors of functions, which it knows by their places in the list
---@field catches? boolean false: what is raised goes on
---@field raised? fun(self: ogl.EventGuard, place: integer, what: any): ogl.Error
---@field refused fun(self: ogl.EventGuard, place: integer, err: any): ogl.Error of a second result
---@field nonsense fun(self: ogl.EventGuard, place: integer, given: any): ogl.Error of a result that is no event

local PLAIN = {
  refused = function(_, _, err) return err end,
  nonsense = function(_, _, given) error("an event function returned a " .. type(given), 0) end,
}

---@class ogl.EventChain
---@field over boolean no event goes in any more
---@field clear boolean no event waits to be taken, and more may go in
---@field err ogl.Error|false the first one; it stays
local Chain = {}
Chain.__index = Chain

--- A chain for one answer.
---@param functions ogl.EventFunction[]
---@param call table that the functions are given
---@param fold? table of core.fold; nil: the reply is not kept
---@param states? table[] one for each function; default: empty ones
---@param guard? ogl.EventGuard default: what a function raises goes on
---@return ogl.EventChain
function M.new(functions, call, fold, states, guard)
  if not states then
    states = {}
    for i = 1, #functions do states[i] = {} end
  end
  -- false and not nil: what an object lacks is looked for in its class, too, for each event
  return setmetatable({
    functions = functions, count = #functions, call = call, states = states, fold = fold or false, put_fold = fold and fold.put or false,
    out = {}, first = 1, last = 0, over = false, clear = true, err = false, place = 0,
    guard = guard or PLAIN, catches = guard and guard.catches or false,
  }, Chain)
end

-- Keeps the fold's error: more events than the limit of the reply allows.
local function refuse(self, code, message) self.err = errors.new { kind = "limit", code = code, message = message } end

local function enqueue(self, event)
  if not event then return end
  self.last, self.clear = self.last + 1, false
  self.out[self.last] = event
end

-- What a function gave, if it is an event, a list of events, or nothing; else the guard's error.
local function checked(self, given, place)
  if given == nil or type(given) == "table" and (given.type == nil or type(given.type) == "string") then return given end
  self.err = self.err or self.guard:nonsense(place, given)
end

-- What a function gave that is not the event which it was given, or gave with an error.
local function settled(self, given, err, place)
  if err then self.err = self.err or self.guard:refused(place, err) end
  return checked(self, given, place)
end

local pass_list

-- Passes an event through the functions from a place down to the first, and gives it; those of a list come into the queue, as does one
-- with which the chain failed.
local function pass(self, given, place)
  if given == nil then return nil end
  if given.type == nil then return pass_list(self, given, place) end
  local functions, states, about = self.functions, self.states, self.call
  for at = place, 1, -1 do
    self.place = at
    local changed, err = functions[at](given, about, states[at])
    if changed ~= given or err then -- most functions leave most events alone
      given = settled(self, changed, err, at)
      if given == nil then return nil end
      if given.type == nil then return pass_list(self, given, at - 1) end
    end
  end
  local put = self.put_fold
  if put and not self.err then
    local fine, code, message = put(self.fold, given)
    if not fine then refuse(self, code, message) end
  end
  if not self.err then return given end
  enqueue(self, given)
end

function pass_list(self, list, place)
  for i = 1, #list do enqueue(self, pass(self, checked(self, list[i], place + 1), place)) end
end

-- Keeps the error of what a function raised. One pcall stands around all functions: it costs more than most of them do.
local function catch(self, what) self.err = self.err or self.guard:raised(self.place, what) end

--- Passes an event through the functions, and gives what comes out, if that is one event. All else has to be taken.
---@param event ogl.Event
---@return ogl.Event? out
---@return ogl.Error? err
function Chain:pass(event)
  local fine, out
  if self.catches then fine, out = pcall(pass, self, event, self.count) else fine, out = true, pass(self, event, self.count) end
  if fine and out then return out end
  if not fine then catch(self, out) end
  if self.err then return nil, self.err end
end

--- Passes an event through the functions; all that comes out has to be taken.
---@param event ogl.Event
---@return true? fine
---@return ogl.Error? err
function Chain:put(event)
  local out, err = self:pass(event)
  enqueue(self, out)
  if err then return nil, err end
  return true
end

local function finish(self)
  for place = #self.functions, 1, -1 do
    self.place = place
    local given, err = self.functions[place](nil, self.call, self.states[place])
    enqueue(self, pass(self, settled(self, given, err, place), place - 1))
  end
end

--- Calls each function with nil, so that it gives the events that it holds. May be called any number of times.
---@return true? fine
---@return ogl.Error? err
function Chain:finish()
  if self.over then
    if self.err then return nil, self.err end
    return true
  end
  self.over, self.clear = true, false
  if self.catches then
    local fine, what = pcall(finish, self)
    if not fine then catch(self, what) end
  else
    finish(self)
  end
  if self.err then return nil, self.err end
  return true
end

--- Folds events that pass no function: the usage that a server sends behind an error.
---@param events ogl.Event[]
function Chain:add_late(events)
  for _, event in ipairs(events) do
    if self.fold then self.fold:put(event) end
  end
end

--- Takes the next event that came out; gives nil if none has.
---@return ogl.Event?
function Chain:take()
  if self.first > self.last then return nil end
  local event = self.out[self.first]
  self.out[self.first] = nil
  self.first = self.first + 1
  self.clear = self.first > self.last and not self.over
  return event
end

--- Makes the reply of the events that came out so far.
---@return ogl.Reply
function Chain:reply() return self.fold:reply() end

return M
