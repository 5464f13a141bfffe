--- Quotas: how long a limit lasts, read from the words of an error. A daily limit makes a retry in a minute useless.
--
-- @module opengatellm.base.quota
local M = {}

-- Patterns for lower case text in which `_` and `-` are blanks. Gemini's names have no blanks: GenerateRequestsPerDayPerProject.
local LONG = {
  "per ?day", "by ?day", "per %d+ ?days?%f[%A]", "per 86400", "%f[%d]24 ?h", "daily", "/ ?days?%f[%A]", "%f[%a]a day%f[%A]",
  "%f[%a][rt]pd%f[%A]", "for today", "tomorrow", "per ?week", "weekly", "per ?month", "monthly", "/ ?month", "%f[%a]a month%f[%A]",
}
local SHORT = {
  "per ?min", "by ?min", "per %d+ ?min", "per ?sec", "by ?sec", "per %d%d?%d?%d? ?s", "per ?hour", "by ?hour", "per %d+ ?hour", "/ ?min",
  "/ ?sec", "/ ?hour", "hourly", "%f[%a]a minute%f[%A]", "%f[%a]a second%f[%A]", "%f[%a][rtq]p[ms]%f[%A]",
}

-- The position where the earliest of these patterns matches.
local function first_of(text, patterns)
  local first
  for _, pattern in ipairs(patterns) do
    local at = text:find(pattern)
    if at and (not first or at < first) then first = at end
  end
  return first
end

-- Whether a text names a long period before any short one: later words often name another limit, or what a dearer plan allows.
local function names_long(text)
  if type(text) ~= "string" then return false end
  text = text:lower():gsub("://%S+", ""):gsub("[_%-]", " ")
  local long = first_of(text, LONG)
  local short = long and first_of(text, SHORT)
  return long ~= nil and (not short or long < short)
end

-- Google's details name each violated quota. Their quotes are escaped where a gateway has put the body into another one.
local VALUE = '^\\*"%s*:%s*\\*"([^"\\]*)'

--- Says whether an error speaks of a limit that lasts a day or longer.
---@param type? string
---@param code? string
---@param message? string
---@param body? string JSON
---@return boolean
function M.is_long(type, code, message, body)
  if names_long(type) or names_long(code) or names_long(message) then return true end
  for behind in (body or ""):gmatch "quota[%a_]*()" do
    if names_long(body:match(VALUE, behind)) then return true end
  end
  return false
end

--- Reads the wait that Google's RetryInfo asks for.
---@param body? string JSON
---@return number? seconds nil where the body names no wait
function M.delay(body)
  local seconds = (body or ""):match 'retryDelay\\*"%s*:%s*\\*"(%d+%.?%d*)s'
  return seconds and tonumber(seconds)
end

return M
