local json = require "opengatellm.json"
local schema = require "opengatellm.request.schema"

describe("schema.normalise", function()
  it("makes lists of what JSON Schema says are lists", function()
    local s = { type = "object", required = {}, properties = { a = { anyOf = {} }, required = { type = "string" } } }
    assert.equal('{"properties":{"a":{"anyOf":[]},"required":{"type":"string"}},"required":[],"type":"object"}', json.encode(schema.normalise(s)))
  end)

  it("leaves properties an object, even where there are none", function()
    assert.equal('{"properties":{},"type":"object"}', json.encode(schema.normalise { type = "object", properties = {} }))
  end)

  it("keeps the order of properties", function()
    local s = { type = "object", properties = json.ordered({ z = { type = "string" }, a = { enum = {} } }, { "z" }) }
    assert.equal('{"properties":{"z":{"type":"string"},"a":{"enum":[]}},"type":"object"}', json.encode(schema.normalise(s)))
  end)

  it("does not touch the caller's table", function()
    local s = { required = {} }
    schema.normalise(s)
    assert.is_nil(getmetatable(s.required))
  end)
end)

describe("schema.object", function()
  it("has a type and properties, and keeps the order of a text that has them", function()
    assert.same({ type = "object", properties = {} }, schema.object {})
    local whole = json.raw '{"type":"object","properties":{}}'
    assert.equal(whole, schema.object(whole))
    local choice = { anyOf = {} }
    assert.equal(choice, schema.object(choice))
    local given = { type = "object" }
    assert.same({ type = "object", properties = {} }, schema.object(given))
    assert.is_nil(given.properties)
  end)
end)
