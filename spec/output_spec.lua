local output = require "opengatellm.output"

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
