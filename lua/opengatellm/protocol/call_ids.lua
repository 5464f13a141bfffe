--- Ids of calls: gives the calls and results of a conversation ids that a server takes.
--
-- Servers differ in the ids that they take. Some give no ids; the reply then has `ogl_call_N`, with N from 1 in each reply. This module
-- gives each call of a conversation a unique id that fits, and each result the id of its call: the nearest call before it with that id,
-- or of that name. An id that fits and is not taken stays. The same conversation always gives the same ids, and a longer one begins with
-- those of the shorter one, because the server's prompt cache compares the beginning.
--
-- A result that stands after a later message of the user moves behind its call, if the server wants it there. Messages that change are
-- copied, so that the caller's stay unchanged.
--
-- @module opengatellm.protocol.call_ids
local messages = require "opengatellm.protocol.messages"

local M = {}

-- Ids that fit -----------------------------------------------------------------------------------------------------

local PRIMES = { 31, 131 }

-- Hashes a text to a number below 2^31. Products stay below 2^53, so that Lua 5.1 computes exactly.
local function hash(text, prime)
  local sum = 104729
  for i = 1, #text do sum = (sum * prime + text:byte(i)) % 2147483647 end
  return sum
end

local LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

local function letters(number, count)
  local out = {}
  for i = 1, count do
    local digit = number % 62
    out[i], number = LETTERS:sub(digit + 1, digit + 1), (number - digit) / 62
  end
  return table.concat(out)
end

local function short_name(text) return letters(hash(text, PRIMES[1]), 5) .. letters(hash(text, PRIMES[2]), 4) end

-- Cuts an id to at most so many bytes: its beginning, then a hash that tells it from others with that beginning.
local function shortened(id, most) return #id <= most and id or id:sub(1, most - 10):gsub("[\128-\255]", "_") .. "_" .. short_name(id) end

local function fit_length(most)
  return function(id) return shortened(id, most) end
end

