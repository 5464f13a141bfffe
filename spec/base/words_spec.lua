-- Words: sets and lists of one text.
local words = require "opengatellm.base.words"

describe("words", function()
  it("are keys of a set, and items of a list in their order, whatever blanks stand between them", function()
    assert.same({ b = true, a = true }, words.set " b\n  a b ")
    assert.same({ "b", "a", "b" }, words.list " b\n  a b ")
    assert.same({}, words.list "")
  end)
end)
