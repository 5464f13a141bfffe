local environment = require "spec.support.environment"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local KEY = "azure-SECRET-0123456789"

-- A client of Azure in an environment of these variables.
local function client(options, variables, answer)
  options.provider, options.model, options.retries = "azure_openai", options.model or "gpt/5", { max = 0 }
  options.transport = replay.new(answer or { status = 400, body = '{"error":{"message":"no"}}' })
  return environment.with(variables or {}, function() return ogl.client(options) end), options.transport
end

local function url_of(options, variables, ask)
  local c, transport = client(options, variables)
  local _, err = (ask or c.chat)(c, "hi")
  assert(transport.requests[1], err)
  return transport.requests[1].url
end

local function headers_of(request)
  local found = {}
  for _, row in ipairs(request.headers) do found[row[1]] = row[2] end
  return found
end

describe("the address of Azure", function()
  local V1 = "https://r.openai.azure.com/openai/v1/chat/completions"
  local CLASSIC = "https://r.openai.azure.com/openai/deployments/gpt%2F5/chat/completions?api-version=2024-10-21"
  local DATE = { api_version = "2024-10-21" }

  it("has the form that the version says", function()
    local rows = { -- base_url, settings, variables, address
      { "https://r.openai.azure.com", nil, nil, V1 },
      { "https://r.openai.azure.com/", nil, nil, V1 },
      { "https://r.openai.azure.com/openai/v1/", nil, nil, V1 },
      { "https://r.openai.azure.com/openai/v1", DATE, nil, V1 }, -- v1 has no dates
      { "https://r.openai.azure.com", { api_version = "preview" }, nil, V1 .. "?api-version=preview" },
      { "https://r.openai.azure.com", DATE, nil, CLASSIC },
      { "https://r.openai.azure.com/openai", DATE, nil, CLASSIC },
      { nil, nil, { AZURE_OPENAI_ENDPOINT = "https://r.openai.azure.com", OPENAI_API_VERSION = "2024-10-21" }, CLASSIC },
      {
        "https://r.openai.azure.com/openai/deployments/mine", DATE, nil,
        "https://r.openai.azure.com/openai/deployments/mine/chat/completions?api-version=2024-10-21",
      },
      { "https://proxy/azure", nil, nil, "https://proxy/azure/openai/v1/chat/completions" },
    }
    for _, row in ipairs(rows) do assert.equal(row[4], url_of({ base_url = row[1], settings = row[2] }, row[3])) end
  end)

  it("is left alone with no_v1", function()
    assert.equal("http://h/x/chat/completions", url_of { base_url = "http://h/x", no_v1 = true })
  end)

  it("names the deployment for embeddings too, and not for lists", function()
    local base = { base_url = "https://r", settings = DATE, model = "e" }
    local function embed(c) return c:embeddings { input = "x" } end
    assert.equal("https://r/openai/deployments/e/embeddings?api-version=2024-10-21", url_of(base, nil, embed))
    assert.equal("https://r/openai/models?api-version=2024-10-21", url_of({ base_url = "https://r", settings = DATE }, nil, function(c) return c:models() end))
  end)

  it("says what is missing", function()
    local function problem(options)
      local _, err = client(options):chat "hi"
      assert.equal("config", err.kind)
      return err.message
    end
    assert.matches("set AZURE_OPENAI_ENDPOINT, or base_url", problem {}, 1, true)
    assert.matches("set OPENAI_API_VERSION, or settings.api_version", problem { base_url = "https://r/openai" }, 1, true)
  end)
end)

describe("auth at Azure", function()
  it("puts a key into api-key", function()
    local c, transport = client({ base_url = "https://r" }, { AZURE_OPENAI_API_KEY = KEY })
    c:chat "hi"
    local headers = headers_of(transport.requests[1])
    assert.same({ KEY, nil }, { headers["api-key"], headers.authorization })
  end)

  it("puts a token of Entra, asked for at each try, into Authorization", function()
    local n = 0
    local function token()
      n = n + 1
      return "entra-" .. n
    end
    local c, transport = client { base_url = "https://r", api_key = token, settings = { auth = "bearer" } }
    c:chat "hi"
    c:chat "hi"
    local first, second = headers_of(transport.requests[1]), headers_of(transport.requests[2])
    assert.same({ "Bearer entra-1", "Bearer entra-2", nil }, { first.authorization, second.authorization, first["api-key"] })
  end)

  it("says which variable to set where a key is missing", function()
    local _, err = client({ base_url = "https://r" }, {}, { status = 401, body = '{"error":{"message":"Access denied"}}' }):chat "hi"
    assert.matches("set AZURE_OPENAI_API_KEY, or api_key", err.message, 1, true)
  end)

  it("shows the key in no error", function()
    local answer = { status = 401, body = json.encode { error = { message = "wrong key " .. KEY } }, headers = { ["x-seen"] = KEY } }
    local c = client({ base_url = "https://r", api_key = KEY }, nil, answer)
    local _, err = c:chat "hi"
    assert.same({ "auth", "wrong key [REDACTED]" }, { err.kind, err.message })
    for _, text in ipairs { tostring(err), err.body, err.headers["x-seen"], tostring(c) } do assert.is_nil(text:find(KEY, 1, true)) end
  end)

  it("sends max_tokens by its newer name", function()
    local c, transport = client { base_url = "https://r" }
    c:chat { messages = { ogl.user "hi" }, max_tokens = 3 }
    local body = json.decode(transport.requests[1].body)
    assert.same({ 3, nil, "gpt/5" }, { body.max_completion_tokens, body.max_tokens, body.model })
  end)
end)
