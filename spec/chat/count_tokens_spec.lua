-- Counting the tokens of a request: what each form sends of the encoded chat, and what it gives.
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local recording = require "spec.support.recording"
local replay = require "opengatellm.transport.replay"

local client, provider = recording.client, recording.provider

-- A client whose protocol encodes every request as this wire.
local function client_of(dialect, wire, ...)
  local c, requests = client(provider { count_tokens = dialect }, ...)
  c.protocol = {
    encode_request = function(request, _, stream, model)
      assert.is_false(stream)
      local body = not wire.path:find(":", 1, true) and { model = model } or {} -- Gemini's model is in the path
      local made = { method = "POST", path = wire.path, headers = wire.headers, body = body, warnings = wire.warnings or {} }
      for name, value in pairs(wire.body) do made.body[name] = value end
      for name, value in pairs(request.extra or {}) do made.body[name] = value end
      return made
    end,
    decode_error = errors.from_status,
  }
  return c, requests
end

local ANTHROPIC = {
  path = "/messages", headers = { { "anthropic-version", "2023-06-01" } },
  body = { messages = { { role = "user", content = "a" } }, system = "s", max_tokens = 5, temperature = 1, stream = false, tools = { { name = "f" } } },
}
local GEMINI = {
  path = "/models/m:generateContent", body = { contents = { { parts = { { text = "a" } } } }, generationConfig = { temperature = 1 } },
}
local RESPONSES = { path = "/responses", body = { input = "a", instructions = "s", max_output_tokens = 5, store = true } }

-- form, wire, answers, what is sent where, what comes of it
local CASES = {
  {
    "anthropic", ANTHROPIC, { { body = '{"input_tokens":25}' } }, {
      { "/v1/messages/count_tokens", { model = "m", messages = { { role = "user", content = "a" } }, system = "s", tools = { { name = "f" } } } },
    }, { input_tokens = 25 },
  },
  {
    "gemini", GEMINI, { { body = '{"totalTokens":31,"cachedContentTokenCount":5}' } }, {
      {
        "/v1/models/m:countTokens", {
          generateContentRequest = { model = "models/m", contents = { { parts = { { text = "a" } } } }, generationConfig = { temperature = 1 } },
        },
      },
    }, { input_tokens = 31, cached_input_tokens = 5 },
  },
  {
    "vertex", { path = GEMINI.path, body = { contents = GEMINI.body.contents, generationConfig = { seed = 1 }, safetySettings = {} } },
    { { body = '{"totalTokens":31}' } }, {
      { "/v1/models/m:countTokens", { contents = { { parts = { { text = "a" } } } }, generationConfig = { seed = 1 } } },
    }, { input_tokens = 31 },
  },
  {
    "responses", RESPONSES, { { body = '{"object":"response.input_tokens","input_tokens":11}' } }, {
      { "/v1/responses/input_tokens", { model = "m", input = "a", instructions = "s" } },
    }, { input_tokens = 11 },
  },
  {
    "llama_server", { path = "/chat/completions", body = { messages = { { role = "user", content = "a" } } } },
    { { body = '{"prompt":"<|user|>a"}' }, { body = '{"tokens":[1,2,3]}' } }, {
      { "/apply-template", { model = "m", messages = { { role = "user", content = "a" } } } },
      { "/tokenize", { content = "<|user|>a", add_special = true, parse_special = true } },
    }, { input_tokens = 3 },
  },
}

