-- Messages in the form of OpenTelemetry's conventions.
local content = require "opengatellm.middleware.otel_content"
local json = require "opengatellm.json"
local ogl = require "opengatellm"

describe("the content for OpenTelemetry", function()
  it("has messages in parts, with calls and their answers", function()
    local called = { role = "assistant", content = "", tool_calls = { { id = "c1", name = "weather", arguments = '{"town":"Lyon"}' } } }
    local list = json.decode(content.input { messages = { ogl.user "hi", called, ogl.tool_result("c1", "21") } })
    assert.same({
      { role = "user", parts = { { type = "text", content = "hi" } } },
      { role = "assistant", parts = { { type = "tool_call", id = "c1", name = "weather", arguments = { town = "Lyon" } } } },
      { role = "tool", parts = { { type = "tool_call_response", id = "c1", response = "21" } } },
    }, list)
    assert.same({ { role = "user", parts = { { type = "text", content = "hi" } } } }, json.decode(content.input { messages = "hi" }))
  end)

  it("has media without their bytes", function()
    local text = content.input { messages = { ogl.user { ogl.image { data = ("x"):rep(1000), mime = "image/png" } } } }
    assert.is_true(#text < 200)
    assert.equal("image/png", json.decode(text)[1].parts[1].mime_type)
  end)

  it("has the answer, the instructions and the tools", function()
    local reply = { content = { { type = "reasoning", text = "hm" }, { type = "text", text = "yes" } }, finish_reason = "stop" }
    assert.same({ {
      role = "assistant", finish_reason = "stop", parts = { { type = "reasoning", content = "hm" }, { type = "text", content = "yes" } },
    } }, json.decode(content.output(reply)))
    assert.same({ { type = "text", content = "be brief" } }, json.decode(content.instructions { system = "be brief" }))
    assert.equal("weather", json.decode(content.tools { tools = { { name = "weather", parameters = { type = "object" } } } })[1].name)
    assert.is_nil(content.tools {})
    assert.is_nil(content.output(nil))
    assert.equal("plain", content.value "plain")
    assert.equal('{"a":1}', content.value { a = 1 })
    assert.is_nil(content.value(print))
  end)
end)
