local schema_dialects = require "opengatellm.request.schema_dialects"
local json = require "opengatellm.json"

local function text(schema, dialect) return json.encode((schema_dialects.adapt(schema, dialect))) end

local function changes(schema, dialect)
  local found = {}
  for _, change in ipairs(select(2, schema_dialects.adapt(schema, dialect))) do
    found[#found + 1] = change.action .. " " .. change.path .. " " .. change.keyword
  end
  return found
end

local PERSON = {
  type = "object", required = { "name" }, minProperties = 1,
  properties = { name = { type = "string", minLength = 1 }, age = { type = "integer", minimum = 0, description = "in years" } },
}

describe("a schema", function()
  -- dialect, schema, what becomes of it, what is told
  local CASES = {
    { "openai_strict", PERSON,
      '{"additionalProperties":false,"properties":{"age":{"description":"in years","minimum":0,"type":["integer","null"]},"name":{"type":"string"}},'
        .. '"required":["age","name"],"type":"object"}',
      { "rewritten $.properties.age required", "removed $ minProperties", "removed $.properties.name minLength" } },
    { "anthropic", PERSON,
      '{"additionalProperties":false,"properties":{"age":{"description":"in years","type":"integer"},"name":{"type":"string"}},'
        .. '"required":["name"],"type":"object"}',
      { "removed $ minProperties", "removed $.properties.age minimum", "removed $.properties.name minLength" } },
    { "gemini", PERSON,
      '{"properties":{"age":{"description":"in years","minimum":0,"type":"integer"},"name":{"type":"string"}},"required":["name"],"type":"object"}',
      { "removed $ minProperties", "removed $.properties.name minLength" } },
    { "grammar", PERSON,
      '{"properties":{"age":{"description":"in years","minimum":0,"type":"integer"},"name":{"minLength":1,"type":"string"}},"required":["name"],'
        .. '"type":"object"}', { "removed $ minProperties" } },
    { "openapi", { type = { "string", "null" }, description = "d" }, '{"description":"d","nullable":true,"type":"string"}', { "rewritten $ type" } },
    { "anthropic", { type = { "string", "null" }, description = "d" },
      '{"anyOf":[{"type":"string"},{"type":"null"}],"description":"d"}', { "rewritten $ type" } },
    { "openapi", { type = { "string", "integer" } }, '{"anyOf":[{"type":"string"},{"type":"integer"}]}', { "rewritten $ type" } },
    { "gemini", { const = 5 }, '{"enum":[5]}', { "rewritten $ const" } },
    { "openai_strict", { oneOf = { { type = "string" }, { type = "null" } } }, '{"anyOf":[{"type":"string"},{"type":"null"}]}', { "rewritten $ oneOf" } },
    { "openapi", { type = "array", items = { ["$ref"] = "#/$defs/p" }, ["$defs"] = { p = { type = "string", const = "x" } } },
      '{"items":{"enum":["x"],"type":"string"},"type":"array"}', { "rewritten $.items $ref", "rewritten $.items const" } },
    { "openai_strict", { type = "object", properties = { a = { enum = { "x" } } } },
      '{"additionalProperties":false,"properties":{"a":{"anyOf":[{"enum":["x"]},{"type":"null"}]}},"required":["a"],"type":"object"}',
      { "rewritten $.properties.a required" } },
    { "openai_strict", { type = "object", properties = {}, additionalProperties = { type = "string" } },
      '{"additionalProperties":false,"properties":{},"required":[],"type":"object"}', { "rewritten $ additionalProperties" } },
    { "anthropic", { type = "array", minItems = 1, maxItems = 2, items = { type = "array", minItems = 2 } }, '{"items":{"type":"array"},"minItems":1,"type":"array"}',
      { "removed $.items minItems", "removed $ maxItems" } },
    { "gemini", { ["$schema"] = "x", ["$comment"] = "y", type = "string" }, '{"type":"string"}', {} }, -- they constrain nothing
    { "nobody", PERSON, json.encode(require "opengatellm.request.schema".normalise(PERSON)), {} },
  }

  for i, case in ipairs(CASES) do
    it("goes to " .. case[1] .. " " .. i, function()
      assert.equal(case[3], text(case[2], case[1]))
      assert.same(case[4], changes(case[2], case[1]))
    end)
  end

  it("is not changed itself", function()
    local before = json.encode(PERSON)
    for _, dialect in ipairs { "openai_strict", "anthropic", "gemini", "openapi", "grammar" } do schema_dialects.adapt(PERSON, dialect) end
    assert.equal(before, json.encode(PERSON))
  end)

  it("may have a property that is called like a keyword", function()
    local schema = { type = "object", required = { "not" }, properties = { ["not"] = { type = "string" }, minLength = { type = "integer" } } }
    local adapted = schema_dialects.adapt(schema, "anthropic")
    assert.equal("string", adapted.properties["not"].type)
    assert.equal("integer", adapted.properties.minLength.type)
  end)

  it("that holds itself ends somewhere", function()
    local node = { type = "object", properties = { next = { ["$ref"] = "#" } } }
    assert.is_table((schema_dialects.adapt(node, "openapi")))
    assert.equal("#", schema_dialects.adapt(node, "openai_strict").properties.next.anyOf[1]["$ref"])
  end)

  it("adapted twice is the same", function()
    for _, dialect in ipairs { "openai_strict", "anthropic", "gemini", "openapi", "grammar" } do
      local once = schema_dialects.adapt(PERSON, dialect)
      assert.equal(json.encode(once), text(once, dialect))
    end
  end)
end)

describe("properties that have an order", function()
  local function ordered()
    local inner = json.ordered({ z = { type = "string" }, y = { type = { "integer", "null" } } }, { "z", "y" })
    return {
      type = "object", required = { "thought", "answer" },
      properties = json.ordered({ thought = { type = "string" }, answer = { type = "object", properties = inner }, extra = { const = 1 } },
        { "thought", "answer" }),
    }
  end

  it("keep it in every dialect", function()
    for _, dialect in ipairs { "openai_strict", "anthropic", "gemini", "openapi", "grammar", "none" } do
      assert.matches('"properties":{"thought":.*"answer":.*"z":.*"y":.*"extra":', text(ordered(), dialect), nil, nil, dialect)
    end
    assert.matches('"required":%["thought","answer","extra"%]', text(ordered(), "openai_strict"))
    assert.matches('"required":%["z","y"%]', text(ordered(), "openai_strict"))
  end)

  it("are named in it where a server reads them into a map, once", function()
    for _, dialect in ipairs { "gemini", "openapi" } do
      assert.matches('"propertyOrdering":%["thought","answer","extra"%]', text(ordered(), dialect))
      assert.is_nil(text(PERSON, dialect):find("propertyOrdering", 1, true))
      local own = ordered()
      own.propertyOrdering = { "answer" }
      assert.matches('"propertyOrdering":%["answer"%]', text(own, dialect))
      local once = schema_dialects.adapt(ordered(), dialect)
      assert.equal(json.encode(once), text(once, dialect))
    end
  end)

  it("keep it through a reference, and where the branches of a tool's schema become one object", function()
    local schema = { ["$ref"] = "#/$defs/a", ["$defs"] = { a = ordered() } }
    assert.matches('"properties":{"thought":.*"answer":', text(schema, "openapi"))
    local branches = { anyOf = { ordered(), { type = "object", properties = { b = {}, a = {} } } } }
    local flat = json.encode(schema_dialects.flat(branches, "tools[1]", function() end))
    assert.matches('"properties":{"thought":.*"answer":.*"extra":.*"a":.*"b":', flat)
  end)
end)

describe("what was changed", function()
  it("is told as warnings, where it does not mean the same", function()
    local told = {}
    local open = { type = "object", properties = { tags = { type = "object", additionalProperties = { type = "string" } }, n = { const = 1 } } }
    schema_dialects.warned(open, "anthropic", "output", function(...) told[#told + 1] = { ... } end)
    assert.same({ { "output", "$.properties.tags: additionalProperties was rewritten: the server takes closed objects only", "schema" } }, told)
    told = {}
    schema_dialects.warned({ type = "object", properties = { any = { type = "object" } } }, "anthropic", "output", function(...) told[#told + 1] = { ... } end)
    assert.equal(1, #told) -- whatever stood in it, there is no room for it
    told = {}
    schema_dialects.warned({ type = { "string", "null" }, ["const"] = "x" }, "openapi", "output", function(...) told[#told + 1] = { ... } end)
    assert.same({}, told)
  end)

  it("by leaving it out is told", function()
    local told = {}
    schema_dialects.warned(PERSON, "gemini", "output", function(...) told[#told + 1] = { ... } end)
    assert.same({ "output", "$: minProperties was removed: the server does not take it", "schema" }, told[1])
    assert.equal(2, #told)
  end)
end)

describe("strict mode", function()
  local function strict(schema, dialect)
    local told = 0
    local adapted, flag = schema_dialects.output(schema, dialect, function() told = told + 1 end)
    return json.encode(adapted), flag, told
  end

  it("is asked for where the schema keeps its meaning", function()
    local _, flag, told = strict(PERSON, "openai_strict")
    assert.same({ true, 2 }, { flag, told })
    local open = { type = "object", additionalProperties = { type = "string" } }
    assert.same({ '{"additionalProperties":{"type":"string"},"type":"object"}', false, 0 }, { strict(open, "openai_strict") })
  end)

  it("is asked of other servers for closed objects alone", function()
    assert.is_false((select(2, strict(PERSON))))
    assert.is_true((select(2, strict { type = "object", additionalProperties = false })))
  end)

  it("is what the schema's author says, who may give it a name", function()
    local open = { type = "object", properties = { a = { type = "string" } } }
    local function of(output, dialect) return { select(2, schema_dialects.output(output, dialect, error)) } end
    assert.same({ true, "n" }, { of({ schema = open, name = "n", strict = true })[1], of({ schema = open, name = "n", strict = true })[2].name })
    assert.is_false(of({ schema = open, strict = false }, "openai_strict")[1])
    assert.is_nil(of({ schema = open, name = "n" }, "openai_strict")[1])
  end)

  it("changes nothing of a schema that came by the same protocol", function()
    local open = { type = "object", minProperties = 1 }
    local adapted, flag = schema_dialects.output({ schema = open, strict = true }, "openai_strict", error, true)
    assert.same({ open, true }, { adapted, flag })
  end)
end)

describe("any schema", function()
  local KEYS = { "type", "properties", "required", "anyOf", "oneOf", "allOf", "items", "additionalProperties", "$ref", "$defs", "not", "enum", "const", "nullable" }
  local LEAVES = { "object", "string", "null", "#", "#/$defs/a", true, false, 0, 1.5 }

  local function make(random, depth)
    if depth == 0 or random(4) == 1 then return LEAVES[random(#LEAVES)] end
    local out = {}
    for _ = 1, random(3) do
      local value = make(random, depth - 1)
      if depth % 2 == 0 then out[#out + 1] = value else out[KEYS[random(#KEYS)]] = value end
    end
    return out
  end

  it("that somebody wrote is adapted, whatever stands in it", function()
    local state = 99
    local function random(n)
      state = (state * 16807) % 2147483647
      return state % n + 1
    end
    for _ = 1, 3000 do
      local schema = { type = "object" }
      for _ = 1, random(4) do schema[KEYS[random(#KEYS)]] = make(random, 3) end
      for _, dialect in ipairs { "openai_strict", "anthropic", "gemini", "openapi", "grammar" } do
        json.encode((schema_dialects.adapt(schema, dialect)))
        json.encode((schema_dialects.warned(schema_dialects.flat(schema, "f", function() end), dialect, "f", function() end)))
      end
    end
  end)
end)
