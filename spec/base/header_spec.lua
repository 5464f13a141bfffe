local header = require "opengatellm.base.header"

describe("a token of HTTP", function()
  it("is a name without blanks, separators and control bytes", function()
    for _, text in ipairs { "x", "X-Request-Id", "GET", "!#$%&'*+-.^_`|~09azAZ" } do assert.is_true(header.is_token(text), text) end
    for _, text in ipairs { "", " ", "a b", "a:", "a\r", "a\n", "a\0b", "é", "a/b", "(a)", "a,b", '"a"', "a{", "[a]" } do
      assert.is_false(header.is_token(text), text)
    end
  end)

  it("has no other characters than the standard's", function()
    for byte = 0, 255 do
      local c = string.char(byte)
      local wanted = c:find "[0-9A-Za-z]" ~= nil or ("!#$%&'*+-.^_`|~"):find(c, 1, true) ~= nil
      assert.equal(wanted, header.is_token(c), byte)
    end
  end)
end)
