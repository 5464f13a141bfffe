-- Single members of JSON texts.
local core = require "opengatellm.core"

describe("core.member", function()
  it("is the raw text of a member, however deep", function()
    local text = ' {"a":1, "b" : { "c":[1, 2],"d":"x\\n" } ,"a":2}'
    assert.equal("1", core.member(text, "a"))
    assert.equal('{ "c":[1, 2],"d":"x\\n" }', core.member(text, "b"))
    assert.equal("[1, 2]", core.member(text, "b", "c"))
    assert.equal('"x\\n"', core.member(text, "b", "d"))
    assert.equal(text, core.member(text))
  end)

  it("is nil where there is none, and where there is no object", function()
    for _, text in ipairs { "", "{}", "[1]", '"a"', '{"b":1}', '{"a"', '{"a":', '{"a":"x', "a", '{"b":{"a":1}}' } do
      assert.is_nil(core.member(text, "a"), text)
    end
    assert.is_nil(core.member('{"a":1}', "a", "b"))
  end)

  it("does not look behind what was asked for", function() assert.equal('"x"', core.member('{"type":"x", and then', "type")) end)
end)

describe("core.without", function()
  it("leaves members out, and the rest as it was", function()
    local text = '{"stream":true,"a": [1 ,2] , "background" : null,"b":"é"}'
    assert.equal('{"a": [1 ,2],"b":"é"}', core.without(text, "stream", "background"))
    assert.equal('{"stream":true,"background" : null,"b":"é"}', core.without(text, "a"))
    assert.equal("{}", core.without('{"a":1, "a":2}', "a"))
    assert.equal("{}", core.without(" { } ", "a"))
  end)

  it("gives back what is no JSON object", function()
    for _, text in ipairs { "", "[1]", '{"a":1', '{"a":1} x' } do assert.equal(text, core.without(text, "a")) end
  end)
end)
