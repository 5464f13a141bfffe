--- The handshake that makes a WebSocket of an HTTP/1.1 connection (RFC 6455, section 4), as a client does it.
--
--   handshake.problem(headers) -> problem | nil           a header that could break out of its line
--   handshake.request(url, headers, key) -> bytes | nil, err
--   handshake.read(read) -> answer | nil, err             reads the head of the answer; `read() -> bytes | nil | nil, err`
--   handshake.check(answer, key, asked) -> problem | nil  checks whether a 101 accepts the upgrade
--   handshake.body(answer, read) -> text                  the body of a refusal as far as it came, at most errors.BODY bytes
--
-- The parser of the core (core.http1) reads the head, and the body of a refusal.
--
-- @module opengatellm.transport.websocket.handshake
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local header = require "opengatellm.base.header"

local M = {}

---@class ogl.HandshakeAnswer
---@field status integer
---@field headers table<string, string|string[]>
---@field rest string bytes that came behind the head of a 101: the first frames of a server in a hurry
---@field body string the bytes of a refusal's body that came with its head
---@field more? fun(bytes: string): string, string? gives the parser more of the body: its state and the bytes of the body in them

-- Of the request that the upgrade stands for: they tell of a body that it has not, or are said below.
local NOT_SENT = {
  accept = true, ["content-type"] = true, ["content-length"] = true, ["transfer-encoding"] = true, host = true, connection = true,
  upgrade = true, ["sec-websocket-key"] = true, ["sec-websocket-version"] = true, ["sec-websocket-extensions"] = true,
}

--- Says what is wrong with headers to send; gives nil if nothing is.
---@param headers any
---@return string?
function M.problem(headers)
  if type(headers) ~= "table" then return "headers: expected a list, got " .. type(headers) end
  for _, row in ipairs(headers) do
    local name, value = row[1], row[2]
    if type(name) ~= "string" or not header.is_token(name) then return "a header's name is no token" end
    if type(value) ~= "string" or value:find "[%z\r\n]" then return "the header '" .. name .. "' could break out of its line" end
  end
end

--- Says whether a header of the request goes with its upgrade.
---@param name string
---@return boolean
function M.is_sent(name) return not NOT_SENT[name:lower()] end

--- Writes the request. It offers no extension.
---@param url string http:// or https://
---@param headers string[][] list of {name, value}
---@param key string base64 of 16 random bytes
---@return string?
---@return ogl.Error? err
function M.request(url, headers, key)
  local authority, path = url:match "^%a+://([^/?#]+)([^#]*)"
  if not authority or url:find "[%c ]" then
    return nil, errors.new { kind = "invalid", code = "url", message = "the address is no URL", sent = false }
  end
  if path:sub(1, 1) ~= "/" then path = "/" .. path end
  local lines = {
    "GET " .. path .. " HTTP/1.1", "Host: " .. authority, "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: " .. key,
  }
  for _, row in ipairs(headers) do
    if M.is_sent(row[1]) then lines[#lines + 1] = row[1] .. ": " .. row[2] end
  end
  return table.concat(lines, "\r\n") .. "\r\n\r\n"
end

-- Makes an error of an answer that the parser cannot read.
local function problem_of(parser)
  local code, message = parser:problem()
  local kind = code == "header" and "limit" or "network"
  return errors.new { kind = kind, code = kind == "limit" and code or "malformed", message = message, sent = false }
end

local function cut()
  local message = "the server closed the connection inside the head of its answer"
  return errors.new { kind = "network", code = "malformed", message = message, sent = false }
end

--- Waits for the head of the answer; the parser passes over interim ones before it (100, 103).
---@param read fun(): string?, ogl.Error? bytes; nil: the end of the connection; nil and an error
---@return ogl.HandshakeAnswer?
---@return ogl.Error?
function M.read(read)
  local parser = core.http1 "GET"
  while true do
    local bytes, err = read()
    if err then return nil, err end
    if not bytes then return nil, cut() end
    local state, body, rest = parser:feed(bytes)
    local status, headers = parser:head()
    if status then
      local function more(piece) return parser:feed(piece) end
      return { status = status, headers = headers, rest = rest or "", body = body or "", more = state == "body" and more or nil }
    end
    if state == "failed" then return nil, problem_of(parser) end
  end
end

local function has_token(value, token)
  for each in (value or ""):lower():gmatch "[^,%s]+" do
    if each == token then return true end
  end
  return false
end

--- Says what is wrong with a 101; gives nil if it accepts the upgrade.
---@param answer {status: integer, headers: table}
---@param key string that was sent
---@param headers string[][] that were sent
---@return string?
function M.check(answer, key, headers)
  local said = answer.headers
  if not has_token(said.upgrade, "websocket") or not has_token(said.connection, "upgrade") then return "it switches to another protocol" end
  if said["sec-websocket-accept"] ~= core.websocket_accept(key) then return "its answer to our key is wrong" end
  if said["sec-websocket-extensions"] then return "it uses an extension that we did not offer" end
  local protocol = said["sec-websocket-protocol"]
  for _, row in ipairs(headers) do
    if row[1]:lower() == "sec-websocket-protocol" and has_token(row[2], (protocol or ""):lower()) then return nil end
  end
  if protocol then return "it speaks a subprotocol that we did not offer" end
end

--- Reads the body of an answer that is not a 101, as far as it comes. An error that ends it is ignored, since the body tells more.
---@param answer ogl.HandshakeAnswer
---@param read fun(): string?, ogl.Error?
---@return string # at most errors.BODY bytes
function M.body(answer, read)
  local pieces, size, more = { answer.body }, #answer.body, answer.more
  while more and size < errors.BODY do
    local bytes = read()
    if not bytes then break end
    local state, body = more(bytes)
    pieces[#pieces + 1], size = body, size + #(body or "")
    if state ~= "body" then break end
  end
  return table.concat(pieces):sub(1, errors.BODY)
end

return M
