--- A host whose clock only a sleep moves.
local M = {}

---@param on_sleep? fun() called at each sleep
---@return table host `host.waits` lists the seconds that were slept
function M.simulated_host(on_sleep)
  local host, now = { name = "simulated", blocking = true, waits = {} }, 0
  function host.now() return now end
  function host.sleep(seconds)
    now = now + seconds
    host.waits[#host.waits + 1] = seconds
    if on_sleep then on_sleep() end
  end
  return host
end

return M
