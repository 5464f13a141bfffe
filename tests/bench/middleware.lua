--- What routers and middleware add, from memory: in small chats (one whole answer) and in plain events of the same run. Each row is the
--- median of several turns, and a row's turns alternate with those of its unit.
--
-- usage: lua middleware.lua [chats] [events]      prints a line a row: name, microseconds (or nanoseconds an event) more, in units
local chunks = require "bench.chunks"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local CHATS, EVENTS = tonumber(arg[1]) or 2000, tonumber(arg[2]) or 40000
local TURNS = 7
local m = ogl.middleware

local BODY = '{"id":"c","object":"chat.completion","created":1790949988,"model":"m","choices":[{"index":0,"message":{"role":"assistant",'
  .. '"content":"La capitale de la France est Paris."},"finish_reason":"stop"}],'
  .. '"usage":{"prompt_tokens":14,"completion_tokens":8,"total_tokens":22}}'
local REQUEST = {
  messages = { ogl.system "Réponds en une phrase.", ogl.user "Quelle est la capitale de la France ?" }, max_tokens = 64, temperature = 0.2,
}

-- The transport keeps no request: LuaJIT's hash does not tell texts apart that differ behind their middle, and makes a long chain of them.
local function client_of(answer)
  local transport = replay.new(answer)
  transport.requests = setmetatable({}, { __newindex = function() end })
  return ogl.client { provider = "openai_compatible", base_url = "http://replay", model = "m", transport = transport }
end

local whole = { headers = { ["content-type"] = "application/json" }, body = BODY }
local plain = client_of(whole)

local seed = 0

local function chats(client)
  return function()
    for _ = 1, CHATS do
      seed = seed + 1
      REQUEST.seed = seed -- no two are the same, in no turn: a cache would answer the second
      assert(client:chat(REQUEST))
    end
    return CHATS
  end
end

local stream_bytes = chunks.make(EVENTS)
local streaming = client_of { headers = { ["content-type"] = "text/event-stream" }, body = stream_bytes }

local function events(client)
  return function()
    local n = 0
    for _ in assert(client:stream "hi"):events() do n = n + 1 end
    return n
  end
end

local function same(event) return event end

local function with_functions(count)
  local list = {}
  for i = 1, count do list[i] = { event = same } end
  return streaming:use((table.unpack or unpack)(list))
end

-- Seconds a step, the middle of several turns of both, by turns.
local function pair(run, unit)
  local mine, other = {}, {}
  for turn = 1, TURNS do
    for list, fn in pairs { [mine] = run, [other] = unit } do
      collectgarbage()
      collectgarbage()
      local start = os.clock()
      local n = fn()
      list[turn] = (os.clock() - start) / n
    end
  end
  table.sort(mine)
  table.sort(other)
  local middle = math.ceil(TURNS / 2)
  return mine[middle], other[middle]
end

local chat_unit = chats(plain)

-- A row in small chats: what comes on top of one.
local function chat_row(name, client, wanted)
  local mine, unit = pair(chats(client), chat_unit)
  print(("%s|%.1f µs more|%.2f small chats (%s)"):format(name, (mine - unit) * 1e6, (mine - unit) / unit, wanted))
end

-- A row in plain events: what comes on top of one.
local function event_row(name, client, wanted)
  local mine, unit = pair(events(client), events(streaming))
  print(("%s|%.0f ns more|%.2f plain events (%s)"):format(name, (mine - unit) * 1e9, (mine - unit) / unit, wanted))
end

local function router(strategy) return ogl.router { clients = { plain, plain, plain }, strategy = strategy } end

chat_row("a router, order", router "order", "0.2")
for _, strategy in ipairs { "weighted", "round_robin", "least_busy", "least_latency", "cheapest", "capability", "sticky" } do
  chat_row("a router, " .. strategy, router(strategy), "0.5")
end

local limits = { requests = 1000000000, tokens = 1000000000000 }
local function chain()
  return m.defaults { top_p = 1 }, m.timeout { seconds = 60 }, m.log { write = function() end }, m.think {}, m.limiter(limits), m.cost {},
    m.cache {}, m.prometheus {}
end
chat_row("defaults, timeout, log, think, limiter, cost, cache (a miss), prometheus", plain:use(chain()), "1")

event_row("one event function", with_functions(1), "0.6")
event_row("eight event functions", with_functions(8), "1.6")

local cached = streaming:use(m.cache { bytes = 2 ^ 31 })
assert(assert(cached:stream "hi"):reply())
local hit, unit = pair(events(cached), events(streaming))
print(("a cache hit, events|%.2f M/s, %.2f M/s|%.2f of the plain rate (0.5)"):format(1e-6 / hit, 1e-6 / unit, unit / hit))
