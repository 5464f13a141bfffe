-- Routers: used like a client, from row to row until one answers.
local coroutines = require "opengatellm.host.coroutines"
local helper = require "spec.helper"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local SSE = { ["content-type"] = "text/event-stream" }
local JSON = { ["content-type"] = "application/json" }

local function good(text)
  return { headers = SSE, body = 'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"' .. text .. '"}}]}\n\n'
    .. 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":2,"completion_tokens":3}}\n\ndata: [DONE]\n\n' }
end
local BUSY = { status = 503, headers = JSON, body = '{"error":{"message":"Model is too busy"}}' }
local REFUSED = { status = 400, headers = JSON, body = '{"error":{"message":"no"}}' }
local TOO_LONG = { status = 400, headers = JSON, body = '{"error":{"code":"context_length_exceeded","message":"too long"}}' }
local OVERLOADED = { headers = SSE, body = 'data: {"id":"x","choices":[]}\n\ndata: {"error":{"message":"Overloaded","type":"overloaded_error"}}\n\n' }
local CUT = { headers = SSE, body = 'data: {"choices":[{"index":0,"delta":{"content":"begun"}}]}\n\n' }

-- A router whose rows answer as they are told: rows{ a = answer or list of answers, … } in the order of their names.
local function setup(rows, options)
  local host = helper.simulated_host()
  local all, transports, names = { clients = {}, host = host }, {}, {}
  for name in pairs(rows) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local answers = rows[name][1] and rows[name] or { rows[name] }
    transports[name] = replay.new(function(_, n) return answers[n] or answers[#answers] end)
    table.insert(all.clients, {
      name = name, client = ogl.client { provider = "openai_compatible", base_url = "http://" .. name, model = "m-" .. name, transport = transports[name], host = host },
    })
  end
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.router(all), transports, host
end

local function names_of(attempts)
  local names = {}
  for i, attempt in ipairs(attempts) do names[i] = attempt.client end
  return table.concat(names, " ")
end

local function counts(transports)
  local list = {}
  for name, transport in pairs(transports) do list[name] = #transport.requests end
  return list
end

describe("a router", function()
  it("answers a chat by its first row, and tells so", function()
    local router, transports = setup { a = good "from a", b = good "from b" }
    local reply = assert(router:chat "hi")
    assert.equal("from a", reply.text)
    assert.equal(1, #reply.attempts)
    local attempt = reply.attempts[1]
    assert.same({ "a", "openai_compatible", "m-a", 200, 5 }, { attempt.client, attempt.provider, attempt.model, attempt.status, attempt.tokens })
    assert.same({ a = 1, b = 0 }, counts(transports))
  end)

  it("goes on to the next row on what may pass elsewhere, and encodes the request anew", function()
    for _, answer in ipairs {
      BUSY, OVERLOADED, { status = 429 }, { status = 500 }, { status = 408 }, { err = require "opengatellm.errors".new { kind = "network", message = "gone" } },
      { headers = SSE, body = "" },
    } do
      local router, transports = setup { a = answer, b = good "from b" }
      local reply = assert(router:chat "hi")
      assert.equal("from b", reply.text)
      assert.equal("a b", names_of(reply.attempts))
      assert.truthy(reply.attempts[1].kind)
      assert.truthy(transports.b.requests[1].body:find('"model":"m-b"', 1, true))
      assert.same({ a = 1, b = 1 }, counts(transports))
    end
  end)

  it("gives the error of a refusal, which the next row would refuse, too", function()
    local router, transports = setup { a = REFUSED, b = good "from b" }
    local reply, err = router:chat "hi"
    assert.is_nil(reply)
    assert.equal(400, err.status)
    assert.equal("a", names_of(err.attempts))
    assert.same({ a = 1, b = 0 }, counts(transports))
  end)

  it("asks the rows of a reason after an error for it", function()
    local router = setup({ a = TOO_LONG, b = good "from b", c = good "from c" }, { fallback = { context_length = { "c" } } })
    local reply = assert(router:chat "hi")
    assert.equal("from c", reply.text)
    assert.equal("a c", names_of(reply.attempts))
  end)

  it("asks every other row before a second try of the same, and waits between the rounds", function()
    local router, transports, host = setup({ a = BUSY, b = { BUSY, good "from b" } })
    local reply = assert(router:chat "hi")
    assert.equal("from b", reply.text)
    assert.equal("a b a b", names_of(reply.attempts))
    assert.equal(1, #host.waits)
    assert.same({ a = 2, b = 2 }, counts(transports))
  end)

  it("makes no more tries than its own budget has, whatever the clients' is (an option ignored: litellm#19077)", function()
    local router = setup({ a = BUSY, b = BUSY }, { retries = { max = 1 } })
    local _, err = router:chat "hi"
    assert.equal("overloaded", err.reason)
    assert.equal("a b a b", names_of(err.attempts))
    _, err = setup({ a = BUSY, b = BUSY }, { retries = { max = 0 } }):chat "hi"
    assert.equal("a b", names_of(err.attempts))
  end)

  it("tries nothing beyond its deadline, and gives each try what is left of it", function()
    local router, transports, host = setup({ a = BUSY, b = BUSY }, { deadline = 10, retries = { max = 50, max_wait = 1000 } })
    local _, err = router:chat "hi"
    assert.equal(503, err.status)
    assert.is_true(host.now() < 10)
    assert.is_true(transports.a.requests[1].timeouts.total <= 10)
    local last = transports.a.requests[#transports.a.requests]
    assert.is_true(last.timeouts.total <= 10 and last.timeouts.total > 0)
  end)

  it("gives a stream when it is committed, by the same tries as a chat (litellm#29808, bifrost#5395)", function()
    local router = setup { a = OVERLOADED, b = good "from b" }
    local stream = assert(router:stream "hi")
    assert.equal("a b", names_of(stream.attempts))
    local types = {}
    for event in stream:events() do types[#types + 1] = event.type end
    assert.equal("start text finish", (table.concat(types, " "):gsub(" usage", "")))
    local reply = assert(stream:reply())
    assert.equal(5, reply.attempts[2].tokens)
  end)

  it("never tries again what was committed (a text twice: litellm#32835)", function()
    local router, transports = setup { a = CUT, b = good "from b" }
    local stream = assert(router:stream "hi")
    local reply, err = stream:reply()
    assert.is_nil(reply)
    assert.equal("incomplete", err.kind)
    assert.equal("begun", err.partial.text)
    assert.equal("incomplete", err.attempts[1].kind)
    assert.is_true(err.attempts[1].estimated)
    assert.same({ a = 1, b = 0 }, counts(transports))
    assert.equal(1, router:state().a.failures)
  end)

  it("keeps nothing of a try that failed (stale state: bifrost#4911, bifrost#2897)", function()
    local half = { headers = SSE, body = 'data: {"id":"x","model":"other","choices":[],"usage":{"prompt_tokens":90,"completion_tokens":90}}\n\n'
      .. 'data: {"error":{"message":"Overloaded","type":"overloaded_error"}}\n\n' }
    for _, method in ipairs { "chat", "stream" } do
      local router = setup { a = half, b = good "from b" }
      local answer = assert(router[method](router, "hi"))
      local reply = method == "chat" and answer or assert(answer:reply())
      assert.same({ "c1", "m", "from b", 5, {} }, { reply.id, reply.model, reply.text, reply.usage.total_tokens, reply.warnings })
      assert.equal("overloaded", reply.attempts[1].reason)
    end
  end)

  it("writes a schema in the form of each row's protocol (a fallback dropped it: llm-gateway#2419)", function()
    local message = { headers = JSON, body = '{"id":"x","type":"message","role":"assistant","content":[{"type":"text","text":"{}"}],"stop_reason":"end_turn"}' }
    local first, second = replay.new(BUSY), replay.new(message)
    local router = ogl.router { host = helper.simulated_host(), clients = {
      ogl.client { provider = "openai_compatible", base_url = "http://a", model = "m", transport = first },
      ogl.client { provider = "anthropic", api_key = "sk-0123456789", model = "claude-sonnet-4-5", transport = second },
    } }
    assert(router:chat { messages = "hi", output = { type = "object", properties = { city = { type = "string" } } }, no_streaming = true })
    for _, transport in ipairs { first, second } do assert.truthy(transport.requests[1].body:find('"city"', 1, true)) end
    assert.truthy(first.requests[1].body:find('"response_format"', 1, true))
    assert.is_nil(second.requests[1].body:find('"response_format"', 1, true))
  end)

  it("asks the row that recovers first where all are open (all cooled, nothing left: litellm#3646)", function()
    local router, transports, host = setup({ a = BUSY, b = { BUSY, good "from b" } }, { breaker = { failures = 1 }, retries = { max = 0 } })
    assert.is_nil((router:chat "hi"))
    router:state("a", "open", 60)
    host.sleep(1)
    assert.same({ "open", "open" }, { router:state().a.state, router:state().b.state })
    local reply = assert(router:chat "hi")
    assert.same({ "from b", "b" }, { reply.text, names_of(reply.attempts) })
    assert.same({ "open", "closed" }, { router:state().a.state, router:state().b.state })
    assert.same({ a = 1, b = 2 }, counts(transports))
  end)

  it("closes a row whose probe is refused: the server lives (nora#614)", function()
    local router, _, host = setup({ a = { BUSY, REFUSED, good "from a" }, b = good "from b" }, { breaker = { failures = 1 } })
    assert.equal("a b", names_of(assert(router:chat "hi").attempts))
    host.sleep(31)
    local _, err = router:chat "hi"
    assert.same({ 400, "a" }, { err.status, names_of(err.attempts) })
    assert.equal("closed", router:state().a.state)
    assert.equal("from a", assert(router:chat "hi").text)
  end)

  it("gives the probe to the next call where the one that had it is cancelled (deer-flow#3991, nora#585)", function()
    local probing, held = false, false
    local a = ogl.client { provider = "openai_compatible", base_url = "http://a", model = "m", transport = replay.new(function(_, n) return n == 1 and BUSY or good "from a" end) }
      :use(function(call, proceed)
        if held then
          probing = true
          local fine, err = ogl.sleep(3600)
          if not fine then return nil, err end
        end
        return proceed(call)
      end)
    local b = ogl.client { provider = "openai_compatible", base_url = "http://b", model = "m", transport = replay.new(good "from b") }
    local host = helper.simulated_host()
    local router = ogl.router { clients = { { name = "a", client = a }, { name = "b", client = b } }, host = host, breaker = { failures = 1 } }
    ogl.run(function()
      assert.equal("a b", names_of(assert(router:chat "hi").attempts))
      host.sleep(31)
      held = true
      local task = ogl.spawn(function() return router:chat "hi" end)
      while not probing do assert(ogl.sleep(0)) end
      assert.equal("from b", assert(router:chat "hi").text)
      task:cancel()
      local _, err = task:wait()
      assert.equal("cancelled", err.kind)
      assert.equal("half_open", router:state().a.state)
      held = false
      assert.equal("from a", assert(router:chat "hi").text)
      assert.equal("closed", router:state().a.state)
    end)
  end)

  it("has a row's model win over the request's, and that over the client's", function()
    local seen
    local client = ogl.client { provider = "openai_compatible", base_url = "http://h", model = "own", transport = replay.new(function(request)
      seen = request.body:match '"model":"([^"]+)"'
      return good "x"
    end) }
    assert(ogl.router { clients = { client } }:chat { messages = "hi", model = "asked" })
    assert.equal("asked", seen)
    assert(ogl.router { clients = { { client = client, model = "row" } } }:chat { messages = "hi", model = "asked" })
    assert.equal("row", seen)
    assert(ogl.router { clients = { client } }:chat "hi")
    assert.equal("own", seen)
  end)

  it("asks the row that a request names, and only that", function()
    local router, transports = setup { a = good "from a", b = BUSY }
    assert.equal("from a", assert(router:chat { messages = "hi", route = "a" }).text)
    local _, err = router:chat { messages = "hi", route = "b" }
    assert.equal(503, err.status)
    assert.equal(1, #transports.a.requests)
    assert.has_error(function() router:chat { messages = "hi", route = "c" } end)
  end)

  it("sends what refers to a response only to the row that made it", function()
    local body = '{"id":"resp_1","object":"response","status":"completed","model":"m","output":[{"type":"message","role":"assistant","content":'
      .. '[{"type":"output_text","text":"hello"}]}]}'
    local clients, transports = {}, {}
    for i, name in ipairs { "a", "b" } do
      transports[name] = replay.new(function(_, n) return name == "a" and n == 1 and BUSY or { headers = JSON, body = body } end)
      clients[i] = { name = name, client = ogl.client { provider = "openai", base_url = "http://" .. name, model = "m", api_key = "sk-0123456789", transport = transports[name] } }
    end
    local router = ogl.router { clients = clients, breaker = false }
    assert.equal("a b", names_of(assert(router:chat "hi").attempts))
    assert.equal("b", names_of(assert(router:chat { messages = "more", previous_response_id = "resp_1" }).attempts))
    local _, err = router:chat { messages = "more", previous_response_id = "resp_unknown" }
    assert.equal("route", err.code)
    assert.equal("a", names_of(assert(router:chat { messages = "more", previous_response_id = "resp_unknown", route = "a" }).attempts))
  end)

  it("does embeddings, reranking, counts and previews", function()
    local vectors = { headers = JSON, body = '{"data":[{"index":0,"embedding":[1,2]}]}' }
    local router = setup { a = BUSY, b = vectors }
    local found = assert(router:embeddings { input = "x" })
    assert.same({ { 1, 2 } }, found.vectors)
    assert.equal("a b", names_of(found.attempts))
    local preview = assert(router:preview "hi")
    assert.equal("http://a/v1/chat/completions", preview.url)
    local _, err = router:count_tokens "hi"
    assert.equal("unsupported", err.kind)
  end)

  it("leads the routed call through its own middleware, and each try through that of its client", function()
    local log = {}
    local function tracer(name)
      return { name = name, wrap = function(call, proceed)
        log[#log + 1] = name
        return proceed(call)
      end, event = function(event)
        if event and event.type == "text" then log[#log + 1] = name .. ":" .. event.text end
        return event
      end, done = function(reply, err) log[#log + 1] = name .. " " .. (reply and reply.text or err.kind) end }
    end
    local a = ogl.client { provider = "openai_compatible", base_url = "http://a", model = "m", transport = replay.new(BUSY) }:use(tracer "a")
    local b = ogl.client { provider = "openai_compatible", base_url = "http://b", model = "m", transport = replay.new(good "hello") }:use(tracer "b")
    local router = ogl.router { clients = { a, b } }:use(tracer "router")
    local reply = assert(router:chat "hi")
    assert.equal("hello", reply.text)
    assert.equal(2, #reply.attempts)
    assert.same({ "router", "a", "a http", "b", "b:hello", "router:hello", "b hello", "router hello" }, log)
    local stream, texts = assert(router:stream "hi"), {}
    for text in stream:texts() do texts[#texts + 1] = text end
    assert.same({ "hello" }, texts)
  end)

  it("runs a call with callbacks in a task", function()
    local done
    ogl.run(function()
      local a = ogl.client { provider = "openai_compatible", base_url = "http://a", model = "m", transport = replay.new(good "hello") }
      ogl.router { clients = { a } }:chat("hi", { on_done = function(reply) done = reply end })
    end)
    assert.equal("hello", done.text)
    assert.equal(1, #done.attempts)
  end)
end)

describe("a row whose own middleware refuses", function()
  local function limited(requests, options)
    local transport = replay.new(good "from a")
    local a = ogl.client { provider = "openai_compatible", base_url = "http://a", model = "m", transport = transport }
      :use(ogl.middleware.limiter { requests = requests, max_queue = 0 })
    local b = ogl.client { provider = "openai_compatible", base_url = "http://b", model = "m", transport = replay.new(good "from b") }
    local all = { clients = { { name = "a", client = a }, { name = "b", client = b } } }
    for name, value in pairs(options or {}) do all[name] = value end
    return ogl.router(all), transport
  end

  it("gives way to the next, and its server is not blamed", function()
    local router, transport = limited(1, { breaker = { failures = 1 } })
    assert.equal("from a", assert(router:chat "hi").text)
    local reply = assert(router:chat "hi")
    assert.equal("from b", reply.text)
    assert.same({ "a b", "limit" }, { names_of(reply.attempts), reply.attempts[1].kind })
    assert.same({ 1, "closed" }, { #transport.requests, router:state().a.state })
  end)

  it("proves nothing of a server that is being probed", function()
    local router = limited(1)
    assert(router:chat "hi")
    router:state("a", "half_open")
    assert.equal("from b", assert(router:chat "hi").text)
    assert.equal("half_open", router:state().a.state)
  end)
end)

describe("a router's hedge", function()
  after_each(helper.close)

  local function hedged(first, second, hedge)
    local clients = {}
    for i, scenario in ipairs { first, second } do clients[i] = { name = i == 1 and "a" or "b", client = helper.client(scenario) } end
    return ogl.router { clients = clients, hedge = hedge, retries = { max = 0 } }
  end

  it("asks a second row where the first takes too long; the loser is counted (llmr#48)", function()
    for _, method in ipairs { "chat", "stream" } do
      local router = hedged("stall_head", "ok", 0.02)
      local answer = assert(router[method](router, "hi"))
      if method == "stream" then answer = assert(answer:reply()) end
      assert.truthy(answer.text:find "Bonjour")
      local lost, won = answer.attempts[1], answer.attempts[2]
      assert.same({ "a", true, true }, { lost.client, lost.cancelled, lost.estimated })
      assert.is_true(lost.tokens > 0)
      assert.same({ "b", true }, { won.client, won.hedged })
      assert.equal(0, router:state().a.active)
      assert.equal(0, router:state().b.active)
      assert.equal(0, router:state().a.failures) -- cancelling says nothing of its health
    end
  end)

  it("asks one row where that is fast", function()
    local reply = assert(hedged("ok", "ok", 30):chat "hi")
    assert.equal("a", names_of(reply.attempts))
  end)

  it("goes on at once where the first row fails, and gives a refusal of the first", function()
    local reply = assert(hedged("status:503", "ok", 30):chat "hi")
    assert.equal("a b", names_of(reply.attempts))
    assert.is_nil(reply.attempts[2].hedged)
    local _, err = hedged("status_nested:400", "ok", 30):chat "hi"
    assert.equal("a", names_of(err.attempts))
  end)

  it("works in tasks", function()
    ogl.run(function()
      local reply = assert(hedged("stall_head", "ok", 0.02):chat "hi")
      assert.equal("a b", names_of(reply.attempts))
    end)
  end)

  it("waits as long as 95 of 100 calls took, once there were some", function()
    local router = hedged("ok", "ok", { initial = 30 })
    for _ = 1, 12 do assert(router:chat "hi") end
    local seconds = router.rows[1]:p95()
    assert.is_true(seconds > 0 and seconds < 30)
  end)
end)

describe("a router that is made wrongly", function()
  local client = ogl.client { base_url = "http://h" }
  for problem, options in pairs {
    ["clients: expected a list of at least one client"] = { clients = {} }, ["clients%[1%]: expected a client or a table, got number"] = { clients = { 5 } },
    ["clients%[2%]: name: another row has the name 'x'"] = { clients = { { client = client, name = "x" }, { client = client, name = "x" } } },
    ["clients%[1%]: weight: expected a number from 0 on"] = { clients = { { client = client, weight = -1 } } },
    ["clients%[1%]: wieght: there is no such field"] = { clients = { { client = client, wieght = 1 } } },
    ["strategy: there is no strategy 'best'"] = { clients = { client }, strategy = "best" },
    ["strategy: keyword: rules: expected a list"] = { clients = { client }, strategy = "keyword" },
    ["fallback.quota: there is no row 'x'"] = { clients = { client }, fallback = { quota = { "x" } } },
    ["breaker.failures: expected a number above 0, got 0"] = { clients = { client }, breaker = { failures = 0 } },
    ['hedge.delay: expected seconds or "p95"'] = { clients = { client }, hedge = { delay = "soon" } },
    ["deadline: expected seconds above 0"] = { clients = { client }, deadline = 0 }, ["startegy: there is no such field"] = { clients = { client }, startegy = 1 },
    ["expected table, got string"] = "x",
  } do
    it("is told: " .. problem, function()
      local _, where = pcall(function()
        local router = ogl.router(options)
        return router
      end)
      assert.matches("init_spec.lua:%d+: ogl.router: " .. problem, where)
    end)
  end

  it("raises mistakes of a request at the caller's line", function()
    local router = setup { a = good "x" }
    for _, row in ipairs { { "chat", 5 }, { "chat", { messages = {} } }, { "stream", { mesages = "x" } }, { "embeddings", {} }, { "preview", 5 } } do
      if not coroutines.NARROW then
        local _, where = pcall(function()
          local value, err = router[row[1]](router, row[2])
          return value, err
        end)
        assert.matches("init_spec.lua:%d+: router:" .. row[1] .. ": ", where)
      end
    end
  end)
end)

describe("a strategy of the program's own", function()
  it("orders the rows, and may leave some out", function()
    local router, transports = setup({ a = good "from a", b = BUSY }, { strategy = function(request, rows, call)
      assert.equal("hi", request.messages[1].content)
      assert.equal("chat", call.operation)
      return { rows[2] }
    end, retries = { max = 0 } })
    local _, err = router:chat "hi"
    assert.equal("b", names_of(err.attempts))
    assert.same({ a = 0, b = 1 }, counts(transports))
  end)

  it("is told what was expected where it returns nonsense, or nothing", function()
    for expected, row in pairs {
      ["the strategy of the program returned a nil; expected a list of rows"] = { "strategy", function() end },
      ["whose item 1 is no row of this router"] = { "strategy", function() return { {} } end },
      ["left no row for this request"] = { "route", function() return {} end },
    } do
      local _, err = setup({ a = good "x" }, { strategy = row[2] }):chat "hi"
      assert.same({ "config", row[1] }, { err.kind, err.code })
      assert.matches(expected, err.message)
      assert.same({}, err.attempts)
    end
  end)

  if not coroutines.NARROW then
    it("fails the call with its name where it raises", function()
      local _, err = setup({ a = good "x" }, { strategy = function() error "oh" end }):chat "hi"
      assert.equal("strategy", err.code)
      assert.matches("the strategy of the program raised: .*oh", err.message)
      assert.same({}, err.attempts)
    end)

    it("and one that ships with the library, whose function raises, has its own name", function()
      for name, strategy in pairs {
        sticky = { "sticky", key = function() error "oh" end }, weighted = { "weighted", random = function() return "much" end },
      } do
        local _, err = setup({ a = good "x" }, { strategy = strategy }):chat "hi"
        assert.same({ "config", "strategy" }, { err.kind, err.code })
        assert.matches("the strategy " .. name .. " raised: ", err.message)
      end
    end)
  end
end)
