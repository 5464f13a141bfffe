--- Calibration: what the bench itself adds to what it measures, by a server of our own on this machine.
--
-- The server is another process (opengatellm.system's responder), reached over loopback TCP by the same client as any other server. It
-- answers as soon as a request is whole, and sends each event a fixed time after the one before, in a packet of its own. So all that is
-- seen beyond these times is our own: the client, the kernel, and the server's few microseconds. Each event wakes the program by itself,
-- which is the dearest way in which it can come.
--
-- @module opengatellm.bench.calibration
local client_of = require "opengatellm.client"
local statistics = require "opengatellm.bench.statistics"
local system = require "opengatellm.system"
local trials = require "opengatellm.bench.trial"

local M = {}

local GAP = 0.001 -- seconds between two events
local FEW, MANY = 1, 33 -- events of an answer
local WARM, REQUESTS = 5, 20

local EVENT = 'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":'
  .. '{"content":" word"},"finish_reason":null}]}\n\n'
local END = 'data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},'
  .. '"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
local HEAD = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"

local function chunk(bytes) return ("%x\r\n%s\r\n"):format(#bytes, bytes) end

-- The pieces of an answer with so many events; the last one has its end too.
local function pieces(events)
  local list = {}
  for i = 1, events do list[i] = chunk(EVENT) end
  list[1] = HEAD .. list[1]
  list[events] = list[events] .. chunk(END) .. "0\r\n\r\n"
  return list
end

-- Asks a server of so many events, and counts the seconds of this process; gives its times, or nil and an error.
local function measure(events, now)
  local server, problem = system.responder(pieces(events), GAP)
  if not server then return nil, problem end
  local client = client_of.new {
    provider = "openai_compatible", base_url = "http://127.0.0.1:" .. server:port(), api_key = "none", model = "m", proxy = "",
    retries = { max = 0 }, timeouts = { total = 10 },
  }
  local ask, seen, began = trials.asker(client, true, now), { ttft = {}, e2e = {} }, nil
  for i = 1 - WARM, REQUESTS do
    if i == 1 then began = os.clock() end
    local trial = ask({ messages = "hi", keep = false }, now())
    if trial.err then problem = trial.err break end
    local moments = trial.moments
    if i > 0 then
      seen.ttft[i] = (moments.first - moments.start) * 1e3
      seen.e2e[i] = (moments.last - moments.start - (events - 1) * GAP) * 1e3
    end
  end
  seen.cpu = began and os.clock() - began
  client:close()
  server:close()
  if problem then return nil, problem end
  return seen
end

--- Measures what the bench adds; call it in a task.
---@param now fun(): number
---@return table overhead { calibrated, ttft, e2e, cpu_us_per_event, cpu_us_per_request }; where it is not calibrated, `problem` says why
function M.measure(now)
  local few, problem = measure(FEW, now)
  local many
  if few then many, problem = measure(MANY, now) end
  if not many then return { calibrated = false, problem = tostring(problem) } end
  local per_event = math.max(0, many.cpu - few.cpu) / (REQUESTS * (MANY - FEW))
  return {
    calibrated = true, ttft = statistics.summary(many.ttft), e2e = statistics.summary(many.e2e),
    cpu_us_per_event = per_event * 1e6, cpu_us_per_request = math.max(0, few.cpu / REQUESTS - FEW * per_event) * 1e6,
  }
end

return M
