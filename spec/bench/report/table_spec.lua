local grid = require "opengatellm.bench.report.grid"
local made = require "spec.support.bench_result"
local number = require "opengatellm.bench.report.number"
local report = require "opengatellm.bench.report"
local width = require "opengatellm.base.width"

describe("a number", function()
  it("has the digits that count", function()
    for value, text in pairs {
      [0] = "0", [3] = "3", [0.0424] = "0.0424", [0.5] = "0.5", [1.234] = "1.23", [9.999] = "10.0", [12.34] = "12.3", [99.96] = "100", [123.4] = "123", [123456] = "123456",
      [-2.5] = "-2.50", [1e-5] = "1e-05",
    } do
      assert.equal(text, number.text(value))
    end
    for _, none in ipairs { 0 / 0, math.huge, -math.huge } do assert.equal("–", number.text(none)) end
    assert.same({ "–", "–", "–" }, { number.text(nil), number.share(nil), number.change(nil, 0) })
    assert.same({ "93.8 %", "+10.0 ±2.0 %", "−2.5 ±0.1 %" }, { number.share(0.9375), number.change(0.1, 0.02), number.change(-0.025, 0.001) })
    assert.same({ "1 failure", "2 failures", "429", "ECONNRESET" }, { number.count(1, "failure"), number.count(2, "failure"), number.code(429), number.code "ECONNRESET" })
  end)
end)

describe("a grid", function()
  it("has its columns below one another, whatever is in them", function()
    assert.equal("name   a     b\n通义   1  12.5\nx     10     –\n", grid.write { { "name", "a", "b" }, { "通义", "1", "12.5" }, { "x", "10", "–" } })
  end)

  it("goes on below where it is too wide, and names have half of the width", function()
    assert.equal("nam…  aaa\n通…     1\nnam…  bbb\n通…     2\n", grid.write({ { "name x", "aaa", "bbb" }, { "通义 y", "1", "2" } }, { width = 8 }))
  end)

  it("has bold headings only where asked", function()
    assert.equal("\27[1mn  a\27[0m\nx  1\n", grid.write({ { "n", "a" }, { "x", "1" } }, { bold = true }))
  end)
end)

describe("the table", function()
  it("tells each run's load, figures and failures", function()
    local text = report.table(made.two(), { width = 100 })
    for _, part in ipairs {
      "albert · gpt-oss-120b · https://albert.example\n", "\nClosed loop ", "not corrected for coordinated omission", "\nOpen loop ",
      "\nlocal · 32 at a time    304    0      16        0", "\nTime to first token (ms)\n", "local · 32 at a time: 16 failures of kind timeout\n  opengatellm: timeout",
      "Own overhead, against a server on this machine (p50): 0.25 ms to the first token",
    } do
      assert.truthy(text:find(part, 1, true), part)
    end
  end)

  it("fits its width, but for sentences", function()
    local result = made.two()
    result.providers[1].name = "通义千问 with a name that is much too long for any terminal"
    for _, columns in ipairs { 40, 60, 80, 132 } do
      for line in report.table(result, { width = columns }):gmatch "[^\n]+" do
        local is_sentence = line:find "^  opengatellm" or line:find "[:.]" and not line:find "  %S*%d"
        if not is_sentence then assert.is_true(width.of(line) <= columns or line:find " · https" ~= nil, line) end
      end
    end
  end)

  it("gives the terminal no orders of a server", function()
    local result = made.two()
    result.providers[1].name, result.providers[2].runs[1].errors[1].samples[1] = "\27[2J", "\27]0;title\7\nalbert  all is well"
    result.providers[2].runs[1].errors[1].kind = "x\27[1m"
    local text = report.table(result)
    assert.is_nil(text:find("[%z\1-\9\11-\31\127]"))
    assert.is_nil(text:find("\nalbert  all is well", 1, true))
  end)

  it("has one name for a level where there is one provider", function()
    local text = report.table(made.result { { name = "albert", runs = { made.closed({ ttft = 10, itl = 1 }, 4, 8) } } })
    assert.truthy(text:find("\n4 at a time ", 1, true))
    assert.is_nil(text:find("albert · 4", 1, true))
  end)
end)
