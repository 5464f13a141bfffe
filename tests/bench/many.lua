--- Many exchanges at once through the public client, in one process: what bare_multi.c does without Lua.
--
--   many.lua streams URL N [drop] CPU seconds, of them in the kernel, KiB of resident memory a stream when all are open, and KiB of the
--                                 whole process a stream at its peak; events. drop: no reply is kept
--   many.lua delays URL N         median and 99th percentile of the delay from send to event, in microseconds
--   many.lua requests URL N AT    chats a second, AT at a time
local curl = require "opengatellm.curl"
local ogl = require "opengatellm"

local mode, url, n, at = arg[1], arg[2], tonumber(arg[3]), tonumber(arg[4])
local request = { messages = "hi", keep = arg[4] ~= "drop" }
local client = ogl.client { base_url = url, api_key = "sk-bench", model = "m", proxy = "", timeouts = { first_byte = 60, idle = 60 } }

-- A number of this process: field 2 of /proc/self/statm (pages), 14 and 15 of stat (ticks).
local function field(path, i)
  local file = assert(io.open(path))
  local text = file:read "*a"
  file:close()
  text = text:gsub("%b()", "x")
  local at_field = 0
  for word in text:gmatch "%S+" do
    at_field = at_field + 1
    if at_field == i then return tonumber(word) end
  end
end

local function resident() return field("/proc/self/statm", 2) * 4 end -- KiB

-- The most that this process has had, in KiB.
local function peak()
  for line in io.lines "/proc/self/status" do
    local size = line:match "^VmHWM:%s*(%d+) kB"
    if size then return tonumber(size) end
  end
end

local function streams()
  local before, open, begun, events = resident(), 0, 0, 0
  local function one()
    local stream = assert(client:stream(request))
    local event, err = stream:next()
    begun = begun + 1
    if begun == n then open = resident() end
    local wanted = 1
    while event do
      if event.type == "text" then
        assert(event.text:match "^%d+" == tostring(wanted), "out of order")
        wanted = wanted + 1
      end
      events = events + 1
      event, err = stream:next()
    end
    assert(not err, err)
  end
  ogl.run(function()
    for _ = 1, n do ogl.spawn(one) end
  end)
  local user, system = field("/proc/self/stat", 14) / 100, field("/proc/self/stat", 15) / 100
  print(("%.2f %.2f %.2f %.2f %d"):format(user + system, system, (open - before) / n, peak() / n, events))
end

-- The value at a place of a histogram: how often each was seen.
local function quantile(counts, q)
  local values, total, below = {}, 0, 0
  for value, count in pairs(counts) do
    values[#values + 1] = value
    total = total + count
  end
  table.sort(values)
  for _, value in ipairs(values) do
    below = below + counts[value]
    if below >= total * q then return value end
  end
end

local function delays()
  local counts = {} -- of microseconds: a list of all delays would be most of what the collector has to look at
  local function one()
    local stream = assert(client:stream "hi")
    local event, err = stream:next()
    while event do
      if event.type == "text" then
        local delay = math.floor(curl.now() * 1e6 - tonumber(event.text:match " (%d+);") / 1e3)
        counts[delay] = (counts[delay] or 0) + 1
      end
      event, err = stream:next()
    end
    assert(not err, err)
  end
  ogl.run(function()
    for _ = 1, n do ogl.spawn(one) end
  end)
  print(("%.0f %.0f"):format(quantile(counts, 0.5), quantile(counts, 0.99)))
end

local function requests()
  local list = {}
  for i = 1, n do list[i] = i end
  local start = curl.now()
  local function one() -- who keeps 20,000 replies measures the collector
    local reply, err = client:chat "hi"
    return reply and reply.text, err
  end
  local results = ogl.run(ogl.map, list, one, { concurrency = at })
  local seconds = curl.now() - start
  for _, result in ipairs(results) do assert(result.value, result.err) end
  print(("%.0f"):format(n / seconds))
end

local modes = { streams = streams, delays = delays, requests = requests }
modes[mode]()
