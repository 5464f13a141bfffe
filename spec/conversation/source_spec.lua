-- Conversations on every host (support/carriers.lua), over sockets: tools beside each other, turns that are ended while they wait.
local carriers = require "spec.support.carriers"
local conversations = require "spec.support.conversations"
local helper = require "spec.helper"
local ogl = require "opengatellm"

-- Asks until `check` says yes, while the other tasks go on. The bound is an end for a failure, not a measure.
local function eventually(check)
  for _ = 1, 1000 do
    if check() then return true end
    ogl.sleep(0.01)
  end
  return false
end

-- Gives a client of a fault server that no other test has, and a function that says how many connections the server has.
local function with_server(scenario, body)
  local port = helper.free_port()
  local name, base = helper.fault_at(port), "http://127.0.0.1:" .. port
  local client = helper.client_of(base .. "/" .. scenario, { retries = { max = 0 } })
  body(client, function() return helper.stats(base, { block = true }).open end)
  helper.stop(name)
end

local function events_of(answer)
  local list, event, err = {}, answer:next()
  while event do
    list[#list + 1] = event
    event, err = answer:next()
  end
  return list, err
end

for _, place in ipairs(carriers.list()) do
  if place.network and place.host ~= "plain" then
    describe("a conversation on " .. place.name, function()
      after_each(helper.close)

      local function case(title, body)
        it(title, function() place.inside(body) end)
      end

      case("has tools that wait run beside each other", function()
        local log = {}
        local function waits(name, seconds)
          return conversations.tool(name, function()
            log[#log + 1] = "+" .. name
            ogl.sleep(seconds)
            log[#log + 1] = "-" .. name
            return name
          end)
        end
        local chat = conversations.conversation({ conversations.calls { { "1", "slow" }, { "2", "fast" } }, conversations.says "Done." }, {
          tools = { waits("slow", 0.05), waits("fast", 0.001) },
        })
        assert.equal("Done.", assert(chat:send "x").text)
        assert.same({ "-fast", "-slow" }, { log[3], log[4] }) -- both had begun
        assert.same({ "slow", "fast" }, { chat.messages[3].content, chat.messages[4].content })
      end)

      case("ends tools that take too long", function()
        local chat = conversations.conversation({ conversations.calls { { "1", "slow" } }, conversations.says "Done." }, {
          tools = { conversations.tool("slow", function() ogl.sleep(60) return 1 end) }, tool_timeout = 0.01,
        })
        assert.equal("Done.", assert(chat:send "x").text)
        assert.matches("did not finish", chat.messages[3].content)
      end)

      case("reads a stream whole", function()
        local chat = ogl.conversation { client = helper.client "bytewise" }
        local answer, texts = assert(chat:stream "x"), {}
        for _, event in ipairs((events_of(answer))) do texts[#texts + 1] = event.text end
        assert.equal(helper.TEXT, table.concat(texts))
        assert.equal(helper.TEXT, assert(answer:reply()).text)
        assert.equal(helper.TEXT, assert(chat:send "y").text)
      end)

      case("waits where its reader is slower than the server", function()
        local chat = ogl.conversation { client = helper.client("firehose:1") }
        local answer, n = assert(chat:stream "x"), 0
        local event, err = answer:next()
        while event do
          n = n + 1
          local source = chat.turn and chat.turn.source
          if source then assert.is_true(source.last - source.first < 300) end
          event, err = answer:next()
        end
        assert.is_nil(err)
        assert.is_true(n > 1000)
      end)

      for _, scenario in ipairs { "stall_head", "stall_after_head", "stall_mid_stream:3" } do
        case("is cancelled at once, its connection too, while the server is silent: " .. scenario, function()
          with_server(scenario, function(client, open)
            local chat = ogl.conversation { client = client }
            local turn = ogl.spawn(function()
              local _, err = events_of(assert(chat:stream "x"))
              return nil, err
            end)
            assert.is_true(eventually(function() return open() == 1 end))
            chat:cancel()
            local _, err = turn:wait(10)
            assert.equal("cancelled", err.kind)
            assert.is_true(eventually(function() return open() == 0 end))
            assert.same({ 1, "user" }, { #chat.messages, chat.messages[1].role })
            assert.is_nil(chat.turn)
          end)
        end)
      end

      case("ends with the task that runs it", function()
        with_server("stall_head", function(client, open)
          local chat = ogl.conversation { client = client }
          local turn = ogl.spawn(function() return chat:send "x" end)
          assert.is_true(eventually(function() return open() == 1 end))
          turn:cancel()
          assert.equal("cancelled", (select(2, turn:wait(10))).kind)
          assert.is_true(eventually(function() return open() == 0 and chat.turn == nil end))
        end)
      end)

      case("turns to what the user says in between", function()
        local stalled, good = helper.client("stall_mid_stream:3", { retries = { max = 0 } }), helper.client "ok"
        local chat = ogl.conversation { client = stalled }
        local texts = 0
        local turn = ogl.spawn(function()
          local answer = assert(chat:stream "x")
          local event, err = answer:next()
          while event do
            if event.type == "text" then texts = texts + 1 end
            event, err = answer:next()
          end
          assert.is_nil(err)
          return answer:reply()
        end)
        assert.is_true(eventually(function() return texts == 3 end))
        chat.client = good
        assert(chat:interrupt "Shorter!")
        assert.equal(helper.TEXT, assert(turn:wait(10)).text)
        assert.same({ "x", "Shorter!" }, { chat.messages[1].content, chat.messages[2].content })
      end)
    end)
  end
end
