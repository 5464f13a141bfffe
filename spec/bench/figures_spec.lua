-- Every formula, with numbers that can be checked in one's head.
local figures = require "opengatellm.bench.figures"

describe("the figures of a request", function()
  -- sent at 10 s; reasoning from 10.5 on, text from 11 on, the last event at 12, the end of the stream at 12.25
  local moments = { start = 10, first = 10.5, output = 11, last = 12, ended = 12.25, chunks = 7 }

  it("are what their formulas say", function()
    assert.same({
      ttft = 500, ttfo = 1000, e2e = 2000, itl = 1500 / 3, tpot = 2000 / 4, user_rate = 3 / 1.5, input_tokens = 20, output_tokens = 4,
    }, figures.of(moments, 20, 4))
  end)

  it("count from the scheduled time where a request started late", function()
    local late = figures.of({ start = 8, first = 10.5, output = 11, last = 12, ended = 12, chunks = 7 }, nil, 4)
    assert.same({ 2500, 3000, 4000, 500 }, { late.ttft, late.ttfo, late.e2e, late.itl })
  end)

  it("have no pace of fewer than two tokens, or of no time", function()
    for _, tokens in ipairs { 0, 1 } do
      local found = figures.of(moments, nil, tokens)
      assert.same({ nil, nil, 500 }, { found.itl, found.user_rate, found.ttft })
    end
    assert.is_nil(figures.of(moments).tpot)
    assert.is_nil(figures.of(moments, nil, 0).tpot)
    local at_once = figures.of({ start = 0, first = 1, output = 1, last = 1, ended = 1, chunks = 1 }, nil, 5)
    assert.same({ nil, nil, 200 }, { at_once.itl, at_once.user_rate, at_once.tpot })
  end)

  it("are of a whole answer its end, and what can be had of its tokens", function()
    assert.same({ e2e = 3000, output_tokens = 6, tpot = 500 }, figures.of({ start = 1, ended = 4, chunks = 0 }, nil, 6))
  end)

  it("have no first output where all of it is reasoning", function()
    local found = figures.of({ start = 0, first = 1, last = 2, ended = 2, chunks = 2 }, nil, 2)
    assert.same({ nil, 1000, 1000 }, { found.ttfo, found.ttft, found.itl })
  end)

  it("all stand in the list, with a unit and a formula", function()
    local listed = {}
    for _, figure in ipairs(figures.LIST) do
      listed[figure.name] = true
      assert.truthy(figure.title ~= "" and figure.unit ~= "" and #figure.formula > 10)
    end
    for name in pairs(figures.of(moments, 20, 4)) do assert.is_true(listed[name], name) end
    assert.is_true(listed.icl)
  end)
end)
