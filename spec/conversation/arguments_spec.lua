-- The arguments of a call as models write them: read where there is one way to read them, else a text for the model.
local arguments = require "opengatellm.conversation.arguments"
local json = require "opengatellm.json"

local function read(text)
  local value, problem = arguments.read(text)
  return value and json.encode(value) or nil, problem
end

describe("the arguments of a call", function()
  it("are an object", function()
    assert.equal('{"a":[1,{"b":null}]}', read '{"a":[1,{"b":null}]}')
    for text, shown in pairs { ["[1]"] = "an array", ['"{}"'] = '"{}"', ["5"] = "5", ["true"] = "true" } do
      local value, problem = read(text)
      assert.is_nil(value)
      assert.equal("the arguments: expected an object, got " .. shown, problem)
    end
  end)

  it("that are empty mean an empty object", function()
    for _, text in ipairs { "", "  \n", "null", " null ", "{}" } do assert.equal("{}", read(text)) end
    assert.equal("{}", read(nil))
  end)

  it("keep integers exactly, or are refused with the path of the one that this Lua cannot hold", function()
    local text = '{"list":[1,{"id":12345678901234567}]}'
    local value, problem = read(text)
    if rawget(math, "type") then assert.equal(text, value)
    else assert.equal("list[2].id: the integer 12345678901234567 is too large to be kept exactly", problem) end
    value, problem = read '{"id":123456789012345678901234}'
    assert.is_nil(value)
    assert.equal("id: the integer 123456789012345678901234 is too large to be kept exactly", problem)
    assert.equal('{"id":9007199254740991}', read '{"id":9007199254740991}')
    assert.is_number(arguments.read('{"x":1.2345678901234567}').x)
  end)

  for name, text in pairs {
    ["in a fence"] = '```json\n{"a":"x"}\n```', ["in a fence without a language"] = '```\n{"a":"x"}```',
    ["between words"] = 'Here they are: {"a":"x"} I hope that helps.', ["in tags"] = '<arguments>{"a":"x"}</arguments>',
    ["with a comma before the end"] = '{"a":"x",}', ["with a comma and white space before the end"] = '{"a":"x" ,\n }',
    ["in a fence, with a comma before the end"] = '```json\n{\n  "a": "x",\n}\n```',
  } do
    it("are repaired: " .. name, function() assert.equal('{"a":"x"}', read(text)) end)
  end

  it("are repaired at every level, and not in texts", function()
    assert.equal('{"a":[1,2],"b":{"c":",}"},"d":"\\",]"}', read '{"a":[1,2,],"b":{"c":",}",},"d":"\\",]",}')
    assert.equal('{"a":"b}{"}', read 'so: {"a":"b}{"}')
  end)

  for name, text in pairs {
    ["two objects"] = '{"a":1}{"a":2}', ["two objects between words"] = 'first {"a":1} then {"a":2}', ["a bracket too much"] = '{"a":1}}',
    ["an object in a list"] = 'x [{"a":1}]', ["a member whose object is missing"] = '"options": {"a":1}', ["words"] = "I cannot",
    ["an empty member"] = '{"a":1,,}', ["a comma alone"] = "{,}", ["no quotes"] = "{a:1}", ["brackets that do not match"] = '{"a":[1}}',
    ["a line end in a text"] = '{"a":"x\ny"}', ["two values in a list without a comma"] = '{"a":[1 2]}', ["bytes that are no UTF-8"] = '{"a":"\255"}',
    ["one half of a character"] = '{"a":"\\ud800"}', ["a list"] = "[1,]",
  } do
    it("are no JSON, and not repaired: " .. name, function()
      local value, problem = read(text)
      assert.is_nil(value)
      assert.matches("^the arguments are no JSON object: ", problem)
    end)
  end

  it("that were cut are said to be cut, wherever that was", function()
    local text = '```json\n{"path":"a","content":["x\\"y",{"z":"é"},],"more":{"b":true}}'
    for n = 9, #text - 1 do
      local value, problem = read(text:sub(1, n))
      assert.is_nil(value)
      assert.matches("cut off", problem, nil, true)
    end
  end)

  it("of any length are read in time that grows with it", function()
    local many = ('{"a":"' .. ("x"):rep(100) .. '"},'):rep(20000)
    local value = arguments.read('{"list":[' .. many .. "]}")
    assert.equal(20000, #value.list)
    local started = os.clock()
    assert.is_nil((arguments.read(("{"):rep(200000))))
    assert.is_nil((arguments.read('{"' .. (" \\"):rep(200000))))
    assert.is_nil((arguments.read("{" .. (","):rep(200000))))
    assert.is_nil((arguments.read((" "):rep(200000) .. "x")))
    assert.is_true(os.clock() - started < 2)
  end)
end)
