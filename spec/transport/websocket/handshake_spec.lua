-- The handshake of WebSockets, on text.
local errors = require "opengatellm.errors"
local handshake = require "opengatellm.transport.websocket.handshake"

local KEY, ACCEPT = "dGhlIHNhbXBsZSBub25jZQ==", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=" -- RFC 6455, section 1.3

-- A reader of these pieces; then the end, or the error.
local function reader(pieces, err)
  local at = 0
  return function()
    at = at + 1
    if pieces[at] then return pieces[at] end
    return nil, err
  end
end

local function bytewise(text)
  local pieces = {}
  for c in text:gmatch "." do pieces[#pieces + 1] = c end
  return pieces
end

describe("the request of an upgrade", function()
  it("asks for the path, with the headers but for those of a body", function()
    local headers = { { "Authorization", "Bearer k" }, { "Content-Type", "application/json" }, { "accept", "text/event-stream" }, { "X-A", "1" } }
    assert.equal(table.concat({
      "GET /v1/responses?a=b HTTP/1.1", "Host: api.example:8443", "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
      "Sec-WebSocket-Key: " .. KEY, "Authorization: Bearer k", "X-A: 1", "\r\n",
    }, "\r\n"), handshake.request("https://api.example:8443/v1/responses?a=b#c", headers, KEY))
    assert.truthy(handshake.request("http://h", {}, KEY):find("GET / HTTP/1.1", 1, true))
    assert.truthy(handshake.request("http://h?a", {}, KEY):find("GET /?a HTTP/1.1", 1, true))
  end)

  it("is none to an address that could break out of its line", function()
    for _, url in ipairs { "", "h/x", "http://h/a b", "http://h/a\r\nX: y", "http://h/\0" } do
      local text, err = handshake.request(url, {}, KEY)
      assert.is_nil(text)
      assert.equal("invalid", err.kind)
    end
  end)

  it("refuses headers that could", function()
    for _, row in ipairs { { "a", "b\r\nc: d" }, { "a", "b\nc" }, { "a", "b\0c" }, { "a\r\nb", "c" }, { "a:b", "c" }, { "", "c" }, { "a", 1 }, {} } do
      assert.is_string(handshake.problem { row })
    end
    assert.is_string(handshake.problem "a: b")
    assert.is_nil(handshake.problem { { "x-a", "b, é" } })
  end)
end)

describe("the answer to an upgrade", function()
  local YES = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\nSec-WebSocket-Accept: " .. ACCEPT .. "\r\n\r\n"

  it("is read however it comes, with the bytes behind it", function()
    for _, pieces in ipairs { { YES .. "\129\0" }, bytewise(YES .. "\129\0") } do
      local read = reader(pieces)
      local answer = assert(handshake.read(read))
      assert.equal(101, answer.status)
      assert.equal(ACCEPT, answer.headers["sec-websocket-accept"])
      assert.equal("\129\0", answer.rest .. (read() or "") .. (read() or ""))
      assert.is_nil(handshake.check(answer, KEY, {}))
    end
  end)

  it("comes behind interim ones", function()
    local answer = assert(handshake.read(reader { "HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" .. YES }))
    assert.equal(101, answer.status)
    assert.is_nil(answer.headers.link)
  end)

  it("has its headers in lower case, joined; cookies in a list", function()
    local answer = assert(handshake.read(reader { "HTTP/1.0 429\nX-A: 1\nx-a:2 \nSet-Cookie: a=1, b\nset-cookie: c\n\n" }))
    assert.same({ 429, { ["x-a"] = "1, 2", ["set-cookie"] = { "a=1, b", "c" } } }, { answer.status, answer.headers })
  end)

  it("is read in a moment, however many lines and blanks it has", function()
    local head = "HTTP/1.1 429 No\r\n" .. ("a:\r\n"):rep(12000) .. "b: " .. (" "):rep(16000) .. "c \t \r\n\r\n"
    local pieces_of_64 = {}
    for at = 1, #head, 64 do pieces_of_64[#pieces_of_64 + 1] = head:sub(at, at + 63) end
    for _, pieces in ipairs { { head }, pieces_of_64 } do
      local began = os.clock()
      local answer = assert(handshake.read(reader(pieces)))
      assert.equal((", "):rep(11999), answer.headers.a)
      assert.equal("c", answer.headers.b)
      assert.is_true(os.clock() - began < 1)
    end
  end)

  it("is an error where it is not HTTP, breaks off, or has no end", function()
    for _, row in ipairs {
      { "malformed", "SSH-2.0-OpenSSH_9.2\r\n" }, { "malformed", "HTTP/1.1 x\r\n\r\n" }, { "malformed", "HTTP/1.1 101 Yes\r\nno colon\r\n\r\n" },
      { "malformed", "HTTP/2 101\r\n\r\n" }, { "malformed", "" }, { "malformed", YES:sub(1, -2) },
      { "header", "HTTP/1.1 101 Yes\r\nx-a: " .. ("x"):rep(300000) }, { "header", "HTTP/1.1 101 Yes\r\nx-a: " .. ("x"):rep(300000) .. "\r\n\r\n" },
    } do
      local answer, err = handshake.read(reader { row[2] })
      assert.is_nil(answer)
      assert.equal(row[1], err.code, row[2]:sub(1, 30))
      assert.equal(row[1] == "header" and "limit" or "network", err.kind)
    end
    local own = errors.new { kind = "timeout", message = "mine" }
    assert.equal(own, select(2, handshake.read(reader({ "HTTP/1.1 1" }, own))))
  end)

  it("is no yes where anything is not as it has to be", function()
    local function problem(changes, asked)
      local answer = assert(handshake.read(reader { YES }))
      for name, value in pairs(changes) do answer.headers[name] = value or nil end
      return handshake.check(answer, KEY, asked or {})
    end
    assert.is_string(problem { ["sec-websocket-accept"] = KEY })
    assert.is_string(problem { ["sec-websocket-accept"] = false })
    assert.is_string(problem { upgrade = "h2c" })
    assert.is_string(problem { connection = "close" })
    assert.is_string(problem { ["sec-websocket-extensions"] = "permessage-deflate" })
    assert.is_string(problem { ["sec-websocket-protocol"] = "chat" })
    assert.is_string(problem({ ["sec-websocket-protocol"] = "chat" }, { { "Sec-WebSocket-Protocol", "other" } }))
    assert.is_nil(problem({ ["sec-websocket-protocol"] = "chat" }, { { "Sec-WebSocket-Protocol", "other, chat" } }))
  end)
end)

describe("the body of a refusal", function()
  local function body(head, text, pieces)
    local answer = assert(handshake.read(reader { "HTTP/1.1 401 No\r\n" .. head .. "\r\n\r\n" .. (pieces and "" or text) }))
    return handshake.body(answer, reader(pieces and bytewise(text) or {}))
  end

  for _, pieces in ipairs { false, true } do
    it("has its length, its chunks, or ends with the connection" .. (pieces and ", byte by byte" or ""), function()
      assert.equal("refused", body("content-length: 7", "refusedXX", pieces))
      assert.equal("refu", body("content-length: 7", "refu", pieces))
      assert.equal("", body("content-length: 0", "", pieces))
      assert.equal("refused", body("transfer-encoding: chunked", "3\r\nref\r\n4;a=b\r\nused\r\n0\r\n\r\n", pieces))
      assert.equal("refu", body("transfer-encoding: chunked", "3\r\nref\r\n4\r\nu", pieces))
      assert.equal("ref", body("transfer-encoding: chunked", "3\r\nref\r\nnonsense\r\n", pieces))
      assert.equal("ref", body("transfer-encoding: chunked", "3\r\nref\r\nffffffffffffffea\r\nx", pieces)) -- -22, where it wraps
      assert.equal("refused", body("x-a: b", "refused", pieces))
    end)
  end

  it("is bounded", function()
    local endless = function() return ("x"):rep(10000) end
    for _, head in ipairs { "content-length: 1000000000", "x-a: b", "transfer-encoding: chunked" } do
      local answer = assert(handshake.read(reader { "HTTP/1.1 401 No\r\n" .. head .. "\r\n\r\n" .. (head:find "chunked" and "fffffff\r\n" or "") }))
      assert.equal(errors.BODY, #handshake.body(answer, endless))
    end
  end)
end)
