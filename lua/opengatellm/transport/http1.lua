--- HTTP/1.1 on a connection of any kind: writes the request, lets core.http1 read the answer, and gives the exchange of
-- transport/init.lua.
--
-- A transport wraps its sockets as connections:
--
--   connection:transmit(data, seconds) -> true | nil, why      data: a string, or a list of them
--   connection:receive(seconds) -> bytes | nil, why            what there is; why: "closed", "timeout", or the system's words
--   connection:keep()       for another exchange                connection:close()
--   connection.reused       it has carried an exchange before, so that the server may have closed it meanwhile
--
-- A kept connection that turns out dead before any byte of an answer is replaced by a new one, once, if the request may be sent
-- twice: never a POST or PATCH, because the server may have acted. An answer may come before the whole body was sent, and break off the
-- sending; it counts as the answer.
--
-- @module opengatellm.transport.http1
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local failure = require "opengatellm.base.failure"
local header = require "opengatellm.base.header"
local task = require "opengatellm.task"

local M = {}

---@class opengatellm.transport.http1.Exchange
local Exchange = {
  ends = false, on_progress = false, up_total = false, max_body = false,
  unsent = false, -- why the request could not be sent to its end
  failed = false, -- the error that follows the pending bytes
  err = false,    -- stays; true: closed, and no caller has asked for the error yet
}
Exchange.__index = Exchange

local NONE = {}

-- The request -----------------------------------------------------------------------------------------------------

-- Headers that only this file writes, because they frame the body.
local FRAMING = { ["content-length"] = true, ["transfer-encoding"] = true, expect = true, connection = true }
-- Methods that go without a body if none is given; the others then have an empty one.
local BARE = { GET = true, HEAD = true, DELETE = true, OPTIONS = true }

local function check_pair(pair, i, level)
  if type(pair) ~= "table" or type(pair[1]) ~= "string" or type(pair[2]) ~= "string" then
    error("field 'headers': entry " .. i .. " is no {name, value} of strings", level + 1)
  end
  if not header.is_token(pair[1]) then
    error("field 'headers': the name of entry " .. i .. " is not a token of HTTP", level + 1)
  end
  if pair[2]:find "%c" and pair[2]:find "[%z\1-\8\10-\31\127]" then -- a tab is allowed
    error("field 'headers': the value of '" .. pair[1] .. "' holds a line end, a NUL or another control byte", level + 1)
  end
end

