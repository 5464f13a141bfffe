-- Answers on their way through the transcoder: other tries, what is held back, what breaks off, what is counted. "m" passes untouched,
-- "shown" is translated, and so is all of Ollama's face; what each protocol becomes is in openai_spec.lua and ollama_spec.lua.
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local support = require "spec.support.gateway"

local SSE = { ["content-type"] = "text/event-stream" }
local WORDS = 'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"Bon"}}]}\n\n'
local START = 'data: {"id":"c1","model":"m","choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'
local BUSY = 'data: {"error":{"message":"sk-upstream is busy","code":503}}\n\n'
local END = 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n'

-- A gateway in front of a server that gives these answers one after the other; the transport; the errors that its operator hears.
local function gateway_of(answers, client_options, options)
  local asked = 0
  local client, transport = support.client("openai_chat", function()
    asked = asked + 1
    return answers[asked]
  end, client_options)
  local heard = {}
  local all = {
    routes = { { model = "shown", client = client, to = "m" }, { client = client } },
    on_error = function(err) heard[#heard + 1] = err end,
  }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.gateway(all), transport, heard
end

local ASKED = {
  untouched = { "/v1/chat/completions", "m" }, translated = { "/v1/chat/completions", "shown" }, ollama = { "/api/chat", "shown" },
}

local function ask(gateway, row, streamed)
  return support.ask(gateway, "POST", row[1], { model = row[2], stream = streamed, messages = { { role = "user", content = "x" } } })
end

for name, row in pairs(ASKED) do
  describe("an answer, " .. name, function()
    it("is asked for again while nothing of it has come, and then is that of the last try", function()
      local gateway, transport, heard = gateway_of({
        { headers = SSE, body = START .. BUSY }, { headers = SSE, body = START .. WORDS .. END },
      }, { retries = { max = 1 }, host = helper.simulated_host() })
      local status, bytes, headers = ask(gateway, row, true)
      assert.equal(200, status, bytes)
      assert.is_nil(bytes:find("busy", 1, true))
      assert.truthy(bytes:find("Bon", 1, true))
      assert.equal("2", headers["x-gateway-attempts"])
      assert.equal(2, #transport.requests)
      assert.equal(0, #heard)
    end)

    it("is not asked for again once words of it have come, and these go out before its error", function()
      local gateway, transport, heard = gateway_of({ { headers = SSE, body = START .. WORDS .. BUSY } }, { retries = { max = 1 } })
      local status, bytes = ask(gateway, row, true)
      assert.equal(200, status)
      assert.truthy(bytes:find("Bon.*error"), bytes)
      assert.is_nil(bytes:find('"stop"', 1, true))
      assert.equal(1, #transport.requests)
      assert.equal(1, #heard)
      assert.is_nil(tostring(heard[1]):find("sk-upstream", 1, true))
      assert.is_nil(bytes:find("sk-upstream", 1, true), bytes)
    end)

    it("has a status of its own where no try gave any", function()
      for _, streamed in ipairs { true, false } do
        local gateway, _, heard = gateway_of { { headers = SSE, body = START .. BUSY } }
        local status, bytes = ask(gateway, row, streamed)
        assert.is_true(status >= 500, status)
        assert.truthy(bytes:find("is busy", 1, true))
        assert.is_nil(bytes:find("sk-upstream", 1, true))
        assert.equal(1, #heard)
      end
    end)

    it("is not held back for ever: who sends 64 other events has begun", function()
      local ping = 'data: {"odd":true}\n\n'
      local gateway, transport = gateway_of({ { headers = SSE, body = START .. ping:rep(70) .. BUSY, chunk = 100 } }, { retries = { max = 1 } })
      local status, bytes = ask(gateway, row, true)
      assert.equal(200, status)
      assert.truthy(bytes:find("error", 1, true), bytes)
      assert.equal(1, #transport.requests)
    end)

    it("counts its tokens, or estimates them where the server does not", function()
      local usage = 'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}\n\ndata: [DONE]\n\n'
      local metrics = ogl.middleware.prometheus()
      local gateway = gateway_of({ { headers = SSE, body = START .. WORDS:rep(3) .. END:gsub("data: %[DONE%]\n\n", usage) } }, nil, {
        metrics = metrics,
      })
      assert.equal(200, (ask(gateway, row, true)))
      local text = metrics:text()
      assert.truthy(text:find("input_tokens_total{[^}]*} 7\n"), text)
      assert.truthy(text:find("output_tokens_total{[^}]*} 3\n"), text)
      assert.truthy(text:find("duration_seconds_count{[^}]*} 1\n"), text)
      assert.truthy(text:find("time_per_output_chunk_seconds_count{[^}]*} 2\n"), text) -- the gaps between three pieces
    end)

    it("is counted as good where its caller went with all of it", function()
      local metrics = ogl.middleware.prometheus()
      local gateway = gateway_of({ { headers = SSE, body = START .. WORDS .. END } }, nil, { metrics = metrics })
      local body = json.encode { model = row[2], stream = true, messages = { { role = "user", content = "x" } } }
      local _, _, read, close = gateway:handle { method = "POST", path = row[1], headers = {}, body = body }
      local bytes = ""
      repeat bytes = bytes .. read() until bytes:find(name == "ollama" and '"done":true' or "[DONE]", 1, true)
      close()
      assert.truthy(metrics:text():find "duration_seconds_count{[^}]*} 1\n")
      assert.is_nil(metrics:text():find("error=", 1, true))
    end)

    it("is counted as failed where it broke off, and where its caller went", function()
      local metrics = ogl.middleware.prometheus()
      local gateway = gateway_of({ { headers = SSE, body = START .. WORDS }, { headers = SSE, body = START .. WORDS .. END, chunk = 60 } }, nil, {
        metrics = metrics,
      })
      local _, bytes = ask(gateway, row, true)
      assert.truthy(bytes:find("Bon.*error"), bytes)
      local body = json.encode { model = row[2], stream = true, messages = { { role = "user", content = "x" } } }
      local _, _, read, close = gateway:handle { method = "POST", path = row[1], headers = {}, body = body }
      assert.equal("string", type(read()))
      close()
      close()
      assert.is_nil(read())
      local text = metrics:text()
      assert.truthy(text:find('duration_seconds_count{[^}]*error="incomplete"[^}]*} 1\n'), text)
      assert.truthy(text:find('duration_seconds_count{[^}]*error="closed"[^}]*} 1\n'), text)
    end)
  end)
end
