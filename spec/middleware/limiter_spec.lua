-- Calls that wait for their share of a minute, in simulated time.
local coroutines = require "opengatellm.host.coroutines"
local errors = require "opengatellm.errors"
local helper = require "spec.helper"
local ogl = require "opengatellm"
local recorded = require "spec.support.recorded_streams"
local replay = require "opengatellm.transport.replay"

local function answer(input, output, headers)
  local body = 'data: {"model":"m","choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":"stop"}],"usage":'
    .. ('{"prompt_tokens":%d,"completion_tokens":%d}}\n\ndata: [DONE]\n\n'):format(input, output)
  local all = { ["content-type"] = "text/event-stream" }
  for name, value in pairs(headers or {}) do all[name] = value end
  return { headers = all, body = body }
end

local function client(answers, options)
  local here = helper.simulated_host()
  local all = {
    provider = "openai_compatible", base_url = "http://server", model = "m", transport = replay.new(answers or answer(1, 1)),
    retries = { max = 0 }, host = here,
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.client(all), here, all.transport
end

local function reserving(tokens) return function() return tokens end end

describe("the limiter", function()
  it("lets so many requests a minute pass, and has the next one wait", function()
    local limiter = ogl.middleware.limiter { requests = 3 }
    local c, here = client()
    local limited = c:use(limiter)
    for _ = 1, 3 do assert(limited:chat "hi") end
    assert.same({}, here.waits)
    here.sleep(10)
    assert(limited:chat "hi")
    assert.near(60, here.now(), 0.01)
    assert.equal(1, limiter.state().requests)
  end)

  it("lets so many tokens a minute pass", function()
    local c, here = client(answer(40, 60))
    local limited = c:use(ogl.middleware.limiter { tokens = 250, estimate = reserving(100) })
    for _ = 1, 2 do assert(limited:chat "hi") end
    assert.equal(0, here.now())
    assert(limited:chat "hi")
    assert.near(60, here.now(), 0.01)
  end)

  it("settles a reservation in both directions", function()
    local limiter = ogl.middleware.limiter { tokens = 1000, estimate = reserving(100) }
    assert((client(answer(10, 20))):use(limiter):chat "hi")
    assert.equal(30, limiter.state().tokens)
    assert((client(answer(100, 300))):use(limiter):chat "hi")
    assert.equal(430, limiter.state().tokens)
  end)

  it("settles a stream when it ends, with what was counted, kept or not", function()
    local limiter = ogl.middleware.limiter { tokens = 1000, estimate = reserving(500) }
    local c = client(answer(10, 20)):use(limiter)
    for _, keep in ipairs { true, false } do
      local stream = assert(c:stream { messages = "hi", keep = keep })
      assert.equal(keep and 500 or 530, limiter.state().tokens)
      while stream:next() do end -- luacheck: ignore
    end
    assert.same({ 60, 0 }, { limiter.state().tokens, limiter.state().running })
  end)

  it("gives back what was refused or never sent", function()
    local limiter = ogl.middleware.limiter { requests = 10, tokens = 1000, estimate = reserving(500) }
    assert.is_nil((client { status = 400, body = "no" }):use(limiter):chat "hi")
    assert.same({ 1, 0 }, { limiter.state().requests, limiter.state().tokens })
    local gone = { err = errors.new { kind = "network", message = "refused", sent = false } }
    assert.is_nil((client(gone)):use(limiter):chat "hi")
    assert.same({ 1, 0 }, { limiter.state().requests, limiter.state().tokens })
  end)

  it("counts each try of a call as a request", function()
    local limiter = ogl.middleware.limiter { requests = 10 }
    local c = client(function(_, n) return n < 3 and { status = 503 } or answer(1, 1) end, { retries = { max = 5 } })
    assert(c:use(limiter):chat "hi")
    assert.equal(3, limiter.state().requests)
  end)

  it("lets a call pass that is larger than the limit, when nothing else is in the minute", function()
    local c, here = client(answer(10, 10))
    local limited = c:use(ogl.middleware.limiter { tokens = 100, estimate = reserving(5000) })
    assert(limited:chat "hi")
    assert(limited:chat "hi")
    assert.near(60, here.now(), 0.01)
  end)

  it("expects of an answer what answers before had, not the most that it may have", function()
    local limiter = ogl.middleware.limiter { tokens = 100000 }
    local c = client(answer(5, 10)):use(limiter)
    for _ = 1, 3 do assert(c:chat { messages = "hi", max_tokens = 50000 }) end
    local stream = assert(c:stream { messages = "hi", max_tokens = 50000 })
    assert.is_true(limiter.state().tokens < 100, limiter.state().tokens)
    stream:close()
  end)

  it("fails a call at once that would wait for longer than it may", function()
    local c, here = client()
    local limited = c:use(ogl.middleware.limiter { requests = 1, max_wait = 10 })
    assert(limited:chat "hi")
    local reply, err = limited:chat "hi"
    assert.is_nil(reply)
    assert.same({ "limit", "queue_wait", true, {} }, { err.kind, err.code, err.retryable, err.attempts })
    assert.near(60, err.retry_after, 0.01)
    assert.same({}, here.waits)
  end)

  it("fails a call at once that no place is left for", function()
    local c = client()
    local limited = c:use(ogl.middleware.limiter { requests = 1, max_queue = 0 })
    assert(limited:chat "hi")
    local _, err = limited:chat "hi"
    assert.same({ "limit", "queue_full", {} }, { err.kind, err.code, err.attempts })
  end)

  it("has limits for each key", function()
    local limiter = ogl.middleware.limiter { requests = 1, key = function(request) return request.user end }
    local c, here = client()
    assert(c:use(limiter):chat { messages = "hi", user = "a" })
    assert(c:use(limiter):chat { messages = "hi", user = "b" })
    assert.same({}, here.waits)
    assert.same({ 1, 1, 0 }, { limiter.state("a").requests, limiter.state("b").requests, limiter.state("c").requests })
  end)

  it("limits embeddings, by what they send", function()
    local vectors = { headers = { ["content-type"] = "application/json" }, body = '{"data":[{"index":0,"embedding":[1]}],"usage":{"prompt_tokens":7}}' }
    local limiter = ogl.middleware.limiter { tokens = 100 }
    assert((client(vectors)):use(limiter):embeddings { input = ("x"):rep(80) })
    assert.is_true(limiter.state().tokens >= 7 and limiter.state().tokens <= 20)
    assert.equal(1, limiter.state().requests)
  end)

  it("learns from headers what is left, and waits for the server's reset", function()
    local left = { "1", "0" }
    local c, here = client(function(_, n)
      return answer(1, 1, { ["x-ratelimit-limit-requests"] = "2", ["x-ratelimit-remaining-requests"] = left[n] or "1",
        ["x-ratelimit-reset-requests"] = "20s" })
    end)
    local limited = c:use(ogl.middleware.limiter {})
    for _ = 1, 2 do assert(limited:chat "hi") end
    assert.equal(0, here.now())
    assert(limited:chat "hi")
    assert.near(20, here.now(), 0.01)
    local deaf, there = client(answer(1, 1, { ["x-ratelimit-limit-requests"] = "2", ["x-ratelimit-remaining-requests"] = "0",
      ["x-ratelimit-reset-requests"] = "20s" }))
    deaf = deaf:use(ogl.middleware.limiter { learn = false })
    for _ = 1, 3 do assert(deaf:chat "hi") end
    assert.equal(0, there.now())
  end)

  it("minds no limit that the server calls None", function()
    local c, here = client(answer(1, 1, { ["x-ratelimit-limit-request"] = "None", ["x-ratelimit-remaining-request"] = "0" }))
    for _ = 1, 3 do assert(c:use(ogl.middleware.limiter {}):chat "hi") end
    assert.same({}, here.waits)
  end)

  it("pauses for as long as a refusal says", function()
    local limiter = ogl.middleware.limiter {}
    local c, here = client(function(_, n) return n == 1 and { status = 429, headers = { ["retry-after"] = "7" } } or answer(1, 1) end)
    assert.is_nil(c:use(limiter):chat "hi")
    assert(c:use(limiter):chat "hi")
    assert.near(7, here.now(), 0.01)
  end)

  it("uses nothing for an answer out of a cache", function()
    local limiter = ogl.middleware.limiter { requests = 5 }
    local c = client():use(limiter, function(call)
      return call:replay { { type = "usage", usage = { input_tokens = 9 } }, { type = "finish", reason = "stop" } }
    end)
    local reply = assert(c:chat "hi")
    assert.equal(9, reply.usage.input_tokens)
    assert.equal(1, limiter.state().requests)
  end)

  it("leaves every recorded reply as it is", function() recorded.check(ogl.middleware.limiter { requests = 1000000 }) end)

  it("raises what is wrong with its options at the caller's line", function()
    for problem, options in pairs {
      ["requests: expected integer, got string"] = { requests = "x" }, ["tokens: expected a number from 1 on, got 0"] = { tokens = 0 },
      ["max_wait: expected a number from 0 on, got %-1"] = { max_wait = -1 }, ["burst: there is no such field"] = { burst = 1 },
      ["key: expected function, got string"] = { key = "x" }, ["expected table, got number"] = 7,
    } do
      local _, where = pcall(function()
        local limiter = ogl.middleware.limiter(options)
        return limiter
      end)
      assert.matches("limiter_spec.lua:%d+: ogl.middleware.limiter: " .. problem, where)
    end
  end)
end)

-- Calls in coroutines of a simulated loop, led through the middleware's functions as the chain leads them.
local function visit(limiter, here, request, during)
  local call = { operation = "chat", request = request, client = { host = here }, provider = "p" }
  local state = {}
  local result, err = limiter.wrap(call, function() return during(call) end, state)
  limiter.done(result, err, call, state)
  return result, err
end

local function used(tokens) return { usage = { total_tokens = tokens, output_tokens = tokens } } end

describe("the limiter", function()
  it("counts the loser of a hedge, too (llmr#48)", function()
    local limiter, here = ogl.middleware.limiter { tokens = 1000 }, helper.simulated_host()
    local reply = { usage = { total_tokens = 10 }, attempts = { { cancelled = true, estimated = true, tokens = 7 }, { tokens = 10 } } }
    assert(visit(limiter, here, {}, function() return reply end))
    assert.same({ 2, 17 }, { limiter.state().requests, limiter.state().tokens })
  end)

  for i, row in ipairs {
    { "key", 5, "key returned a number; expected a string" }, { "by", 5, "by returned a number; expected a string" },
    { "estimate", "much", "estimate returned much; expected a number of tokens" }, { "estimate", math.huge, "estimate returned %-?inf; expected" },
  } do
    it(("says what was expected where `%s` returns nonsense (%d)"):format(row[1], i), function()
      if coroutines.NARROW then return end -- there it is raised
      local limiter = ogl.middleware.limiter { requests = 1, [row[1]] = function() return row[2] end }
      local _, err = client():use(limiter):chat "hi"
      assert.same({ "config", "middleware" }, { err.kind, err.code })
      assert.matches("middleware limiter: its wrap raised: ogl.middleware.limiter: " .. row[3], err.message)
      assert.equal(0, limiter.state().running)
    end)
  end
end)

describe("the limiter's queue", function()
  it("is in the order of coming, and small calls do not pass a large one", function()
    local here, order = helper.simulated_loop(), {}
    local limiter = ogl.middleware.limiter { tokens = 100, estimate = function(request) return request.tokens end, max_wait = 1000 }
    for i, tokens in ipairs { 90, 80, 5, 5 } do
      here.start(function()
        assert(visit(limiter, here, { tokens = tokens }, function()
          order[#order + 1] = ("%d at %.0f"):format(i, here.now())
          return used(tokens)
        end))
      end)
    end
    here.run()
    assert.same({ "1 at 0", "2 at 60", "3 at 60", "4 at 60" }, order)
  end)

  it("has those who ask take turns", function()
    local here, order = helper.simulated_loop(), {}
    local limiter = ogl.middleware.limiter { requests = 1, by = function(request) return request.user end, max_wait = 1000 }
    for _, user in ipairs { "first", "greedy", "greedy", "greedy", "modest", "late" } do
      here.start(function()
        assert(visit(limiter, here, { user = user }, function()
          order[#order + 1] = user
          return used(1)
        end))
      end)
    end
    here.run()
    assert.same({ "first", "greedy", "modest", "late", "greedy", "greedy" }, order)
  end)

  it("wakes those who wait when a reservation gives back", function()
    local here, at = helper.simulated_loop(), nil
    local limiter = ogl.middleware.limiter { tokens = 100, estimate = reserving(100) }
    here.start(function()
      visit(limiter, here, {}, function()
        here.sleep(5)
        return nil, errors.new { kind = "http", status = 400, message = "" }
      end)
    end)
    here.start(function()
      assert(visit(limiter, here, {}, function()
        at = here.now()
        return used(1)
      end))
    end)
    here.run()
    assert.equal(5, at)
  end)

  it("has a bound, and lets the next ones come when one leaves", function()
    local here, codes = helper.simulated_loop(), {}
    local limiter = ogl.middleware.limiter { requests = 1, max_queue = 2, max_wait = 100 }
    for i = 1, 5 do
      here.start(function()
        local _, err = visit(limiter, here, {}, function() return used(1) end)
        codes[i] = err and err.code or here.now()
      end)
    end
    here.run()
    assert.same({ 0, "queue_full", "queue_full" }, { codes[1], codes[4], codes[5] })
    assert.near(60, codes[2], 0.1)
    assert.equal("queue_wait", codes[3])
    assert.same({ 0, 0 }, { limiter.state().waiting, limiter.state().running })
  end)

  it("is left by a call whose task was cancelled", function()
    local limiter = ogl.middleware.limiter { requests = 1, max_wait = 1000 }
    local c = ogl.client { provider = "openai_compatible", base_url = "http://server", model = "m", transport = replay.new(answer(1, 1)) }
    local limited = c:use(limiter)
    ogl.run(function()
      assert(limited:chat "hi")
      local waiting = ogl.spawn(function() return limited:chat "hi" end)
      ogl.sleep(0.02)
      assert.equal(1, limiter.state().waiting)
      waiting:cancel()
      local _, err = waiting:wait()
      assert.equal("cancelled", err.kind)
    end)
    assert.same({ 1, 0, 0 }, { limiter.state().requests, limiter.state().waiting, limiter.state().running })
  end)
end)

describe("the limits hold", function()
  -- The largest sum of any sixty seconds.
  local function most(list)
    local highest = 0
    for i, from in ipairs(list) do
      local sum = 0
      for j = i, #list do
        if list[j].at < from.at + 60 then sum = sum + list[j].amount end
      end
      highest = math.max(highest, sum)
    end
    return highest
  end

  it("under any interleaving of reserve, settle and cancel: concurrent requests overshoot (litellm#18803, envoy ai-gateway#680)", function()
    local seed = 20261129
    local function random(n)
      seed = (seed * 16807) % 2147483647
      return seed % n + 1
    end
    for round = 1, 60 do
      local here, begun, taken, ended = helper.simulated_loop(), {}, {}, 0
      local limiter = ogl.middleware.limiter {
        requests = 10, tokens = 1000, max_queue = 1000, max_wait = 100000, estimate = function(request) return request.tokens end,
        by = round % 2 == 0 and function(request) return request.user end or nil,
      }
      for _ = 1, 40 do
        local tokens, delay, length, fate = random(300), random(200) - 1, random(90), random(6)
        local share = random(100) / 100
        local request, state, over, entry = { tokens = tokens, user = "u" .. random(3) }, {}, false, nil
        local call = { operation = "chat", request = request, client = { host = here }, provider = "p" }
        local co = here.start(function()
          here.sleep(delay)
          local result, err = limiter.wrap(call, function()
            entry = { at = here.now(), amount = tokens }
            begun[#begun + 1], taken[#taken + 1] = { at = here.now(), amount = 1 }, entry
            here.sleep(length)
            entry.amount = fate == 1 and 0 or math.ceil(tokens * share)
            if fate == 1 then return nil, errors.new { kind = "http", status = 500, message = "" } end
            return used(entry.amount)
          end, state)
          over, ended = true, ended + 1
          limiter.done(result, err, call, state)
        end)
        if fate == 2 then -- killed, waiting or under way
          here.start(function()
            here.sleep(delay + random(120))
            if over then return end
            ended = ended + 1
            here.kill(co)
            if entry then entry.amount = 0 end
            limiter.done(nil, errors.new { kind = "cancelled", message = "" }, call, state)
          end)
        end
      end
      here.run()
      local state = limiter.state()
      assert.same({ 40, 0, 0 }, { ended, state.waiting, state.running }, "round " .. round)
      assert.is_true(most(begun) <= 10, "round " .. round)
      -- what was given back leaves room in the same minute: the sum of what was used holds
      assert.is_true(most(taken) <= 1000, ("round %d: %d"):format(round, most(taken)))
    end
  end)

  it("and one whole limit is used: an estimate that is too high starves nobody for long (fenic#313)", function()
    local here, times = helper.simulated_loop(), {}
    local limiter = ogl.middleware.limiter { tokens = 1000, max_queue = 1000, max_wait = 100000, output = 900 }
    for _ = 1, 100 do
      here.start(function()
        assert(visit(limiter, here, { messages = "x" }, function()
          times[#times + 1] = here.now()
          here.sleep(1)
          return used(50)
        end))
      end)
    end
    here.run()
    assert.is_true(times[100] < 60 * 5 + 30, "the last began at " .. times[100])
  end)
end)

