local synthetic = require "opengatellm.bench.synthetic"

local function words_of(text)
  local list = {}
  for word in text:gmatch "%S+" do list[#list + 1] = word end
  return list
end

describe("a synthetic text", function()
  it("has about as many words as tokens are wanted, for every number", function()
    for _, wanted in ipairs { 50, 333, 4000 } do
      local texts = synthetic.new { seed = 1, least = wanted, most = wanted }
      for number = 1, 20 do assert.near(wanted, #words_of(texts:of(number)), 1) end
    end
    assert.matches("^%l+%. Go on", synthetic.new({ seed = 1, least = 1, most = 1 }):of(1))
  end)

  it("has a length between the least and the most, and all of them come", function()
    local texts, seen, least, most = synthetic.new { seed = 3, least = 100, most = 109 }, {}, math.huge, 0
    for number = 1, 200 do
      local n = #words_of(texts:of(number))
      seen[n], least, most = true, math.min(least, n), math.max(most, n)
    end
    local lengths = 0
    for _ in pairs(seen) do lengths = lengths + 1 end
    assert.same({ 10, 9 }, { lengths, most - least })
  end)

  it("is the same for the same seed and number, and begins otherwise for others", function()
    local function text(seed, number) return synthetic.new({ seed = seed, least = 40, most = 60 }):of(number) end
    assert.equal(text(7, 3), text(7, 3))
    local seen = {}
    for seed = 1, 30 do
      for number = 1, 30 do
        local front = table.concat(words_of(text(seed, number)), " ", 1, 6)
        assert.is_nil(seen[front], front)
        seen[front] = true
      end
    end
  end)

  it("begins with the words that all texts of its seed share, where a prefix is wanted", function()
    local texts = synthetic.new { seed = 5, least = 100, most = 100, prefix = 60 }
    local one, two = words_of(texts:of(1)), words_of(texts:of(2))
    assert.equal(table.concat(one, " ", 1, 60), table.concat(two, " ", 1, 60))
    assert.are_not.equal(table.concat(one, " ", 61, 66), table.concat(two, " ", 61, 66))
    assert.near(100, #one, 1)
  end)
end)
