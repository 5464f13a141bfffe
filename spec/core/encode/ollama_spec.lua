-- What is written as ollama.
local core = require "opengatellm.core"
local encoding = require "spec.support.encoding"
local json = require "opengatellm.json"

local decode, encode = encoding.decode, encoding.encode

local NOW = 1709210096.5 -- a leap day

local function lines_of(bytes)
  local lines = {}
  for line in bytes:gmatch "[^\n]+" do lines[#lines + 1] = json.decode(line) end
  return lines
end

-- The answer of both modes: in mode whole a list of one.
local function answers(events, context)
  return lines_of((encode("ollama", "stream", events, context))), json.decode((encode("ollama", "whole", events, context)))
end

local TEXT = { type = "text", text = "Bon", index = 1 }
local STOP = { type = "finish", reason = "stop" }
local LOGPROBS = { type = "logprobs", json = '{"content":[{"token":"Bon","logprob":-0.5}]}' }

describe("ollama out", function()
  it("has the time, and one object a line", function()
    local bytes = encode("ollama", "stream", {
      { type = "tool_call_end", name = "f", arguments = '{"a":\n1}', index = 1 }, { type = "finish", reason = "tool_calls" },
    }, { created = 1709210096 })
    local lines = lines_of(bytes)
    assert.equal(2, #lines)
    assert.equal("2024-02-29T12:34:56Z", lines[1].created_at)
    assert.same({ a = 1 }, lines[1].message.tool_calls[1]["function"].arguments)
    assert.same({ true, "stop" }, { lines[2].done, lines[2].done_reason })
  end)

  it("numbers the calls, and gives an id of the server's form to one that has none", function()
    local events = {
      { type = "tool_call_end", name = "f", arguments = "{}", index = 1 }, { type = "tool_call_end", id = "own", name = "g", arguments = "{}", index = 2 },
      { type = "tool_call_end", name = "h", arguments = "{}", index = 3 }, { type = "finish", reason = "tool_calls" },
    }
    local lines, whole = answers(events, { now = NOW })
    local first, calls = lines[1].message.tool_calls[1], whole.message.tool_calls
    assert.truthy(first.id:match("^call_" .. ("[a-z0-9]"):rep(8) .. "$"))
    for i, call in ipairs(calls) do
      assert.equal(i - 1, call["function"].index)
      assert.same(call, lines[i].message.tool_calls[1])
    end
    assert.same({ first.id, "own" }, { calls[1].id, calls[2].id })
    assert.not_equal(first.id, calls[3].id)
    assert.not_equal(first.id, answers(events, { now = NOW + 1 })[1].message.tool_calls[1].id) -- the next turn of the conversation
  end)

  it("has both counts although no usage came", function()
    local lines, whole = answers { TEXT, STOP }
    for _, done in ipairs { lines[2], whole } do assert.same({ 0, 0 }, { done.prompt_eval_count, done.eval_count }) end
  end)

  it("has the remote model and its host on each line", function()
    local lines, whole = answers({ TEXT, STOP }, { remote_model = "m/x", remote_host = "https://h" })
    for _, line in ipairs { lines[1], lines[2], whole } do assert.same({ "m1", "m/x", "https://h" }, { line.model, line.remote_model, line.remote_host }) end
  end)
end)

describe("a call's time in ollama", function()
  -- An answer whose request came at NOW: the first words 0.25 s later, the end after another 0.5 s.
  local function timed(mode, started)
    local encoder = core.encoder("ollama", mode, { model = "m", now = started })
    assert(encoder:put({ type = "start", id = "i" }, NOW + 0.125))
    assert(encoder:put(TEXT, NOW + 0.25))
    assert(encoder:put({ type = "text", text = "jour", index = 1 }, NOW + 0.5))
    assert(encoder:put(STOP)) -- the time stays
    assert(encoder:finish(NOW + 0.75))
    return lines_of(encoder:take())
  end

  it("is measured, and on each line", function()
    for _, mode in ipairs { "stream", "whole" } do
      local lines = timed(mode, NOW)
      local done = lines[#lines]
      assert.same({ 750000000, 250000000, 500000000 }, { done.total_duration, done.prompt_eval_duration, done.eval_duration })
      assert.equal("2024-02-29T12:34:57.250000Z", done.created_at)
      if mode == "stream" then assert.equal("2024-02-29T12:34:56.750000Z", lines[1].created_at) end
    end
  end)

  it("is the total where all came at once, and never 0", function()
    for _, now in ipairs { 0, NOW, 1e300, -1 } do
      local encoder = core.encoder("ollama", "whole", { model = "m", now = now })
      assert(encoder:put(TEXT, now > 0 and now + 1))
      assert(encoder:finish())
      local done = json.decode(encoder:take())
      local want = now == NOW and 1000000000 or 1
      assert.same({ want, want, want }, { done.total_duration, done.prompt_eval_duration, done.eval_duration })
    end
    local set_back = timed("whole", NOW + 60)[1]
    assert.same({ 1, 1 }, { set_back.total_duration, set_back.prompt_eval_duration })
  end)

  it("comes through a transcoder", function()
    local t = core.transcoder("openai_chat", "ollama", "stream", { now = NOW })
    local out = t:feed('data: {"model":"m","choices":[{"index":0,"delta":{"content":"a"}}]}\n\n', NOW + 0.25)
    assert.equal("2024-02-29T12:34:56.750000Z", json.decode(out).created_at)
    t:feed('data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n', NOW + 0.5)
    local done = json.decode((t:finish(NOW + 0.75)))
    assert.same({ 750000000, 250000000, 500000000 }, { done.total_duration, done.prompt_eval_duration, done.eval_duration })
  end)
end)

describe("the form of /api/generate", function()
  local EVENTS = {
    { type = "reasoning", text = "Hm", index = 1 }, { type = "text", text = "Bon", index = 2 },
    { type = "tool_call_end", id = "c", name = "f", arguments = '{"a":1}', index = 3 }, { type = "usage", usage = { input_tokens = 9, output_tokens = 5 } },
    { type = "finish", reason = "length" },
  }

  it("has the texts beside the model", function()
    local lines, whole = answers(EVENTS, { generate = true })
    assert.same({ "", "Hm", "Bon" }, { lines[1].response, lines[1].thinking, lines[2].response })
    assert.equal("f", lines[3].tool_calls[1]["function"].name)
    assert.same({ "Bon", "Hm", "c" }, { whole.response, whole.thinking, whole.tool_calls[1].id })
    for _, done in ipairs { lines[4], whole } do
      assert.same({ true, "length", 9, 5 }, { done.done, done.done_reason, done.prompt_eval_count, done.eval_count })
      assert.same({}, done.context)
    end
    for _, line in ipairs { lines[1], lines[4], whole } do assert.is_nil(line.message) end
  end)

  it("is read again", function()
    for _, mode in ipairs { "stream", "whole" } do
      local reply = decode("ollama", (encode("ollama", mode, EVENTS, { generate = true })))
      assert.same({ "Bon", "Hm", "f", "c" }, { reply.text, reply.reasoning, reply.tool_calls[1].name, reply.tool_calls[1].id })
    end
  end)
end)

describe("logprobs in ollama", function()
  it("stand on their text's line, and in a whole answer", function()
    local lines, whole = answers { TEXT, LOGPROBS, { type = "text", text = "jour", index = 1 }, LOGPROBS, STOP }
    assert.equal(3, #lines)
    assert.same({ "Bon", -0.5 }, { lines[1].message.content, lines[1].logprobs[1].logprob })
    assert.same({ "jour", "Bon" }, { lines[2].message.content, lines[2].logprobs[1].token })
    assert.equal(2, #whole.logprobs)
  end)

  it("have a line of their own where that has been taken, and none where they say nothing", function()
    local encoder = core.encoder("ollama", "stream", { model = "m" })
    assert(encoder:put(TEXT))
    assert.same({ false }, { lines_of(encoder:take())[1].done })
    assert(encoder:put(LOGPROBS))
    local line = lines_of(encoder:take())[1]
    assert.same({ "", "Bon" }, { line.message.content, line.logprobs[1].token })
    assert(encoder:put { type = "logprobs", json = "{}" })
    assert.equal("", encoder:take())
    local _, whole = answers { TEXT, { type = "logprobs", json = "{}" }, STOP }
    assert.is_nil(whole.logprobs)
  end)

  it("stay with their frame however the answer is cut", function()
    local chunk = '{"choices":[{"index":0,"delta":{%s}%s}]}'
    local body = "data: " .. chunk:format('"content":"a"', "") .. "\n\ndata: " .. chunk:format("", ',"logprobs":{"content":[{"token":"a"}]}') .. "\n\n"
    local function out_of(step)
      local t, out = core.transcoder("openai_chat", "ollama", "stream", { model = "m" }), {}
      for at = 1, #body, step do out[#out + 1] = (t:feed(body:sub(at, at + step - 1))) end
      return table.concat(out)
    end
    assert.equal(2, #lines_of(out_of(#body)))
    assert.equal(out_of(#body), out_of(7))
  end)
end)

describe("a long text in ollama", function()
  it("goes out in lines of 32 KiB, between characters", function()
    for _, text in ipairs { ("é"):rep(40000), ("a"):rep(33000), ("\1\n\"x"):rep(20000), ("\240\159\152\128"):rep(9000) } do
      local bytes = encode("ollama", "stream", { { type = "text", text = text, index = 1 }, STOP })
      local parts = {}
      for line in bytes:gmatch "[^\n]+" do
        assert.is_true(#line < 33000)
        parts[#parts + 1] = json.decode(line).message.content
      end
      assert.is_true(#parts > 2)
      assert.equal(text, table.concat(parts))
    end
  end)

  it("stays one text in a whole answer", function()
    local text = ("é"):rep(40000)
    assert.equal(text, json.decode((encode("ollama", "whole", { { type = "text", text = text, index = 1 }, STOP }))).message.content)
  end)
end)

describe("an answer without words in ollama", function()
  it("says load or unload, and counts nothing", function()
    for _, word in ipairs { "load", "unload" } do
      for _, generate in ipairs { false, true } do
        local bytes = encode("ollama", "whole", { { type = "finish", reason = "other", raw_reason = word } }, { generate = generate, created = 1709210096 })
        local text = generate and '"response":""' or '"message":{"role":"assistant","content":""}'
        assert.equal(('{"model":"m1","created_at":"2024-02-29T12:34:56Z",%s,"done":true,"done_reason":"%s"}'):format(text, word), bytes)
      end
    end
  end)
end)
