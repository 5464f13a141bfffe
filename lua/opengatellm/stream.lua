--- Streams: the answer of a model as events, as texts, or folded into a reply. A whole answer is a stream of one frame.
--
--   for event in stream:events() do … end        a failure raises the error
--   local event, err = stream:next()             nil alone is the end
--   local reply, err = stream:reply()            reads the rest; after an error, err.partial holds the part that came
--   stream:close()                               ends it; Lua 5.4 does so when a program leaves the loop
--
-- Bytes of the exchange go into the decoder, and events come out of it. The error is sticky. Until the answer is committed (by text,
-- reasoning, a refusal, a part, a tool call, or its end) the stream holds its events back, so that the call can make another try after
-- an error that may pass, within its budget.
--
-- @module opengatellm.stream
local core = require "opengatellm.core"
local coroutines = require "opengatellm.host.coroutines"
local errors = require "opengatellm.errors"
local host = require "opengatellm.host"
local memory = require "opengatellm.base.memory"

---@alias ogl.EventType
---| "start"|"text"|"reasoning"|"refusal"|"tool_call"|"tool_arguments"|"tool_call_end"|"part"|"part_end"
---| "citation"|"logprobs"|"usage"|"finish"|"warning"|"unknown"

---@class ogl.Event a plain table; which fields it has depends on its type
---@field type ogl.EventType
---@field index? integer place of the part in the reply, from 1
---@field choice? integer which answer of several; absent for the first
---@field text? string of text, reasoning, refusal and tool_arguments
---@field id? string of start and of tool calls
---@field model? string of start
---@field name? string of a tool call; of unknown: the SSE event's type
---@field arguments? string of tool_call_end: JSON text, "{}" for none
---@field kind? string of part
---@field json? string of part and citation: as it came
---@field data? any of citation and logprobs: decoded; of unknown: the text
---@field signature? string of part_end
---@field usage? ogl.Usage merged so far
---@field reason? ogl.FinishReason of finish
---@field raw_reason? string of finish: the server's own word
---@field code? string of warning
---@field message? string of warning
---@field detail? string of warning

---@alias ogl.FinishReason "stop"|"length"|"tool_calls"|"content_filter"|"pause"|"error"|"other"

---@class ogl.Part
---@field type "text"|"reasoning"|"refusal"|"tool_call"|"citation"|"part"
---@field text? string
---@field kind? string
---@field json? string what has to be echoed, byte for byte
---@field signature? string

---@class ogl.Reply a message of the assistant: it goes into the next request as it is
---@field role "assistant"
---@field text string
---@field content ogl.Part[]
---@field complete? boolean true in a reply that is returned; absent in err.partial
---@field id? string
---@field model? string
---@field reasoning? string
---@field refusal? string
---@field tool_calls? {id?: string, name: string, arguments: string}[]
---@field finish_reason? ogl.FinishReason
---@field raw_finish_reason? string
---@field usage? ogl.Usage
---@field output_error? ogl.Error why the output does not fit a plain JSON Schema (chat/output_retries.lua)
---@field logprobs? {content?: table[], refusal?: table[]}
---@field cached? boolean of a reply that was kept from before (middleware/cache.lua)
---@field choices? table[] every answer, when there are several
---@field output? any the text as a value, if the request asked for structured output
---@field output_call? {id: string, name: string, arguments: string} the call that the output came as, in mode "tool"
---@field search_results? table[] what OpenGateLLM's search found
---@field warnings {code: string, message: string, field?: string, detail?: string}[]
---@field raw? any the decoded body of a whole answer
---@field protocol string of the server that answered
---@field provider string that answered
---@field status integer
---@field headers table<string, string|string[]>
---@field request_id? string

