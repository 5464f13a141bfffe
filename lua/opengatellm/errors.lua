--- Errors: one form for everything that the network, the server, the data or the system can cause.
--
-- Misuse by the programmer raises; all else is returned as `nil, err`. An `err` is a table that prints as one readable line.
-- It never holds a key: what is known to be secret is taken out of every text before the table is made.
--
-- @module opengatellm.errors
local core = require "opengatellm.core"

local M = {}

---@alias ogl.ErrorKind
---| "network" the connection failed, or broke
---| "tls" the server's certificate or the TLS handshake
---| "timeout" one of `timeouts` ran out; `phase` says which
---| "http" a status of 400 and above that is none of the next two
---| "rate_limit" 429, or its like inside an answer
---| "auth" 401 or 403, or their like inside an answer
---| "protocol" the answer is not what its protocol allows
---| "provider" the server reported an error inside an answer that had begun well
---| "incomplete" the answer ended before its end; `partial` has what came
---| "limit" one of our own ceilings
---| "cancelled" its task was cancelled
---| "closed" used after close
---| "unsupported" this server or protocol cannot do that
---| "invalid" data that cannot be sent
---| "file" a local file
---| "config" something that has to be set first

---@class ogl.Error
---@field kind ogl.ErrorKind
---@field message string
---@field status? integer HTTP status
---@field code? string the server's or the system's own code
---@field type? string the server's own type
---@field phase? string of a timeout: connect, first_byte, idle or total
---@field retryable boolean whether the same call may succeed later
---@field retry_after? number seconds, when the server said so
---@field request_id? string
---@field headers? table<string, string|string[]>
---@field body? string the front of the answer's body
---@field fields? {path: string, message: string}[] of a refused request: what is wrong where
---@field partial? ogl.Reply what came of the reply
---@field provider? string
local mt = { __name = "opengatellm.error" }

--- The longest body that an error keeps, in bytes.
M.BODY = 64 * 1024
--- The longest part of a body that a message quotes, in bytes.
M.QUOTE = 300

-- A text in one line: a log has one entry a line, and a server's words could make another one up. Besides control characters, U+0085,
-- U+2028 and U+2029 end lines.
local function one_line(text)
  text = text:gsub("\194\133", "\n"):gsub("\226\128[\168\169]", "\n")
  return (text:gsub("[ %c]+", function(run) return run:find "%c" and " " or nil end))
end

function mt.__tostring(err)
  local line = "opengatellm: " .. err.kind
  if err.status then line = line .. " " .. err.status end
  line = line .. ": " .. tostring(err.message)
  if err.retry_after then line = line .. string.format(" (retry after %.3g s)", err.retry_after) end
  return one_line(line)
end

--- Makes an error of a table of its fields.
---@param fields table at least `kind` and `message`
---@return ogl.Error
function M.new(fields)
  fields.retryable = fields.retryable == true
  return setmetatable(fields, mt)
end

--- The error of what a server, a protocol or this build cannot do.
---@param message string
---@param code? string
---@return ogl.Error
function M.unsupported(message, code) return M.new { kind = "unsupported", code = code, message = message } end

---@return boolean # whether the value is an error of this library
function M.is(value) return getmetatable(value) == mt end

-- Plain find: a key may hold characters that mean something in a pattern.
local function without(text, secret)
  local from, to = text:find(secret, 1, true)
  while from do
    text = text:sub(1, from - 1) .. "[REDACTED]" .. text:sub(to + 1)
    from, to = text:find(secret, from + 10, true)
  end
  return text
end

local function redact_all(texts, secret)
  for key, value in pairs(texts) do
    if type(value) == "string" then texts[key] = without(value, secret)
    elseif type(value) == "table" then redact_all(value, secret) end
  end
end

--- Takes a secret out of every text of an error (servers quote the key that they refuse).
---@param err ogl.Error
---@param secret? string
---@return ogl.Error
function M.redact(err, secret)
  if not secret or #secret < 4 then return err end
  for _, field in ipairs { "message", "body", "code", "type", "request_id" } do
    if type(err[field]) == "string" then err[field] = without(err[field], secret) end
  end
  for _, field in ipairs { "headers", "fields", "partial" } do
    if type(err[field]) == "table" then redact_all(err[field], secret) end
  end
  return err
end

-- Headers ---------------------------------------------------------------------------------------------------------

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11, Dec = 12 }

-- Days from 1970-01-01 to a date of the Gregorian calendar; os.time would take it for local time.
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
    + math.floor((153 * month - 457) / 5) + day - 719469
end

