local json = require "opengatellm.json"
local value_set = require "opengatellm.schema.value_set"

describe("a set of values", function()
  it("knows what JSON Schema calls equal", function()
    local set = value_set.new { 1, "1", false, json.null, { a = { 1, 2.0 }, b = {} }, json.array {} }
    for _, value in ipairs { 1.0, "1", { b = {}, a = { 1.0, 2 } }, json.array {} } do assert.is_true(set:has(value)) end
    assert.is_true(set:has(false))
    assert.is_true(set:has(json.null))
    for _, value in ipairs { 0, "", true, {}, { 1 }, { a = { 1, 2 } }, { a = { 2, 1 }, b = {} }, "{}" } do assert.is_false(set:has(value)) end
    assert.is_false(set:has(nil))
    assert.is_false(set:has(0 / 0))
  end)

  it("cannot be misled by texts", function()
    local set = value_set.new { { "a,s1:b" }, { a = "b}" } }
    assert.is_false(set:has { "a", "b" })
    assert.is_false(set:has { a = "b", ["}"] = "" })
    assert.is_false(set:has { ["a"] = json.array { "b}" } })
  end)

  it("says whether a value is new", function()
    local set = value_set.new {}
    assert.is_true(set:add { 1 })
    assert.is_false(set:add { 1 })
    assert.is_true(set:add "x")
    assert.is_false(set:add "x")
    assert.is_true(set:add(0 / 0))
  end)
end)
