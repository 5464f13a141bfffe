-- Prices as data, and what a usage costs by them.
local models = require "opengatellm.providers.models"
local prices = require "opengatellm.providers.prices"
local providers = require "opengatellm.providers"

describe("the prices", function()
  it("are of providers that there are, under plain names, and whole", function()
    local count = 0
    for name, price in pairs(prices.ROWS) do
      local provider, model = name:match "^([^/]+)/(.+)$"
      assert.truthy(providers.find(provider), name)
      assert.equal(model, models.plain_name(model), name)
      for _, one in ipairs { price, price.long } do
        assert.is_true(one.input > 0 and one.output >= one.input and one.cached_input < one.input, name)
      end
      count = count + 1
    end
    assert.is_true(count > 10)
  end)

  it("bill each token once: cached ones are part of what was read (litellm#9812, aider#5516)", function()
    local price = { input = 3, cached_input = 0.3, cache_write = 3.75, output = 15 }
    local function cost(usage) return prices.cost(price, usage) end
    assert.near(3, cost { input_tokens = 1e6 }, 1e-9)
    assert.near(0.3, cost { input_tokens = 1e6, cached_input_tokens = 1e6 }, 1e-9)
    assert.near(0.5 * 3 + 0.3 * 0.3 + 0.2 * 3.75 + 0.1 * 15,
      cost { input_tokens = 1e6, cached_input_tokens = 3e5, cache_write_tokens = 2e5, output_tokens = 1e5 }, 1e-9)
    assert.near(0, cost {}, 1e-9)
    assert.near(1, prices.cost({ input = 1 }, { input_tokens = 1e6, cached_input_tokens = 5e5, output_tokens = 7 }), 1e-9)
  end)

  it("are others for long requests, for all of their tokens", function()
    local price = { input = 1, output = 10, above = 1000, long = { input = 2, output = 20 } }
    assert.near(1000 * 1e-6 + 1e-5, prices.cost(price, { input_tokens = 1000, output_tokens = 1 }), 1e-12)
    assert.near(2002 * 1e-6 + 2e-5, prices.cost(price, { input_tokens = 1001, output_tokens = 1 }), 1e-12)
  end)
end)
