-- Calls: how tools run, side by side, and what becomes of those that do not do as they should.
local conversations = require "spec.support.conversations"
local ogl = require "opengatellm"

local calls, says = conversations.calls, conversations.says

-- The contents and the outcomes of the results of a turn with these calls.
local function run(list, tools, options)
  local all, outcomes = { tools = tools }, {}
  for name, value in pairs(options or {}) do all[name] = value end
  local chat = conversations.conversation({ calls(list), says "Done." }, all)
  local answer = assert(chat:stream "x")
  local event, err = answer:next()
  while event do
    if event.type == "tool_result" then outcomes[event.id] = event.outcome end
    event, err = answer:next()
  end
  local contents = {}
  for _, message in ipairs(chat.messages) do
    if message.role == "tool" then contents[#contents + 1] = message.content end
  end
  return contents, outcomes, chat, err
end

describe("tools", function()
  it("that wait run side by side, and answer in the calls' order", function()
    for _, around in ipairs { function(fn) fn() end, ogl.run } do
      local log = {}
      local function waits(name, seconds)
        return conversations.tool(name, function()
          log[#log + 1] = "+" .. name
          ogl.sleep(seconds)
          log[#log + 1] = "-" .. name
          return name
        end)
      end
      around(function()
        local contents = run({ { "1", "slow" }, { "2", "fast" } }, { waits("slow", 0.05), waits("fast", 0.001) })
        assert.same({ "slow", "fast" }, contents)
      end)
      assert.same({ "+slow", "+fast", "-fast", "-slow" }, log)
    end
  end)

  it("run as many at once as they may, and alone where they are sequential", function()
    local active, most, with_alone = 0, 0, 0
    local function work(name, more)
      return conversations.tool(name, function()
        active = active + 1
        most = math.max(most, active)
        if name == "alone" then with_alone = math.max(with_alone, active) end
        ogl.sleep(0.002)
        if name == "alone" then with_alone = math.max(with_alone, active) end
        active = active - 1
        return name
      end, more)
    end
    local list = {}
    for i = 1, 9 do list[i] = { "c" .. i, i == 5 and "alone" or "work" } end
    ogl.run(function() run(list, { work "work", work("alone", { sequential = true }) }, { max_parallel_tools = 3 }) end)
    assert.same({ 3, 1 }, { most, with_alone })
  end)

  it("that raise, fail, give nonsense or nothing are told to the model, and the turn goes on", function()
    local contents, outcomes = run({ { "1", "raise" }, { "2", "fail" }, { "3", "nonsense" }, { "4", "nothing" }, { "5", "none" } }, {
      conversations.tool("raise", function() error "boom" end),
      conversations.tool("fail", function() return nil, "no such town" end),
      conversations.tool("nonsense", function() return { f = print } end),
      conversations.tool("nothing", function() end),
    })
    assert.matches("the tool raised: .*boom", contents[1])
    assert.equal("no such town", contents[2])
    assert.matches("function", contents[3])
    assert.matches("^there is no tool 'none': the tools are fail, nonsense, nothing, raise", contents[5])
    assert.same({ "failed", "failed", "failed", "success", "retry" }, {
      outcomes["1"], outcomes["2"], outcomes["3"], outcomes["4"], outcomes["5"],
    })
  end)

  it("that fail end the turn, where the program wants so, with the other results kept", function()
    local contents, _, chat, err = run({ { "1", "fail" }, { "2", "work" } }, {
      conversations.tool("fail", function() return nil, "no" end), conversations.tool("work", function() return 1 end),
    }, { stop_on_tool_error = true })
    assert.equal("tool_failed", err.code)
    assert.equal("no", contents[1])
    assert.is_nil(chat.turn)
    assert.equal("Done.", assert(chat:send "Go on.").text)
    assert.is_nil(conversations.problem_of(chat.messages))
  end)

  it("that take too long are ended, and told so", function()
    local cancelled
    ogl.run(function()
      local contents, outcomes = run({ { "1", "slow" } }, {
        conversations.tool("slow", function()
          local _, err = ogl.sleep(10)
          cancelled = err and err.kind
          return "late"
        end, { timeout = 0.01 }),
      })
      assert.same({ "the tool did not finish within 0.01 s" }, contents)
      assert.equal("failed", outcomes["1"])
    end)
    assert.equal("cancelled", cancelled)
  end)

  it("get arguments that fit: the model is told what does not, at which path", function()
    local ran = 0
    local contents, outcomes = run({ { "1", "f", { n = "one" } }, { "2", "f", "{" }, { "3", "f", "" } }, {
      conversations.tool("f", function(arguments) ran = ran + 1; return arguments.n == nil end),
    })
    assert.matches("^the arguments are wrong: .*n", contents[1])
    assert.equal("true", contents[3])
    assert.same({ "retry", "retry", "success", 1 }, { outcomes["1"], outcomes["2"], outcomes["3"], ran })
  end)

  it("know their call, the program's data, and may ask for another try", function()
    local seen
    local contents, outcomes = run({ { "c9", "f" } }, {
      conversations.tool("f", function(_, context)
        seen = { context.id, context.name, context.data.who, context.approved, context.step }
        return context:retry "give a number"
      end),
    }, { data = { who = "Ada" } })
    assert.same({ "c9", "f", "Ada", false, 1 }, seen)
    assert.same({ "give a number", "retry" }, { contents[1], outcomes["c9"] })
  end)

  it("give metadata to the program, which no server sees", function()
    local chat, transport = conversations.conversation({ calls { { "1", "f" } }, says "x" }, {
      tools = { conversations.tool("f", function() return "r", { secret = "tea" } end) },
    })
    assert(chat:send "x")
    assert.same({ secret = "tea" }, chat.messages[3].metadata)
    assert.is_nil(transport.requests[2].body:find("tea", 1, true))
  end)
end)

describe("calls of one id", function()
  it("are told apart, and each runs", function()
    local chat = conversations.conversation({ calls { { "c", "f", { n = 1 } }, { "c", "f", { n = 2 } } }, says "x" }, {
      tools = { conversations.tool("f", function(arguments) return arguments.n end, { approval = true }) },
    })
    assert(chat:send "x")
    assert.same({ "c", "c_2" }, { chat.pending[1].id, chat.pending[2].id })
    assert(chat:reject "c")
    assert(chat:approve "c_2")
    assert(chat:resume())
    assert.same({ "denied", "2" }, { chat.messages[3].content, chat.messages[4].content })
  end)
end)
