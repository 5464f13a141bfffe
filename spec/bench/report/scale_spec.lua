local scale = require "opengatellm.bench.report.scale"

describe("an axis", function()
  it("names round values, from one that is no higher than all values to one that is no lower", function()
    local axis = scale.linear(0, 870, 200, 20)
    assert.same({ 0, 200, 400, 600, 800, 1000 }, axis.ticks)
    assert.same({ 200, 110, 20 }, { axis.place(0), axis.place(500), axis.place(1000) })
    assert.same({ 0, 20, 40, 60, 80, 100 }, scale.linear(0, 100, 0, 1).ticks)
  end)

  it("has few names and holds all values, whatever their size", function()
    for power = -9, 12 do
      for _, factor in ipairs { 1, 1.01, 1.99, 2.5, 3, 4.99, 5.01, 9.99 } do
        local high = factor * 10 ^ power
        local axis = scale.linear(0, high, 0, 100)
        assert.is_true(#axis.ticks >= 3 and #axis.ticks <= 8, high)
        assert.is_true(axis.place(high) <= 100.0001 and axis.place(high) > 50, high)
      end
    end
  end)

  it("of nothing, or of one value, is an axis all the same", function()
    assert.same({ 0, 1 }, { scale.linear(0, 0, 0, 10).place(0), scale.linear(0, 0, 0, 1).place(1) })
    assert.equal(0, scale.fitting({}, 0, 1).place(0))
    assert.is_true(scale.fitting({ 7 }, 0, 1).place(7) <= 1)
  end)

  it("is logarithmic where values differ by more than thirty times", function()
    assert.is_nil(scale.fitting({ 10, 299 }, 0, 1).is_log)
    local axis = scale.fitting({ 10, 301 }, 0, 1)
    assert.is_true(axis.is_log)
    assert.same({ 10, 20, 50, 100, 200, 500 }, axis.ticks)
    assert.equal(0, axis.place(10))
    assert.is_true(math.abs(axis.place(500) - 1) < 1e-9)
    assert.is_true(math.abs(axis.place(50) - axis.place(10) - (axis.place(500) - axis.place(100))) < 1e-9)
    assert.is_nil(scale.fitting({ 0, 301 }, 0, 1).is_log) -- nothing has no logarithm
  end)

  it("of many powers names them alone, and keeps a value that is below it at its foot", function()
    local axis = scale.log(0.02, 50000, 0, 1)
    assert.equal(0.01, axis.ticks[1])
    assert.equal(8, #axis.ticks)
    assert.equal(0, axis.place(0))
  end)

  it("of names gives each the middle of its part", function()
    local axis = scale.names({ "1", "8" }, 0, 100)
    assert.same({ 25, 75, 50 }, { axis.place(1), axis.place(2), axis.part })
  end)
end)
