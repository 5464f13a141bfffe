--- The limiter: calls wait until they fit under a number of requests and tokens a minute.
--
--   local limiter = ogl.middleware.limiter { requests = 60, tokens = 100000 }
--   local polite = client:use(limiter)                  several clients may use one limiter: they share its limits
--   local state = limiter.state()                       what is used, reserved and waiting
--
-- A call reserves a request and the tokens that it will probably take; when it ends, the reservation becomes what it used, in either
-- direction. No sixty seconds have more than the limit in them, but for calls that took more than was expected: what exceeds the
-- reservation counts from then on. A call that was cancelled before it was sent gives all of it back. What servers say in their headers
-- (`x-ratelimit-…`, `retry-after`) is learned from each answer.
--
-- Calls wait in a queue: in the order of their coming, or taking turns between those that `by` tells apart. A call that needs more than
-- fits now keeps those behind it waiting, so that small calls cannot starve a large one.
--
-- The limits are of this Lua state: in nginx, of each worker.
--
-- @module opengatellm.middleware.limiter
local errors = require "opengatellm.errors"
local estimate = require "opengatellm.chat.estimate"
local figures = require "opengatellm.middleware.figures"
local host = require "opengatellm.host"
local options = require "opengatellm.middleware.options"
local rate_limit = require "opengatellm.http.rate_limit"
local request = require "opengatellm.request"
local task = require "opengatellm.task"

local M = {}

---@class ogl.LimiterOptions
---@field requests? integer a minute
---@field tokens? integer a minute, read and written
---@field learn? boolean false: what servers say of their limits is not minded
---@field max_queue? integer calls that may wait at once; default 100; 0: none waits
---@field max_wait? number seconds that a call may wait; default 60
---@field output? integer tokens that an answer is expected to have before any has come, where the request has no max_tokens; default 500
---@field estimate? fun(request: table, call: ogl.MiddlewareCall): number tokens to reserve; default: by lengths, and by the answers before
---@field key? fun(request: table, call: ogl.MiddlewareCall): string calls of another key have limits of their own; default: one for all
---@field by? fun(request: table, call: ogl.MiddlewareCall): string who asks: those who wait take turns; default: first come, first served

local FIELDS = {
  requests = "integer", tokens = "integer", learn = "boolean", max_queue = "integer", max_wait = "number", output = "integer",
  estimate = "function", key = "function", by = "function",
}

local WINDOW = 60 -- seconds
local GRAIN = 0.001 -- seconds: a sleep may end this much too early

-- The window: what was taken in the last minute ----------------------------------------------------------------------

local function new_bucket(clock)
  return {
    clock = clock, entries = {}, first = 1, last = 0, requests = 0, tokens = 0, -- of the window
    flying = 0, lines = {}, by_key = {}, waiting = 0, outputs = figures.outputs(), server = {}, pause = nil,
  }
end

local function forget_old(bucket, now)
  local entry = bucket.entries[bucket.first]
  while entry and entry.at + WINDOW <= now do
    bucket.entries[bucket.first] = nil
    bucket.first = bucket.first + 1
    bucket.requests, bucket.tokens = bucket.requests - entry.requests, bucket.tokens - entry.tokens
    entry.old = true
    entry = bucket.entries[bucket.first]
  end
end

local function add(bucket, requests, tokens, now)
  local entry = { at = now, requests = requests, tokens = tokens }
  bucket.last = bucket.last + 1
  bucket.entries[bucket.last] = entry
  bucket.requests, bucket.tokens = bucket.requests + requests, bucket.tokens + tokens
  return entry
end

-- Makes an entry smaller by what it gives back, if it is still in the window.
local function give_back(bucket, entry, requests, tokens)
  if entry.old then return end
  entry.requests, entry.tokens = entry.requests - requests, entry.tokens - tokens
  bucket.requests, bucket.tokens = bucket.requests - requests, bucket.tokens - tokens
end

-- Seconds until `want` fits under a limit beside what is in the window. More than the whole limit fits into an empty window.
local function window_wait(bucket, field, limit, want, now)
  local sum = bucket[field]
  want = math.min(want, limit)
  local place = bucket.first
  while sum + want > limit and place <= bucket.last do
    sum = sum - bucket.entries[place][field]
    place = place + 1
  end
  return place > bucket.first and bucket.entries[place - 1].at + WINDOW - now or 0
end

-- Seconds until the server's own limit is free again. With nothing under way, a server that has something left decides for itself.
local function server_wait(bucket, field, want, now)
  local said = bucket.server[field]
  if not said then return 0 end
  if now >= said.reset then
    bucket.server[field] = nil
    return 0
  end
  local enough = said.left >= want or bucket.flying == 0 and said.left > 0
  return enough and 0 or said.reset - now
end

