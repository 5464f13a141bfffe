-- Outlines of JSON objects.
local core = require "opengatellm.core"

local KINDS = {
  model = "text", n = "integer", heat = "number", stream = "boolean", format = "object", stop = "list", messages = { { role = "text" } },
  options = { heat = "number" }, any = "any",
}

describe("core.outline", function()
  it("gives the members of known kinds, and passes over the others", function()
    local text = [[ {"model":"a\u00e9\n","odd":{"x":[1,{}]},"n":3,"heat":0.5,"stream":false,"format":{"a":1},"stop":["x"],"none":null,"any":[{}],"options":{"odd":1},
      "messages":[{"role":"user","content":[{"type":"text"}]},{"content":null,"role":"tool"}]} ]]
    assert.same({
      model = "aé\n", n = 3, heat = 0.5, stream = false, format = true, stop = true, messages = true, any = true, options = true,
    }, core.outline(text, KINDS))
    assert.same({}, core.outline("{}", KINDS))
    assert.same({}, core.outline('{"model":null}', KINDS))
    assert.same({ model = "b" }, core.outline('{"model":"a","model":"b"}', KINDS))
    assert.same({}, core.outline('{"model":"a","model":null}', KINDS))
    local long = ("é\n"):rep(2000)
    assert.equal(long, core.outline('{"model":"' .. long:gsub("\n", "\\n") .. '"}', KINDS).model)
  end)

  it("is nil for another kind, and for all that is no JSON object", function()
    for _, text in ipairs {
      "", "[]", "3", "{", "{}x", '{"model":3}', '{"model":"a"', '{"n":1.5}', '{"n":"1"}', '{"heat":"hot"}', '{"heat":true}', '{"stream":1}',
      '{"stream":"true"}', '{"format":[]}', '{"stop":{}}', '{"messages":[]}', '{"messages":{}}', '{"messages":[3]}', '{"messages":[{}]}',
      '{"messages":[{"role":3}]}', '{"messages":[{"role":null}]}', '{"messages":"x"}', '{"odd":[1,]}', '{"odd":tru}', '{"a":1,}',
      '{"messages":[{"role":"user"},{"content":"x"}]}', '{"options":[]}', '{"options":{"heat":"x"}}', '{"any":[}',
    } do
      assert.is_nil(core.outline(text, KINDS), text)
    end
  end)

  it("leaves to others what only a full reading can judge", function()
    for _, text in ipairs {
      '{"mod\\u0065l":"a"}', '{"model":"\255"}', '{"odd":"\255"}', '{"model":"\\ud83d"}', '{"heat":1e400}', '{"n":9007199254740993}',
      '{"n":-9007199254740993}', '{"model":"a","MODEL":"b"}', '{"Model":"b"}',
    } do
      assert.is_nil(core.outline(text, KINDS), text)
    end
  end)

  it("gives lists of objects where nothing else may be there", function()
    local kinds = { model = "text", messages = { { role = "text", content = "text" } }, options = { heat = "number" } }
    assert.same({ model = "m", messages = { { role = "user", content = "x" }, { role = "assistant", content = "y" } } },
      core.outline('{"messages":[{"role":"user","content":"x"},{"content":"y","role":"assistant"}],"model":"m"}', kinds, true))
    assert.same({ options = { heat = 1 } }, core.outline('{"options":{"heat":1}}', kinds, true))
    for _, text in ipairs {
      '{"model":"m","odd":1}', '{"messages":[{"role":"user"}]}', '{"messages":[{"role":"user","content":"x","name":"n"}]}',
      '{"messages":[{"role":"user","content":[]}]}', '{"messages":[{"role":"user","content":null}]}',
      '{"messages":[{"role":"user","role":"user"}]}', '{"messages":[{"role":"user","content":"x","role":"tool"}]}',
    } do
      assert.is_nil(core.outline(text, kinds, true), text)
    end
  end)

  it("survives any depth, and kinds that are none", function()
    assert.is_nil(core.outline(('{"a":'):rep(10000), KINDS))
    assert.is_nil(core.outline(('{"stop":' .. ("["):rep(10000)) .. "}", KINDS))
    assert.is_nil(core.outline('{"a":1}', { a = true }))
    assert.is_false(pcall(core.outline, "{}"))
    assert.is_false(pcall(core.outline, nil, {}))
  end)
end)
