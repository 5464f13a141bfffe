-- Results of tools: what a model gets to see of a value, and values that it cannot see.
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local results = require "opengatellm.conversation.tool_result"

local function content(value, limit)
  local result, problem = results.of(value, limit)
  return result and result.content or nil, problem
end

describe("the result of a tool", function()
  it("is its text, or its value as JSON", function()
    assert.equal("21 °C", content "21 °C")
    assert.equal("", content "")
    assert.equal('{"sky":["clear",null],"temperature":21}', content { temperature = 21, sky = { "clear", json.null } })
    assert.equal("[]", content(json.array {}))
    assert.equal("false", content(false))
    assert.equal("null", content(json.null))
    assert.equal('{"a":1}', content(json.raw '{"a":1}'))
    assert.same({ content = "5", is_error = false, metadata = { row = 7 } }, results.of(5, nil, { row = 7 }))
  end)

  it("is a word where there is nothing", function() assert.equal("Done.", content(nil)) end)

  it("is valid UTF-8, whatever bytes a tool returns", function()
    assert.equal("a\239\191\189b", content "a\255b")
    assert.equal('{"x":"a\239\191\189b"}', content { x = "a\255b" })
  end)

  it("may be parts", function()
    local image = ogl.image { data = "\137PNG\r\n\26\n", mime = "image/png" }
    assert.same({ { type = "text", text = "The map:" }, image }, content(ogl.parts("The map:", image)))
    assert.same({ { type = "text", text = "x" } }, content(ogl.parts { type = "text", text = "x" }))
    assert.equal("Done.", content(ogl.parts()))
    assert.equal('[{"text":"x","type":"text"}]', content { { type = "text", text = "x" } })
  end)

  it("that is no parts raises where it is marked", function()
    for problem, part in pairs {
      ["expected string or table, got number"] = 5, ["type: expected string, got nil"] = {}, ["text: expected string, got nil"] = { type = "text" },
    } do
      local _, raised = pcall(function() ogl.parts("x", part) end)
      assert.matches("tool_result_spec.lua:%d+: ogl.parts: %[2%]: " .. problem, raised)
    end
    assert.has_error(function() ogl.parts("x", nil) end)
  end)
end)

describe("a long result", function()
  it("has its head, its tail and a marker", function()
    local text = content(("a"):rep(5000) .. ("z"):rep(5000), 1000)
    assert.is_true(#text <= 1000)
    assert.matches("^a+\n%[… %d+ bytes are left out here …%]\nz+$", text)
    local list = {}
    for i = 1, 100000 do list[i] = i end
    text = content(list)
    assert.is_true(#text <= results.LIMIT)
    assert.matches("^%[1,2,.*,100000%]$", text)
  end)

  it("of several texts shares the limit, and keeps pictures", function()
    local image = ogl.image { data = ("x"):rep(5000), mime = "image/png" }
    local parts = content(ogl.parts(("a"):rep(900), image, ("b"):rep(5000)), 1000)
    assert.is_true(#parts[1].text + #parts[3].text <= 1000)
    assert.equal(image, parts[2])
  end)
end)

describe("a value that cannot be JSON", function()
  local parent = { name = "root", children = {} }
  for i = 1, 50 do parent.children[i] = { name = "child", parent = parent, siblings = parent.children } end
  local twice = { 1 }
  for _ = 1, 60 do twice = { twice, twice } end
  local deep = {}
  for _ = 1, 1000 do deep = { deep } end

  for problem, value in pairs {
    ["rows[2].run: a function cannot be in JSON"] = { rows = { 1, { run = print } } }, ["a function cannot be in JSON"] = print,
    ["a thread cannot be in JSON"] = coroutine.create(function() end), ["t: JSON has neither NaN nor infinity"] = { t = 0 / 0 },
    ["JSON has neither NaN nor infinity"] = -math.huge, ["it has more than 1000000 values"] = twice,
    ["the table holds itself"] = setmetatable({}, { __mode = "k" }),
  } do
    it("is a problem with its path: " .. problem, function()
      if problem == "the table holds itself" then
        value[1] = { value }
        problem = "[1][1]: " .. problem
      end
      assert.same({ nil, "the result cannot be JSON: " .. problem }, { results.of(value) })
    end)
  end

  it("may hold itself in many places, or be deep", function()
    assert.matches("the table holds itself$", select(2, results.of(parent)))
    assert.matches("it is nested too deeply$", select(2, results.of(deep)))
  end)

  it("is also what the encoder alone refuses", function()
    assert.matches("cannot encode", select(2, results.of { 1, x = 2 }))
    assert.matches("cannot encode a userdata", select(2, results.of { io.stdout }))
  end)

  it("is not one that has the same table twice", function()
    local same = { 1 }
    assert.equal('{"a":[1],"b":[1]}', content { a = same, b = same })
  end)
end)

describe("a failure", function()
  it("is marked, and says why", function()
    assert.same({ content = "there is no such town", is_error = true }, results.failure "there is no such town")
    assert.same({ content = "The tool failed.", is_error = true }, results.failure())
    assert.equal("The tool failed.", results.failure("").content)
    assert.equal("x: y", results.failure(setmetatable({}, { __tostring = function() return "x: y" end })).content)
    assert.is_true(#results.failure(("x"):rep(5000), 1000).content <= 1000)
  end)
end)
