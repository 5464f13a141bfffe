--- Event chains: functions that see each event of an answer before its reader does, and may change it.
--
--   chain:put(event) -> true | nil, err     passes an event through all functions
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

---@class ogl.EventChain
---@field over boolean no event goes in any more
---@field err? ogl.Error the first one; it stays
local Chain = {}
Chain.__index = Chain

--- A chain for one answer.
---@param functions ogl.EventFunction[]
---@param call table that the functions are given
---@param fold? table of core.fold; nil: the reply is not kept
---@param states? table[] one for each function; default: empty ones
---@return ogl.EventChain
function M.new(functions, call, fold, states)
  if not states then
    states = {}
    for i = 1, #functions do states[i] = {} end
  end
  local self = { functions = functions, call = call, states = states, fold = fold, out = {}, first = 1, last = 0, over = false, err = nil }
  return setmetatable(self, Chain)
end

-- An event that has passed all functions. More events than the limit of the reply allows are the fold's error.
local function emit(self, event)
  self.last = self.last + 1
  self.out[self.last] = event
  if self.fold and not self.err then
    local fine, code, message = self.fold:put(event)
    if not fine then self.err = errors.new { kind = "limit", code = code, message = message } end
  end
end

local pass -- through the functions from a place down to the first

local function call(self, event, place)
  local given, err = self.functions[place](event, self.call, self.states[place])
  if err then self.err = self.err or err end
  return pass(self, given, place - 1)
end

function pass(self, given, place)
  if given == nil then return end
  if given.type == nil then
    for i = 1, #given do pass(self, given[i], place) end
  elseif place == 0 then
    emit(self, given)
  else
    call(self, given, place)
  end
end

local function outcome(self)
  if self.err then return nil, self.err end
  return true
end

--- Passes an event through the functions.
---@param event ogl.Event
---@return true? fine
---@return ogl.Error? err
function Chain:put(event)
  pass(self, event, #self.functions)
  return outcome(self)
end

--- Calls each function with nil, so that it gives the events that it holds. May be called any number of times.
---@return true? fine
---@return ogl.Error? err
function Chain:finish()
  if not self.over then
    self.over = true
    for place = #self.functions, 1, -1 do call(self, nil, place) end
  end
  return outcome(self)
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
  return event
end

--- Makes the reply of the events that came out so far.
---@return ogl.Reply
function Chain:reply() return self.fold:reply() end

return M
