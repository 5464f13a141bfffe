-- What an answer cost that broke off: the server's own figures, else an estimate that says it is one.
local estimate = require "opengatellm.chat.estimate"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local function chunk(text) return 'data: {"id":"c1","choices":[{"index":0,"delta":{"content":"' .. text .. '"}}]}\n\n' end
local USAGE = 'data: {"choices":[],"usage":{"prompt_tokens":30,"completion_tokens":7}}\n\n'

local function failure(body, question)
  local client = ogl.client {
    provider = "openai_compatible", base_url = "http://server", model = "m", retries = { max = 0 },
    transport = replay.new { headers = { ["content-type"] = "text/event-stream" }, body = body },
  }
  local _, err = assert(client:stream(question or "hi")):reply()
  return err
end

describe("the usage of an answer that broke off", function()
  it("is what the server said, where it said all", function()
    local err = failure(chunk "some text" .. USAGE)
    assert.same({ input_tokens = 30, output_tokens = 7, total_tokens = 37 }, err.usage)
    assert.same(err.partial.usage, err.usage)
  end)

  it("is an estimate by the lengths of what was sent and what came, and says so", function()
    local err = failure(chunk(("a"):rep(400)), ("b"):rep(4000))
    assert.is_true(err.usage.estimated)
    assert.equal(100, err.usage.output_tokens)
    assert.is_true(err.usage.input_tokens >= 1000 and err.usage.input_tokens < 1100)
    assert.equal(err.usage.input_tokens + 100, err.usage.total_tokens)
    assert.is_nil(err.partial.usage) -- the reply has only what the server said
  end)

  it("keeps the figures that the server did say", function()
    local err = failure('data: {"choices":[{"index":0,"delta":{"content":"abcd"}}],"usage":{"prompt_tokens":30}}\n\n')
    assert.same({ estimated = true, input_tokens = 30, output_tokens = 1, total_tokens = 31 }, err.usage)
  end)

  it("counts the arguments of calls", function()
    assert.equal(2, estimate.usage({ sent = 0 }, { content = { { type = "tool_call", arguments = "12345678" } } }).output_tokens)
  end)
end)
