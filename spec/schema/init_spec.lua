local json = require "opengatellm.json"
local ogl = require "opengatellm"

local s = ogl.schema

describe("a builder", function()
  -- what it is given, what goes over the wire
  for i, case in ipairs {
    { s.string(), '{"type":"string"}' },
    { s.string "a town", '{"description":"a town","type":"string"}' },
    { s.string { description = "d", title = "t", default = "ab", min_length = 1, max_length = 3, pattern = "^a", format = "email" },
      '{"default":"ab","description":"d","format":"email","maxLength":3,"minLength":1,"pattern":"^a","title":"t","type":"string"}' },
    { s.integer { min = 0, max = 9 }, '{"maximum":9,"minimum":0,"type":"integer"}' },
    { s.number "n", '{"description":"n","type":"number"}' },
    { s.boolean { default = false }, '{"default":false,"type":"boolean"}' },
    { s.enum { "b", "a" }, '{"enum":["b","a"],"type":"string"}' },
    { s.enum { "b", 1, json.null }, '{"enum":["b",1,null]}' },
    { s.const "circle", '{"const":"circle","type":"string"}' },
    { s.const(false, "d"), '{"const":false,"description":"d","type":"boolean"}' },
    { s.array(s.string(), { min_items = 1, max_items = 2 }), '{"items":{"type":"string"},"maxItems":2,"minItems":1,"type":"array"}' },
    { s.record(s.integer()), '{"additionalProperties":{"type":"integer"},"type":"object"}' },
    { s.union { s.string(), { type = "integer" } }, '{"anyOf":[{"type":"string"},{"type":"integer"}]}' },
    { s.ref "a/b", '{"$ref":"#/$defs/a~1b"}' },
    { s.ref "#", '{"$ref":"#"}' },
    { s.nullable(s.string { min_length = 1 }), '{"minLength":1,"type":["string","null"]}' },
    { s.nullable(s.nullable(s.string())), '{"type":["string","null"]}' },
    { s.nullable(s.enum({ "a" }, "d")), '{"anyOf":[{"enum":["a"],"type":"string"},{"type":"null"}],"description":"d"}' },
    { s.nullable(s.union { s.string(), s.integer() }), '{"anyOf":[{"type":"string"},{"type":"integer"},{"type":"null"}]}' },
    { s.object {}, '{"additionalProperties":false,"properties":{},"type":"object"}' },
    { s.object({ b = s.string(), a = s.optional(s.integer()) }, "d"),
      '{"additionalProperties":false,"description":"d","properties":{"a":{"type":"integer"},"b":{"type":"string"}},"required":["b"],"type":"object"}' },
    { s.object { { "thought", s.string() }, { "answer", s.optional(s.nullable(s.string())) }, { "also", s.nullable(s.optional(s.integer())) } },
      '{"additionalProperties":false,"properties":{"thought":{"type":"string"},"answer":{"type":["string","null"]},"also":{"type":["integer","null"]}},'
        .. '"required":["thought"],"type":"object"}' },
  } do
    it("gives plain JSON Schema: " .. i, function() assert.equal(case[2], json.encode(case[1])) end)
  end

  it("gives a table that may be edited", function()
    local town = s.object { { "z", s.string() }, { "b", s.string() } }
    town.properties.a, town.additionalProperties = s.integer(), nil
    town["$comment"] = "x"
    assert.equal('{"$comment":"x","properties":{"z":{"type":"string"},"b":{"type":"string"},"a":{"type":"integer"}},"required":["z","b"],"type":"object"}',
      json.encode(town))
    assert.is_true(town:validate { z = "", b = "", a = 1, c = 1 })
  end)

  it("leaves what it is given as it is", function()
    local note, fields = s.optional(s.string()), { a = s.string() }
    s.object { note = note }
    local second = s.object { { "note", note } }
    assert.is_nil(second.required)
    s.object(fields).properties.b = {}
    assert.is_nil(fields.b)
    local plain = { type = "string" }
    s.nullable(plain)
    s.optional(plain)
    assert.same({ type = "string" }, plain)
  end)

  it("gives schemas that validate", function()
    local tree = s.object({ { "name", s.string() }, { "children", s.array(s.ref "node") } }, {
      definitions = { { "node", s.object { { "name", s.string() }, { "children", s.optional(s.array(s.ref "node")) } } } },
    })
    assert.is_true(tree:validate { name = "a", children = { { name = "b", children = { { name = "c" } } } } })
    local fits, errors = tree:validate { name = "a", children = { { name = "b", children = { { name = 5 } } } } }
    assert.is_nil(fits)
    assert.equal("children[1].children[1].name: expected a string, got 5", tostring(errors))
    assert.is_true(s.optional(s.string()):validate "x")
    assert.is_true(s.validate({ type = "string" }, "x"))
  end)

  it("keeps the order of its properties in the body of a request", function()
    local answer = s.object { { "thought", s.string() }, { "answer", s.string() } }
    for _, provider in ipairs { "openai", "anthropic", "gemini", "ollama", "mistral" } do
      local client = ogl.client { provider = provider, model = "m", api_key = "K" }
      local tool = { name = "t", parameters = answer }
      local request = assert(client:preview { messages = "x", output = answer, tools = provider ~= "gemini" and { tool } or nil })
      local body = type(request.body) == "string" and request.body or json.encode(request.body)
      assert.matches('"properties":{"thought":{"type":"string"},"answer":', body, nil, nil, provider)
      assert.is_nil(body:find('"properties":{"answer"', 1, true), provider)
    end
  end)
end)

