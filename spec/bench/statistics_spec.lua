local chances = require "opengatellm.bench.chance"
local statistics = require "opengatellm.bench.statistics"

local function sequence(from, to)
  local list = {}
  for i = from, to do list[#list + 1] = i end
  return list
end

-- The values in another order, so that none of them is where its rank is.
local function shuffled(list)
  local chance = chances.new(1)
  for i = #list, 2, -1 do
    local j = chance:whole(i)
    list[i], list[j] = list[j], list[i]
  end
  return list
end

describe("a percentile", function()
  it("is the value of the nearest rank, and one that was seen", function()
    local hundred = sequence(1, 100)
    for percent, value in pairs { [0] = 1, [1] = 1, [50] = 50, [90] = 90, [99] = 99, [100] = 100 } do
      assert.equal(value, statistics.percentile(hundred, percent))
    end
    -- the example of Wikipedia's article on percentiles
    for percent, value in pairs { [5] = 15, [30] = 20, [40] = 20, [50] = 35, [100] = 50 } do
      assert.equal(value, statistics.percentile({ 15, 20, 35, 40, 50 }, percent))
    end
    assert.same({ 7, 7 }, { statistics.percentile({ 7 }, 1), statistics.percentile({ 7 }, 99) })
  end)
end)

describe("a summary", function()
  it("is exact of values whose figures are known", function()
    assert.same({ n = 8, mean = 5, stddev = math.sqrt(32 / 7), min = 2, max = 9, p50 = 4, p90 = 9, p99 = 9 },
      statistics.summary { 9, 2, 4, 5, 4, 7, 4, 5 })
    local all = statistics.summary(shuffled(sequence(1, 1000)))
    assert.same({ 1000, 500.5, 1, 1000, 500, 900, 990 }, { all.n, all.mean, all.min, all.max, all.p50, all.p90, all.p99 })
    assert.near(math.sqrt(1000 * 1001 / 12), all.stddev, 1e-9) -- of 1 to n: √(n (n + 1) ÷ 12)
  end)

  it("is of one value that value, and of none nothing", function()
    assert.same({ n = 1, mean = 3, stddev = 0, min = 3, max = 3, p50 = 3, p90 = 3, p99 = 3 }, statistics.summary { 3 })
    assert.is_nil(statistics.summary {})
  end)

  it("keeps small differences between large values apart", function()
    local found = statistics.summary { 1e9 + 4, 1e9 + 7, 1e9 + 13, 1e9 + 16 }
    assert.near(math.sqrt(30), found.stddev, 1e-6)
  end)

  it("comes near to the distribution that the values are drawn from", function()
    local chance, list = chances.new(5), {}
    for i = 1, 50000 do list[i] = chance:exponential() end
    local found = statistics.summary(list)
    assert.near(1, found.mean, 0.02)
    assert.near(1, found.stddev, 0.02)
    for name, share in pairs { p50 = 0.5, p90 = 0.9, p99 = 0.99 } do assert.near(-math.log(1 - share), found[name], 0.1) end
  end)

  it("says how many values there were where the list is a sample of them", function()
    assert.equal(500, statistics.summary({ 1, 2 }, 500).n)
  end)
end)
