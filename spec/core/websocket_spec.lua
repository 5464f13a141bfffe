-- The codec of WebSockets as Lua sees it; what it accepts and refuses is tested in tests/c/test_websocket.c.
local core = require "opengatellm.core"

local KEY = "\55\250\33\61" -- of RFC 6455, section 5.7
local HELLO = "\129\5Hello"

describe("core.websocket", function()
  it("gives messages however the bytes come", function()
    local codec = core.websocket()
    local bytes, seen = HELLO .. "\1\3Hel\137\1?\128\2lo\130\1\255\138\0\136\5\3\232bye", {}
    for byte in bytes:gmatch "." do
      assert.is_true(codec:feed(byte))
      local kind, data, code = codec:next()
      while kind do
        seen[#seen + 1] = { kind, data, code }
        kind, data, code = codec:next()
      end
    end
    assert.same({ { "text", "Hello" }, { "ping", "?" }, { "text", "Hello" }, { "binary", "\255" }, { "pong", "" }, { "close", "bye", 1000 } }, seen)
    assert.is_true(codec:feed "what comes after a close")
    assert.is_nil((codec:next()))
  end)

  it("gives an error that stays, with the code to send", function()
    local codec = core.websocket()
    assert.is_true(codec:feed(HELLO .. "\129\1\255"))
    assert.equal("text", (codec:next()))
    for _ = 1, 2 do assert.same({ nil, "utf8", "a text that is not UTF-8", 1007 }, { codec:next() }) end
    assert.same({ nil, "utf8", "a text that is not UTF-8" }, { codec:feed "x" })
  end)

  it("holds messages to a limit, which may be chosen", function()
    local codec = core.websocket(5)
    assert.is_true(codec:feed(HELLO .. "\129\6Hello!"))
    assert.equal("text", (codec:next()))
    assert.same({ nil, "frame", "a message above the limit", 1009 }, { codec:next() })
    assert.has_error(function() core.websocket(-1) end)
    assert.has_error(function() core.websocket(2 ^ 40) end)
  end)

  it("may be closed, twice, and is closed then", function()
    local codec = core.websocket()
    codec:close()
    codec:close()
    assert.same({ nil, "closed", "used after close" }, { codec:feed "x" })
    assert.same({ nil, "closed", "used after close" }, { codec:next() })
  end)
end)

describe("core.websocket_frame", function()
  it("writes masked frames", function()
    assert.equal("\129\133" .. KEY .. "\127\159\77\81\88", core.websocket_frame("text", "Hello", KEY))
    assert.equal("\138\133" .. KEY .. "\127\159\77\81\88", core.websocket_frame("pong", "Hello", KEY))
    assert.equal("\130\254\1\0\0\0\0\0" .. ("x"):rep(256), core.websocket_frame("binary", ("x"):rep(256), "\0\0\0\0"))
    assert.equal("\136\133\0\0\0\0\3\232bye", core.websocket_frame("close", "bye", "\0\0\0\0", 1000))
    assert.equal("\136\128\0\0\0\0", core.websocket_frame("close", "", "\0\0\0\0"))
  end)

  it("raises for what no frame can be", function()
    for _, arguments in ipairs {
      { "continuation", "", KEY }, { "text", "", "abc" }, { "text", "", "abcde" }, { "ping", ("x"):rep(126), KEY },
      { "close", ("x"):rep(124), KEY, 1000 }, { "close", "", KEY, 1005 }, { "close", "", KEY, 99999 },
    } do
      assert.has_error(function() core.websocket_frame((table.unpack or unpack)(arguments)) end)
    end
    assert.truthy(core.websocket_frame("close", ("x"):rep(123), KEY, 4999))
  end)
end)

describe("core.websocket_accept", function()
  it("is what RFC 6455 says in its example", function()
    assert.equal("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", core.websocket_accept "dGhlIHNhbXBsZSBub25jZQ==")
  end)
end)
