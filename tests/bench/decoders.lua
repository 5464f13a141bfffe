--- The decoder of each protocol, from memory: as events of the public client (`for event in stream:events()` over the replay
--- transport), and the decoder alone, whose events are dropped. All in turn, median of 5.
--
-- usage: lua decoders.lua [deltas]      prints a line a protocol: its name, million events a second, GB/s of the decoder alone, and that
--                                       as a part of openai_chat's
local chunks = require "bench.chunks"
local core = require "opengatellm.core"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"
local streams = require "bench.streams"

local N = tonumber(arg[1]) or 200000
local READ = 16 * 1024 -- bytes that a socket gives at once
local PASSES = 5
local PROVIDERS = {
  openai_chat = "openai_compatible", openai_responses = "responses_compatible", anthropic = "anthropic_compatible", gemini = "gemini",
  ollama = "ollama",
}

local function events(protocol, bytes)
  local client = ogl.client {
    provider = PROVIDERS[protocol], base_url = "http://replay", model = "m", api_key = "k",
    transport = replay.new { headers = { ["content-type"] = streams.content_type(protocol) }, body = bytes },
  }
  local n, stream = 0, assert(client:stream { messages = { ogl.user "hi" }, max_tokens = 10 })
  for event in stream:events() do
    if event.type == "text" then n = n + 1 end
  end
  assert(n >= N and stream:reply().finish_reason == "stop")
  return n
end

local function cut(bytes)
  local list = {}
  for from = 1, #bytes, READ do list[#list + 1] = bytes:sub(from, from + READ - 1) end
  return list
end

-- Several times over: once is a few milliseconds. The reply is not kept.
local function alone(protocol, bytes, reads)
  for _ = 1, PASSES do
    local decoder = core.decoder(protocol, streams.content_type(protocol), false, false)
    for i = 1, #reads do
      decoder:feed(reads[i])
      decoder:skip()
    end
    decoder:finish()
    decoder:skip()
    assert(decoder:ended())
    decoder:close()
  end
  return PASSES * #bytes
end

-- How much of it a second.
local function rate(run, ...)
  collectgarbage()
  collectgarbage()
  local start = os.clock()
  local amount = run(...)
  return amount / (os.clock() - start)
end

local inputs, seen = {}, {}
for _, protocol in ipairs(streams.names) do
  local bytes = streams[protocol](N)
  inputs[protocol] = { bytes = bytes, reads = cut(bytes) }
  seen[protocol] = { events = {}, alone = {} }
end
for i = 1, 5 do
  for _, protocol in ipairs(streams.names) do
    local input = inputs[protocol]
    seen[protocol].events[i] = rate(events, protocol, input.bytes)
    seen[protocol].alone[i] = rate(alone, protocol, input.bytes, input.reads)
  end
end
local first
for _, protocol in ipairs(streams.names) do
  local bytes = chunks.median(seen[protocol].alone)
  first = first or bytes
  print(("%s %.2f %.2f %.2f"):format(protocol, chunks.median(seen[protocol].events) / 1e6, bytes / 1e9, bytes / first))
end
