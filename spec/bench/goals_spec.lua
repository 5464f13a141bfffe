local goals = require "opengatellm.bench.goals"

describe("goals", function()
  it("are read from a text", function()
    assert.same({ ttft = 300, itl = 50, e2e = 5000 }, goals.read "ttft:300,itl:50,e2e:5000")
    assert.same({ tpot = 0.5, ttfo = 10 }, goals.read " tpot:0.5 , ttfo:10 ")
  end)

  it("are refused where they name no time or no number", function()
    for _, text in ipairs { "", "ttft", "ttft:", "ttft:x", "user_rate:3", "ttft:300;itl:5", "ttft:300,", "ttft:1.2.3" } do
      local slo, problem = goals.read(text)
      assert.is_nil(slo, text)
      assert.matches("expected ttft, ttfo, itl, tpot or e2e with milliseconds", problem)
    end
  end)

  it("are met by a request whose every time is within them", function()
    local slo = { ttft = 300, itl = 50 }
    assert.is_true(goals.are_met(slo, { ttft = 300, itl = 50, e2e = 9999 }))
    assert.is_false(goals.are_met(slo, { ttft = 300.1, itl = 1 }))
    assert.is_false(goals.are_met(slo, { ttft = 1, itl = 50.1 }))
    assert.is_true(goals.are_met(slo, { ttft = 1 })) -- an answer of one token has no gap
  end)
end)
