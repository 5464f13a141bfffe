local protocols = require "opengatellm.protocol"
local providers = require "opengatellm.providers"

local FIELDS = {
  name = "string", protocol = "string", base_url = "string", url_env = "table", key_env = "table", auth = "string", version = "string",
  max_tokens = "string", no_stream_options = "boolean", headers = "table", operations = "boolean", catalogue = "string",
  search_tool = "boolean", batch = "table", settings = "table",
}

describe("every provider", function()
  it("is data: known fields of the right types, and a protocol that exists", function()
    for _, name in ipairs(providers.names()) do
      local provider = assert(providers.find(name))
      assert.equal(name, provider.name)
      assert.truthy(protocols[provider.protocol], name)
      for field, value in pairs(provider) do assert.equal(FIELDS[field], type(value), name .. "." .. tostring(field)) end
    end
  end)
end)

describe("providers.find", function()
  it("says which there are, for a name that is none", function()
    local provider, problem = providers.find "nobody"
    assert.is_nil(provider)
    assert.matches("anthropic, anthropic_compatible, gemini, openai_compatible, opengatellm", problem, 1, true)
  end)
end)
