-- Functions that see the events of an answer: what they make of it is what its reader gets, as events, as texts and as the reply.
local core = require "opengatellm.core"
local event_chain = require "opengatellm.chat.event_chain"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"
local steps = require "opengatellm.chat.steps"
local stream = require "opengatellm.stream"

local function chunk(text) return 'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"' .. text .. '"}}]}\n\n' end
local END = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":3}}\n\ndata: [DONE]\n\n'

-- A stream of an answer whose events pass these functions.
local function open(functions, body, request, options)
  local all = {
    provider = "openai_compatible", base_url = "http://server", model = "m", retries = { max = 0 },
    transport = replay.new { headers = { ["content-type"] = "text/event-stream" }, body = body },
  }
  for name, value in pairs(options or {}) do all[name] = value end
  local call = steps.begin(ogl.client(all), request or "hi", "stream", true)
  assert(steps.walk(call))
  call.event_functions = functions
  return stream.open(call)
end

local function same(event) return event end

local function drain(opened)
  local list, event, err = {}, opened:next()
  while event do
    list[#list + 1] = event
    event, err = opened:next()
  end
  return list, err
end

describe("functions that change nothing", function()
  it("leave every recorded reply, and what ended it, as they are", function()
    local path = helper.shared "fixtures/expected.jsonl"
    if not path then return pending "the reference material is not here (OGL_SHARED)" end
    local count = 0
    for line in io.lines(path) do
      local exchange = json.decode(line)
      local body = helper.read((path:gsub("expected%.jsonl$", "") .. exchange.body))
      local options = {
        provider = { name = "p", protocol = exchange.protocol, auth = "none" },
        transport = replay.new { headers = { ["content-type"] = exchange.stream and "text/event-stream" or "application/json" }, body = body },
      }
      local want, want_err = assert(open(nil, body, nil, options)):reply()
      local got, got_err = assert(open({ same, same }, body, nil, options)):reply()
      if want then assert.same(want, got, exchange.id) end
      if want_err then
        assert.same({ want_err.kind, want_err.message }, { got_err.kind, got_err.message }, exchange.id)
        assert.same(want_err.partial, got_err.partial, exchange.id)
      end
      count = count + 1
    end
    assert.is_true(count > 1500)
  end)

  it("see the events that their reader gets, in order, then nil once", function()
    local seen = {}
    local function see(event)
      seen[#seen + 1] = event or "end"
      return event
    end
    local list = drain(open({ see }, chunk "a" .. chunk "b" .. END))
    assert.equal("end", table.remove(seen))
    assert.same(seen, list)
    assert.same({ "start", "text", "text", "usage", "finish" }, { list[1].type, list[2].type, list[3].type, list[4].type, list[5].type })
  end)
end)

describe("functions that see events", function()
  it("run from the last of the list to the first", function()
    local function add(mark)
      return function(event)
        if event and event.type == "text" then return { type = "text", text = event.text .. mark, index = event.index } end
        return event
      end
    end
    assert.equal("a21", open({ add "1", add "2" }, chunk "a" .. END):reply().text)
  end)

  it("may drop events, give several for one, and hold some back to the end", function()
    -- Gives texts in whole lines.
    local function lines(event, _, state)
      if event and event.type ~= "text" then return event.type ~= "usage" and event or nil end
      state.held = (state.held or "") .. (event and event.text or "")
      local list, rest = {}, state.held
      for text in state.held:gmatch "[^\n]*\n" do
        list[#list + 1] = { type = "text", text = text, index = 1 }
        rest = rest:sub(#text + 1)
      end
      state.held = rest
      if not event and rest ~= "" then list[#list + 1] = { type = "text", text = rest, index = 1 } end
      return list
    end
    local body = chunk "a" .. chunk "b\\nc\\nd" .. END
    local texts = {}
    for text in open({ lines }, body):texts() do texts[#texts + 1] = text end
    assert.same({ "ab\n", "c\n", "d" }, texts)
    local reply = assert(open({ lines }, body):reply())
    assert.same({ "ab\nc\nd", "stop" }, { reply.text, reply.finish_reason })
    assert.is_nil(reply.usage)
  end)

  it("have the call, and a state of their own", function()
    local states, calls = {}, {}
    local function note(event, call, state)
      states[state], calls[call] = true, true
      return event
    end
    assert(open({ note, note }, chunk "a" .. END):reply())
    local n_states, n_calls = 0, 0
    for _ in pairs(states) do n_states = n_states + 1 end
    for call in pairs(calls) do
      n_calls = n_calls + 1
      assert.equal("stream", call.operation)
    end
    assert.same({ 2, 1 }, { n_states, n_calls })
  end)

  it("are told of the end when it fails, and when the stream is closed", function()
    local ends = 0
    local function hold(event, _, state)
      if event and event.type == "text" then
        state.last, event = event, state.last
        return event
      elseif event then
        return event
      end
      ends = ends + 1
      return state.last
    end
    local list, err = drain(open({ hold }, chunk "a" .. chunk "b"))
    assert.equal("incomplete", err.kind)
    assert.same({ "a", "b" }, { list[2].text, list[3].text })
    assert.equal("ab", err.partial.text)
    assert.equal(1, ends)
    local opened = open({ hold }, chunk "a" .. chunk "b" .. END)
    opened:next()
    opened:close()
    opened:close()
    assert.equal(2, ends)
    assert.equal("closed", select(2, opened:reply()).kind)
    assert.same({}, (drain(opened)))
  end)

  it("give events, texts and the reply without keeping the reply where nobody wants it", function()
    local opened = open({ same }, chunk "a" .. END, { messages = "hi", keep = false })
    assert.equal(4, #drain(opened))
    assert.error_matches(function() opened:reply() end, "keep = false")
  end)

  it("are bound to the limit of the reply", function()
    local function much(event)
      if event and event.type == "text" then event.text = ("x"):rep(3000) end
      return event
    end
    local _, err = open({ much }, chunk "a" .. chunk "b" .. END, nil, { limits = { reply = 4000 } }):reply()
    assert.same({ "limit", "reply" }, { err.kind, err.code })
    assert.equal(3000, #err.partial.text)
  end)

  it("raise what is wrong in them where the stream is read", function()
    local opened = open({ function() error("oops", 0) end }, chunk "a" .. END)
    assert.error_matches(function() opened:next() end, "oops")
  end)
end)

describe("an event chain", function()
  it("is empty until something is put in, and after its end", function()
    local chain = event_chain.new({ same }, {}, core.fold())
    assert.is_nil(chain:take())
    assert(chain:put { type = "text", text = "a", index = 1 })
    assert.equal("a", chain:take().text)
    assert.is_nil(chain:take())
    assert(chain:finish())
    assert(chain:finish())
    assert.is_nil(chain:take())
    assert.equal("a", chain:reply().text)
  end)
end)
