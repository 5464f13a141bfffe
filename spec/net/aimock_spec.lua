-- A server that nobody here wrote: aimock (npm, tests/clients) plays the five protocols from one set of fixtures, and our client has to find
-- the same in each of them; and it fails as it is told to, by fixtures and by headers.
--
-- What it does of its own (1.43.0): Gemini's calls end with `FUNCTION_CALL`, a word that Gemini does not have; a Responses object that was cut
-- short does not say why; its Ollama has no reasoning, no counts, no ids of calls and no `length`,
-- and its answer for embeddings is not Ollama's; it has no batchEmbedContents.
local helper = require "spec.helper"
local ogl = require "opengatellm"
local counting_carrier = require "spec.support.counting_carrier"
local structured = require "spec.support.structured"

local CLI = "tests/clients/node_modules/@copilotkit/aimock/dist/cli.js"
local TEXT = "Bonjour ! Ça coûte 3 €, c'est « donné » 😀. Voilà."
local CUT = "This will never be told to its end, alas, since the server gives up long before that."

local FIXTURES = [[{"fixtures": [
  {"match": {"userMessage": "hello"}, "chunkSize": 5,
   "response": {"content": "]] .. TEXT .. [[", "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}},
  {"match": {"userMessage": "think"}, "response": {"content": "Sixteen.", "reasoning": "Four times four, checked."}},
  {"match": {"userMessage": "weather", "hasToolResult": false}, "chunkSize": 4, "response": {"content": "Un instant.", "toolCalls": [
    {"id": "call_1", "name": "get_weather", "arguments": {"city": "Sète", "days": [1, 2.5]}}, {"id": "call_2", "name": "now", "arguments": {}}]}},
  {"match": {"userMessage": "weather", "toolResultContains": "24 °C"}, "response": {"content": "Sunny."}},
  {"match": {"userMessage": "short"}, "response": {"content": "Once upon a", "finishReason": "length"}},
  {"match": {"userMessage": "limited"}, "response": {"error": {"message": "Slow « down »", "type": "rate_limit_error"}, "status": 429}},
  {"match": {"userMessage": "twice", "sequenceIndex": 0}, "response": {"error": {"message": "Not yet"}, "status": 503}},
  {"match": {"userMessage": "twice"}, "response": {"content": "Now."}},
  {"match": {"userMessage": "cut"}, "chunkSize": 4, "latency": 20, "truncateAfterChunks": 8,
   "response": {"content": "]] .. CUT .. [["}},
  {"match": {"userMessage": "as a value"}, "chunkSize": 5, "response": {"content": "{\"name\": \"Sète\", \"tags\": [\"é\", \"port\"]}"}},
  {"match": {"userMessage": "as a list"}, "chunkSize": 4, "response": {"content": "{\"value\": [{\"n\": 1}, {\"n\": 2.0}, {\"n\": 3}]}"}},
  {"match": {"userMessage": "by a tool"}, "chunkSize": 4, "response": {"toolCalls": [
    {"id": "call_3", "name": "output", "arguments": {"name": "Sète", "tags": ["é", "port"]}}]}},
  {"match": {"userMessage": "at once", "sequenceIndex": 0}, "response": {"content": "{\"nom\": \"Sète\"}"}},
  {"match": {"userMessage": "That answer cannot be used"}, "response": {"content": "{\"name\": \"Sète\"}"}},
  {"match": {"userMessage": "nothing but", "responseFormat": "json_schema"}, "response": {"content": "{\"name\": \"asked\"}"}},
  {"match": {"inputText": "vector"}, "response": {"embedding": [0.5, -0.25, 1]}}
]}]]

local PROVIDERS = {
  openai_compatible = { model = "gpt-5", calls = "tool_calls", short = "length" },
  responses_compatible = { model = "gpt-5", calls = "tool_calls", short = "other" },
  anthropic_compatible = { model = "claude-sonnet-4-5", calls = "tool_calls", short = "length" },
  gemini = { model = "gemini-2.5-flash", calls = "other", short = "length" },
  ollama = { model = "qwen3", calls = "tool_calls", short = "stop", plain = true },
}

local TOOLS = {
  { name = "get_weather", description = "of a city", parameters = { type = "object", properties = { city = { type = "string" } } } },
  { name = "now", description = "the time" },
}

local installed = io.open(CLI)
if not installed then
  describe("aimock", function()
    it("plays five protocols", function() return pending "aimock is not installed (sh tests/clients/install.sh)" end)
  end)
  return
end
installed:close()

local base

-- Starts the server when it is first asked for.
local function start()
  if base then return end
  local fixtures = helper.write(FIXTURES)
  os.rename(fixtures, fixtures .. ".json")
  base = helper.server(("node %s -h 127.0.0.1 -p %%d -f %s.json --log-level silent"):format(CLI, fixtures))
end

for provider, about in pairs(PROVIDERS) do
  describe("aimock as " .. provider, function()
    after_each(helper.close)

    local function client(options)
      local all = { provider = provider, model = about.model, retries = { max = 0 } }
      for name, value in pairs(options or {}) do all[name] = value end
      return helper.client_of(base, all)
    end

    -- A case for both forms of the answer: `ask(request)` gives reply or nil, err.
    local function both(name, case)
      for _, streamed in ipairs { false, true } do
        it(name .. (streamed and ", streamed" or ", whole"), function()
          start()
          case(function(request, options)
            if not streamed then return client(options):chat(request) end
            local stream, err = client(options):stream(request)
            if not stream then return nil, err end
            return stream:reply()
          end, streamed)
        end)
      end
    end

    both("says a text", function(ask)
      local reply = assert(ask { messages = { ogl.user "hello" }, max_tokens = 100 })
      assert.same({ TEXT, "stop", {} }, { reply.text, reply.finish_reason, reply.warnings })
      if about.plain then return end
      assert.same({ 10, 5, 15 }, { reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.total_tokens })
    end)

    both("thinks", function(ask)
      local reply = assert(ask { messages = { ogl.user "think" }, max_tokens = 100 })
      assert.equal("Sixteen.", reply.text)
      if not about.plain then assert.equal("Four times four, checked.", reply.reasoning) end
    end)

    both("calls tools, and takes their results", function(ask)
      local messages = { ogl.user "weather" }
      local reply = assert(ask { messages = messages, tools = TOOLS, max_tokens = 100 })
      assert.same({ "Un instant.", about.calls, 2 }, { reply.text, reply.finish_reason, #reply.tool_calls })
      local first, second = reply.tool_calls[1], reply.tool_calls[2]
      assert.same({ "get_weather", "now" }, { first.name, second.name })
      assert.same({ city = "Sète", days = { 1, 2.5 } }, helper.decode(first.arguments))
      assert.equal("{}", second.arguments)
      if not about.plain then assert.same({ "call_1", "call_2" }, { first.id, second.id }) end
      messages[2] = reply
      messages[3] = ogl.tool_result(second.id or second.name, "noon") -- its Ollama gives no ids
      messages[4] = ogl.tool_result(first.id or first.name, "24 °C")
      assert.equal("Sunny.", assert(ask { messages = messages, tools = TOOLS, max_tokens = 100 }).text)
    end)

    both("gives a value that fits a schema", function(ask)
      local value = { name = "Sète", tags = { "é", "port" } }
      assert.same(value, assert(ask { messages = { ogl.user "as a value" }, output = structured.SCHEMA, max_tokens = 100 }).output)
      assert.same({ { n = 1 }, { n = 2 }, { n = 3 } }, assert(ask { messages = "as a list", output = structured.LIST, max_tokens = 100 }).output)
      local reply = assert(ask { messages = "by a tool", output = { schema = structured.SCHEMA, mode = "tool" }, max_tokens = 100 })
      assert.same(value, reply.output)
      assert.is_nil(reply.tool_calls)
      assert.same(value, helper.decode(reply.output_call.arguments))
    end)

    both("knows no schema, and writes what it likes", function(ask)
      local reply, err = ask { messages = "hello", output = structured.SCHEMA, max_tokens = 100, output_retries = 0 }
      assert.is_nil(reply)
      assert.same({ "invalid", "output", TEXT }, { err.kind, err.code, err.partial.text })
    end)

    it("has its tools run by a conversation", function()
      local ran = {}
      local function tool(given, result)
        local run = function(arguments) ran[#ran + 1] = { given.name, arguments.city } return result end
        return ogl.tool { name = given.name, description = given.description, parameters = given.parameters, run = run }
      end
      local chat = ogl.conversation { client = client(), tools = { tool(TOOLS[1], "24 °C"), tool(TOOLS[2], "noon, at 24 °C") }, max_tokens = 50 }
      local reply, err = chat:send "What is the weather?"
      if about.calls == "other" then -- its calls do not end as that protocol's do, so that none of them runs
        assert.same({ "not_run", {} }, { err.code, ran })
        return
      end
      assert(reply, err)
      assert.equal("Sunny.", reply.text)
      assert.same({ { "get_weather", "Sète" }, { "now" } }, ran)
      local roles = {}
      for i, message in ipairs(chat.messages) do roles[i] = message.role end
      assert.same({ "user", "assistant", "tool", "tool", "assistant" }, roles)
    end)

    it("gives a value while it comes, and elements", function()
      start()
      local names, places = {}, {}
      for value in assert(client():stream { messages = "as a value", output = structured.SCHEMA, max_tokens = 100 }):outputs() do
        names[#names + 1] = value.name
      end
      assert.equal("Sète", names[#names])
      for element, place in assert(client():stream { messages = "as a list", output = structured.LIST, max_tokens = 100 }):elements() do
        places[place] = element.n
      end
      assert.same({ 1, 2, 3 }, places)
    end)

    it("is asked again where its value does not fit", function()
      start()
      local asked = client { headers = { ["x-test-id"] = provider .. helper.id() } }
      local reply = assert(asked:chat { messages = "at once", output = structured.SCHEMA, max_tokens = 100 })
      assert.same({ name = "Sète" }, reply.output)
      assert.equal("output_retried", reply.warnings[#reply.warnings].code)
    end)

    both("is cut short by its limit", function(ask)
      local reply = assert(ask { messages = { ogl.user "short" }, max_tokens = 3 })
      assert.same({ "Once upon a", about.short }, { reply.text, reply.finish_reason })
    end)

    both("refuses", function(ask)
      local reply, err = ask { messages = { ogl.user "limited" }, max_tokens = 3 }
      assert.is_nil(reply)
      assert.same({ "rate_limit", 429, "Slow « down »", 1 }, { err.kind, err.status, err.message, err.retry_after })
      reply, err = ask { messages = { ogl.user "nothing of that" }, max_tokens = 3 }
      assert.is_nil(reply)
      assert.same({ "http", 404, "No fixture matched" }, { err.kind, err.status, err.message })
    end)

    it("answers when it is asked again", function()
      start()
      local host = helper.simulated_host()
      local headers = { ["x-test-id"] = provider .. helper.id() } -- its own count of the requests
      local asked = client { retries = { max = 1 }, host = host, headers = headers }
      assert.equal("Now.", assert(asked:chat { messages = { ogl.user "twice" }, max_tokens = 3 }).text)
      assert.equal(1, #host.waits)
    end)

    it("breaks off in mid-stream", function()
      start()
      local reply, err = assert(client():stream { messages = { ogl.user "cut" }, max_tokens = 100 }):reply()
      assert.is_nil(reply)
      assert.equal("network", err.kind)
      assert.equal(1, CUT:find(err.partial.text, 1, true))
      assert.is_true(#err.partial.text < #CUT)
    end)

    -- Its chaos headers, with certainty: what each makes of an answer.
    for name, expected in pairs {
      drop = { "http", 500, "Chaos: request dropped" }, ratelimit = { "rate_limit", 429, "Chaos: rate limit exceeded" },
      malformed = { "incomplete" }, disconnect = { "network" },
    } do
      both("is told to fail: " .. name, function(ask)
        local reply, err = ask({ messages = { ogl.user "hello" }, max_tokens = 100 }, { headers = { ["x-aimock-chaos-" .. name] = "1" } })
        assert.is_nil(reply)
        assert.equal(expected[1], err.kind)
        if expected[2] then assert.same({ expected[2], expected[3] }, { err.status, err.message }) end
      end)
    end
  end)
end

-- Its errors have no status there, and its WebSockets are of its own making.
describe("aimock over WebSockets", function()
  local client, carrier

  before_each(function()
    start()
    carrier = counting_carrier.over(assert(require "opengatellm.transport.curl".new()))
    local transport = assert(require "opengatellm.transport.websocket".new { carrier = carrier })
    client = helper.client_of(base, { provider = "responses_compatible", model = "gpt-5", retries = { max = 0 }, transport = transport })
  end)
  after_each(helper.close)

  it("says, thinks, calls and is cut short on one socket", function()
    local reply = assert(client:chat "hello")
    assert.same({ TEXT, "stop", 15 }, { reply.text, reply.finish_reason, reply.usage.total_tokens })
    reply = assert(assert(client:stream "think"):reply())
    assert.same({ "Sixteen.", "Four times four, checked." }, { reply.text, reply.reasoning })
    local messages = { ogl.user "weather" }
    messages[2] = assert(client:chat { messages = messages, tools = TOOLS })
    assert.same({ "tool_calls", 2 }, { messages[2].finish_reason, #messages[2].tool_calls })
    messages[3], messages[4] = ogl.tool_result("call_2", "noon"), ogl.tool_result("call_1", "24 °C")
    assert.equal("Sunny.", assert(client:chat { messages = messages, tools = TOOLS }).text)
    assert.equal("Once upon a", assert(client:chat "short").text)
    assert.equal(1, carrier.connected)
  end)

  it("refuses, and breaks off", function()
    local _, err = client:chat "limited"
    assert.same({ "rate_limit", "Slow « down »", true }, { err.kind, err.message, err.retryable })
    _, err = client:chat "nothing of that"
    assert.same({ "provider", "no_fixture_match", "No fixture matched" }, { err.kind, err.code, err.message })
    _, err = client:chat "cut"
    assert.same({ "network", "cut", true }, { err.kind, err.code, err.retryable })
    assert.equal(1, CUT:find(err.partial.text, 1, true))
  end)
end)

describe("aimock", function()
  after_each(helper.close)

  it("answers only a request that has a schema where OpenAI's chat has it", function()
    start()
    local asked = helper.client_of(base, { provider = "openai_compatible", model = "gpt-5", retries = { max = 0 } })
    local request = { messages = "nothing but a schema", output = structured.SCHEMA }
    assert.equal("asked", assert(asked:chat(request)).output.name)
    assert.equal(404, (select(2, asked:chat(request.messages))).status)
  end)

  it("makes embeddings", function()
    start()
    local found = assert(helper.client_of(base, { provider = "openai_compatible" }):embeddings { input = { "a vector", "another vector" } })
    assert.same({ { 0.5, -0.25, 1 }, { 0.5, -0.25, 1 } }, { found.vectors[1], found.vectors[2] })
    assert.equal(2, #found.vectors)
  end)
end)
