local chances = require "opengatellm.bench.chance"
local noise = require "opengatellm.bench.noise"

-- A normal number (Box and Muller).
local function normal(chance) return math.sqrt(-2 * math.log(chance:unit())) * math.cos(2 * math.pi * chance:unit()) end

-- A run whose requests take about 100 ms; each is so much like the one before it.
local function samples_of(seed, n, likeness)
  local chance, list, state = chances.new(seed), {}, 0
  for i = 1, n do
    state = likeness * state + math.sqrt(1 - likeness ^ 2) * normal(chance)
    list[i] = { at = i / 10, e2e = 100 + 10 * state, status = chance:unit() < 0.1 and "error" or "success" }
  end
  return list
end

local function e2e(sample) return sample.e2e end
local function failed(sample) return sample.status == "error" and 1 or 0 end
local function one() return 1 end

-- The spread that a value really has over many runs, and the error that the runs say it has, on average.
local function spread_and_error(estimate_of, likeness)
  local runs, values, sum, errors = 100, {}, 0, 0
  for seed = 1, runs do
    local estimate = estimate_of(noise.slices(samples_of(seed * 7919, 240, likeness)))
    values[seed], sum, errors = estimate.value, sum + estimate.value, errors + estimate.error
  end
  local squares = 0
  for _, value in ipairs(values) do squares = squares + (value - sum / runs) ^ 2 end
  return math.sqrt(squares / (runs - 1)), errors / runs
end

describe("the noise of a run", function()
  it("is cut into slices that hold every request once, in the order of their ends", function()
    local list = samples_of(1, 100, 0)
    local slices = noise.slices(list)
    assert.equal(20, #slices)
    local seen, last, seconds = 0, 0, 0
    for _, slice in ipairs(slices) do
      assert.equal(5, #slice.samples)
      for _, sample in ipairs(slice.samples) do
        local ends = sample.at + sample.e2e / 1e3
        assert.is_true(ends >= last)
        seen, last = seen + 1, ends
      end
      seconds = seconds + slice.seconds
    end
    assert.equal(100, seen)
    assert.is_true(math.abs(seconds - (last - list[1].at)) < 1e-9)
    assert.equal(24, #noise.slices(samples_of(1, 1000, 0)))
    assert.is_nil(noise.slices(samples_of(1, noise.FEWEST - 1, 0)))
  end)

  it("has the value of the run itself", function()
    local list = samples_of(3, 101, 0)
    local sorted, failures = {}, 0
    for i, sample in ipairs(list) do sorted[i], failures = sample.e2e, failures + failed(sample) end
    table.sort(sorted)
    local slices = noise.slices(list)
    assert.equal(sorted[51], noise.quantile(slices, e2e, 0.5).value)
    assert.equal(sorted[91], noise.quantile(slices, e2e, 0.9).value)
    assert.equal(sorted[101], noise.quantile(slices, e2e, 1).value)
    assert.equal(failures / 101, noise.ratio(slices, failed, one).value)
    local rate = noise.ratio(slices, one).value
    assert.is_true(math.abs(rate - 101 / (list[101].at + list[101].e2e / 1e3 - list[1].at)) < 0.2, rate)
  end)

  it("is the same for the same samples, and none where all are alike", function()
    local slices = noise.slices(samples_of(5, 100, 0))
    assert.same(noise.quantile(slices, e2e, 0.5), noise.quantile(slices, e2e, 0.5))
    for _, slice in ipairs(slices) do
      for _, sample in ipairs(slice.samples) do sample.e2e = 7 end
    end
    assert.equal(0, noise.quantile(slices, e2e, 0.9).error)
    assert.is_nil(noise.quantile(slices, function() end, 0.5))
  end)

  it("is as large as runs really differ, for requests that are independent and for those that are not #slow", function()
    for _, case in ipairs {
      { 0, function(slices) return noise.quantile(slices, e2e, 0.5) end }, { 0, function(slices) return noise.quantile(slices, e2e, 0.9) end },
      { 0, function(slices) return noise.ratio(slices, failed, one) end }, { 0.6, function(slices) return noise.quantile(slices, e2e, 0.5) end },
      { 0.6, function(slices) return noise.ratio(slices, e2e, one) end },
    } do
      local spread, said = spread_and_error(case[2], case[1])
      assert.is_true(said / spread > 0.75 and said / spread < 1.3, ("likeness %g: %g said, %g real"):format(case[1], said, spread))
    end
  end)
end)
