--- Usage: what answers took.
--
-- @module opengatellm.chat.usage
local M = {}

---@class ogl.Usage integers but for the last four; what was not sent is absent
---@field input_tokens? integer everything read, cached or not
---@field cached_input_tokens? integer
---@field cache_write_tokens? integer
---@field output_tokens? integer everything generated, reasoning included
---@field reasoning_tokens? integer
---@field total_tokens? integer
---@field requests? integer
---@field estimated? boolean true: by the lengths of the texts, since the answer broke off before the server counted
---@field cached? boolean true: of an answer that was kept from before (middleware/cache.lua); it costs nothing
---@field cost? number in the server's currency
---@field energy_kwh? number
---@field co2_kg? number

--- Adds what an answer used to a sum: its numbers count, any other value replaces the one before.
---@param sum ogl.Usage changed in place
---@param usage? ogl.Usage
function M.add(sum, usage)
  for name, value in pairs(usage or {}) do
    if type(value) == "number" then value = (sum[name] or 0) + value end
    sum[name] = value
  end
end

return M
