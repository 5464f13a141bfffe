local absent = require "opengatellm.chat.absent"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local structured = require "spec.support.structured"

local s, null = ogl.schema, json.null

-- What a value is afterwards, where it fits; else what is wrong.
local function told(schema, value)
  local fits, problems = absent.fit(schema, value)
  return fits and value or tostring(problems)
end

describe("a null in an optional member", function()
  it("is taken out, wherever it stands", function()
    local inner = s.object { { "a", s.string() }, { "b", s.optional(s.string()) } }
    local lists = { type = "array", items = { ["$ref"] = "#/$defs/x" }, ["$defs"] = { x = inner } }
    assert.same({ a = "x" }, told(inner, { a = "x", b = null }))
    assert.same({ { a = "x" }, { a = "y", b = "z" } }, told(lists, { { a = "x", b = null }, { a = "y", b = "z" } }))
    assert.same({ k = { a = "x" } }, told(s.record(inner), { k = { a = "x", b = null } }))
    assert.same({ o = { a = "x" } }, told(s.object { o = s.union { s.string(), inner } }, { o = { a = "x", b = null } }))
    local tree = s.object { { "n", s.integer() }, { "next", s.optional(s.ref "#") } }
    assert.same({ n = 1, next = { n = 2 } }, told(tree, { n = 1, next = { n = 2, next = null } }))
  end)

  it("stays where the schema allows it, beside one that is taken out", function()
    for _, maybe in ipairs { s.nullable(s.string()), s.nullable(s.enum { "a" }), s.const(null), {}, true, s.union { s.string(), s.const(null) } } do
      local schema = { type = "object", properties = { a = maybe, b = s.integer() } }
      assert.same({ a = null }, told(schema, { a = null, b = null }))
    end
  end)

  it("is a mistake where the member is required, and any other value too", function()
    local schema = s.object { { "a", s.string() }, { "b", s.optional(s.integer { min = 1 }) } }
    assert.equal("a: expected a string, got null", told(schema, { a = null }))
    assert.equal("b: expected at least 1, got 0", told(schema, { a = "x", b = 0 }))
    assert.equal("expected an object, got null", told(schema, null))
    assert.matches("is wrong", told({ type = "x" }, {}))
  end)

  it("ends with references that go in a circle", function()
    local circle = { ["$ref"] = "#/$defs/a", ["$defs"] = { a = { anyOf = { { ["$ref"] = "#/$defs/a" }, { type = "string" } } } } }
    local fine, problem = pcall(told, circle, { x = null })
    assert.is_true(fine or type(problem) == "string")
  end)
end)

describe("a model that can leave nothing out", function()
  local SCHEMA = s.array(s.object { { "name", s.string() }, { "age", s.optional(s.integer()) } })
  local TEXT = '{"value":[{"name":"Ada","age":36},{"name":"Bo","age":null}]}'

  it("has its nulls read as what they stand for, in elements and in the end", function()
    local c, transport = structured.client("openai_responses", { structured.answer_of("openai_responses", "stream", structured.text_events(TEXT, 4)) })
    local stream, elements = assert(c:stream(structured.asked(SCHEMA))), {}
    for element in stream:elements() do elements[#elements + 1] = element end
    assert.matches('"age":{"type":["integer","null"]}', transport.requests[1].body, 1, true)
    assert.same({ { name = "Ada", age = 36 }, { name = "Bo" } }, elements)
    assert.same(elements, assert(stream:reply()).output)
  end)
end)
