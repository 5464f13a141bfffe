-- The parser of HTTP/1.1 answers as Lua sees it; what it takes and refuses is in tests/c/test_http1.c.
local core = require "opengatellm.core"

local OK = "HTTP/1.1 200 OK\r\n"

describe("core.http1", function()
  it("gives the head, the body and the end of what comes at once", function()
    local parser = core.http1 "GET"
    assert.is_nil((parser:head()))
    local state, body, rest = parser:feed(OK .. "Content-Type: a/b\r\nX-A: 1\r\ncontent-length: 5\r\nx-a: 2\r\n\r\nhello")
    assert.equal("end", state)
    assert.equal("hello", body)
    assert.is_nil(rest)
    local status, headers = parser:head()
    assert.equal(200, status)
    assert.same({ ["content-type"] = "a/b", ["x-a"] = "1, 2", ["content-length"] = "5" }, headers)
    assert.is_true(parser:reusable())
  end)

  it("lists cookies", function()
    local parser = core.http1 "GET"
    parser:feed(OK .. "Set-Cookie: a=1, b\r\nX: y\r\nset-cookie: c=2\r\nSET-COOKIE: d\r\n\r\n")
    local _, headers = parser:head()
    assert.same({ ["set-cookie"] = { "a=1, b", "c=2", "d" }, x = "y" }, headers)
  end)

  it("joins what is repeated, in order, and what stands between", function()
    local parser = core.http1 "GET"
    parser:feed(OK .. "a: 1\r\nb:\r\nA:2\r\nset-cookie: x\r\nb: 3\r\na: 4, 5\r\nb:\r\nc: 6\r\n\r\n")
    assert.same({ a = "1, 2, 4, 5", b = ", 3, ", c = "6", ["set-cookie"] = { "x" } }, (select(2, parser:head())))
  end)

  it("joins many short lines at a cost in proportion", function()
    local function cost(count)
      local least = math.huge
      for _ = 1, 3 do
        local parser, began = core.http1 "GET", os.clock()
        parser:feed(OK .. ("a:\r\n"):rep(count) .. "\r\n")
        local _, headers = parser:head()
        least = math.min(least, os.clock() - began)
        assert.equal((", "):rep(count - 1), headers.a)
      end
      return least
    end
    assert.is_true(cost(60000) < 16 * cost(7500)) -- eight times as many; each copied again and again, 64 times as much
  end)

  it("gives the pieces as they come, and says where it is", function()
    local parser = core.http1 "POST"
    assert.same({ "head" }, { parser:feed "HTTP/1.1 100 Continue\r\n\r\nHTTP/1" })
    assert.same({ "head" }, { parser:feed ".1 200 OK\r\ntransfer-encoding: chunked\r\n" })
    assert.same({ "body", "hello" }, { parser:feed "\r\n5\r\nhe\108lo\r\n3" })
    assert.same({ "body", ", y" }, { parser:feed "\r\n, y\r\n" })
    assert.same({ "body" }, { parser:feed "0\r\n" })
    assert.is_false(parser:reusable())
    assert.same({ "end" }, { parser:feed "\r\n" })
    assert.is_true(parser:reusable())
    assert.same({ 8 }, { parser:progress() })
  end)

  it("puts the bytes of many chunks together", function()
    local parser = core.http1 "GET"
    local chunks = ("3\r\nabc\r\n"):rep(1000)
    local state, body = parser:feed(OK .. "transfer-encoding: chunked\r\n\r\n" .. chunks .. "0\r\n\r\n")
    assert.equal("end", state)
    assert.equal(("abc"):rep(1000), body)
  end)

  it("takes NUL and any other byte for what it is", function()
    local parser, body = core.http1 "GET", ""
    for byte = 0, 255 do body = body .. string.char(byte) end
    local _, given = parser:feed(OK .. "content-length: 256\r\n\r\n" .. body)
    assert.equal(body, given)
  end)

  it("knows how much will come", function()
    local parser = core.http1 "GET"
    parser:feed(OK .. "content-length: 10\r\n\r\nhello")
    assert.same({ 5, 10 }, { parser:progress() })
  end)

  it("gives what is left over, and then keeps no connection", function()
    local parser = core.http1 "GET"
    assert.same({ "end", "hi", "HTTP" }, { parser:feed(OK .. "content-length: 2\r\n\r\nhiHTTP") })
    assert.is_false(parser:reusable())
    local upgraded = core.http1 "GET"
    local state, body, rest = upgraded:feed "HTTP/1.1 101 Switching\r\nupgrade: websocket\r\n\r\n\129\0"
    assert.equal("end", state)
    assert.is_nil(body)
    assert.equal("\129\0", rest)
    assert.equal(101, (upgraded:head()))
  end)

  it("has no body where none belongs", function()
    assert.equal("end", (core.http1 "HEAD":feed(OK .. "content-length: 2\r\n\r\n")))
    assert.equal("end", (core.http1 "CONNECT":feed(OK .. "\r\n")))
    assert.equal("end", (core.http1 "GET":feed "HTTP/1.1 204 No\r\n\r\n"))
  end)

  describe("at the end of a connection", function()
    local function ended(bytes)
      local parser = core.http1 "GET"
      parser:feed(bytes)
      return parser:finish(), parser:problem()
    end

    it("ends a body that had no other end", function() assert.equal("end", (ended(OK .. "\r\nhello"))) end)

    it("says what is missing", function()
      for bytes, code in pairs { [""] = "closed_early", ["HTTP/1.1 2"] = "cut", [OK .. "content-length: 2\r\n\r\nh"] = "cut" } do
        local state, found = ended(bytes)
        assert.equal("failed", state)
        assert.equal(code, found)
      end
    end)
  end)

  it("gives what came before a failure, and stays failed", function()
    local parser = core.http1 "GET"
    local state, body = parser:feed(OK .. "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\nzz\r\n")
    assert.equal("failed", state)
    assert.equal("hello", body)
    local code, message = parser:problem()
    assert.equal("malformed", code)
    assert.truthy(message:find("a chunk's size is no number", 1, true))
    assert.same({ "failed" }, { parser:feed "0\r\n\r\n" })
    assert.equal("failed", parser:finish())
  end)

  describe("poured into a transcoder", function()
    local HEAD = OK .. "transfer-encoding: chunked\r\n\r\n"

    local function chunk(text) return ("%x\r\n%s\r\n"):format(#text, text) end

    local function event(text, more) return ('data: {"model":"m","choices":[{"index":0,"delta":{"content":"%s"}%s}]}\n\n'):format(text, more or "") end

    local function pair()
      local parser = core.http1 "GET"
      assert.equal("body", (parser:feed(HEAD)))
      return parser, core.transcoder("openai_chat", "ollama", "stream", { created = 1 })
    end

    it("gives what the transcoder makes of the body", function()
      local body = event "Bon" .. event("jour", ',"finish_reason":"stop"') .. "data: [DONE]\n\n"
      local want = (core.transcoder("openai_chat", "ollama", "stream", { created = 1 }):feed(body))
      for step = 1, 40, 13 do
        local parser, transcoder = pair()
        local chunks, got = {}, {}
        for at = 1, #body, step do chunks[#chunks + 1] = chunk(body:sub(at, at + step - 1)) end
        local wire = table.concat(chunks) .. "0\r\n\r\nREST"
        for at = 1, #wire, 50 do
          local state, out, ended, rest = parser:pour(wire:sub(at, at + 49), transcoder)
          got[#got + 1] = out
          if state == "end" then
            assert.is_true(ended)
            assert.equal("REST", (rest or "") .. wire:sub(at + 50))
            break
          end
          assert.equal("body", state)
        end
        assert.equal(want, table.concat(got))
      end
    end)

    it("has the caller's time", function()
      local parser, transcoder = pair()
      local _, out = parser:pour(chunk(event "a"), transcoder, 1709210096.5)
      assert.truthy(out:find('"created_at":"2024-02-29T12:34:56.500000Z"', 1, true))
    end)

    it("gives what came before a failure, and says when it is cut", function()
      local parser, transcoder = pair()
      local state, out, ended = parser:pour(chunk(event "a") .. "zz\r\n", transcoder)
      assert.same({ "failed", false }, { state, ended })
      assert.truthy(out:find('"content":"a"', 1, true))
      assert.equal("malformed", (parser:problem()))
      parser, transcoder = pair()
      parser:pour(chunk(event "a"), transcoder)
      assert.equal("failed", parser:finish())
      assert.truthy((transcoder:finish()):find('{"error":', 1, true))
    end)

    it("is refused where it is closed, and before the head", function()
      local parser, transcoder = pair()
      assert.error_matches(function() core.http1 "GET":pour("", transcoder) end, "the head is not complete")
      for _, wrong in ipairs { parser, {}, "x", core.decoder "openai_chat" } do
        assert.error_matches(function() parser:pour("", wrong) end, "opengatellm.transcoder expected")
      end
      assert.error_matches(function() parser:pour("") end, "opengatellm.transcoder expected")
      transcoder:close()
      assert.same({ "closed" }, { select(2, parser:pour(chunk "x", transcoder)), nil })
      parser, transcoder = pair()
      parser:close()
      assert.equal("closed", (select(2, parser:pour("", transcoder))))
    end)
  end)

  it("says when a head is too large", function()
    local parser = core.http1 "GET"
    assert.equal("failed", (parser:feed(OK .. "a: " .. ("x"):rep(300000))))
    assert.equal("header", (parser:problem()))
  end)

  it("serves again after a reset", function()
    local parser = core.http1 "HEAD"
    parser:feed "nonsense"
    assert.is_true(parser:reset "GET")
    assert.is_nil((parser:head()))
    assert.is_nil((parser:problem()))
    assert.same({ "end", "hi" }, { parser:feed(OK .. "content-length: 2\r\n\r\nhi") })
  end)

  it("can be closed twice, and says so from then on", function()
    local parser = core.http1 "GET"
    parser:close()
    parser:close()
    for _, step in ipairs { "feed", "reset" } do
      local none, code = parser[step](parser, "x")
      assert.is_nil(none)
      assert.equal("closed", code)
    end
    assert.is_nil((parser:head()))
    assert.is_false(parser:reusable())
  end)

  it("raises what is no string", function()
    assert.has_error(function() core.http1() end)
    assert.has_error(function() core.http1 "GET":feed {} end)
  end)
end)
