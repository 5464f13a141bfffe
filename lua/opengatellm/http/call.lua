--- Calls and their tries: a call sends a client's request, again and again under one budget of retries, until it has an answer.
--
--   local call = M.new(client, wire)
--   local exchange, status, headers = call:send()       tries until the server answers, or no try is left
--   local body, head = call:fetch()                     the same, and reads the whole body
--   local value, head = call:json()                     the same, decoded
--   call:finish(err)                                    completes an error for its caller, and removes the secrets of all tries from it
--
-- A call has what all tries share: client, wire, budget. A try has what goes out once: the secret that was asked for then, the exchange,
-- the reader of a form. The client keeps nothing of either, so that two calls at once share only connections and rate limits.
--
-- @module opengatellm.http.call
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local host = require "opengatellm.host"
local memory = require "opengatellm.base.memory"
local rate_limit = require "opengatellm.http.rate_limit"
local request = require "opengatellm.request"
local settings = require "opengatellm.providers.settings"
local task = require "opengatellm.task"
local version = require "opengatellm.version"

local M = {}

local NONE = {}
local USER_AGENT = "opengatellm/" .. version
local ERROR_BODY = errors.BODY

---@class ogl.Call
---@field client table
---@field wire? ogl.Wire of a chat once its steps have been walked
---@field request? ogl.Request of a chat, until its body is made
---@field operation? string the method that a chat was asked with: "chat", "stream", "preview", "count_tokens"
---@field streamed? boolean a chat's answer is wanted as a stream
---@field model? string that a chat asks
---@field uploads? ogl.Attachments of a chat, until they are sent
---@field event_functions? ogl.EventFunction[] functions that the events of its answer go through: see chat/event_chain.lua
---@field try? ogl.Try the present one
---@field sent? integer bytes of the body that was sent, once it is let go
---@field budget? ogl.Budget of retries, once a try has failed
---@field attempts? ogl.Attempt[] once a try has failed
---@field asked? ogl.Request as it was given, where a function of the caller's decides on retries, which may change it as `request`
---@field prepare? fun(call: ogl.Call): string|ogl.Error|nil makes the wire of `asked` anew; gives the mistake or the error
---@field deadline? number seconds of the host's clock, after which no try begins and none goes on
---@field view? ogl.MiddlewareCall
---@field states? table[] of the event functions
---@field guard? ogl.EventGuard of the event functions
---@field earlier? (fun(): table)[] credentials of tries before, where they were others
local Call = {}
Call.__index = Call

---@class ogl.Try what goes out once
---@field credential fun(): table gives the key that was sent; a function, because a program that prints tables does not look into it
---@field exchange table
---@field decoder? table|false of a stream; nil: its answer was not asked for yet
---@field reader? table of a form
---@field committed? boolean it stays, although no part of an answer has come
---@field at? number when it was begun, in seconds of its host

---@class ogl.Wire what a call sends
---@field method string
---@field path string after the address; begins with "/"
---@field model? string that is asked, where the address names it
---@field root? boolean the path does not stand under the version segment
---@field headers? string[][] list of {name, value}
---@field api? string an address to use in place of the client's, with its version segment
---@field body? string
---@field form? ogl.Form in place of a body
---@field stream? boolean the exchange gives bytes as they come
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

--- Lists all headers of a call, in order. A header that the user names takes the place of ours.
---@param client table
---@param wire ogl.Wire
---@param key? string
---@param scheme? string how the key is sent: "bearer", "none", or the name of the header that takes it
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
  add("accept", wire.accept or wire.stream and "text/event-stream" or nil) -- servers send whole answers as JSON without being asked
  if wire.body or wire.form then add("content-type", wire.form and wire.form.content_type or "application/json") end
  for name, value in pairs(client.provider.headers or {}) do add(name, value) end
  if key and scheme == "bearer" then add("authorization", "Bearer " .. key) elseif key and scheme ~= "none" then add(scheme, key) end
  return list
end

-- Makes the list of the usual call (a JSON body, no headers of its own) once for each key: one for streams, one for whole answers.
local function headers_of(client, wire, secret)
  if wire.headers or wire.accept or not wire.body or (wire.options and wire.options.headers) then
    return M.headers(client, wire, secret.key, secret.scheme)
  end
  local kind = wire.stream and "stream" or "whole"
  secret[kind] = secret[kind] or M.headers(client, wire, secret.key, secret.scheme)
  return secret[kind]
end

local timeouts_of -- it asks itself

