-- What calls cost, and the caps on it.
local errors = require "opengatellm.errors"
local helper = require "spec.helper"
local ogl = require "opengatellm"
local recorded = require "spec.support.recorded_streams"
local replay = require "opengatellm.transport.replay"

local PRICES = { m = { input = 1000000, output = 2000000 } } -- 1 for a token read, 2 for a token written

local function answer(usage, model)
  local body = 'data: {"model":"%s","choices":[{"index":0,"delta":{"content":"hello"},"finish_reason":"stop"}],"usage":%s}\n\ndata: [DONE]\n\n'
  return { headers = { ["content-type"] = "text/event-stream" }, body = body:format(model or "m", usage) }
end
local ANSWER = answer '{"prompt_tokens":3,"completion_tokens":2}' -- costs 7

local function client(answers, options)
  local all = {
    provider = "openai_compatible", base_url = "http://server", model = "m", transport = replay.new(answers or ANSWER),
    retries = { max = 0 }, host = helper.simulated_host(),
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.client(all), all.transport
end

describe("the cost", function()
  it("of a call is written into its usage, and added up", function()
    local cost = ogl.middleware.cost { prices = PRICES }
    local c = client():use(cost)
    assert.equal(7, assert(c:chat "hi").usage.cost)
    assert.equal(7, assert(assert(c:stream "hi"):reply()).usage.cost)
    assert.same({ all = 14, day = 14 }, cost.spent())
  end)

  it("of a stream that is not kept is counted, too", function()
    local cost = ogl.middleware.cost { prices = PRICES }
    local stream = assert(client():use(cost):stream { messages = "hi", keep = false })
    while stream:next() do end -- luacheck: ignore
    assert.equal(7, cost.spent().all)
  end)

  it("is the server's own where it says it", function()
    local cost = ogl.middleware.cost { prices = PRICES }
    assert.equal(0.25, assert(client(answer '{"prompt_tokens":3,"completion_tokens":2,"cost":0.25}'):use(cost):chat "hi").usage.cost)
    assert.equal(0.25, cost.spent().all)
  end)

  it("bills cached tokens once (litellm#9812, aider#5516)", function()
    local cost = ogl.middleware.cost { prices = { m = { input = 10, cached_input = 1, output = 0 } } }
    local usage = '{"prompt_tokens":1000000,"completion_tokens":0,"prompt_tokens_details":{"cached_tokens":900000}}'
    assert.near(1.9, assert(client(answer(usage)):use(cost):chat "hi").usage.cost, 1e-9)
  end)

  it("goes by the model that answered, by the provider first, and without the date", function()
    local cost = ogl.middleware.cost {
      prices = { other = { input = 1e6 }, ["openai_compatible/other"] = { input = 2e6 }, m = { input = 5e6 } },
    }
    local usage = '{"prompt_tokens":3,"completion_tokens":2}'
    assert.equal(6, assert(client(answer(usage, "other-2026-01-31")):use(cost):chat "hi").usage.cost)
    assert.equal(15, assert(client(answer(usage, "strange")):use(cost):chat "hi").usage.cost)
  end)

  it("is known of models of the providers themselves", function()
    local c = client(answer('{"prompt_tokens":1000000,"completion_tokens":0}', "gpt-5.4-mini-2026-03-17"), { provider = "openai", protocol = "openai_chat" })
    assert.near(0.75, assert(c:use(ogl.middleware.cost()):chat "hi").usage.cost, 1e-9)
  end)

  it("is told of once where it is not known, and is not zero", function()
    local cost = ogl.middleware.cost()
    local c = client():use(cost)
    local reply = assert(c:chat "hi")
    assert.is_nil(reply.usage.cost)
    assert.equal("unknown_price", reply.warnings[1].code)
    assert.same({}, assert(c:chat "hi").warnings)
    local told = {}
    c = client():use(ogl.middleware.cost { warn = function(message) told[#told + 1] = message end })
    assert.same({}, assert(c:chat "hi").warnings)
    assert(c:chat "hi")
    assert.equal(1, #told)
    assert.matches("openai_compatible/m", told[1])
  end)

  it("refuses what has no price where that was asked for", function()
    local c, transport = client()
    local _, err = c:use(ogl.middleware.cost { unknown = "refuse" }):chat "hi"
    assert.same({ "limit", "unknown_price" }, { err.kind, err.code })
    assert.equal(0, #transport.requests)
  end)

  it("of calls that failed is what they used", function()
    local cost = ogl.middleware.cost { prices = PRICES }
    assert.is_nil(client { status = 500 }:use(cost):chat "hi")
    assert.equal(0, cost.spent().all)
    local cut = { headers = ANSWER.headers, body = 'data: {"choices":[{"index":0,"delta":{"content":"12345678"}}]}\n\n' }
    local _, err = client(cut):use(cost):chat "hi"
    assert.is_true(err.usage.estimated)
    assert.equal(err.usage.cost, cost.spent().all)
    assert.is_true(err.usage.cost >= 4)
  end)

  it("of a stream that is closed is what came of it", function()
    local cost = ogl.middleware.cost { prices = PRICES, output = 1000 }
    local stream = assert(client():use(cost):stream "hi")
    assert.is_true(cost.spent().all > 2000)
    stream:next()
    stream:close()
    assert.is_true(cost.spent().all < 200, cost.spent().all)
  end)

  it("of an answer out of a cache is nothing", function()
    local cost = ogl.middleware.cost { prices = PRICES }
    local c = client():use(cost, function(call)
      local reply = call:replay { { type = "usage", usage = { input_tokens = 9, output_tokens = 9 } }, { type = "finish", reason = "stop" } }
      reply.cached = true
      return reply
    end)
    assert(c:chat "hi")
    assert.equal(0, cost.spent().all)
  end)

  it("of embeddings is counted", function()
    local body = '{"model":"m","data":[{"index":0,"embedding":[1]}],"usage":{"prompt_tokens":7,"total_tokens":7}}'
    local c = client { headers = { ["content-type"] = "application/json" }, body = body }
    assert.equal(7, assert(c:use(ogl.middleware.cost { prices = PRICES }):embeddings { input = "x" }).usage.cost)
  end)

  it("of a hedge has the loser's prompt in it, in its attempt and in what was spent (llmr#48)", function()
    local cost = ogl.middleware.cost { prices = PRICES }
    local lost = { provider = "p", model = "m", cancelled = true, estimated = true, tokens = 5 }
    local other = { provider = "p", model = "unknown", cancelled = true, estimated = true, tokens = 5 }
    local reply = { provider = "p", model = "m", usage = { input_tokens = 1, output_tokens = 2 }, attempts = { lost, other, { provider = "p", tokens = 3 } } }
    local call = { operation = "chat", provider = "router", model = "m", client = { host = helper.simulated_host() }, request = { messages = "hi" } }
    local state = {}
    cost.wrap(call, function() return reply end, state)
    cost.done(reply, nil, call, state)
    assert.same({ 5, 5, 10 }, { reply.usage.cost, lost.cost, cost.spent().all })
    assert.is_nil(other.cost)
  end)

  it("leaves every recorded reply as it is, but for usage.cost", function()
    recorded.check(ogl.middleware.cost { warn = function() end })
  end)
end)

describe("a cap", function()
  local function refused(c, request)
    local reply, err = c:chat(request)
    assert.is_nil(reply)
    assert.same({ "limit", "cost_cap", false, {} }, { err.kind, err.code, err.sent, err.attempts })
    return err
  end

  it("on a call is checked before it is sent", function()
    local c, transport = client()
    local capped = c:use(ogl.middleware.cost { prices = PRICES, caps = { call = 50 } })
    assert.matches("cap of a call is 50", refused(capped, { messages = "hi", max_tokens = 30 }).message)
    assert.equal(0, #transport.requests)
    assert(capped:chat { messages = "hi", max_tokens = 20 })
  end)

  it("on a day ends with the day", function()
    local now = 1000000
    local cost = ogl.middleware.cost { prices = PRICES, caps = { day = 20 }, clock = function() return now end }
    local c = client():use(cost)
    for _ = 1, 2 do assert(c:chat { messages = "hi", max_tokens = 2 }) end
    assert.matches("14 is spent", refused(c, { messages = "hi", max_tokens = 5 }).message)
    now = now + 86400
    assert(c:chat { messages = "hi", max_tokens = 5 })
    assert.same({ all = 21, day = 7 }, cost.spent())
  end)

  it("on a key is that key's", function()
    local cost = ogl.middleware.cost { prices = PRICES, caps = { key = 10 }, key = function(request) return request.user end }
    local c = client():use(cost)
    assert(c:chat { messages = "hi", max_tokens = 2, user = "a" })
    refused(c, { messages = "hi", max_tokens = 2, user = "a" })
    assert(c:chat { messages = "hi", max_tokens = 2, user = "b" })
    assert(c:chat { messages = "hi", max_tokens = 2 })
    assert.same({ 7, 7, 21 }, { cost.spent("a").all, cost.spent("b").all, cost.spent().all })
  end)

  it("on a key and a day begins anew", function()
    local now = 0
    local cost = ogl.middleware.cost {
      prices = PRICES, caps = { key_day = 10 }, key = function() return "k" end, clock = function() return now end,
    }
    local c = client():use(cost)
    assert(c:chat { messages = "hi", max_tokens = 2 })
    refused(c, { messages = "hi", max_tokens = 2 })
    now = 86400
    assert(c:chat { messages = "hi", max_tokens = 2 })
  end)

  it("counts what is under way: concurrent calls overshoot (litellm#18803)", function()
    local cost = ogl.middleware.cost { prices = PRICES, caps = { day = 30 } }
    local c = client():use(cost)
    local first = assert(c:stream { messages = "hi", max_tokens = 10 }) -- 21 are reserved
    refused(c, { messages = "hi", max_tokens = 10 })
    assert(first:reply())
    assert(c:chat { messages = "hi", max_tokens = 10 })
  end)

  it("holds under any interleaving of calls that begin, end and fail", function()
    local seed = 7
    local function random(n)
      seed = (seed * 16807) % 2147483647
      return seed % n + 1
    end
    for _ = 1, 50 do
      local cost = ogl.middleware.cost { prices = PRICES, caps = { day = 300 } }
      local running, spent = {}, 0
      for _ = 1, 100 do
        if random(2) == 1 or not running[1] then
          local call = {
            operation = "chat", provider = "p", model = "m", client = { host = helper.simulated_host() },
            request = { messages = "1234", max_tokens = random(20) },
          }
          local state = {}
          local fine, err = cost.wrap(call, function() return true end, state)
          if fine then running[#running + 1] = { call, state } else cost.done(nil, err, call, state) end
        else
          local one = table.remove(running, random(#running))
          if random(3) == 1 then
            cost.done(nil, errors.new { kind = "http", status = 500, message = "" }, one[1], one[2])
          else
            local output = random(one[1].request.max_tokens)
            spent = spent + 1 + 2 * output
            cost.done({ usage = { input_tokens = 1, output_tokens = output } }, nil, one[1], one[2])
          end
        end
        assert.is_true(cost.spent().day <= 300 and spent <= 300)
      end
      for _, one in ipairs(running) do cost.done(nil, errors.new { kind = "http", status = 500, message = "" }, one[1], one[2]) end
      assert.near(spent, cost.spent().all, 1e-6)
    end
  end)
end)

describe("the options of the cost", function()
  it("are checked at the caller's line", function()
    for problem, options in pairs {
      ["prices%['m'%]: expected table, got number"] = { prices = { m = 1 } },
      ["prices%['m'%].inputs: there is no such field"] = { prices = { m = { inputs = 1 } } },
      ["prices%['m'%].input: expected a number from 0 on, got %-1"] = { prices = { m = { input = -1 } } },
      ["prices%['m'%]%['long'%].x: there is no such field"] = { prices = { m = { long = { x = 1 } } } },
      ["caps.week: there is no such field"] = { caps = { week = 1 } }, ["key: the caps of a key"] = { caps = { key = 1 } },
      ['unknown: expected "warn" or "refuse", got "x"'] = { unknown = "x" }, ["expected table, got string"] = "x",
      ["output: expected a number from 0 on, got %-1"] = { output = -1 },
    } do
      local _, where = pcall(function()
        local cost = ogl.middleware.cost(options)
        return cost
      end)
      assert.matches("cost_spec.lua:%d+: ogl.middleware.cost: " .. problem, where)
    end
  end)
end)
