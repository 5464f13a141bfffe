local environment = require "spec.support.environment"
local provider_settings = require "opengatellm.cli.provider_settings"

local VARIABLES = { MY_KEY = "sk-mine", OPENAI_API_KEY = "sk-openai" }

-- The client of an entry, or the line that says why there is none.
local function client(name, entry, options)
  return environment.with(VARIABLES, function()
    local made, line = provider_settings.client(name, entry, options)
    return made or line
  end)
end

describe("a provider of a settings file", function()
  it("is a client of its kind, with its address, key, headers and model's limits", function()
    local made = client("mine", {
      type = "openai_compatible", base_url = "http://127.0.0.1:8000", api_key_env = "MY_KEY", headers = { ["x-team"] = "a" },
    }, { retries = { max = 0 }, headers = { ["user-agent"] = "bench" } })
    assert.same({ "openai_compatible", "http://127.0.0.1:8000/v1", "sk-mine", 0 }, { made.provider.name, made.api, made.key(), made.retries.max })
    assert.same({ ["x-team"] = "a", ["user-agent"] = "bench" }, made.headers)
  end)

  it("has the kind of its name, or speaks OpenAI's protocol at its address", function()
    assert.same({ "openai", "sk-openai" }, { client("openai", {}).provider.name, client("openai", {}).key() })
    assert.equal("openai_compatible", client("mine", { base_url = "http://h" }).provider.name)
    assert.equal("anthropic", client("mine", { type = "anthropic", auth_token = "sk-x" }).provider.name)
    assert.equal("sk-x", client("mine", { type = "anthropic", auth_token = "sk-x" }).key())
  end)

  it("that is wrong is told in one line, with its name and without its key", function()
    for problem, entry in pairs {
      ["ogl: provider mine: type: there is no kind of server 'nobody'"] = { type = "nobody" },
      ["ogl: provider mine: type: there is no kind of server 'mine'"] = {},
      ["ogl: provider mine: the variable NO_KEY, which is to hold its key, is not set"] = { type = "openai", api_key_env = "NO_KEY" },
      ["ogl: provider mine: protocol: there is no protocol 'morse'"] = { type = "openai", protocol = "morse" },
      ["ogl: provider mine: no server"] = { type = "opengatellm" },
      ["ogl: provider mine: base_url: "] = { type = "openai", base_url = "nonsense://", api_key = "sk-secret" },
    } do
      local line = client("mine", entry)
      assert.equal("string", type(line), problem)
      assert.equal(problem, line:sub(1, #problem))
      assert.is_nil(line:find "\n")
      assert.is_nil(line:find("sk-secret", 1, true))
    end
  end)
end)
