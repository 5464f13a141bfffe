-- Turns: what ends them, what goes on, what reaches into a running one. Each row of the reports that taught the rules has its number.
local conversations = require "spec.support.conversations"
local core = require "opengatellm.core"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local ogl = require "opengatellm"

local body, calls, says, tool = conversations.body, conversations.calls, conversations.says, conversations.tool

local function counting(name, more)
  local count = { n = 0 }
  return tool(name or "f", function(arguments)
    count.n = count.n + 1
    return arguments.n or count.n
  end, more), count
end

-- An answer whose arguments were cut, as a server sends it: the encoders mend what is no JSON.
local function cut_answer(reason, arguments, tokens)
  local said = {
    id = "c", object = "chat.completion", model = "m", created = 1, usage = { prompt_tokens = 9, completion_tokens = tokens, total_tokens = 9 + tokens },
    choices = { {
      index = 0, finish_reason = reason,
      message = { role = "assistant", content = json.null, tool_calls = { { id = "1", type = "function", ["function"] = { name = "f", arguments = arguments } } } },
    } },
  }
  return { headers = { ["content-type"] = "application/json" }, body = json.encode(said) }
end

describe("a reply that was cut", function()
  it("runs none of its calls, and says so (pydantic-ai#3118, localharness#77)", function()
    for _, row in ipairs { { "length", '{"n":1}', 5 }, { "length", '{"n":', 5 }, { "tool_calls", '{"n":1', 50 }, { "content_filter", '{"n":1}', 5 } } do
      local f, count = counting()
      local chat = conversations.conversation({ cut_answer((table.unpack or unpack)(row)), says "Shorter." }, { tools = { f }, max_tokens = 50 })
      local reply, err = chat:send "x"
      assert.is_nil(reply)
      assert.equal("incomplete", err.kind)
      assert.equal(row[1] == "content_filter" and "not_run" or "cut", err.code)
      if err.code == "cut" then assert.matches("cut off", err.message) end
      assert.same({ 0, 1 }, { count.n, #chat.messages })
      assert.is_true(chat.usage.total_tokens > 0)
      assert.equal("Shorter.", assert(chat:send "Be brief.").text)
    end
  end)

  it("is no cut where the model only wrote badly: that goes back to it", function()
    local f = counting()
    local chat = conversations.conversation({ cut_answer("tool_calls", '{"n":', 5), says "Sorry." }, { tools = { f }, max_tokens = 50 })
    assert.equal("Sorry.", assert(chat:send "x").text)
    assert.matches("^the arguments are wrong", chat.messages[3].content)
  end)

  it("goes on where the program wants so, and is stitched without doubled text", function()
    local script = { says("The cat sat on the", "length"), says("sat on the mat and", "length"), says " slept." }
    local chat, transport = conversations.conversation(script, { continue_on_length = 2 })
    local reply = assert(chat:send "Tell.")
    assert.equal("The cat sat on the mat and slept.", reply.text)
    assert.equal("user", body(transport, 2).messages[3].role)
    chat = conversations.conversation(script, { continue_on_length = 1 })
    assert.equal("length", assert(chat:send "Tell.").finish_reason)
    chat = conversations.conversation({ says("", "length"), says "x" }, { continue_on_length = 1 })
    assert.equal("", assert(chat:send "Tell.").text)
  end)
end)

describe("a turn", function()
  it("forces a tool in its first step alone (openai-agents-python#263)", function()
    local f = counting()
    local chat, transport = conversations.conversation({ calls { { "1", "f" } }, says "x", calls { { "1", "f" } }, says "y" }, {
      tools = { f }, tool_choice = { name = "f" },
    })
    assert(chat:send "x")
    assert(chat:send "y")
    assert.same({ "table", "string", "table", "string" }, {
      type(body(transport, 1).tool_choice), type(body(transport, 2).tool_choice or ""), type(body(transport, 3).tool_choice),
      type(body(transport, 4).tool_choice or ""),
    })
  end)

  it("has its tools off in the last step, where output is wanted (ai#10235, ai#13223)", function()
    local schema = { type = "object", properties = { n = { type = "integer" } }, required = json.array { "n" } }
    local chat, transport = conversations.conversation({ calls { { "1", "f", { n = 1 } } }, says '{"n":3}' }, {
      tools = { (counting()) }, output = schema, max_steps = 2,
    })
    assert.same({ n = 3 }, assert(chat:send "x").output)
    assert.not_equal("none", body(transport, 1).tool_choice)
    assert.equal("none", body(transport, 2).tool_choice)
  end)

  it("has its tools off in the last step where the output is asked for by a tool, too", function()
    local schema = { type = "object", properties = { n = { type = "integer" } }, required = json.array { "n" } }
    local chat, transport = conversations.conversation({ calls { { "1", "f", { n = 1 } } }, calls { { "2", "output", { n = 3 } } } }, {
      tools = { (counting()) }, output = { schema = schema, mode = "tool" }, max_steps = 2,
    })
    assert.same({ n = 3 }, assert(chat:send "x").output)
    assert.same({ 2, 1 }, { #body(transport, 1).tools, #body(transport, 2).tools })
    assert.is_nil(conversations.problem_of(chat.messages))
  end)

  it("that was resumed still ends where stop_when says so", function()
    local chat, transport = conversations.conversation({ calls { { "1", "f" } } }, {
      tools = { (counting("f", { approval = true })) }, stop_when = function(conversation) return conversation.messages[3] ~= nil end,
    })
    assert(chat:send "x")
    assert(chat:approve "1")
    assert.equal("f", assert(chat:resume()).tool_calls[1].name)
    assert.equal(1, #transport.requests)
  end)

  it("ends at its limits, each with a code of its own, and can go on", function()
    local usage = { input_tokens = 10, output_tokens = 10, total_tokens = 20, cost = 0.5 }
    local function script()
      local list = {}
      for i = 1, 9 do list[i] = calls({ { "c" .. i, "f", { n = i } } }, nil, usage) end
      list[10] = says "Done."
      return list
    end
    local function ended(options, code)
      local f, count = counting()
      options.tools = { f }
      local chat = conversations.conversation(script(), options)
      local reply, err = chat:send "x"
      assert.is_nil(reply)
      assert.same({ "limit", code }, { err.kind, err.code })
      assert.is_nil(conversations.problem_of(require "opengatellm.conversation.history".repair(chat.messages)))
      return chat, count
    end
    local chat, count = ended({ max_steps = 3 }, "max_steps")
    assert.equal(3, count.n)
    local _, err = chat:resume()
    assert.same({ "max_steps", 6 }, { err.code, count.n })
    ended({ limits = { tokens = 50 } }, "tokens")
    chat, count = ended({ limits = { tool_calls = 2 } }, "tool_calls")
    assert.equal(2, count.n)
    chat.options.limits.tool_calls = 20
    assert.equal("Done.", assert(chat:resume()).text)
    assert.equal(9, count.n)
  end)

  it("ends where the same call has the same result three times in a row, unless the tool repeats", function()
    local f = tool("f", function() return "still waiting" end)
    local chat, transport = conversations.conversation({ calls { { "1", "f", { n = 1 } } } }, { tools = { f } })
    local _, err = chat:send "x"
    assert.same({ "repeated", 3 }, { err.code, #transport.requests })
    assert.is_nil(conversations.problem_of(chat.messages))
    f.repeats = true
    _, err = conversations.conversation({ calls { { "1", "f", { n = 1 } } } }, { tools = { f }, max_steps = 7 }):send "x"
    assert.equal("max_steps", err.code)
    local other = counting() -- its results differ
    _, err = conversations.conversation({ calls { { "1", "f" } } }, { tools = { other }, max_steps = 7 }):send "x"
    assert.equal("max_steps", err.code)
  end)

  it("has a budget for wrong calls of a tool, and one for all names that there are not (pydantic-ai docs)", function()
    local n = 0
    local chat, transport = conversations.conversation({ function() n = n + 1; return calls { { "1", "ghost" .. n } } end }, { tools = {}, tool_retries = 2 })
    local _, err = chat:send "x"
    assert.same({ "tool_retries", 3 }, { err.code, #transport.requests })
    n = 0
    local f = counting()
    chat = conversations.conversation({ function()
      n = n + 1
      return n == 6 and says "Done." or calls { { "1", "f", n % 2 == 0 and { n = n } or { n = "x" .. n } } }
    end }, { tools = { f }, tool_retries = 1 })
    assert.equal("Done.", assert(chat:send "x").text)
  end)

  it("ends where stop_when says so, and takes what prepare_step wants for a step", function()
    local f = counting()
    local chat, transport = conversations.conversation({ calls { { "1", "f", { n = 1 } } }, calls { { "2", "f", { n = 2 } } }, says "x" }, {
      tools = { f, (counting "g") },
      stop_when = function(conversation) return conversation.steps == 2 end,
      prepare_step = function(_, number) return number == 2 and { model = "other", tools = { "g" }, temperature = 1 } or nil end,
    })
    local reply = assert(chat:send "x")
    assert.equal("f", reply.tool_calls[1].name)
    assert.equal(2, #transport.requests)
    assert.same({ "m", "other" }, { body(transport, 1).model, body(transport, 2).model })
    assert.same({ 2, 1, "g" }, { #body(transport, 1).tools, #body(transport, 2).tools, body(transport, 2).tools[1]["function"].name })
  end)

  it("sends a turn that the server paused back as it is", function()
    local pause = '{"id":"m","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"So far"}],"stop_reason":"pause_turn",'
      .. '"usage":{"input_tokens":1,"output_tokens":1}}'
    local chat, transport = conversations.conversation({
      { headers = { ["content-type"] = "application/json" }, body = pause }, says "Done.",
    }, {}, "anthropic")
    assert.equal("Done.", assert(chat:send "x").text)
    assert.equal("assistant", body(transport, 2).messages[2].role)
  end)
end)

describe("a history that grows too long", function()
  local function long(reason)
    return { status = 400, headers = { ["content-type"] = "application/json" }, body = json.encode { error = { message = reason, code = reason } } }
  end

  it("is compacted before a request that would not fit", function()
    local usage, asked = { input_tokens = 900, output_tokens = 80, total_tokens = 980 }, 0
    local chat, transport = conversations.conversation({ says("a", nil, usage), says "b" }, {
      context_length = 1000,
      compact = function(conversation)
        asked = asked + 1
        return { conversation.messages[#conversation.messages] }
      end,
    })
    assert(chat:send "one")
    assert.equal(0, asked)
    assert(chat:send(("long "):rep(50)))
    assert.same({ 1, 1 }, { asked, #body(transport, 2).messages })
  end)

  it("is compacted once after the server says so", function()
    local asked = 0
    local options = { compact = function() asked = asked + 1; return { ogl.user "short" } end }
    local chat = conversations.conversation({ long "context_length_exceeded", says "a" }, options)
    assert.equal("a", assert(chat:send "x").text)
    assert.same({ 1, 1 }, { asked, chat.steps - 1 })
    local _, err = conversations.conversation({ long "context_length_exceeded" }, options):send "x"
    assert.same({ "context_length", 2 }, { err.reason, asked })
  end)

  it("loses its oldest turns, or has a summary in their place, whose usage counts", function()
    local usage = { input_tokens = 900, output_tokens = 80, total_tokens = 980 }
    local script = { says("a", nil, usage), says("b", nil, usage), says("c", nil, usage) }
    local chat, transport = conversations.conversation(script, { context_length = 1000, compact = ogl.compact.drop_oldest { keep = 1 } })
    assert(chat:send "one")
    assert(chat:send(("two "):rep(50)))
    assert.equal(1, #body(transport, 2).messages)
    chat, transport = conversations.conversation(script, { context_length = 1000, compact = ogl.compact.summary { keep = 1 } })
    assert(chat:send "one")
    assert.equal("c", assert(chat:send(("two "):rep(50))).text)
    assert.matches("b", transport.requests[3].body)
    assert.equal(3 * 980, chat.usage.total_tokens)
  end)

  it("stays where compact fails", function()
    local chat = conversations.conversation({ long "context_length_exceeded" }, { compact = function() return "x" end })
    local _, err = chat:send "x"
    assert.same({ "compact", 1 }, { err.code, #chat.messages })
  end)

  it("has the length of the model, and of a router the smallest, unless the router has rows for that", function()
    local windows = require "opengatellm.conversation.window"
    local small = conversations.client({ says "x" }, nil, { model = "gpt-4o" })
    local large = conversations.client({ says "x" }, "gemini", { model = "gemini-3-pro" })
    assert.equal(128000, windows.length(small))
    local clients = { { client = large, name = "large" }, { client = small, name = "small" } }
    assert.equal(128000, windows.length(ogl.router { clients = clients }))
    assert.is_nil(windows.length(ogl.router { clients = clients, fallback = { context_length = { "large" } } }))
  end)
end)

describe("a running turn", function()
  it("takes messages before its next request, or when it would end", function()
    local chat, transport
    local f = tool("f", function()
      chat:enqueue("And in metres.", "asap")
      chat:enqueue("Now in French.", "when_idle")
      return 1
    end)
    chat, transport = conversations.conversation({ calls { { "1", "f" } }, says "One.", says "Un." }, { tools = { f } })
    assert.equal("Un.", assert(chat:send "x").text)
    assert.equal("And in metres.", body(transport, 2).messages[4].content)
    assert.equal("Now in French.", body(transport, 3).messages[6].content)
    chat:enqueue "More."
    assert.equal("Un.", assert(chat:resume()).text)
    assert.error_matches(function() chat:enqueue("x", "soon") end, 'expected "asap" or "when_idle", got soon')
  end)

  it("is refused a second one", function()
    local chat, err
    local f = tool("f", function() err = select(2, chat:send "y"); return 1 end)
    chat = conversations.conversation({ calls { { "1", "f" } }, says "x" }, { tools = { f } })
    assert(chat:send "x")
    assert.equal("busy", err.code)
  end)

  it("is cancelled at once: results stay, what ran is interrupted, the history is valid (crush#529, dify#41846, mastra#18034, neurolink#1446)", function()
    ogl.run(function()
      local chat, ended
      local quick = tool("quick", function() return "ok" end)
      local slow = tool("slow", function()
        local _, err = ogl.sleep(30)
        ended = err and err.kind
        return "late"
      end)
      chat = conversations.conversation({ calls { { "1", "quick" }, { "2", "slow" }, { "3", "slow" } }, says "Fine." }, {
        tools = { quick, slow }, max_parallel_tools = 2,
      })
      local turn = ogl.spawn(function() return chat:send "x" end)
      while not (chat.messages[3] and chat.turn) do ogl.sleep(0.001) end
      chat:cancel()
      local reply, err = turn:wait()
      assert.is_nil(reply)
      assert.equal("cancelled", err.kind)
      ogl.sleep(0)
      assert.equal("cancelled", ended)
      assert.equal("ok", chat.messages[3].content)
      assert.matches("^interrupted", chat.messages[4].content)
      assert.matches("^interrupted", chat.messages[5].content)
      assert.is_nil(conversations.problem_of(chat.messages))
      assert.equal("Fine.", assert(chat:send "y").text)
    end)
  end)

  it("ends with the task that runs it", function()
    ogl.run(function()
      local chat = conversations.conversation({ calls { { "1", "slow" } }, says "Fine." }, {
        tools = { tool("slow", function() ogl.sleep(30) return 1 end) },
      })
      local turn = ogl.spawn(function() return chat:send "x" end)
      while not chat.messages[2] do ogl.sleep(0.001) end
      turn:cancel()
      assert.equal("cancelled", (select(2, turn:wait())).kind)
      assert.is_nil(chat.turn)
      assert.equal("Fine.", assert(chat:send "y").text)
      assert.is_nil(conversations.problem_of(chat.messages))
    end)
  end)

  it("is closed by its reader, between two events", function()
    local chat, transport = conversations.conversation({ says "A long story.", says "Fine." }, {})
    local answer = assert(chat:stream "x")
    for event in answer:events() do
      if event.type == "text" then answer:close() end
    end
    assert.equal("closed", (select(2, answer:next())).kind)
    assert.equal(transport.opened, transport.closed)
    assert.equal("Fine.", assert(chat:send "y").text)
    assert.same({ "user", "user", "assistant" }, { chat.messages[1].role, chat.messages[2].role, chat.messages[3].role })
  end)

  it("turns to what the user says in between: finished tools stay, the partial answer goes", function()
    for _, around in ipairs { function(fn) fn() end, ogl.run } do
      around(function()
        local chat, transport = conversations.conversation({ calls { { "1", "f" } }, says "A long story.", says "Short." }, {
          tools = { (counting()) },
        })
        local steps, answer = 0, assert(chat:stream "x")
        local event, err = answer:next()
        while event do
          if event.type == "step" then steps = steps + 1 end
          if event.type == "text" and steps == 2 then assert(chat:interrupt "Shorter!") end
          event, err = answer:next()
        end
        assert.is_nil(err)
        assert.equal("Short.", assert(answer:reply()).text)
        assert.equal(3, steps)
        local messages = body(transport, 3).messages
        assert.same({ "user", "assistant", "tool", "user" }, { messages[1].role, messages[2].role, messages[3].role, messages[4].role })
        assert.equal("Shorter!", messages[4].content)
        assert.equal("idle", (select(2, chat:interrupt "x")).code)
      end)
    end
  end)

  it("that paused is given up by cancel", function()
    local chat = conversations.conversation({ calls { { "1", "f" } }, says "Fine." }, { tools = { (counting("f", { approval = true })) } })
    assert(chat:send "x")
    chat:cancel()
    assert.equal(0, #chat.pending)
    assert.matches("^interrupted", chat.messages[3].content)
    assert.equal("Fine.", assert(chat:send "y").text)
  end)
end)

describe("a turn on a broken line", function()
  it("is an error in the middle of a stream, with the conversation as it was", function()
    local encoder = assert(core.encoder("openai_chat", "stream", { id = "a", model = "m", created = 1 }))
    for _, event in ipairs(says "Half of it") do if event.type ~= "finish" then assert(encoder:put(event)) end end
    local broken = { headers = { ["content-type"] = "text/event-stream" }, body = { encoder:take(), errors.new { kind = "network", message = "gone" } } }
    local chat = conversations.conversation({ broken, says "Whole." }, {})
    local answer, texts = assert(chat:stream "x"), {}
    local event, err = answer:next()
    while event do
      texts[#texts + 1] = event.text
      event, err = answer:next()
    end
    assert.equal("network", err.kind)
    assert.equal("Half of it", table.concat(texts))
    assert.equal(1, #chat.messages)
    assert.equal("Whole.", assert(chat:resume()).text)
  end)
end)