-- The tokens to reserve: they follow the answers that end while the call waits.
local function want_of(self, bucket, need)
  return need.input + (need.chat and bucket.outputs:expected(need.most, self.output) or 0)
end

local function wait_of(self, bucket, need, now)
  local want = want_of(self, bucket, need)
  forget_old(bucket, now)
  local wait = math.max(server_wait(bucket, "requests", 1, now), server_wait(bucket, "tokens", want, now), (bucket.pause or now) - now)
  if self.requests then wait = math.max(wait, window_wait(bucket, "requests", self.requests, 1, now)) end
  if self.tokens then wait = math.max(wait, window_wait(bucket, "tokens", self.tokens, want, now)) end
  return wait
end

-- Reservations ----------------------------------------------------------------------------------------------------

local function change_left(bucket, requests, tokens)
  local server = bucket.server
  if server.requests then server.requests.left = server.requests.left + requests end
  if server.tokens then server.tokens.left = server.tokens.left + tokens end
end

local function reserve(self, bucket, state, need)
  local want = want_of(self, bucket, need)
  state.entry, state.reserved = add(bucket, 1, want, bucket.clock.now()), want
  bucket.flying = bucket.flying + 1
  change_left(bucket, -1, -want)
end

-- Makes a reservation what was used: `requests` sent and `tokens` taken.
local function settle(bucket, state, requests, tokens)
  local entry, reserved = state.entry, state.reserved
  state.entry = nil
  bucket.flying = bucket.flying - 1
  change_left(bucket, 1 - requests, reserved - tokens)
  local now = bucket.clock.now()
  forget_old(bucket, now)
  give_back(bucket, entry, math.max(0, 1 - requests), math.max(0, reserved - tokens))
  if requests > 1 or tokens > reserved then add(bucket, math.max(0, requests - 1), math.max(0, tokens - reserved), now) end
end

-- The queue -------------------------------------------------------------------------------------------------------

local function head(bucket) return bucket.lines[1] and bucket.lines[1][1] end

local function wake_head(bucket)
  local waiter = head(bucket)
  if waiter and waiter.co then waiter.host.wake(waiter.co) end
end

local function join(bucket, waiter)
  local line = bucket.by_key[waiter.by]
  if not line then
    line = { key = waiter.by }
    bucket.by_key[waiter.by] = line
    table.insert(bucket.lines, line)
  end
  table.insert(line, waiter)
  bucket.waiting = bucket.waiting + 1
end

local function place_of(list, wanted)
  for place, one in ipairs(list) do
    if one == wanted then return place end
  end
end

-- Takes a waiter out of the queue. Where it was served, the others' turn comes before that of its own kind.
local function leave(bucket, waiter, served)
  local line = bucket.by_key[waiter.by]
  local place = line and place_of(line, waiter)
  if not place then return end
  table.remove(line, place)
  bucket.waiting = bucket.waiting - 1
  if line[1] and not served then return end
  table.remove(bucket.lines, place_of(bucket.lines, line))
  if line[1] then table.insert(bucket.lines, line) else bucket.by_key[line.key] = nil end
end

local function refused(code, message, seconds)
  return errors.new {
    kind = "limit", code = code, message = "the limiter: " .. message, retryable = true, retry_after = seconds, sent = false, attempts = {},
  }
end

local function too_long(self, wait)
  return refused("queue_wait", ("the call would have to wait for more than %g s"):format(self.max_wait), wait)
end

-- Waits in the queue until it is this call's turn and the call fits.
local function wait_turn(self, bucket, waiter, need)
  local deadline = bucket.clock.now() + self.max_wait
  while true do
    local now = bucket.clock.now()
    local first = head(bucket) == waiter
    local wait = first and wait_of(self, bucket, need, now) or deadline - now
    if first and wait <= 0 then return true end
    if not first and wait <= 0 or first and now + wait > deadline then return nil, too_long(self, first and wait or nil) end
    waiter.host.sleep(wait + GRAIN)
    local err = task.cancelled()
    if err then return nil, err end
  end
end

local function queue(self, bucket, state, need, wait)
  local full = bucket.waiting >= self.max_queue
  if full then return nil, refused("queue_full", ("%d calls are waiting already"):format(bucket.waiting), wait > 0 and wait or nil) end
  local err = host.refusal(state.host) or task.cancelled()
  if err then return nil, err end
  local waiter = { co = coroutine.running(), host = state.host, by = state.by }
  if state.host.blocking then waiter.co = nil end
  state.waiter = waiter
  join(bucket, waiter)
  local fine
  fine, err = wait_turn(self, bucket, waiter, need)
  state.waiter = nil
  leave(bucket, waiter, fine)
  if fine then reserve(self, bucket, state, need) end
  wake_head(bucket)
  return fine, err
end

