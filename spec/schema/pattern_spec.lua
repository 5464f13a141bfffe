local pattern = require "opengatellm.schema.pattern"
local schema = require "opengatellm.schema"

local has_rex = pcall(require, "rex_pcre2")

-- The module as it is where no engine is installed.
local function without_engine(fn)
  local saved, preload = package.loaded.rex_pcre2, package.preload.rex_pcre2
  package.loaded.rex_pcre2, package.preload.rex_pcre2 = nil, function() error "not installed" end
  finally(function() package.loaded.rex_pcre2, package.preload.rex_pcre2 = saved, preload end)
  return fn()
end

describe("a pattern", function()
  it("is rewritten where PCRE reads it otherwise than ECMAScript", function()
    for text, wanted in pairs {
      ["^a$"] = "^a\\z", ["\\$[$]"] = "\\$[$]", ["[^]a"] = "[\\s\\S]a", ["[]"] = "(?!)", ["\\v[\\v]"] = "\\x0b[\\x0b]",
      ["\\p{Letter}\\P{gc=Lu}"] = "\\p{L}\\P{Lu}", ["\\p{Script=Greek}"] = "\\p{Greek}", ["\\u00e9\\u{1f600}"] = "\\x{00e9}\\x{1f600}",
      ["\\ud83d\\ude00"] = "\\x{1f600}", ["[[a]"] = "[\\[a]", ["\\d\\w\\/"] = "\\d\\w\\/",
    } do
      assert.equal(wanted, pattern.translated(text))
    end
  end)

  it("matches anywhere, in characters", function()
    if not has_rex then pending "rex_pcre2 is not installed" end
    for _, case in ipairs {
      { "b", "abc", true }, { "^b", "abc", false }, { "^.$", "é", true }, { "^\\S$", "\194\160", false }, { "^\\s$", "\226\128\168", true },
      { "^[\\s]$", "\239\187\191", true }, { "^\\d$", "\217\162", false }, { "a$", "a\n", false }, { "^\\p{Letter}+$", "été", true },
      { "^\\p{Lu}$", "É", true }, { "^(?<y>\\d{4})-\\k<y>$", "2024-2024", true }, { "[^]", "\n", true }, { "^[^]$", "", false },
    } do
      local matches = assert(pattern.compile(case[1]))
      assert.equal(case[3], matches(case[2]), case[1] .. " " .. case[2])
    end
  end)

  it("that PCRE refuses is a mistake of the schema", function()
    if not has_rex then pending "rex_pcre2 is not installed" end
    local fits, err = schema.validate({ properties = { a = { pattern = "(" } } }, {})
    assert.is_nil(fits)
    assert.matches("^the schema is wrong: a: the pattern %( is wrong: missing closing parenthesis", err.message)
    assert.matches("the pattern %[ is wrong", select(2, schema.validate({ patternProperties = { ["["] = true } }, {})).message)
  end)

  it("that takes too long, or a text that is not UTF-8, fits nothing", function()
    if not has_rex then pending "rex_pcre2 is not installed" end
    local list = select(2, schema.validate({ pattern = "^(a+)+$" }, ("a"):rep(40) .. "b"))
    assert.matches("could not be tried", tostring(list))
    assert.matches("could not be tried", tostring(select(2, schema.validate({ pattern = "a" }, "a\255"))))
    assert.matches("its name could not be matched", tostring(select(2, schema.validate({ patternProperties = { ["a"] = true } }, { ["a\255"] = 1 }))))
  end)

  it("is not checked without an engine, and that is told once", function()
    without_engine(function()
      local s = { pattern = "^a", patternProperties = { ["^b"] = { type = "string" } }, properties = { x = { pattern = "y" } } }
      local fits, errors, warnings = schema.validate(s, { bb = 5, x = "z" })
      assert.is_true(fits)
      assert.is_nil(errors)
      assert.equal(1, #warnings)
      assert.equal("pattern", warnings[1].code)
      assert.matches("patterns were not checked", warnings[1].message)
      local also = select(3, schema.compile { pattern = "a" })
      assert.equal(1, #also)
      assert.is_nil((select(3, schema.validate({ type = "string" }, "x"))))
    end)
  end)

  it("goes to nginx where that is", function()
    local asked = {}
    rawset(_G, "ngx", { re = { find = function(subject, text, options)
      asked[#asked + 1] = text .. " " .. options
      if text == "(" then return nil, nil, "missing )" end
      return subject:find "a"
    end } })
    finally(function() rawset(_G, "ngx", nil) end)
    local matches = pattern.compile "^a$"
    assert.is_true(matches "xa")
    assert.is_false(matches "xb")
    assert.equal("^a\\z jou", asked[1])
    assert.equal(false, (pattern.compile "("))
  end)
end)
