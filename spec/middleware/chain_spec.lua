-- Chains of middleware: the order of their functions, what they may change, and what becomes of one that fails.
local coroutines = require "opengatellm.host.coroutines"
local helper = require "spec.helper"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local SSE = { ["content-type"] = "text/event-stream" }
local function chunk(text) return 'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"' .. text .. '"}}]}\n\n' end
local END = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}\n\ndata: [DONE]\n\n'
local ANSWER = { headers = SSE, body = chunk "a" .. chunk "b" .. END }

local function client(answer, options)
  local all = { provider = "openai_compatible", base_url = "http://server", model = "m", transport = replay.new(answer or ANSWER), retries = { max = 0 } }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.client(all), all.transport
end

-- A middleware that writes down what is called.
local function tracer(log, name)
  return {
    name = name,
    request = function() log[#log + 1] = name .. " request" end,
    wrap = function(call, proceed)
      log[#log + 1] = name .. " in"
      local answer, err = proceed(call)
      log[#log + 1] = name .. " out"
      return answer, err
    end,
    event = function(event)
      if event and event.type == "text" then log[#log + 1] = name .. " " .. event.text end
      return event
    end,
    done = function(answer, err) log[#log + 1] = ("%s done %s"):format(name, answer and answer.text or err and err.kind or "nothing") end,
  }
end

describe("a chain", function()
  it("runs request and wrap in its order, events and done in reverse", function()
    local log = {}
    local reply = assert(client():use(tracer(log, "A"), tracer(log, "B")):chat "hi")
    assert.equal("ab", reply.text)
    assert.same({
      "A request", "A in", "B request", "B in", "B a", "A a", "B b", "A b", "B out", "B done ab", "A out", "A done ab",
    }, log)
  end)

  it("ends a visit of a stream when the stream has ended, once", function()
    local log = {}
    local stream = assert(client():use(tracer(log, "A")):stream "hi")
    assert.same({ "A request", "A in", "A out" }, log)
    for _ in stream:events() do end -- luacheck: ignore
    assert.equal("A done ab", log[#log])
    assert.equal("ab", assert(stream:reply()).text)
    stream:close()
    assert.equal(6, #log)
  end)

  it("ends a visit when its stream is closed, or fails", function()
    local log = {}
    local stream = assert(client():use(tracer(log, "A")):stream "hi")
    stream:next()
    stream:close()
    stream:close()
    assert.equal("A done closed", log[#log])
    log = {}
    local failing = client({ headers = SSE, body = chunk "a" }):use(tracer(log, "A"))
    local _, err = failing:chat "hi"
    assert.equal("incomplete", err.kind)
    assert.equal("A done incomplete", log[#log])
  end)

  it("is longer by each use, and leaves the client that it came from alone", function()
    local log = {}
    local plain = client()
    local once = plain:use(tracer(log, "A"))
    local twice = once:use(tracer(log, "B"))
    assert(plain:chat "hi")
    assert.same({}, log)
    assert(twice:with({ model = "n" }):chat "hi")
    assert.equal("A request", log[1])
    assert.equal("B request", log[3])
    log[1] = nil
  end)

  it("shows a call what it is", function()
    local seen
    local c = client():use(function(call, proceed)
      seen = { call.operation, call.provider, call.model, call.request.messages[1].content, tostring(call) }
      return proceed(call)
    end)
    assert(c:chat { messages = "hi", model = "other" })
    assert.same({ "chat", "openai_compatible", "other", "hi", "opengatellm.call: chat" }, seen)
  end)

  it("gives a copy of the request, which may be changed or replaced", function()
    local c, transport = client()
    local mine = { messages = { ogl.user "hi" } }
    assert(c:use { request = function(request) request.messages[1].content, request.seed = "changed", 7 end }:chat(mine))
    assert.equal("hi", mine.messages[1].content)
    assert.truthy(transport.requests[1].body:find('"content":"changed"', 1, true))
    assert.truthy(transport.requests[1].body:find('"seed":7', 1, true))
    assert(c:use { request = function() return { messages = { ogl.user "another" } } end }:chat(mine))
    assert.truthy(transport.requests[2].body:find("another", 1, true))
  end)

  it("may answer without a server", function()
    local c, transport = client()
    local answered = c:use(function(call) return call:replay { { type = "text", text = "kept", index = 1 }, { type = "finish", reason = "stop" } } end)
    local reply = assert(answered:chat "hi")
    assert.equal("kept", reply.text)
    assert.equal("stop", reply.finish_reason)
    assert.is_true(reply.complete)
    local stream, texts = assert(answered:stream "hi"), {}
    for text in stream:texts() do texts[#texts + 1] = text end
    assert.same({ "kept" }, texts)
    assert.equal("kept", assert(stream:reply()).text)
    assert.same({}, transport.requests)
  end)

  it("passes what is replayed to the middleware outside of the one that replays, and to no other", function()
    local log = {}
    local function names(list)
      local found = {}
      for _, line in ipairs(list) do
        if line:find "kept" and not line:find "done" then found[#found + 1] = line end
      end
      return found
    end
    local inner = { event = function() error "not this one" end, wrap = function(call) return call:replay { { type = "text", text = "kept", index = 1 } } end }
    assert(client():use(tracer(log, "A"), inner, tracer(log, "B")):chat "hi")
    assert.same({ "A kept" }, names(log))
  end)

  it("may change, drop, hold and add events; the reply is made of what comes out", function()
    local joined = { event = function(event, _, state)
      if event and event.type == "text" then state.text = (state.text or "") .. event.text return nil end
      if event and event.type ~= "finish" or not state.text then return event end
      local text = { type = "text", text = state.text:upper(), index = 1 }
      state.text = nil
      return { text, event }
    end }
    local stream = assert(client():use(joined):stream "hi")
    local texts = {}
    for text in stream:texts() do texts[#texts + 1] = text end
    assert.same({ "AB" }, texts)
    assert.equal("AB", assert(stream:reply()).text)
  end)

  it("may ask again", function()
    local c, transport = client(function(_, n) return n == 1 and { status = 500 } or ANSWER end)
    local asked = 0
    local reply = assert(c:use(function(call, proceed)
      local answer, err = proceed(call)
      asked = asked + 1
      if not answer and err.status == 500 then answer, err = proceed(call) end
      return answer, err
    end):chat "hi")
    assert.equal("ab", reply.text)
    assert.equal(2, #transport.requests)
  end)

  it("is around embeddings and reranking, too", function()
    local seen = {}
    local c = client({ headers = { ["content-type"] = "application/json" }, body = '{"data":[{"index":0,"embedding":[1,2]}]}' })
      :use { name = "see", request = function(request, call) seen[#seen + 1] = call.operation .. " " .. request.input end,
        done = function(answer) seen[#seen + 1] = #answer.vectors end }
    assert.same({ { 1, 2 } }, assert(c:embeddings { input = "x" }).vectors)
    assert.same({ "embeddings x", 1 }, seen)
    local scores = { headers = { ["content-type"] = "application/json" }, body = '{"results":[{"index":0,"relevance_score":0.5}]}' }
    local ranked = client(scores, { provider = "opengatellm", version = "0.9" })
      :use { wrap = function(call, proceed) seen[#seen + 1] = call.operation return proceed(call) end }
    assert.equal(0.5, assert(ranked:rerank { query = "q", documents = { "d" } }).results[1].score)
    assert.equal("rerank", seen[3])
  end)

  it("runs in the task of a call with callbacks", function()
    local log, events, done = {}, {}, nil
    ogl.run(function()
      client():use(tracer(log, "A")):chat("hi", {
        on_event = function(event) events[#events + 1] = event.text end, on_done = function(reply) done = reply.text end,
      })
    end)
    assert.same({ "a", "b" }, events)
    assert.equal("ab", done)
    assert.equal("A done ab", log[#log])
  end)
end)

describe("a mistake in a request that passes middleware", function()
  it("is raised at the caller's line", function()
    local c = client():use(function(call, proceed) return proceed(call) end)
    for _, row in ipairs { { "chat", {} }, { "stream", {} }, { "chat", { messages = "hi", extra = { f = print } } }, { "embeddings", {} } } do
      if not (coroutines.NARROW and row[1] == "embeddings") then
        local _, where = pcall(function()
          local value, err = c[row[1]](c, row[2])
          return value, err
        end)
        assert.matches("chain_spec.lua:%d+: client:" .. row[1] .. ": ", where)
      end
    end
  end)

  it("is told of a middleware that is none", function()
    for problem, given in pairs {
      ["argument 1: expected a function or a table, got number"] = 7, ["argument 1: event: expected function, got string"] = { event = "x" },
      ["argument 1: it has none of request, wrap, event and done"] = { name = "x" }, ["argument 1: wrapp: there is no such field"] = { wrapp = print },
    } do
      local _, where = pcall(function()
        local derived = client():use(given)
        return derived
      end)
      assert.matches("chain_spec.lua:%d+: client:use: " .. problem, where)
    end
  end)
end)

describe("a middleware that", function()
  local function fails(one, pattern, method)
    one.name = "mine"
    local c = client():use(one)
    local value, err = c[method or "chat"](c, "hi")
    if value then value, err = value:reply() end
    assert.is_nil(value)
    assert.equal("config", err.kind)
    assert.equal("middleware", err.code)
    assert.matches("middleware mine: " .. pattern, err.message)
  end

  it("returns nonsense fails the call, and is told what was expected", function()
    fails({ wrap = function() end }, "its wrap returned nothing; expected an answer, or nil and an error")
    fails({ wrap = function() return nil, 5 end }, "its wrap returned nil and a number")
    fails({ wrap = function(_, proceed) return proceed(7) end }, "its wrap passed a number to proceed")
    fails({ request = function() return 5 end }, "its request returned a number; expected a request")
    fails({ event = function() return 5 end }, "its event returned a number; expected an event", "stream")
    fails({ event = function() return { "x" } end }, "its event returned a string", "stream")
  end)

  if coroutines.NARROW then
    it("raises gives its error to the caller, on this Lua", function()
      assert.has_error(function() client():use(function() error "oh" end):chat "hi" end)
    end)
    return
  end

  it("raises fails the call with its name", function()
    fails({ wrap = function() error "oh" end }, "its wrap raised: .*oh")
    fails({ request = function() error "oh" end }, "its request raised: .*oh")
    fails({ event = function() error "oh" end }, "its event raised: .*oh", "stream")
    fails({ done = function() error "oh" end }, "its done raised: .*oh")
  end)
end)

describe("the chain of a call in a task", function()
  after_each(helper.close)

  it("ends its visit when the task is cancelled", function()
    local log = {}
    ogl.run(function()
      local task = ogl.spawn(function() return helper.client("stall_after_head"):use(tracer(log, "A")):chat "hi" end)
      ogl.sleep(0.05)
      task:cancel()
      local _, err = task:wait()
      assert.equal("cancelled", err.kind)
    end)
    assert.equal("A done cancelled", log[#log])
  end)
end)
