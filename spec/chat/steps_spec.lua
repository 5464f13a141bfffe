local helper = require "spec.helper"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"
local steps = require "opengatellm.chat.steps"

local SSE = { headers = { ["content-type"] = "text/event-stream" }, body = 'data: {"choices":[{"index":0,"delta":{"content":"a"},'
  .. '"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n' }

local function client(options)
  local all = { provider = "openai_compatible", base_url = "http://server", model = "m", transport = replay.new(SSE) }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.client(all), all.transport
end

-- A picture at an address that the transport is asked for, too.
local function remote(fetch)
  return { messages = { { role = "user", content = { ogl.image { url = "http://elsewhere/a.png" } } } }, fetch = fetch }
end

describe("the steps of a chat", function()
  it("make a wire of a request, and send nothing by themselves", function()
    local c, transport = client()
    local call = steps.begin(c, "hi", "chat", false)
    assert.is_nil(call.wire)
    assert(steps.walk(call))
    assert.equal('{"messages":[{"content":"hi","role":"user"}],"model":"m"}', call.wire.body)
    assert.same({}, transport.requests)
  end)

  it("stop before a step that asks a server, where they are told to, and go on from there", function()
    local c, transport = client { transport = replay.new { headers = { ["content-type"] = "image/png" }, body = "\137PNG\r\n\26\n" } }
    local call = steps.begin(c, remote(true), "chat", false)
    local stopped = assert(steps.walk(call, 1, true))
    assert.same({}, transport.requests)
    assert.is_nil(call.wire)
    assert(steps.walk(call, stopped))
    assert.equal("http://elsewhere/a.png", transport.requests[1].url)
    assert.truthy(call.wire.body:find("data:image/png;base64", 1, true))
    call = steps.begin(c, "hi", "chat", false)
    assert(steps.walk(call, 1, true))
    assert.is_string(call.wire.body) -- nothing to ask for: they are walked to the end
  end)

  it("leave out what fetches, in a preview", function()
    local c, transport = client()
    assert.truthy(c:preview(remote(true)).body:find("http://elsewhere/a.png", 1, true))
    assert.same({}, transport.requests)
  end)

  it("give the error of a step, and walk no further", function()
    local c, transport = client { transport = replay.new { status = 404 } }
    local call = steps.begin(c, remote(true), "chat", false)
    local done, err = steps.walk(call)
    assert.is_nil(done)
    assert.equal("fetch", err.code)
    assert.is_nil(call.wire)
    assert.equal(1, #transport.requests)
  end)
end)

describe("a mistake in a request", function()
  local BAD = { messages = { ogl.user "hi" }, extra = { seen = function() end } } -- JSON has no functions

  it("is raised at the caller's line, under the name of the method that he called", function()
    local c, transport = client()
    for _, row in ipairs {
      { "chat", BAD }, { "stream", BAD }, { "preview", BAD }, { "chat", 1 }, { "stream", { messages = {} } }, { "count_tokens", {} },
    } do
      local _, where = pcall(function()
        local value, err = c[row[1]](c, row[2]) -- no tail call: 5.1 forgets the line of one
        return value, err
      end)
      assert.matches("steps_spec.lua:%d+: client:" .. row[1] .. ": ", where)
    end
    assert.same({}, transport.requests)
  end)

  it("is raised before a task begins", function()
    local c, transport = client()
    local called = false
    local callbacks = { on_done = function() called = true end }
    for _, method in ipairs { "chat", "stream" } do
      local _, where = pcall(function()
        local task = c[method](c, BAD, callbacks)
        return task
      end)
      assert.matches("steps_spec.lua:%d+: client:" .. method .. ": ", where)
    end
    assert.is_false(called)
    assert.same({}, transport.requests)
  end)
end)

describe("the search of a chat", function()
  after_each(helper.close)

  it("is among the tools that are counted and sent", function()
    local c = client { provider = "opengatellm", version = "0.8" }
    local preview = assert(c:preview { messages = "hi", search = { collection_ids = { 1 } } })
    assert.truthy(preview.body:find('"type":"search"', 1, true))
  end)
end)
