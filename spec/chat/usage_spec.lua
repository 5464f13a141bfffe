local usage = require "opengatellm.chat.usage"

describe("usage", function()
  it("adds up, and keeps the last of what is no number", function()
    local sum = {}
    usage.add(sum, { input_tokens = 1, estimated = true })
    usage.add(sum, nil)
    usage.add(sum, { input_tokens = 2, output_tokens = 3, estimated = false })
    assert.same({ input_tokens = 3, output_tokens = 3, estimated = false }, sum)
  end)
end)
