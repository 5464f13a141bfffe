-- WebSockets on a connection from memory: what is sent, what is made of what comes, and how long is waited; the clock is simulated.
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local websocket = require "opengatellm.transport.websocket.socket"

-- A frame of a server.
local function frame(kind, text) return string.char(({ text = 0x81, binary = 0x82, close = 0x88, ping = 0x89, pong = 0x8a })[kind], #text) .. text end

-- What a client sent, unmasked: list of {kind, payload}.
local function unmasked(bytes)
  local list, at, names = {}, 1, { [1] = "text", [2] = "binary", [8] = "close", [9] = "ping", [10] = "pong" }
  while at <= #bytes do
    local first, second = bytes:byte(at, at + 1)
    assert.is_true(first >= 0x80 and second >= 0x80 and second < 0xfe, "a short, masked frame in one fragment")
    local n, key, payload = second - 0x80, bytes:sub(at + 2, at + 5), bytes:sub(at + 6, at + 5 + second - 0x80)
    list[#list + 1] = { names[first - 0x80], core.websocket_frame("binary", payload, key):sub(7) }
    at = at + 6 + n
  end
  return list
end

local now, host

-- A connection that gives these, one a read: bytes; false, the end; an error; a function is called before the next is given.
local Connection = {}
Connection.__index = Connection

function Connection:send(bytes)
  if self.send_error then return nil, self.send_error end
  self.sent = self.sent .. bytes
  return true
end

function Connection:read()
  local item = table.remove(self.script, 1)
  self.waits[#self.waits + 1] = self.timeouts.idle or false
  while type(item) == "function" do
    item(self)
    item = table.remove(self.script, 1)
  end
  if errors.is(item) then return nil, item end
  return item or nil
end

function Connection:close() self.closed = self.closed + 1 end

local function yes(connection)
  local key = connection.sent:match "Sec%-WebSocket%-Key: ([^\r]+)"
  connection.asked, connection.sent = connection.sent, ""
  table.insert(connection.script, 1,
    "HTTP/1.1 101 Yes\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: " .. core.websocket_accept(key) .. "\r\n\r\n")
end

local function carrier_of(script, changes)
  local connection = setmetatable({ script = script, sent = "", waits = {}, closed = 0 }, Connection)
  for field, value in pairs(changes or {}) do connection[field] = value end
  return { connect = function() return connection end }, connection
end

-- A socket whose upgrade was answered, and its connection; the rest of the script is read by the test.
local function open(script, timeouts, deadline)
  table.insert(script, 1, yes)
  local carrier, connection = carrier_of(script)
  local request = { url = "http://h/v1/responses", headers = { { "authorization", "Bearer SECRET" } }, timeouts = timeouts, host = host }
  local socket = assert(websocket.connect(carrier, request, timeouts, deadline))
  assert.equal(101, assert(socket:open()).status)
  socket:begin(timeouts, deadline)
  return socket, connection
end

describe("a WebSocket", function()
  before_each(function()
    now = 100
    host = { name = "simulated", blocking = true, now = function() return now end }
  end)

  it("asks for its upgrade, with another key each time", function()
    local seen = {}
    for _ = 1, 20 do
      local _, connection = open {}
      local key = connection.asked:match "^GET /v1/responses HTTP/1.1\r\n.*\r\nSec%-WebSocket%-Key: ([%w+/]+==)\r\n"
      assert.equal(24, #key)
      assert.is_nil(seen[key])
      seen[key] = true
    end
  end)

  it("sends texts, masked with another key each time", function()
    local socket, connection = open {}
    for _ = 1, 3 do assert.is_true(socket:send "Hello") end
    assert.same({ { "text", "Hello" }, { "text", "Hello" }, { "text", "Hello" } }, unmasked(connection.sent))
    assert.are_not.equal(connection.sent:sub(1, 11), connection.sent:sub(12, 22))
  end)

  it("gives texts, and answers pings on the way", function()
    local socket, connection = open { frame("ping", "a") .. frame("text", "one") .. frame("pong", "") .. frame("text", "two"), frame("ping", "b"), frame("text", "3") }
    assert.equal("one", socket:receive())
    assert.equal("two", (socket:next()))
    assert.is_nil((socket:next()))
    assert.equal("3", socket:receive())
    assert.same({ { "pong", "a" }, { "pong", "b" } }, unmasked(connection.sent))
  end)

  it("takes frames that come together with the upgrade", function()
    local script = { yes }
    local carrier, connection = carrier_of(script)
    local socket = assert(websocket.connect(carrier, { url = "http://h/", host = host }))
    script[1] = function()
      yes(connection)
      script[1] = script[1] .. frame("text", "in a hurry")
    end
    assert(socket:open())
    assert.equal("in a hurry", socket:receive())
  end)

  it("answers a close with its code, and says what the server said", function()
    for _, row in ipairs {
      { "\3\232bye", "\3\232", "the server closed the WebSocket (1000: bye)", true }, { "", "", "the server closed the WebSocket", true },
      { "\3\243", "\3\243", "the server closed the WebSocket (1011)", true }, { "\3\240no\nentry", "\3\240", "the server closed the WebSocket (1008: no entry)", false },
    } do
      local socket, connection = open { frame("close", row[1]) }
      assert(socket:send "?")
      local text, err = socket:receive()
      assert.is_nil(text)
      assert.same({ "network", "closed_early", row[3], row[4], true }, { err.kind, err.code, err.message, err.retryable, err.sent })
      assert.same({ { "text", "?" }, { "close", row[2] } }, unmasked(connection.sent))
      assert.equal(1, connection.closed)
      assert.equal(err, select(2, socket:receive()))
      assert.equal(err, select(2, socket:send "x"))
      socket:close()
      assert.equal(1, connection.closed)
    end
  end)

  it("says whether anything had come when the connection ended", function()
    for _, row in ipairs { { {}, "closed_early" }, { { frame("ping", "") }, "cut" }, { { frame("text", "a") }, "cut" }, { { "\129" }, "closed_early" } } do
      local socket = open(row[1])
      assert(socket:send "?")
      local text, err = socket:receive()
      if text then _, err = socket:receive() end
      assert.equal(row[2], err.code)
      assert.is_true(err.retryable)
    end
  end)

  it("tells the server what it did wrong, and ends", function()
    for _, row in ipairs {
      { "\193\0", 1002, "network", "malformed" }, { "\129\1\255", 1007, "network", "malformed" }, { frame("binary", "x"), 1003, "network", "malformed" },
      { "\130\127\0\0\0\0\255\255\255\255", 1009, "limit", "body" },
    } do
      local socket, connection = open { row[1] }
      assert(socket:send "?")
      local _, err = socket:receive()
      assert.same({ row[3], row[4], false, true }, { err.kind, err.code, err.retryable, err.sent })
      assert.same({ "close", string.char(math.floor(row[2] / 256), row[2] % 256) }, unmasked(connection.sent)[2])
      assert.equal(1, connection.closed)
    end
  end)

  it("knows that nothing was sent before a text was", function()
    local own = errors.new { kind = "network", code = "reset", message = "mine", retryable = true, sent = true }
    local carrier = carrier_of { own }
    local _, err = assert(websocket.connect(carrier, { url = "http://h/", host = host })):open()
    assert.equal(own, err)
    assert.is_false(err.sent)
    carrier = carrier_of({}, { send_error = own })
    _, err = websocket.connect(carrier, { url = "http://h/", host = host })
    assert.equal(own, err)
    _, err = websocket.connect({ connect = function() return nil, own end }, { url = "http://h/", host = host })
    assert.equal(own, err)
  end)

  it("gives a refusal with its body, and is closed", function()
    local carrier, connection = carrier_of { "HTTP/1.1 401 No\r\ncontent-length: 2\r\n\r\n", "no" }
    local answer = assert(assert(websocket.connect(carrier, { url = "http://h/", host = host })):open())
    assert.same({ 401, "no", "" }, { answer.status, answer.body, answer.rest })
    assert.equal(1, connection.closed)
  end)

  it("does not believe a server that does not know its key", function()
    local carrier, connection = carrier_of { "HTTP/1.1 101 Yes\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: x\r\n\r\n" }
    local _, err = assert(websocket.connect(carrier, { url = "http://h/", host = host })):open()
    assert.same({ "protocol", "handshake", false, false }, { err.kind, err.code, err.sent, err.retryable })
    assert.equal(1, connection.closed)
  end)

  it("says good-bye when it is closed", function()
    local socket, connection = open {}
    socket:close(1001)
    socket:close()
    assert.same({ { "close", "\3\233" } }, unmasked(connection.sent))
    assert.equal(1, connection.closed)
    assert.equal("closed", select(2, socket:receive()).kind)
    assert.equal("closed", select(2, socket:send "x").kind)
  end)

  it("looks after itself while it waits, where the connection can say whether there is something", function()
    local function refreshed(script)
      local socket, connection = open(script)
      function connection:readable() return self.script[1] ~= nil end
      return socket:refresh(), unmasked(connection.sent), socket
    end
    assert.is_true((refreshed {}))
    local lives, sent, socket = refreshed { frame("ping", "a"), frame("pong", "") }
    assert.same({ true, { { "pong", "a" } } }, { lives, sent })
    assert.is_true(socket:send "x")
    for _, script in ipairs { { frame("close", "") }, { false }, { frame("text", "what nobody asked for") }, { "\255\255" } } do
      assert.is_false((refreshed(script)))
    end
  end)

  it("shows nobody the headers of its request", function()
    local carrier = carrier_of {}
    local socket = assert(websocket.connect(carrier, { url = "http://h/", headers = { { "a", "SECRET" } }, host = host }))
    socket.connection.sent = ""
    assert.is_false(require "spec.helper".mentions(socket, "SECRET"))
  end)
end)

describe("the time of a WebSocket", function()
  local LIMITS = { connect = 5, first_byte = 60, idle = 30, total = 500 }

  before_each(function()
    now = 100
    host = { name = "simulated", blocking = true, now = function() return now end }
  end)

  local function timeout() return errors.new { kind = "timeout", code = "idle", phase = "idle", message = "the connection's own words" } end

  it("is connect for the upgrade, first_byte until a byte is there, idle then; and never more than is left of total", function()
    local function pass(seconds) return function() now = now + seconds end end
    local socket, connection = open({ pass(50), frame("ping", ""), pass(410), frame("text", "a"), frame("text", "b") }, LIMITS, 600)
    assert(socket:send "?")
    assert(socket:receive())
    assert(socket:receive())
    assert.same({ 5, 60, 30, 30 }, connection.waits)
    now = 590
    socket:receive()
    assert.equal(10, connection.waits[5])
  end)

  it("begins anew with each exchange", function()
    local socket, connection = open({ frame("text", "a"), frame("text", "b") }, LIMITS)
    for _ = 1, 2 do
      socket:begin { first_byte = 7 }
      assert(socket:send "?")
      assert(socket:receive())
    end
    socket:receive()
    assert.same({ 5, 7, 7, false }, connection.waits)
  end)

  it("says which limit was over, and what allows more", function()
    local function ends_with(phase, script, before)
      local socket = open(script, LIMITS, 600)
      assert(socket:send "?")
      if before then assert(socket:receive()) end
      local _, err = socket:receive()
      assert.same({ "timeout", phase, phase, false, true }, { err.kind, err.code, err.phase, err.retryable, err.sent })
      assert.truthy(err.message:find(("within %d s"):format(LIMITS[phase]), 1, true), err.message)
      assert.truthy(err.message:find("timeouts." .. phase, 1, true))
    end
    ends_with("first_byte", { timeout() })
    ends_with("idle", { frame("text", "a"), timeout() }, true)
    ends_with("total", { frame("text", "a"), function() now = 600 end, frame("ping", "") }, true)
    now = 100
    ends_with("total", { frame("text", "a"), function() now = 590 end, frame("ping", ""), timeout() }, true)
  end)

  it("is over for an upgrade that is not answered, and another try may help", function()
    local carrier = carrier_of { timeout() }
    local socket = assert(websocket.connect(carrier, { url = "http://h/", host = host, timeouts = LIMITS }))
    local _, err = socket:open()
    assert.same({ "timeout", "connect", true, false }, { err.kind, err.phase, err.retryable, err.sent })
  end)
end)
