-- Conversations that are made shorter: instructions stay, a call never stands without its result, and the list itself is not changed.
local estimate = require "opengatellm.chat.estimate"
local helper = require "spec.helper"
local ogl = require "opengatellm"
local structured = require "spec.support.structured"
local turns = require "opengatellm.conversation.turns"

local function system(text) return { role = "system", content = text } end
local function user(text) return { role = "user", content = text } end
local function said(text) return { role = "assistant", content = text } end
local function result(id, text) return { role = "tool", tool_call_id = id, content = text or "r" .. id } end

local function calls(...)
  local message = { role = "assistant", content = "", tool_calls = {} }
  for i, id in ipairs { ... } do message.tool_calls[i] = { id = id, name = "f", arguments = "{}" } end
  return message
end

-- A reply as the library gives it: its calls are parts, too.
local function replied(id)
  local call = { type = "tool_call", id = id, name = "f", arguments = "{}", index = 1 }
  return { role = "assistant", text = "", content = { call }, tool_calls = { { id = id, name = "f", arguments = "{}" } } }
end

-- The messages as short words.
local function told(list)
  local words = {}
  for i, message in ipairs(list) do
    local call = message.tool_calls and message.tool_calls[1].id
    words[i] = call and "call " .. call or message.tool_call_id and "result " .. message.tool_call_id or message.content
  end
  return table.concat(words, ", ")
end

local LIST = {
  system "S", user "u1", said "a1", user "u2", calls("c1", "c2"), result "c1", result "c2", system "T", said "a2", user "u3", replied "c3",
  result "c3", said "a3",
}

describe("turns", function()
  it("begin with what the user says, and two messages of the user begin one", function()
    assert.same({ 2, 4, 10 }, turns.starts(LIST))
    assert.same({ 1, 4 }, turns.starts { user "a", user "b", said "c", user "d" })
    assert.same({ 3 }, turns.starts { system "S", said "a", user "b" })
    assert.same({}, turns.starts {})
  end)

  it("begin nowhere between a call and its result, nor wait for a result that never comes", function()
    assert.same({ 1, 6 }, turns.starts { user "a", calls "c1", user "late", result "c1", said "b", user "c" })
    assert.same({ 1, 3 }, turns.starts { user "a", calls "lost", user "b" })
  end)

  it("have steps", function() assert.same({ 3, 5, 9, 11, 13 }, turns.steps(LIST)) end)
end)

