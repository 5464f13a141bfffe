-- Histories: what is repaired before a request, the same each time.
local history = require "opengatellm.conversation.history"
local ogl = require "opengatellm"
local conversations = require "spec.support.conversations"

local function called(...)
  local calls = {}
  for i, id in ipairs { ... } do calls[i] = { id = id, name = "f", arguments = "{}" } end
  return { role = "assistant", content = "", tool_calls = calls }
end

local function result(id, text) return { role = "tool", tool_call_id = id, content = text or id } end

local function roles(list)
  local out = {}
  for i, message in ipairs(list) do out[i] = message.tool_call_id or message.role end
  return table.concat(out, " ")
end

describe("a history", function()
  it("stays the same list where it is sound", function()
    local list = { ogl.user "x", called("a", "b"), result "a", result "b", { role = "assistant", content = "y" }, ogl.user "z" }
    assert.equal(list, history.repair(list))
  end)

  it("gets a result for each call without one, behind the others, in the calls' order", function()
    local list = { ogl.user "x", called("a", "b", "c"), result "c", result "a", ogl.user "z" }
    local repaired = history.repair(list)
    assert.equal("user assistant a b c user", roles(repaired))
    assert.equal(history.INTERRUPTED, repaired[4].content)
    assert.is_true(repaired[4].is_error)
    assert.equal(5, #list)
  end)

  it("loses results without a call, and those that came twice", function()
    local list = { result "0", ogl.user "x", called "a", result "a", result("a", "again"), result "b" }
    assert.equal("user assistant a", roles(history.repair(list)))
  end)

  it("has a result that came late behind its call", function()
    local list = { ogl.user "x", called "a", ogl.user "y", result("a", "late"), { role = "assistant", content = "z" } }
    local repaired = history.repair(list)
    assert.equal("user assistant a user assistant", roles(repaired))
    assert.equal("late", repaired[3].content)
  end)

  it("has the user's neighbouring messages as one", function()
    local list = { ogl.user "a", ogl.user "b", ogl.user { { type = "image", url = "u" } } }
    local repaired = history.repair(list)
    assert.equal(1, #repaired)
    assert.same({ "a\n\nb", { type = "image", url = "u" } }, repaired[1].content)
    local marked = { ogl.user "a", { role = "user", content = "b", name = "Ada" } }
    assert.equal(marked, history.repair(marked))
  end)

  it("tells calls of one id apart by their order, and takes names for ids", function()
    local twin = { role = "assistant", content = "", tool_calls = { { id = "a", name = "f" }, { id = "a", name = "f" }, { name = "g" } } }
    local repaired = history.repair { ogl.user "x", twin, result("a", "1"), result("g", "3") }
    assert.equal("user assistant a a g", roles(repaired))
    assert.same({ "1", history.INTERRUPTED, "3" }, { repaired[3].content, repaired[4].content, repaired[5].content })
  end)

  it("is repaired once: any list, twice, is the first one again", function()
    math.randomseed(7)
    for _ = 1, 500 do
      local list = {}
      for i = 1, math.random(12) do
        local kind = math.random(4)
        if kind == 1 then list[i] = ogl.user "u"
        elseif kind == 2 then list[i] = called(unpack and unpack({ "a", "b", "c" }, 1, math.random(3)) or table.unpack({ "a", "b", "c" }, 1, math.random(3)))
        elseif kind == 3 then list[i] = { role = "assistant", content = "t" }
        else list[i] = result(("abcd"):sub(math.random(4)):sub(1, 1)) end
      end
      local once = history.repair(list)
      assert.equal(once, history.repair(once))
      assert.is_nil(conversations.problem_of(once))
    end
  end)
end)
