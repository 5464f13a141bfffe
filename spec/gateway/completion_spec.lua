-- Prompts that are no conversations: Ollama's `raw` and `suffix` in front of a server that has the route for completions.
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local support = require "spec.support.gateway"

local USAGE = { prompt_tokens = 6, completion_tokens = 4, total_tokens = 10 }

local function choice(text, reason) return { id = "cmpl-1", model = "m", choices = { { text = text, index = 0, finish_reason = reason } } } end

-- A server of completions.
local function answer(request)
  local body = json.decode(request.body)
  if not body.stream then
    local whole = choice("return a + b", "stop")
    whole.usage = USAGE
    return { headers = { ["content-type"] = "application/json" }, body = json.encode(whole) }
  end
  local last = choice("", "stop")
  last.usage = USAGE
  local lines = {}
  for i, chunk in ipairs { choice "return ", choice "a + b", last } do lines[i] = "data: " .. json.encode(chunk) .. "\n\n" end
  return { headers = { ["content-type"] = "text/event-stream" }, body = table.concat(lines) .. "data: [DONE]\n\n", chunk = 30 }
end

local function gateway_of(server, route, protocol)
  local client, transport = support.client(protocol or "openai_chat", server or answer)
  local shown = { model = "shown", client = client, to = "m" }
  for name, value in pairs(route or {}) do shown[name] = value end
  return ogl.gateway { routes = { shown } }, transport
end

local function generate(gateway, fields)
  local body = { model = "shown", prompt = "def add(" }
  for name, value in pairs(fields) do body[name] = value end
  return support.ask(gateway, "POST", "/api/generate", body)
end

describe("a prompt that is no conversation", function()
  for how, fields in pairs { raw = { raw = true }, suffix = { suffix = "\n" }, both = { raw = true, suffix = "\n" } } do
    it("goes to the server's completions and comes back in Ollama's form: " .. how, function()
      for _, streamed in ipairs { true, false } do
        local gateway, transport = gateway_of()
        fields.stream, fields.options = streamed, { num_predict = 9, temperature = 0, stop = { "\n\n" }, num_ctx = 4096 }
        local status, bytes, headers = generate(gateway, fields)
        assert.equal(200, status, bytes)
        local text, last = "", nil
        for line in bytes:gmatch "[^\n]+" do
          last = assert(json.decode(line), line)
          text = text .. last.response
        end
        assert.equal("return a + b", text)
        assert.same({ true, "stop", 6, 4, "shown" }, { last.done, last.done_reason, last.prompt_eval_count, last.eval_count, last.model })
        assert.equal("m", headers["x-gateway-model"])
        local sent = transport.requests[1]
        assert.truthy(sent.url:find "/completions$")
        assert.is_nil(sent.url:find("chat", 1, true))
        local body = json.decode(sent.body)
        assert.same({ "m", "def add(", how == "suffix" and "\n" or nil }, { body.model, body.prompt, body.suffix })
        assert.same({ 9, 0, "\n\n", streamed or nil }, { body.max_tokens, body.temperature, body.stop[1], body.stream })
        assert.is_nil(body.messages or body.options)
      end
    end)
  end

  it("ends with one line of error where its answer breaks off", function()
    local gateway = gateway_of { headers = { ["content-type"] = "text/event-stream" }, body = "data: " .. json.encode(choice "ret") .. "\n\n" }
    local status, bytes = generate(gateway, { raw = true })
    assert.equal(200, status)
    assert.equal("string", type(json.decode(bytes:match "([^\n]+)\n$").error), bytes)
  end)

  it("is refused in Ollama's words where nobody can answer it", function()
    local function refused(gateway, fields, message)
      local status, bytes = generate(gateway, fields)
      assert.same({ 400, message }, { status, json.decode(bytes).error })
    end
    for _, protocol in ipairs { "openai_responses", "anthropic", "gemini" } do
      local gateway, transport = gateway_of(nil, nil, protocol)
      refused(gateway, { suffix = "x" }, '"shown" does not support insert')
      refused(gateway, { raw = true }, '"shown" does not support raw mode')
      assert.equal(0, #transport.requests)
    end
    for _, status in ipairs { 404, 405, 501 } do refused(gateway_of { status = status, body = "" }, { suffix = "x" }, '"shown" does not support insert') end
    local gateway, transport = gateway_of(nil, { capabilities = { "completion" } })
    refused(gateway, { suffix = "x" }, '"shown" does not support insert')
    gateway = gateway_of()
    for _, fields in ipairs { { system = "x" }, { context = { 1 } } } do
      fields.raw = true
      refused(gateway, fields, "raw mode does not support template, system, or context")
    end
    refused(gateway, { raw = true, format = "json" }, '"shown" does not support raw mode with format')
    refused(gateway, { raw = true, images = { "aGk=" } }, '"shown" does not support raw mode with images')
    assert.equal(0, #transport.requests)
  end)

  it("passes the server's own errors on", function()
    local status, bytes = generate(gateway_of { status = 429, body = '{"error":{"message":"slow down"}}' }, { raw = true })
    assert.same({ 429, "slow down" }, { status, json.decode(bytes).error })
  end)
end)
