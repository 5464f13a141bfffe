local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local schema = require "opengatellm.schema"

-- The errors of a value, as lines; "" for none.
local function told(s, value)
  local fits, list = schema.validate(s, value)
  if fits then return "" end
  assert.is_nil(list.kind, tostring(list))
  return tostring(list)
end

local PERSON = {
  type = "object", additionalProperties = false, required = { "name", "address" },
  properties = {
    name = { type = "string", minLength = 2, maxLength = 5 }, age = { type = "integer", minimum = 0, maximum = 150 },
    address = { type = "object", properties = { zip = { type = "string" } } },
    items = { type = "array", maxItems = 3, items = { type = "object", properties = { name = { type = "string" } }, required = { "name" } } },
  },
}

describe("an error", function()
  it("says where a value does not fit, and why", function()
    assert.equal("", told(PERSON, { name = "Ada", address = {} }))
    local fits, list = schema.validate(PERSON, { name = "Ada", address = { zip = 5 } })
    assert.is_nil(fits)
    assert.equal(1, #list)
    assert.same({ path = "address.zip", message = "expected a string, got 5" }, { path = list[1].path, message = list[1].message })
    assert.equal("address.zip: expected a string, got 5", tostring(list[1]))
    assert.equal(tostring(list[1]), tostring(list))
    assert.equal("expected an object, got \"x\"", told(PERSON, "x"))
    assert.equal("items[2].name: is missing\nitems[3].name: expected a string, got null",
      told(PERSON, { name = "Ada", address = {}, items = { { name = "a" }, { x = 1 }, { name = json.null } } }))
  end)

  -- schema, value, what is told
  for i, case in ipairs {
    { { type = "integer" }, 1.5, "expected an integer, got 1.5" },
    { { type = { "string", "null" } }, 5, "expected a string or null, got 5" },
    { { type = "array" }, {}, "expected an array, got an object" },
    { { type = "object" }, json.array {}, "expected an object, got an array" },
    { { type = "boolean" }, "a \"quoted\" text", [[expected a boolean, got "a \"quoted\" text"]] },
    { { type = "number" }, ("é"):rep(40), 'expected a number, got "' .. ("é"):rep(30) .. '…"' },
    { { enum = { "a", 1, json.null } }, "b", 'expected one of "a", 1, null, got "b"' },
    { { const = "a" }, false, 'expected "a", got false' },
    { { minimum = 1 }, 0, "expected at least 1, got 0" },
    { { maximum = 1 }, 2, "expected at most 1, got 2" },
    { { exclusiveMinimum = 1 }, 1, "expected more than 1, got 1" },
    { { exclusiveMaximum = 1 }, 1, "expected less than 1, got 1" },
    { { multipleOf = 0.1 }, 0.25, "expected a multiple of 0.1, got 0.25" },
    { { minLength = 2 }, "é", 'expected at least 2 characters, got "é"' },
    { { maxLength = 1 }, "éé", 'expected at most 1 character, got "éé"' },
    { { minItems = 1 }, json.array {}, "expected at least 1 item, got 0" },
    { { maxItems = 1 }, { 1, 2 }, "expected at most 1 item, got 2" },
    { { uniqueItems = true }, { 1, { a = 1 }, { a = 1.0 } }, "[3]: is the same as an item before it" },
    { { contains = { type = "string" } }, { 1 }, "expected at least 1 item that fit `contains`, got 0" },
    { { prefixItems = { { type = "string" } }, items = false }, { 1, 2 }, "[1]: expected a string, got 1\n[2]: is not allowed here" },
    { { minProperties = 1 }, {}, "expected at least 1 property, got 0" },
    { { maxProperties = 0 }, { a = 1 }, "expected at most 0 properties, got 1" },
    { { additionalProperties = false }, { ["a b"] = 1 }, '["a b"]: is not a property of this object' },
    { { required = { "b", "a" } }, {}, "b: is missing\na: is missing" },
    { { dependentRequired = { a = { "b" } } }, { a = 1 }, "b: is missing" },
    { { propertyNames = { maxLength = 1 } }, { ab = 1 }, 'ab: its name is wrong: expected at most 1 character, got "ab"' },
    { { anyOf = { { type = "string" }, { type = "null" } } }, 5, "expected a string or null, got 5" },
    { { anyOf = { PERSON, { type = "null" } } }, { name = "A" }, 'address: is missing\nname: expected at least 2 characters, got "A"' },
    { { oneOf = { { type = "integer" }, { minimum = 2 } } }, 3, "fits the alternatives 1 and 2, and may fit only one" },
    { { oneOf = { { type = "string" }, { required = { "b" } }, { required = { "c" } } } }, {},
      "fits none of 3 alternatives: expected a string, got an object; b: is missing; c: is missing" },
    { { ["not"] = { type = "string" } }, "x", "fits what `not` forbids" },
    { { unevaluatedProperties = false, allOf = { { properties = { a = true } } } }, { a = 1, b = 2 }, "b: is covered by no part of the schema" },
    { { unevaluatedItems = false, prefixItems = { true } }, { 1, 2 }, "[2]: is covered by no part of the schema" },
    { false, 1, "is not allowed here" },
    { { type = "string" }, print, "expected a string, got a Lua function" },
    { { type = "string" }, nil, "expected a string, got nothing" },
  } do
    it("is told for every keyword: " .. i, function() assert.equal(case[3], told(case[1], case[2])) end)
  end

  it("of a union of unions stays short", function()
    local s = { type = "string" }
    for i = 1, 30 do s = { anyOf = { s, { required = { "k" .. i } }, { maxItems = i } } } end
    assert.is_true(#told(s, { [1] = 1, [40] = 1 }) < 1000)
    local words = {}
    for i = 1, 50 do words[i] = { const = "word " .. i } end
    assert.equal('fits none of 50 alternatives: expected "word 1", got 5; expected "word 2", got 5; expected "word 3", got 5; expected "word 4", got 5; …',
      told({ anyOf = words }, 5))
    assert.equal("expected a string, got 5", told({ anyOf = { { type = "string", maxLength = 1 }, { type = "string" } } }, 5))
  end)

  it("of a union is that of the branch that was meant", function()
    local circle = { type = "object", required = { "kind", "r" }, properties = { kind = { const = "circle" }, r = { type = "number" } } }
    local square = { type = "object", required = { "kind", "a" }, properties = { kind = { enum = { "square" } }, a = { type = "number" } } }
    local shape = { anyOf = { circle, square } }
    assert.equal("a: is missing", told(shape, { kind = "square" }))
    assert.equal('r: expected a number, got "x"', told(shape, { kind = "circle", r = "x" }))
    assert.equal('fits none of 2 alternatives: kind: expected "circle", got "x"; kind: expected "square", got "x"',
      told(shape, { kind = "x", r = 1, a = 1 }))
  end)

  it("is one of 20 at most, and the same ones each time", function()
    local list, object = {}, {}
    for i = 1, 1000 do list[i], object["k" .. i] = i, i end
    assert.equal(20, #select(2, schema.validate({ items = { type = "string" } }, list)))
    local first = told({ additionalProperties = { type = "string" } }, object)
    assert.equal(20, select(2, first:gsub("[^\n]+", "")))
    assert.matches("^k1: .*k10: ", first)
  end)
end)

describe("a value", function()
  it("is what json.encode would write", function()
    assert.equal("", told({ type = "object" }, {}))
    assert.equal("", told({ type = "object" }, json.ordered({}, { "a" })))
    assert.equal("", told({ type = "array" }, json.array {}))
    assert.equal("", told({ type = "array" }, { 1 }))
    assert.equal("", told({ type = "array" }, json.decode "[]"))
    assert.equal("", told({ type = "null" }, json.null))
    assert.equal("", told({ type = "integer" }, 1.0))
    assert.equal("", told({ type = "integer" }, json.decode "1e3"))
    assert.matches("expected an integer", told({ type = "integer" }, 1 / 0))
  end)

  it("may have an empty array that lua-cjson marked", function()
    local saved = package.loaded.cjson
    finally(function() package.loaded.cjson = saved end)
    local mark = {}
    package.loaded.cjson = { empty_array_mt = mark }
    assert.equal("", told({ type = "array" }, setmetatable({}, mark)))
    assert.equal("", told({ type = "object" }, setmetatable({}, {})))
  end)

  it("may have Neovim's null", function()
    local nothing = newproxy and newproxy() or io.stdout -- any userdata
    rawset(_G, "vim", { NIL = nothing })
    finally(function() rawset(_G, "vim", nil) end)
    assert.equal("", told({ enum = { json.null } }, nothing))
    assert.equal("", told({ type = "null" }, nothing))
  end)

  it("that holds itself, and a schema that has no end, end somewhere", function()
    local loop = {}
    loop.next = loop
    assert.matches("needs more than 256 references", told({ properties = { next = { ["$ref"] = "#" } } }, loop))
    assert.matches("needs more than 256 references", told({ ["$ref"] = "#" }, 1))
    assert.matches("needs more than 256 references", told({ ["not"] = { ["$ref"] = "#" } }, 1))
    assert.matches("needs more than 256 references", told({ anyOf = { { ["$ref"] = "#" }, { ["$ref"] = "#" } } }, 1))
    local own = { type = "object" }
    own.properties = { next = own }
    assert.equal("next.next: expected an object, got 5", told(own, { next = { next = 5 } }))
    assert.has_error(function() schema.validate({ enum = { loop } }, 1) end)
  end)

  it("for which a schema has more alternatives than anybody can wait for ends, too", function()
    local branching, covering = { l100 = { type = "string" } }, { type = "object", unevaluatedProperties = false }
    for i = 1, 99 do
      local next_one = { ["$ref"] = "#/$defs/l" .. i + 1 }
      branching["l" .. i] = { anyOf = { next_one, next_one } }
      covering = { unevaluatedProperties = false, anyOf = { covering, { required = { "x" } } } }
    end
    assert.equal("needs more than 1000000 steps", told({ ["$ref"] = "#/$defs/l1", ["$defs"] = branching }, 1))
    assert.matches("^needs more than", told(covering, {}))
  end)

  it("nested as deep as JSON goes is checked", function()
    local list = { type = "array", items = { ["$ref"] = "#" } }
    assert.equal("", told(list, json.decode(("["):rep(128) .. ("]"):rep(128))))
  end)

  it("of many equal objects is looked at once each", function()
    local list = {}
    for i = 1, 20000 do list[i] = { id = i } end
    local start = os.clock()
    assert.equal("", told({ uniqueItems = true }, list))
    assert.is_true(os.clock() - start < 10) -- comparing each with each would be 200 million comparisons
  end)
end)

describe("a schema that is wrong", function()
  for i, case in ipairs {
    { { type = "text" }, 'type: expected a type, or a list of types, got "text"' },
    { { properties = { a = { items = { minLength = -1 } } } }, "a.items: minLength: expected a count, got -1" },
    { { properties = { a = 5 } }, "a: expected a schema, got 5" },
    { { properties = "x" }, 'properties: expected schemas by name, got "x"' },
    { { anyOf = { true, {}, { enum = 5 } } }, "anyOf[3]: enum: expected a list, got 5" },
    { { required = { 5 } }, "required: expected a list of names, got an array" },
    { { multipleOf = 0 }, "multipleOf: expected a number above 0, got 0" },
    { { properties = { a = { ["$ref"] = "#/$defs/x" } } }, "a: $ref: there is no #/$defs/x in this schema" },
    { { ["$ref"] = "http://elsewhere/x.json" }, "$ref: there is no http://elsewhere/x.json in this schema" },
    { { ["$ref"] = "#/x", x = { type = 5 } }, "$ref: in #/x: type: expected a type, or a list of types, got 5" },
    { { items = { ["$dynamicRef"] = "#a" } }, "items: $dynamicRef: this validator does not know it" },
    { 5, "expected a schema, got 5" },
    { json.array { true }, "expected a schema, got an array" },
  } do
    it("is an error that says where: " .. i, function()
      local fits, err = schema.validate(case[1], 1)
      assert.is_nil(fits)
      assert.is_true(errors.is(err))
      assert.equal("config", err.kind)
      assert.equal("the schema is wrong: " .. case[2], err.message)
      assert.equal(err.message, select(2, schema.compile(case[1])).message)
    end)
  end

  it("may not be nested without end", function()
    local root = {}
    local at = root
    for _ = 1, 300 do at.items = {} at = at.items end
    assert.matches("nested deeper than 128 levels", select(2, schema.validate(root, 1)).message)
  end)
end)

describe("a compiled schema", function()
  it("is kept, until it is compiled anew", function()
    local s = { type = "string" }
    assert.equal("", told(s, "x"))
    s.type = "integer"
    assert.equal("", told(s, "x"))
    assert.is_true(schema.compile(s))
    assert.equal('expected an integer, got "x"', told(s, "x"))
  end)

  it("does not keep its schema alive", function()
    local seen = setmetatable({}, { __mode = "k" })
    do
      local s = { type = "object", properties = { a = { ["$ref"] = "#" }, b = { enum = { { x = 1 } } } }, unevaluatedProperties = false }
      seen[s] = true
      assert.equal("", told(s, { a = {} }))
    end
    for _ = 1, 3 do collectgarbage() end
    assert.is_nil(next(seen))
  end)
end)