-- `left`: seconds until the call's deadline, where it has one.
function timeouts_of(client, wire, left)
  if left then
    local timeouts = request.merge(timeouts_of(client, wire))
    timeouts.total = math.min(timeouts.total or math.huge, math.max(left, 0.001))
    return timeouts
  end
  local own = wire.options and wire.options.timeouts
  return own and request.timeouts(client.timeouts, own) or client.wire_timeouts
end

local function bad_key(message) return errors.new { kind = "config", message = "api_key: " .. message } end

-- Asks for the key at each try, because a function may give tokens that expire soon.
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

-- The secret to send, and its scheme: the key as the provider's data say, or what its module of auth makes of the key.
local function secret_of(client)
  local key, err = key_of(client)
  if err then return nil, nil, err end
  if not client.auth then return key, client.provider.auth end
  local secret, scheme = client.auth.credential(client, key)
  if not secret and scheme and type(scheme) ~= "string" then return nil, nil, scheme end
  return secret, scheme
end

local credentials = setmetatable({}, { __mode = "k" }) -- client -> its last credential, which the next try mostly needs again

-- The credential of a try: a function that gives the key, the scheme and the lists of headers that hold it.
local function credential_of(client)
  local key, scheme, err = secret_of(client)
  if err then return nil, err end
  local last = credentials[client]
  local known = last and last()
  if known and known.key == key and known.scheme == scheme then return last end
  local secret = { key = key, scheme = scheme, stream = nil, whole = nil }
  local function credential() return secret end
  credentials[client] = credential
  return credential
end

--- The address that a request goes to. A module of auth may put more into the path.
---@param client table
---@param wire ogl.Wire
---@return string? address
---@return ogl.Error? err
function M.url(client, wire)
  if wire.api or wire.root then return (wire.api or client.root) .. wire.path end
  local path, err = wire.path, nil
  if client.auth and client.auth.path then path, err = client.auth.path(client, wire) end
  return path and client.api .. path, err
end

local function only(wanted, report)
  return function(direction, done, total)
    if direction == wanted then report(done, total) end
  end
end

-- The transport reports both directions; the caller wants to hear of one: of the upload if the call has a form, else of the answer.
local function progress_of(wire)
  local report = wire.options and wire.options.on_progress
  return report and only(wire.form and "up" or "down", report) or nil
end

local drafts = setmetatable({}, { __mode = "k" }) -- client -> the table of a request that no transport reads any more

-- Makes the table that describes a request to a transport. `way` says how to reach the server: proxy, TLS, Unix socket.
local function new_draft(client)
  local way = client.way()
  return {
    proxy = way.proxy, no_proxy = way.no_proxy, unix_socket = way.unix_socket, tls = way.tls, host = client.host or nil,
    method = nil, url = nil, headers = nil, body = nil, stream = nil, timeouts = nil, max_body = nil, on_progress = nil,
  }
end

-- Opens an exchange. A transport reads the table that it is given and does not keep it, so the next call uses it again. While a
-- transport still reads it, it is out of `drafts`, and a call that comes then makes another.
local function open(transport, client, wire, address, secret, body, left)
  local draft = drafts[client] or new_draft(client)
  drafts[client] = nil
  draft.method, draft.url, draft.headers, draft.body = wire.method, address, headers_of(client, wire, secret), body
  draft.stream, draft.timeouts = wire.stream, timeouts_of(client, wire, left)
  draft.max_body, draft.on_progress = not wire.stream and client.bounds.body or nil, progress_of(wire)
  local exchange, err = transport:open(draft)
  draft.headers, draft.body, draft.on_progress = nil, nil, nil
  drafts[client] = draft
  return exchange, err
end

-- Tries -----------------------------------------------------------------------------------------------------------