-- An HTTP date (RFC 9110 5.6.7, the form that is in use) as seconds since 1970, or nil.
local function http_date(text)
  local day, month, year, h, m, s = text:match "^%a+, (%d+) (%a+) (%d%d%d%d) (%d+):(%d+):(%d+) GMT$"
  if not day or not MONTHS[month] then return nil end
  return days(tonumber(year), MONTHS[month], tonumber(day)) * 86400 + tonumber(h) * 3600 + tonumber(m) * 60 + tonumber(s)
end

local LONGEST = 64 -- bytes of a number or a duration: a pattern may go over a longer text again and again

--- OGL's duration, "1h2m3s" (each part optional, also "250ms"), in seconds; nil where it is none.
---@param text string?
---@return number?
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

-- The wait until one of OGL's two limits is free again, when it is used up. A limit of "None" is no limit.
local function reset_of(headers, name, reset)
  local limit, remaining = headers["x-ratelimit-limit-" .. name], tonumber(headers["x-ratelimit-remaining-" .. name])
  if not limit or limit == "None" or remaining ~= 0 then return nil end
  return M.duration(headers["x-ratelimit-reset-" .. reset])
end

local MINUTE = 60

-- The wait after a refusal that names a limit of the minute. OGL's headers tell one limit of tokens, the day's where there is one: the
-- minute is over before that.
local function minute_of(headers, message)
  local name = message:match "^(%a+) limit per minute"
  name = name and name:lower()
  if not name or not headers["x-ratelimit-limit-" .. name] then return nil end
  if name == "request" then return reset_of(headers, name, "requests") or MINUTE end
  return math.min(reset_of(headers, name, name) or MINUTE, MINUTE)
end

-- A number of a header; of one that came twice, the first.
local function number_of(text)
  if type(text) ~= "string" or #text > LONGEST then return nil end
  return tonumber(text:match "^%s*(%d*%.?%d+)%s*$" or text:match "^%s*(%d*%.?%d+)%s*,")
end

-- The wait that `retry-after-ms` or `retry-after` names, in seconds or as a date.
local function named_wait(headers, now)
  local ms, text = number_of(headers["retry-after-ms"]), headers["retry-after"]
  if ms then return ms / 1000 end
  if type(text) ~= "string" then return nil end
  local date = not number_of(text) and http_date(text)
  if date then return math.max(0, date - (now or os.time())) end
  return number_of(text)
end

-- The wait that OGL's limits name.
local function limit_wait(headers, message)
  local minute = message and minute_of(headers, message)
  if minute then return minute end
  local request, token = reset_of(headers, "request", "requests"), reset_of(headers, "token", "token")
  if request and token then return math.max(request, token) end
  return request or token
end

--- When the server says that the call may be repeated, in seconds from now; nil when it does not say.
--- Reads `retry-after-ms`, `retry-after` (seconds or a date), then OGL's `x-ratelimit-*`.
---@param headers table<string, string|string[]>
---@param now? number seconds since 1970; default os.time()
---@param message? string of the refusal: it says which limit was reached
---@return number?
function M.retry_after(headers, now, message)
  return named_wait(headers, now) or limit_wait(headers, message)
end

-- Answers of 400 and above ----------------------------------------------------------------------------------------

local function plain(html)
  local title = html:match "<[tT][iI][tT][lL][eE][^>]*>%s*(.-)%s*</"
  if title and title ~= "" then return title end
  return (html:gsub("<[^>]*>", " "):gsub("%s+", " "):gsub("^ ", ""))
end

local function quote(text)
  text = core.utf8_repair(text):gsub("%s+", " "):gsub("^ ", ""):gsub(" $", "")
  if #text > M.QUOTE then
    local cut = M.QUOTE
    while cut > 0 and (text:byte(cut + 1) or 0) >= 0x80 and text:byte(cut + 1) < 0xC0 do cut = cut - 1 end
    text = text:sub(1, cut) .. "…"
  end
  return text
end

