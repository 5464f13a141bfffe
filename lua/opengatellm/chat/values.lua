--- Values: structured output as a Lua value, whole and while the model writes it.
--
--   local values = M.new(output)        follows a stream's visible text
--     values:feed(text)
--     values:value() -> value | nil     the value so far: one table that grows
--     values:next_element() -> element | nil, index   the next complete one of a list, that fits the schema
--
-- @module opengatellm.chat.values
local absent = require "opengatellm.chat.absent"
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local outputs = require "opengatellm.request.output"
local structured = require "opengatellm.chat.structured"

local M = {}

-- A whole reply -------------------------------------------------------------------------------------------------------

-- Takes a value out of the object that it was sent in.
local function unwrapped(output, value)
  if not output.wrapped or type(value) ~= "table" then return value end
  local inner = value[structured.MEMBER]
  if inner ~= nil and next(value, (next(value))) == nil then return inner end
  return value
end

local function own_problem(output, value)
  if not output.validate then return nil end
  local fine, good, message = pcall(output.validate, value)
  if not fine then return "the check of the program raised: " .. tostring(good) end
  if good == false or good == nil then return tostring(message or "the check of the program refused it") end
end

--- Checks a value against the schema as the program gave it, and by the program's own function. Nulls of optional members are taken out.
---@param output ogl.Output
---@param value any
---@return {path: string, message: string}[]? problems nil: it fits
function M.problems(output, value)
  local fits, problems = absent.fit(output.plain, value)
  if not fits then return problems end
  local own = own_problem(output, value)
  return own and { { path = "", message = own } } or nil
end

local function refusal(kind, message, problems)
  return errors.new { kind = kind, code = "output", message = "the output " .. message, problems = problems }
end

local function lines_of(problems)
  local lines = {}
  for i, problem in ipairs(problems) do lines[i] = (problem.path ~= "" and problem.path .. ": " or "") .. problem.message end
  return table.concat(lines, "; ")
end

-- The error of a reply without a value that fits. `why` tells why its text holds no JSON.
local function error_of(reply, problems, why)
  if reply.finish_reason == "length" then
    return refusal("incomplete", "was cut at the limit of the reply's tokens (max_tokens), before its JSON was complete", {})
  end
  if problems then return refusal("invalid", "does not fit its schema: " .. lines_of(problems), problems) end
  if reply.refusal and reply.refusal ~= "" then return refusal("invalid", "was refused by the model: " .. reply.refusal, {}) end
  return refusal("invalid", "is missing: " .. why.message, {})
end

-- The value of a whole reply, whose JSON stands in `text`; nil without an error where it calls tools.
local function value_of(output, reply, text)
  if text == "" and reply.tool_calls and reply.tool_calls[1] then return nil end
  local value, warning = outputs.read(text)
  local problems
  if value ~= nil then
    value = unwrapped(output, value)
    problems = M.problems(output, value)
    if not problems then return value, nil, warning end
  end
  local err = error_of(reply, problems, warning)
  err.value = value
  return nil, err
end

-- While it streams ----------------------------------------------------------------------------------------------------

---@class ogl.Values
local Values = {}
Values.__index = Values

-- The schema of a list's elements, with what its references name; true: any.
local function element_schema(plain)
  if type(plain) ~= "table" or plain.items == nil then return true end
  if plain["$defs"] == nil and plain.definitions == nil then return plain.items end
  return { ["$defs"] = plain["$defs"], definitions = plain.definitions, allOf = { plain.items } }
end

--- Follows the value of a stream.
---@param given table ogl.Output, or a request's `output`
---@param limit integer bytes of the reply
---@return ogl.Values
function M.new(given, limit)
  local output = structured.of(given)
  return setmetatable({
    output = output, reader = core.partial { limit = limit, list = output.wrapped and structured.MEMBER or nil }, taken = 0,
    elements = false,
  }, Values)
end

--- Adds visible text. What is no JSON is told at the end of the reply, and not here.
---@param text string
function Values:feed(text) self.reader:feed(text) end

--- Adds the visible text of an event, if it has some.
---@param event ogl.Event
function Values:see(event)
  if event.type == "text" and not event.choice then self.reader:feed(event.text) end
end

--- An iterator of events that the value follows. Reads each as `see` does, without a call: it runs once a token.
---@param iterate fun(): ogl.Event?
---@return fun(): ogl.Event?
function Values:following(iterate)
  local reader, feed = self.reader, self.reader.feed
  return function()
    local event = iterate()
    if event and event.type == "text" and not event.choice then feed(reader, event.text) end
    return event
  end
end

--- An iterator of visible texts that the value follows.
---@param iterate fun(): string?
---@return fun(): string?
function Values:following_texts(iterate)
  return function()
    local text = iterate()
    if text then self:feed(text) end
    return text
  end
end

--- The value so far, unchecked; nil while nothing of it has come.
---@return any
function Values:value()
  local value = self.reader:value()
  if not self.output.wrapped or type(value) ~= "table" then return value end
  local inner = value[structured.MEMBER]
  if inner ~= nil then return inner end
  if value[1] ~= nil or getmetatable(value) ~= nil then return value end -- a list, where the model was asked in words
end

--- The next complete element of a list that fits the schema of its elements, each once.
---@return any element nil: none is complete yet
---@return integer? index
function Values:next_element()
  self.elements = self.elements or element_schema(self.output.plain)
  while self.taken < self.reader:count() do
    self.taken = self.taken + 1
    local list = self:value()
    local element = list[self.taken]
    if absent.fit(self.elements, element) then return element, self.taken end
  end
end

--- The value of the whole reply, checked.
---@param reply ogl.Reply gets `output_call`, where the value came as a call
---@return any value nil with neither error: the reply calls tools
---@return ogl.Error? err `incomplete` where the reply was cut, else `invalid`; code `output`; with `problems`
---@return table? warning
function Values:whole(reply)
  local output, text = self.output, reply.text
  local call = output.call
  if call then
    text = call.arguments or text
    reply.output_call = { id = call.id, name = call.name, arguments = text }
  end
  local value, err, warning = value_of(output, reply, text)
  if err then err.output_mode, err.output_modes = output.mode, output.modes end -- what else can be tried (output_retries.lua)
  return value, err, warning
end

--- The error of a value whose reply is not kept; nil where it fits.
---@return ogl.Error?
function Values:last_error()
  local fine, _, message = self.reader:finish()
  if not fine then return refusal("invalid", "is missing: " .. tostring(message), {}) end
  local problems = M.problems(self.output, unwrapped(self.output, self.reader:value(true)))
  return problems and refusal("invalid", "does not fit its schema: " .. lines_of(problems), problems)
end

--- An iterator over the value of a stream while it grows.
---@param stream ogl.Stream
---@return fun(): any
function Values:loop(stream)
  local texts, given = stream:texts(), false
  return function()
    local value
    while value == nil and texts() do value = self:value() end
    if value == nil and not given and stream.whole_reply then value = stream.whole_reply.output end -- a number ends with its text
    given = true
    return value
  end
end

--- An iterator over the elements of a stream's list.
---@param stream ogl.Stream
---@return fun(): any, integer?
function Values:loop_of_elements(stream)
  local texts = stream:texts()
  return function()
    local element, place = self:next_element()
    while element == nil and texts() do element, place = self:next_element() end
    return element, place
  end
end

return M
