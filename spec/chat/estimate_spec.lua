-- What a request takes, by estimate, and what an answer cost that broke off: the server's own figures, else an estimate that says it is one.
local estimate = require "opengatellm.chat.estimate"
local json = require "opengatellm.json"
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

describe("the tokens of a request", function()
  it("are estimated by the lengths of its texts", function()
    local text = ("x"):rep(400)
    assert.equal(100, estimate.prompt { messages = { ogl.user(text) } })
    assert.equal(100, estimate.prompt { messages = text })
    assert.equal(200, estimate.prompt { system = text, messages = { { role = "user", content = { { type = "text", text = text } } } } })
    assert.equal(100, estimate.prompt { input = { text:sub(1, 200), text:sub(201) } })
    assert.equal(3, estimate.prompt { input = { 1, 2, 3 } })
    assert.equal(200, estimate.prompt { query = text, documents = { text } })
    local called = { role = "assistant", content = "", tool_calls = { { id = "c", name = "f", arguments = text } } }
    assert.equal(101, estimate.prompt { messages = { called } })
    local reply = { role = "assistant", text = "", content = { { type = "tool_call", name = "f", arguments = text } }, tool_calls = called.tool_calls }
    assert.equal(101, estimate.prompt { messages = { reply } }) -- its calls count once
    assert.equal(100, estimate.prompt { messages = { { role = "tool", tool_call_id = "c", content = text } } })
    assert.equal(100, estimate.prompt { prompt = text })
    assert.equal(0, estimate.prompt {})
  end)

  it("count a picture as some, whatever its bytes", function()
    local tokens = estimate.prompt { messages = { ogl.user { ogl.image { data = ("x"):rep(100000), mime = "image/png" } } } }
    assert.equal(1000, tokens)
  end)

  it("count the declared tools, also those that hold functions, and the schema of the answer", function()
    local tool = { name = "weather", description = ("x"):rep(400), parameters = { type = "object" } }
    local tokens = estimate.prompt { messages = "hi", tools = { tool } }
    assert.is_true(tokens > 110 and tokens < 130, tokens)
    tool.run = function() end
    local with_function = estimate.prompt { messages = "hi", tools = { tool } }
    assert.is_true(with_function >= tokens and with_function < tokens + 5)
    assert.is_true(estimate.prompt { output = { type = "object", description = ("x"):rep(400) } } > 100)
  end)

  it("are those of JSON, more or less", function()
    local parameters = { type = "object", required = { "city" }, properties = { city = { type = "string", minLength = 1 }, days = { type = "integer" } } }
    local tools = { { name = "weather", description = "tells the weather", parameters = parameters } }
    local exact = #json.encode(tools) / 4
    assert.near(exact, estimate.prompt { tools = tools }, exact * 0.1)
  end)

  it("have an end where a value holds itself", function()
    local tool = { name = "f" }
    tool.parameters = tool
    assert.is_true(estimate.prompt { tools = { tool }, messages = { { role = "user", content = "hi" } } } > 0)
  end)
end)

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
