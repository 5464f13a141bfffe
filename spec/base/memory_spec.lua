-- The end of memory as an error; spec/core/safety_spec.lua brings a process there.
local memory = require "opengatellm.base.memory"

describe("memory.attempt", function()
  it("gives what the function gives", function()
    assert.same({ 1, nil, 3 }, { memory.attempt(function(a) return a, nil, 3 end, 1) })
  end)

  it("makes an error of the end of memory, and raises anything else as it is", function()
    local value, err = memory.attempt(function() error("not enough memory", 0) end)
    assert.is_nil(value)
    assert.same({ "limit", "memory", false }, { err.kind, err.code, err.retryable })
    local own = {}
    assert.equal(own, select(2, pcall(memory.attempt, function() error(own) end)))
    assert.is_nil(memory.error "spec.lua:1: not enough memory")
  end)
end)
