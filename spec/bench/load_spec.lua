-- Loads in simulated time: who starts when, what is measured, and how a run ends.
local helper = require "spec.helper"
local loads = require "opengatellm.bench.load"
local task = require "opengatellm.task"

local function plan_of(fields)
  local plan = { mode = "closed", concurrency = 1, ramp = 0, grace = 1000, seed = 1, most = 1000 }
  for name, value in pairs(fields) do plan[name] = value end
  return plan
end

-- Runs a load whose requests take what `duration()` says; gives the load and its requests, { start, lag, measured, request, cut }.
local function run(fields, duration, meanwhile)
  local list, load = {}, nil
  helper.simulated_time(function(now, work)
    local function ask(request, start, lag, is_measured)
      local one = { start = start, lag = lag, measured = is_measured, request = request }
      list[#list + 1] = one
      one.cut = not task.sleep(duration())
    end
    local made = 0
    local function next_request()
      made = made + 1
      return made
    end
    load = loads.new(plan_of(fields), { now = now, next = next_request, ask = ask })
    if meanwhile then task.spawn(meanwhile, load, work) end
    load:run()
  end)
  return load, list
end

local function always(seconds) return function() return seconds end end

local function starts(list)
  local out = {}
  for i, one in ipairs(list) do out[i] = one.start end
  return out
end

describe("a closed loop", function()
  it("has so many users, each of whom asks again when the answer is there", function()
    local load, list = run({ concurrency = 2, requests = 6 }, always(4))
    assert.same({ 0, 0, 4, 4, 8, 8 }, starts(list))
    assert.same({ 6, 0, 12, "requests" }, { load.started, load.dropped, load.ended, load.reason })
    for i, one in ipairs(list) do assert.equal(i, one.request) end
  end)

  it("begins nothing after its time, and lets what is in flight end", function()
    local load, list = run({ seconds = 10 }, always(4))
    assert.same({ 0, 4, 8 }, starts(list))
    assert.same({ 12, "seconds", false }, { load.ended, load.reason, list[3].cut })
  end)

  it("cuts off what is still in flight when the grace is over", function()
    local load, list = run({ seconds = 10, grace = 1 }, always(4))
    assert.same({ 11, "seconds", false, true }, { load.ended, load.reason, list[2].cut, list[3].cut })
  end)

  it("lets its users in one after the other in a ramp, and measures what begins after it", function()
    local load, list = run({ concurrency = 4, ramp = 8, requests = 3 }, always(3))
    assert.same({ 0, 2, 3, 4, 5, 6, 6, 7, 8, 9, 9 }, starts(list))
    for _, one in ipairs(list) do assert.equal(one.start >= 8, one.measured) end
    assert.same({ 3, 8 }, { load.started, load.began })
  end)
end)

describe("an open loop", function()
  it("starts when its schedule says so, however slow the answers are", function()
    local load, list = run({ mode = "open", arrival = "constant", rate = 2, seconds = 3 }, always(100))
    assert.same({ 0, 0.5, 1, 1.5, 2, 2.5 }, starts(list))
    assert.same({ 6, 0, 102.5 }, { load.started, load.dropped, load.ended })
    for _, one in ipairs(list) do assert.equal(0, one.lag) end
  end)

  it("lasts as long as its time, though the last request ended before", function()
    local load = run({ mode = "open", arrival = "constant", rate = 0.4, seconds = 3 }, always(0.1))
    assert.same({ 2, 3 }, { load.started, load.ended })
  end)

  it("drops and counts the starts that find too many requests in flight", function()
    local load, list = run({ mode = "open", arrival = "constant", rate = 1, seconds = 10, most = 2 }, always(4))
    assert.same({ 0, 1, 4, 5, 8, 9 }, starts(list))
    assert.same({ 6, 4 }, { load.started, load.dropped })
  end)

  it("counts dropped starts as requests, so that a dead server does not keep it for ever", function()
    local load = run({ mode = "open", arrival = "constant", rate = 1, requests = 5, most = 1, grace = 0 }, always(1000))
    assert.same({ 1, 4, "requests" }, { load.started, load.dropped, load.reason })
  end)

  it("counts a late start from its scheduled time", function()
    local function busy(_, work) -- nothing else runs from 0.9 to 2.2
      task.sleep(0.9)
      work(1.3)
    end
    local load, list = run({ mode = "open", arrival = "constant", rate = 1, seconds = 4 }, always(0.1), busy)
    assert.same({ 0, 1, 2, 3 }, starts(list))
    for i, lag in ipairs { 0, 1.2, 0.2, 0 } do assert.near(lag, list[i].lag, 1e-9) end
    assert.equal(4, load.ended)
  end)

  it("grows to its rate in a ramp, of which nothing is measured", function()
    local load, list = run({ mode = "open", arrival = "constant", rate = 2, ramp = 4, requests = 3 }, always(0.1))
    local measured = {}
    for _, one in ipairs(list) do
      if one.measured then measured[#measured + 1] = one.start end
    end
    assert.same({ 4, 4.5, 5 }, measured)
    assert.same({ 0, 2, math.sqrt(8) }, { list[1].start, list[2].start, list[3].start })
    assert.equal(4, load.began)
  end)
end)

describe("a load", function()
  it("ends at once when it is stopped without grace, and says why", function()
    local load, list = run({ concurrency = 3 }, always(100), function(load)
      task.sleep(7)
      load:stop("interrupted", 0)
    end)
    assert.same({ 7, "interrupted", 3 }, { load.ended, load.reason, #list })
    for _, one in ipairs(list) do assert.is_true(one.cut) end
  end)

  it("raises what asking raises, and leaves nothing running", function()
    local asked = 0
    local fine, err = pcall(run, { concurrency = 3 }, function()
      asked = asked + 1
      if asked == 3 then error "a mistake" end
      return 100
    end)
    assert.is_false(fine)
    assert.matches("a mistake", err)
    assert.is_false(require "opengatellm.host".scheduler().busy())
  end)
end)
