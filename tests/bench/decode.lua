--- Events per second from memory: `for event in stream:events()` over the replay transport, against the loop that everybody writes first:
--- find "data: ", decode with lua-cjson, take choices[1].delta.content. Same bytes, in turn, median of 5.
--
-- usage: lua decode.lua [chunks]      prints: ours, theirs (million events a second), ratio
local cjson = require "cjson"
local chunks = require "bench.chunks"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local N = tonumber(arg[1]) or 200000
local bytes = chunks.make(N)

local function ours()
  local client = ogl.client {
    provider = "openai_compatible", base_url = "http://replay", model = "m",
    transport = replay.new { headers = { ["content-type"] = "text/event-stream" }, body = bytes },
  }
  local stream = assert(client:stream "hi")
  local n, size = 0, 0
  for event in stream:events() do
    if event.type == "text" then n, size = n + 1, size + #event.text end
  end
  assert(#stream:reply().text == size)
  return n, size
end

local function theirs()
  local n, size, at = 0, 0, 1
  while true do
    local _, from = bytes:find("data: ", at, true)
    if not from then return n, size end
    local to = bytes:find("\n", from, true)
    local text = bytes:sub(from + 1, to - 1)
    at = to
    if text ~= "[DONE]" then
      local content = cjson.decode(text).choices[1].delta.content
      if content then n, size = n + 1, size + #content end
    end
  end
end

local function rate(run)
  collectgarbage()
  collectgarbage()
  local start = os.clock()
  local n, size = run()
  return n / (os.clock() - start) / 1e6, size
end

local mine, other = {}, {}
for i = 1, 5 do
  local a, b
  mine[i], a = rate(ours)
  other[i], b = rate(theirs)
  assert(a == b, "both loops read the same text")
end
local x, y = chunks.median(mine), chunks.median(other)
print(string.format("%.2f %.2f %.2f", x, y, x / y))
