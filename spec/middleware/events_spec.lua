-- The middleware that changes events: what each makes of a text, over any split of it, and what it leaves alone.
local core = require "opengatellm.core"
local event_chain = require "opengatellm.chat.event_chain"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local middleware = require "opengatellm.middleware"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local function text(given, index, choice) return { type = "text", text = given, index = index or 1, choice = choice } end
local FINISH = { type = "finish", reason = "stop" }

local CALL = { client = { host = helper.simulated_host() }, operation = "stream", request = {} }

-- The events that come out of a middleware, and the reply that they make.
local function pass(one, events, state)
  local chain = event_chain.new({ one.event }, CALL, core.fold(2 ^ 20), { state or {} })
  local out = {}
  for _, event in ipairs(events) do assert(chain:put(event)) end
  assert(chain:finish())
  local event = chain:take()
  while event do
    out[#out + 1] = event
    event = chain:take()
  end
  return out, chain:reply()
end

local function split(given, seed)
  local pieces, from = {}, 1
  while from <= #given do
    seed = (seed * 16807) % 2147483647
    local size = seed % 5 + 1
    pieces[#pieces + 1] = text(given:sub(from, from + size - 1))
    from = from + size
  end
  pieces[#pieces + 1] = FINISH
  return pieces
end

-- The parts of a reply, in a line.
local function parts_of(reply)
  local list = {}
  for i, part in ipairs(reply.content) do list[i] = part.type .. ":" .. (part.text or "") end
  return table.concat(list, "|")
end

-- Over any split of a text, the same parts.
local function any_split(make, given, expected)
  for seed = 1, 60 do
    local _, reply = pass(make(), split(given, seed))
    assert.equal(expected, parts_of(reply))
  end
  local bytes = {}
  for i = 1, #given do bytes[i] = text(given:sub(i, i)) end
  bytes[#bytes + 1] = FINISH
  local _, reply = pass(make(), bytes)
  assert.equal(expected, parts_of(reply))
end

describe("think", function()
  local function think(options) return function() return middleware.think(options) end end

  it("makes reasoning of what stands between the tags, over any split", function()
    any_split(think(), "<think>Let me see.</think>\n\nParis.", "reasoning:Let me see.|text:Paris.")
    any_split(think(), "First. <think>Hm</think>Then <think>Oh</think>end", "text:First. |reasoning:Hm|text:Then |reasoning:Oh|text:end")
    any_split(think(), "a < b, <thin> and </think> <thinker>", "text:a < b, <thin> and </think> <thinker>")
    any_split(think(), "<think>never closed <", "reasoning:never closed <")
    any_split(think(), "<think></think>x", "text:x")
    any_split(think { tag = "thought" }, "<thought>é</thought><think>x", "reasoning:é|text:<think>x")
    any_split(think { starts_open = true }, "Hm.</think>\nYes.", "reasoning:Hm.|text:Yes.")
    any_split(think(), "trailing <thi", "text:trailing <thi")
  end)

  it("leaves events as they are whose text has nothing of a tag", function()
    local events = { text "Hello ", text "world", { type = "usage", usage = { output_tokens = 2 } }, FINISH }
    local out = pass(middleware.think {}, events)
    for i, event in ipairs(events) do assert.equal(event, out[i]) end
  end)

  it("keeps parts and choices apart, and in order", function()
    local _, reply = pass(middleware.think(), {
      text("<think>a", 1), text("<think>b", 1, 2), text("</think>c", 1), text("</think>d", 1, 2),
      { type = "tool_call", id = "1", name = "f", index = 2 }, { type = "tool_call_end", id = "1", name = "f", arguments = "{}", index = 2 }, FINISH,
    })
    assert.equal("a", reply.reasoning)
    assert.equal("c", reply.text)
    assert.equal("reasoning|text|tool_call", (parts_of(reply):gsub(":[^|]*", "")))
  end)
end)

describe("merge", function()
  it("joins neighbours, and changes no reply", function()
    local out, reply = pass(middleware.merge { bytes = 4 }, { text "a", text "b", text "c", text "d", text "e", { type = "reasoning", text = "r", index = 2 }, text "f", FINISH })
    assert.equal("abcdef", reply.text)
    local list = {}
    for i, event in ipairs(out) do list[i] = event.text or event.type end
    assert.same({ "abcd", "e", "r", "f", "finish" }, list)
    any_split(function() return middleware.merge { bytes = 7 } end, "some longer text\nwith lines\n", "text:some longer text\nwith lines\n")
  end)

  it("gives a line when it ends", function()
    local out = pass(middleware.merge { bytes = 1000 }, { text "a", text "b\n", text "c", FINISH })
    assert.same({ "ab\n", "c" }, { out[1].text, out[2].text })
  end)
end)

describe("citations", function()
  local function cite(data) return { type = "citation", index = 1, data = data } end

  it("numbers each source once, and lists them on the reply", function()
    local one, state = middleware.citations { markers = true }, {}
    local out, reply = pass(one, {
      text "A", cite { url = "http://a", title = "TA" }, text "B", cite { url_citation = { url = "http://b" } }, text "C", cite { web = { uri = "http://a" } }, FINISH,
    }, state)
    assert.equal("A [1]B [2]C [1]", reply.text)
    local numbers = {}
    for _, event in ipairs(out) do if event.type == "citation" then numbers[#numbers + 1] = event.number end end
    assert.same({ 1, 2, 1 }, numbers)
    one.done(reply, nil, CALL, state)
    assert.same({ { number = 1, url = "http://a", title = "TA" }, { number = 2, url = "http://b" } }, reply.citations)
  end)

  it("leaves the text alone without markers", function()
    local _, reply = pass(middleware.citations {}, { text "A", cite { url = "http://a" }, text "B", FINISH })
    assert.equal("AB", reply.text)
  end)
end)

describe("redact", function()
  local EMAIL = "[%w._%-]+@[%w._%-]+%.%a+"

  local function client(answer, options)
    local transport = replay.new(function(request)
      local said = answer(request.body)
      return { headers = { ["content-type"] = "text/event-stream" }, body = said }
    end)
    return ogl.client { provider = "openai_compatible", base_url = "http://h", model = "m", transport = transport }:use(middleware.redact(options)), transport
  end

  local function chunks(given, size)
    local list = {}
    for from = 1, #given, size do
      list[#list + 1] = "data: " .. json.encode { choices = { { index = 0, delta = { content = given:sub(from, from + size - 1) } } } } .. "\n\n"
    end
    return table.concat(list) .. 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'
  end

  local QUESTION = { messages = { ogl.system "Ada is ada@example.org", ogl.user { { type = "text", text = "Write to ada@example.org and bob@example.org" } } } }

  it("keeps what fits a pattern from being sent, the same text under the same name", function()
    local c, transport = client(function() return chunks("ok", 9) end, { patterns = { email = EMAIL } })
    assert.equal("ok", assert(c:chat(QUESTION)).text)
    local body = transport.requests[1].body
    assert.is_nil(body:find("example.org", 1, true))
    assert.truthy(body:find("Ada is [EMAIL_1]", 1, true))
    assert.truthy(body:find("Write to [EMAIL_1] and [EMAIL_2]", 1, true))
    assert.equal("Ada is ada@example.org", QUESTION.messages[1].content)
    assert.equal("Write to ada@example.org and bob@example.org", QUESTION.messages[2].content[1].text)
  end)

  it("gives one text one name, whatever other patterns fit it, and hides all of what a pattern with a capture fits", function()
    local c, transport = client(function() return chunks("ok", 9) end, { patterns = { email = EMAIL, number = "%d+", zip = { "zip:(%a+)", "^start" } } })
    assert(c:chat { messages = "start 12 a1@b2.org 345 zip:abc 12" })
    assert.truthy(transport.requests[1].body:find("[ZIP_2] [NUMBER_1] [EMAIL_1] [NUMBER_2] [ZIP_1] [NUMBER_1]", 1, true)
      or transport.requests[1].body:find("[ZIP_1] [NUMBER_1] [EMAIL_1] [NUMBER_2] [ZIP_2] [NUMBER_1]", 1, true), transport.requests[1].body)
  end)

  it("gives the same names each time, so that caches know the request", function()
    local bodies = {}
    for i = 1, 20 do
      local c, transport = client(function() return chunks("ok", 9) end, { patterns = { email = EMAIL } })
      local message = ogl.assistant "a@b.org"
      message.tool_calls = { { id = "1", name = "f", arguments = '{"to":"c@d.org"}' } }
      assert(c:chat { messages = { ogl.user "hi", message, ogl.tool_result("1", "e@f.org"), ogl.user "x" } })
      bodies[i] = transport.requests[1].body
      assert.equal(bodies[1], bodies[i])
    end
    assert.truthy(bodies[1]:find("[EMAIL_3]", 1, true))
  end)

  it("puts it back into the reply, over any split, where asked", function()
    for size = 1, 12 do
      local c = client(function() return chunks("Sent to [EMAIL_2], not [EMAIL_1] [EMAIL_9] [x", size) end, { patterns = { email = EMAIL }, restore = true })
      assert.equal("Sent to bob@example.org, not ada@example.org [EMAIL_9] [x", assert(c:chat(QUESTION)).text)
      local stream, list = assert(c:stream(QUESTION)), {}
      for piece in stream:texts() do list[#list + 1] = piece end
      assert.equal("Sent to bob@example.org, not ada@example.org [EMAIL_9] [x", table.concat(list))
    end
  end)

  it("puts no secret where the request's own text has what looks like a name, wherever that stands", function()
    local tool = { name = "f", description = "takes [EMAIL_3]", parameters = { type = "object", properties = {} } }
    local question = {
      system = "Answer with [EMAIL_4].", tools = { tool },
      messages = { ogl.user "ada@example.org", ogl.assistant "[EMAIL_1], [EMAIL_2x] and [Email_2]", ogl.user "bob@example.org, [EMAIL_6] and [NUMBER_1]" },
    }
    local function echo(body)
      local sent = json.decode(body).messages
      return chunks(sent[2].content .. " " .. sent[4].content .. " [EMAIL_1] [EMAIL_3] [EMAIL_4]", 5)
    end
    local c, transport = client(echo, { patterns = { email = EMAIL }, restore = true })
    local expected = "ada@example.org bob@example.org, [EMAIL_6] and [NUMBER_1] [EMAIL_1] [EMAIL_3] [EMAIL_4]"
    assert.equal(expected, assert(c:chat(question)).text)
    assert.equal(expected, assert(assert(c:stream(question)):reply()).text)
    local body = transport.requests[1].body
    assert.truthy(body:find('"[EMAIL_2]"', 1, true) and body:find('"[EMAIL_5], [EMAIL_6] and [NUMBER_1]"', 1, true), body)
  end)

  it("puts it back into arguments as JSON writes it", function()
    local state = { secrets = { ["[Q_1]"] = 'a "b"' }, longest = 5 }
    local one = middleware.redact { patterns = { q = "x" }, restore = true }
    local _, reply = pass(one, {
      { type = "tool_call", id = "1", name = "f", index = 1 }, { type = "tool_arguments", text = '{"to":"[Q', index = 1 },
      { type = "tool_arguments", text = '_1]"}', index = 1 }, { type = "tool_call_end", id = "1", name = "f", arguments = '{"to":"[Q_1]"}', index = 1 }, FINISH,
    }, state)
    assert.equal('a "b"', json.decode(reply.tool_calls[1].arguments).to)
  end)
end)

describe("defaults", function()
  it("fills in what a request leaves open", function()
    local transport = replay.new { headers = { ["content-type"] = "application/json" }, body = '{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}' }
    local c = ogl.client { provider = "openai_compatible", base_url = "http://h", model = "m", transport = transport }:use(middleware.defaults { seed = 1, max_tokens = 5 })
    assert(c:chat { messages = "hi", seed = 2 })
    local body = json.decode(transport.requests[1].body)
    assert.same({ 2, 5 }, { body.seed, body.max_tokens })
  end)
end)

describe("timeout", function()
  after_each(helper.close)

  it("ends a call with all its tries", function()
    local host = helper.simulated_host()
    local transport = replay.new { status = 503 }
    local c = ogl.client { provider = "openai_compatible", base_url = "http://h", model = "m", transport = transport, host = host, retries = { max = 100, max_wait = 1000 } }
      :use(middleware.timeout { seconds = 10 })
    assert.equal(503, select(2, c:chat "hi").status)
    assert.is_true(host.now() < 10)
    assert.is_true(#transport.requests > 2)
    assert.equal(10, transport.requests[1].timeouts.total)
    assert.is_true(transport.requests[#transport.requests].timeouts.total < 10)
  end)

  it("ends a stream that takes longer", function()
    local stream, err = helper.client("stall_mid_stream:2", { retries = { max = 0 } }):use(middleware.timeout { seconds = 0.3 }):stream "hi"
    if stream then err = select(2, stream:reply()) end -- a slow machine may use the time up before
    assert.equal("timeout", err.kind)
  end)
end)

describe("middleware that is made wrongly", function()
  for problem, make in pairs {
    ["think: tag: expected a name"] = function() local m = ogl.middleware.think { tag = "<" } return m end,
    ["merge: bytes: expected a number above 0"] = function() local m = ogl.middleware.merge { bytes = 0 } return m end,
    ["redact: patterns: expected a table of names and patterns"] = function() local m = ogl.middleware.redact {} return m end,
    ["redact: patterns.x: expected a Lua pattern"] = function() local m = ogl.middleware.redact { patterns = { x = "[" } } return m end,
    ["defaults: seeed: there is no such field"] = function() local m = ogl.middleware.defaults { seeed = 1 } return m end,
    ["timeout: seconds: expected a number above 0"] = function() local m = ogl.middleware.timeout {} return m end,
    ["citations: marker: there is no such field"] = function() local m = ogl.middleware.citations { marker = true } return m end,
  } do
    it("is told: " .. problem, function()
      local _, where = pcall(make)
      assert.matches("events_spec.lua:%d+: ogl.middleware." .. problem, where)
    end)
  end
end)

describe("what they leave alone", function()
  it("is every recorded reply without tags: think, merge, citations and redact change none", function()
    local path = helper.shared "fixtures/expected.jsonl"
    if not path then return pending "the reference material is not here (OGL_SHARED)" end
    local chain = {
      middleware.think(), middleware.merge {}, middleware.citations {},
      middleware.redact { patterns = { never = "%z%z%z" }, restore = true },
    }
    local count = 0
    for line in io.lines(path) do
      local exchange = json.decode(line)
      local body = helper.read((path:gsub("expected%.jsonl$", "") .. exchange.body))
      local plain = ogl.client {
        provider = { name = "p", protocol = exchange.protocol, auth = "none" }, base_url = "http://h", model = "m", retries = { max = 0 },
        transport = replay.new { headers = { ["content-type"] = exchange.stream and "text/event-stream" or "application/json" }, body = body },
      }
      if exchange.status < 400 and not body:find("think>", 1, true) then
        local want, want_err = assert(plain:stream "hi"):reply()
        local got, got_err = assert(plain:use((table.unpack or unpack)(chain)):stream "hi"):reply()
        if got then got.citations = nil end
        assert.equal(want_err and want_err.message, got_err and got_err.message, exchange.id)
        assert.same(want or want_err.partial, got or got_err.partial, exchange.id)
        count = count + 1
      end
    end
    assert.is_true(count > 1400)
  end)
end)