---@class ogl.Stream
---@field status integer
---@field headers table<string, string|string[]>
---@field request_id? string
---@field held? ogl.Event[]|false events before the answer was committed, not yet given; false: all are
---@field attempts? ogl.Attempt[] of a router's stream
---@field watchers? (fun(reply: ogl.Reply?, err: ogl.Error?))[] called once, when the stream has ended
---@field source? fun(): ogl.Event?, ogl.Error? what gives the events where they are replayed
---@field about? table who made the events that are replayed
local Stream = {}
Stream.__index = Stream
Stream.__name = "opengatellm.stream"

local M = {}

-- Loaded with the first call that has functions for its events.
local function new_chain(...) return require "opengatellm.chat.event_chain".new(...) end

local next_event = core.next

local NARROW = "stream:events, stream:texts: on Lua 5.1 the iterator of a for loop cannot let other tasks run; write: "
  .. "local event, err = stream:next() while event do … event, err = stream:next() end"

-- Closes the stream when a program leaves its loop early (5.4). After a loop that went to the end, the program can still ask for the reply.
local guard_mt = { __close = function(guard) if not guard.stream.done then guard.stream:close() end end }

local function guard_of(self) return setmetatable({ stream = self }, guard_mt) end

local MOST_HELD = 64 -- events; if a server sends more before its answer begins, the call makes no other try

local function pour(exchange, decoder)
  local bytes, err = exchange:read()
  if not bytes then return nil, err end
  decoder:feed(bytes)
  return true
end

-- Follows the value of structured output, from its first text on.
local function follow(self, output)
  if self.values then return end -- of a try before, which has read nothing of it
  if type(output) == "table" then self.values = require "opengatellm.chat.values".new(output, self.call.client.bounds.reply) end
end

-- Sends the call (in one try or several), and keeps the exchange and a fresh decoder; returns the error.
local function connect(self)
  local client, options = self.call.client, self.call.wire.options
  local exchange, status, headers = self.call:send()
  if not exchange then return status end
  self.exchange, self.status, self.headers = exchange, status, headers
  self.request_id = errors.request_id(headers)
  local content_type, functions, states = headers["content-type"], self.call.event_functions, nil
  if options.output then
    functions, states = require "opengatellm.chat.output_tool".add(self.call.output, functions, self.call.states)
    follow(self, options.output)
  end
  self.decoder = core.decoder(
    client.provider.protocol, type(content_type) == "string" and content_type or nil, options.strict,
    not functions and options.keep, client.bounds.reply, client.provider.needs_reason)
  if functions then
    local fold = options.keep ~= false and core.fold(client.bounds.reply) or nil
    self.chain = new_chain(functions, self.call.view or self.call, fold, states or self.call.states, self.call.guard)
  end
  self.ended, self.call.try.decoder = nil, self.decoder
end

local DRAIN = 0.05 -- seconds that the rest of a body may take after its end is known

-- Reads on behind an error, because servers send the usage and the reason of the end there: they go into the partial reply.
local function read_on(self)
  self.last_raw = (self.decoder:raw())
  if not self.ended and self.exchange.drain and self.decoder:wants() then self.exchange:drain(DRAIN, self.decoder) end
  self.decoder:finish()
  if self.chain then self.chain:add_late(core.late(self.decoder)) end
end

-- Passes the events that were held back through the functions of the call, and tells the functions of the end.
local function end_chain(self)
  local held = self.held or {}
  self.held = false
  for _, event in ipairs(held) do self.chain:put(event) end
  self.chain:finish()
end

-- Frees the exchange and the decoder; keeps the text of the last frame.
local function release(self)
  if not self.exchange then return end
  self.last_raw = self.last_raw or (self.decoder:raw())
  self.exchange:close()
  self.decoder:close()
end

local function put_first(list, others)
  if not others then return end
  for i = 1, #others do table.insert(list, i, others[i]) end
end

