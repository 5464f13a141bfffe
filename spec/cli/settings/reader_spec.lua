-- The reader of settings files: what it takes is what Lua makes of the same text, and nothing that runs gets through.
local helper = require "spec.helper"
local reader = require "opengatellm.cli.settings.reader"

local function problem_of(text)
  local values, problem = reader.parse(text, "f.lua")
  assert.is_nil(values)
  return problem
end

local function value_of(text) return assert(reader.parse("return { " .. text .. " }", "f.lua"))[1] end

-- What Lua itself makes of a text of constants.
local function by_lua(text) return assert((loadstring or load)(text:gsub("^#[^\n]*", "")))() end

describe("a settings file", function()
  it("holds what Lua would read there", function()
    for _, text in ipairs {
      "return {}", "return { };", "#!/usr/bin/lua\nreturn {}", "return { 1, 2; 3, }", "return { a = true, b = false, c = nil }", "-- one\nreturn {} -- two",
      "--[[ a\nb ]] return { --[==[ ]] ]==] 1 }", "return { 0, -1, - 2, 3.5, .5, 5., 1e3, 1E-2, 0x10, 0xfF, 9007199254740993 }", "return { -- a\n--\n}",
      [[return { "", 'a', "it's", 'say "x"', "\a\b\f\n\r\t\v\\\"\'", "a\
b", "\0\7\65\065z", "é€😀" }]],
      "return { [[a]], [[\nb]], [==[c]]]=]d]==], [[\n\ne\n]] }", "return { [1] = 'a', [2.5] = 'b', ['c d'] = 'e', ['end'] = 1 }",
      "return { [ [[a]] ] = 1 }", "return { a = { b = { c = {} } }, { { 1 } } }", "return\r\n{ a =\r1,\n\r\n\rb = [[\r\nx\ry\n\rz]] }", "return{1,a=2,3,[10]=4;5}",
      "return { x_1 = 1, _y = 2, returned = 3 }",
    } do
      assert.same(by_lua(text), (assert(reader.parse(text, "f.lua"))), text)
    end
  end)

  it("has the escapes of Lua 5.4 on every Lua", function()
    assert.equal("A\1é€😀x", value_of [["\x41\u{1}\u{e9}\u{20AC}\u{1F600}\z
      x"]])
    assert.equal("\239\187\191", value_of [["\u{feff}"]])
  end)

  it("may begin with a mark of UTF-8", function() assert.same({ a = 1 }, (reader.parse("\239\187\191return { a = 1 }", "f.lua"))) end)

  it("says on which line each key is set", function()
    local values, lines = reader.parse("-- a\nreturn {\n  a = 1, b = {\r\n    [[x\n]],\n    c = 2,\n  },\n}", "f.lua")
    assert.same({ a = 3, b = 3 }, lines[values])
    assert.same({ [1] = 4, c = 6 }, lines[values.b])
  end)
end)

describe("what is no table of constants", function()
  it("is refused with its line, and with what was expected", function()
    local constant = "expected a text in quotes, a number, true, false, nil or a table, got "
    for text, problem in pairs {
      [""] = "1: expected return { … }, got the end of the file", ["a = 1"] = "1: expected return { … }, got a name",
      ["return 1"] = "1: expected return { … }, got a number", ["local a = 1 return {}"] = "1: expected return { … }, got 'local'",
      ["return {\n a = os }"] = "2: " .. constant .. "a name",
      ["return { os.exit() }"] = "1: expected a constant; a text stands in quotes, and = stands behind a key",
      ["return { a = function() end }"] = "1: " .. constant .. "'function'", ["return { ('x'):rep(3e8) }"] = "1: " .. constant .. "'('",
      ["return { 'x' .. 'y' }"] = "1: expected a comma or } behind the value (calls and operators are not read), got '.'",
      ["return { 1 + 1 }"] = "1: expected a comma or } behind the value (calls and operators are not read), got '+'",
      ["return { #'x' }"] = "1: " .. constant .. "'#'", ["return { not 1 }"] = "1: " .. constant .. "'not'",
      ["return { -'1' }"] = "1: expected a number behind the minus, got a text",
      ["return { - -1 }"] = "1: expected a number behind the minus, got '-'", ["return { ... }"] = "1: " .. constant .. "'.'",
      ["return { [nil] = 1 }"] = "1: expected a text or a number as the key, got 'nil'", ["return { [{}] = 1 }"] = "1: expected a text or a number as the key, got '{'",
      ["return { [1 = 2 }"] = "1: expected ] behind the key, got '='", ["return { [1] 2 }"] = "1: expected = behind the key, got a number",
      ["return { end = 1 }"] = "1: " .. constant .. "'end'", ["return {} return {}"] = "1: expected nothing more behind the table, got 'return'",
      ["return {\n'a\n' }"] = "2: expected ' at the end of the text on this line", ["return {\n [[a\n }"] = "2: expected ]] at the end of what begins here",
      ["return { --[=[ ]] }"] = "1: expected ]=] at the end of what begins here",
      ["return {\n 1"] = "2: expected a comma or } behind the value (calls and operators are not read), got the end of the file",
      ["return {\n a = 1,\n a = 2 }"] = "3: this key is already set on line 2", ["return { 1, [1] = 2 }"] = "1: this key is already set on line 1",
      [ [[return { "\q" }]] ] = "1: expected an escape of Lua behind the backslash", [ [[return { "\256" }]] ] = "1: expected at most \\255",
      [ [[return { "\xg" }]] ] = "1: expected an escape of Lua behind the backslash", [ [[return { "\u{110000}" }]] ] = "1: expected \\u{…} with the number of a character",
      [ [[return { "\u{D800}" }]] ] = "1: expected \\u{…} with the number of a character", ["return { 0x }"] = "1: expected a number as Lua writes and holds it",
      ["return { 1e999 }"] = "1: expected a number as Lua writes and holds it", ["return { 3x }"] = "1: expected a number as Lua writes and holds it",
      ["return { 1..2 }"] = "1: expected a number as Lua writes and holds it", ["return { \1 }"] = "1: " .. constant .. "a byte that is no word of Lua",
      ["return { é = 1 }"] = "1: " .. constant .. "a byte that is no word of Lua",
    } do
      assert.equal("f.lua:" .. problem, problem_of(text), text)
    end
  end)

  it("does not come to light in a message: it may be a key that lost its quotes", function()
    for _, text in ipairs { "return { api_key = sk_secret }", "return { sk_secret }", "return { api_key = 'sk_secret }", "return { sk_secret = 1, sk_secret = 2 }", "sk_secret" } do
      assert.is_nil(problem_of(text):find("sk_secret", 1, true), text)
    end
  end)

  it("is refused as bytecode, whichever Lua wrote it", function()
    assert.equal("f.lua: expected the text of a table, got bytecode", problem_of(string.dump(function() return {} end)))
    assert.equal("f.lua: expected the text of a table, got bytecode", problem_of "\27LJ\2")
  end)

  it("is refused where it is too deep or too long", function()
    assert.equal("f.lua:1: expected at most 24 tables in one another", problem_of("return " .. ("{"):rep(1e5)))
    assert.truthy(reader.parse("return " .. ("{"):rep(24) .. ("}"):rep(24), "f.lua"))
    assert.equal("f.lua:1: expected at most 20000 keys in all tables", problem_of("return { {" .. ("1,"):rep(10000) .. "}, {" .. ("1,"):rep(10000) .. "} }"))
    assert.equal(20000, #assert(reader.parse("return {" .. ("1,"):rep(20000) .. "}", "f.lua")))
    assert.equal("f.lua: expected at most 1048576 bytes", problem_of(("-"):rep(2 ^ 20 + 1)))
  end)
end)

describe("a file", function()
  it("that cannot be read is named", function()
    assert.same({ nil, "/nowhere/f.lua: it cannot be read: No such file or directory" }, { reader.read "/nowhere/f.lua" })
    assert.same({ nil, helper.directory() .. ": it cannot be read: Is a directory" }, { reader.read(helper.directory()) })
    assert.same({ nil, "/dev/zero: expected at most 1048576 bytes" }, { reader.read "/dev/zero" })
    assert.same({ nil, "/dev/null:1: expected return { … }, got the end of the file" }, { reader.read "/dev/null" })
  end)

  it("that can be is read", function() assert.same({ a = { 1 } }, (reader.read(helper.write "return { a = { 1 } }"))) end)
end)

-- Numbers from 0 on, the same in every run.
local function numbers(seed)
  return function(below)
    seed = (seed * 16807) % 2147483647
    return seed % below
  end
end

local PIECES = {
  "return", "{", "}", "{", "}", ",", ";", "=", "[", "]", "[[", "]]", "[==[", "]==]", "--", "--[[", "'", '"', "\\", "\\u{", "\\x4", "\\999", "\\z", "\n", "\r", " ", "a", "nil",
  "true", "-", "1", "0x", "1e9", "..", "(", ")", "end", "\0", "\255", "€", "function", "error()",
}

describe("any bytes", function()
  -- The instructions that a text costs, in thousands. Compiled code does not count them.
  local function cost_of(text)
    local jit, count = rawget(_G, "jit"), 0
    if jit then
      jit.off()
      jit.flush()
    end
    debug.sethook(function() count = count + 1 end, "", 1000)
    local fine, values, problem = pcall(reader.parse, text, "f.lua")
    debug.sethook()
    if jit then jit.on() end
    assert.is_true(fine, values)
    assert.is_true(values ~= nil or type(problem) == "string", text)
    return count
  end

  it("are read or refused, and never raise", function()
    local random = numbers(11)
    for _ = 1, 2000 do
      local text = { random(3) > 0 and "return { " or "" }
      for i = 2, random(40) do text[i] = PIECES[random(#PIECES) + 1] end
      assert.is_true(cost_of(table.concat(text)) < 100)
    end
  end)

  it("that were a good file before some of them changed are too", function()
    local random, good = numbers(5), "return { a = { 'x', \"y\\n\", [[z]] }, -- c\n ['b'] = -0x1F, [3] = 1.5e2, c = { d = true, e = nil } }"
    for _ = 1, 2000 do
      local at = random(#good) + 1
      local text = good:sub(1, at - 1) .. (random(2) == 0 and string.char(random(256)) or PIECES[random(#PIECES) + 1]) .. good:sub(at + random(3))
      assert.is_true(cost_of(text) < 100)
      local chunk, values = (loadstring or load)(text), reader.parse(text, "f.lua")
      assert.truthy(chunk or not values or _VERSION ~= "Lua 5.4", text)
      if values and chunk and not text:find "\\[uxz]" then assert.same(chunk(), values, text) end -- Lua 5.1 has other escapes
    end
  end)

  it("cost time in proportion to their number", function()
    for _, piece in ipairs { "{", "[", "[=", "]", "'\\", "\\z ", "--[[", "-- \n", "\n", "1,", "'',", "a=", "{},", "\r", "\\u{", "[[]]," } do
      local function cost(size) return cost_of("return { " .. piece:rep(math.floor(size / #piece))) end
      assert.is_true(cost(50000) <= 12 * (cost(5000) + 2), piece)
      assert.is_true(cost_of('return { "' .. piece:rep(math.floor(5000 / #piece))) < 500, piece)
    end
  end)
end)
