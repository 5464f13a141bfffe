local errors = require "opengatellm.errors"
local failures = require "opengatellm.bench.failures"

local function failed(list)
  local found = failures.new()
  for _, fields in ipairs(list) do found:add(errors.new(fields)) end
  return found:sorted()
end

describe("the failures of a run", function()
  it("are listed by kind and code, the most frequent first, each with its first three texts", function()
    local list = { { kind = "network", code = "refused", message = "nobody listens" } }
    for i = 1, 5 do list[#list + 1] = { kind = "http", status = 503, code = "busy", message = "try " .. i } end
    local found = failed(list)
    assert.same({ kind = "network", code = "refused", count = 1, samples = { "opengatellm: network: nobody listens" } }, found[2])
    assert.same({
      kind = "http", code = 503, count = 5,
      samples = { "opengatellm: http 503: try 1", "opengatellm: http 503: try 2", "opengatellm: http 503: try 3" },
    }, found[1])
  end)

  it("have texts of bounded length, cut between two characters", function()
    for extra = 0, 3 do
      local text = failed({ { kind = "http", message = ("x"):rep(extra) .. ("é"):rep(5000) } })[1].samples[1]
      assert.is_true(#text <= 303)
      assert.matches("é…$", text)
    end
  end)

  it("are of a bounded number of kinds, whatever codes a server makes up", function()
    local list = {}
    for i = 1, 200 do list[i] = { kind = "provider", code = "code " .. i, message = "m" } end
    local found, sum = failed(list), 0
    assert.equal(51, #found)
    assert.same({ "other", 150, 3 }, { found[1].kind, found[1].count, #found[1].samples })
    for _, line in ipairs(found) do sum = sum + line.count end
    assert.equal(200, sum)
  end)
end)
