local rate_limit = require "opengatellm.http.rate_limit"

describe("rate limits", function()
  -- recorded from a live server (P22_three_docs): OpenGateLLM's mixed spellings, and no limit of tokens
  local OGL = {
    ["x-ratelimit-limit-token"] = "None", ["x-ratelimit-remaining-token"] = "0", ["x-ratelimit-reset-token"] = "0s",
    ["x-ratelimit-limit-request"] = "500", ["x-ratelimit-remaining-request"] = "12", ["x-ratelimit-reset-requests"] = "1h2m3s",
  }

  it("are read in OpenGateLLM's form", function()
    assert.same({ requests = { limit = 500, remaining = 12, reset = 3723 }, tokens = { reset = 0 } }, rate_limit.read(OGL))
  end)

  it("are read in OpenAI's form", function()
    local limits = rate_limit.read {
      ["x-ratelimit-limit-requests"] = "60", ["x-ratelimit-remaining-requests"] = "59", ["x-ratelimit-reset-requests"] = "1s",
      ["x-ratelimit-limit-tokens"] = "150000", ["x-ratelimit-remaining-tokens"] = "149984", ["x-ratelimit-reset-tokens"] = "6m0s",
    }
    assert.same({ requests = { limit = 60, remaining = 59, reset = 1 }, tokens = { limit = 150000, remaining = 149984, reset = 360 } }, limits)
  end)

  it("are those of the last answer that told of them", function()
    local client = { shared = {} }
    rate_limit.note(client, { server = "nginx" })
    assert.is_nil(rate_limit.read(client.shared.rate_headers))
    rate_limit.note(client, OGL)
    rate_limit.note(client, { server = "nginx" })
    assert.equal(500, rate_limit.read(client.shared.rate_headers).requests.limit)
  end)
end)
