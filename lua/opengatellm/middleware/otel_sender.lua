--- The sender of OpenTelemetry's spans and metrics: a bounded queue, and the POSTs to a collector.
--
--   local sender = M.new(options)
--   sender:put(span)              never waits; the oldest spans are dropped where the queue is full
--   sender:maybe()                sends in a task (in nginx: in a timer); a blocking program sends here, where a batch is full
--   sender:flush() -> true | nil, err
--
-- Only statuses 429, 502, 503 and 504 are tried again, and what could not be sent at all. After a failure nothing is sent for a while
-- but by `flush`, so that a collector that is away costs one call a minute its time.
--
-- @module opengatellm.middleware.otel_sender
local errors = require "opengatellm.errors"
local foreign_request = require "opengatellm.http.foreign_request"
local host = require "opengatellm.host"
local json = require "opengatellm.json"
local task = require "opengatellm.task"
local transport = require "opengatellm.transport"
local words = require "opengatellm.base.words"

local M = {}

---@class ogl.OtelSender
---@field dropped integer spans that found no place, or that the collector refused
local Sender = {}
Sender.__index = Sender

local AGAIN = words.set "429 502 503 504"
local TIMEOUTS = { connect = 2, first_byte = 10, idle = 10, total = 15 }
local TRIES, PAUSE = 4, 60 -- of one batch; seconds after a failure
local MOST = 1024 * 1024 -- bytes of an answer

---@class ogl.OtelSending
---@field endpoint string
---@field headers table<string, string>
---@field batch integer
---@field max_queue integer
---@field interval number
---@field transport? table
---@field ca_file? string
---@field traces fun(spans: ogl.Span[]): string
---@field metrics fun(): string? nil: none that are new

--- Makes a sender.
---@param options ogl.OtelSending
---@return ogl.OtelSender
function M.new(options)
  local list = { { "content-type", "application/json" } }
  for name, value in pairs(options.headers) do list[#list + 1] = { name, value } end
  return setmetatable({ options = options, headers = list, queue = {}, dropped = 0, sending = false, since = nil, paused = nil }, Sender)
end

--- Takes a span.
---@param span ogl.Span
---@param now number seconds of the running host
function Sender:put(span, now)
  if #self.queue >= self.options.max_queue then
    table.remove(self.queue, 1)
    self.dropped = self.dropped + 1
  end
  self.since = self.since or now
  self.queue[#self.queue + 1] = span
end

-- What foreign_request needs of a client.
local function carrier(self, here)
  return {
    host = here, wire_timeouts = TIMEOUTS, way = function() return { tls = { verify = true, ca_file = self.options.ca_file } } end,
    get_transport = function()
      local err
      self.transport = self.transport or self.options.transport
      if not self.transport then self.transport, err = transport.default() end
      return self.transport, err
    end,
  }
end

local function refused(status, headers, body)
  local err = errors.from_status(status, headers, body)
  err.message = "the collector: " .. err.message
  return err
end

-- Notes what the collector did not take of a batch; it is not sent again.
local function note_partial(self, body)
  local value = json.decode(body)
  local partial = type(value) == "table" and value.partialSuccess
  if type(partial) == "table" then self.dropped = self.dropped + (tonumber(partial.rejectedSpans) or 0) end
end

-- One POST.
local function post(self, here, path, body)
  local status, headers, answer = foreign_request.ask(carrier(self, here), {
    method = "POST", url = self.options.endpoint .. path, headers = self.headers, body = body, max_body = MOST,
  })
  if not status then return nil, headers, headers.kind == "network" or headers.kind == "timeout" end
  if status >= 300 then return nil, refused(status, headers, answer), AGAIN[tostring(status)] end
  note_partial(self, answer)
  return true
end

-- POSTs, and tries again after a failure that may pass.
local function send(self, here, path, body, tries)
  local wait = 1
  for try = 1, tries do
    local fine, err, again = post(self, here, path, body)
    if fine or not again or try == tries then return fine, err, again end
    here.sleep(err.retry_after or wait)
    wait = wait * 2
    local cancelled = task.cancelled()
    if cancelled then return nil, cancelled, true end
  end
end

local function take_batch(self)
  local batch = {}
  for i = 1, math.min(self.options.batch, #self.queue) do batch[i] = self.queue[i] end
  local rest = {}
  for i = #batch + 1, #self.queue do rest[#rest + 1] = self.queue[i] end
  self.queue = rest
  return batch
end

-- Puts a batch that could not be sent back before the others, as far as there is place.
local function give_back(self, batch)
  local all = {}
  for _, span in ipairs(batch) do all[#all + 1] = span end
  for _, span in ipairs(self.queue) do all[#all + 1] = span end
  while #all > self.options.max_queue do
    table.remove(all, 1)
    self.dropped = self.dropped + 1
  end
  self.queue = all
end

-- Sends all spans, and then the metrics.
local function send_all(self, here, tries)
  while self.queue[1] do
    local batch = take_batch(self)
    local fine, err, again = send(self, here, "/v1/traces", self.options.traces(batch), tries)
    if not fine and again then give_back(self, batch) elseif not fine then self.dropped = self.dropped + #batch end
    if not fine then return nil, err end
  end
  self.since = nil
  local metrics = self.options.metrics()
  if not metrics then return true end
  local fine, err = send(self, here, "/v1/metrics", metrics, tries)
  if not fine then return nil, err end
  return true
end

local function run(self, here, tries)
  if self.sending then return true end
  self.sending = true
  local fine, err = send_all(self, here, tries)
  self.sending = false
  self.paused = not fine and here.now() + PAUSE or nil
  self.err = err
  return fine, err
end

-- Runs a function beside the calls: in nginx in a timer, since a request ends only with its light threads.
local function beside(here, fn)
  local ngx = rawget(_G, "ngx")
  if here.name ~= "nginx" then return task.spawn(fn) end
  ngx.timer.at(0, function(premature)
    if not premature then fn() end
  end)
end

--- Sends, if a batch is full or, where tasks run, the oldest span has waited for long enough.
---@param here table the host of the call that has ended
function Sender:maybe(here)
  local now = here.now()
  if self.sending or self.paused and now < self.paused then return end
  local full = #self.queue >= self.options.batch
  if here.blocking then
    if full then run(self, here, 1) end
  elseif full or self.since and now - self.since >= self.options.interval then
    self.since = now -- no second task for the same spans
    beside(here, function() run(self, host.current(), TRIES) end)
  end
end

--- Sends everything, and waits for it.
---@param here table
---@return true? sent
---@return ogl.Error? err
function Sender:flush(here)
  while self.sending and not here.blocking do
    here.sleep(0.01)
    local err = task.cancelled()
    if err then return nil, err end
  end
  return run(self, here, TRIES)
end

return M
