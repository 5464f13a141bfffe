--- Usage: the requests and tokens of an account, in one form for all versions.
--
-- From 0.8 on a server sums up by day (UTC) and wants both dates; before, it lists requests and takes the last 30 days by
-- itself. Here an entry of either has the same fields: a bucket covers `start_time` to `end_time`, a request begins and ends when
-- it was made and counts one.
--
-- @module opengatellm.operations.usage
local core = require "opengatellm.core"
local json = require "opengatellm.json"

local M = {}

local MONTH = 30 * 24 * 3600 -- seconds; the default of servers before 0.8

---@class ogl.UsageEntry: ogl.Usage
---@field start_time integer seconds since 1970
---@field end_time integer
---@field requests integer
---@field model? string of one request (up to 0.7)
---@field endpoint? string of one request
---@field key? string of one request
---@field method? string of one request (up to 0.6)
---@field status? integer of one request (up to 0.6)
---@field latency_ms? number of one request
---@field ttft_ms? number of one request: until its first token

--- Fills in the dates that are missing: a month that ends now.
---@param options table of the call
---@return table options
function M.prepare(options)
  options.end_time = options.end_time or os.time()
  options.start_time = options.start_time or options.end_time - MONTH
  return options
end

--- Makes an entry of a bucket or a request that a server sends.
---@param row table
---@return ogl.UsageEntry
function M.entry(row)
  local told = type(row.usage) == "table" and row.usage or nil
  local entry = core.usage(json.encode(told or row)) or {}
  local metrics = told and type(told.metrics) == "table" and told.metrics or {}
  entry.start_time, entry.end_time = row.start_time or row.created, row.end_time or row.created
  entry.requests = row.requests or entry.requests or 1
  entry.model, entry.endpoint, entry.key, entry.method, entry.status = row.model, row.endpoint, row.key, row.method, row.status
  entry.latency_ms, entry.ttft_ms = metrics.latency, metrics.ttft
  return entry
end

return M
