local schedules = require "opengatellm.bench.schedule"

local function times(fields, n)
  local options = { arrival = "constant", rate = 2, ramp = 0, seed = 1 }
  for name, value in pairs(fields) do options[name] = value end
  local schedule, list = schedules.new(options), {}
  for i = 1, n do list[i] = schedule:next() end
  return list
end

describe("a schedule", function()
  it("of a constant rate has equal gaps and begins at once", function()
    assert.same({ 0, 0.5, 1, 1.5, 2 }, times({}, 5))
  end)

  it("by Poisson has the gaps of the exponential distribution, the same for the same seed", function()
    local list = times({ arrival = "poisson", rate = 50 }, 20000)
    assert.near(20000 / 50, list[20000], 400 * 0.03)
    local short, before = 0, 0
    for _, at in ipairs(list) do
      assert.is_true(at > before)
      if at - before <= 1 / 50 then short = short + 1 end
      before = at
    end
    assert.near(1 - math.exp(-1), short / 20000, 0.01)
    assert.same(times({ arrival = "poisson" }, 20), times({ arrival = "poisson" }, 20))
    assert.are_not.same(times({ arrival = "poisson" }, 20), times({ arrival = "poisson", seed = 2 }, 20))
  end)

  it("grows to its rate in a ramp: half as many starts as the rate would have had", function()
    local list = times({ rate = 10, ramp = 20 }, 400)
    local in_ramp, in_first_half = 0, 0
    for _, at in ipairs(list) do
      if at < 20 then in_ramp = in_ramp + 1 end
      if at < 10 then in_first_half = in_first_half + 1 end
    end
    assert.same({ 100, 25 }, { in_ramp, in_first_half })
    assert.near(0.1, list[400] - list[399], 1e-9)
  end)
end)
