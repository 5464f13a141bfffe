--- OpenTelemetry: a span for each call, and metrics, sent to a collector as OTLP/JSON.
--
--   local otel = ogl.middleware.otel { service = "shop" }        to http://localhost:4318, or $OTEL_EXPORTER_OTLP_ENDPOINT
--   local traced = client:use(otel)
--   …
--   assert(otel:flush())                                         before the program ends
--
-- The names are those of the conventions for generative AI as of October 2026 (otel_names.lua); `semconv = "1.41"` gives those that older
-- backends read. A request's header `traceparent` (W3C), or what `parent` returns, is the parent of its span; the request carries the
-- span's own `traceparent` on to the server. What was said is reported only with `content = true`; errors by their kind, not by their
-- message, which may quote it.
--
-- Sending is never in the way of a call: where tasks run, it runs in one, in nginx in a timer; a blocking program sends when a batch is
-- full, and at `flush`.
--
-- For calls with the operation "tool" (request: name, id, description, arguments; answer: any value) and "turn" (request: name; answer or
-- error: `calls` and `tools`, how many of each) it makes the spans `execute_tool` and `invoke_agent`. Whoever runs them passes their
-- `request.headers` on to the calls inside: then these are the span's children.
--
-- @module opengatellm.middleware.otel
local figures = require "opengatellm.middleware.figures"
local host = require "opengatellm.host"
local measures = require "opengatellm.middleware.measures"
local names = require "opengatellm.middleware.otel_names"
local options = require "opengatellm.middleware.options"
local otlp = require "opengatellm.middleware.otlp"
local random = require "opengatellm.base.random"
local request = require "opengatellm.request"
local sender = require "opengatellm.middleware.otel_sender"
local version = require "opengatellm.version"

local M = {}

---@class ogl.OtelOptions
---@field endpoint? string of a collector; default: $OTEL_EXPORTER_OTLP_ENDPOINT, else "http://localhost:4318"
---@field headers? table<string, string> of each request to it
---@field service? string the program's name; default: $OTEL_SERVICE_NAME, else "opengatellm"
---@field resource? table<string, string|number|boolean> other attributes of the program
---@field semconv? "2026-10"|"1.41" version of the names; default "2026-10"
---@field content? boolean true: instructions, messages, tools, arguments and results, too
---@field parent? fun(call: ogl.MiddlewareCall): string? the `traceparent` of a call that has none
---@field propagate? boolean false: requests carry no `traceparent`
---@field sample? number share of the calls without a parent that have a span, 0 to 1; default 1
---@field metrics? boolean false: spans alone
---@field batch? integer spans of one sending; default 100
---@field interval? number seconds after which spans are sent where tasks run, full batch or not; default 5
---@field max_queue? integer spans that are kept while the collector is away; default 2000
---@field ca_file? string PEM file of the authorities to trust
---@field transport? table that carries the sending; default: the library's
---@field clock? fun(): number seconds since 1970; default: os.time, in nginx ngx.now

local FIELDS = {
  endpoint = "string", headers = "table", service = "string", resource = "table", semconv = "string", content = "boolean",
  parent = "function", propagate = "boolean", sample = "number", metrics = "boolean", batch = "integer", interval = "number",
  max_queue = "integer", ca_file = "string", transport = "table", clock = "function",
}

-- Time and ids ----------------------------------------------------------------------------------------------------

-- What has to be added to a host's clock to get seconds since 1970. os.time has whole seconds: each look gives a difference that is up to
-- a second too small, so the largest one is the nearest; a clock that was set back begins anew.
local function offset(self, here)
  local seen = self.clock() - here.now()
  local best = self.offsets[here]
  if not best or seen > best or best - seen > 2 then best = seen end
  self.offsets[here] = best
  return best
end

local function hex(bytes)
  return (bytes:gsub(".", function(char) return ("%02x"):format(char:byte()) end))
end

-- Random digits: ids need not be secret, so a system without a source of random bytes has them from math.random.
local function digits(n)
  local bytes = random.bytes(n)
  if bytes then return hex(bytes) end
  local out = {}
  for i = 1, n do out[i] = ("%02x"):format(math.random(0, 255)) end
  return table.concat(out)
end

local function header(headers, wanted)
  for name, value in pairs(headers or {}) do
    if name:lower() == wanted then return value, name end
  end
end

-- Reads a traceparent, "00-<trace>-<span>-<flags>"; W3C forbids ids of zeros alone, and the version ff.
local function read_parent(text)
  if type(text) ~= "string" then return nil end
  local number, trace, span, flags = text:match "^(%x%x)%-(%x+)%-(%x+)%-(%x%x)"
  if not number or number == "ff" or #trace ~= 32 or #span ~= 16 or text:find "%u" then return nil end
  if not (trace:find "[^0]" and span:find "[^0]") then return nil end
  return { trace = trace, span = span, sampled = tonumber(flags, 16) % 2 == 1 }