describe("client:count_tokens", function()
  for _, case in ipairs(CASES) do
    it("asks in the form of " .. case[1], function()
      local c, requests = client_of(case[1], case[2], (table.unpack or unpack)(case[3]))
      assert.same(case[5], assert(c:count_tokens "a"))
      assert.equal(#case[4], #requests)
      for i, sent in ipairs(case[4]) do
        assert.equal("http://server" .. sent[1], requests[i].url)
        assert.same(sent[2], json.decode(requests[i].text))
      end
    end)

    it("fails where the answer of " .. case[1] .. " is no count", function()
      for _, body in ipairs { "{}", "[]", "5", '{"input_tokens":"x","prompt":5}', '{"prompt":"p","tokens":5}' } do
        local count, err = client_of(case[1], case[2], { body = body }):count_tokens "a"
        assert.is_nil(count)
        assert.equal("protocol", err.kind)
      end
      assert.equal(404, select(2, client_of(case[1], case[2], { status = 404, body = "" }):count_tokens "a").status)
    end)
  end

  it("carries the protocol's headers, the user's own, and what he puts into the body", function()
    local c, requests = client_of("anthropic", ANTHROPIC, { body = '{"input_tokens":1}' })
    assert(c:count_tokens { messages = { ogl.user "a" }, extra = { mcp_servers = { 1 } }, headers = { ["x-own"] = "y" } })
    local headers = {}
    for _, row in ipairs(requests[1].headers) do headers[row[1]] = row[2] end
    assert.same({ "2023-06-01", "y" }, { headers["anthropic-version"], headers["x-own"] })
    assert.same({ 1 }, json.decode(requests[1].text).mcp_servers)
  end)

  it("counts what the real encoding of a chat has", function()
    local c, requests = client(provider { count_tokens = "llama_server" }, { body = '{"prompt":"p"}' }, { body = '{"tokens":[1]}' })
    assert.same({ input_tokens = 1 }, assert(c:count_tokens { messages = { ogl.user "a" }, system = "s" }))
    assert.same({ { role = "system", content = "s" }, { role = "user", content = "a" } }, json.decode(requests[1].text).messages)
    assert.is_nil(json.decode(requests[1].text).stream)
  end)

  it("asks Vertex AI for Gemini and for Claude, each in its own form", function()
    local transport = replay.new(function(r)
      return { body = r.url:find("count-tokens", 1, true) and '{"input_tokens":2}' or '{"totalTokens":3}' }
    end)
    local c = ogl.client {
      provider = "vertex", settings = { project = "p", location = "europe-west1" }, api_key = "token", transport = transport,
    }
    assert.equal(3, assert(c:count_tokens { model = "gemini-3-flash", messages = { ogl.user "a" } }).input_tokens)
    assert.equal(2, assert(c:count_tokens { model = "claude-sonnet-4-5", messages = { ogl.user "a" } }).input_tokens)
    local address = "https://europe-west1-aiplatform.googleapis.com/v1/projects/p/locations/europe-west1/publishers/"
    assert.equal(address .. "google/models/gemini-3-flash:countTokens", transport.requests[1].url)
    assert.equal(address .. "anthropic/models/count-tokens:rawPredict", transport.requests[2].url)
    assert.equal("claude-sonnet-4-5", json.decode(transport.requests[2].body).model)
  end)

  it("tells what the encoding left out, and is refused for it in strict mode", function()
    local warning = { code = "not_carried", field = "seed", message = "no seed" }
    local wire = { path = "/messages", body = {}, warnings = { warning } }
    local c, requests = client_of("anthropic", wire, { body = '{"input_tokens":1}' })
    assert.same({ input_tokens = 1, warnings = { warning } }, assert(c:count_tokens { messages = { ogl.user "a" }, seed = 1 }))
    local count, err = c:count_tokens { messages = { ogl.user "a" }, seed = 1, strict = true }
    assert.same({ nil, "unsupported", "seed", 1 }, { count, err.kind, err.code, #requests })
  end)

  it("gives what went wrong in the encoding", function()
    local c, requests = client(provider { count_tokens = "llama_server" }, { body = "{}" })
    local count, err = c:count_tokens { messages = { ogl.user { ogl.image { path = "/nowhere.png" } } } }
    assert.same({ nil, "file", 0 }, { count, err.kind, #requests })
  end)

  it("raises for misuse, at the caller", function()
    local c = client_of("anthropic", ANTHROPIC, { body = "{}" })
    local bare = client(provider { count_tokens = "anthropic" }, { body = "{}" })
    bare.model_name = false
    for message, call in pairs {
      ["expected a text or a request, got nil"] = function() c:count_tokens() end,
      ["mesages: there is no such field"] = function() c:count_tokens { mesages = {} } end,
      ["model: missing"] = function() bare:count_tokens "a" end,
      ["cannot"] = function() c:count_tokens { messages = { ogl.user "a" }, extra = { tools = print } } end,
    } do
      local fine, raised = pcall(call)
      assert.is_false(fine)
      assert.matches("count_tokens_spec.lua:%d+: client:count_tokens: .*" .. message, raised)
    end
  end)

  it("tells the recorded answer of a server", function()
    local body = recording.bytes "llamacpp_local/count-tokens/count_tokens__0.json.body"
    if not body then return pending(recording.ABSENT) end
    assert.same({ input_tokens = 25 }, assert(client_of("anthropic", ANTHROPIC, { body = body }):count_tokens "think"))
  end)
end)