-- Writes the caller's headers and ours as lines, except Host: {text, has_host, pairs = copies of the headers that it was made of}.
local function make_block(headers, level)
  local lines, seen, pairs_seen = {}, {}, {}
  for i, pair in ipairs(headers) do
    check_pair(pair, i, level + 1)
    local name = pair[1]:lower()
    if not FRAMING[name] then
      seen[name] = true
      lines[#lines + 1] = pair[1] .. ": " .. pair[2] .. "\r\n"
    end
    pairs_seen[2 * i - 1], pairs_seen[2 * i] = pair[1], pair[2]
  end
  if not seen.accept then lines[#lines + 1] = "Accept: */*\r\n" end
  if not seen["accept-encoding"] then lines[#lines + 1] = "Accept-Encoding: identity\r\n" end
  return { text = table.concat(lines), has_host = seen.host or false, seen = pairs_seen, n = #headers }
end

local blocks = setmetatable({}, { __mode = "k" }) -- list of headers -> its block: a client sends the same list again and again

local function is_same(block, headers)
  if block.n ~= #headers then return false end
  local seen = block.seen
  for i = 1, block.n do
    local pair = headers[i]
    if pair[1] ~= seen[2 * i - 1] or pair[2] ~= seen[2 * i] then return false end
  end
  return true
end

-- Gives the block of a list; makes it anew if the list has changed since.
local function block_of(headers, level)
  local block = blocks[headers]
  if block and is_same(block, headers) then return block end
  block = make_block(headers, level + 1)
  blocks[headers] = block
  return block
end

local function framing_of(method, body)
  if body == nil then return not BARE[method] and "Content-Length: 0\r\n" or "" end
  if type(body) == "string" then return "Content-Length: " .. #body .. "\r\n" end
  if body.length then return ("Content-Length: %d\r\n"):format(body.length) end
  return "Transfer-Encoding: chunked\r\n"
end

local begin

local spares = {} -- parsers that are done: making and collecting one costs more than using it

local SPARES = 64

-- Sends the request once more on a new connection, if this one was kept and the request may be sent twice.
local function again(self)
  local may = self.may_repeat and self.connection.reused and not self.begun
  if not may then return false end
  self.connection:close()
  begin(self, true)
  return true
end

-- Gives the seconds that may pass now, and the name of their timeout; nil: no limit.
local function patience(self, limit, phase)
  if not self.ends then return limit, phase end
  local left = math.max(self.ends - self.now(), 0)
  if not limit or left < limit then return left, "total" end
  return limit, phase
end

local function drop(self)
  if self.connection then self.connection:close() end
  if self.parser and #spares < SPARES then spares[#spares + 1] = self.parser end
  self.connection, self.parser = false, false
end

--- Ends an exchange with an error, which every later call gives again. A function of the caller may have closed the exchange meanwhile.
local function end_with(self, err)
  self.err = self.err or err
  self.pending = false
  drop(self)
end

-- Sends data; gives true if it was sent. A connection that breaks may hold an answer all the same, which is read later.
local function transmit(self, data)
  local limit, phase = patience(self, self.timeouts.first_byte, "first_byte")
  local sent, why = self.connection:transmit(data, limit)
  if sent then return true end
  if why == "timeout" then
    end_with(self, failure.timeout(self.timeouts, phase, true))
  elseif not again(self) then
    self.unsent = why
  end
  return false
end

-- Makes a connection, and sends the part of the request that is one text.
function begin(self, fresh)
  local connection, err = self.dial(self.route, self.timeouts, fresh)
  if not connection then return end_with(self, err) end
  self.connection = connection
  if transmit(self, self.text) and self.up_total then
    self.on_progress("up", self.up_total, self.up_total)
  end
end

local function send_piece(self, piece, chunked)
  if not chunked then return not piece or transmit(self, piece) end
  return transmit(self, piece and { ("%x\r\n"):format(#piece), piece, "\r\n" } or "0\r\n\r\n")
end

local function mismatch(self, is_long)
  local message = "the body of the request " .. (is_long and "is longer than" or "ended before") .. " its declared length"
  end_with(self, failure.final("invalid", "body", message, true))
end

--- Ends an exchange whose body could not be read, with the error of the body's reader, or one made of its message.
local function refuse(self, why)
  if type(why) ~= "table" then why = failure.final("file", "body", "the body of the request could not be read: " .. tostring(why), true) end
  end_with(self, why)
end

-- Sends a body that is read piece by piece. The clock of nginx stands still during the reading, so `now` updates it.
local function feed(self, body)
  local done = 0
  while not self.unsent do
    local read, piece, why = pcall(body.read)
    self.now()
    if not read then return refuse(self, piece) end
    if piece == nil and why ~= nil then return refuse(self, why) end
    if piece ~= nil and type(piece) ~= "string" then return refuse(self, "body.read returned a " .. type(piece)) end
    done = done + (piece and #piece or 0)
    if body.length and (done > body.length or not piece and done < body.length) then return mismatch(self, done > body.length) end
    if piece ~= "" and not send_piece(self, piece, not body.length) then return end
    if not piece then return end
    if self.on_progress and piece ~= "" then self.on_progress("up", done, body.length) end
  end
end

-- The answer ------------------------------------------------------------------------------------------------------

local KINDS = { header = "limit", memory = "limit" }

local function problem(self)
  local code, message = self.parser:problem()
  if KINDS[code] then return failure.final(KINDS[code], code, message, true) end
  return failure.network(code, message, true)
end

local function take_head(self)
  local status, headers = self.parser:head()
  if not status then return end
  self.status, self.headers = status, headers
  local encoding = headers["content-encoding"]
  if encoding and encoding:lower() ~= "identity" then
    end_with(self, failure.final("unsupported", "encoding",
      "the server compressed its answer (" .. encoding .. ") although it was asked not to, and this transport cannot decompress it", true))
  end
end

local function count(self, bytes)
  self.received = self.received + bytes
  if self.max_body and self.received > self.max_body then
    return end_with(self, failure.final("limit", "body", ("the answer's body is above %d bytes"):format(self.max_body), true))
  end
  if self.on_progress then self.on_progress("down", self.parser:progress()) end
end

local function take_body(self, body)
  self.pending = body
  count(self, #body)
end

-- Ends the answer: the connection goes back at once, even if the caller has not read the last bytes yet.
local function finish_body(self)
  self.over = true
  if self.parser:reusable() and not self.unsent then self.connection:keep() else self.connection:close() end
  self.connection = false
  drop(self)
end

local function fail(self, err)
  self.failed = err
  drop(self)
end

-- Handles the parser's result for some bytes.
local function take(self, state, body)
  if not self.status and state ~= "head" then take_head(self) end
  if body then take_body(self, body) end
  if self.err then return end
  if state == "end" then finish_body(self)
  elseif state == "failed" then fail(self, problem(self)) end
end

-- Handles the end of the connection, which may be the regular end of an answer.
local function broken(self, why)
  if again(self) then return end
  if why ~= "closed" or self.unsent and not self.begun then
    return fail(self, failure.network("reset", "the connection broke: " .. (self.unsent or why), true))
  end
  take(self, self.parser:finish())
end

-- Gives what a transcoder has written, or ends the exchange with its error.
local function written(self, out, ended, message)
  if out then return out, ended end
  end_with(self, failure.final("limit", ended, message, true))
end

-- Gives bytes to the parser, and what it finds to a transcoder.
local function pour(self, bytes, transcoder, clock)
  local state, out, ended = self.parser:pour(bytes, transcoder, clock and clock())
  if not state then return written(self, nil, out, ended) end
  count(self, self.parser:progress() - self.received)
  take(self, state)
  return out, ended
end

-- Waits for bytes, and gives them to the parser. `drain`: gives up without an error after so many seconds. With a transcoder, gives
-- what that has written.
local function receive(self, drain, transcoder, clock)
  local phase = self.begun and "idle" or "first_byte"
  local limit
  if self.begun then self.now() end -- the caller may have worked meanwhile, which does not count as silence
  limit, phase = patience(self, self.timeouts[phase], phase)
  if drain and (not limit or drain < limit) then limit, phase = drain, nil end
  local connection = self.connection
  local bytes, why = connection:receive(limit)
  if self.err then return connection:close() end -- another coroutine closed the exchange, and could not close a connection in use
  if bytes then
    self.begun = true
    if transcoder then return pour(self, bytes, transcoder, clock) end
    return take(self, self.parser:feed(bytes))
  end
  if why ~= "timeout" then return broken(self, why) end
  if phase then end_with(self, failure.timeout(self.timeouts, phase, true)) end
end

-- Reads more bytes, or sets the error that waits behind them.
local function advance(self, transcoder, clock)
  local cancelled = task.cancelled()
  if cancelled then return end_with(self, cancelled) end
  if self.failed then return end_with(self, self.failed) end
  return receive(self, nil, transcoder, clock)
end

--- Gives the error of an exchange. Makes that of a closed exchange only here, because few callers ask for it.
local function error_of(self)
  if self.err == true then
    self.err = errors.new { kind = "closed", code = "closed", message = "the exchange is closed" }
  end
  return self.err or nil
end

--- Writes the head of a request, to its empty line. Raises if a field has a wrong type or a header is no line.
---@param request table of transport/init.lua
---@param route opengatellm.transport.Route
---@param level integer for error()
---@return string? head
---@return ogl.Error? err
function M.head(request, route, level)
  local method, body = request.method or "GET", request.body
  if not header.is_token(method) then
    return nil, failure.final("invalid", "url", "the method is not a token of HTTP")
  end
  if body ~= nil and type(body) ~= "string" and type(body) ~= "table" then
    error("field 'body': expected string or table, got " .. type(body), level + 1)
  end
  local block = block_of(request.headers or NONE, level + 1)
  local host = block.has_host and "" or "Host: " .. route.authority .. "\r\n"
  local auth = route.proxy_auth and not route.tunnel and "Proxy-Authorization: " .. route.proxy_auth .. "\r\n" or ""
  return method .. " " .. route.target .. " HTTP/1.1\r\n" .. host .. block.text .. auth .. framing_of(method, body) .. "\r\n"
end

-- Opening ---------------------------------------------------------------------------------------------------------

local function new_parser(method)
  local parser = table.remove(spares)
  if not parser then return core.http1(method) end
  parser:reset(method)
  return parser
end

local REPEATABLE = { POST = false, PATCH = false }

--- Sends a request. `dial(route, timeouts, fresh)` makes a connection, or gives nil and an error; `fresh`: it must be a new one.
---@param head string
---@param request table
---@param route opengatellm.transport.Route
---@param dial fun(route: opengatellm.transport.Route, timeouts: table, fresh: boolean): table?, ogl.Error?
---@param now fun(): number
---@return opengatellm.transport.http1.Exchange?
---@return ogl.Error?
function M.open(head, request, route, dial, now)
  local timeouts, body, max_body = request.timeouts or NONE, request.body, not request.stream and request.max_body
  local self = setmetatable({ -- 16 fields at most in the usual exchange: the next size of table is twice as large
    parser = new_parser(request.method or "GET"), timeouts = timeouts, now = now, dial = dial, route = route, connection = false,
    text = type(body) == "string" and head .. body or head, -- the part that can be sent again
    may_repeat = REPEATABLE[request.method] ~= false and type(body) ~= "table",
    status = false, headers = false, pending = false, received = 0,
    begun = false, -- a byte of the answer has come
    over = false,  -- the answer's end has come
  }, Exchange)
  if max_body then self.max_body = max_body end
  if timeouts.total then self.ends = now() + timeouts.total end
  if request.on_progress then self.on_progress, self.up_total = request.on_progress, type(body) == "string" and #body end
  begin(self, false)
  if type(body) == "table" and not self.err and not self.unsent then feed(self, body) end
  if self.err then return nil, self.err end
  return self
end

--- Waits for the head of the answer.
---@return integer? status
---@return table headers_or_err
function Exchange:head()
  while not self.err do
    if self.status then return self.status, self.headers end
    advance(self)
  end
  return nil, error_of(self)
end

--- Waits for more of the body: bytes, nil at the end, or nil and an error.
---@return string? bytes
---@return ogl.Error? err
function Exchange:read()
  if not self.status and not self:head() then return nil, error_of(self) end
  while not self.err do
    local bytes = self.pending
    if bytes then
      self.pending = false
      return bytes
    end
    if self.over then return nil end
    advance(self)
  end
  return nil, error_of(self)
end

--- Waits for more of the body, and puts it into a transcoder: gives what that has written, and whether the answer has ended; nil at the
--- end of the body, or nil and an error. The bytes become no string of Lua on their way.
---@param transcoder userdata of core.transcoder
---@param clock? fun(): number seconds since 1970, asked once bytes are there
---@return string? out
---@return boolean|ogl.Error|nil ended_or_err
function Exchange:transcode(transcoder, clock)
  if not self.status and not self:head() then return nil, error_of(self) end
  while not self.err do
    local bytes, out, ended = self.pending
    self.pending = false
    if bytes then out, ended = written(self, transcoder:feed(bytes, clock and clock()))
    elseif self.over then return nil
    else out, ended = advance(self, transcoder, clock) end
    if out and (out ~= "" or ended) then return out, ended end
  end
  return nil, error_of(self)
end

--- Drops the rest of an answer whose end the caller knows already, for at most so long, because a connection can be kept only once
--- HTTP's own end has come.
---@param seconds number
---@param decoder? userdata that takes it, in place of dropping it
function Exchange:drain(seconds, decoder)
  local finish = self.now() + seconds
  while not self.err do
    if self.pending and decoder then decoder:feed(self.pending) end
    self.pending = false
    local left = finish - self.now()
    if self.over or self.failed or left <= 0 then return end
    receive(self, left)
  end
end

--- Ends the exchange at any time.
function Exchange:close()
  drop(self)
  self.pending = false
  self.err = self.err or true
end

Exchange.__close = Exchange.close

function Exchange:__tostring()
  return "opengatellm.transport.http1 exchange (" .. (self.err and "closed" or self.over and "done" or "active") .. ")"
end

return M