end

-- Spans -----------------------------------------------------------------------------------------------------------

local REQUEST = {
  "max_tokens", "temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty", "previous", "level", "choices", "stop",
}

local function asked(call)
  local wanted = call.request
  local reasoning = wanted.reasoning
  return {
    max_tokens = wanted.max_tokens, temperature = wanted.temperature, top_p = wanted.top_p, top_k = wanted.top_k, seed = wanted.seed,
    frequency_penalty = wanted.frequency_penalty, presence_penalty = wanted.presence_penalty, previous = wanted.previous_response_id,
    level = type(reasoning) == "table" and reasoning.effort or type(reasoning) == "string" and reasoning or nil,
    choices = wanted.n ~= 1 and wanted.n or nil, stop = type(wanted.stop) == "string" and { wanted.stop } or wanted.stop,
  }
end

local function add_usage(add, usage)
  if usage.estimated or usage.cached then return end
  add("input_tokens", usage.input_tokens)
  add("output_tokens", usage.output_tokens)
  add("cached_tokens", usage.cached_input_tokens)
  add("written_tokens", usage.cache_write_tokens)
  add("reasoning_tokens", usage.reasoning_tokens)
end

local function add_inference(add, seen, call)
  local address, port = measures.server(call)
  add("provider", measures.provider(seen.provider))
  add("model", call.model)
  add("address", address)
  add("port", port)
  local values = asked(call)
  for _, key in ipairs(REQUEST) do add(key, values[key]) end
  if call.operation == "stream" then add("stream", true) end
  if call.request.output then add("output_type", "json") end
  add("response_id", seen.id)
  if seen.model ~= call.model or not seen.kind then add("response_model", seen.model) end
  local reason = seen.kind and seen.chunks > 0 and "error" or seen.finish_reason -- a stream that was cut
  add("finish_reasons", reason and { reason })
  if call.operation == "stream" then add("first_chunk", seen.first_chunk) end
  add_usage(add, seen.usage)
end

local function add_content(add, answer, err, call)
  local content = require "opengatellm.middleware.otel_content"
  local wanted = call.request
  if call.operation == "tool" then
    add("tool_arguments", content.value(wanted.arguments))
    return add("tool_result", content.value(answer))
  end
  add("instructions", content.instructions(wanted))
  add("input_messages", content.input(wanted))
  add("output_messages", content.output(answer or err and err.partial))
  add("tool_definitions", content.tools(wanted))
end

