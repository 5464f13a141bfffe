-- What one version of OpenGateLLM has and another does not: values of enumerations, fields, embeddings of messages.
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local recording = require "spec.support.recording"
local replay = require "opengatellm.transport.replay"

local function client_of(version, answer, more)
  local transport = replay.new(answer or { body = "{}" })
  local options = { base_url = "http://server", transport = transport, api_key = "sk-x12345", model = "m", version = version, retries = { max = 0 } }
  for name, value in pairs(more or {}) do options[name] = value end
  return ogl.client(options), transport.requests
end

local LOGIN = { username = "ada", password = "password-0123" }
local PROVIDER = { router_id = 1, type = "vllm", model_name = "m" }

local function provider(fields)
  for name, value in pairs(PROVIDER) do fields[name] = value end
  return fields
end

-- resource, options, versions that have it, versions that do not, words of the refusal
local CASES = {
  {
    "routers", { name = "r", type = "image-text-to-text" }, { "0.4.1", "0.4.5", "0.6", "0.8.1" }, { "0.9", "0.9.2", "main" },
    "type: OpenGateLLM %s does not know 'image-text-to-text'; it is there before 0.9",
  },
  {
    "roles", { name = "r", permissions = { "admin", "create_public_collection" } }, { "0.4.1", "0.4.5" }, { "0.5", "0.6", "0.9.2", "main" },
    "permissions: OpenGateLLM %s does not know 'create_public_collection'; it is there before 0.5",
  },
  {
    "users", { email = "e", password = "password", role_id = 1, organization_id = 1, budget = 5 }, { "0.4.5", "0.9.2" }, { "main" },
    "budget: OpenGateLLM %s does not know it; it is there before 0.9.3",
  },
  {
    "routers", { name = "r", type = "text-generation", qos_retries_before_reject = 3 }, { "main" }, { "0.4.5", "0.8", "0.9.2" },
    "qos_retries_before_reject: OpenGateLLM %s does not know it; it is there from 0.9.3 on",
  },
  {
    "providers", provider { basic_auth = LOGIN }, { "0.5", "0.6", "0.8" }, { "0.4.5", "0.9", "0.9.2", "main" },
    "basic_auth: OpenGateLLM %s does not know it; it is there before 0.9 and from 0.5 on",
  },
}

