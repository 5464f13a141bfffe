local gbnf = require "spec.support.gbnf"
local grammar = require "opengatellm.llama.grammar"
local json = require "opengatellm.json"
local s = require "opengatellm.schema"
local validator = require "opengatellm.schema.validator"

local function fits(schema, text) return gbnf.fits(gbnf.read(assert(grammar.of_schema(schema))), text) end

-- Closed objects, in the order that is written.
local function object(required, ...)
  local properties, order = {}, {}
  for _, pair in ipairs { ... } do
    properties[pair[1]] = pair[2]
    order[#order + 1] = pair[1]
  end
  return { type = "object", properties = json.ordered(properties, order), required = json.array(required), additionalProperties = false }
end

-- { schema, texts that fit, texts that do not }
local INTEGER, STRING = { type = "integer" }, { type = "string" }
local CASES = {
  { { type = "null" }, { "null" }, { "nul", "0", "" } },
  { { type = "boolean" }, { "true", "false" }, { "True", "1" } },
  { STRING, { '""', '"é\\n\\u00e9"', '"\\""' }, { '"', '"\n"', '"\\x"', "x", '"a"b', '"\\ud83d"' } },
  { { type = "string", minLength = 1, maxLength = 3 }, { '"a"', '"é😀\\n"' }, { '""', '"abcd"' } },
  { { type = "string", maxLength = 0 }, { '""' }, { '"a"' } },
  { INTEGER, { "0", "-7", "123456789012345" }, { "01", "1.5", "-0", "1234567890123456", "+1", "" } },
  { { type = "integer", minimum = -5, maximum = 120 }, { "-5", "0", "99", "120", "100" }, { "-6", "121", "-0", "1000" } },
  { { type = "integer", exclusiveMinimum = 0 }, { "1", "999999999999999" }, { "0", "-1" } },
  { { type = "integer", exclusiveMaximum = -99.5 }, { "-100", "-999" }, { "-99", "0", "5" } },
  { { type = "number" }, { "0", "-1.5", "2e10", "1.5E-3" }, { ".5", "1.", "01", "--1", "NaN" } },
  { { type = "number", minimum = 0 }, { "0", "0.5" }, { "-1" } },
  { { type = { "integer", "null" } }, { "1", "null" }, { '"x"' } },
  { { enum = { "a", 1, true, json.null } }, { '"a"', "1", "true", "null" }, { '"b"', "2", "false" } },
  { { enum = { "a", 1 }, type = "string" }, { '"a"' }, { "1" } },
  { { const = { x = json.array { 1, 2 } } }, { '{"x":[1,2]}' }, { '{"x":[1]}', "{}" } },
  { { type = "array", items = INTEGER }, { "[]", "[1]", "[1, 2,3]", "[\n  1\n]" }, { "[1,]", "[true]", "[1 2]" } },
  { { type = "array", items = INTEGER, minItems = 1, maxItems = 2 }, { "[1]", "[1,2]" }, { "[]", "[1,2,3]" } },
  { { type = "array", maxItems = 0 }, { "[]" }, { "[1]" } },
  { { type = "array", prefixItems = { INTEGER, STRING }, items = false }, { "[]", "[1]", '[1,"a"]' }, { '["a"]', '[1,"a",2]' } },
  { { type = "array", prefixItems = { INTEGER, STRING }, items = { type = "null" }, minItems = 2, maxItems = 3 }, { '[1,"a"]', '[1,"a",null]' }, { "[1]", '[1,"a",null,null]',
    '[1,"a",2]' } },
  { { type = "array", items = false }, { "[]" }, { "[1]" } },
  { object({ "b" }, { "a", INTEGER }, { "b", STRING }, { "c", INTEGER }), { '{"b":"x"}', '{"a":1,"b":"x","c":2}', '{ "b": "x", "c": 2 }', '{"a":1,"b":"x"}' }, { "{}", '{"a":1}',
    '{"b":"x","a":1}', '{"b":"x","d":1}', '{"b":"x",}', '{,"b":"x"}' } },
  { object({}, { "a", INTEGER }, { "b", INTEGER }, { "c", INTEGER }), { "{}", '{"a":1}', '{"b":1}', '{"c":1}', '{"a":1,"c":1}', '{"b":1,"c":1}', '{"a":1,"b":1,"c":1}' }, {
    '{"b":1,"a":1}', '{"a":1"b":1}' } },
  { object({}, { 'a"\n', INTEGER }, { "root", INTEGER }, { "call", INTEGER }, { "é", INTEGER }, { "", INTEGER }), { '{"a\\"\\n":1,"root":2,"é":3,"":4}' }, {
    '{"a":1}' } },
  { { type = "object", additionalProperties = INTEGER }, { "{}", '{"x":1}', '{"x":1,"y":2}' }, { '{"x":true}' } },
  { { type = "object", additionalProperties = false }, { "{}", "{ }" }, { '{"x":1}' } },
  { { type = "object" }, { "{}", '{"x":[1,{"y":null}]}' }, { "[]" } },
  { { type = "object", required = { "x" } }, { '{"x":[1]}' }, { "{}" } },
  { { type = "object", properties = { a = INTEGER, b = false }, required = { "a" } }, { '{"a":1}' }, { '{"a":1,"b":2}' } },
  { { anyOf = { INTEGER, STRING } }, { "1", '"x"' }, { "true" } },
  { { anyOf = { false, INTEGER }, description = "d" }, { "1" }, { "true" } },
  { { allOf = { INTEGER } }, { "1" }, { "true" } },
  { { ["$ref"] = "#/$defs/tree", ["$defs"] = { tree = object({ "v" }, { "v", INTEGER }, { "kids", { type = "array", items = { ["$ref"] = "#/$defs/tree" } } }) } }, { '{"v":1}',
    '{"v":1,"kids":[{"v":2,"kids":[]},{"v":3}]}' }, { '{"kids":[]}', '{"v":1,"kids":[{}]}' } },
  { { definitions = { a = { const = 5 } }, type = "array", items = { ["$ref"] = "#/definitions/a" } }, { "[5,5]" }, { "[4]" } },
  { true, { "1", '{"a":[null]}', "[]" }, { "x", "" } },
  { { properties = { a = INTEGER } }, { '{"a":1}' }, { "5" } },
}

describe("a grammar of a schema", function()
  for _, case in ipairs(CASES) do
    it("is exact: " .. json.encode(case[1]), function()
      for _, text in ipairs(case[2]) do assert.is_true(fits(case[1], text), text) end
      for _, text in ipairs(case[3]) do assert.is_false(fits(case[1], text), text) end
    end)
  end

  it("is that of the builders, in their order", function()
    local schema = s.object { { "town", s.string() }, { "unit", s.optional(s.enum { "C", "F" }) } }
    assert.is_true(fits(schema, '{"town":"Lyon","unit":"C"}'))
    assert.is_true(fits(schema, '{"town":"Lyon"}'))
    assert.is_false(fits(schema, '{"unit":"C","town":"Lyon"}'))
  end)

  it("warns of what it does not check", function()
    for keyword, schema in pairs {
      pattern = { type = "string", pattern = "x" }, multipleOf = { type = "integer", multipleOf = 2 }, maximum = { type = "number", maximum = 2 }, uniqueItems = { type = "array",
        uniqueItems = true },
      ["not"] = { type = "integer", ["not"] = { const = 1 } }, maxProperties = { type = "object", maxProperties = 1 }, oneOf = { oneOf = { INTEGER, STRING } }, allOf = { allOf = {
        INTEGER, { minimum = 1 } } },
      maxLength = { type = "string", maxLength = 100000 }, ["beside $ref"] = { type = "integer", ["$ref"] = "#/$defs/a", ["$defs"] = { a = true } }, anyOf = { type = "integer",
        anyOf = { { minimum = 1 } } },
    } do
      local text, err, warnings = grammar.of_schema({ type = "object", properties = { x = schema }, ["$defs"] = { a = true } })
      assert.is_nil(err)
      assert.truthy(gbnf.read(text))
      assert.equal("grammar", warnings[1].code)
      assert.matches("^x: the grammar does not check .*" .. keyword:gsub("%$", "%%$"), warnings[1].message)
    end
    assert.is_nil(select(3, grammar.of_schema { type = "object", title = "t", description = "d", properties = { x = { type = "string", format = "email", default = "y" } } }))
  end)

  it("is refused where nothing fits, and where the schema is wrong", function()
    for _, schema in ipairs {
      false, { type = "integer", minimum = 2, maximum = 1 }, { type = "object", properties = { a = false }, required = { "a" } }, { type = "array", items = false, minItems = 1 }, {
        enum = {} },
      { type = "string", minLength = 2, maxLength = 1 }, { anyOf = { false } }, { type = "object", required = { "x" }, additionalProperties = false },
    } do
      local text, err = grammar.of_schema(schema)
      assert.is_nil(text)
      assert.equal("opengatellm: unsupported: no value fits the schema", tostring(err))
    end
    local _, err = grammar.of_schema { type = 5 }
    assert.equal("config", err.kind)
    _, err = grammar.of_schema { ["$ref"] = "#/nowhere" }
    assert.equal("config", err.kind)
    local many = {}
    for i = 1, 3000 do many["p" .. i] = { type = "integer" } end
    _, err = grammar.of_schema { type = "object", properties = many }
    assert.matches("more than 5000 rules", err.message)
  end)
end)

-- Random schemas and values, the same in every run.
local state = 1
local function random(n)
  state = state * 16807 % 2147483647
  return state % n + 1
end
local function pick(list) return list[random(#list)] end

local SCALARS = { 0, 1, 2, -1, 7, 10, 99, 100, 123, -45, 1.5, -0.5, true, false, json.null, "", "a", "ab", 'é"', "abc\n", "abcd" }

local random_schema

local function random_object(depth)
  local pairs_of, required = {}, {}
  for i = 1, random(4) - 1 do
    local name = ("pqrs"):sub(i, i)
    pairs_of[i] = { name, random_schema(depth - 1) }
    if random(2) == 1 then required[#required + 1] = name end
  end
  local schema = object(required)
  local properties, order = {}, {}
  for i, pair in ipairs(pairs_of) do properties[pair[1]], order[i] = pair[2], pair[1] end
  schema.properties = json.ordered(properties, order)
  return schema
end

local MAKERS = {
  function() return { type = "boolean" } end, function() return { type = "null" } end, function() return { type = "number" } end,
  function() return { type = "string", minLength = random(3) - 1, maxLength = random(2) == 1 and random(4) or nil } end,
  function()
    local low = pick { -100, -45, -7, 0, 1, 9, 10, 99 }
    return { type = "integer", minimum = random(2) == 1 and low or nil, maximum = random(2) == 1 and low + pick { 0, 1, 9, 90, 123 } or nil }
  end,
  function() return { enum = { pick(SCALARS), pick(SCALARS), pick(SCALARS) } } end,
  function(depth) return { anyOf = { random_schema(depth - 1), random_schema(depth - 1) } } end,
  function(depth) return { type = "array", items = random_schema(depth - 1), minItems = random(3) - 1, maxItems = random(2) == 1 and random(4) or nil } end,
  function(depth) return { type = "array", prefixItems = { random_schema(depth - 1), random_schema(depth - 1) }, items = random(2) == 1 and random_schema(depth - 1) or false } end,
  random_object, random_object,
}

function random_schema(depth) return MAKERS[random(depth > 0 and #MAKERS or 6)](depth) end

-- A value that has the shape of a schema, and fits it more often than not.
local function random_value(schema)
  if type(schema) ~= "table" or random(12) == 1 then return pick(SCALARS) end
  if schema.enum then return pick(schema.enum) end
  if schema.anyOf then return random_value(pick(schema.anyOf)) end
  if schema.type == "array" then
    local list = json.array {}
    for i = 1, random(4) - 1 do list[i] = random_value(schema.prefixItems and schema.prefixItems[i] or schema.items) end
    return list
  elseif schema.type == "object" then
    local value, order = {}, json.keys(schema.properties)
    for _, name in ipairs(order) do
      if random(4) > 1 then value[name] = random_value(schema.properties[name]) end
    end
    if random(12) == 1 then value.zz = 1 end
    return json.ordered(value, order)
  end
  local of_type = {}
  for _, each in ipairs(SCALARS) do
    if validator.validate({ type = schema.type }, each) then of_type[#of_type + 1] = each end
  end
  return pick(of_type)
end

describe("a grammar", function()
  it("takes what the validator takes, over random schemas", function()
    local taken, refused = 0, 0
    for _ = 1, 300 do
      local schema = random_schema(3)
      local text, _, warnings = grammar.of_schema(schema)
      assert.is_nil(warnings)
      local read = text and gbnf.read(text)
      for _ = 1, 10 do
        local value = random_value(schema)
        local expected = validator.validate(schema, value) == true
        local written = json.encode(value)
        assert.equal(expected, read ~= nil and gbnf.fits(read, written), json.encode(schema) .. " " .. written)
        if expected then taken = taken + 1 else refused = refused + 1 end
      end
    end
    assert.is_true(taken > 500 and refused > 500, taken .. " taken, " .. refused .. " refused")
  end)
end)

describe("a grammar of tools", function()
  local TOOLS = { { name = "f", parameters = object({ "x" }, { "x", INTEGER }) }, { name = "g" } }

  local function fits_tools(options, text) return gbnf.fits(gbnf.read(assert(grammar.of_tools(TOOLS, options))), text) end

  it("has calls in the form of the model", function()
    local F, G = '<tool_call>\n{"name": "f", "arguments": {"x": 1}}\n</tool_call>', '<tool_call>\n{"name": "g", "arguments": {}}\n</tool_call>'
    assert.is_true(fits_tools(nil, F))
    assert.is_true(fits_tools({ form = "hermes" }, F .. "\n" .. G))
    assert.is_false(fits_tools({ parallel = false }, F .. "\n" .. G))
    assert.is_false(fits_tools(nil, '<tool_call>\n{"name": "h", "arguments": {}}\n</tool_call>'))
    assert.is_true(fits_tools({ form = "llama" }, '{"name": "f", "parameters": {"x": 1}}'))
    assert.is_true(fits_tools({ form = "mistral" }, '[TOOL_CALLS][{"name": "f", "arguments": {"x": 1}}, {"name": "g", "arguments": {}}]'))
    assert.is_true(fits_tools({ form = "mistral_named" }, '[TOOL_CALLS]f[ARGS]{"x": 1}[TOOL_CALLS]g[ARGS]{}'))
  end)

  it("is read back as calls", function()
    local output = require "opengatellm.llama.output"
    for _, text in ipairs { '<tool_call>\n{"name": "f", "arguments": {"x": 1}}\n</tool_call>', '{"name": "f", "parameters": {"x": 1}}',
      '[TOOL_CALLS][{"name": "f", "arguments": {"x": 1}}]', '[TOOL_CALLS]f[ARGS]{"x": 1}' } do
      local reader = output.new { tools = { f = true } }
      local items = reader:feed(text)
      for _, each in ipairs(reader:finish()) do items[#items + 1] = each end
      assert.same({ { kind = "tool_call", name = "f", arguments = '{"x": 1}' } }, items)
    end
  end)

  it("is known by the model's template", function()
    local form_of = require "opengatellm.llama.tool_forms".form_of
    for source, form in pairs { ["<tool_call>"] = "hermes", ["[TOOL_CALLS][ARGS]"] = "mistral_named", ["[TOOL_CALLS] ["] = "mistral", ['{"name": "x", "parameters": {}}'] = "llama",
      [""] = "hermes" } do
      assert.equal(form, form_of(source))
    end
    assert.equal("hermes", form_of(nil))
  end)

  it("is refused without tools, and for arguments that cannot be", function()
    assert.equal("there are no tools", select(2, grammar.of_tools {}).message)
    assert.equal("no arguments fit the tool f", select(2, grammar.of_tools { { name = "f", parameters = { type = "integer", minimum = 1, maximum = 0 } } }).message)
  end)
end)
