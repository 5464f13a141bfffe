--- Errors: one form for everything that the network, the server, the data or the system can cause.
--
-- Misuse by the programmer raises; everything else returns `nil, err`. An `err` is a table that prints as one readable line.
-- It never holds a key: `redact` removes the known secrets from all its texts before the caller sees it.
--
-- @module opengatellm.errors

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

-- Loaded when an answer needs it, or with the first client: what a failure needs must not be looked for when no file can be opened.
local function waits() return require "opengatellm.base.waits" end

--- Reads OGL's duration, "1h2m3s" (each part is optional; "250ms" and a bare number of seconds are read, too).
---@param text string?
---@return number? seconds nil where the text is not a duration
function M.duration(text) return waits().duration(text) end

--- Reads when the server allows the call to be repeated: `retry-after-ms`, `retry-after` (seconds or a date), then OGL's
--- `x-ratelimit-*`.
---@param headers table<string, string|string[]>
---@param now? number seconds since 1970; default os.time()
---@param message? string the refusal's message: it says which limit was reached
---@return number? seconds from now; nil where the server does not say
function M.retry_after(headers, now, message)
  return waits().named(headers, now) or waits().limited(headers, message)
end

-- Answers of 400 and above ----------------------------------------------------------------------------------------

--- Finds the message in an answer of 400 and above, whatever its form: JSON of any server, HTML of a proxy, text, nothing. The
--- form decides, not the content type, for OGL sends JSON errors as text/event-stream.
---@param status integer
---@param body string
---@return string message
---@return string? type
---@return string? code
---@return {path: string, message: string}[]? fields
function M.read_body(status, body)
  local message, kind, code, fields = require "opengatellm.base.error_body".read(status, body)
  return message, kind, code, fields
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
  err.retry_after = waits().named(err.headers) or limited and waits().limited(err.headers, err.message) or nil
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
