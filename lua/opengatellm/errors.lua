--- Errors: one form for everything that the network, the server, the data or the system can cause.
--
-- Misuse by the programmer raises; everything else returns `nil, err`. An `err` is a table that prints as one readable line.
-- It never holds a key: `redact` removes the known secrets from all its texts before the caller sees it.
--
-- @module opengatellm.errors
local core = require "opengatellm.core"

local M = {}

---@alias ogl.ErrorKind
---| "network" the connection failed, or broke
---| "tls" the server's certificate or the TLS handshake
---| "timeout" a time of `timeouts` ran out; `phase` says which
---| "http" a status of 400 and above, except those of the next two kinds
---| "rate_limit" 429, or its like inside an answer
---| "auth" 401 or 403, or their like inside an answer
---| "protocol" the answer is not what its protocol allows
---| "provider" the server reported an error inside an answer that had begun well
---| "incomplete" the answer stopped before its end; `partial` has the part that arrived
---| "limit" one of our own ceilings was reached
---| "cancelled" the task was cancelled
---| "closed" the object was used after close
---| "unsupported" this server or protocol cannot do that
---| "invalid" data that cannot be sent
---| "file" a local file could not be read or written
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
---@field reason? ogl.Reason why the server refused, in the same word for every provider (base/reason.lua)
---@field usage? ogl.Usage of a stream that broke off: what the server said, else an estimate with `estimated = true`
---@field attempts? ogl.Attempt[] every try of the call, where there were several
---@field request_id? string
---@field headers? table<string, string|string[]> of the answer
---@field body? string the front of the answer's body
---@field fields? {path: string, message: string}[] the mistakes in a refused request, and where they are
---@field partial? ogl.Reply the part of the reply that arrived
---@field provider? string
local mt = { __name = "opengatellm.error" }

--- The longest body that an error keeps, in bytes.
M.BODY = 64 * 1024
--- The longest part of a body that a message quotes, in bytes.
M.QUOTE = 300

-- Puts a text into one line: a log has one entry a line, and a server's words must not be able to forge another. U+0085, U+2028 and
-- U+2029 end lines as control characters do.
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

--- Turns a table of fields into an error.
---@param fields table at least `kind` and `message`
---@return ogl.Error
function M.new(fields)
  fields.retryable = fields.retryable == true
  return setmetatable(fields, mt)
end

--- Makes an error `unsupported`: the server, the protocol or this build cannot do something.
---@param message string
---@param code? string
---@return ogl.Error
function M.unsupported(message, code) return M.new { kind = "unsupported", code = code, message = message } end

--- Says whether a value is an error of this library.
---@param value any
---@return boolean
function M.is(value) return getmetatable(value) == mt end

-- A plain find, since a key may hold characters that have a meaning in a pattern.
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

--- Replaces a secret in every text of an error, since servers quote the key that they refuse.
---@param err ogl.Error
---@param secret? string ignored where it is shorter than 4 bytes: it would match anywhere
---@return ogl.Error err the same table
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

