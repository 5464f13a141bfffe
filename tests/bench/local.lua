--- A model in this process, through the client.
--
-- usage: local.lua MODEL speed CHATS TOKENS    prints tokens a second of so many chats at once, their prompts not counted
--        local.lua MODEL pauses                prints milliseconds: how late the main thread is, once in a hundred times, while it answers
--        local.lua MODEL turns                 prints seconds to the first token of a chat of 2,000 tokens, and of its next turn
local ogl = require "opengatellm"
local now = require "opengatellm.host.plain".now

local model, mode = arg[1], arg[2]

local function client_of(slots)
  return ogl.client { provider = "llama", model = model, settings = { threads = 1, slots = slots, context = 4096 } }
end

-- Reads an answer; the times of its first and its last piece, and its tokens.
local function answer(client, messages, tokens)
  local began, first = now(), nil
  local stream = assert(client:stream { messages = messages, temperature = 0, max_tokens = tokens })
  for _ in stream:texts() do first = first or now() end
  return { first = first, last = now(), wait = first - began, tokens = assert(stream:reply()).usage.output_tokens }
end

local function speed(chats, tokens)
  local client = client_of(chats)
  assert(client:chat { messages = { ogl.user "warm" }, max_tokens = 4 })
  local list = ogl.run(function()
    local questions = {}
    for i = 1, chats do questions[i] = "question " .. i end
    return ogl.map(questions, function(text) return answer(client, { ogl.user(text) }, tokens) end, { concurrency = chats })
  end)
  local first, last, sum = 0, 0, 0
  for _, one in ipairs(list) do
    first, last, sum = math.max(first, one.value.first), math.max(last, one.value.last), sum + one.value.tokens - 1
  end
  print(("%.2f"):format(sum / (last - first)))
end

local function pauses()
  local client, late, stop = client_of(1), {}, false
  ogl.run(function()
    ogl.spawn(function()
      while not stop do
        local due = now() + 0.001
        ogl.sleep(0.001)
        late[#late + 1] = (now() - due) * 1000
      end
    end)
    answer(client, { ogl.user "question" }, 300)
    stop = true
  end)
  table.sort(late)
  print(("%.2f"):format(late[math.ceil(#late * 0.99)]))
end

local function turns()
  local client, messages = client_of(2), { ogl.user(("word "):rep(400)) }
  assert(client:chat { messages = { ogl.user "warm" }, max_tokens = 4 })
  local first = answer(client, messages, 8)
  messages[2], messages[3] = ogl.assistant "ok", ogl.user "so?"
  print(("%.3f %.3f"):format(first.wait, answer(client, messages, 8).wait))
end

if mode == "speed" then speed(tonumber(arg[3]), tonumber(arg[4])) elseif mode == "pauses" then pauses() else turns() end
