-- Conversations with a model in this process: the tools' loop, a person in it, saves, cancels and streams.
local conversations = require "spec.support.conversations"
local local_model = require "spec.support.local_model"
local ogl = require "opengatellm"

local absent = local_model.absent()
if absent then
  pending("conversations with a model in this process: " .. absent)
  return
end

local HELLO, JSON = local_model.HELLO, '{"a":1,"b":[true,null]}'

-- The tool that the model calls, and the cities for which it ran.
local function weather(more)
  local cities = {}
  local tool = { name = "get_weather", parameters = ogl.schema.object { { "city", ogl.schema.string() } } }
  tool.run = function(arguments)
    cities[#cities + 1] = arguments.city
    return { celsius = 21 }
  end
  for name, value in pairs(more or {}) do tool[name] = value end
  return tool, cities
end

local function roles(chat)
  local list = {}
  for i, message in ipairs(chat.messages) do list[i] = message.role end
  return table.concat(list, " ")
end

describe("a conversation with a model in this process", function()
  local client

  before_each(function() client = local_model.client() end)
  after_each(function() client:close() end)

  local function begin(options)
    options.client, options.temperature = client, 0
    return ogl.conversation(options)
  end

  it("remembers, and computes only what is new in it", function()
    local chat = begin { system = "You are a test." }
    local first = assert(chat:send "hello")
    local second = assert(chat:send "think about it")
    assert.same({ HELLO, "Two and two make four.", "The answer is4!" }, { first.text, second.reasoning, second.text })
    assert.equal(first.usage.input_tokens - 1, second.usage.cached_input_tokens) -- but for the token that picks the answer
    assert.equal("user assistant user assistant", roles(chat))
    assert.equal(chat.usage.total_tokens, chat.usage.input_tokens + chat.usage.output_tokens)
  end)

  it("runs a tool, and goes on with its result", function()
    local tool, cities = weather()
    local chat = begin { tools = { tool } }
    assert.equal(HELLO, assert(chat:send "weather?").text)
    assert.same({ "São Paulo" }, cities)
    assert.equal("user assistant tool assistant", roles(chat))
    assert.equal('{"celsius":21}', chat.messages[3].content)
    assert.equal(2, chat.steps)
  end)

  it("runs two calls of one answer, each with an id of its own", function()
    local tool, cities = weather()
    local chat = begin { tools = { tool } }
    assert.equal(HELLO, assert(chat:send "both of them").text)
    table.sort(cities)
    assert.same({ "Lyon", "Nice" }, cities)
    assert.is_nil(conversations.problem_of(chat.messages))
    local calls = chat.messages[2].tool_calls
    assert.not_equal(calls[1].id, calls[2].id)
  end)

  it("tells the model that its arguments are wrong, and runs nothing", function()
    local tool, cities = weather()
    local chat = begin { tools = { tool } }
    assert.equal(HELLO, assert(chat:send "wrong").text)
    assert.same({}, cities)
    assert.matches("^the arguments are wrong", chat.messages[3].content)
  end)

  it("runs no call of an answer that was cut", function()
    local tool, cities = weather()
    local chat = begin { tools = { tool }, max_tokens = 7 }
    local reply = assert(chat:send "weather?")
    assert.equal("length", reply.finish_reason)
    assert.same({}, cities)
  end)

  it("ends at its most steps", function()
    local chat = begin { tools = { (weather()) }, max_steps = 1 }
    local reply, err = chat:send "weather?"
    assert.is_nil(reply)
    assert.equal("max_steps", err.code)
    assert.equal(JSON, assert(chat:send("json")).text)
  end)

  it("waits for a person, over a save, and runs what was approved", function()
    local tool, cities = weather { approval = true }
    local chat = begin { tools = { tool } }
    assert(chat:send "both of them")
    assert.equal(2, #chat.pending)
    local again = assert(ogl.conversation.load(assert(chat:save()), { client = client, tools = { tool }, temperature = 0 }))
    assert(again:approve(again.pending[1].id))
    assert(again:reject(again.pending[1].id, "too far"))
    assert.equal(HELLO, assert(again:resume()).text)
    assert.same({ "Nice" }, cities)
    assert.equal("denied: too far", again.messages[4].content)
  end)

  it("continues a save with the same answer as without it", function()
    local chat = begin {}
    assert(chat:send "hello")
    local again = assert(ogl.conversation.load(assert(chat:save()), { client = client, temperature = 0 }))
    local one, other = assert(chat:send "json"), assert(again:send "json")
    assert.same({ one.text, one.usage.input_tokens }, { other.text, other.usage.input_tokens })
    assert.equal(JSON, one.text)
  end)

  it("streams its steps, its texts and its calls", function()
    local chat = begin { tools = { (weather()) } }
    local answer = assert(chat:stream "weather?")
    local seen, texts = {}, {}
    for event in answer:events() do
      seen[event.type] = (seen[event.type] or 0) + 1
      if event.type == "text" then texts[#texts + 1] = event.text end
    end
    assert.same({ 2, 1, 1 }, { seen.step, seen.tool_call, seen.tool_call_end })
    assert.equal(HELLO, table.concat(texts))
    assert.equal(HELLO, assert(answer:reply()).text)
  end)

  it("gives an output that fits its schema", function()
    local chat = begin { output = ogl.schema.object { { "a", ogl.schema.integer() }, { "b", ogl.schema.array {} } } }
    assert.same({ a = 1, b = { true, ogl.null } }, assert(chat:send "json").output)
  end)

  it("is cancelled in an answer, and goes on", function()
    ogl.run(function()
      local chat = begin {}
      local answer = assert(chat:stream "forever")
      repeat local event = assert(answer:next()) until event.type == "text"
      chat:cancel()
      local event, err = answer:next()
      while event do event, err = answer:next() end
      assert.equal("cancelled", err.kind)
      assert.equal(JSON, assert(chat:send "json").text)
    end)
  end)

  it("turns to what the user says in between", function()
    local chat = begin {}
    local answer = assert(chat:stream "forever")
    local event, interrupted = assert(answer:next()), false
    while event do
      if event.type == "text" and not interrupted then interrupted = assert(chat:interrupt "json") end
      event = answer:next()
    end
    assert.equal(JSON, assert(answer:reply()).text)
    assert.equal("user user assistant", roles(chat))
  end)

  it("is compacted where the context has no room for it", function()
    local small = local_model.client { settings = { threads = 1, context = 256, slots = 1 } }
    local chat = ogl.conversation { client = small, temperature = 0, compact = ogl.compact.drop_oldest { keep = 1 } }
    for _ = 1, 6 do assert.equal(HELLO, assert(chat:send("hello " .. ("word "):rep(12))).text) end
    assert.is_true(#chat.messages < 12)
    assert.equal("user", chat.messages[1].role)
    small:close()
  end)
end)
