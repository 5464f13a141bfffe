local names = require "opengatellm.base.names"

describe("a free name", function()
  it("is the wanted one, or has the first number that makes it free", function()
    local taken = {}
    assert.equal("a", names.free("a", taken, "#"))
    taken.a = true
    assert.equal("a#2", names.free("a", taken, "#"))
    taken["a#2"] = true
    assert.equal("a#3", names.free("a", taken, "#"))
    assert.equal("a_2", names.free("a", taken, "_"))
    assert.same({ a = true, ["a#2"] = true }, taken)
  end)
end)

describe("the nearest name", function()
  it("is the one with the fewest other letters, of several the first", function()
    local known = { "timeout", "timer", "verbose", "Model" }
    for word, name in pairs { timout = "timeout", tiemout = "timeout", time = "timer", verboze = "verbose", model = "Model", MODEL = "Model", imeout = "timeout" } do
      assert.equal(name, names.nearest(word, known), word)
    end
    assert.equal("ab", names.nearest("a", { "ab", "ac" }))
  end)

  it("is none where too much differs", function()
    for _, word in ipairs { "xyz", "", "tmr1", "verb", ("timeout"):rep(10) } do assert.is_nil(names.nearest(word, { "timeout", "timer", "verbose" }), word) end
  end)
end)

describe("a name of a kind", function()
  it("fits one of its patterns", function()
    for name, fits in pairs { API_KEY = true, KEYS = false, TOKEN = true, [""] = false } do
      assert.equal(fits, names.fits(name, { "KEY$", "^TOKEN$" }), name)
    end
    assert.is_false(names.fits("KEY", {}))
  end)
end)
