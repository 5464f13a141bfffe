local json = require "opengatellm.json"
local schema = require "opengatellm.schema"

describe("schema.normalise", function()
  it("makes lists of what JSON Schema says are lists", function()
    local s = { type = "object", required = {}, properties = { a = { anyOf = {} }, required = { type = "string" } } }
    assert.equal('{"properties":{"a":{"anyOf":[]},"required":{"type":"string"}},"required":[],"type":"object"}', json.encode(schema.normalise(s)))
  end)

  it("leaves properties an object, even where there are none", function()
    assert.equal('{"properties":{},"type":"object"}', json.encode(schema.normalise { type = "object", properties = {} }))
  end)

  it("does not touch the caller's table", function()
    local s = { required = {} }
    schema.normalise(s)
    assert.is_nil(getmetatable(s.required))
  end)
end)
