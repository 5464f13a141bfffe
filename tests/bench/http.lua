--- Events per second over loopback HTTP: the whole library, from socket to `for event in stream:events()`.
--
-- usage: lua http.lua BASE_URL CHUNKS      prints million events a second, and seconds of CPU
local curl = require "opengatellm.curl"
local ogl = require "opengatellm"

local base, n = arg[1], tonumber(arg[2])
local client = ogl.client { provider = "openai_compatible", base_url = base .. "/chunks/" .. n, model = "m", api_key = "k" }

local function run()
  local start, cpu = curl.now(), os.clock()
  local stream = assert(client:stream "hi")
  local count, size = 0, 0
  for event in stream:events() do
    if event.type == "text" then count, size = count + 1, size + #event.text end
  end
  assert(count == n, "every chunk is an event")
  assert(#stream:reply().text == size)
  return count / (curl.now() - start) / 1e6, os.clock() - cpu
end

run() -- the server builds its answer once
local rates, cpus = {}, {}
for i = 1, 5 do rates[i], cpus[i] = run() end
local median = require "bench.chunks".median
print(string.format("%.3f %.3f", median(rates), median(cpus)))
