--- What conversations add, from memory: a turn with one tool in small chats, over the two chats that it sends; and the conversation's own
-- work at turn 200 against turn 20, with a model that costs nothing. Each figure is the middle one of several turns of both.
--
-- usage: lua conversation.lua [turns]      prints a line a row: name|figures|ratio (wanted)
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local TURNS = tonumber(arg[1]) or 1000
local ROUNDS = 7
local CONVERSATIONS, AROUND = 31, 10

local function body(message, reason)
  return '{"id":"c","object":"chat.completion","created":1790949988,"model":"m","choices":[{"index":0,"message":' .. message
    .. ',"finish_reason":"' .. reason .. '"}],"usage":{"prompt_tokens":14,"completion_tokens":8,"total_tokens":22}}'
end

local function answer(text) return { headers = { ["content-type"] = "application/json" }, body = text } end

local SAID = answer(body('{"role":"assistant","content":"La capitale de la France est Paris."}', "stop"))
local CALLED = answer(body('{"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":'
  .. '{"name":"get_weather","arguments":"{\\"town\\":\\"Lyon\\"}"}}]}', "tool_calls"))

local function client_of(answers)
  local n = 0
  return ogl.client {
    provider = "openai_compatible", base_url = "http://replay", model = "m",
    transport = { open = function(_, request)
      n = n + 1
      return replay.new(answers[(n - 1) % #answers + 1]):open(request)
    end },
  }
end

local weather = ogl.tool {
  name = "get_weather", description = "The weather in a town.",
  parameters = { type = "object", properties = { town = { type = "string" } }, required = { "town" } },
  run = function() return { temperature = 21 } end,
}

local function seconds_of(run, count)
  collectgarbage()
  collectgarbage()
  local start = os.clock()
  run(count)
  return (os.clock() - start) / count
end

-- The middle of several rounds of each function, which alternate.
local function middle(runs, count)
  local seen = {}
  for i in ipairs(runs) do seen[i] = {} end
  for round = 1, ROUNDS do
    for i, run in ipairs(runs) do seen[i][round] = seconds_of(run, count) end
  end
  for _, list in ipairs(seen) do table.sort(list) end
  local half = math.ceil(ROUNDS / 2)
  return seen[1][half], seen[2] and seen[2][half], seen[3] and seen[3][half]
end

-- A turn with one tool ------------------------------------------------------------------------------------------------

local QUESTION = "Quel temps fait-il à Lyon ?"

local turning = client_of { CALLED, SAID }
local chat_of_turns = ogl.conversation { client = turning, tools = { weather } }
local function turn(count)
  for _ = 1, count do
    chat_of_turns.messages = {}
    assert(assert(chat_of_turns:send(QUESTION)).text ~= "")
  end
end

-- The same two requests, sent by hand.
local by_hand = client_of { CALLED, SAID }
local function two_chats(count)
  local tools = { { name = weather.name, description = weather.description, parameters = weather.parameters } }
  for _ = 1, count do
    local messages = { ogl.user(QUESTION) }
    local reply = assert(by_hand:chat { messages = messages, tools = tools })
    messages[2], messages[3] = reply, ogl.tool_result(reply.tool_calls[1].id, { temperature = 21 })
    assert(by_hand:chat { messages = messages, tools = tools })
  end
end

local small = client_of { SAID }
local REQUEST = {
  messages = { ogl.system "Réponds en une phrase.", ogl.user "Quelle est la capitale de la France ?" }, max_tokens = 64, temperature = 0.2,
}
local function small_chat(count)
  for _ = 1, count do assert(small:chat(REQUEST)) end
end

local whole, parts, unit = middle({ turn, two_chats, small_chat }, TURNS)
print(("a turn with one tool, over its two chats|%.1f µs, %.1f µs|%.2f small chats more (at most 1.5)"):format(
  whole * 1e6, parts * 1e6, (whole - parts) / unit))

-- Turn 200 against turn 20 ----------------------------------------------------------------------------------------------

local function nothing() end

-- A model that says the same two things in turn, and costs nothing.
local function free_client()
  local source, n, replies = client_of { CALLED, SAID }, 0, {}
  local tools = { weather }
  for i = 1, 2 do replies[i] = assert(source:chat { messages = QUESTION, tools = tools }) end
  return {
    provider = source.provider, bounds = source.bounds, stream = nothing,
    chat = function()
      n = n + 1
      return replies[(n - 1) % 2 + 1]
    end,
  }
end

-- Seconds a turn, of those around a number of them; the middle of several conversations.
local function at_turn(number)
  local seen = {}
  for round = 1, CONVERSATIONS do
    local chat = ogl.conversation { client = free_client(), tools = { weather } }
    for _ = 1, number - AROUND do assert(chat:send(QUESTION)) end
    collectgarbage()
    seen[round] = seconds_of(function(count)
      for _ = 1, count do assert(chat:send(QUESTION)) end
    end, 2 * AROUND)
  end
  table.sort(seen)
  return seen[math.ceil(CONVERSATIONS / 2)]
end

local late, early = at_turn(200), at_turn(20)
print(("the conversation's own work at turn 200, against turn 20|%.1f µs, %.1f µs|%.2f (at most 1.5)"):format(
  late * 1e6, early * 1e6, late / early))
