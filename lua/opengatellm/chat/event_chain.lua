--- Event chains: functions that see each event of an answer before its reader does, and may change it.
--
--   chain:put(event) -> true | nil, code, message     passes an event through all functions
--   chain:finish() -> true | nil, code, message       ends the chain: the functions give the events that they hold
--   chain:take() -> event | nil                       the next event that came out
--   chain:reply() -> reply                            folds the events that came out
--
-- A function is fn(event, call, state): it returns the event, another one, a list of events, or nil to drop it. The first of the list is
-- the outermost: events pass the last one first. At the end the chain calls each with nil, and it gives the events that it still holds
-- (as the filters of ltn12 do). `state` is a table that each function has for itself.
--
-- @module opengatellm.chat.event_chain
local M = {}

---@alias ogl.EventFunction fun(event: ogl.Event?, call: ogl.Call, state: table): ogl.Event|ogl.Event[]|nil

---@class ogl.EventChain
---@field over boolean the chain has ended, and takes no event any more
local Chain = {}
Chain.__index = Chain

--- Makes a chain for one try of a call.
---@param functions ogl.EventFunction[]
---@param call ogl.Call
---@param fold? table of core.fold; nil: the reply is not kept
---@return ogl.EventChain
function M.new(functions, call, fold)
  local states = {}
  for i = 1, #functions do states[i] = {} end
  local self = { functions = functions, call = call, states = states, fold = fold, out = {}, first = 1, last = 0, over = false }
  return setmetatable(self, Chain)
end

-- Keeps an event that has passed all functions, and folds it.
local function emit(self, event)
  self.last = self.last + 1
  self.out[self.last] = event
  if self.fold and not self.code then
    local fine, code, message = self.fold:put(event)
    if not fine then self.code, self.message = code, message end
  end
end

local function pass(self, given, place)
  if given == nil then return end
  if given.type == nil then
    for _, event in ipairs(given) do pass(self, event, place) end
  elseif place == 0 then
    emit(self, given)
  else
    pass(self, self.functions[place](given, self.call, self.states[place]), place - 1)
  end
end

-- Gives the fold's error, which is sticky: the events need more memory than the limit of the reply allows.
local function outcome(self)
  if self.code then return nil, self.code, self.message end
  return true
end

--- Passes an event through the functions.
---@param event ogl.Event
---@return true? fine
---@return string? code of the fold's error
---@return string? message
function Chain:put(event)
  pass(self, event, #self.functions)
  return outcome(self)
end

--- Calls each function with nil, so that it gives the events that it holds. May be called any number of times.
---@return true? fine
---@return string? code of the fold's error
---@return string? message
function Chain:finish()
  if not self.over then
    self.over = true
    for place = #self.functions, 1, -1 do pass(self, self.functions[place](nil, self.call, self.states[place]), place - 1) end
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
