local filter = require "opengatellm.base.filter"

describe("a filter", function()
  local f = filter
  local GOOD = {
    { f.eq("type", "loi"), { key = "type", type = "eq", value = "loi" } },
    { f.starts_with("title", "Code"), { key = "title", type = "sw", value = "Code" } },
    { f.ends_with("title", "pénal"), { key = "title", type = "ew", value = "pénal" } },
    { f.contains("title", "du"), { key = "title", type = "co", value = "du" } },
    { f.eq("year", 1804), { key = "year", type = "eq", value = 1804 } },
    { f.eq("valid", false), { key = "valid", type = "eq", value = false } },
    { f.eq(("é"):rep(255), "x"), { key = ("é"):rep(255), type = "eq", value = "x" } }, -- characters, not bytes
    { f.all { f.eq("a", 1), f.eq("b", 2) },
      { operator = "and", filters = { { key = "a", type = "eq", value = 1 }, { key = "b", type = "eq", value = 2 } } } },
    { f.any { f.eq("a", 1), f.eq("b", 2), f.eq("c", 3), f.eq("d", 4) }, nil },
  }
  local BAD = {
    { f.eq("", "x"), "a key should have 1 to 255 characters, has 0" },
    { f.eq(("k"):rep(256), "x"), "has 256" },
    { f.eq(1, "x"), "a key has to be a string" },
    { f.eq("k", ""), "a text should have 1 to 255 characters, has 0" },
    { f.eq("k", ("é"):rep(256)), "has 256" },
    { f.eq("k", 1e16), "between %-1e16 and 1e16" },
    { f.eq("k", 0 / 0), "between %-1e16 and 1e16" },
    { f.eq("k", {}), "expected string, number or boolean, got table" },
    { f.eq("k", nil), "expected string, number or boolean, got nil" },
    { { key = "k", type = "gt", value = 1 }, "its type should be eq, sw, ew or co, not 'gt'" },
    { f.all { f.eq("a", 1) }, "it should join 2 to 4 comparisons, has 1" },
    { f.any { f.eq("a", 1), f.eq("a", 1), f.eq("a", 1), f.eq("a", 1), f.eq("a", 1) }, "has 5" },
    { f.all { f.eq("a", 1), f.any { f.eq("a", 1), f.eq("b", 1) } }, "filters%[2%]: .* no filter inside a filter" },
    { f.all { f.eq("a", 1), "b" }, "filters%[2%]: expected a comparison, got string" },
    { f.all(nil), "filters: expected a list" },
    { { operator = "not", filters = {} }, "its operator should be 'and' or 'or', not 'not'" },
  }

  it("is the table that the server takes", function()
    for _, case in ipairs(GOOD) do
      if case[2] then assert.same(case[2], case[1]) end
      assert.is_nil(filter.problem(case[1]))
    end
  end)

  it("is refused with the rule that it breaks", function()
    for _, case in ipairs(BAD) do assert.matches(case[2], filter.problem(case[1])) end
  end)
end)

describe("metadata", function()
  it("have one to ten keys, with texts, numbers and booleans", function()
    assert.is_nil(filter.metadata_problem { title = "x", year = 2024, ok = true, ratio = 0.5 })
    assert.matches("it should have 1 to 10 keys, has 0", filter.metadata_problem {})
    local many = {}
    for i = 1, 11 do many["k" .. i] = i end
    assert.matches("has 11", filter.metadata_problem(many))
    assert.matches("^b: expected string, number or boolean, got table", filter.metadata_problem { a = 1, b = {} })
    assert.matches("^b: a text should have", filter.metadata_problem { b = "" })
    assert.matches("^1: a key has to be a string", filter.metadata_problem { "x" })
    assert.matches("got userdata", filter.metadata_problem { b = require "opengatellm".null })
  end)
end)