describe("a value or a field", function()
  for _, case in ipairs(CASES) do
    it(("of admin.%s goes to the versions that have it (%s)"):format(case[1], case[5]:match "^[%w_]+"), function()
      for _, version in ipairs(case[3]) do
        local c, requests = client_of(version)
        assert(c.admin[case[1]]:create(case[2]))
        assert.equal(1, #requests)
      end
      for _, version in ipairs(case[4]) do
        local c, requests = client_of(version)
        local made, err = c.admin[case[1]]:create(case[2])
        assert.same({ nil, "unsupported", "version", 0 }, { made, err.kind, err.code, #requests })
        assert.equal(("client.admin.%s:create: "):format(case[1]) .. case[5]:format(version), err.message)
      end
    end)
  end

  it("is refused in an update too", function()
    for _, case in ipairs { { "routers", { type = "image-text-to-text" } }, { "roles", { permissions = { "create_public_collection" } } }, { "users", { budget = 1 } } } do
      local c, requests = client_of "main"
      local made, err = c.admin[case[1]]:update(1, case[2])
      assert.same({ nil, "unsupported", "version", 0 }, { made, err.kind, err.code, #requests })
    end
  end)

  it("that no version has is told with those that this one has", function()
    local _, err = client_of("0.8").admin.routers:create { name = "r", type = "x" }
    assert.same({ "invalid", "type" }, { err.kind, err.fields[1].path })
    assert.matches("image-text-to-text", err.message, 1, true)
    _, err = client_of("main").admin.routers:create { name = "r", type = "x" }
    assert.equal("invalid", err.kind)
    assert.is_nil(err.message:find("image-text-to-text", 1, true))
  end)

  it("makes no question for the version where all have it", function()
    local c, requests = client_of()
    assert(c.admin.routers:create { name = "r", type = "text-generation" })
    assert(c.admin.roles:create { name = "r" })
    assert.equal("POST http://server/v1/admin/routers", requests[1].method .. " " .. requests[1].url)
  end)
end)

describe("a router's update", function()
  it("leaves its retries as they are", function()
    for told, sent in pairs { ["0"] = 0, ["7"] = 7, null = json.null } do
      local body = '{"id":1,"name":"r","type":"text-generation","aliases":[],"load_balancing_strategy":"shuffle","cost_prompt_tokens":0,'
        .. '"cost_completion_tokens":0,"qos_retries_before_reject":' .. told .. "}"
      local c, requests = client_of("main", { body = body })
      assert(c.admin.routers:update(1, { name = "new" }))
      assert.same({ "GET", "PATCH" }, { requests[1].method, requests[2].method })
      assert.equal(sent, json.decode(requests[2].body).qos_retries_before_reject)
      c, requests = client_of("0.9.2", { body = body })
      assert(c.admin.routers:update(1, { name = "new" }))
      assert.is_nil(requests[2].body:find("qos_retries", 1, true))
    end
  end)
end)

describe("a provider", function()
  it("has a login of two texts, whose password shows in no error", function()
    local c, requests = client_of("0.8", { status = 400, body = '{"detail":"no password-0123"}' })
    local _, err = c.admin.providers:create(provider { basic_auth = LOGIN })
    assert.same(LOGIN, json.decode(requests[1].body).basic_auth)
    assert.is_nil((err.message .. err.body):find("password-0123", 1, true))
    for _, login in ipairs { {}, { username = "a" }, { username = "a", password = 5 } } do
      _, err = c.admin.providers:create(provider { basic_auth = login })
      assert.same({ "invalid", "basic_auth" }, { err.kind, err.fields[1].path })
    end
    assert.error_matches(function() c.admin.providers:create(provider { basic_auth = "a:b" }) end, "basic_auth: expected table")
  end)

  it("has an hour at most", function()
    local c, requests = client_of "0.9.2"
    for _, seconds in ipairs { 0, -1, 3601 } do
      local _, err = c.admin.providers:create(provider { timeout = seconds })
      assert.same({ "invalid", "timeout" }, { err.kind, err.fields[1].path })
    end
    for _, seconds in ipairs { 1, 3600 } do assert(c.admin.providers:create(provider { timeout = seconds })) end
    assert.equal(2, #requests)
  end)
end)

describe("embeddings of messages", function()
  local ANSWER = { body = '{"data":[{"index":0,"embedding":[1,2]}],"model":"m"}' }

  it("go to main, in the form of a chat", function()
    local c, requests = client_of("main", ANSWER)
    local messages = { ogl.system "s", ogl.user { "look", ogl.image { data = "\137PNG\r\n\26\n" } } }
    local found = assert(c:embeddings { messages = messages, dimensions = 2, extra = { x = 1 } })
    assert.same({ { 1, 2 } }, found.vectors)
    local body = json.decode(requests[1].body)
    assert.same({ nil, "m", 2, "float", 1 }, { body.input, body.model, body.dimensions, body.encoding_format, body.x })
    assert.same({ role = "system", content = "s" }, body.messages[1])
    assert.same({ "text", "image_url" }, { body.messages[2].content[1].type, body.messages[2].content[2].type })
    assert.equal("POST http://server/v1/embeddings", requests[1].method .. " " .. requests[1].url)
  end)

  it("are refused where nobody takes them", function()
    for _, version in ipairs { "0.4.5", "0.8", "0.9.2" } do
      local c, requests = client_of(version, ANSWER)
      local found, err = c:embeddings { messages = { ogl.user "a" } }
      assert.same({ nil, "unsupported", "version", 0 }, { found, err.kind, err.code, #requests })
      assert.matches("messages: OpenGateLLM " .. version .. " does not know them; they are there from 0.9.3 on", err.message, 1, true)
    end
    for _, dialect in ipairs { "openai", "voyage", "gemini", "ollama", "cohere" } do
      local c, requests = recording.client(recording.provider { embeddings = dialect }, ANSWER)
      local found, err = c:embeddings { messages = { ogl.user "a" } }
      assert.same({ nil, "unsupported", "messages", 0 }, { found, err.kind, err.code, #requests })
    end
  end)

  it("raise for misuse", function()
    local c = client_of("main", ANSWER)
    assert.error_matches(function() c:embeddings { messages = { ogl.user "a" }, input = "a" } end, "messages: they stand in place of input")
    assert.error_matches(function() c:embeddings { messages = { { role = "x" } } } end, "client:embeddings: messages")
    assert.error_matches(function() c:embeddings { messages = "a" } end, "messages: expected table")
    assert.error_matches(function() c:embeddings {} end, "input: expected string or table")
  end)
end)

describe("the language of a transcript", function()
  local FILE = { data = "ID3", name = "a.mp3" }

  it("is the server's own with another server, and OpenGateLLM's with it", function()
    for _, language in ipairs { "auto", "fr-FR", "fr", "pt-br", "" } do
      local c, requests = recording.client("openai_compatible", { body = '{"text":"x"}' })
      assert(c:transcribe { file = FILE, language = language })
      assert.matches('name="language"\r\n\r\n' .. language:gsub("%-", "%%-") .. "\r\n", requests[1].text)
    end
    for _, language in ipairs { "auto", "fr-FR" } do
      local c, requests = client_of("0.9.2", { body = '{"text":"x"}' })
      local found, err = c:transcribe { file = FILE, language = language }
      assert.same({ nil, "invalid", "language", 0 }, { found, err.kind, err.fields[1].path, #requests })
    end
    local c = client_of("0.9.2", { body = '{"text":"x"}' })
    assert(c:transcribe { file = FILE, language = "fr" })
  end)
end)
