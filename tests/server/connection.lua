--- A connection: one accepted socket, read and written from a coroutine of the loop.
--
-- Life: `new(socket, options)`, `handshake(context)` if it speaks TLS, then reads (`line`, `some`) and `send_raw`
-- in any order, and one of `close` (an ordinary end) or `reset` (a TCP RST). Both may be called twice; after them
-- every other call unwinds.
--
-- A peer that goes away is no error here, it is what half of the tests are about: every method that meets a closed
-- socket closes its own side and raises `Connection.GONE`, which unwinds the handler. Who owns the coroutine
-- catches it.
--
-- Memory: what was received and not yet taken. Nothing is queued for writing: `send_raw` returns when the system has
-- it all, so a peer that does not read stops the writer and nobody else.

local socket = require "socket"
local ssl = require "ssl"
local loop = require "server.loop"

local Connection = {}
Connection.__index = Connection

Connection.GONE = setmetatable({}, { __tostring = function() return "the peer has gone" end })

local READ_SIZE = 65536
local BURST = 1024 * 1024 -- bytes that one connection may write before the others get a turn

-- What a TLS socket asks for while it reads or writes; a plain one says "timeout" and means what it was doing.
local WANTS = { wantread = loop.readable, wantwrite = loop.writable }

--- `options`: `number` names the connection in reports; `on_bytes`, if any, is called whenever bytes went either way.
function Connection.new(sock, options)
  sock:settimeout(0)
  return setmetatable({
    socket = sock,
    number = options.number,
    on_bytes = options.on_bytes or function() end,
    input = "",
    open = true,
    requests = 0,
    burst = 0,
  }, Connection)
end

function Connection:gone()
  self:close()
  error(Connection.GONE, 0)
end

--- Suspends until the socket may be tried again; `default` is what "timeout" means.
function Connection:await(problem, default)
  local wait = problem == "timeout" and default or WANTS[problem]
  if not wait then self:gone() end
  wait(self.socket)
  if not self.open then self:gone() end
end

--- Makes it a TLS connection. Raises GONE if the peer refuses our certificate, or has none where one is demanded.
function Connection:handshake(context)
  self.socket = assert(ssl.wrap(self.socket, context))
  self.socket:settimeout(0)
  self.tls = true
  while true do
    local ok, problem = self.socket:dohandshake()
    if ok then return end
    self:await(problem, loop.readable)
  end
end

-- Reading -----------------------------------------------------------------------------------------------------------

--- Waits for more bytes and returns them.
function Connection:receive()
  if not self.open then self:gone() end
  while true do
    local all, problem, part = self.socket:receive(READ_SIZE)
    local bytes = all or part
    if bytes and #bytes > 0 then
      self.on_bytes()
      return bytes
    end
    self:await(problem, loop.readable)
  end
end

--- The next line, without its CRLF or LF.
function Connection:line()
  while true do
    local line, rest = self.input:match("^([^\n]*)\n()")
    if line then
      self.input = self.input:sub(rest)
      return (line:gsub("\r$", ""))
    end
    self.input = self.input .. self:receive()
  end
end

--- Some bytes, at least one and at most `most`, as soon as there are any.
function Connection:some(most)
  local bytes = self.input ~= "" and self.input or self:receive()
  self.input = bytes:sub(most + 1)
  return bytes:sub(1, most)
end

--- Says nothing more and waits until the peer goes away (then raises GONE, like every read).
function Connection:wait_gone()
  while true do self:receive() end
end

-- Writing -----------------------------------------------------------------------------------------------------------

--- After every write: tells the owner, and lets the others have a turn when it was a lot.
function Connection:share(count)
  self.on_bytes()
  self.burst = self.burst + count
  if self.burst >= BURST then
    self.burst = 0
    loop.pass()
  end
end

--- Sends all of `bytes`, as they are.
function Connection:send_raw(bytes)
  local from = 1
  while from <= #bytes do
    if not self.open then self:gone() end
    local last, problem, part = self.socket:send(bytes, from)
    local sent = (last or part) - from + 1
    from = from + sent
    if sent > 0 then self:share(sent) end
    if not last then self:await(problem, loop.writable) end
  end
end

-- Ending ------------------------------------------------------------------------------------------------------------

function Connection:close()
  if not self.open then return end
  self.open = false
  self.socket:close()
end

--- A spare socket object around a descriptor, to reach what LuaSec's objects cannot: options, and a close without
--- farewell.
local function borrow(descriptor)
  local spare = socket.tcp()
  spare:setfd(descriptor)
  return spare
end

--- Opens sockets until one of them gets `descriptor`, which has just been closed. The system gives the lowest free
--- number, so it comes soon.
local function occupy(descriptor)
  local spares = {}
  repeat
    local spare = assert(socket.tcp4())
    spares[#spares + 1] = spare
  until spare:getfd() == descriptor
  table.remove(spares):setfd(-1) -- this one now belongs to whoever believes to own the descriptor
  for _, spare in ipairs(spares) do spare:close() end
end

--- Ends with a RST: what is not yet sent is lost, and the peer reads ECONNRESET. (A Unix socket has no RST: it just
--- closes.)
function Connection:reset()
  if not self.open then return end
  local descriptor = self.socket:getfd()
  local spare = borrow(descriptor)
  spare:setoption("linger", { on = true, timeout = 0 })
  if self.tls then
    -- LuaSec's close would first say goodbye inside TLS, and the peer would take it for a clean end. So the
    -- descriptor is closed under it, and its goodbye goes to an unconnected socket of the same number.
    spare:close()
    occupy(descriptor)
  else
    spare:setfd(-1)
  end
  self:close()
end

return Connection
