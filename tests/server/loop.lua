--- The loop: coroutines on top of socket.select.
--
-- Life: `spawn` as many coroutines as you like, then `run` once; it returns after `stop`, or when nobody waits for
-- anything any more. Inside a coroutine `readable`, `writable`, `sleep` and `pass` suspend it until a socket is
-- ready, a time has come, or everybody else had a turn. A coroutine waits for one thing at a time, and a socket has
-- at most one reader and one writer.
--
-- An error in a coroutine ends that coroutine, with a traceback on stderr; the others go on.
--
-- Limits: select knows descriptors below 1024, and each turn looks at every waiting coroutine. Good for a few hundred
-- connections, which is what tests need. The clock is the wall clock, the only one that luasocket has.

local socket = require "socket"

local loop = {}

local ready = {}      -- coroutines to resume in the next turn
local readers = {}    -- socket → coroutine
local writers = {}    -- socket → coroutine
local sleepers = {}   -- coroutine → time
local running = false

loop.now = socket.gettime

local function resume(coroutine_, ...)
  local ok, problem = coroutine.resume(coroutine_, ...)
  if not ok then
    io.stderr:write(debug.traceback(coroutine_, tostring(problem)), "\n")
  end
end

--- Runs `fn(...)` in a new coroutine, at once, up to its first wait.
function loop.spawn(fn, ...)
  resume(coroutine.create(fn), ...)
end

function loop.readable(sock)
  readers[sock] = coroutine.running()
  coroutine.yield()
end

function loop.writable(sock)
  writers[sock] = coroutine.running()
  coroutine.yield()
end

function loop.sleep(seconds)
  sleepers[coroutine.running()] = loop.now() + seconds
  coroutine.yield()
end

--- Lets everybody else have a turn. Who can write forever without waiting calls this now and then.
function loop.pass()
  ready[#ready + 1] = coroutine.running()
  coroutine.yield()
end

local function keys(set)
  local list = {}
  for key in pairs(set) do list[#list + 1] = key end
  return list
end

local function wake_sockets(waiting, sockets)
  for _, sock in ipairs(sockets) do
    ready[#ready + 1] = waiting[sock]
    waiting[sock] = nil
  end
end

local function wake_sleepers()
  local now = loop.now()
  for sleeper, time in pairs(sleepers) do
    if time <= now then
      sleepers[sleeper] = nil
      ready[#ready + 1] = sleeper
    end
  end
end

--- Seconds that select may block: none if somebody is ready, until the next alarm, or (nil) as long as it takes.
local function patience()
  if #ready > 0 then return 0 end
  local first
  for _, time in pairs(sleepers) do
    if not first or time < first then first = time end
  end
  return first and math.max(0, first - loop.now())
end

local function turn()
  local readable, writable = socket.select(keys(readers), keys(writers), patience())
  wake_sockets(readers, readable)
  wake_sockets(writers, writable)
  wake_sleepers()
  -- Who becomes ready while these run waits for the next turn, so that nobody starves.
  local batch = ready
  ready = {}
  for _, waiter in ipairs(batch) do resume(waiter) end
end

local function idle()
  return #ready == 0 and not next(readers) and not next(writers) and not next(sleepers)
end

function loop.run()
  running = true
  while running and not idle() do turn() end
end

function loop.stop()
  running = false
end

return loop
