-- Conversations over all five protocols: the loop, what a program gets, what it may not do.
local conversations = require "spec.support.conversations"
local errors = require "opengatellm.errors"
local ogl = require "opengatellm"

local body, calls, says = conversations.body, conversations.calls, conversations.says

local function types(answer)
  local list, seen = {}, nil
  for event in answer:events() do
    if event.type ~= seen and event.type ~= "usage" and event.type ~= "start" and event.type ~= "part_end" then list[#list + 1] = event.type end
    seen = event.type
  end
  return table.concat(list, " ")
end

local function adder()
  return conversations.tool("add", function(arguments) return { sum = arguments.n + 1 } end)
end

for _, protocol in ipairs(conversations.PROTOCOLS) do
  describe("a conversation over " .. protocol, function()
    local script = {
      calls { { "c1", "add", { n = 1 } }, { "c2", "add", { n = 5 } } }, says "Two and six.", says "You are welcome.",
    }

    it("runs the tools that are called, and answers in the calls' order", function()
      local chat, transport = conversations.conversation(script, { system = "Be brief.", tools = { adder() } }, protocol)
      local reply = assert(chat:send "Add.")
      assert.equal("Two and six.", reply.text)
      assert.same({ "user", "assistant", "tool", "tool", "assistant" }, {
        chat.messages[1].role, chat.messages[2].role, chat.messages[3].role, chat.messages[4].role, chat.messages[5].role,
      })
      assert.same({ '{"sum":2}', '{"sum":6}' }, { chat.messages[3].content, chat.messages[4].content })
      assert.matches("sum[^%d]+2.+sum[^%d]+6", transport.requests[2].body)
      assert.equal(2, chat.steps)
      assert.equal("You are welcome.", assert(chat:send "Thanks.").text)
      assert.matches("Two and six", transport.requests[3].body)
    end)

    it("gives the events of the model and its own", function()
      local chat = conversations.conversation(script, { tools = { adder() } }, protocol)
      local seen = types(assert(chat:stream "Add."))
      assert.matches("^step tool_call.* finish tool_start tool_result step text finish$", seen)
      assert.equal("step text finish", types(assert(chat:stream "Thanks.")))
    end)

    it("pauses for a person, is saved, and goes on where it is loaded", function()
      local options = { tools = { conversations.tool("add", function(arguments) return arguments.n end, { approval = true }) } }
      local chat, _, client = conversations.conversation(script, options, protocol)
      assert(chat:send "Add.")
      assert.equal(2, #chat.pending)
      options.client = client
      local again = assert(ogl.conversation.load(assert(chat:save()), options))
      assert(again:approve(again.pending[1].id))
      assert(again:reject(again.pending[1].id, "too much"))
      assert.equal("Two and six.", assert(again:resume()).text)
      assert.same({ "1", "denied: too much" }, { again.messages[3].content, again.messages[4].content })
      assert.is_true(again.messages[4].is_error)
      assert.is_nil(conversations.problem_of(again.messages))
    end)
  end)
end

describe("a conversation", function()
  it("adds up usage, steps and cost", function()
    local usage = { input_tokens = 10, output_tokens = 5, total_tokens = 15 }
    local script = { calls({ { "c1", "add", { n = 1 } } }, nil, usage), says("Two.", nil, usage), says("x", nil, usage) }
    local chat = conversations.conversation(script, { tools = { adder() } })
    assert(chat:send "Add.")
    assert(chat:send "More.")
    assert.same({ 45, 30, 3 }, { chat.usage.total_tokens, chat.usage.input_tokens, chat.steps })
  end)

  it("takes every field of a request but messages, and sends it each time", function()
    local script = { calls { { "c1", "add", { n = 1 } } }, says "Two." }
    local chat, transport = conversations.conversation(script, { tools = { adder() }, temperature = 0.5, max_tokens = 99 })
    assert(chat:send "Add.")
    for n = 1, 2 do assert.same({ 0.5, 99 }, { body(transport, n).temperature, body(transport, n).max_tokens }) end
    assert.same(body(transport, 1).tools, body(transport, 2).tools)
  end)

  it("refuses wrong options at the caller's line", function()
    local client = conversations.client { says "x" }
    local function made(options)
      local fine, why = pcall(function() ogl.conversation(options) end)
      assert.is_false(fine)
      assert.matches("^spec/conversation/init_spec.lua:%d+: ogl.conversation: ", why)
      return (why:gsub("^.-ogl.conversation: ", ""))
    end
    assert.equal("expected table, got nil", made(nil))
    assert.equal("client: expected a client or a router, got nil", made {})
    assert.equal("temprature: there is no such field", made { client = client, temprature = 1 })
    assert.equal("limits.dollars: there is no such field", made { client = client, limits = { dollars = 1 } })
    assert.equal("max_steps: expected a number from 1 on, got 0", made { client = client, max_steps = 0 })
    assert.matches("two tools with the name 'add'", made { client = client, tools = { adder(), adder() } })
    local chat = ogl.conversation { client = client }
    assert.error_matches(function() chat:send(3) end, "conversation:send: expected a text, a message or parts, got number")
    assert.error_matches(function() chat:send({ role = "user" }) end, "content: a text or a list of parts is needed")
    assert.error_matches(function() chat:send("x", { on_evnt = print }) end, "there is no 'on_evnt'")
  end)

  it("refuses to send while calls wait, and names them (ruby_llm: an error of ours, not of the provider)", function()
    local chat, transport = conversations.conversation({ calls { { "c1", "add", { n = 1 } } }, says "x" }, {
      tools = { conversations.tool("add", function() return 1 end, { approval = true }) },
    })
    assert(chat:send "Add.")
    local reply, err = chat:send "And?"
    assert.is_nil(reply)
    assert.equal("pending", err.code)
    assert.matches("c1 %(add%)", err.message)
    assert.equal(1, #transport.requests)
    assert.same({ 2, 1 }, { #chat.messages, #chat.pending })
  end)

  it("can be used on after an error of the server: resume asks again, send says more", function()
    local fault = { status = 400, body = '{"error":{"message":"no"}}', headers = { ["content-type"] = "application/json" } }
    local chat = conversations.conversation({ fault, says "Yes.", fault, says "Now." }, {})
    local reply, err = chat:send "Well?"
    assert.is_nil(reply)
    assert.equal(400, err.status)
    assert.equal("Yes.", assert(chat:resume()).text)
    assert.equal("nothing", (select(2, chat:resume())).code)
    assert.is_nil((chat:send "a"))
    assert.equal("Now.", assert(chat:send "b").text)
  end)

  it("lets a program edit the messages between turns, pending calls too", function()
    local chat, transport = conversations.conversation({ calls { { "c1", "add", { n = 1 } } }, says "x" }, {
      tools = { conversations.tool("add", function() return 1 end, { approval = true }) },
    })
    assert(chat:send "Add.")
    chat.messages = { ogl.user "Something else." }
    assert.equal("x", assert(chat:resume()).text)
    assert.equal(0, #chat.pending)
    assert.equal(1, #body(transport, 2).messages)
  end)

  it("calls before and after once a turn, over a pause too", function()
    local log = {}
    local chat = conversations.conversation({ calls { { "c1", "add", { n = 1 } } }, says "x" }, {
      tools = { conversations.tool("add", function() return 1 end, { approval = true }) },
      before = function() log[#log + 1] = "before" end,
      after = function(_, reply, err) log[#log + 1] = reply and reply.text or err.code end,
    })
    assert(chat:send "Add.")
    assert.same({ "before" }, log)
    assert(chat:approve "c1")
    assert(chat:resume())
    assert.same({ "before", "x" }, log)
  end)

  it("ends a turn whose hook raises or refuses, and takes the message back", function()
    local refusing = true
    local chat, transport = conversations.conversation({ says "x" }, {
      before = function() if refusing then return nil, "not now" end end,
      after = function() if refusing == nil then error "oh" end end,
    })
    local _, err = chat:send "a"
    assert.same({ "config", "hook" }, { err.kind, err.code })
    assert.matches("before failed: not now", err.message)
    assert.same({ 0, 0 }, { #chat.messages, #transport.requests })
    refusing = nil
    _, err = chat:send "a"
    assert.matches("after raised: .*oh", err.message)
    assert.equal(2, #chat.messages)
  end)

  it("passes middleware as a turn, its tools as tools, and traces go through", function()
    local seen = {}
    local client = conversations.client { calls { { "c1", "add", { n = 1 } } }, says "Two." }
    local wrapped = client:use(function(call, proceed)
      seen[#seen + 1] = call.operation .. ":" .. tostring(call.request.name)
      if call.operation == "turn" then call.request.headers = { traceparent = "t" } end
      if call.operation == "tool" then assert.same({ "c1", 1, "t" }, { call.request.id, call.request.arguments.n, call.request.headers.traceparent }) end
      if call.operation == "chat" then assert.equal("t", call.request.headers.traceparent) end
      return proceed(call)
    end)
    local chat = ogl.conversation { client = wrapped, tools = { adder() }, name = "helper" }
    local reply = assert(chat:send "Add.")
    assert.same({ "turn:helper", "chat:nil", "tool:add", "chat:nil" }, seen)
    assert.same({ 2, 1 }, { reply.calls, reply.tools })

    seen = {}
    chat = ogl.conversation { client = wrapped, tools = {} }
    local answer, done = assert(chat:stream "x"), nil
    answer:on_end(function(last) done = last end)
    for _ in answer:events() do assert.is_nil(done) end
    assert.equal("Two.", done.text)
    assert.same({ "turn:nil", "stream:nil" }, seen)
  end)

  it("lets middleware answer for a tool, or refuse a turn", function()
    local client = conversations.client { calls { { "c1", "add", { n = 1 } } }, says "Two." }
    local ran = 0
    local chat = ogl.conversation {
      client = client:use(function(call, proceed)
        if call.operation == "tool" then return { sum = 9 } end
        if call.operation == "turn" and call.request.message.content == "No." then return nil, "not today" end
        return proceed(call)
      end),
      tools = { conversations.tool("add", function() ran = ran + 1 end) },
    }
    assert(chat:send "Add.")
    assert.same({ '{"sum":9}', 0 }, { chat.messages[3].content, ran })
    local _, err = chat:send "No."
    assert.matches("not today", err.message)
    assert.equal("Two.", assert(chat:send "Yes.").text)
  end)

  it("goes on over three providers by a router, with the ids of calls that each takes", function()
    local script = { calls { { "call:1", "add", { n = 1 } } } }
    local one = conversations.client(script, "anthropic")
    local two, of_two = conversations.client(script, "gemini")
    local three, of_three = conversations.client({ says "Two." }, "openai_responses")
    local step = 0
    local router = ogl.router {
      clients = { { client = one, name = "1" }, { client = two, name = "2" }, { client = three, name = "3" } },
      strategy = function(_, rows) return { rows[step] } end,
    }
    local chat = ogl.conversation { client = router, tools = { adder() }, prepare_step = function(_, number) step = number end }
    assert.equal("Two.", assert(chat:send "Add.").text)
    assert.matches("functionResponse", of_two.requests[1].body)
    local input, ids = body(of_three, 1).input, {}
    for _, item in ipairs(input) do ids[#ids + 1] = item.call_id end
    assert.equal(4, #ids)
    assert.same({ ids[1], ids[3] }, { ids[2], ids[4] })
    assert.not_equal(ids[1], ids[3])
  end)
end)

describe("with callbacks", function()
  it("a turn runs in a task, and tells tools and pauses", function()
    local log = {}
    ogl.run(function()
      local chat = conversations.conversation({ calls { { "c1", "add", { n = 1 } }, { "c2", "ask", {} } }, says "Done." }, {
        tools = { adder(), conversations.tool("ask", function() return 1 end, { approval = true }) },
      })
      local functions = {
        on_tool = function(event) log[#log + 1] = event.type .. ":" .. event.name end,
        on_paused = function(pending) log[#log + 1] = "paused:" .. pending[1].name end,
        on_done = function(reply, err) log[#log + 1] = reply and "done:" .. reply.text or tostring(err) end,
      }
      assert(chat:send("Add.", functions)):wait()
      assert(chat:approve "c2")
      assert(chat:resume(functions)):wait()
      assert(chat:stream("More.", functions)):wait()
    end)
    assert.same({
      "tool_start:add", "tool_result:add", "paused:ask", "done:", "tool_start:ask", "tool_result:ask", "done:Done.", "done:Done.",
    }, log)
  end)

  it("an error comes to on_done", function()
    local failed
    ogl.run(function()
      local chat = conversations.conversation({ { err = errors.new { kind = "network", message = "gone" } } }, {})
      assert(chat:send("x", { on_done = function(_, err) failed = err end })):wait()
      assert.is_nil(chat.turn)
    end)
    assert.equal("network", failed.kind)
  end)
end)
