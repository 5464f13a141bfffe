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