local function acquire(self, bucket, state, need)
  local wait = wait_of(self, bucket, need, bucket.clock.now())
  if bucket.waiting == 0 and wait <= 0 then
    reserve(self, bucket, state, need)
    return true
  end
  if wait > self.max_wait then return nil, too_long(self, wait) end
  return queue(self, bucket, state, need, wait)
end

-- What servers say --------------------------------------------------------------------------------------------------

local function learn_field(bucket, field, said, now)
  if not (said and said.remaining and said.reset) then return end
  bucket.server[field] = { left = said.remaining, reset = now + said.reset }
end

-- Reads the limits from the last answer's headers, if they are others than before.
local function learn(bucket, call, err)
  local now = bucket.clock.now()
  if err and err.retry_after and (err.kind == "rate_limit" or err.status == 503) then
    bucket.pause = math.max(bucket.pause or now, now + err.retry_after)
  end
  local headers = call.client.shared and call.client.shared.rate_headers
  if not headers or headers == bucket.headers then return end
  bucket.headers = headers
  local said = rate_limit.read(headers)
  learn_field(bucket, "requests", said.requests, now)
  learn_field(bucket, "tokens", said.tokens, now)
end

-- The middleware ----------------------------------------------------------------------------------------------------

local function text_of(value, field)
  if type(value) == "string" then return value end
  error(("ogl.middleware.limiter: %s returned a %s; expected a string"):format(field, type(value)), 0)
end

local function bucket_of(self, call, state)
  local key = self.key and text_of(self.key(call.request, call), "key") or ""
  local bucket = self.buckets[key]
  if not bucket then
    bucket = new_bucket(state.host)
    self.buckets[key] = bucket
  end
  return bucket
end

local function need_of(self, call)
  if self.estimate then
    local tokens = self.estimate(call.request, call)
    if type(tokens) == "number" and tokens >= 0 and tokens < math.huge then return { input = math.ceil(tokens) } end
    error("ogl.middleware.limiter: estimate returned " .. tostring(tokens) .. "; expected a number of tokens", 0)
  end
  local chat = call.operation == "chat" or call.operation == "stream"
  return { input = estimate.prompt(call.request), chat = chat, most = call.request.max_tokens }
end

local INSIDE = { tool = true, turn = true } -- they ask no server; the calls inside a turn are limited each

local function enter(self, call, proceed, state)
  if INSIDE[call.operation] then return proceed(call) end
  figures.begin(call, state)
  local bucket = bucket_of(self, call, state)
  state.bucket = bucket
  state.by = self.by and text_of(self.by(call.request, call), "by") or ""
  local fine, err = acquire(self, bucket, state, need_of(self, call))
  if not fine then return nil, err end
  local answer
  answer, err = proceed(call)
  if self.learn then learn(bucket, call, err) end
  return answer, err
end

local function finish(answer, err, call, state)
  local bucket = state.bucket
  if not bucket then return end
  if state.waiter then leave(bucket, state.waiter) end
  if state.entry then
    local usage = figures.usage(answer, err, call, state)
    local list = answer and answer.attempts or err and err.attempts
    local sent = not (err and err.sent == false) and usage.requests ~= 0
    local tokens = usage.total_tokens or (usage.input_tokens or 0) + (usage.output_tokens or 0)
    for _, loser in ipairs(figures.losers(answer, err)) do tokens = tokens + loser.tokens end
    settle(bucket, state, list and #list or sent and 1 or 0, tokens)
    if answer and usage.output_tokens and not usage.estimated then bucket.outputs:add(usage.output_tokens) end
  end
  wake_head(bucket)
end

local function state_of(self, key)
  local bucket = self.buckets[key or ""]
  if not bucket then return { requests = 0, tokens = 0, waiting = 0, running = 0 } end
  forget_old(bucket, bucket.clock.now())
  return { requests = bucket.requests, tokens = bucket.tokens, waiting = bucket.waiting, running = bucket.flying }
end

local LEAST = { requests = 1, tokens = 1, max_queue = 0, max_wait = 0, output = 0 }

--- Makes a limiter. Raises mistakes in its options.
---@param given? ogl.LimiterOptions
---@return ogl.Middleware limiter with `state(key)`, which gives the requests and tokens of the last minute, and those who wait and run
function M.new(given)
  given = options.check("limiter", given, FIELDS)
  options.expect_from("limiter", given, LEAST)
  local self = request.merge({ max_queue = 100, max_wait = 60, output = 500, learn = true }, given, { buckets = {} })
  return {
    name = "limiter",
    wrap = function(call, proceed, state) return enter(self, call, proceed, state) end,
    event = function(event, _, state)
      figures.event(event, state)
      return event
    end,
    done = finish,
    state = function(key) return state_of(self, key) end,
  }
end

return M
