-- Sets of tools: joined, scoped, and loaded from files that a host trusts as far as it chooses.
local helper = require "spec.helper"
local ogl = require "opengatellm"
local results = require "opengatellm.conversation.tool_result"
local tools = require "opengatellm.conversation.tool"

local function names(set)
  local list = {}
  for i, tool in ipairs(set) do list[i] = tool.name or tool.type end
  return list
end

local function set_of(...)
  local set = {}
  for i, name in ipairs { ... } do set[i] = ogl.tool { name = name } end
  return set
end

local function raised_by(fn, ...)
  local fine, raised = pcall(fn, ...)
  assert.is_false(fine)
  return raised
end

describe("ogl.tools.join", function()
  it("makes one set of lists, in their order, and leaves them as they were", function()
    local a, b = set_of("x", "a"), { { name = "m", run = print }, { type = "googleSearch" } }
    local set = ogl.tools.join(a, b, {})
    assert.same({ "x", "a", "m", "googleSearch" }, names(set))
    assert.same({ 2, 2 }, { #a, #b })
    assert.equal(a[1], set[1])
    assert.is_true(tools.is(set[3]))
    assert.equal(b[2], set[4])
    assert.same({}, ogl.tools.join())
  end)

  it("raises where two have one name, with both places", function()
    local raised = raised_by(function() ogl.tools.join(set_of("a", "b"), set_of("c", "b")) end)
    assert.matches("tools_spec.lua:%d+: ogl.tools.join: two tools have the name b: argument 1, tool 2, and argument 2, tool 2$", raised)
    assert.matches("argument 1, tool 1, and argument 1, tool 2", raised_by(ogl.tools.join, set_of("a", "a")))
    assert.matches("the name a: ", raised_by(ogl.tools.join, { { name = "a", type = "custom" } }, set_of "a"))
  end)

  it("raises for what is no list of tools, with its place", function()
    assert.matches("argument 2: expected a list of tools, got string", raised_by(ogl.tools.join, {}, "x"))
    assert.matches("argument 1: expected a list of tools, got one tool: write { tool }", raised_by(ogl.tools.join, ogl.tool { name = "a" }))
    assert.matches("argument 1, tool 2: runs: there is no such field", raised_by(ogl.tools.join, { { name = "a" }, { name = "b", runs = 1 } }))
    assert.matches("argument 1, tool 1: expected table, got string", raised_by(ogl.tools.join, { "a" }))
  end)
end)

describe("ogl.tools.scope", function()
  it("gives copies with a prefix and metadata; the scope has the last word about metadata", function()
    local read = ogl.tool { name = "read", run = print, metadata = { source = "itself", size = 1 } }
    local set = ogl.tools.scope({ read, { name = "write" }, { type = "googleSearch" } }, { prefix = "fs_", metadata = { source = "disk" } })
    assert.same({ "fs_read", "fs_write", "googleSearch" }, names(set))
    assert.same({ { source = "disk", size = 1 }, { source = "disk" } }, { set[1].metadata, set[2].metadata })
    assert.equal(print, set[1].run)
    assert.same({ "read", { source = "itself", size = 1 } }, { read.name, read.metadata })
  end)

  it("raises mistakes, and names that become too long", function()
    for problem, arguments in pairs {
      ["expected options, got nil"] = { {} }, ["prefix: expected string, got 5"] = { {}, { prefix = 5 } },
      ["suffix: there is no such field"] = { {}, { suffix = "x" } }, ["expected a list of tools, got nil"] = { nil, {} },
      ["tool 1: name: expected at most 64"] = { set_of "a", { prefix = ("x"):rep(64) } }, ["tool 1: name: a text"] = { { {} }, {} },
      ["the name x_a: tool 1, and tool 2"] = { set_of("a", "a"), { prefix = "x_" } },
    } do
      assert.matches("ogl.tools.scope: .*" .. problem, raised_by(function() ogl.tools.scope(arguments[1], arguments[2]) end))
    end
  end)
end)

-- A folder with these files.
local function folder(files)
  local path = helper.directory() .. "/" .. helper.id()
  assert(os.execute("mkdir " .. path))
  for name, text in pairs(files) do
    local file = assert(io.open(path .. "/" .. name, "wb"))
    file:write(text)
    file:close()
  end
  return path
end

local SIMPLE = 'return { name = "%s" }'

describe("ogl.tools.load", function()
  it("loads the Lua files of a folder, sorted by name", function()
    local path = folder {
      ["b.lua"] = SIMPLE:format "from_b", ["a.lua"] = 'return { { name = "z" }, { name = "a" } }', ["c.lua"] = SIMPLE:format "from_c",
      [".hidden.lua"] = "error 'run'", ["notes.txt"] = "no Lua", ["x.lua~"] = "error 'run'",
    }
    assert.same({ "z", "a", "from_b", "from_c" }, names(assert(ogl.tools.load(path))))
    assert.same({ "z", "a", "from_b", "from_c" }, names(assert(ogl.tools.load(path .. "/"))))
  end)

  it("says that there is no such folder", function()
    local set, err = ogl.tools.load "/nowhere/at/all"
    assert.same({ nil, "config", "/nowhere/at/all: No such file or directory" }, { set, err.kind, err.message })
  end)

  it("loads a list in its order", function()
    local a, b = helper.write(SIMPLE:format "a"), helper.write(SIMPLE:format "b")
    assert.same({ "b", "a" }, names(assert(ogl.tools.load { b, a })))
    assert.same({}, assert(ogl.tools.load {}))
  end)

  it("takes a file that returns a tool of ogl.tool, or one that the server runs", function()
    local text = "return { type = 'googleSearch' }"
    local set = assert(ogl.tools.load({ helper.write "return ogl.tool { name = 'a' }", helper.write(text) }, { env = { ogl = ogl } }))
    assert.same({ "a", "googleSearch" }, names(set))
  end)

  it("passes over the mark of UTF-8 and a line for the shell", function()
    local path = helper.write("\239\187\191#!/usr/bin/lua\nreturn { name = 'a', run = function() error 'here' end }")
    local set = assert(ogl.tools.load { path })
    assert.matches(":2: here$", select(2, pcall(set[1].run)))
  end)

  it("names the file of every failure", function()
    for problem, text in pairs {
      [":1: .* near "] = "return {", [":2: boom"] = "\nerror 'boom'", ["it returns a nil"] = "local x = 1",
      ["it returns a function"] = "return print", ["the table has none"] = "return {}", ["runs: there is no such field"] = "return { name = 'a', runs = 1 }",
      [", tool 2: name: a text is needed"] = "return { { name = 'a' }, {} }", [":1: ogl.tool: name: a text"] = "local tool = ogl.tool {} return tool",
      [": two tools have the name a: .*, tool 1, and .*, tool 2"] = "return { { name = 'a' }, { name = 'a' } }",
      ["it is bytecode; only text is loaded"] = string.dump(function() return { name = "a" } end),
      ["an object"] = "error(setmetatable({}, { __tostring = function() return 'an object' end }))",
    } do
      local path = helper.write(text)
      local env = { ogl = ogl, error = error, setmetatable = setmetatable, print = print }
      local set, err = ogl.tools.load({ helper.write(SIMPLE:format "before"), path }, { env = env })
      assert.same({ nil, "config", "tools" }, { set, err.kind, err.code })
      assert.matches(path:match "[^/]+$" .. ".*" .. problem, err.message)
    end
    local _, err = ogl.tools.load { "/nowhere.lua" }
    assert.same({ "file", "/nowhere.lua: No such file or directory" }, { err.kind, err.message })
  end)

  it("refuses two tools of one name, and names both files", function()
    local a, b = helper.write(SIMPLE:format "same"), helper.write(SIMPLE:format "same")
    local _, err = ogl.tools.load { a, b }
    assert.equal(("%s: two tools have the name same: %s, and %s"):format(b, a, b), err.message)
    local one, other = assert(ogl.tools.load { a }), assert(ogl.tools.load { b })
    local raised = raised_by(ogl.tools.join, one, other)
    assert.matches("argument 1, tool 1 (" .. a .. "), and argument 2, tool 1 (" .. b .. ")", raised, 1, true)
    raised = raised_by(ogl.tools.join, ogl.tools.scope(one, { prefix = "x_" }), ogl.tools.scope(other, { prefix = "x_" }))
    assert.matches("(" .. a .. ")", raised, 1, true)
  end)

  it("gives files the names that the host chooses, and no others; what one sets, the next does not see", function()
    local text = "seen = seen or 'nothing' local r = { name = 'a', description = tostring(os) .. ' ' .. greeting .. ' ' .. seen } seen = 'set' return r"
    local first, second = helper.write(text), helper.write((text:gsub("'a'", "'b'")))
    local env = { greeting = "bonjour", tostring = tostring }
    local set = assert(ogl.tools.load({ first, second }, { env = env }))
    assert.same({ "nil bonjour nothing", "nil bonjour nothing" }, { set[1].description, set[2].description })
    assert.is_nil(env.seen)
    assert.is_nil(rawget(_G, "seen"))
  end)

  it("gives a file no way to change the host's table", function()
    local env = { getmetatable = getmetatable, getfenv = rawget(_G, "getfenv"), tostring = tostring }
    local path = helper.write "local own = getfenv and getfenv(1) or _ENV return { name = 'a', description = tostring(getmetatable(own)) }"
    assert.equal("false", assert(ogl.tools.load({ path }, { env = env }))[1].description)
  end)

  it("gives them the program's names where the host chooses none", function()
    local path = helper.write "local json = require 'opengatellm.json' one_more = 1 return { name = 'a', run = function(x) return json.encode(x) end }"
    local set = assert(ogl.tools.load { path })
    assert.equal("[1]", set[1].run { 1 })
    assert.is_nil(rawget(_G, "one_more"))
  end)

  it("raises what the program did wrong", function()
    for problem, arguments in pairs {
      ["expected a folder, or a list of files, got nil"] = {}, ["%[1%]: expected the path of a file, got table"] = { { {} } },
      ["expected options, got string"] = { {}, "x" }, ["env: expected table, got string"] = { {}, { env = "x" } },
      ["environment: there is no such field"] = { {}, { environment = {} } },
    } do
      assert.matches("ogl.tools.load: " .. problem, raised_by(function() ogl.tools.load(arguments[1], arguments[2]) end))
    end
  end)
end)

describe("examples/tools", function()
  it("are loaded, checked and run", function()
    local env = { os = { date = os.date }, select = select }
    local set = assert(ogl.tools.load("examples/tools", { env = env }))
    assert.same({ "get_time", "count_text", "reverse_text" }, names(set))
    assert.matches("^%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d$", set[1].run(assert(tools.arguments(set[1], ""))))
    local said = set[2].run(assert(tools.arguments(set[2], '{"text":"été à Lyon"}')))
    assert.equal('{"characters":10,"words":3}', results.of(said).content)
    assert.equal("éte", set[3].run { text = "eté" })
    assert.matches("text: is missing", select(2, tools.arguments(set[3], "{}")))
  end)
end)
