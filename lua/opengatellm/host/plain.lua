--- The host of a plain Lua program: one thread of control, and every wait blocks.
--
-- The clock and the sleep are those of opengatellm.curl. An install of the core alone (without libcurl) has neither: there the clock
-- counts whole seconds, and a sleep keeps the processor busy. That is enough for retries over a transport from memory; whatever
-- waits for a network has a host of its own, or libcurl.
--
-- @module opengatellm.host.plain
local interrupts = require "opengatellm.host.interrupts"

local found, curl = pcall(require, "opengatellm.curl")

---@class opengatellm.Host
---@field name string
---@field blocking boolean
---@field now fun(): number        # seconds, monotonic, of arbitrary origin
---@field sleep fun(seconds: number)
local M = { name = "plain", blocking = true }

if found then
  M.now = curl.now

  -- C returns when a signal comes, so that Ctrl-C can raise here, in Lua. Where nothing raises and none ends waits, the sleep goes on.
  --- Blocks the process for a time.
  ---@param seconds number
  function M.sleep(seconds)
    local wake = curl.now() + seconds
    while seconds > 0 and not interrupts.seen() do
      curl.sleep(interrupts.slice(seconds))
      seconds = wake - curl.now()
    end
  end
else
  M.now = os.time

  -- os.clock counts processor time, which passes because this loop uses it.
  --- Keeps the processor busy for a time.
  ---@param seconds number
  function M.sleep(seconds)
    local wake = os.clock() + seconds
    while os.clock() < wake do end
  end
end

return M
