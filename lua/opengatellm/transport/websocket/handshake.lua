--- The handshake that makes a WebSocket of an HTTP/1.1 connection (RFC 6455, section 4), as a client does it.
--
--   upgrade.problem(headers) -> problem | nil           a header that could break out of its line
--   upgrade.request(url, headers, key) -> bytes | nil, err
--   upgrade.read(read) -> answer | nil, err             reads the head of the answer; `read() -> bytes | nil | nil, err`
--   upgrade.check(answer, key, asked) -> problem | nil  whether a 101 is a yes
--   upgrade.body(answer, read) -> text                  what a refusal says, as far as it came, at most errors.BODY bytes
--
-- answer = {status, headers, rest}: `rest` are bytes that came behind the head, the first frames of a server in a hurry.
-- Of HTTP this reads what an answer to an upgrade can be: one head, at most 64 KiB, and the body of a refusal by its length, in chunks, or
-- to the end of the connection.
--
-- @module opengatellm.transport.websocket.handshake
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"

local M = {}

local CHUNK_DIGITS = 8 -- of a chunk's size: more is none that we could take
local HEAD = 64 * 1024 -- bytes of a head: browsers and servers stop at 8 to 256 KiB

-- Of the request that the upgrade stands for: they tell of a body that it has not, or are said below.
local NOT_SENT = {
  accept = true, ["content-type"] = true, ["content-length"] = true, ["transfer-encoding"] = true, host = true, connection = true,
  upgrade = true, ["sec-websocket-key"] = true, ["sec-websocket-version"] = true, ["sec-websocket-extensions"] = true,
}

--- What is wrong with headers that are to be sent; nil where nothing is.
---@param headers any
---@return string?
function M.problem(headers)
  if type(headers) ~= "table" then return "headers: expected a list, got " .. type(headers) end
  for _, row in ipairs(headers) do
    local name, value = row[1], row[2]
    if type(name) ~= "string" or not name:find "^[%w!#$%%&'*+.^_`|~-]+$" then return "a header's name is no token" end
    if type(value) ~= "string" or value:find "[%z\r\n]" then return "the header '" .. name .. "' could break out of its line" end
  end
end

--- Whether a header of the request goes with its upgrade.
---@param name string
---@return boolean
function M.is_sent(name) return not NOT_SENT[name:lower()] end

--- The request. No extension is offered.
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

local function malformed(message)
  return errors.new { kind = "network", code = "malformed", message = message, sent = false }
end

local function too_large()
  return errors.new { kind = "limit", code = "header", message = "the head of the server's answer is above 64 KiB", sent = false }
end

local function add_field(lists, name, value)
  local list = lists[name]
  if list then list[#list + 1] = value else lists[name] = { value } end
end

-- The values of each name, as one text where it is not set-cookie: joined once, however many lines there are.
local function joined(lists)
  local headers = {}
  for name, list in pairs(lists) do headers[name] = name == "set-cookie" and list or table.concat(list, ", ") end
  return headers
end

local function parse(head)
  local status, lines = head:match "^HTTP/1%.[01] (%d%d%d)[^\r\n]*\r?\n(.*)$"
  if not status then return nil end
  local lists = {}
  for line in lines:gmatch "([^\r\n]+)" do
    local name, value = line:match "^([^%s:]+):[ \t]*(.*)$"
    if not name then return nil end
    add_field(lists, name:lower(), value:match "^.*[^ \t]" or "")
  end
  return { status = tonumber(status), headers = joined(lists) }
end

-- Where the blank line ends, looked for from a place on.
local function end_of_head(bytes, from)
  local _, stop = bytes:find("\n\r?\n", from)
  return stop and stop <= HEAD and stop or nil
end

local END = 4 -- bytes of the longest blank line with the end before it

-- Bytes up to and with the blank line, and those behind it.
local function read_head(read, bytes)
  local from = 1
  while true do
    local stop = end_of_head(bytes, from)
    if stop then return bytes:sub(1, stop), bytes:sub(stop + 1) end
    if #bytes > HEAD then return nil, too_large() end
    if #bytes >= 5 and bytes:sub(1, 5) ~= "HTTP/" then return nil, malformed "the server's answer is not HTTP" end
    from = math.max(1, #bytes - END)
    local more, err = read()
    if not more then return nil, err or malformed "the server closed the connection inside the head of its answer" end
    bytes = bytes .. more
  end
end

--- Waits for the head of the answer; interim ones before it (100, 103) are passed over.
---@param read fun(): string?, ogl.Error?
---@return {status: integer, headers: table, rest: string}?
---@return ogl.Error?
function M.read(read)
  local rest = ""
  while true do
    local head, behind = read_head(read, rest)
    if not head then return nil, behind end
    local answer = parse(head)
    if not answer then return nil, malformed "the head of the server's answer is not HTTP" end
    answer.rest, rest = behind, behind
    if answer.status == 101 or answer.status >= 200 then return answer end
  end
end

local function has_token(value, token)
  for each in (value or ""):lower():gmatch "[^,%s]+" do
    if each == token then return true end
  end
  return false
end

--- What is wrong with a 101; nil where it says yes.
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

-- The body of chunks, and whether its end was there.
local function join_chunks(bytes)
  local pieces, at = {}, 1
  while true do
    local size, from = bytes:match("^(%x+)[^\r\n]*\r?\n()", at)
    size = size and #size <= CHUNK_DIGITS and tonumber(size, 16)
    if not size then return table.concat(pieces), at <= #bytes and bytes:find("\n", at, true) ~= nil end
    pieces[#pieces + 1] = bytes:sub(from, from + size - 1)
    if size == 0 then return table.concat(pieces), true end
    if from + size > #bytes then return table.concat(pieces), false end
    at = bytes:match("^\r?\n()", from + size) or #bytes + 1
  end
end

--- The body of an answer that is no 101. What ended it is not told: what came of it is worth showing.
---@param answer {headers: table, rest: string}
---@param read fun(): string?, ogl.Error?
---@return string
function M.body(answer, read)
  local chunked = has_token(answer.headers["transfer-encoding"], "chunked")
  local length = tonumber(answer.headers["content-length"])
  local bytes = answer.rest
  while true do
    local text, ended = bytes, length and #bytes >= length
    if chunked then text, ended = join_chunks(bytes) end
    local more = not ended and #bytes < errors.BODY and read()
    if not more then return text:sub(1, math.min(errors.BODY, not chunked and length or errors.BODY)) end
    bytes = bytes .. more
  end
end

return M
