local output = require "opengatellm.request.output"

describe("a model's text", function()
  it("is the value that it is", function()
    assert.same({ a = 1 }, output.read ' {"a":1}\n')
    assert.is_false(output.read "false")
    assert.equal("{", (output.read '"{"'))
  end)

  it("may hold one, in a fence or between words, which a warning tells", function()
    for _, text in ipairs { '```json\n{"a":[1]}\n```', 'Here you are: {"a":[1]}. Fine?', '```\n{"a":[1]}\n```\nAnd {this}.', '{"a":[1]}{' } do
      local value, warning = output.read(text)
      assert.same({ { a = { 1 } }, "output_recovered" }, { value, warning.code })
    end
    assert.same({ 1, 2 }, (output.read "The list: [1, 2], as you asked."))
    assert.same({ a = 1 }, (output.read 'As in [1], {this} is it: {"a":1}, see [2].'))
    assert.same({ a = 1 }, (output.read '<think>{"b":2}?</think>{"a":1}'))
    assert.is_false((output.read "```\nfalse\n```"))
  end)

  it("is none where nothing in it is JSON", function()
    for _, text in ipairs { "sorry", "{a}", "see [1", "```\n{\n```", "}{", "```", "```\n" } do
      local value, warning = output.read(text)
      assert.is_nil(value)
      assert.equal("output_not_json", warning.code)
      assert.matches("^the model's text is not JSON: .", warning.message)
    end
  end)

  it("is read in a time that grows with its length alone", function()
    for _, piece in ipairs { "{", "[", "```\n", "}" } do assert.is_nil((output.read(piece:rep(100000)))) end
  end)
end)

describe("output that is asked for in words", function()
  local function asked(request, row)
    local told = 0
    request.messages = request.messages or { { role = "system", content = "s" }, { role = "user", content = "u" } }
    local out = output.in_words(request, row, "the model", function() told = told + 1 end)
    return out, told
  end

  it("says the schema, behind the instructions", function()
    for _, row in ipairs { { output = false }, { output = "json" } } do
      local out, told = asked({ output = { type = "array" } }, row)
      assert.same({ "s", "system", "u", 1 }, { out.messages[1].content, out.messages[2].role, out.messages[3].content, told })
      assert.matches('{"type":"array"}', out.messages[2].content, 1, true)
    end
    local request = { output = { type = "array" } }
    assert.equal(request, (asked(request, {})))
    local alone = asked({ output = { type = "array" }, messages = { { role = "developer", content = "d" } } }, { output = false })
    assert.equal("system", alone.messages[2].role)
  end)

  it("speaks of JSON where nobody does", function()
    local row = { says_json = true }
    assert.equal(1, select(2, asked({ output = "json" }, row)))
    for _, request in ipairs {
      { output = "json", system = "As JSON." }, { output = "json", messages = { { role = "user", content = "json!" } } },
      { output = "json", messages = { { role = "user", content = { "as Json" } } } }, { output = "json", messages = { { role = "assistant", text = "JSON" } } },
      { output = "json", messages = { { role = "user", content = { { type = "text", text = "JSON" } } } } },
    } do
      assert.equal(0, select(2, asked(request, row)))
    end
    assert.equal(0, select(2, asked({ output = "json" }, {})))
  end)
end)
