local json = require "opengatellm.json"
local parameter = require "opengatellm.operations.parameter"

describe("a line", function()
  it("is read into its rules", function()
    local cases = {
      ["string 1..255, required: Its name."] = { type = "string", min = 1, max = 255, required = true, doc = "Its name." },
      ["secret ..72: A: password."] = { type = "secret", max = 72, doc = "A: password." },
      ["integer >0, was collection: Where."] = { type = "integer", above = 0, was = "collection", doc = "Where." },
      ["number 0..1: How."] = { type = "number", min = 0, max = 1, doc = "How." },
      ["one of asc|desc: Which."] = { type = "enum", values = { "asc", "desc" }, doc = "Which." },
      ["list of table, required, 1..64 items: Them."] =
        { type = "list", item = { name = "x", type = "table" }, required = true, items_min = 1, items_max = 64, doc = "Them." },
      ["list of one of a|b: Them."] = { type = "list", item = { name = "x", type = "enum", values = { "a", "b" } }, doc = "Them." },
      ["list of string 1..64, ..9 items: Them."] = { type = "list", item = { name = "x", type = "string", min = 1, max = 64 }, items_max = 9, doc = "Them." },
    }
    for line, wanted in pairs(cases) do
      wanted.name = "x"
      assert.same(wanted, parameter.read("x", line))
    end
  end)
end)

describe("a value", function()
  local CASES = { -- line, value, misuse, limit
    { "string 1..3", "abc" }, { "string 1..3", "éàü" }, { "string 1..3", "", nil, "should have at least 1 character" },
    { "string 1..3", "abcd", nil, "should have at most 3 characters, has 4" }, { "string 1..3", 5, "expected string, got number" },
    { "string, required", nil, "it is required" }, { "string, required", json.null, "expected string" }, { "string", json.null },
    { "string", nil }, { "integer 1..100", 100 }, { "integer 1..100", 101, nil, "should be less than or equal to 100" },
    { "integer 1..100", 0, nil, "should be greater than or equal to 1" }, { "integer", 1.5, "expected integer, got number" },
    { "integer", "1", "expected integer, got string" }, { "integer >0", 0, nil, "should be greater than 0" }, { "integer >0", 1 },
    { "number 0..1", 0.5 }, { "number 0..1", 1.5, nil, "less than or equal to 1" }, { "number", 0 / 0, "expected number" },
    { "number", math.huge, "expected number" }, { "time", 1790000000 }, { "boolean", true }, { "boolean", 1, "expected boolean, got number" },
    { "one of hybrid|semantic|lexical", "exact", nil, "should be hybrid, semantic or lexical, not 'exact'" },
    { "one of hybrid|semantic|lexical", "semantic" }, { "one of a|b", 1, "expected string, got number" },
    { "list of integer, 1..2 items", { 1, 2 } }, { "list of integer, 1..2 items", {}, nil, "should have at least 1 item" },
    { "list of integer, 1..2 items", { 1, 2, 3 }, nil, "should have at most 2 items, has 3" },
    { "list of integer", { 1, "2" }, "expected a list of integer %(its item 2 is a string%), got table" },
    { "list of string 1..3", { "ab", "abcd" }, nil, "item 2 should have at most 3 characters" },
    { "list of string", "ab", "expected table %(a list%), got string" }, { "table", {} }, { "table", 1, "expected table" }, { "any", print },
    { "file", "a.txt" }, { "file", {}, nil, "exactly one of path" }, { "file", 1, "expected string %(a path%) or table" },
    { "filter", { key = "k", type = "eq", value = 1 } }, { "filter", {}, nil, "its type should be" },
    { "metadata", { a = 1 } }, { "metadata", {}, nil, "1 to 10 keys" },
  }

  it("is fine, of a wrong type, or beyond a limit", function()
    for _, case in ipairs(CASES) do
      local misuse, limit = parameter.check(parameter.read("x", case[1] .. ": doc"), case[2])
      for i, found in pairs { misuse or false, limit or false } do
        local wanted = case[2 + i]
        if wanted then assert.matches(wanted, found or "(nothing)") else assert.is_false(found, case[1] .. ": " .. tostring(found)) end
      end
    end
  end)

  it("of a long enumeration is refused without the list", function()
    local values = {}
    for i = 1, 40 do values[i] = "v" .. i end
    local _, limit = parameter.check(parameter.read("x", "one of " .. table.concat(values, "|") .. ": doc"), "w")
    assert.equal("'w' is none of the 40 values that the server knows", limit)
  end)
end)
