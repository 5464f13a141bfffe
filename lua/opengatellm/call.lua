--- One HTTP call of a client: its headers and its address made, its answer of 400 and above read; with or without retries.
--
-- @module opengatellm.call
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local host = require "opengatellm.host"
local rate_limit = require "opengatellm.rate_limit"
local request = require "opengatellm.request"
local retry = require "opengatellm.retry"
local settings = require "opengatellm.settings"
local task = require "opengatellm.task"
local version = require "opengatellm.version"

local M = {}

local USER_AGENT = "opengatellm/" .. version
local ERROR_BODY = errors.BODY

---@class ogl.Wire what a call sends
---@field method string
---@field path string after the address; begins with "/"
---@field model? string that is asked, where an address names it
---@field root? boolean the path does not stand under the version segment
---@field headers? string[][] list of {name, value}
---@field api? string another address than the client's, with its version segment
---@field body? string
---@field form? ogl.Form in place of a body
---@field stream? boolean bytes as they come
---@field accept? string
---@field options? table of the call: headers, timeouts, on_progress
---@field repeatable "inference"|"always"|"unsent"|"refused" when it may be sent again

-- Headers ---------------------------------------------------------------------------------------------------------

local function add_all(list, seen, headers)
  for name, value in pairs(headers) do
    seen[name:lower()] = true
    list[#list + 1] = { name, value }
  end
end

--- All headers of a call, in order. The user's go before ours: who names one means it.
---@param client table
---@param wire ogl.Wire
---@param key? string
---@param scheme? string how the key goes: "bearer", or the header that takes it
---@return string[][]
function M.headers(client, wire, key, scheme)
  local list, seen = {}, {}
  if client.headers then add_all(list, seen, client.headers) end
  if wire.options and wire.options.headers then add_all(list, seen, wire.options.headers) end
  local function add(name, value)
    if value and not seen[name] then list[#list + 1] = { name, value } end
  end
  for _, row in ipairs(wire.headers or {}) do add(row[1]:lower(), row[2]) end
  add("user-agent", USER_AGENT)
  add("accept", wire.accept or wire.stream and "text/event-stream" or nil) -- whole answers are JSON whatever is asked for
  if wire.body or wire.form then add("content-type", wire.form and wire.form.content_type or "application/json") end
  for name, value in pairs(client.provider.headers or {}) do add(name, value) end
  if key and scheme == "bearer" then add("authorization", "Bearer " .. key) elseif key and scheme ~= "none" then add(scheme, key) end
  return list
end

-- The list of the usual call (a JSON body, nothing of its own) is made once a key: one for streams, one for whole answers.
local function headers_of(client, wire, key, scheme)
  if wire.headers or wire.accept or not wire.body or (wire.options and wire.options.headers) then
    return M.headers(client, wire, key, scheme)
  end
  local cache, kind = client.usual_headers(), wire.stream and "stream" or "whole"
  if cache.key ~= key then cache.key, cache.stream, cache.whole = key, nil, nil end
  cache[kind] = cache[kind] or M.headers(client, wire, key, scheme)
  return cache[kind]
end

local function timeouts_of(client, wire)
  local own = wire.options and wire.options.timeouts
  return own and request.timeouts(client.timeouts, own) or client.wire_timeouts
end

local function bad_key(message) return errors.new { kind = "config", message = "api_key: " .. message } end

-- The key, asked for at each try: a function may give tokens that do not live long.
local function key_of(client)
  local key, err = client.key()
  if key == nil then
    if err == nil then return nil end
    return nil, errors.is(err) and err or bad_key(tostring(err))
  end
  if type(key) ~= "string" then return nil, bad_key("the function returned a " .. type(key)) end
  if key:find "[%c]" then return nil, bad_key "it holds a line end or another control character" end
  return key
end

-- What is sent for the key, and how: by the provider's data, or by its module.
local function credential_of(client)
  local key, err = key_of(client)
  if err then return nil, err end
  if not client.auth then return key, client.provider.auth end
  return client.auth.credential(client, key)
end

--- Where a request goes. A module of auth may put more into the path.
---@param client table
---@param wire ogl.Wire
---@return string
function M.url(client, wire)
  if wire.api or wire.root then return (wire.api or client.root) .. wire.path end
  local path = client.auth and client.auth.path and client.auth.path(client, wire) or wire.path
  return client.api .. path
end

--- Puts the provider's name on an error, and a code if its sentence is known; takes the key that was sent last out of it. The
--- key is not asked for again: a function may have given another one since.
---@param client table
---@param err ogl.Error
---@return ogl.Error
function M.finish(client, err)
  local provider = client.provider
  err.provider = provider.name
  local worded = err.status or err.kind == "provider" -- by the server
  if worded and not err.code and provider.catalogue then
    local code, retryable = require(provider.catalogue).code(err)
    err.code, err.retryable = code, err.retryable or retryable or false
  end
  return errors.redact(err, client.usual_headers().sent)
end

local function only(wanted, report)
  return function(direction, done, total)
    if direction == wanted then report(done, total) end
  end
end

-- What the transport tells of both directions, as the caller wants it: of an upload if there is one, else of the answer.
local function progress_of(wire)
  local report = wire.options and wire.options.on_progress
  return report and only(wire.form and "up" or "down", report) or nil
end

-- A form is read anew for each try; the reader of the last one is closed first.
local function body_of(wire)
  if not wire.form then return wire.body end
  M.close_form(wire)
  wire.reader = wire.form.open()
  return wire.reader
end

--- Closes the files that a form has open.
function M.close_form(wire)
  if wire.reader then wire.reader.close() end
  wire.reader = nil
end

-- What a transport is asked. The table is the client's own, and used again: a transport reads it and does not keep it.
local function transport_request(client, wire, key, scheme)
  local draft = client.draft()
  client.usual_headers().sent = key
  draft.method, draft.url = wire.method, M.url(client, wire)
  draft.headers, draft.body, draft.stream = headers_of(client, wire, key, scheme), body_of(wire), wire.stream
  draft.timeouts, draft.host = timeouts_of(client, wire), client.host or nil
  draft.max_body = not wire.stream and client.bounds.body or nil
  draft.on_progress = progress_of(wire)
  return draft
end

-- Tries -----------------------------------------------------------------------------------------------------------

local function read_error(exchange)
  local pieces, size = {}, 0
  while size < ERROR_BODY do
    local bytes = exchange:read()
    if not bytes then break end -- what came of the body is worth showing, whatever ended it
    pieces[#pieces + 1], size = bytes, size + #bytes
  end
  return table.concat(pieces):sub(1, ERROR_BODY)
end

local function hint(client, err)
  local key = client.usual_headers().sent
  if err.status ~= 401 and not (err.status == 403 and not key) then return end
  if key or (client.provider.auth or "none") == "none" then return end
  err.message = err.message .. " (no key was sent: " .. settings.how(client.provider.key_env, "api_key") .. ")"
end

local function refused(client, exchange, status, headers)
  local err = client.protocol.decode_error(status, headers, read_error(exchange))
  exchange:close()
  hint(client, err)
  return nil, M.finish(client, err)
end

--- Begins a try: the request is on its way, and others can be begun before this one is settled.
---@return table? begun
---@return ogl.Error? err
function M.begin(client, wire)
  local refusal = host.refusal(host.current(client.host)) or task.cancelled() -- before anything is sent
  if refusal then return nil, M.finish(client, refusal) end
  if not client.api then return nil, client:missing() end
  local key, scheme = credential_of(client)
  if not key and scheme and type(scheme) ~= "string" then return nil, M.finish(client, scheme) end
  local transport, err
  transport, err = client:get_transport()
  if not transport then return nil, err end
  local exchange
  local draft = transport_request(client, wire, key, scheme)
  exchange, err = transport:open(draft)
  draft.body = nil -- it may be long
  if not exchange then return nil, M.finish(client, err) end
  return exchange
end

--- One try: the exchange and its head, or the error. A status of 300 and above is an error: redirects are not followed.
---@param begun? table what `begin` gave
---@return table? exchange
---@return integer|ogl.Error status or the error
---@return table? headers
function M.try(client, wire, begun)
  local exchange, err = begun
  if not exchange then
    exchange, err = M.begin(client, wire)
    if not exchange then return nil, err end
  end
  local status, headers = exchange:head()
  if not status then
    exchange:close()
    return nil, M.finish(client, headers)
  end
  rate_limit.note(client, headers)
  if status >= 300 then return refused(client, exchange, status, headers) end
  return exchange, status, headers
end

-- Whether a call may be sent again after this error: "unsent" where the server cannot have acted, "refused" where it said no (what
-- it took of an upload before the connection broke is not sent twice unasked). A form that is spent cannot be read again.
local function may_repeat(wire, err)
  if not err.retryable or wire.form and wire.form.spent then return false end
  if wire.repeatable == "unsent" then return err.sent == false or err.status == 429 end
  if wire.repeatable == "refused" then return err.sent == false or err.status ~= nil end
  return true
end

--- Whether to send again after an error; waits first. The call's budget, which is made at its first error, or nil: no.
---@param client table
---@param wire ogl.Wire
---@param err ogl.Error
---@param budget? table
---@return table? budget
function M.again(client, wire, err, budget)
  if not may_repeat(wire, err) then return nil end
  budget = budget or retry.budget(client.retries, host.current(client.host))
  return budget:wait(err) and budget or nil
end

--- Tries until there is an answer, or no try is left.
---@return table? exchange
---@return integer|ogl.Error status or the error
---@return table? headers
---@return table? budget what is left of it, if any try failed
function M.send(client, wire, budget, begun)
  local exchange, status, headers = M.try(client, wire, begun)
  if exchange then return exchange, status, headers, budget end
  budget = M.again(client, wire, status, budget)
  if not budget then return nil, status end
  return M.send(client, wire, budget)
end

-- Whole answers ---------------------------------------------------------------------------------------------------

--- The bytes of an answer to their end, which closes it.
---@return string?
---@return ogl.Error? err
function M.read_all(exchange)
  local pieces = {}
  while true do
    local bytes, err = exchange:read()
    if bytes then
      pieces[#pieces + 1] = bytes
    else
      exchange:close()
      if err then return nil, err end
      return pieces[2] and table.concat(pieces) or pieces[1] or ""
    end
  end
end

--- The whole body of an answer, with retries.
---@return string? body
---@return ogl.Error|{status: integer, headers: table} head or the error
function M.fetch(client, wire, begun)
  local exchange, status, headers, budget
  while true do
    exchange, status, headers, budget = M.send(client, wire, budget, begun)
    begun = nil
    local body, err
    if exchange then
      body, err = M.read_all(exchange)
    else
      err = status
    end
    M.close_form(wire)
    if body then return body, { status = status, headers = headers } end
    budget = exchange and M.again(client, wire, M.finish(client, err), budget)
    if not budget then return nil, err end
  end
end

--- The error of an answer that is not what it should be.
---@param client table
---@param head {status: integer, headers: table}
---@param message string
---@param body? string
---@return ogl.Error
function M.unexpected(client, head, message, body)
  return M.finish(client, errors.new {
    kind = "protocol", message = message, status = head.status, headers = head.headers, body = body and body:sub(1, ERROR_BODY),
    request_id = errors.request_id(head.headers),
  })
end

--- The error of an answer that should have been JSON.
---@param client table
---@param body string
---@param head {status: integer, headers: table}
---@param why string
---@return ogl.Error
function M.not_json(client, body, head, why)
  local message = "the server's answer is not JSON: " .. why
  if body:find "^%s*<" then message = (errors.read_body(head.status, body)) end
  return M.unexpected(client, head, message, body)
end

--- The decoded body of an answer, with retries. `pack`: see core.decode.
---@return any value
---@return ogl.Error|{status: integer, headers: table} head or the error
function M.json(client, wire, pack, begun)
  local body, head = M.fetch(client, wire, begun)
  if not body then return nil, head end
  local value, _, why = core.decode(body, pack)
  if value == nil then return nil, M.not_json(client, body, head, why) end
  return value, head
end

return M