describe("ogl.compact.drop_oldest", function()
  local function dropped(options, list) return told(ogl.compact.drop_oldest(options) { messages = list or LIST }) end

  it("keeps the last turns and the instructions", function()
    assert.equal("S, T, u3, call c3, result c3, a3", dropped { keep = 1 })
    assert.equal("S, u2, call c1, result c1, result c2, T, a2, u3, call c3, result c3, a3", dropped { keep = 2 })
    for keep = 3, 5 do assert.equal(told(LIST), dropped { keep = keep }) end
    assert.equal(13, #LIST)
  end)

  it("keeps the turns that so many tokens hold", function()
    local list = {}
    for i = 1, 50 do
      list[#list + 1] = user(("question %02d "):format(i):rep(10))
      list[#list + 1] = said(("answer %02d "):format(i):rep(10))
    end
    for tokens = 80, 2000, 120 do
      local kept = ogl.compact.drop_oldest { tokens = tokens } { messages = list }
      assert.is_true(estimate.prompt { messages = kept } <= tokens)
      assert.equal("user", kept[1].role)
      assert.equal(list[100], kept[#kept])
      local more = { list[100 - #kept - 1], list[100 - #kept] }
      for _, message in ipairs(kept) do more[#more + 1] = message end
      assert.is_true(#kept == 100 or estimate.prompt { messages = more } > tokens)
    end
  end)

  it("drops the oldest steps of a turn that alone is too long, and keeps its question and its last step", function()
    local list = { system "S", user "old", said "old", user "q1", user "q2" }
    for i = 1, 20 do
      list[#list + 1] = replied("c" .. i)
      list[#list + 1] = result("c" .. i, ("x"):rep(400))
    end
    local kept = ogl.compact.drop_oldest { tokens = 350 } { messages = list }
    assert.equal("S, q1, q2, call c18, result c18, call c19, result c19, call c20, result c20", told(kept))
    assert.equal("S, q1, q2, call c20, result c20", dropped({ tokens = 1 }, list))
    assert.equal("u", dropped({ tokens = 0.1 }, { user "u" }))
    assert.equal("S", dropped({ tokens = 0.1 }, { system "S" }))
  end)

  it("leaves no call without its result and no result without its call, whatever the list", function()
    local seed = 7
    local function random(n)
      seed = (seed * 16807) % 2147483647
      return seed % n + 1
    end
    for _ = 1, 200 do
      local list, id = {}, 0
      for _ = 1, 30 do
        local kind = random(4)
        if kind == 1 then list[#list + 1] = user "u"
        elseif kind == 2 then list[#list + 1] = said "a"
        else
          list[#list + 1] = calls("c" .. id + 1, "c" .. id + 2)
          if kind == 4 then list[#list + 1] = user "between" end
          list[#list + 1] = result("c" .. id + 2)
          list[#list + 1] = result("c" .. id + 1)
          id = id + 2
        end
      end
      local options = random(2) == 1 and { keep = random(5) } or { tokens = random(60) }
      local called, answered = {}, 0
      for _, message in ipairs(ogl.compact.drop_oldest(options) { messages = list }) do
        for _, call in ipairs(message.tool_calls or {}) do called[call.id] = true end
        if message.role == "tool" then
          assert.is_true(called[message.tool_call_id])
          called[message.tool_call_id], answered = nil, answered + 1
        end
      end
      assert.is_nil(next(called))
    end
  end)

  it("raises mistakes", function()
    for problem, options in pairs {
      ["expected options, got nil"] = false, ["either keep or tokens is needed"] = {}, ["either keep or tokens"] = { keep = 1, tokens = 1 },
      ["keep: expected a number of turns from 1 on"] = { keep = 0 }, ["tokens: expected a number above 0"] = { tokens = 0 },
      ["turns: there is no such field"] = { turns = 2 },
    } do
      local _, raised = pcall(function() ogl.compact.drop_oldest(options or nil) end)
      assert.matches("compact_spec.lua:%d+: ogl.compact.drop_oldest: " .. problem, raised)
    end
  end)
end)

-- A client whose model gives this summary.
local function client_of(text, reason)
  local events = structured.text_events(text, 10)
  events[#events].reason = reason or "stop"
  return structured.client("openai_chat", { structured.answer_of("openai_chat", "whole", events) })
end

describe("ogl.compact.summary", function()
  it("puts a summary in the place of all but the last turns, as a message that says what it is", function()
    local client, transport = client_of "u wants x"
    local list, err, usage = ogl.compact.summary { client = client, keep = 1 } { messages = LIST }
    assert.is_nil(err)
    assert.equal("table", type(usage or {}))
    local summary = list[3]
    assert.equal("user", summary.role)
    assert.matches("^This is a summary of the earlier part of our conversation.*\n\nu wants x$", summary.content)
    table.remove(list, 3)
    assert.equal("S, T, u3, call c3, result c3, a3", told(list))
    local body = structured.body_of(transport)
    assert.equal("system", body.messages[1].role)
    assert.equal("user: u1\n\nassistant: a1\n\nuser: u2\n\nassistant: [calls f with {}]\n[calls f with {}]\n\nresult of a tool: rc1\n\n"
      .. "result of a tool: rc2\n\nassistant: a2", body.messages[2].content)
    assert.is_nil(body.tools)
    assert.equal(13, #LIST)
  end)

  it("takes a prompt, keeps two turns, and asks the conversation's client where it has none", function()
    local client, transport = client_of "short"
    local list = ogl.compact.summary { prompt = "Sum up." } { messages = LIST, client = client }
    assert.matches("short$", list[2].content)
    assert.equal("u2", list[3].content)
    local body = structured.body_of(transport)
    assert.same({ "Sum up.", "user: u1\n\nassistant: a1" }, { body.messages[1].content, body.messages[2].content })
    local _, err = ogl.compact.summary() { messages = LIST }
    assert.same({ "config", "summary" }, { err.kind, err.code })
  end)

  it("asks nobody where there is nothing to sum up", function()
    local client, transport = client_of "x"
    assert.equal(told(LIST), told(ogl.compact.summary { client = client, keep = 3 } { messages = LIST }))
    assert.equal(0, #transport.requests)
  end)

  it("shows the model excerpts of what is long, and pictures by their kind", function()
    local client, transport = client_of "x"
    local image = ogl.image { data = "\137PNG\r\n\26\n" }
    local list = { ogl.user("Look:", image), calls "c1", result("c1", ("y"):rep(100000)), user "next" }
    assert(ogl.compact.summary { client = client, keep = 1 } { messages = list })
    local text = structured.body_of(transport).messages[2].content
    assert.matches("^user: Look:\n%[image%]\n\nassistant: %[calls f with {}%]\n\nresult of a tool: yyy", text)
    assert.matches("bytes are left out here", text)
    assert.is_true(#text < 5000)
  end)

  it("gives the error of a summary that failed, was cut or is empty", function()
    local function error_of(client)
      local list, err = ogl.compact.summary { client = client } { messages = LIST }
      assert.is_nil(list)
      return { err.kind, err.code }
    end
    assert.same({ "provider", "summary" }, error_of(client_of " \n"))
    assert.same({ "incomplete", "summary" }, error_of(client_of("half", "length")))
    local refused = structured.client("openai_chat", { { status = 401, headers = {}, body = '{"error":{"message":"no"}}' } })
    assert.equal("auth", error_of(refused)[1])
  end)

  it("raises mistakes", function()
    for problem, options in pairs {
      ["keep: expected a number of turns from 1 on"] = { keep = 0 }, ["prompt: expected string, got 5"] = { prompt = 5 },
      ["tokens: there is no such field"] = { tokens = 5 },
    } do
      local _, raised = pcall(function() ogl.compact.summary(options) end)
      assert.matches("compact_spec.lua:%d+: ogl.compact.summary: " .. problem, raised)
    end
  end)
end)

after_each(helper.close)
