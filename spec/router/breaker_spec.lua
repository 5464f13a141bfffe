-- Breakers: when a row opens, who probes it, and what closes it again. Time is simulated.
local breakers = require "opengatellm.router.breaker"
local memory = require "opengatellm.store.memory"

local function setup(options)
  local clock = { now = 1000 }
  local function now() return clock.now end
  local store = memory.new { now = now }
  local function another() return breakers.new(options or {}, store, now, "r:") end -- of another worker, on the same store
  return another(), clock, another
end

local function fail(breaker, times, retry_after)
  for _ = 1, times do breaker:report("a", "failure", "closed", retry_after) end
end

describe("a breaker", function()
  it("opens after so many failures in a row, and a success forgives them", function()
    local breaker = setup { failures = 3 }
    fail(breaker, 2)
    breaker:report("a", "success", "closed")
    fail(breaker, 2)
    assert.equal("closed", breaker:permit "a")
    assert.equal(2, select(3, breaker:state "a"))
    fail(breaker, 1)
    local permit, seconds = breaker:permit "a"
    assert.is_nil(permit)
    assert.equal(30, seconds)
    assert.same({ "open", 30 }, { breaker:state "a" , (select(2, breaker:state "a")) })
    assert.equal("closed", breaker:permit "b")
  end)

  it("opens at a share of failures in a window", function()
    local breaker, clock = setup { rate = 0.5, calls = 4, window = 10 }
    fail(breaker, 1)
    breaker:report("a", "success", "closed")
    fail(breaker, 1)
    assert.equal("closed", breaker:permit "a") -- too few calls
    clock.now = clock.now + 11
    breaker:report("a", "success", "closed")
    breaker:report("a", "success", "closed")
    fail(breaker, 1)
    assert.equal("closed", breaker:permit "a")
    fail(breaker, 1)
    assert.is_nil((breaker:permit "a"))
  end)

  it("gives exactly one probe, whoever asks (several probes: llm4s#460)", function()
    local breaker, clock, another = setup()
    fail(breaker, 3)
    clock.now = clock.now + 31
    local probes = 0
    for _ = 1, 20 do
      if breaker:permit "a" == "probe" then probes = probes + 1 end
      if another():permit "a" == "probe" then probes = probes + 1 end
    end
    assert.equal(1, probes)
    assert.equal("half_open", (breaker:state "a"))
  end)

  it("gives the probe again when its lease is over (a probe that never reports)", function()
    local breaker, clock = setup { lease = 20 }
    fail(breaker, 3)
    clock.now = clock.now + 31
    assert.equal("probe", breaker:permit "a")
    clock.now = clock.now + 19
    assert.is_nil((breaker:permit "a"))
    clock.now = clock.now + 2
    assert.equal("probe", breaker:permit "a")
  end)

  it("closes by a probe that succeeds, or is refused: the server lives", function()
    for _, outcome in ipairs { "success", "alive" } do
      local breaker, clock = setup()
      fail(breaker, 3)
      clock.now = clock.now + 31
      breaker:report("a", outcome, breaker:permit "a")
      assert.equal("closed", breaker:permit "a")
      assert.equal(0, select(3, breaker:state "a"))
    end
  end)

  it("is not forgiven by a refusal while it is closed (nora#614)", function()
    local breaker = setup()
    fail(breaker, 2)
    breaker:report("a", "alive", "closed")
    fail(breaker, 1)
    assert.is_nil((breaker:permit "a"))
  end)

  it("opens again by a probe that fails", function()
    local breaker, clock = setup()
    fail(breaker, 3)
    clock.now = clock.now + 31
    breaker:report("a", "failure", breaker:permit "a")
    local permit, seconds = breaker:permit "a"
    assert.is_nil(permit)
    assert.equal(30, seconds)
    clock.now = clock.now + 31
    assert.equal("probe", breaker:permit "a")
  end)

  it("gives the probe to the next after one that was cancelled (deer-flow#3991, nora#585)", function()
    local breaker, clock = setup()
    fail(breaker, 3)
    clock.now = clock.now + 31
    breaker:report("a", "neutral", breaker:permit "a")
    assert.equal("probe", breaker:permit "a")
  end)

  it("waits as long as the server asks, the later of both (litellm#40130)", function()
    local breaker, clock, another = setup()
    fail(breaker, 3, 100)
    assert.equal(100, (select(2, breaker:permit "a")))
    another():report("a", "failure", "closed", 50) -- one that was on its way
    assert.equal(100, (select(2, breaker:permit "a")))
    another():report("a", "failure", "closed", 200)
    assert.equal(200, (select(2, breaker:permit "a")))
    clock.now = clock.now + 199
    assert.is_nil((breaker:permit "a"))
  end)

  it("is seen by all who share the store, at once (a local copy is stale: litellm#34836)", function()
    local breaker, _, another = setup()
    local other = another()
    for _ = 1, 3 do
      breaker:report("a", "failure", "closed")
    end
    assert.equal("open", (other:state "a"))
    other:set("a", "closed")
    assert.equal("closed", (breaker:state "a"))
    other:set("a", "open", 7)
    assert.equal(7, select(2, breaker:state "a"))
    other:set("a", "half_open")
    assert.equal("probe", breaker:permit "a")
  end)

  it("keeps its promises under any order of reports", function()
    local seed = 11
    local function random(n)
      seed = (seed * 16807) % 2147483647
      return seed % n + 1
    end
    local breaker, clock = setup { failures = 2, recovery = 5, lease = 8 }
    local probing, probed_at
    for _ = 1, 20000 do
      local step = random(4)
      if step == 1 then clock.now = clock.now + random(3)
      elseif step == 2 then
        local permit = breaker:permit "a"
        if permit == "probe" then
          assert.is_true(not probing or clock.now - probed_at >= 8, "two probes at once")
          probing, probed_at = true, clock.now
        end
      elseif probing then
        breaker:report("a", ({ "success", "alive", "failure", "neutral" })[random(4)], "probe")
        probing = false
      elseif (breaker:state "a") == "closed" then
        breaker:report("a", ({ "success", "failure", "failure", "neutral" })[random(4)], "closed")
      end
    end
  end)
end)
