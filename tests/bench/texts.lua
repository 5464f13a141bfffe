--- The visible text of a stream, by `stream:events()`, by `stream:texts()` and by `stream:texts { joined = false }`: how many deltas
--- a second. In turn, median of 5.
--
-- usage: lua texts.lua N [base_url]      from memory, or over HTTP; prints: million deltas a second as events, as joined texts and as
--                                        single ones, and how many times the events' rate the joined ones are
local chunks = require "bench.chunks"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local N = tonumber(arg[1]) or 200000
local base = arg[2]
local clock = base and require "opengatellm.curl".now or os.clock

local options = { provider = "openai_compatible", base_url = "http://replay", model = "m", api_key = "k" }
if base then
  options.base_url = base .. "/chunks/" .. N
else
  options.transport = replay.new { headers = { ["content-type"] = "text/event-stream" }, body = chunks.make(N) }
end
local client = ogl.client(options)

-- Each way of reading gives the bytes of text that it saw.
local ways = {
  function(stream)
    local size = 0
    for event in stream:events() do
      if event.type == "text" then size = size + #event.text end
    end
    return size
  end,
  function(stream)
    local size = 0
    for text in stream:texts() do size = size + #text end
    return size
  end,
  function(stream)
    local size = 0
    for text in stream:texts { joined = false } do size = size + #text end
    return size
  end,
}

local function rate(read)
  local stream = assert(client:stream "hi")
  collectgarbage()
  collectgarbage()
  local start = clock()
  local size = read(stream)
  local seconds = clock() - start
  assert(#stream:reply().text == size)
  return N / seconds / 1e6, size
end

local seen, size = { {}, {}, {} }, nil
for i = 1, 5 do
  for way, read in ipairs(ways) do
    local found
    seen[way][i], found = rate(read)
    size = size or found
    assert(found == size, "all ways read the same text")
  end
end
local events, joined, single = chunks.median(seen[1]), chunks.median(seen[2]), chunks.median(seen[3])
print(("%.2f %.2f %.2f %.2f"):format(events, joined, single, joined / events))