-- Days from 1970-01-01 to a date of the Gregorian calendar, in UTC; os.time would read it as local time.
local function days(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  return 365 * year + math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
    + math.floor((153 * month - 457) / 5) + day - 719469
end

-- An HTTP date (RFC 9110, 5.6.7, in the one form that servers still send) as seconds since 1970, or nil.
local function http_date(text)
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

-- The wait, in seconds, that `retry-after-ms` or `retry-after` (seconds or a date) names.
local function named_wait(headers, now)
  local ms, text = number_of(headers["retry-after-ms"]), headers["retry-after"]
  if ms then return ms / 1000 end
  if type(text) ~= "string" then return nil end
  local date = not number_of(text) and http_date(text)
  if date then return math.max(0, date - (now or os.time())) end
  return number_of(text)
end

-- The wait, in seconds, that the headers of OGL's limits name.
local function limit_wait(headers, message)
  local minute = message and minute_of(headers, message)
  if minute then return minute end
  local request, token = reset_of(headers, "request", "requests"), reset_of(headers, "token", "token")
  if request and token then return math.max(request, token) end
  return request or token
end

--- Reads when the server allows the call to be repeated: `retry-after-ms`, `retry-after` (seconds or a date), then OGL's
--- `x-ratelimit-*`.
---@param headers table<string, string|string[]>
---@param now? number seconds since 1970; default os.time()
---@param message? string the refusal's message: it says which limit was reached
---@return number? seconds from now; nil where the server does not say
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

-- Reads FastAPI's list of mistakes: {"detail": [{"loc": ["body", "model"], "msg": "Field required"}]}.
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

--- Finds the message in an answer of 400 and above, whatever its form: JSON of any server, HTML of a proxy, text, nothing. The
--- form decides, not the content type, for OGL sends JSON errors as text/event-stream.
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
-- 409 is missing because the server has acted already. 520 to 524: Cloudflare got no answer from the server behind it.
local RETRYABLE = {
  [408] = true, [429] = true, [500] = true, [502] = true, [503] = true, [504] = true, [529] = true,
  [520] = true, [521] = true, [522] = true, [523] = true, [524] = true,
}
local LIMITS = { [429] = true, [503] = true } -- with these statuses, headers and words about limits count

-- Sets when a call may be repeated. `passing`: it may succeed later; `limited`: a limit was reached, perhaps a daily one.
local function set_retry(err, passing, limited)
  local quota = require "opengatellm.base.quota"
  local long = limited and quota.is_long(err.type, err.code, err.message, err.body)
  err.retryable = passing and not long
  if not passing then return err end
  err.retry_after = named_wait(err.headers) or limited and limit_wait(err.headers, err.message) or nil
  if not long then err.retry_after = err.retry_after or quota.delay(err.body) end
  return err
end

--- Makes the error of an answer of 400 and above.
---@param status integer
---@param headers table<string, string|string[]>
---@param body string
---@return ogl.Error
function M.from_status(status, headers, body)
  local message, kind, code, fields = M.read_body(status, body)
  local limited = LIMITS[status] or M.provider_kind(kind, code) == "rate_limit"
  return require "opengatellm.base.reason".set(set_retry(M.new {
    kind = AUTH[status] and "auth" or status == 429 and "rate_limit" or "http",
    message = message, type = kind, code = code, fields = fields, status = status, headers = headers,
    body = body:sub(1, M.BODY), request_id = M.request_id(headers),
  }, RETRYABLE[status] or false, limited))
end

--- Finds the server's own name of this exchange, for its operators' logs.
---@param headers table<string, string|string[]>
---@return string?
function M.request_id(headers)
  local id = headers["x-request-id"] or headers["request-id"]
  return type(id) == "string" and id or nil
end

local WORDS = {
  { "rate_limit", { "rate_limit", "rate limit", "too_many_requests", "resource_exhausted", "^429$" } },
  { "auth", { "auth", "permission", "invalid_api_key", "^401$", "^403$" } },
}

--- Says of which kind an error inside an answer is: `provider`, unless its type or code says more.
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

-- Whether the server's words mean that it is too busy now.
local function is_busy(type, code)
  for _, word in ipairs(PASSING) do
    if (type or ""):lower():find(word) or (code or ""):lower():find(word) then return true end
  end
  return false
end

--- Makes the error that a server reported inside an answer that had begun well. It is retryable where the server is too busy, or where
--- a rate limit lasts less than a day; the headers say when.
---@param said table `message`, and those of type, code, body and fields that are known; it becomes the error
---@param headers table<string, string|string[]> of the answer
---@return ogl.Error
function M.inside(said, headers)
  said.kind, said.headers, said.request_id = M.provider_kind(said.type, said.code), headers, M.request_id(headers)
  local limited = said.kind == "rate_limit"
  return require "opengatellm.base.reason".set(set_retry(M.new(said), limited or is_busy(said.type, said.code), limited))
end

return M
