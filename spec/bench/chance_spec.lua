local chances = require "opengatellm.bench.chance"

local function draw(seed, n, method, ...)
  local chance, list = chances.new(seed), {}
  for i = 1, n do list[i] = chance[method](chance, ...) end
  return list
end

-- The part of a list that is at most `limit`.
local function share(list, limit)
  local n = 0
  for _, value in ipairs(list) do
    if value <= limit then n = n + 1 end
  end
  return n / #list
end

describe("chance", function()
  it("gives the same numbers for the same seed, on every Lua, and others for its neighbour", function()
    assert.same({ 70, 79, 23, 57 }, draw(42, 4, "whole", 100))
    assert.same(draw(42, 50, "unit"), draw(42, 50, "unit"))
    assert.are_not.same(draw(42, 4, "whole", 100), draw(43, 4, "whole", 100))
    for _, seed in ipairs { 0, -7, 2147483646, 2147483647, 2 ^ 40 } do
      for _, value in ipairs(draw(seed, 100, "unit")) do assert.is_true(value > 0 and value < 1) end
    end
  end)

  it("gives numbers that are spread evenly", function()
    local list = draw(1, 20000, "unit")
    for _, limit in ipairs { 0.1, 0.25, 0.5, 0.9 } do assert.near(limit, share(list, limit), 0.01) end
    local whole = draw(1, 6000, "whole", 6)
    for face = 1, 6 do assert.near(face / 6, share(whole, face), 0.02) end
  end)

  it("gives gaps of the exponential distribution", function()
    local list = draw(7, 20000, "exponential")
    for _, limit in ipairs { 0.1, 0.5, 1, 2, 4 } do assert.near(1 - math.exp(-limit), share(list, limit), 0.01) end
    assert.equal(0, share(list, 0))
  end)
end)
