local environment = require "spec.support.environment"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local protocols = require "opengatellm.protocol"
local providers = require "opengatellm.providers"
local replay = require "opengatellm.transport.replay"

local FIELDS = {
  name = "string", protocol = "string", base_url = "string", url_env = "table", key_env = "table", auth = "string", version = "string",
  max_tokens = "string", no_stream_options = "boolean", headers = "table", operations = "boolean", catalogue = "string",
  search_tool = "boolean", batch = "table", settings = "table", models = "table", drop = "table", rename = "table", tool_choice = "table",
  no_refusal = "boolean", no_empty_answers = "boolean", signs_calls = "boolean",
  no_message_names = "boolean", echo_reasoning = "string", body = "table", no_model = "boolean", dialects = "table",
  default_port = "number", schema = "string", attachments = "table", needs_reason = "boolean", transport = "string",
}
local REFUSAL = { status = 400, body = '{"error":{"message":"no"}}' }

local function header(request, name)
  for _, row in ipairs(request.headers) do
    if row[1] == name then return row[2] end
  end
end

-- What a client of that provider sends for this request, in an environment of these variables.
local function sent(name, variables, asked, options)
  return environment.with(variables, function()
    options = options or {}
    local transport = replay.new(REFUSAL)
    options.provider, options.transport, options.model = options.provider or name, transport, options.model or "m"
    options.retries = { max = 0 }
    local c = ogl.client(options)
    local _, err = c[asked and asked.stream and "stream" or "chat"](c, asked and asked.request or "hi")
    assert(transport.requests[1], err)
    return transport.requests[1]
  end)
end

