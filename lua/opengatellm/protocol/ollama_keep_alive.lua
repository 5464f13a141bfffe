--- Ollama's keep_alive: how long a model stays loaded after a request, as a number of seconds or in Go's words ("5m", "1h30m").
--
-- @module opengatellm.protocol.ollama_keep_alive
local M = {}

local SECONDS = { ns = 1e-9, us = 1e-6, ["µs"] = 1e-6, ["μs"] = 1e-6, ms = 1e-3, s = 1, m = 60, h = 3600 } -- two letters look like mu

-- Adds up the pieces of a duration, as "1h" and "30m"; gives nil where one has no number or no unit.
local function sum(pieces)
  local total, at = 0, 1
  repeat
    local number, unit, behind = pieces:match("^(%d*%.?%d*)([^%d.]+)()", at)
    local value, factor = tonumber(number), SECONDS[unit]
    if not value or not factor then return nil end
    total, at = total + value * factor, behind
  until at > #pieces
  return total
end

--- Reads a duration. A negative one means for ever.
---@param value number|string
---@return number? seconds math.huge: for ever; nil: this is no duration
function M.seconds(value)
  if type(value) == "number" then return value < 0 and math.huge or value end
  local sign, pieces = value:match "^([+-]?)(.*)$"
  local total = pieces == "0" and 0 or sum(pieces)
  return total and (sign == "-" and total > 0 and math.huge or total)
end

return M
