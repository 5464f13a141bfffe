-- Long texts become their head and their tail, with what is missing counted.
local core = require "opengatellm.core"
local excerpt = require "opengatellm.conversation.excerpt"

-- The bytes that a marker says are missing, and those that are there.
local function told(text)
  local head, missing, tail = text:match "^(.-)\n%[… (%d+) bytes are left out here …%]\n(.*)$"
  return head, tonumber(missing), tail
end

describe("an excerpt", function()
  it("of a text that is no longer than its limit is the text", function()
    assert.equal("abc", excerpt.of("abc", 3))
    assert.equal("", excerpt.of("", 0))
  end)

  it("has the head, the tail and the number of bytes between them, and keeps the limit", function()
    local text = ("a"):rep(500) .. ("b"):rep(500)
    for limit = 60, 300, 7 do
      local short = excerpt.of(text, limit)
      local head, missing, tail = told(short)
      assert.is_true(#short <= limit)
      assert.equal(#text, #head + missing + #tail)
      assert.matches("^a+$", head)
      assert.matches("^b+$", tail)
    end
  end)

  it("is cut between characters at every limit", function()
    local text = ("é€😀x"):rep(40)
    for limit = 50, 200 do
      local short = excerpt.of(text, limit)
      assert.equal(core.utf8_repair(short), short)
      assert.is_true(#short <= limit)
      local head, missing, tail = told(short)
      assert.equal(#text, #head + missing + #tail)
    end
  end)

  it("is the marker alone where there is room for no more", function()
    assert.same({ "", 1000, "" }, { told(excerpt.of(("x"):rep(1000), 5)) })
  end)
end)