local function read_error(exchange)
  local pieces, size = {}, 0
  while size < ERROR_BODY do
    local bytes = exchange:read()
    if not bytes then break end -- the error shows the bytes that came, even if the body broke off
    pieces[#pieces + 1], size = bytes, size + #bytes
  end
  return table.concat(pieces):sub(1, ERROR_BODY)
end

-- Keeps the credential of the try before, because a later error may quote it.
local function remember(call, credential)
  local before = call.try
  if not before or before.credential == credential then return end
  call.earlier = call.earlier or {}
  table.insert(call.earlier, before.credential)
end

local function hint(call, err)
  local key, provider = call.try.credential().key, call.client.provider
  if err.status ~= 401 and not (err.status == 403 and not key) then return end
  if key or (provider.auth or "none") == "none" then return end
  err.message = err.message .. " (no key was sent: " .. settings.how(provider.key_env, "api_key") .. ")"
end

local function refused(call, exchange, status, headers)
  local err = call.client.protocol.decode_error(status, headers, read_error(exchange))
  exchange:close()
  hint(call, err)
  return nil, call:finish(err)
end

--- Makes a call; nothing is sent yet.
---@param client table
---@param wire? ogl.Wire nil: the steps of a chat make it (chat/steps.lua)
---@return ogl.Call
function M.new(client, wire)
  -- naming all fields of a chat's call gives the table its final size at once
  return setmetatable({
    client = client, wire = wire, try = nil, sent = nil, request = nil, operation = nil, streamed = nil, model = nil,
  }, Call)
end

--- Begins a try: sends the request, and returns before the server answers, so that other calls can begin meanwhile. Errors: `config`
--- without an address or a usable key, `cancelled`, and those of the transport.
---@return boolean? begun
---@return ogl.Error? err
function Call:begin()
  local client, wire = self.client, self.wire
  local here = host.current(client.host)
  local refusal = host.refusal(here) or task.cancelled() -- before anything is sent
  if refusal then return nil, self:finish(refusal) end
  if not client.api then return nil, client:missing() end
  local address, err = M.url(client, wire)
  if not address then return nil, self:finish(err) end
  local credential
  credential, err = credential_of(client)
  if not credential then return nil, self:finish(err) end
  local transport
  transport, err = client:get_transport()
  if not transport then return nil, err end
  self:close_reader()
  remember(self, credential)
  local reader = wire.form and wire.form.open() or nil -- a form is read anew
  local try = { credential = credential, exchange = nil, decoder = nil, at = here.now() }
  if reader then try.reader = reader end
  self.try = try
  local left = self.deadline and self.deadline - here.now()
  try.exchange, err = open(transport, client, wire, address, credential(), reader or wire.body, left)
  if not try.exchange then return nil, self:finish(err) end
  return true
end

-- Waits for the head of a try's answer (and begins the try, if need be): gives the exchange and its head, or the error. A status of 300
-- and above is an error, because redirects are not followed.
local function settle(call)
  local pending = call.try
  if not (pending and pending.exchange and pending.decoder == nil) then
    local fine, err = call:begin()
    if not fine then return nil, err end
  end
  call.try.decoder = false
  local exchange = call.try.exchange
  local status, headers = exchange:head()
  if not status then
    exchange:close()
    return nil, call:finish(headers)
  end
  rate_limit.note(call.client, headers)
  if status >= 300 then return refused(call, exchange, status, headers) end
  return exchange, status, headers
end

--- Whether part of an answer has left its decoder. If so, no other try may answer the call.
---@return boolean
function Call:committed()
  local try = self.try
  return try.committed or try.decoder:committed()
end

--- The options of most calls: the caller set none, or only `keep = false`.
M.PLAIN, M.UNKEPT = {}, { keep = false }

-- The wires of calls that will not be sent again. All calls with these options share them, so that thousands of streams keep no wire each.
local SPENT = {
  [M.PLAIN] = { options = M.PLAIN, warnings = {} },
  [M.UNKEPT] = { options = M.UNKEPT, warnings = {} },
}

--- Lets the request go (it may hold a long prompt) once the call is committed, and so will not be sent again.
function Call:spend()
  local wire = self.wire
  self.sent = #wire.body
  local spent = not wire.warnings[1] and SPENT[wire.options]
  if spent then self.wire = spent else wire.body = nil end
end

--- Commits the call to its present try, even if no part of an answer has come.
function Call:commit() self.try.committed = true end

-- Loaded with the first try that fails: a call that is answered at once never needs it.
local function tries() return require "opengatellm.http.tries" end

--- Says whether to send again after an error; waits first.
---@param err ogl.Error
---@return boolean again false, at once, if it must not be sent again
function Call:again(err) return tries().again(self, err) end

--- Adds an error that no other try may answer to the attempts, where there were tries before.
---@param err ogl.Error
function Call:failed(err)
  if self.attempts then tries().failed(self, err) end
end

--- Adds the try that answered to the attempts of a call that has some.
---@param status integer
---@param usage? ogl.Usage
---@return ogl.Attempt[]
function Call:answered(status, usage) return tries().answered(self, status, usage) end

--- Tries until the server answers, or no try is left.
---@return table? exchange
---@return integer|ogl.Error status or the error
---@return table? headers
function Call:send()
  local exchange, status, headers = settle(self)
  while not exchange do
    if not self:again(status) then return nil, status end
    exchange, status, headers = settle(self)
  end
  return exchange, status, headers
end

--- Completes an error of this call for its caller: adds the provider's name, and a code if the server's sentence is known; removes the
--- keys that the tries sent. It does not ask for the key again, because a function may give another one by now.
---@param err ogl.Error
---@return ogl.Error
function Call:finish(err)
  local provider = self.client.provider
  err.provider = provider.name
  local worded = err.status or err.kind == "provider" -- the message is the server's
  if worded and not err.code and provider.catalogue then
    local code, retryable = require(provider.catalogue).code(err)
    err.code, err.retryable = code, err.retryable or retryable or false
  end
  for _, credential in ipairs(self.earlier or NONE) do errors.redact(err, credential().key) end
  return errors.redact(err, self.try and self.try.credential().key)
end

--- Closes the files that a form has open.
function Call:close_reader()
  local try = self.try
  if try and try.reader then try.reader.close() end
  if try then try.reader = nil end
end

--- Ends a call that was begun: closes its exchange and its files.
function Call:close()
  if self.try and self.try.exchange then self.try.exchange:close() end
  self:close_reader()
end

-- Whole answers ---------------------------------------------------------------------------------------------------

--- Reads the body of an answer to its end, and closes the exchange.
---@param exchange table of transport/init.lua
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
      if pieces[2] then return memory.attempt(table.concat, pieces) end
      return pieces[1] or ""
    end
  end
end

-- Loads the module with the first whole answer, because a program that only streams never needs it.
local function answers() return require "opengatellm.http.answer" end

local calls = setmetatable({}, { __mode = "k" }) -- head of an answer -> the call that it answers

--- Reads the whole body of an answer, with retries.
---@return string? body
---@return ogl.Error|{status: integer, headers: table} head or the error
function Call:fetch()
  while true do
    local exchange, status, headers = self:send()
    if not exchange then
      self:close_reader()
      return nil, status
    end
    local body, err = M.read_all(exchange)
    self:close_reader()
    if body then
      local head = { status = status, headers = headers }
      calls[head], self.wire = self, nil -- a program that keeps the head must not keep the request with it
      return body, head
    end
    if not self:again(self:finish(err)) then return nil, err end
  end
end

--- Reads and decodes the body of an answer, with retries. An answer that is an error in spite of its status (answer.lua) is returned as
--- that error; one that is not JSON, as an error of kind `protocol`.
---@param pack? string see core.decode
---@param state? string see answer.is_fault
---@return any value
---@return ogl.Error|{status: integer, headers: table} head or the error
---@return string? body
function Call:json(pack, state)
  local body, head = self:fetch()
  if not body then return nil, head end
  local value, code, why = memory.attempt(core.decode, body, pack)
  if value == nil and not why then return nil, self:finish(code) end
  local err = answers().fault(body, value, head, state)
  if err then return nil, self:finish(err) end
  if value == nil then return nil, M.not_json(self.client, body, head, why) end
  return value, head, body
end

--- Sends a request, and gives the whole body of its answer: see Call:fetch.
---@param client table
---@param wire ogl.Wire
function M.fetch(client, wire) return M.new(client, wire):fetch() end

--- Sends a request, and gives the decoded body of its answer: see Call:json.
---@param client table
---@param wire ogl.Wire
---@param pack? string passed to Call:json
---@param state? string passed to Call:json
function M.json(client, wire, pack, state) return M.new(client, wire):json(pack, state) end

--- Completes an error that was made from an answer after its call: see Call:finish.
---@param client table
---@param err ogl.Error
---@param head? table of the answer, as `fetch` gave it; nil: the error quotes no answer
---@return ogl.Error
function M.finish(client, err, head)
  local answered = head and calls[head] or M.new(client)
  return answered:finish(err)
end

--- Makes the `protocol` error of an answer that does not have the expected form.
---@param client table
---@param head {status: integer, headers: table} as `fetch` gave it
---@param message string
---@param body? string if the server wrote a message into it, that message is the error
---@return ogl.Error
function M.unexpected(client, head, message, body)
  local told = body and answers().told(body, head)
  return M.finish(client, told or errors.new {
    kind = "protocol", message = message, status = head.status, headers = head.headers, body = body and body:sub(1, ERROR_BODY),
    request_id = errors.request_id(head.headers),
  }, head)
end

--- Makes the error of an answer that should have been JSON.
---@param client table
---@param body string
---@param head {status: integer, headers: table}
---@param why string
---@return ogl.Error
function M.not_json(client, body, head, why)
  local message = "the server's answer is not JSON: " .. why
  if answers().is_html(body, head) then message = (errors.read_body(head.status, body)) end
  return M.unexpected(client, head, message, body)
end

return M
