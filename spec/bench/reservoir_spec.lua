local reservoirs = require "opengatellm.bench.reservoir"

local function filled(size, n)
  local reservoir = reservoirs.new(size)
  for i = 1, n do reservoir:add(i) end
  return reservoir
end

describe("a reservoir", function()
  it("holds everything up to its size, in the order in which it came", function()
    assert.same({ {}, 0 }, { filled(3, 0).list, filled(3, 0).n })
    assert.same({ { 1, 2, 3 }, 3 }, { filled(3, 3).list, filled(3, 3).n })
  end)

  it("holds no more than that, each value once, and knows how many came", function()
    local reservoir, seen = filled(100, 5000), {}
    assert.same({ 100, 5000 }, { #reservoir.list, reservoir.n })
    for _, value in ipairs(reservoir.list) do
      assert.is_nil(seen[value])
      seen[value] = true
    end
  end)

  it("is a fair sample: early and late values have the same chance", function()
    local sum = 0
    local reservoir = filled(1000, 100000)
    for _, value in ipairs(reservoir.list) do sum = sum + value end
    assert.near(50000, sum / 1000, 3000) -- three times the deviation of such a mean
  end)
end)
