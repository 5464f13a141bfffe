local compare = require "opengatellm.bench.compare"
local json = require "opengatellm.json"
local made = require "spec.support.bench_result"
local width = require "opengatellm.base.width"

local function result_of(given, fields)
  return made.result({ { name = given.name or "albert", model = "m", runs = { made.closed(given, 8, given.requests or 240) } } }, fields)
end

local BEFORE = { ttft = 200, itl = 20, seed = 11 }

-- The titles of what changed, by their verdict.
local function verdicts(comparison)
  local found = {}
  for _, pair in ipairs(comparison.pairs) do
    for _, row in ipairs(pair.rows) do found[row.title] = row.verdict end
  end
  return found
end

describe("a comparison", function()
  it("of a result with itself finds nothing", function()
    local comparison = compare.of(made.two(), made.two())
    assert.same({ 0, 0, 0, comparison.tests }, { comparison.better, comparison.worse, comparison.changed, comparison.same })
    assert.is_true(comparison.tests > 100)
    assert.same({}, comparison.notes)
    assert.truthy(compare.table(comparison):find "\n0 better, 0 worse, %d+ within noise%. All %d+ intervals hold together with 95 %% confidence%.\n$")
  end)

  it("finds what became slower and what became quicker, by how much, and nothing else", function()
    local slower = compare.of(result_of(BEFORE), result_of { ttft = 260, itl = 20, seed = 12 })
    local found = verdicts(slower)
    assert.equal("worse", found["Time to first token, p50"])
    assert.equal("same", found["Inter-token latency, p50"])
    assert.equal("same", found["Requests that failed"])
    assert.equal(0, slower.better)
    for _, row in ipairs(slower.pairs[1].rows) do
      if row.title == "Time to first token, p50" then
        assert.is_true(row.low < 0.3 and row.high > 0.3, row.low .. " to " .. row.high) -- the truth
        assert.is_true(row.low > 0.2 and row.high < 0.4)
      end
    end
    local quicker = compare.of(result_of(BEFORE), result_of { ttft = 200, itl = 15, seed = 13 })
    found = verdicts(quicker)
    assert.same({ "better", "better", "same", 0 },
      { found["Inter-token latency, p50"], found["Output tokens a second"], found["Requests that failed"], quicker.worse })
  end)

  it("finds failures, and requests that are no longer within the SLO", function()
    local found = verdicts(compare.of(result_of(BEFORE, { slo = { ttft = 700 } }), result_of({ ttft = 200, itl = 20, seed = 14, failing = 0.2 }, { slo = { ttft = 700 } })))
    assert.same({ "worse", "worse" }, { found["Requests that failed"], found["Requests within SLO"] })
    assert.is_nil(verdicts(compare.of(result_of(BEFORE, { slo = { ttft = 700 } }), result_of(BEFORE, { slo = { ttft = 800 } })))["Requests within SLO"])
  end)

  it("of runs that differ by chance alone almost never finds a change #slow", function()
    local alarms = 0
    for seed = 1, 40 do
      local comparison = compare.of(result_of { ttft = 200, itl = 20, seed = seed, failing = 0.05 }, result_of { ttft = 200, itl = 20, seed = 1000 + seed, failing = 0.05 })
      if comparison.same < comparison.tests then alarms = alarms + 1 end
    end
    assert.is_true(alarms <= 4, alarms .. " of 40") -- 2 is what a confidence of 95 per cent gives
  end)

  it("tells a change that is too small to matter from one that does", function()
    local before, after = result_of { ttft = 200, itl = 20, requests = 60 }, result_of { ttft = 200, itl = 20, requests = 60 }
    for _, sample in ipairs(after.providers[1].runs[1].samples) do sample.itl = 20.15 end
    for _, sample in ipairs(before.providers[1].runs[1].samples) do sample.itl = 20 end
    assert.equal("same", verdicts(compare.of(before, after))["Inter-token latency, p50"])
    for _, sample in ipairs(after.providers[1].runs[1].samples) do sample.itl = 20.25 end
    assert.equal("worse", verdicts(compare.of(before, after))["Inter-token latency, p50"])
  end)

  it("puts runs together by provider, loop and level, and names those that stand alone", function()
    local before, after = made.two(), made.two()
    table.remove(after.providers[1].runs, 1)
    after.providers[2].name, after.providers[1].model = "other", "gpt-oss-20b"
    local comparison = compare.of(before, after)
    local names = {}
    for i, pair in ipairs(comparison.pairs) do names[i] = pair.name end
    assert.same({ "albert · 8 at a time", "albert · 32 at a time", "albert · 2.5/s poisson", "albert · 5/s poisson" }, names)
    local notes = table.concat(comparison.notes, "\n")
    for _, note in ipairs { "albert: model: gpt-oss-120b, then gpt-oss-20b", "albert · 1 at a time: only in the first", "other · 1 at a time: only in the second" } do
      assert.truthy(notes:find(note, 1, true), notes)
    end
  end)

  it("of two single providers compares the one with the other", function()
    local comparison = compare.of(result_of { name = "albert", ttft = 200, itl = 20 }, result_of { name = "local", ttft = 100, itl = 20 })
    assert.equal(1, #comparison.pairs)
    assert.is_true(comparison.better > 0)
    assert.truthy(table.concat(comparison.notes, "\n"):find("name: albert, then local", 1, true))
  end)

  it("names options, machines and versions that differ", function()
    local comparison = compare.of(result_of(BEFORE, { ogl = "1", options = { a = 1, list = { 1 } } }),
      result_of(BEFORE, { ogl = "2", options = { b = true, list = { 1 } }, machine = { system = "Darwin" } }))
    local notes = table.concat(comparison.notes, "\n")
    for _, note in ipairs { "opengatellm: 1, then 2", "option a: 1, then nothing", "option b: nothing, then true", "machine: system: Linux 6.1 x86_64, then Darwin" } do
      assert.truthy(notes:find(note, 1, true), notes)
    end
    assert.is_nil(notes:find("list", 1, true))
  end)

  it("says of runs that are too short that they are", function()
    local comparison = compare.of(result_of { ttft = 200, itl = 20, requests = 10 }, result_of { ttft = 20, itl = 2, requests = 10 })
    assert.equal(0, comparison.tests)
    local text = compare.table(comparison)
    assert.truthy(text:find("albert · 8 at a time: fewer than 30 requests", 1, true))
    assert.truthy(text:find("Nothing could be compared", 1, true))
    assert.truthy(compare.table(compare.of(made.result {}, made.result {})):find("Nothing could be compared", 1, true))
  end)

  it("is a table that fits, and JSON that has what did not change as well", function()
    local comparison = compare.of(result_of(BEFORE), result_of { ttft = 300, itl = 30, seed = 12 })
    local text = compare.table(comparison, { width = 80 })
    assert.truthy(text:find "\n  Time to first token, p50 +%d+ +%d+ +%+%d+%.%d ±%d+%.%d %% +worse\n")
    assert.is_nil(text:find("\n  Requests that failed", 1, true))
    for line in text:match "^(.-\n)\n":gmatch "[^\n]+" do assert.is_true(width.of(line) <= 80, line) end
    local again = json.decode(compare.json(comparison))
    assert.equal("opengatellm-bench-comparison", again.format)
    assert.equal(comparison.tests, #again.pairs[1].rows)
    local row = again.pairs[1].rows[1]
    assert.truthy(row.title and row.unit and row.before and row.after and row.low and row.high and row.verdict)
  end)

  it("shows no key and gives a terminal no orders", function()
    local after = result_of(BEFORE, { options = { prompt = "sk-secret-word \27[2J" } })
    after.providers[1].model = "Bearer abcdef\27[1m"
    local comparison = compare.of(result_of(BEFORE), after)
    for _, text in ipairs { compare.table(comparison), compare.json(comparison) } do
      assert.is_nil(text:find("secret-word", 1, true) or text:find("abcdef", 1, true) or text:find("\27", 1, true))
    end
  end)
end)
