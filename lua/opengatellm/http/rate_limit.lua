--- Rate limits: reads them from the headers of a server's answers.
--
-- OpenGateLLM (from 0.5 on some routes, from 0.9 on all) and OpenAI send `x-ratelimit-limit-…`, `-remaining-…` and `-reset-…`:
-- OpenGateLLM for `request` and `token`, OpenAI for `requests` and `tokens`. Where OpenGateLLM sets no limit, it sends the text `None`,
-- and its remaining 0 then means nothing.
--
-- @module opengatellm.http.rate_limit
local errors = require "opengatellm.errors"

local M = {}

---@class ogl.RateLimit
---@field limit? integer nil: no limit
---@field remaining? integer nil: no limit
---@field reset? number seconds until the whole limit is free again

---@class ogl.RateLimits as the last answer said; OpenGateLLM's figures do not count the request that it answers
---@field requests? ogl.RateLimit
---@field tokens? ogl.RateLimit

--- Keeps the headers of an answer on the client's connections, if they name limits.
---@param client table
---@param headers table<string, string|string[]>
function M.note(client, headers)
  if headers["x-ratelimit-limit-request"] or headers["x-ratelimit-limit-requests"] or headers["x-ratelimit-limit-token"]
    or headers["x-ratelimit-limit-tokens"] then
    client.shared.rate_headers = headers
  end
end

-- OpenGateLLM mixes both spellings in one answer.
local function field(headers, part, name)
  return headers["x-ratelimit-" .. part .. "-" .. name] or headers["x-ratelimit-" .. part .. "-" .. name .. "s"]
end

local function limit_of(headers, name)
  local text = field(headers, "limit", name)
  if not text then return nil end
  local limit = tonumber(text)
  return {
    limit = limit, remaining = limit and tonumber(field(headers, "remaining", name)) or nil,
    reset = errors.duration(field(headers, "reset", name)),
  }
end

--- Reads the limits from the headers of an answer; gives nil without headers.
---@param headers table<string, string>|false|nil
---@return ogl.RateLimits?
function M.read(headers)
  if not headers then return nil end
  return { requests = limit_of(headers, "request"), tokens = limit_of(headers, "token") }
end

return M
