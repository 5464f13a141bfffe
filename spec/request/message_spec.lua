local message = require "opengatellm.request.message"
local json = require "opengatellm.json"

describe("the builders", function()
  it("make messages", function()
    assert.same({ role = "system", content = "s" }, message.system "s")
    assert.same({ role = "user", content = "u" }, message.user "u")
    assert.same({ role = "assistant", content = "a" }, message.assistant "a")
  end)

  it("make one message of several parts", function()
    local m = message.user("Look:", message.image { url = "http://x/cat.png" })
    assert.same({ role = "user", content = { "Look:", { type = "image", url = "http://x/cat.png" } } }, m)
    assert.same({ { type = "text", text = "t" } }, message.user({ type = "text", text = "t" }).content)
  end)

  it("encode a tool's answer, unless it is a text", function()
    assert.same({ role = "tool", tool_call_id = "c", content = "42" }, message.tool_result("c", "42"))
    assert.equal('{"a":[1]}', message.tool_result("c", { a = { 1 } }).content)
    assert.equal("null", message.tool_result("c", json.null).content)
  end)

  it("raise where they are misused, naming themselves", function()
    assert.error_matches(function() message.user() end, "ogl%.user")
    assert.error_matches(function() message.system(1) end, "ogl%.system: expected string or table, got number")
    assert.error_matches(function() message.tool_result(1, 2) end, "ogl%.tool_result: id")
    assert.error_matches(function() message.tool_result("c") end, "a value is needed")
    assert.error_matches(function() message.image "x" end, "ogl%.image: expected table")
    assert.error_matches(function() message.image {} end, "exactly one of url, path and data")
    assert.error_matches(function() message.audio { path = "a", data = "b" } end, "exactly one")
    assert.error_matches(function() message.file { path = "a", colour = "red" } end, "unknown field 'colour'")
    assert.error_matches(function() message.file { path = 1 } end, "field 'path': expected string")
  end)
end)

describe("message.check", function()
  it("passes what is right", function()
    assert.is_nil(message.check { message.system "s", message.user "u", { role = "assistant", tool_calls = { { name = "f", arguments = "{}" } } },
      message.tool_result("c", 1) })
  end)

  it("names the place of what is wrong", function()
    local cases = {
      { "messages", nil }, { "messages: at least one", {} }, { "write { message }", message.user "u" },
      { "messages[1]: expected table", { "u" } }, { "messages[2].role", { message.user "u", { role = "boss", content = "x" } } },
      { "messages[1].content", { { role = "user" } } }, { "messages[1].content: expected string or table", { { role = "user", content = 1 } } },
      { "messages[1].content[2]: expected string or table", { { role = "user", content = { "a", 1 } } } },
      { "messages[1].content[1].type", { { role = "user", content = { {} } } } },
      { "messages[1].content[1].text", { { role = "user", content = { { type = "text" } } } } },
      { "messages[1].tool_call_id", { { role = "tool", content = "x" } } },
      { "messages[1].tool_calls[1].name", { { role = "assistant", tool_calls = { {} } } } },
    }
    for _, case in ipairs(cases) do assert.matches(case[1], message.check(case[2]) or "nothing", 1, true) end
  end)
end)
