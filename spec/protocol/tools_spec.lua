local json = require "opengatellm.json"
local tools = require "opengatellm.protocol.tools"

local function parameters(schema, target)
  local told = {}
  target = target or {}
  target.warn = function(field, message, code) told[#told + 1] = code .. " " .. field .. " " .. message:match "^%S+ %S+" end
  return json.decode(json.encode(tools.parameters({ parameters = schema, strict = target.strict }, 3, target))), told
end

describe("the function of a tool", function()
  it("is the tool, or stands inside; a server's own tool has none", function()
    local inner = { name = "f" }
    assert.equal(inner, tools.function_of { type = "function", ["function"] = inner })
    assert.equal(inner, tools.function_of { ["function"] = inner })
    assert.equal(inner, tools.function_of(inner))
    local flat = { type = "function", name = "f" }
    assert.equal(flat, tools.function_of(flat))
    assert.is_nil(tools.function_of { type = "web_search" })
  end)
end)

describe("the parameters of a function", function()
  it("are an object with properties, whatever is missing", function()
    local empty = { type = "object", properties = {} }
    for _, schema in ipairs { {}, { type = "object" }, json.raw "{}", json.raw '{"type":"object"}' } do assert.same(empty, (parameters(schema))) end
    assert.same(empty, (parameters(nil)))
    assert.same({ type = "object", properties = {}, required = {}, description = "d" }, (parameters { required = {}, description = "d" }))
    assert.same({ type = "object", properties = { a = { type = "string" } } }, (parameters { properties = { a = { type = "string" } } }))
    assert.same({ type = "string" }, (parameters { type = "string" })) -- its author's, and the server's to refuse
    assert.equal('{"properties":{"b":{},"a":{}},"type":"object"}', json.encode(tools.parameters({ parameters = json.raw '{"properties":{"b":{},"a":{}},"type":"object"}' }, 1, {})))
  end)

  it("that came by the same protocol stay as they came", function()
    local schema = json.raw '{"type": "object", "anyOf":[]}'
    assert.equal('{"type": "object", "anyOf":[]}', json.encode(tools.parameters({ parameters = schema }, 1, { own = true, flat = true, dialect = "gemini" })))
    assert.same({ type = "object" }, (parameters({ type = "object" }, { own = true })))
  end)

  it("go through the dialect of the server, and what changes is told", function()
    local schema = { type = "object", properties = { a = { type = "string", minLength = 1 }, m = { type = "object", additionalProperties = { type = "string" } } } }
    local adapted, told = parameters(schema, { dialect = "gemini" })
    assert.same({ type = "object", properties = { a = { type = "string" }, m = schema.properties.m } }, adapted)
    assert.same({ "schema tools[3].parameters $.properties.a: minLength" }, told)
    adapted, told = parameters(schema, { strict_dialect = "anthropic" })
    assert.same({ schema, {} }, { adapted, told }) -- not strict
    adapted, told = parameters(schema, { strict_dialect = "anthropic", strict = true })
    assert.is_false(adapted.properties.m.additionalProperties)
    assert.same({ "schema tools[3].parameters $.properties.a: minLength", "schema tools[3].parameters $.properties.m: additionalProperties" }, told)
  end)

  it("have no choice at the top where the server takes none", function()
    local a, b = { type = "string" }, { type = "integer" }
    for _, row in ipairs {
      { { type = "object", properties = { a = a, b = b }, anyOf = { { required = { "a" } }, { required = { "b" } } } }, { a = a, b = b }, nil },
      { { oneOf = { { properties = { a = a, b = b }, required = { "a", "b" } }, { properties = { a = b }, required = { "a" } } } }, { a = a, b = b }, { "a" } },
      { { type = "object", properties = { a = a }, required = { "a" }, allOf = { { properties = { b = b }, required = { "b" } } } }, { a = a, b = b }, { "a", "b" } },
      { { anyOf = { { ["$ref"] = "#/$defs/x" } }, ["$defs"] = { x = { properties = { a = a }, required = { "a" } } } }, { a = a }, { "a" } },
      { { type = "object", properties = { a = a }, ["not"] = { required = { "a" } } }, { a = a }, nil },
      { json.raw '{"anyOf":[{"properties":{"a":{"type":"string"}}},true]}', { a = a }, nil },
    } do
      local adapted, told = parameters(row[1], { flat = true })
      assert.same({ "object", row[2], row[3] }, { adapted.type, adapted.properties, adapted.required })
      for _, key in ipairs { "anyOf", "oneOf", "allOf", "not" } do assert.is_nil(adapted[key]) end
      assert.equal(1, #told)
    end
    local referring, told = parameters({ ["$ref"] = "#/$defs/x", ["$defs"] = { x = { type = "object", properties = { a = a } } } }, { flat = true })
    assert.same({ a = a }, referring.properties)
    assert.same({}, told) -- it says the same
  end)
end)
