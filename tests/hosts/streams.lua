--- Thousands of streams at once in one process, against tests/bench/trickle.c: none lost, none out of order, each ended rightly.
--
--   streams.lua all BASE N EVENTS MS          every stream to its end
--   streams.lua faults BASE N EVENTS MS       of each hundred one is reset, one stalls, one is cancelled
--   streams.lua soak BASE SECONDS             waves of both, for so long: memory and descriptors stay where they were
--
-- None of it depends on the speed of the machine. A stream that lives has all the time that it wants, for a slow server is silent for long;
-- one that stalls ends after IDLE seconds of silence, and where streams that live were silent for half as long, it may have ended before
-- the server stalled it. The last line is "N passed, N failed, N skipped".
local curl = require "opengatellm.curl"
local lfs = require "lfs"
local ogl = require "opengatellm"

local mode, base = arg[1], arg[2]
local failures = {}
local IDLE, PATIENCE = 5, 600 -- seconds
local longest = 0 -- seconds that a stream which lives was silent

local function check(fine, message)
  if not fine then failures[#failures + 1] = message end
end

local function descriptors()
  local count = 0
  for _ in lfs.dir "/proc/self/fd" do count = count + 1 end
  return count
end

-- MiB of resident memory.
local function resident()
  local file = assert(io.open "/proc/self/statm")
  local pages = tonumber(file:read("*a"):match "%d+ (%d+)")
  file:close()
  return pages * 4 / 1024
end

local function client_of(kind, events, ms, crowd, idle)
  return ogl.client {
    base_url = ("%s/%s/%d/%d/%d"):format(base, kind, events, ms, crowd), api_key = "k", model = "m", proxy = "", retries = { max = 0 },
    timeouts = { connect = PATIENCE, first_byte = PATIENCE, idle = idle },
  }
end

local function nothing() end

local function note_silence(since)
  local now = curl.now()
  longest = math.max(longest, now - since)
  return now
end

-- Reads a stream: how many texts came in order, and the error that ended it. `timed`: how long it was silent is noted. `on_text()` is
-- called at the first text.
local function read(client, timed, on_text)
  local stream, err = client:stream { messages = { ogl.user "hi" }, keep = false }
  if not stream then return 0, err end
  local count, since = 0, curl.now()
  local event
  event, err = stream:next()
  while event do
    if timed then since = note_silence(since) end
    if event.type == "text" then
      count = count + 1
      if count == 1 then on_text() end
      if event.text:match "^(%d+) " ~= tostring(count) then return count, "out of order: " .. event.text end
    end
    event, err = stream:next()
  end
  return count, err
end

-- What a stream of each kind has to end with.
local function judge(kind, events, count, err)
  local ended = err and err.kind or "complete"
  if kind == "trickle" then return check(ended == "complete" and count == events, ("%d of %d, %s"):format(count, events, tostring(err))) end
  if kind == "reset" then return check(ended == "network" and count == events / 2, ("reset: %d, %s"):format(count, tostring(err))) end
  if kind == "stall" then
    local whole = count == events / 2 or longest > IDLE / 2 and count < events / 2
    return check(ended == "timeout" and whole, ("stall: %d, %s"):format(count, tostring(err)))
  end
  check(ended == "cancelled" and count <= events, ("cancel: %d, %s"):format(count, tostring(err)))
end

local FAULTS = { [17] = "reset", [43] = "stall", [71] = "cancel" }

-- So many streams at once, of them some with faults; all that there are have ended when it returns.
local function wave(n, events, ms, faults)
  local clients, cancelled, begun = {}, {}, 0
  local function begin() begun = begun + 1 end
  for _, kind in ipairs { "trickle", "reset", "stall" } do
    clients[kind] = client_of(kind, events, ms, n, kind == "stall" and IDLE or PATIENCE)
  end
  clients.cancel = client_of("stall", events, ms, n, PATIENCE) -- so that none ends by itself before it is cancelled
  ogl.run(function()
    for i = 1, n do
      local kind = faults and FAULTS[i % 100] or "trickle"
      local task = ogl.spawn(function()
        local count, err = read(clients[kind], kind == "trickle" and i % 100 < 5, kind == "cancel" and begin or nothing)
        judge(kind, events, count, err)
      end)
      if kind == "cancel" then cancelled[#cancelled + 1] = task end
    end
    if faults then
      -- The server sends nothing before all are there: a stream that is cancelled before its first text would leave the others waiting.
      while begun < #cancelled do ogl.sleep(ms / 1000) end
      for _, task in ipairs(cancelled) do task:cancel() end
    end
  end)
  for _, client in pairs(clients) do client:close() end
end

local function once(faults)
  local n, events, ms = tonumber(arg[3]), tonumber(arg[4]), tonumber(arg[5])
  local before = descriptors()
  wave(n, events, ms, faults)
  check(descriptors() <= before, ("%d descriptors are left, there were %d"):format(descriptors(), before))
  return n + 1
end

local function soak()
  local finish, waves, first = curl.now() + tonumber(arg[3]), 0, nil
  local before = descriptors()
  while curl.now() < finish do
    wave(500, 40, 25, true)
    waves = waves + 1
    collectgarbage()
    collectgarbage()
    if waves == 5 then first = resident() end -- what the allocator keeps is there by then
    if waves % 20 == 0 then print(("%d waves, %.1f MiB, %d descriptors"):format(waves, resident(), descriptors())) end
  end
  check(descriptors() <= before, ("%d descriptors are left, there were %d"):format(descriptors(), before))
  if first then
    local now = resident()
    print(("memory: %.1f MiB after 5 waves, %.1f MiB after %d"):format(first, now, waves))
    check(now <= first * 1.05 + 1, "memory grew")
  end
  return waves * 500 + 2
end

local total = mode == "soak" and soak() or once(mode == "faults")
for i = 1, math.min(#failures, 20) do print("FAILED: " .. failures[i]) end
print(("%d passed, %d failed, 0 skipped"):format(total - #failures, #failures))
os.exit(#failures == 0, true)
