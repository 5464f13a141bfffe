--- Goals: what a service promises (SLO), and which requests keep it.
--
--   goals.read "ttft:300,itl:50,e2e:5000"   ->  { ttft = 300, itl = 50, e2e = 5000 }      milliseconds at most
--   goals.are_met(slo, values)              a figure that a request does not have (the gap of one token) is met
--
-- @module opengatellm.bench.goals
local words = require "opengatellm.base.words"

local M = {}

local TIMES = words.set "ttft ttfo itl tpot e2e"
local EXPECTED = "expected ttft, ttfo, itl, tpot or e2e with milliseconds, such as ttft:300,itl:50,e2e:5000"

--- Reads goals from a text.
---@param text string
---@return table<string, number>? slo
---@return string? problem
function M.read(text)
  local slo = {}
  for part in (text .. ","):gmatch "(.-)," do
    local name, limit = part:match "^%s*(%l%w*):([%d.]+)%s*$"
    limit = tonumber(limit)
    if not TIMES[name] or not limit then return nil, ("'%s': %s"):format(part, EXPECTED) end
    slo[name] = limit
  end
  return slo
end

--- Says whether a request has met all of its goals.
---@param slo table<string, number>
---@param values table<string, number> of figures.of
---@return boolean
function M.are_met(slo, values)
  for name, limit in pairs(slo) do
    if values[name] and values[name] > limit then return false end
  end
  return true
end

return M
