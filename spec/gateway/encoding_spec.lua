-- Encoded bodies of requests. The bytes were made by gzip and zstd, the programs.
local core = require "opengatellm.core"
local encoding = require "opengatellm.gateway.encoding"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local support = require "spec.support.gateway"

local TEXT = '{"model":"m"}'
local SHORT = { -- TEXT
  gzip = "H4sIAAAAAAAAA6tWys1PSc1RslLKVaoFAJtsuqoNAAAA",
  zstd = "KLUv/SQNaQAAeyJtb2RlbCI6Im0ifSeLfGQ=",
}
local ZEROS = { -- 100,000 bytes of 0
  gzip = "H4sIAAAAAAAAA+3BMQEAAADCoPVPbQ0PoAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    .. "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAIBXA32VEdSghgEA",
  zstd = "KLUv/aSghgEAVQAAEAAAAQCbhjnAAtsjTvM=",
}
local WIDE = "KLUv/QSATAAACAABAPz/ORACAgAQAAIAEAACABAAAgAQAAIAEAA=" -- zstd with a window of 64 MiB

local here = encoding.known()

local function bytes_of(text) return (core.base64_decode(text)) end

for _, name in ipairs { "gzip", "zstd" } do
  describe("a body in " .. name, function()
    if not here:find(name, 1, true) then return pending("no FFI, or no library for " .. name) end

    it("is read, whatever case its name is written in, and where it comes in several pieces", function()
      local bytes = bytes_of(SHORT[name])
      assert.equal(TEXT, (encoding.decode(bytes, name, 100)))
      assert.equal(TEXT, (encoding.decode(bytes, " " .. name:upper(), 100)))
      assert.equal(TEXT .. TEXT, (encoding.decode(bytes .. bytes, name, 100)))
      assert.equal(("\0"):rep(100000) .. TEXT, (encoding.decode(bytes_of(ZEROS[name]) .. bytes, name, 100013)))
    end)

    it("is refused where more comes out than the limit allows", function()
      local body, status, message = encoding.decode(bytes_of(ZEROS[name]), name, 99999)
      assert.is_nil(body)
      assert.same({ 413, "the body is longer than 99999 bytes" }, { status, message })
    end)

    it("is refused where it breaks off, or where it is something else", function()
      local bytes = bytes_of(SHORT[name])
      for n = 1, #bytes - 1 do assert.equal(400, select(2, encoding.decode(bytes:sub(1, n), name, 100)), n) end
      for _, wrong in ipairs { "", TEXT, bytes .. "x", bytes_of(SHORT[name == "gzip" and "zstd" or "gzip"]) } do
        local body, status, message = encoding.decode(wrong, name, 100)
        assert.is_nil(body)
        assert.same({ 400, "the body is not " .. name }, { status, message })
      end
    end)

    it("becomes the body of the request, also of one that passes through", function()
      local client, transport = support.client("openai_chat", support.server("openai_chat", support.TEXT))
      local gateway = ogl.gateway { routes = { { client = client } }, limits = { body = 1000 } }
      local status, bytes = support.ask(gateway, "POST", "/v1/chat/completions", bytes_of(SHORT[name]), { ["content-encoding"] = name })
      assert.equal(400, status, bytes) -- it has no messages
      status, bytes = support.ask(gateway, "POST", "/v1/completions", bytes_of(SHORT[name]), { ["content-encoding"] = name })
      assert.equal(200, status, bytes)
      assert.equal("m", json.decode(transport.requests[1].body).model)
      assert.is_nil(transport.requests[1].headers["content-encoding"])
      status, bytes = support.ask(gateway, "POST", "/api/chat", bytes_of(ZEROS[name]), { ["content-encoding"] = name })
      assert.same({ 413, "the body is longer than 1000 bytes" }, { status, json.decode(bytes).error })
    end)
  end)
end

describe("a body in zstd", function()
  if not here:find("zstd", 1, true) then return pending "no FFI, or no library for zstd" end

  it("is refused where its sender asks for more memory than RFC 9659 allows", function()
    assert.equal(400, select(2, encoding.decode(bytes_of(WIDE), "zstd", 1e9)))
  end)
end)

describe("a body in an encoding that is not known here", function()
  it("is refused, with the names of those that are", function()
    local gateway = ogl.gateway { routes = { { client = (support.client("openai_chat", {})) } } }
    for _, name in ipairs { "br", "gzip, zstd", "gzip; x" } do
      local status, bytes, headers = support.ask(gateway, "POST", "/api/chat", "x", { ["content-encoding"] = name })
      assert.equal(415, status)
      assert.equal(here, headers["accept-encoding"])
      assert.equal(("content-encoding: expected %s, got %s"):format(here, name), json.decode(bytes).error)
    end
  end)

  it("is none where it is called identity", function()
    assert.equal("x", (encoding.decode("x", "Identity", 10)))
  end)
end)
