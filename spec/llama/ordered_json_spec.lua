local json = require "opengatellm.json"
local ordered_json = require "opengatellm.llama.ordered_json"

describe("JSON whose objects keep their order", function()
  it("is written as it was read", function()
    for _, text in ipairs {
      '{"b":1,"a":{"z":[],"y":[1,2.5,-3],"x":"\\"é\\n"},"c":null,"d":true,"e":false}', "[]", "{}", '"text"', "17", "[[{}],[]]",
    } do
      assert.equal(text, json.encode(ordered_json.read(text)))
    end
  end)

  it("says what is none", function()
    local value, problem = ordered_json.read '{"a":'
    assert.is_nil(value)
    assert.matches("no JSON", problem)
    value, problem = ordered_json.read(("["):rep(100000))
    assert.is_nil(value)
    assert.equal("string", type(problem))
  end)
end)