describe("every provider", function()
  it("is data: known fields of the right types", function()
    for _, name in ipairs(providers.names()) do
      local provider = assert(providers.find(name))
      assert.equal(name, provider.name)
      for field, value in pairs(provider) do assert.equal(FIELDS[field], type(value), name .. "." .. tostring(field)) end
      for _, row in ipairs(provider.models or {}) do
        for field, value in pairs(row) do assert.equal(field == "match" and "string" or FIELDS[field], type(value), name .. ".models." .. field) end
      end
    end
  end)

  it("speaks a protocol that exists", function()
    local missing = {}
    for _, name in ipairs(providers.names()) do
      local protocol = providers.find(name).protocol
      if not protocols[protocol] then missing[#missing + 1] = name .. ": " .. protocol end
    end
    if missing[1] then pending(table.concat(missing, ", ")) end
  end)
end)

-- name, variables, where a chat goes, the header that has the key where it is no bearer's (false: there is no key).
local AZURE = { AZURE_OPENAI_ENDPOINT = "https://r.openai.azure.com/", AZURE_OPENAI_API_KEY = "K" }
local ROWS = {
  { "opengatellm", { OGL_URL = "https://h", OGL_TOKEN = "K" }, "https://h/v1/chat/completions" },
  { "opengatellm", { OGL_URL = "https://h", OGL_API_KEY = "K" }, "https://h/v1/chat/completions" },
  { "albert", { ALBERT_API_KEY = "K", OGL_TOKEN = "no", OGL_URL = "https://no" }, "https://albert.api.etalab.gouv.fr/v1/chat/completions" },
  { "albert", { OGL_TOKEN = "K" }, "https://albert.api.etalab.gouv.fr/v1/chat/completions" },
  { "azure_openai", AZURE, "https://r.openai.azure.com/openai/v1/chat/completions", "api-key" },
  {
    "bedrock", { AWS_REGION = "eu-west-3", AWS_BEARER_TOKEN_BEDROCK = "K" },
    "https://bedrock-runtime.eu-west-3.amazonaws.com/openai/v1/chat/completions",
  },
  { "cerebras", { CEREBRAS_API_KEY = "K" }, "https://api.cerebras.ai/v1/chat/completions" },
  {
    "cloudflare_workers_ai", { CLOUDFLARE_ACCOUNT_ID = "acc", CLOUDFLARE_API_TOKEN = "K" },
    "https://api.cloudflare.com/client/v4/accounts/acc/ai/v1/chat/completions",
  },
  { "cohere", { COHERE_API_KEY = "K" }, "https://api.cohere.ai/compatibility/v1/chat/completions" },
  { "deepseek", { DEEPSEEK_API_KEY = "K" }, "https://api.deepseek.com/chat/completions" },
  { "fireworks", { FIREWORKS_API_KEY = "K" }, "https://api.fireworks.ai/inference/v1/chat/completions" },
  { "github_models", { GITHUB_TOKEN = "K" }, "https://models.github.ai/inference/chat/completions" },
  { "groq", { GROQ_API_KEY = "K" }, "https://api.groq.com/openai/v1/chat/completions" },
  { "huggingface", { HF_TOKEN = "K" }, "https://router.huggingface.co/v1/chat/completions" },
  { "litellm", { LITELLM_PROXY_API_KEY = "K" }, "http://localhost:4000/v1/chat/completions" },
  { "litellm", { LITELLM_PROXY_API_KEY = "K", LITELLM_PROXY_API_BASE = "https://p" }, "https://p/v1/chat/completions" },
  { "llama_server", { LLAMA_API_KEY = "K" }, "http://localhost:8080/v1/chat/completions" },
  { "lmstudio", { LM_API_TOKEN = "K" }, "http://localhost:1234/v1/chat/completions" },
  { "minimax", { MINIMAX_API_KEY = "K" }, "https://api.minimax.io/v1/chat/completions" },
  { "mistral", { MISTRAL_API_KEY = "K" }, "https://api.mistral.ai/v1/chat/completions" },
  { "mistralrs", {}, "http://localhost:1234/v1/chat/completions", false },
  { "moonshot", { MOONSHOT_API_KEY = "K" }, "https://api.moonshot.ai/v1/chat/completions" },
  { "nvidia", { NVIDIA_API_KEY = "K" }, "https://integrate.api.nvidia.com/v1/chat/completions" },
  { "openrouter", { OPENROUTER_API_KEY = "K" }, "https://openrouter.ai/api/v1/chat/completions" },
  { "perplexity", { PERPLEXITY_API_KEY = "K" }, "https://api.perplexity.ai/v1/responses" },
  { "together", { TOGETHER_API_KEY = "K" }, "https://api.together.ai/v1/chat/completions" },
  { "vllm", { VLLM_API_KEY = "K" }, "http://localhost:8000/v1/chat/completions" },
  { "xai", { XAI_API_KEY = "K" }, "https://api.x.ai/v1/chat/completions" },
  { "zhipu", { ZAI_API_KEY = "K" }, "https://api.z.ai/api/paas/v4/chat/completions" },
  { "zhipu", { ZAI_API_KEY = "K", ZAI_BASE_URL = "https://open.bigmodel.cn/api/paas/v4" }, "https://open.bigmodel.cn/api/paas/v4/chat/completions" },
}

-- Without the protocol there is nothing to ask; the reader of the report sees which are left.
local function needs(name)
  local protocol = providers.find(name).protocol
  if not protocols[protocol] then
    pending("the protocol " .. protocol)
    return true
  end
end

describe("a provider's address and key", function()
  for _, row in ipairs(ROWS) do
    local name, variables, url, key_header = row[1], row[2], row[3], row[4]
    it("come from its data and variables: " .. name .. " " .. url, function()
      if needs(name) then return end
      local request = sent(name, variables)
      assert.equal(url, request.url)
      if key_header == false then
        assert.is_nil(header(request, "authorization"))
      else
        assert.equal(key_header and "K" or "Bearer K", header(request, key_header or "authorization"))
      end
      for field, value in pairs(providers.find(name).headers or {}) do assert.equal(value, header(request, field)) end
    end)

    it("are the user's where given, the key as a function too: " .. name .. " " .. url, function()
      if needs(name) then return end
      local request = sent(name, variables, nil, { base_url = "https://mine/x/v1", api_key = function() return "short" end })
      assert.matches("^https://mine/x/", request.url)
      assert.equal(key_header == "api-key" and "short" or "Bearer short", header(request, key_header or "authorization"))
    end)
  end

  it("stay where the client takes another protocol of that server", function()
    local asked = { request = { messages = { ogl.user "hi" }, max_tokens = 9 } }
    local chat = sent("openai", { OPENAI_API_KEY = "K" }, asked, { protocol = "openai_chat" })
    assert.equal("https://api.openai.com/v1/chat/completions", chat.url)
    assert.equal(9, json.decode(chat.body).max_completion_tokens)
    assert.equal("https://api.openai.com/v1/responses", sent("openai", { OPENAI_API_KEY = "K" }, asked).url)
    local azure = sent("azure_openai", AZURE, asked, { protocol = "openai_responses" })
    assert.equal("https://r.openai.azure.com/openai/v1/responses", azure.url)
    assert.equal("K", header(azure, "api-key"))
  end)

  it("are asked for by name where they are missing", function()
    local function problem(options)
      return environment.with({}, function()
        options.model = "m"
        local _, err = ogl.client(options):chat "hi"
        assert.equal("config", err.kind)
        return err.message
      end)
    end
    assert.equal("no account: set CLOUDFLARE_ACCOUNT_ID, or settings.account", problem { provider = "cloudflare_workers_ai" })
    assert.equal("no server address: set AZURE_OPENAI_ENDPOINT, or base_url", problem { provider = "azure_openai" })
  end)

  it("have a row here each", function()
    local seen = { openai_compatible = true, vertex = true, llama = true } -- no address; spec/auth/vertex_spec.lua; sends nothing
    for _, row in ipairs(ROWS) do seen[row[1]] = true end
    local protocol_of_its_own = { anthropic = true, gemini = true, openai_responses = true, ollama = true }
    for _, name in ipairs(providers.names()) do
      local provider = providers.find(name)
      if not seen[name] then assert.truthy(protocol_of_its_own[provider.protocol], name .. " has no row") end
    end
  end)
end)

-- Everything that some server refuses.
local ALL = {
  messages = { ogl.system "s", { role = "user", content = "hi", name = "Ada" } }, max_tokens = 9, seed = 5, logprobs = true, top_logprobs = 2,
  logit_bias = { ["1"] = 1 }, user = "u", store = false, service_tier = "auto", metadata = { a = "b" }, n = 2, frequency_penalty = 1, presence_penalty = 1,
  parallel_tool_calls = true, top_k = 3, tools = { { name = "f" } }, tool_choice = "required",
}

describe("a provider's quirks", function()
  local VARIABLES = { AZURE_OPENAI_ENDPOINT = "https://r", CLOUDFLARE_ACCOUNT_ID = "a", AWS_REGION = "r" }

  local function body(name, request, stream)
    return json.decode(sent(name, VARIABLES, { request = request, stream = stream }).body)
  end

  it("leave out what it refuses, and only that", function()
    for _, name in ipairs(providers.names()) do
      local provider = providers.find(name)
      if protocols[provider.protocol] and provider.protocol == "openai_chat" and (provider.base_url or name == "azure_openai") then
        local got, dropped = body(name, ALL, true), {}
        for _, field in ipairs(provider.drop or {}) do dropped[field] = true end
        for field in pairs(ALL) do
          local theirs = (provider.rename or {})[field] or field == "max_tokens" and provider.max_tokens or field
          if field ~= "tool_choice" then assert.equal(not dropped[field], got[theirs] ~= nil, name .. "." .. field) end
          if theirs ~= field then assert.is_nil(got[field], name .. "." .. field) end
        end
        assert.equal(not provider.no_stream_options, got.stream_options ~= nil, name)
        assert.equal(provider.no_message_names == nil, got.messages[2].name ~= nil, name)
        local word = provider.tool_choice and provider.tool_choice.required
        assert.equal(word == nil and "required" or word or nil, got.tool_choice, name)
      end
    end
  end)

  it("are told as warnings, and are an error with strict", function()
    environment.with({}, function()
      local transport = replay.new { body = '{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}' }
      local c = ogl.client { provider = "groq", model = "m", transport = transport }
      local reply = assert(c:chat(ALL))
      local fields = {}
      for _, warning in ipairs(reply.warnings) do
        assert.equal("not_carried", warning.code)
        fields[#fields + 1] = warning.field
      end
      assert.same({ "logprobs", "top_logprobs", "logit_bias", "messages.name" }, fields)
      local strict = {}
      for key, value in pairs(ALL) do strict[key] = value end
      strict.strict = true
      local _, err = c:chat(strict)
      assert.same({ "unsupported", "logprobs", 1 }, { err.kind, err.code, #transport.requests })
    end)
  end)

  it("leave the user's request as it was", function()
    body("mistral", ALL)
    assert.same({ 5, "Ada", "required" }, { ALL.seed, ALL.messages[2].name, ALL.tool_choice })
  end)

  it("give reasoning back with tool calls, where it is asked for", function()
    local said = { role = "assistant", text = "", reasoning = "hm", tool_calls = { { id = "1", name = "f", arguments = "{}" } } }
    local request = { messages = { ogl.user "hi", said, ogl.tool_result("1", "ok"), { role = "assistant", text = "done", reasoning = "so" }, ogl.user "and?" } }
    local messages = body("deepseek", request).messages
    assert.same({ "hm", nil }, { messages[2].reasoning_content, messages[4].reasoning_content })
    said.reasoning = nil
    assert.equal("", body("moonshot", request).messages[2].reasoning_content)
    assert.is_nil(body("groq", request).messages[2].reasoning_content)
  end)
end)

describe("a provider of the user's own", function()
  it("needs a protocol and an address; its key is a bearer's", function()
    local request = sent(nil, {}, nil, { provider = { protocol = "openai_chat", base_url = "http://h:1/x" }, api_key = "K" })
    assert.same({ "http://h:1/x/chat/completions", "Bearer K" }, { request.url, header(request, "authorization") })
  end)

  it("may have settings, and models that are asked otherwise", function()
    local provider = {
      name = "mine", protocol = "openai_chat", auth = "x-key", base_url = "http://h/{place}", settings = { place = { "PLACE", default = "a/b" } },
      models = { { match = "^big", max_tokens = "max_completion_tokens", body = { form = 2 }, no_model = true } },
    }
    local function got(model, variables, settings)
      local request = sent(nil, variables or {}, { request = { messages = { ogl.user "hi" }, max_tokens = 7 } },
        { provider = provider, model = model, api_key = "K", settings = settings })
      return request.url, json.decode(request.body), header(request, "x-key")
    end
    local url, body, key = got "small"
    assert.same({ "http://h/a%2Fb/chat/completions", "small", 7, "K" }, { url, body.model, body.max_tokens, key })
    url, body, key = got("big-1", { PLACE = "p" })
    assert.same({ "http://h/p/chat/completions", 7, 2, "K" }, { url, body.max_completion_tokens, body.form, key })
    assert.is_nil(body.model)
    assert.equal("http://h/s/chat/completions", (got("small", { PLACE = "p" }, { place = "s" })))
  end)

  it("may bring a module of auth", function()
    local module = { credential = function(client, key) return key .. "/" .. client.settings.realm, "x-auth" end }
    local provider = { protocol = "openai_chat", base_url = "http://h", auth = module, settings = { realm = { default = "r" } } }
    assert.equal("K/r", header(sent(nil, {}, nil, { provider = provider, api_key = "K" }), "x-auth"))
  end)
end)

describe("settings", function()
  it("raise where there is none of that name, or of that value", function()
    local function fails(settings, provider) return function() ogl.client { provider = provider or "azure_openai", settings = settings } end end
    assert.error_matches(fails { region = "x" }, "ogl.client: settings.region: there is no such field")
    assert.error_matches(fails { api_version = 1 }, "ogl.client: settings.api_version: expected string")
    assert.error_matches(fails { auth = "basic" }, "ogl.client: settings.auth: expected api%-key or bearer, got basic")
    assert.error_matches(fails({ account = "x" }, "groq"), "ogl.client: settings.account: there is no such field")
  end)
end)

describe("providers.find", function()
  it("says which there are, for a name that is none", function()
    local provider, problem = providers.find "nobody"
    assert.is_nil(provider)
    assert.matches("openai_compatible, opengatellm", problem, 1, true)
  end)
end)

describe("the address of a provider", function()
  local getenv = os.getenv
  local function api(provider, variables, options)
    os.getenv = function(name) return variables[name] end -- luacheck: ignore 122
    local client = ogl.client { provider = provider, base_url = options and options.base_url }
    os.getenv = getenv -- luacheck: ignore 122
    return client.api
  end

  it("is its own, its variable's, or the user's", function()
    assert.equal("https://api.openai.com/v1", api("openai", {}))
    assert.equal("http://h/x/v1", api("openai", { OPENAI_BASE_URL = "http://h/x/v1" }))
    assert.is_false(api("responses_compatible", {}))
    assert.equal("http://localhost:11434", api("ollama", {}))
  end)

  it("may be a host alone where the provider has a port", function()
    assert.equal("http://localhost:11434", api("ollama", { OLLAMA_HOST = "0.0.0.0:11434" }))
    assert.equal("http://gpu1:11434", api("ollama", { OLLAMA_HOST = "gpu1" }))
    assert.equal("http://gpu1:8080", api("ollama", {}, { base_url = "gpu1:8080" }))
    assert.equal("https://h/ollama", api("ollama", {}, { base_url = "https://h/ollama/" }))
  end)
end)

describe("a client of a provider", function()
  -- The request as a transport is asked for it.
  local function request_of(options)
    local seen
    options.transport = { open = function(_, request)
      local headers = {}
      for _, row in ipairs(request.headers) do headers[row[1]] = row[2] end
      seen = { url = request.url, headers = headers }
      return nil, require("opengatellm.errors").new { kind = "network", message = "no" }
    end }
    options.retries, options.model, options.api_key = { max = 0 }, "m", "k"
    require("opengatellm").client(options):stream "hi"
    return seen
  end

  it("sends the key where the server looks for it, and what the protocol wants beside it", function()
    local seen = request_of { provider = "anthropic", base_url = "https://api.anthropic.com" }
    assert.equal("https://api.anthropic.com/v1/messages", seen.url)
    assert.same({ "k", "2023-06-01" }, { seen.headers["x-api-key"], seen.headers["anthropic-version"] })
    assert.is_nil(seen.headers.authorization)
    seen = request_of { provider = "gemini" }
    assert.equal("https://generativelanguage.googleapis.com/v1beta/models/m:streamGenerateContent?alt=sse", seen.url)
    assert.equal("k", seen.headers["x-goog-api-key"])
    seen = request_of { provider = "anthropic_compatible", base_url = "http://localhost:8080/anthropic/" }
    assert.equal("http://localhost:8080/anthropic/v1/messages", seen.url)
  end)
end)
