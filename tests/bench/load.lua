--- What `ogl bench` adds to the library: CPU of N streams at once, read by its loads and tallies, and read by a loop that does nothing
--- with what comes. In turn, three times; the middle of each counts.
--
--   load.lua URL N        prints: CPU seconds of the bench, of the library alone, and how many times the one is the other
local chunks = require "bench.chunks"
local curl = require "opengatellm.curl"
local loads = require "opengatellm.bench.load"
local ogl = require "opengatellm"
local tallies = require "opengatellm.bench.tally"
local trials = require "opengatellm.bench.trial"

local url, n = arg[1], tonumber(arg[2])
local client = ogl.client {
  base_url = url, api_key = "sk-bench", model = "m", proxy = "", retries = { max = 0 }, timeouts = { first_byte = 60, idle = 60 },
}

local function request() return { messages = "hi", keep = false } end

local function alone()
  for _ = 1, n do
    ogl.spawn(function()
      local stream = assert(client:stream(request()))
      local event, err
      repeat event, err = stream:next() until not event
      assert(not err, err)
    end)
  end
end

local function bench()
  local tally, ask = tallies.new {}, trials.asker(client, true, curl.now)
  local load
  load = loads.new({ mode = "closed", concurrency = n, requests = n, ramp = 0, grace = 60, seed = 1 }, {
    now = curl.now, next = request,
    ask = function(asked, start, lag) tally:add(ask(asked, start, tally.gaps), start - load.began, lag) end,
  })
  load:run()
  local result = tally:result(1, load.started, load.dropped)
  assert(result.counts.success == n, "every stream succeeds")
end

local function cpu(fn)
  collectgarbage()
  collectgarbage()
  local before = os.clock()
  ogl.run(fn)
  return os.clock() - before
end

local seen = { bench = {}, alone = {} }
for i = 1, 3 do
  seen.alone[i] = cpu(alone)
  seen.bench[i] = cpu(bench)
end
local ours, theirs = chunks.median(seen.bench), chunks.median(seen.alone)
print(("%.2f %.2f %.2f"):format(ours, theirs, ours / theirs))
