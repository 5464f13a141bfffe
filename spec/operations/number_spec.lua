local number = require "opengatellm.operations.number"

describe("a number", function()
  it("is JSON's own or a text of digits", function()
    for _, case in ipairs {
      { 3, 3 }, { 3.2, 3.2 }, { "3.2", 3.2 }, { "-1", -1 }, { "1e3", 1000 }, { ".5", 0.5 }, { " 7 ", 7 }, { 0, 0 }, { "0", 0 },
      { "" }, { "x" }, { "0x10" }, { "nan" }, { "inf" }, { "1e999" }, { "1.2.3" }, { "00:03" }, { "3s" }, { true }, { {} }, { 1 / 0 }, { 0 / 0 },
    } do
      assert.equal(case[2], number.of(case[1]))
    end
    assert.is_nil(number.of(nil))
  end)

  it("names a place of a list", function()
    for _, case in ipairs { { 0, 1 }, { 2, 3 }, { "1", 2 }, { 1.0, 2 }, { 3 }, { -1 }, { 0.5 }, { "x" }, { 1e300 } } do
      assert.equal(case[2], number.place(case[1], 3))
    end
    assert.is_nil(number.place(0, 0))
  end)
end)