local function attributes_of(self, seen, answer, err, call)
  local list = {}
  local function add(key, value)
    local name = self.names.attributes[key]
    if name and value ~= nil then list[#list + 1] = { name, value } end
  end
  add("operation", measures.operation(call))
  if call.operation == "tool" then
    add("tool_name", call.request.name)
    add("tool_type", "function")
    add("tool_description", call.request.description)
    add("tool_call", call.request.id)
  elseif call.operation == "turn" then
    add("agent", call.request.name)
    add("conversation", call.request.conversation)
  else
    add_inference(add, seen, call)
  end
  add("error", measures.error_type(seen))
  if self.content then add_content(add, answer, err, call) end
  return list
end

local INTERNAL = { tool = true, turn = true }

local function name_of(call)
  local subject = INTERNAL[call.operation] and call.request.name or call.model
  return subject and measures.operation(call) .. " " .. subject or measures.operation(call)
end

local function span_of(self, seen, answer, err, call, state)
  local from = offset(self, state.host)
  return {
    trace_id = state.trace, span_id = state.span, parent_id = state.parent, remote = state.parent and true or nil,
    trace_state = state.trace_state, name = name_of(call), kind = INTERNAL[call.operation] and otlp.INTERNAL or otlp.CLIENT,
    start = otlp.nanoseconds(from + state.began), finish = otlp.nanoseconds(from + state.began + seen.seconds),
    attributes = attributes_of(self, seen, answer, err, call), failed = err and true or nil,
    message = err and (self.content and err.message or err.code or err.kind) or nil,
  }
end

-- The middleware ----------------------------------------------------------------------------------------------------

local function begin(self, wanted, call, state)
  figures.begin(call, state, true)
  offset(self, state.host)
  local given, given_name = header(wanted.headers, "traceparent")
  local parent = read_parent(given) or self.parent and read_parent(self.parent(call))
  state.trace, state.span = parent and parent.trace or digits(16), digits(8)
  state.parent, state.trace_state = parent and parent.span, parent and header(wanted.headers, "tracestate") or nil
  if parent then state.sampled = parent.sampled else state.sampled = self.sample >= 1 or math.random() < self.sample end
  local headers = request.merge(wanted.headers)
  if given_name then headers[given_name] = nil end
  if self.propagate then headers.traceparent = ("00-%s-%s-%s"):format(state.trace, state.span, state.sampled and "01" or "00") end
  return request.merge(wanted, { headers = (wanted.headers or next(headers)) and headers or nil })
end

-- What a tool or a turn was: its answer is no reply.
local function seen_of(answer, err, call, state)
  if not INTERNAL[call.operation] then return figures.of(answer, err, call, state) end
  local told = type(answer) == "table" and answer or err or {}
  local turn = call.operation == "turn"
  return {
    seconds = state.host.now() - state.began, chunks = 0, usage = {}, provider = call.provider, kind = err and err.kind, attempts = 1,
    calls = turn and told.calls or nil, tools = turn and told.tools or nil,
  }
end

local function finish(self, answer, err, call, state)
  if not state.span then return end
  local seen = seen_of(answer, err, call, state)
  if self.sums then
    self.book:add(seen, call)
    self.changed = true
  end
  if state.sampled then self.sender:put(span_of(self, seen, answer, err, call, state), state.host.now()) end
  self.sender:maybe(state.host)
end

local function metrics_text(self)
  if not (self.sums and self.changed) then return nil end
  self.changed = false
  return otlp.metrics(self.sums, self.resource, self.scope, otlp.nanoseconds(self.started), otlp.nanoseconds(self.clock()))
end

local function resource_of(given)
  local list = { { "service.name", given.service or os.getenv "OTEL_SERVICE_NAME" or "opengatellm" } }
  local keys = {}
  for key in pairs(given.resource or {}) do keys[#keys + 1] = key end
  table.sort(keys)
  for _, key in ipairs(keys) do list[#list + 1] = { key, given.resource[key] } end
  return list
end

-- What is wrong inside of the options' values.
local function problem_of(given)
  local problem = given.headers and request.check_headers(given.headers)
  if problem then return problem end
  if given.endpoint and not given.endpoint:find "^https?://[^%s%c]+$" then
    return "endpoint: expected an address that begins with http:// or https://"
  end
  for key, value in pairs(given.resource or {}) do
    local kind = type(value)
    if type(key) ~= "string" or kind ~= "string" and kind ~= "number" and kind ~= "boolean" then
      return "resource: expected names and texts, numbers or booleans"
    end
  end
end

local LEAST = { batch = 1, max_queue = 1, interval = 0, sample = 0 }

local function default_clock()
  local ngx = rawget(_G, "ngx")
  return ngx and ngx.now or os.time
end

local function new_sender(self, given)
  local endpoint = given.endpoint or os.getenv "OTEL_EXPORTER_OTLP_ENDPOINT" or "http://localhost:4318"
  return sender.new {
    endpoint = endpoint:gsub("/+$", ""), headers = given.headers or {}, batch = given.batch or 100, interval = given.interval or 5,
    max_queue = given.max_queue or 2000, ca_file = given.ca_file, transport = given.transport,
    traces = function(spans) return otlp.traces(spans, self.resource, self.scope) end, metrics = function() return metrics_text(self) end,
  }
end

--- Makes a middleware that reports calls to an OpenTelemetry collector. Raises mistakes in its options.
---@param given? ogl.OtelOptions
---@return ogl.Middleware otel with `flush()`, which sends all and waits (true, or nil and an error), and `dropped()`: how many were lost
function M.new(given)
  given = options.check("otel", given, FIELDS)
  local problem = problem_of(given)
  options.expect(not problem, "otel", problem)
  options.expect_word("otel", "semconv", given.semconv, "2026-10", "1.41")
  options.expect_from("otel", given, LEAST)
  local self = {
    names = names.VERSIONS[given.semconv or "2026-10"], content = given.content, parent = given.parent, sample = given.sample or 1,
    propagate = given.propagate ~= false, clock = given.clock or default_clock(), offsets = setmetatable({}, { __mode = "k" }),
    sums = given.metrics ~= false and measures.sums() or nil, changed = false, resource = resource_of(given),
    scope = { name = "opengatellm", version = version },
  }
  if self.sums then
    local function find(instrument, attributes) return self.sums:series(instrument, attributes) end
    self.book = measures.book(self.names, find, measures.add)
  end
  self.started, self.sender = self.clock(), new_sender(self, given)
  return {
    name = "otel",
    request = function(wanted, call, state) return begin(self, wanted, call, state) end,
    event = function(event, call, state)
      figures.event(event, state, call.operation == "stream")
      return event
    end,
    done = function(answer, err, call, state) finish(self, answer, err, call, state) end,
    flush = function() return self.sender:flush(host.current()) end,
    dropped = function() return self.sender.dropped end,
  }
end

return M
