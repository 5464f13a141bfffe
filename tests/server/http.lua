--- A small HTTP/1.1 server for tests.
--
-- Life: `http.listen(options)` opens the port (and the Unix socket) and spawns its coroutines on the loop;
-- `loop.run()` makes it live; `server:stop()` closes the listening sockets. Each connection is a coroutine: read a
-- request whole (or without its body, see `takes_pieces`), call `handler(request, response)`, again until one side
-- has enough. The handler either answers (`response:whole`, or `empty`, or `stream`, `chunk`…, `finish`), and the
-- connection is kept, or does what it wants with `request.conn` (`send_raw`, `reset`, `close`, `wait_gone`); a
-- response that was not completed closes the connection. A handler may also raise a table `{ status, body, headers }`,
-- from however deep, which is then the answer.
--
-- This is a server for provoking clients: it believes what a client says (no ceilings on head or body) and it never
-- times out. It counts all requests and remembers the last 100, each with the first MiB of its body.

local socket = require "socket"
local ssl = require "ssl"
local bodies = require "server.body"
local Connection = require "server.connection"
local loop = require "server.loop"

local http = {}

local REMEMBERED = 100 -- requests kept in server.log
local REMEMBERED_BODY = 1024 * 1024

local REASONS = {
  [200] = "OK", [201] = "Created", [204] = "No Content",
  [301] = "Moved Permanently", [302] = "Found", [303] = "See Other",
  [307] = "Temporary Redirect", [308] = "Permanent Redirect",
  [400] = "Bad Request", [401] = "Unauthorized", [403] = "Forbidden", [404] = "Not Found",
  [405] = "Method Not Allowed", [408] = "Request Timeout", [409] = "Conflict", [413] = "Payload Too Large",
  [422] = "Unprocessable Entity", [424] = "Failed Dependency", [429] = "Too Many Requests",
  [500] = "Internal Server Error", [502] = "Bad Gateway", [503] = "Service Unavailable",
  [504] = "Gateway Timeout", [529] = "Overloaded",
}

http.date_format = "!%a, %d %b %Y %H:%M:%S GMT"

-- The response ------------------------------------------------------------------------------------------------------

local Response = {}
Response.__index = Response

