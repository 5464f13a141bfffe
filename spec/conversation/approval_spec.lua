-- A person in the loop: who is asked, what the answers do. Each row of the reports that taught the rules has its number.
local conversations = require "spec.support.conversations"
local ogl = require "opengatellm"

local calls, says, tool = conversations.calls, conversations.says, conversations.tool

-- A conversation whose model makes these calls, and then says "Done.".
local function paused(list, tools, options)
  local all = { tools = tools }
  for name, value in pairs(options or {}) do all[name] = value end
  local chat, transport, client = conversations.conversation({ calls(list), says "Done." }, all)
  local reply, err = chat:send "x"
  return chat, transport, client, reply, err
end

local function reasons(chat)
  local list = {}
  for i, call in ipairs(chat.pending) do list[i] = call.id .. ":" .. call.reason end
  return table.concat(list, " ")
end

local function loaded(chat, client, options)
  local all = { client = client }
  for name, value in pairs(options) do all[name] = value end
  return assert(ogl.conversation.load(assert(chat:save()), all))
end

local function result(chat, n) return chat.messages[2 + n].content end

describe("approval", function()
  it("lets run what needs none before the pause, and keeps its result (openai-agents-python#3004, eve#236)", function()
    local ran = {}
    local function note(name, more) return tool(name, function(arguments) ran[#ran + 1] = name .. arguments.n; return arguments.n end, more) end
    local list = { { "1", "asks", { n = 1 } }, { "2", "free", { n = 2 } }, { "3", "asks", { n = 3 } } }
    local chat, transport = paused(list, { note("asks", { approval = true }), note "free" })
    assert.same({ "free2" }, ran)
    assert.equal("1:approval 3:approval", reasons(chat))
    assert(chat:approve "3")
    assert.equal("1:approval", reasons(chat))
    assert(chat:resume())
    assert.same({ "free2", "asks3" }, ran)
    assert.equal("1:approval", reasons(chat))
    assert.equal(1, #transport.requests)
    assert(chat:approve "1")
    assert.equal("Done.", assert(chat:resume()).text)
    assert.same({ "free2", "asks3", "asks1" }, ran)
    assert.same({ "1", "2", "3" }, { result(chat, 1), result(chat, 2), result(chat, 3) })
  end)

  it("takes no option that it does not know", function()
    local chat = paused({ { "1", "asks", {} } }, { tool("asks", print, { approval = true }) })
    assert.error_matches(function() chat:approve("1", { alwys = true }) end, "conversation:approve: alwys: there is no such field")
    assert.error_matches(function() chat:approve("1", { always = 1 }) end, "always: expected boolean, got 1")
    assert.equal("1:approval", reasons(chat))
  end)

  it("is asked of a function, of the whole conversation's policy, and the stricter counts", function()
    local function by_number(arguments)
      if arguments.n == 1 then return false end
      if arguments.n == 2 then return true end
      if arguments.n == 3 then return "reject", "never" end
      if arguments.n == 4 then return "defer", 2000000000 end
      if arguments.n == 5 then return "whatever" end
      if arguments.n == 6 then error "oh" end
      return nil
    end
    local list = {}
    for n = 1, 7 do list[n] = { tostring(n), "f", { n = n } } end
    local chat = paused(list, { tool("f", function(arguments) return arguments.n end, { approval = by_number }) })
    assert.equal("2:approval 4:deferred 5:approval 6:approval 7:approval", reasons(chat))
    assert.equal(2000000000, chat.pending[2].at)
    assert.same({ "1", "denied: never" }, { result(chat, 1), result(chat, 2) })
    chat = paused(list, { tool("f", function(arguments) return arguments.n end) }, { approval = by_number })
    assert.equal("2:approval 4:deferred 5:approval 6:approval 7:approval", reasons(chat))
    chat = paused({ { "1", "f", { n = 1 } }, { "3", "f", { n = 3 } } }, { tool("f", function() return 0 end, { approval = true }) }, { approval = by_number })
    assert.equal("1:approval", reasons(chat))
  end)

  it("is not asked for wrong arguments: the model hears of those first", function()
    local asked = 0
    local chat, _, _, reply = paused({ { "1", "f", { n = "x" } } }, {
      tool("f", function() return 1 end, { approval = function() asked = asked + 1; return true end }),
    })
    assert.equal("Done.", reply.text)
    assert.same({ 0, 0 }, { asked, #chat.pending })
  end)

  it("shows the call decoded and as the model wrote it", function()
    local chat = paused({ { "1", "f", '{ "n": 12345678901 }' } }, { tool("f", function() return 1 end, { approval = true }) })
    local call = chat.pending[1]
    assert.same({ "1", "f", 12345678901 }, { call.id, call.name, call.arguments.n })
    assert.matches("12345678901", call.json)
  end)

  it("for good is kept by the tool, in the save too; a decision on one call beats it", function()
    local ran = 0
    local options = { tools = { tool("f", function() ran = ran + 1; return ran end, { approval = true }) } }
    local script = { calls { { "1", "f" }, { "2", "f" } }, calls { { "3", "f" } }, says "Done." }
    local chat, _, client = conversations.conversation(script, options)
    assert(chat:send "x")
    chat = loaded(chat, client, options)
    assert(chat:approve("1", { always = true }))
    assert(chat:reject "2")
    chat = loaded(chat, client, options)
    assert.equal("Done.", assert(chat:resume()).text)
    assert.equal(2, ran)
    assert.equal("denied", result(chat, 2))
  end)

  it("with other arguments runs these; the model's call stays, and the result says so", function()
    local seen
    local chat, transport = paused({ { "1", "f", { n = 1 } } }, { tool("f", function(arguments) seen = arguments.n; return "ok" end, { approval = true }) })
    local _, err = chat:approve("1", { arguments = { n = "two" } })
    assert.equal("arguments", err.code)
    assert(chat:approve("1", { arguments = { n = 2 } }))
    assert(chat:resume())
    assert.equal(2, seen)
    assert.equal('{"n":1}', chat.messages[2].tool_calls[1].arguments)
    assert.matches('changed the arguments of this call to {"n":2}', result(chat, 1))
    assert.matches('n[^%d]+1', transport.requests[2].body)
  end)

  it("is asked from inside, with metadata both ways", function()
    local seen
    local chat = paused({ { "1", "f" } }, {
      tool("f", function(_, context)
        if not context.approved then return context:need_approval { cost = 3 } end
        seen = context.metadata
        return "ok"
      end),
    })
    assert.same({ cost = 3 }, chat.pending[1].metadata)
    assert(chat:approve("1", { metadata = { by = "Ada" } }))
    assert.equal("Done.", assert(chat:resume()).text)
    assert.same({ by = "Ada" }, seen)
  end)

  it("waits for a time, and runs after it alone", function()
    local now = 1000
    local chat = paused({ { "1", "f" } }, {
      tool("f", function(_, context) return now < 2000 and context:defer(2000) or "ok" end),
    })
    chat.clock = function() return now end
    assert.equal("1:deferred", reasons(chat))
    assert(chat:resume())
    assert.equal("1:deferred", reasons(chat))
    assert.equal("deferred", (select(2, chat:approve "1")).code)
    now = 2000
    assert.equal("Done.", assert(chat:resume()).text)
    assert.equal("ok", result(chat, 1))
  end)

  it("of a tool without run is the program's value", function()
    local external = { name = "ask", description = "d", parameters = { type = "object" } }
    local chat = paused({ { "1", "ask" }, { "2", "ask" } }, { external })
    assert.equal("1:external 2:external", reasons(chat))
    assert.equal("external", (select(2, chat:approve "1")).code)
    assert(chat:resolve("1", { said = "yes" }))
    assert(chat:reject("2", "nobody there"))
    assert.equal("Done.", assert(chat:resume()).text)
    assert.same({ '{"said":"yes"}', "denied: nobody there" }, { result(chat, 1), result(chat, 2) })
  end)

  it("of what does not wait is an error with its own code", function()
    local chat = paused({ { "1", "f" }, { "2", "free" } }, { tool("f", function() return 1 end, { approval = true }), tool("free", function() return 2 end) })
    assert.equal("no_call", (select(2, chat:approve "9")).code)
    assert.equal("answered", (select(2, chat:approve "2")).code)
    assert.equal("approval", (select(2, chat:resolve("1", 1))).code)
    assert.error_matches(function() chat:resolve "1" end, "a value is needed")
  end)

  it("can be taken back until it runs; nothing that was declined runs (mastra#20487, openai-agents-python#4244)", function()
    local ran = 0
    local options = { tools = { tool("f", function() ran = ran + 1; return 1 end, { approval = true }) } }
    local chat, _, client = paused({ { "1", "f" } }, options.tools)
    assert(chat:approve("1", { arguments = { n = 2 } }))
    assert(chat:reject "1")
    chat = loaded(chat, client, options)
    assert.equal("Done.", assert(chat:resume()).text)
    assert.equal(0, ran)
  end)

  it("is asked again after load: what the policy denies now, or the schema, is denied (ai#15947)", function()
    local ran = 0
    local function options(policy, parameters)
      return { tools = { tool("f", function() ran = ran + 1; return 1 end, { approval = policy, parameters = parameters }) } }
    end
    local function run(policy, parameters)
      local chat, _, client = paused({ { "1", "f", { n = 1 } } }, options(true).tools)
      assert(chat:approve "1")
      chat = loaded(chat, client, options(policy, parameters))
      assert.equal("Done.", assert(chat:resume()).text)
      return result(chat, 1)
    end
    assert.equal("denied: closed", run(function() return "reject", "closed" end))
    assert.matches("^the arguments are wrong", run(true, { type = "object", required = { "m" }, properties = { m = { type = "integer" } } }))
    assert.equal(0, ran)
    assert.equal("1", run(function() return true end))
    assert.equal(1, ran)
  end)

  it("of a tool that is gone after load becomes an error for the model", function()
    local chat, _, client = paused({ { "1", "f" } }, { tool("f", function() return 1 end, { approval = true }) })
    assert(chat:approve "1")
    chat = loaded(chat, client, {})
    assert.equal("Done.", assert(chat:resume()).text)
    assert.matches("there is no tool 'f'", result(chat, 1))
  end)

  it("runs an approved call once, whatever ended the turn (strands#3615)", function()
    -- in a blocking program nothing ends a tool that runs
    for _, around in ipairs { function(fn) return fn(), "^late" end, function(fn) return ogl.run(fn), "^interrupted" end } do
      local ran, chat = 0, nil
      local tools = {
        tool("f", function() ran = ran + 1; return "done" end, { approval = true }),
        tool("g", function() chat:cancel(); ogl.sleep(0.01); return "late" end, { approval = true, sequential = true }),
      }
      chat = paused({ { "1", "f" }, { "2", "g" } }, tools)
      assert(chat:approve "1")
      assert(chat:approve "2")
      local err, of_second = around(function() return (select(2, chat:resume())) end)
      assert.equal("cancelled", err.kind)
      assert.same({ 1, "done" }, { ran, result(chat, 1) })
      assert.matches(of_second, result(chat, 2))
      assert.equal("Done.", assert(chat:send "Go on.").text)
      assert.equal(1, ran)
      assert.is_nil(conversations.problem_of(chat.messages))
    end
  end)
end)
