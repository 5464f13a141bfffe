-- A host with coroutines whose clock moves when all of them sleep: what would take minutes takes none.
local M = {}

---@return table host with `start(fn)`, which begins a coroutine, `run()`, which runs until all have ended or none can go on, and `kill(co)`
function M.simulated_loop()
  local now, ready, asleep = 0, {}, {}
  local host = { name = "simulated loop", blocking = false }

  function host.now() return now end

  function host.sleep(seconds)
    local me = coroutine.running()
    asleep[me] = now + math.max(0, seconds)
    coroutine.yield()
    asleep[me] = nil
  end

  function host.park() host.sleep(math.huge) end

  function host.wake(co)
    if asleep[co] then asleep[co] = now end
  end

  function host.kill(co) asleep[co] = nil end

  function host.start(fn)
    local co = coroutine.create(fn)
    ready[#ready + 1] = co
    return co
  end

  local function go(co)
    local fine, err = coroutine.resume(co)
    if not fine then error(debug.traceback(co, tostring(err)), 0) end
  end

  -- The coroutine that sleeps the least; of several, the one of the lowest number, so that each run is the same.
  local numbers, count = setmetatable({}, { __mode = "k" }), 0
  local function earliest()
    local first
    for co, at in pairs(asleep) do
      if not numbers[co] then count = count + 1; numbers[co] = count end
      if not first or at < asleep[first] or at == asleep[first] and numbers[co] < numbers[first] then first = co end
    end
    return first
  end

  function host.run()
    while true do
      local co = table.remove(ready, 1)
      if co then
        count = count + 1
        numbers[co] = count
        go(co)
      else
        co = earliest()
        if not co or asleep[co] == math.huge then return end
        now = math.max(now, asleep[co])
        go(co)
      end
    end
  end

  return host
end

return M