--- A header for the head that is still to be sent.
function Response:add_header(name, value)
  self.headers[#self.headers + 1] = { name, value }
end

local function append_headers(lines, headers)
  for _, header in ipairs(headers or {}) do
    lines[#lines + 1] = header[1] .. ": " .. header[2]
  end
end

--- The head, sent as it is: framing headers are the caller's.
function Response:head(status, headers)
  local lines = { ("HTTP/1.1 %d %s"):format(status, REASONS[status] or "Status") }
  append_headers(lines, { { "date", os.date(http.date_format) }, { "server", "nginx" } })
  append_headers(lines, headers)
  append_headers(lines, self.headers)
  if not self.conn.keep then lines[#lines + 1] = "connection: close" end
  self.conn:send_raw(table.concat(lines, "\r\n") .. "\r\n\r\n")
  self.started = true
end

--- A complete answer.
function Response:whole(status, body, content_type)
  self:head(status, { { "content-type", content_type or "application/json" }, { "content-length", #body } })
  if self.method ~= "HEAD" then self.conn:send_raw(body) end
  self.complete = true
end

--- An answer that has no body and no length, as 204 must.
function Response:empty(status)
  self:head(status)
  self.complete = true
end

--- The head of a chunked answer; then `chunk` as often as wanted, then `finish`.
function Response:stream(content_type)
  self:head(200, {
    { "content-type", content_type or "text/event-stream; charset=utf-8" }, { "transfer-encoding", "chunked" },
  })
end

--- `bytes` as one HTTP chunk.
function Response:chunk(bytes)
  if #bytes == 0 then return end -- an empty chunk would be the end
  self.conn:send_raw(("%x\r\n%s\r\n"):format(#bytes, bytes))
end

function Response:finish()
  self.conn:send_raw("0\r\n\r\n")
  self.complete = true
end

-- The request -------------------------------------------------------------------------------------------------------

--- `%41` → `A`. A plus sign stays what it is: this is for paths.
function http.unescape(text)
  return (text:gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- The next request of a connection, without its body; raises GONE at its end.
local function read_head(conn)
  local method, target, version = conn:line():match("^(%S+) (%S+) HTTP/(%d%.%d)$")
  if not method then conn:gone() end
  local headers, list = bodies.headers(conn)
  local path, query = target:match("^([^?]*)%??(.*)$")
  local wish = (headers["connection"] or ""):lower()
  conn.keep = version ~= "1.0" and wish ~= "close"
  return {
    method = method, target = target, path = path, query = query, headers = headers, header_list = list,
    body = "", conn = conn,
  }
end

--- What a test may want to know of a request, as a table that JSON can hold.
function http.describe(request)
  local known = {}
  for _, field in ipairs { "method", "target", "path", "query", "headers", "header_list", "body" } do
    known[field] = request[field]
  end
  return known
end

-- The server --------------------------------------------------------------------------------------------------------

local Server = {}
Server.__index = Server

--- Puts a request into the log; gives the record.
function Server:remember(request)
  self.requests = self.requests + 1
  local record = http.describe(request)
  record.body_size = #request.body
  record.body = request.body:sub(1, REMEMBERED_BODY)
  table.insert(self.log, record)
  if #self.log > REMEMBERED then table.remove(self.log, 1) end
  return record
end

--- Gives a request `pieces()`, an iterator over its body, which has not been read. What passes is counted and
--- remembered as bodies are, or as far as `request.remembered` says. Reading begins (and `100 Continue` is said) with the
--- first call; until the body is at its end, the connection cannot carry another request.
local function let_read(request, record)
  local keep, next_piece = request.conn.keep, nil
  request.conn.keep = false
  function request.pieces()
    next_piece = next_piece or bodies.pieces(request.conn, request.headers)
    return function()
      local piece, room = next_piece(), request.remembered or REMEMBERED_BODY
      if not piece then
        request.conn.keep = keep
        return nil
      end
      record.body_size = record.body_size + #piece
      record.body = record.body .. piece:sub(1, math.max(0, room - #record.body))
      return piece
    end
  end
end

--- Questions about the server itself (`/stats`) must not change the answer: neither they nor a connection that only
--- carries them count.
function Server:count(conn, counted)
  if conn.counted == counted then return end
  local step = counted and 1 or -1
  conn.counted = counted
  self.accepted = self.accepted + step
  self.open = self.open + step
end

function Server:forget()
  self.accepted, self.requests, self.log = self.open, 0, {}
end

--- A message handler for xpcall: mistakes get their traceback; tables (GONE, an answer) are meant.
local function explain(problem)
  return type(problem) == "string" and debug.traceback(problem) or problem
end

function Server:account(conn, request)
  if self.is_control(request) then
    if conn.requests == 0 then self:count(conn, false) end
  else
    self:count(conn, true)
    conn.requests = conn.requests + 1
    return self:remember(request)
  end
end

--- What becomes of a handler that raised: GONE goes on up, an answer is given, a mistake is told on stderr and
--- gives a 500.
local function recover(response, problem)
  if problem == Connection.GONE then error(problem, 0) end
  if type(problem) ~= "table" then
    io.stderr:write(problem, "\n")
    problem = { status = 500, body = '{"detail":"An unexpected error occurred"}' }
  end
  if response.started then return end -- too late to say it: the connection closes on an unfinished answer
  for _, header in ipairs(problem.headers or {}) do response:add_header(header[1], header[2]) end
  response:whole(problem.status, problem.body)
end

--- One request and its answer. True if the connection can carry another.
function Server:exchange(conn)
  local request = read_head(conn)
  if self.takes_pieces(request) then
    let_read(request, self:account(conn, request))
  else
    request.body = bodies.whole(conn, request.headers)
    self:account(conn, request)
  end
  local response = setmetatable({ conn = conn, method = request.method, headers = {} }, Response)
  local ok, problem = xpcall(self.handler, explain, request, response)
  if not ok then recover(response, problem) end
  return response.complete and conn.keep and conn.open
end

function Server:converse(conn)
  if self.context then conn:handshake(self.context) end
  repeat until not self:exchange(conn)
end

function Server:serve(sock)
  self.connections = self.connections + 1
  self.active = loop.now()
  local conn = Connection.new(sock, {
    number = self.connections,
    on_bytes = function() self.active = loop.now() end,
  })
  self:count(conn, true)
  local ok, problem = xpcall(self.converse, explain, self, conn)
  conn:close()
  if conn.counted then self.open = self.open - 1 end
  if not ok and problem ~= Connection.GONE then io.stderr:write(problem, "\n") end
end

function Server:accept(listener)
  listener:settimeout(0)
  while not self.stopped do
    local sock = listener:accept()
    if sock then
      if listener ~= self.unix then sock:setoption("tcp-nodelay", true) end
      loop.spawn(self.serve, self, sock)
    else
      loop.readable(listener)
    end
  end
end

function Server:stop()
  self.stopped = true
  for _, listener in ipairs(self.listeners) do listener:close() end
  if self.unix_path then os.remove(self.unix_path) end
end

local function listen_unix(path)
  os.remove(path) -- what a killed server left
  local listener = assert(require("socket.unix").stream())
  assert(listener:bind(path))
  assert(listener:listen(256))
  return listener
end

--- TLS 1.2 and 1.3. With `ca`, a client must show a certificate that it signed.
local function tls_context(tls)
  return assert(ssl.newcontext {
    mode = "server", protocol = "any", options = { "all", "no_sslv3", "no_tlsv1", "no_tlsv1_1" },
    certificate = tls.certificate, key = tls.key, cafile = tls.ca,
    verify = tls.ca and { "peer", "fail_if_no_peer_cert" } or "none",
  })
end

--- `options`: `handler(request, response)`; `port` (default 0: the system chooses, see `server.port`); `unix`, a
--- path to listen on as well; `tls = { certificate, key, ca }`, file names; `is_control(request)`, true for
--- requests that do not count; `takes_pieces(request)`, true for requests whose body the handler reads by itself, with
--- `request.pieces()`, so that a large one is never whole in memory.
function http.listen(options)
  local listener = assert(socket.bind("127.0.0.1", options.port or 0, 256))
  local _, port = listener:getsockname()
  local server = setmetatable({
    port = math.tointeger(tonumber(port)), handler = options.handler, listeners = { listener },
    is_control = options.is_control or function() return false end,
    takes_pieces = options.takes_pieces or function() return false end,
    context = options.tls and tls_context(options.tls), unix_path = options.unix,
    connections = 0, accepted = 0, open = 0, requests = 0, log = {}, active = loop.now(),
  }, Server)
  if options.unix then
    server.unix = listen_unix(options.unix)
    server.listeners[2] = server.unix
  end
  for _, each in ipairs(server.listeners) do loop.spawn(server.accept, server, each) end
  return server
end

return http
