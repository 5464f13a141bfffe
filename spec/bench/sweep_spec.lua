local sweep = require "opengatellm.bench.sweep"

describe("a sweep", function()
  it("has rates that lie evenly between the slowest and the fastest", function()
    assert.same({ 4, 6, 8 }, sweep.rates(2, 10, 3))
    assert.same({ 6 }, sweep.rates(2, 10, 1))
    assert.same({}, sweep.rates(2, 10, 0))
  end)

  it("has none where more at a time were not faster", function()
    assert.same({}, sweep.rates(5, 5, 3))
    assert.same({}, sweep.rates(5, 4, 3))
    assert.same({}, sweep.rates(0, 0, 3))
  end)
end)
