--- Waits: when a server allows a call to be repeated, by its headers.
--
-- @module opengatellm.base.waits
local M = {}

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

-- Days from 1970-01-01 to a date of the Gregorian calendar, in UTC; os.time would read it as local time.
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
    + math.floor((153 * month - 457) / 5) + day - 719469
end

--- Reads a date of HTTP (RFC 9110, 5.6.7), in the one form that servers still send.
---@param text string
---@return number? seconds since 1970
function M.date(text)
  local day, month, year, h, m, s = text:match "^%a+, (%d+) (%a+) (%d%d%d%d) (%d+):(%d+):(%d+) GMT$"
  if not day or not MONTHS[month] then return nil end
  return days(tonumber(year), MONTHS[month], tonumber(day)) * 86400 + tonumber(h) * 3600 + tonumber(m) * 60 + tonumber(s)
end

local LONGEST = 64 -- bytes of a number or a duration: on a longer text a pattern may take quadratic time

--- Reads OGL's duration, "1h2m3s" (each part is optional; "250ms" and a bare number of seconds are read, too).
---@param text string?
---@return number? seconds nil where the text is not a duration
function M.duration(text)
  if type(text) ~= "string" or #text > LONGEST then return nil end
  local factor, total, rest = { d = 86400, h = 3600, m = 60, s = 1, ms = 0.001 }, 0, text
  if tonumber(text) then return tonumber(text) end
  while rest ~= "" do
    local n, unit, tail = rest:match "^(%d+%.?%d*)(%a+)(.*)$"
    if not n or not factor[unit] then return nil end
    total, rest = total + tonumber(n) * factor[unit], tail
  end
  return text ~= "" and total or nil
end

-- The wait until one of OGL's two limits is free again, if it is used up. A limit "None" means that there is no limit.
local function reset_of(headers, name, reset)
  local limit, remaining = headers["x-ratelimit-limit-" .. name], tonumber(headers["x-ratelimit-remaining-" .. name])
  if not limit or limit == "None" or remaining ~= 0 then return nil end
  return M.duration(headers["x-ratelimit-reset-" .. reset])
end

local MINUTE = 60

-- The wait after a refusal that names a limit per minute. OGL's headers describe one token limit only, the daily one if there is one,
-- but the minute ends before that.
local function minute_of(headers, message)
  local name = message:match "^(%a+) limit per minute"
  name = name and name:lower()
  if not name or not headers["x-ratelimit-limit-" .. name] then return nil end
  if name == "request" then return reset_of(headers, name, "requests") or MINUTE end
  return math.min(reset_of(headers, name, name) or MINUTE, MINUTE)
end

-- The number in a header; a header that came twice counts with its first value.
local function number_of(text)
  if type(text) ~= "string" or #text > LONGEST then return nil end
  return tonumber(text:match "^%s*(%d*%.?%d+)%s*$" or text:match "^%s*(%d*%.?%d+)%s*,")
end

--- The wait that `retry-after-ms` or `retry-after` (seconds or a date) names.
---@param headers table<string, string|string[]>
---@param now? number seconds since 1970; default os.time()
---@return number? seconds
function M.named(headers, now)
  local ms, text = number_of(headers["retry-after-ms"]), headers["retry-after"]
  if ms then return ms / 1000 end
  if type(text) ~= "string" then return nil end
  local date = not number_of(text) and M.date(text)
  if date then return math.max(0, date - (now or os.time())) end
  return number_of(text)
end

--- The wait that the headers of OGL's limits name.
---@param headers table<string, string|string[]>
---@param message? string the refusal's message: it says which limit was reached
---@return number? seconds
function M.limited(headers, message)
  local minute = message and minute_of(headers, message)
  if minute then return minute end
  local request, token = reset_of(headers, "request", "requests"), reset_of(headers, "token", "token")
  if request and token then return math.max(request, token) end
  return request or token
end

return M
