local grammar = require "opengatellm.schema.grammar"
local json = require "opengatellm.json"

describe("the grammar", function()
  it("takes what the drafts allow, and leaves unknown keywords alone", function()
    for _, schema in ipairs {
      {}, { required = {}, enum = {}, items = { {}, true }, additionalItems = false }, { dependencies = { a = { "b" }, c = { type = "string" }, d = {} } },
      { minLength = 2.0, unknown = { type = 5 }, const = { type = 5 }, default = { ["$ref"] = 5 } }, { items = json.array {} },
      { properties = { type = { type = "string" }, ["$ref"] = { type = "integer" } } }, { type = { "string" } },
    } do
      assert.is_nil(grammar.problem(schema))
    end
    assert.is_nil(grammar.problem(true))
  end)

  it("gives the same mistake each time, with its path", function()
    local schema = { properties = { b = { items = 5 }, a = { anyOf = { true, { type = "x", enum = 5 } } } } }
    for _ = 1, 5 do assert.equal("a.anyOf[2]: enum: expected a list, got 5", grammar.problem(schema)) end
    schema.minimum = "x"
    assert.equal('minimum: expected a number, got "x"', grammar.problem(schema))
  end)

  it("visits each schema in a schema", function()
    local seen = {}
    grammar.each({
      items = { { n = 1 }, { n = 2 } }, ["not"] = { n = 3 }, properties = { a = { n = 4 } }, dependencies = { b = { n = 5 }, c = { "d" } }, const = { n = 6 },
    }, function(inner, key, place) seen[#seen + 1] = inner.n .. key .. tostring(place) end)
    table.sort(seen)
    assert.same({ "1items1", "2items2", "3notnil", "4propertiesa", "5dependenciesb" }, seen)
  end)
end)
