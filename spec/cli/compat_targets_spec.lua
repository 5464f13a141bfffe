-- The servers that `ogl compat` asks: which they are, and with what they are asked.
local compat_targets = require "opengatellm.cli.compat_targets"
local environment = require "spec.support.environment"

local function targets_of(arguments, values, variables)
  local all = { provider = {} }
  for name, value in pairs(arguments) do all[name] = value end
  return environment.with(variables or {}, function()
    local list, line = compat_targets.of(all, values)
    return list or line
  end)
end

local function names_of(list)
  local names = {}
  for i, target in ipairs(list) do names[i] = target.name end
  return names
end

describe("the servers that are asked", function()
  local VALUES = { providers = {
    b = { base_url = "http://b" }, a = { base_url = "http://a" }, off = { base_url = "http://off", enabled = false }, ollama = {},
  } }

  it("are those of the arguments, else those of the file that are on, else OpenGateLLM", function()
    assert.same({ "a", "b", "ollama" }, names_of(targets_of({}, VALUES)))
    assert.same({ "off", "a" }, names_of(targets_of({ provider = { "off", "a" } }, VALUES)))
    assert.same({ "opengatellm" }, names_of(targets_of({}, {}, { OGL_URL = "http://ogl" })))
    assert.same({ "vllm" }, names_of(targets_of({ provider = { "vllm" }, url = "http://gpu:8000" }, {})))
  end)

  it("are told in one line where they cannot be", function()
    for line, case in pairs {
      ["ogl: --provider c: it is neither in a settings file nor a kind of server"] = { { provider = { "c" } }, VALUES },
      ["ogl: --url is the address of one server, and several are wanted"] = { { url = "http://x" }, VALUES },
      ["ogl: provider openai: no key: set OPENAI_API_KEY"] = { { provider = { "openai" } }, {} },
      ["ogl: provider gemini: no key: set GEMINI_API_KEY or GOOGLE_API_KEY"] = { { provider = { "gemini" } }, {} },
      ["ogl: provider x: type: there is no kind of server 'opnai'"] = { {}, { providers = { x = { type = "opnai" } } } },
    } do
      assert.equal(line, targets_of(case[1], case[2]))
    end
  end)

  it("need no key at an address that was named, nor where code finds it", function()
    assert.equal("openai", targets_of({ provider = { "openai" }, url = "http://localhost:1" }, {})[1].name)
    assert.equal("x", targets_of({}, { providers = { x = { type = "openai", base_url = "https://proxy" } } })[1].name)
  end)
end)

describe("a server that is asked", function()
  local VALUES = {
    settings = { timeout_seconds = 7, user_agent = "me/1", expected_token = "PING", magic_number = 5 }, cases = { stop = false, text = true },
    providers = { x = {
      type = "openai_compatible", base_url = "http://x", api_key = "sk-x-word", headers = { ["x-team"] = "blue-team" }, proxy = "http://u:p@proxy:1",
      model = "m", embedding_model = "e", rerank_model = "r", image_model = "i", vision_model = "v", max_tokens = 99, temperature = 0, cases = { text = false },
    } },
  }

  it("has what the file says of it", function()
    local target = targets_of({}, VALUES)[1]
    assert.same({ text = "m", embeddings = "e", rerank = "r", images = "i", vision = "v" }, target.models)
    assert.same({ "PING", 5, { max_tokens = 99, temperature = 0 }, { stop = false, text = false } }, { target.token, target.number, target.fields, target.cases })
    assert.same({ 7, "http://x/v1", "sk-x-word", "me/1", "blue-team" },
      { target.client.timeouts.total, target.client.api, target.client.key(), target.client.headers["user-agent"], target.client.headers["x-team"] })
    for _, secret in ipairs { "sk-x-word", "blue-team", "http://u:p@proxy:1" } do assert.equal("[REDACTED]", target:redacted(secret)) end
  end)

  it("has what the arguments say instead", function()
    local target = targets_of({ model = "n", timeout = 2, url = "http://y" }, VALUES)[1]
    assert.same({ "n", 2, "http://y/v1" }, { target.models.text, target.client.timeouts.total, target.client.api })
    assert.equal(300, targets_of({ provider = { "ollama" } }, {})[1].client.timeouts.total)
  end)

  it("has the model of the environment where it is OpenGateLLM", function()
    local variables = { OGL_URL = "http://ogl", OGL_MODEL = "o" }
    assert.equal("o", targets_of({}, {}, variables)[1].models.text)
    assert.is_nil(targets_of({ provider = { "ollama" } }, {}, variables)[1].models.text)
  end)
end)
