-- Random bytes of the system.
local random = require "opengatellm.base.random"

describe("random.bytes", function()
  it("gives as many as are asked for, others each time", function()
    for _, n in ipairs { 1, 4, 16, 1000 } do assert.equal(n, #assert(random.bytes(n))) end
    local seen = {}
    for _ = 1, 100 do
      local bytes = assert(random.bytes(16))
      assert.is_nil(seen[bytes])
      seen[bytes] = true
    end
  end)

  describe("without /dev/urandom", function()
    local open = io.open
    before_each(function() io.open = function() return nil, "no such file" end end) -- luacheck: ignore 122
    after_each(function()
      io.open = open -- luacheck: ignore 122
      package.loaded["openssl.rand"], package.preload["openssl.rand"] = nil, nil
    end)

    it("asks luaossl", function()
      package.loaded["openssl.rand"] = { ready = function() return true end, bytes = function(n) return ("r"):rep(n) end }
      assert.equal("rrrr", random.bytes(4))
    end)

    it("says what is missing where there is neither", function()
      package.preload["openssl.rand"] = function() error "not here" end
      package.loaded["openssl.rand"] = nil
      local bytes, err = random.bytes(4)
      assert.is_nil(bytes)
      assert.equal("config", err.kind)
    end)
  end)
end)