-- The reply so far, with what the exchange knows.
local function reply_so_far(self)
  local source = self.chain or self.decoder
  local reply, err = memory.attempt(source.reply, source)
  if not reply then return nil, err end
  reply.status, reply.headers, reply.request_id = self.status, self.headers, self.request_id
  local provider, about = self.call.client.provider, self.about
  reply.protocol, reply.provider = provider.protocol, provider.name -- who its signatures go back to
  if about then reply.protocol, reply.provider = about.protocol or reply.protocol, about.provider or reply.provider end
  if reply.logprobs or reply.choices then require "opengatellm.chat.logprobs".join(reply) end
  put_first(reply.warnings, self.exchange and self.exchange.warnings)
  put_first(reply.warnings, self.call.wire.warnings)
  return reply
end

local function tell_watchers(self, reply, err)
  local watchers = self.watchers
  self.watchers = nil
  for _, watcher in ipairs(watchers) do watcher(reply, err) end
end

-- The error stays, with what came of the reply.
local function fail(self, err)
  if self.chain then end_chain(self) end
  local call = self.call
  if call.wire.options.keep ~= false and (self.decoder or self.source) then err.partial = reply_so_far(self) end
  if self.status then err.usage = require "opengatellm.chat.estimate".usage(call, err.partial) end
  if self.attempts then err.attempts = self.attempts else call:failed(err) end
  self.err = call:finish(err) -- what came may hold what was sent
  release(self)
  if self.watchers then tell_watchers(self, nil, self.err) end
end

-- Sends the request again if the answer is not committed yet and the error may pass; else keeps the error and returns false. `told`: the
-- error came in the answer.
local function try_again(self, err, told)
  if self.err then return false end -- closed by another task while this one waited
  if not self.call:committed() and self.call:again(self.call:finish(err)) then
    self.exchange:close()
    err = connect(self)
    if not err then return true end
  end
  if told and self.call.wire.options.keep ~= false then read_on(self) end
  fail(self, err)
  return false
end

-- Reads more bytes into the decoder, or tells it of the end. Returns true if the caller shall ask the decoder again: its error is sticky,
-- and comes with the next event that is asked for.
local function read(self)
  local some, err = (self.exchange.pour or pour)(self.exchange, self.decoder) -- no locals below it: see transport/curl.lua, receive_some
  if some then return true end
  if err then return try_again(self, err) end
  self.decoder:finish()
  self.ended = true
  return true
end

-- Structured output: the text as a value; the text stays what it is. Returns the error of an output that does not fit its schema.
local function set_output(self, reply)
  local values, warning, err = self.values, nil, nil
  if values then
    reply.output, err, warning = values:whole(reply)
  elseif self.call.wire.options.output and reply.text ~= "" then
    reply.output, warning = require "opengatellm.request.output".read(reply.text)
  end
  if warning then table.insert(reply.warnings, warning) end
  if not err then return nil end
  err.partial, err.usage, err.status, err.headers, err.request_id = reply, reply.usage, self.status, self.headers, self.request_id
  return err
end

-- `raw` is decoded when it is asked for: few do, and it costs as much as the rest of the reply.
local function decode_raw(reply, field)
  if field ~= "raw" then return nil end
  local text = getmetatable(reply).text
  reply.raw = core.decode((text:gsub("^\239\187\191", ""))) -- a byte order mark is none of it
  return rawget(reply, "raw")
end

local function set_raw(reply, text) setmetatable(reply, { __index = decode_raw, text = text }) end

local function make_reply(self)
  local reply, err = reply_so_far(self)
  if not reply then
    self.err = self.call:finish(err)
    release(self)
    return nil, self.err
  end
  reply.complete = true
  reply.attempts = self.attempts or self.call.attempts and self.call:answered(self.status, reply.usage)
  err = set_output(self, reply)
  local whole = self.decoder and self.decoder:framing() == "whole"
  if not err then self.whole_reply = reply end
  release(self)
  if whole then set_raw(reply, self.last_raw) end
  if err then
    err.attempts, self.err = reply.attempts, self.call:finish(err)
    return nil, self.err
  end
  return reply
end