-- FastAPI's list of what is wrong where: {"detail": [{"loc": ["body", "model"], "msg": "Field required"}]}.
local function fields_of(value)
  local list = type(value) == "table" and value.detail
  if type(list) ~= "table" or type(list[1]) ~= "table" or not list[1].msg then return nil end
  local fields = {}
  for _, row in ipairs(list) do
    local path = {}
    for _, step in ipairs(type(row.loc) == "table" and row.loc or {}) do path[#path + 1] = tostring(step) end
    fields[#fields + 1] = { path = table.concat(path, "."), message = tostring(row.msg) }
  end
  return fields
end

local function join(fields)
  local lines = {}
  for i, field in ipairs(fields) do lines[i] = field.path == "" and field.message or field.path .. ": " .. field.message end
  return table.concat(lines, "; ")
end

--- What an answer of 400 and above says, whatever its form: JSON of any server, HTML of a proxy, text, nothing. The
--- content type is not asked: OGL sends JSON errors as text/event-stream.
---@param status integer
---@param body string
---@return string message
---@return string? type
---@return string? code
---@return {path: string, message: string}[]? fields
function M.read_body(status, body)
  local text = body:gsub("^%s+", "")
  if text == "" then return "the server answered " .. status .. " without a word" end
  if text:find "^event:" then text = text:match "\ndata:%s*([^\r\n]+)" or text end -- an error event in place of a body
  if text:find "^[%[{\"]" then
    local value = core.decode(text)
    local fields = fields_of(value)
    if fields then return join(fields), nil, nil, fields end
    local message, kind, code = core.fault(core.utf8_repair(text))
    if value ~= nil then return message, kind, code end
    return "the server's error is cut short: " .. quote(text)
  end
  if text:find "^<" then return "the server answered with HTML: " .. quote(plain(text)) end
  return quote(text)
end

local AUTH = { [401] = true, [403] = true }
-- 409 says that the server has acted. 520 to 524: Cloudflare had no answer of the server behind it.
local RETRYABLE = {
  [408] = true, [429] = true, [500] = true, [502] = true, [503] = true, [504] = true, [529] = true,
  [520] = true, [521] = true, [522] = true, [523] = true, [524] = true,
}
local LIMITS = { [429] = true, [503] = true } -- statuses of a limit that is reached: what headers and words say of limits counts

-- Puts into an error when to try again. `limited`: because a limit was reached, of the day or longer it may be.
local function set_retry(err, passing, limited)
  local quota = require "opengatellm.base.quota"
  local long = limited and quota.is_long(err.type, err.code, err.message, err.body)
  err.retryable = passing and not long
  if not passing then return err end
  err.retry_after = named_wait(err.headers) or limited and limit_wait(err.headers, err.message) or nil
  if not long then err.retry_after = err.retry_after or quota.delay(err.body) end
  return err
end

--- The error of an answer of 400 and above.
---@param status integer
---@param headers table<string, string|string[]>
---@param body string
---@return ogl.Error
function M.from_status(status, headers, body)
  local message, kind, code, fields = M.read_body(status, body)
  local limited = LIMITS[status] or M.provider_kind(kind, code) == "rate_limit"
  return set_retry(M.new {
    kind = AUTH[status] and "auth" or status == 429 and "rate_limit" or "http",
    message = message, type = kind, code = code, fields = fields, status = status, headers = headers,
    body = body:sub(1, M.BODY), request_id = M.request_id(headers),
  }, RETRYABLE[status] or false, limited)
end

---@return string? # what the server calls this exchange
function M.request_id(headers)
  local id = headers["x-request-id"] or headers["request-id"]
  return type(id) == "string" and id or nil
end

local WORDS = {
  { "rate_limit", { "rate_limit", "rate limit", "too_many_requests", "resource_exhausted", "^429$" } },
  { "auth", { "auth", "permission", "invalid_api_key", "^401$", "^403$" } },
}

--- The kind of an error that came inside an answer: `provider`, unless its type or code says more.
---@param type? string
---@param code? string
---@return ogl.ErrorKind
function M.provider_kind(type, code)
  local text = { (type or ""):lower(), (code or ""):lower() }
  for _, row in ipairs(WORDS) do
    for _, word in ipairs(row[2]) do
      if text[1]:find(word) or text[2]:find(word) then return row[1] end
    end
  end
  return "provider"
end

local PASSING = { "overloaded", "unavailable", "^503$", "^529$" }

-- Whether a server that says this is too busy.
local function is_busy(type, code)
  for _, word in ipairs(PASSING) do
    if (type or ""):lower():find(word) or (code or ""):lower():find(word) then return true end
  end
  return false
end

--- The error that a server reported inside an answer that had begun well. It may pass where it is a rate limit that is not one of the
--- day, or where the server is too busy; when to try again says the head of the answer.
---@param said table message, and what else there is of type, code, body, fields; it becomes the error
---@param headers table<string, string|string[]>
---@return ogl.Error
function M.inside(said, headers)
  said.kind, said.headers, said.request_id = M.provider_kind(said.type, said.code), headers, M.request_id(headers)
  local limited = said.kind == "rate_limit"
  return set_retry(M.new(said), limited or is_busy(said.type, said.code), limited)
end

return M
