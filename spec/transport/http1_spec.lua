-- HTTP/1.1 on connections that read from a script; the contract of transports is asked in spec/hosts/nginx_spec.lua.
local core = require "opengatellm.core"
local http1 = require "opengatellm.transport.http1"

local HEAD = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"

local function chunk(text) return ("%x\r\n%s\r\n"):format(#text, text) end

local function event(text, more) return ('data: {"model":"m","choices":[{"index":0,"delta":{"content":"%s"}%s}]}\n\n'):format(text, more or "") end

local LAST = chunk(event("b", ',"finish_reason":"stop"') .. "data: [DONE]\n\n")

-- An exchange whose connection gives these pieces, then its end.
local function exchange_of(pieces, more)
  local at, connection = 0, { kept = false, closed = false }
  function connection.transmit() return true end
  function connection.receive()
    at = at + 1
    if pieces[at] then return pieces[at] end
    return nil, "closed"
  end
  function connection:keep() self.kept = true end
  function connection:close() self.closed = true end
  local request = { method = "POST", stream = true }
  for name, value in pairs(more or {}) do request[name] = value end
  local route = { authority = "h", target = "/" }
  local head = assert(http1.head(request, route, 1))
  return assert(http1.open(head, request, route, function() return connection end, os.time)), connection
end

-- All that a transcoder writes of the answer, the error, and whether it said the end.
local function transcoded(exchange, context)
  local transcoder, parts, over = core.transcoder("openai_chat", "ollama", "stream", context or { created = 1 }), {}, false
  while true do
    local out, ended = exchange:transcode(transcoder)
    if not out then return table.concat(parts), ended, over end
    parts[#parts + 1] = out
    over = over or ended
  end
end

describe("an exchange into a transcoder", function()
  local BODY = chunk(event "a") .. LAST .. "0\r\n\r\n"

  it("gives the same however the answer comes, and keeps the connection", function()
    local want
    for _, step in ipairs { 1000000, 100, 7 } do
      local text, pieces = HEAD .. BODY, {}
      for at = 1, #text, step do pieces[#pieces + 1] = text:sub(at, at + step - 1) end
      local exchange, connection = exchange_of(pieces)
      assert.equal(200, (exchange:head()))
      local out, err, over = transcoded(exchange)
      assert.same({ true, true }, { over, connection.kept })
      assert.is_nil(err)
      want = want or out
      assert.equal(want, out)
    end
    assert.truthy(want:find('"content":"b"', 1, true))
    assert.truthy(want:find('"done_reason":"stop"', 1, true))
  end)

  it("asks the clock once bytes are there", function()
    local exchange, asked = exchange_of { HEAD, chunk(event "a") }, 0
    local function clock()
      asked = asked + 1
      return 1709210096
    end
    assert.equal(200, (exchange:head()))
    local out = exchange:transcode(core.transcoder("openai_chat", "ollama", "stream", {}), clock)
    assert.truthy(out:find("2024-02-29T12:34:56.000000Z", 1, true))
    assert.equal(1, asked)
  end)

  it("gives what came before a cut, then the error, which stays", function()
    local exchange = exchange_of { HEAD .. chunk(event "a"), chunk(event "b"):sub(1, -20) }
    local out, err = transcoded(exchange)
    assert.truthy(out:find('"content":"a"', 1, true))
    assert.same({ "network", "cut" }, { err.kind, err.code })
    assert.equal(err, select(2, exchange:transcode(core.transcoder("openai_chat", "ollama", "stream", {}))))
  end)

  it("ends with the transcoder's own limits, and with the body's", function()
    local exchange, connection = exchange_of({ HEAD, chunk(event "a"), LAST }, { stream = false, max_body = 100 })
    local _, err = transcoded(exchange)
    assert.same({ "limit", "body", true }, { err.kind, err.code, connection.closed })
    for _, pieces in ipairs { { HEAD, chunk(event "abcd") }, { HEAD .. chunk(event "abcd") } } do
      local transcoder = core.transcoder("openai_chat", "ollama", "stream", {})
      transcoder:close()
      exchange = exchange_of(pieces)
      local out
      out, err = exchange:transcode(transcoder)
      assert.is_nil(out)
      assert.same({ "limit", "closed" }, { err.kind, err.code })
    end
  end)

  it("says nothing more once it is closed", function()
    local exchange = exchange_of { HEAD, BODY }
    exchange:close()
    local _, err = transcoded(exchange)
    assert.equal("closed", err.kind)
  end)
end)