describe("a mistake", function()
  local function deep(field)
    local schema = s.object { address = { type = "object", properties = { zip = field } } }
    return schema -- no tail call: it would hide the line
  end

  for i, case in ipairs {
    { function() s.string { min_lenght = 1 } end,
      "string: unknown option 'min_lenght'; it takes default, description, format, max_length, min_length, pattern, title" },
    { function() s.string { pattern = 5 } end, "string: pattern: expected a text, got 5" },
    { function() s.string { description = 5 } end, "string: description: expected a text, got 5" },
    { function() s.string { "x" } end, "string: expected options by name, got a list" },
    { function() s.string(5) end, "string: expected options, or a description, got 5" },
    { function() s.string { min_length = 3, max_length = 2 } end, "string: min_length is 3, which is more than max_length, 2" },
    { function() s.string { default = 5 } end, "string: default: 5 does not fit the schema" },
    { function() s.integer { min = "x" } end, 'integer: minimum: expected a number, got "x"' },
    { function() s.number { min = 2, max = 1 } end, "number: min is 2, which is more than max, 1" },
    { function() s.boolean { min = 1 } end, "boolean: unknown option 'min'; it takes default, description, title" },
    { function() s.enum {} end, "enum: expected a list of values, got an object" },
    { function() s.enum { "a", "a" } end, 'enum: the value "a" stands twice' },
    { function() s.const(nil) end, "const: a nil cannot be in JSON" },
    { function() s.array() end, "array: items: expected a schema, got nothing" },
    { function() s.array(s.optional(s.string())) end, "array: items: only a property of an object can be optional" },
    { function() s.array(s.string(), { min_items = 2, max_items = 1 }) end, "array: min_items is 2, which is more than max_items, 1" },
    { function() s.array(s.string(), { max_items = -1 }) end, "array: maxItems: expected a count, got -1" },
    { function() s.union { s.string(), s.optional(s.string()) } end, "union: [2]: only a property of an object can be optional" },
    { function() s.union {} end, "union: expected a list of schemas, got an object" },
    { function() s.record(5) end, "record: additionalProperties: expected a schema, got 5" },
    { function() s.record(s.optional(s.string())) end, "record: only a property of an object can be optional" },
    { function() s.ref "" end, 'ref: expected a name, got ""' },
    { function() s.optional(5) end, "optional: expected a schema, got 5" },
    { function() s.nullable { type = "text" } end, 'nullable: type: expected a type, or a list of types, got "text"' },
    { function() s.object(5) end, "object: expected properties, got 5" },
    { function() s.object { 5 } end, "object: [1]: expected { name, schema }, got 5" },
    { function() s.object { { "a" } } end, "object: a: expected a schema, got nothing" },
    { function() s.object { { "a", s.string() }, { "a", s.string() } } end, "object: a: it stands twice" },
    { function() s.object { [true] = s.string() } end, "object: expected a name, got true" },
    { function() s.object({}, { min_items = 1 }) end, "object: unknown option 'min_items'; it takes default, definitions, description, title" },
    { function() deep { type = "string", minLength = -1 } end, "object: address.zip: minLength: expected a count, got -1" },
    { function() deep(5) end, "object: address.zip: expected a schema, got 5" },
    { function() s.object({ a = s.object { b = s.ref "x" } }, { definitions = { y = s.string() } }) end,
      "object: a.b: $ref: there is no #/$defs/x in this schema" },
    { function() s.object({}, { definitions = { y = s.optional(s.string()) } }) end, "object: definitions: y: only a property of an object can be optional" },
    { function() s.object({}, { definitions = 5 }) end, "object: definitions: expected definitions, got 5" },
  } do
    it("raises where it is made, with its path: " .. i, function()
      local fine, message = pcall(case[1])
      assert.is_false(fine)
      local place, text = message:match "^(.-:%d+): (.*)$"
      assert.equal("ogl.schema." .. case[2], text)
      assert.matches("init_spec.lua", place, nil, true)
    end)
  end
end)