-- Rules for ids by name (models.lua, `call_ids`). fit: makes an id fit; late: results may stand anywhere; optional: calls need no id,
-- because the server finds a result's call by name and order; own: the protocol whose ids stay, while those of others are left out.
-- Sources: anthropic: ^[a-zA-Z0-9_-]+$ of its errors, 64 of its schema; short: agno-agi/agno#5382; responses: decolua/9router#393;
-- nine: nearai/ironclaw#1241.
local RULES = {
  any = { fit = function(id) return id end },
  plain = { fit = function(id) return shortened(id:gsub("[^%w_-]", "_"), 64) end },
  short = { fit = fit_length(40) },
  responses = { fit = fit_length(64), late = true },
  nine = { fit = function(id) return #id == 9 and not id:find "%W" and id or short_name(id) end },
  own = { optional = true, own = "gemini" },
  named = { optional = true, late = true },
}

---@class ogl.CallIds of one conversation
---@field rule table
---@field taken table<string, boolean> the ids so far
---@field made integer how many ids `make` has made
---@field tries table<string, integer> ids that came more than once -> how often they came
---@field latest table<string, table[]> an id or name that a result may give -> the calls of the last message that has it
local CallIds = {}
CallIds.__index = CallIds

--- Makes an id for a call that has none from a server: the first free one.
---@return string id
function CallIds:make()
  local id
  repeat
    self.made = self.made + 1
    id = self.rule.fit(messages.made_id(self.made))
  until not self.taken[id]
  return id
end

--- Gives the id of a call, changed if the protocol does not allow it or another call has it.
---@param id? string the server's own
---@return string? id
function CallIds:take(id)
  if self.rule.optional then return messages.given_id(id) end
  local fits = id and self.rule.fit(id)
  while fits and self.taken[fits] do
    local n = (self.tries[id] or 1) + 1
    self.tries[id] = n
    fits = messages.given_id(id) and self.rule.fit(id .. "_" .. n)
  end
  fits = fits or self:make()
  self.taken[fits] = true
  return fits
end

-- Calls -----------------------------------------------------------------------------------------------------------

local function name_of(call)
  local inner = call["function"] or call.custom
  return type(inner) == "table" and inner.name or call.name
end

local function id_of(call) return type(call.id) == "string" and call.id ~= "" and call.id or nil end

local function copy_of(map)
  local copy = {}
  for key, value in pairs(map) do copy[key] = value end
  return copy
end

local function note(map, key, call)
  if not key then return end
  local list = map[key] or {}
  list[#list + 1] = call
  map[key] = list
end

-- Gives the calls of a list with the ids to send, and the calls that are new. A reply has its calls twice, in its content and in
-- `tool_calls`: `known` holds those of the content, by their old id or their name, in order.
local function fit_calls(self, list, is_call, foreign, known)
  local out, fresh, changed, seen = {}, {}, false, {}
  for i, call in ipairs(list) do
    out[i] = call
    if is_call(call) then
      local had, name = id_of(call), name_of(call)
      local key = had or name or ""
      seen[key] = (seen[key] or 0) + 1
      local same = known[key] and known[key][seen[key]]
      local id = same and same.id
      if not same then
        id = self:take(not foreign and had or nil)
        fresh[#fresh + 1] = { id = id, key = key, name = name, had = had, index = i }
      end
      if id ~= call.id then
        out[i], changed = copy_of(call), true
        out[i].id = id
      end
    end
  end
  return changed and out or list, fresh
end

local function is_call_part(part) return type(part) == "table" and part.type == "tool_call" end
local function is_any_call(call) return type(call) == "table" end

-- Remembers a message's calls by their ids and names, either of which a result may give.
local function remember(self, fresh)
  local by_key = {}
  for _, call in ipairs(fresh) do
    note(by_key, call.had, call)
    if call.name ~= call.had then note(by_key, call.name, call) end
  end
  for key, calls in pairs(by_key) do self.latest[key] = calls end
end

-- Gives an assistant's message with fitting ids, and its calls.
local function fit_assistant(self, message)
  local foreign = self.rule.own ~= nil and messages.is_foreign(message, self.rule.own)
  local content, calls, known, all = message.content, message.tool_calls, {}, {}
  if type(content) == "table" then
    content, all = fit_calls(self, content, is_call_part, foreign, known)
    for _, call in ipairs(all) do note(known, call.key, call) end
  end
  if calls then
    local more
    calls, more = fit_calls(self, calls, is_any_call, foreign, known)
    for _, call in ipairs(more) do all[#all + 1] = call end
  end
  remember(self, all)
  local fitted = message
  if content ~= message.content or calls ~= message.tool_calls then
    fitted = copy_of(message)
    fitted.content, fitted.tool_calls = content, calls
  end
  return fitted, all
end

-- Results ---------------------------------------------------------------------------------------------------------

--- Finds the first call of a list that has no result yet. A call with a result is `answered`, and the list keeps in `open` the index up
--- to which all are, so that finding all calls takes linear time.
---@param calls? table[]
---@return table? call
function M.open_call(calls)
  if not calls then return nil end
  local i = calls.open or 1
  while calls[i] and calls[i].answered do i = i + 1 end
  calls.open = i
  return calls[i]
end

-- Finds the call of a result by its id, which may be a name; else by its name, if a call of that name has no result yet.
local function call_of(self, message)
  local calls = self.latest[message.tool_call_id]
  if calls then return M.open_call(calls) or calls[#calls] end
  return message.name and M.open_call(self.latest[message.name]) or nil
end

-- Gives a result whose call is not in the conversation, with an id that fits.
local function fit_stray(self, message)
  local id = message.tool_call_id
  local fits = self.rule.fit and self.rule.fit(id) or id
  if fits == id then return message end
  local copy = copy_of(message)
  copy.tool_call_id = fits
  return copy
end

local function fit_result(self, message)
  local call = call_of(self, message)
  if not call then return fit_stray(self, message) end
  call.answered = true
  if call.id == message.tool_call_id and not self.rule.optional then return message, call end
  local copy = copy_of(message)
  copy.tool_call_id = call.id
  if self.rule.optional then copy.called = call.name end
  return copy, call
end

-- Gives a result in the old form, which has only the name, as one with an id; unchanged if no call of that name waits for a result.
local function fit_function(self, message)
  local call = M.open_call(self.latest[message.name])
  if not call then return message end
  local copy = copy_of(message)
  copy.role, copy.tool_call_id, copy.name = "tool", call.had or call.name, nil
  return fit_result(self, copy)
end

-- The conversation -------------------------------------------------------------------------------------------------

local function has_calls(message)
  if message.tool_calls and message.tool_calls[1] then return true end
  for _, part in ipairs(type(message.content) == "table" and message.content or {}) do
    if is_call_part(part) then return true end
  end
  return false
end

local function concerns(list)
  for i = 1, #list do
    local message = list[i]
    local role = message.role
    if role == "tool" or role == "function" or role == "assistant" and has_calls(message) then return true end
  end
  return false
end

-- A turn is a message and, if the server wants them right behind it, the results of its calls.

local function begin_turn(turns, message, calls)
  local turn = { message = message }
  turns[#turns + 1] = turn
  for _, call in ipairs(calls or {}) do call.turn = turn end
end

local function by_call(a, b)
  if a.index == b.index then return a.at < b.at end
  return a.index < b.index
end

local function add_result(turn, message, call)
  local results = turn.results or {}
  results[#results + 1] = { message = message, index = call.index, at = #results }
  turn.results, turn.by_order = results, turn.by_order or call.id == nil
end

local function turns_of(self, list)
  local turns = {}
  for _, message in ipairs(list) do
    local fitted, found = message, nil
    if message.role == "assistant" then fitted, found = fit_assistant(self, message)
    elseif message.role == "tool" then fitted, found = fit_result(self, message)
    elseif message.role == "function" then fitted, found = fit_function(self, message) end
    if message.role ~= "assistant" and found and not self.rule.late then add_result(found.turn, fitted, found)
    else begin_turn(turns, fitted, message.role == "assistant" and found or nil) end
  end
  return turns
end

--- Gives a conversation whose ids fit; the same list if nothing has to change. If the rule needs no ids, a result has the name of its
--- call as `called`.
---@param list ogl.Message[]
---@param rule "any"|"plain"|"short"|"responses"|"nine"|"own"|"named"
---@return ogl.Message[]
function M.fit(list, rule)
  if not concerns(list) then return list end
  local self = setmetatable({ rule = RULES[rule], taken = {}, made = 0, tries = {}, latest = {} }, CallIds)
  local out, changed = {}, false
  local function add(message)
    out[#out + 1] = message
    changed = changed or message ~= list[#out]
  end
  for _, turn in ipairs(turns_of(self, list)) do
    add(turn.message)
    if turn.by_order then table.sort(turn.results, by_call) end -- without ids, only the order tells results apart
    for _, result in ipairs(turn.results or {}) do add(result.message) end
  end
  return changed and out or list
end

return M