-- Tells those who wait for the end that it was a good one, with the reply where it is kept.
local function end_watched(self)
  local kept = self.call.wire.options.keep ~= false
  local reply = kept and (self.whole_reply or make_reply(self)) or nil
  if self.values and not kept then self.err = self.values:last_error() end
  if self.watchers then tell_watchers(self, reply, self.err) end
end

-- The end, complete: what is left is read, so that the connection can be kept. The decoder stays until the reply is made.
local function conclude(self)
  self.done = true
  if not self.ended and self.exchange.drain then self.exchange:drain(DRAIN) end
  self.exchange:close()
  if (self.watchers or self.values) and not self.chain then end_watched(self) end
end

-- Acts when the decoder gives no event, because of an error, the end (`code` is false), or a lack of bytes. Returns false if no more
-- events can come.
local function step(self, code, message)
  if self.err or self.done then return false end
  if code then return try_again(self, require "opengatellm.chat.answer_error".of(self, code, message), code == "provider") end
  if self.ended or code == false then
    conclude(self)
    return false
  end
  local call = self.call
  if call.streamed and call.wire.body and call:committed() then call:spend() end -- a whole answer commits with its last byte
  return read(self)
end

-- Reads until the answer is committed or has ended, and holds the events back, because another try would give them again. The list is
-- made with the first event that has to wait for others.
local function hold(self)
  local decoder = self.decoder
  while true do
    local event, code, message = next_event(decoder)
    if event then
      local held = self.held or {}
      held[#held + 1], self.held = event, held
      if #held == MOST_HELD then self.call:commit() end
      if self.call:committed() then return end
    elseif not step(self, code, message) then
      return
    elseif decoder ~= self.decoder then
      self.held, decoder = nil, self.decoder -- drops the events of the try that failed
    end
  end
end

-- The next of the events that were held back until the answer was committed; nil when the reader has got them all.
local function first_held(self)
  if not self.held then hold(self) end
  local event = self.held and table.remove(self.held, 1)
  if not (self.held and self.held[1]) then self.held = false end
  return event or nil
end

-- The next event as the decoder gives it, once the answer is committed.
local function next_of_decoder(self)
  if self.held ~= false then
    local event = first_held(self)
    if event then return event end
  end
  repeat
    local event, code, message = next_event(self.decoder)
    if event then return event end
  until not step(self, code, message)
  return nil, self.err
end

-- No event goes into the chain any more: a source has failed, or the functions give what they hold.
local function end_of_source(self, err)
  if not (err and self.source) then
    if self.source then self.done = true end
    local _
    _, err = self.chain:finish()
  end
  if err and not self.err then fail(self, err) end
end

-- The next event that comes out of the call's functions.
local function next_of_chain(self)
  while true do
    local chain = self.chain -- another try has another chain
    if chain.first <= chain.last then return chain:take() end
    if chain.over then
      if (self.watchers or self.values) and not self.err then end_watched(self) end
      return nil, self.err
    end
    local event, err = (self.source or next_of_decoder)(self)
    if event then
      event, err = self.chain:pass(event)
      if event then return event end
      if err and not self.err then fail(self, err) end
    else
      end_of_source(self, err)
    end
  end
end

-- Ends a loop: raises the error that ended the events, unless the program closed the stream inside this loop.
local function end_loop(self, was_closed)
  if self.err and (was_closed or not self.closed) then error(self.err, 0) end
end

-- Most events come out of the decoder or the source, and leave the functions, one by one. Once the answer is committed no other try has
-- another chain.
local function loop_of_chain(self, was_closed)
  local source, chain, decoder, pass = self.source, nil, nil, nil
  return function()
    if chain and chain.clear then
      local given, err
      if source then given, err = source(self) else given = next_event(decoder) end
      if given then
        local event
        event, err = pass(chain, given)
        if event then return event end
        if err and not self.err then fail(self, err) end
      elseif source then
        end_of_source(self, err)
      end
    end
    local event = next_of_chain(self)
    if not chain and self.held == false then chain, decoder, pass = self.chain, self.decoder, self.chain.pass end
    if event then return event end
    return end_loop(self, was_closed)
  end
end

local function texts_of_chain(self, was_closed)
  return function()
    repeat
      local event = next_of_chain(self)
      if not event then return end_loop(self, was_closed) end
      if event.type == "text" and not event.choice then return event.text end
    until false
  end
end

-- What a loop gives `for`: the iterator, which the value of structured output follows, and the guard that closes the stream.
local function events_of(self, iterate)
  return self.values and self.values:following(iterate) or iterate, nil, nil, guard_of(self)
end

local function texts_of(self, iterate)
  return self.values and self.values:following_texts(iterate) or iterate, nil, nil, guard_of(self)
end

-- Reads to the end without making tables for events, because no reader will see them.
local function skip(self)
  if self.chain then
    repeat until not next_of_chain(self)
    return
  end
  self.held = false
  repeat
    local _, code, message = self.decoder:skip()
  until not step(self, code, message)
end

-- The next text of the first choice among the events that were held back.
local function held_text(self)
  while self.held do
    local event = first_held(self)
    if event and event.type == "text" and not event.choice then return event.text end
  end
end

-- Raises, at the line of the loop, if its iterator could not wait there.
local function check_loop(self)
  if coroutines.NARROW and not host.current(self.call.client.host).blocking then error(NARROW, 3) end
end

-- Checks the options of `texts`, and gives `joined`; raises mistakes at the line that called `texts`.
local function wants_joined(options)
  if options == nil then return true end
  if type(options) ~= "table" then error("stream:texts: expected a table of options, got a " .. type(options), 3) end
  for name in pairs(options) do
    if name ~= "joined" then error("stream:texts: unknown field '" .. tostring(name) .. "'", 3) end
  end
  local joined = options.joined
  if joined ~= nil and type(joined) ~= "boolean" then error("stream:texts: joined: expected boolean, got " .. type(joined), 3) end
  return joined ~= false
end

--- Opens a stream: returns once the status is known.
---@param call ogl.Call whose steps have been walked; the options of its wire say how to read the answer, too
---@return ogl.Stream? stream
---@return ogl.Error? err
function M.open(call)
  call.request, call.uploads = nil, nil -- the body holds all of it: so a long prompt is in memory only once
  -- naming these fields gives the table the size that it needs while the answer comes; the end adds others
  local self = setmetatable({
    call = call, decoder = nil, held = nil, status = nil, headers = nil, request_id = nil, ended = nil, exchange = nil,
  }, Stream)
  local err = connect(self)
  if not err then return self end
  local output = call.output
  if output then err.output_mode, err.output_modes = output.mode, output.modes end -- a server may refuse a mode (chat/output_retries.lua)
  return nil, err
end

--- Says whether a value is a stream.
---@param value any
---@return boolean
function M.is(value) return getmetatable(value) == Stream end

--- Makes a stream of what it has, for those that open none (chat/replayed.lua).
---@param fields table
---@return ogl.Stream
function M.of(fields)
  local self = setmetatable(fields, Stream)
  follow(self, self.call.wire.options.output)
  return self
end

--- The next event; nil at the end; nil and the error.
---@return ogl.Event? event
---@return ogl.Error? err
function Stream:next()
  local event, err = (self.chain and next_of_chain or next_of_decoder)(self)
  if event and self.values then self.values:see(event) end
  return event, err
end

--- Iterates over the events, in a `for` loop. A failure raises its error; the loop ends if the program closes the stream inside it.
---@return fun(): ogl.Event?
function Stream:events()
  check_loop(self)
  local decoder, opening, was_closed = self.decoder, true, self.closed
  if self.chain then return events_of(self, loop_of_chain(self, was_closed)) end
  local function iterate()
    if opening then
      local first = self.held ~= false and first_held(self)
      if first then return first end
      opening, decoder = false, self.decoder
    end
    local event, code, message = next_event(decoder)
    if event then return event end
    while step(self, code, message) do
      event, code, message = next_event(decoder)
      if event then return event end
    end
    return end_loop(self, was_closed)
  end
  return events_of(self, iterate)
end

--- Iterates over the visible texts of the first choice, in a `for` loop. Each text is joined with those that have already arrived behind
--- it. A failure raises its error; the loop ends if the program closes the stream inside it.
---@param options? {joined?: boolean} joined = false: gives each piece as the server sent it
---@return fun(): string?
function Stream:texts(options)
  local joined = wants_joined(options)
  check_loop(self)
  local decoder, opening, was_closed = self.decoder, true, self.closed
  if self.chain then return texts_of(self, texts_of_chain(self, was_closed)) end
  local next_text = decoder.text
  local function iterate()
    if opening then
      local first = self.held and held_text(self)
      if first then return first end
      opening, decoder = false, self.decoder
    end
    local text, code, message = next_text(decoder, joined)
    if text then return text end
    while step(self, code, message) do
      decoder = self.decoder -- another try has another decoder
      text, code, message = next_text(decoder, joined)
      if text then return text end
    end
    return end_loop(self, was_closed)
  end
  return texts_of(self, iterate)
end

local function no_schema(method) error("stream:" .. method .. ": the request has no schema for its output", 3) end

--- The value of structured output so far, unchecked: one table that grows as the stream is read. Nil while nothing of it has come.
---@return any
function Stream:output()
  if not self.values then no_schema "output" end
  return self.values:value()
end

--- Iterates over the value of structured output while it grows, in a `for` loop: the same table each time, joined with all that has
--- arrived. A failure, as of a value that does not fit the schema in the end, raises its error.
---@return fun(): any
function Stream:outputs()
  if not self.values then no_schema "outputs" end
  check_loop(self)
  return self.values:loop(self), nil, nil, guard_of(self)
end

--- Iterates over the elements of structured output that is a list, in a `for` loop: each once, when it is complete, if it fits the schema.
--- A failure raises its error, as does, at the end, a list with an element that does not fit.
---@return fun(): any, integer? # an element, and its place in the list
function Stream:elements()
  if not self.values then no_schema "elements" end
  check_loop(self)
  return self.values:loop_of_elements(self), nil, nil, guard_of(self)
end

--- Reads the rest, and gives the whole reply. Raises if the stream was opened with `keep = false`.
---@return ogl.Reply? reply
---@return ogl.Error? err
function Stream:reply()
  if self.call.wire.options.keep == false then error("stream:reply: the stream was opened with keep = false", 2) end
  if self.whole_reply then return self.whole_reply end
  skip(self)
  if self.err then return nil, self.err end
  return self.whole_reply or make_reply(self) -- a watcher has had it made
end

--- Reads until the answer is committed: after that no other try may answer the call.
---@return true? committed or ended well
---@return ogl.Error? err
function Stream:settle()
  if self.held == nil and not self.err and not self.source then hold(self) end
  if self.err then return nil, self.err end
  return true
end

--- Has a function called when the stream has ended: once, with the reply (where it is kept) or the error; of a stream that has ended, now.
---@param watcher fun(reply: ogl.Reply?, err: ogl.Error?)
function Stream:on_end(watcher)
  if self.err or self.whole_reply then return watcher(self.whole_reply, self.err) end
  self.watchers = self.watchers or {}
  table.insert(self.watchers, watcher)
  if self.done and not self.chain then end_watched(self) end
end

--- The text of the last frame, as it came.
---@return string?
function Stream:raw() return self.last_raw or self.decoder and (self.decoder:raw()) or nil end

--- Ends the stream, and closes its connection if the answer is not complete. A program may call it any number of times.
function Stream:close()
  if not self.chain then self.held = false end
  if self.err or self.whole_reply then return release(self) end
  self.closed = true
  fail(self, errors.new { kind = "closed", message = "the stream is closed" })
end

Stream.__close = Stream.close

function Stream:__tostring()
  return "opengatellm.stream: " .. (self.err and self.err.kind or self.done and "complete" or "open")
end

return M
