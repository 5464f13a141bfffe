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

  -- Numbers that are the same in every run.
  local function generator(seed)
    return function(n)
      seed = (seed * 16807) % 2147483647
      return seed % n + 1
    end
  end

  -- A random value: its JSON, and the same with commas before its closing brackets.
  local function written(random, depth)
    local scalars = { "1", "-2.5e3", "true", "null", '"a"', '",}]"', [["\"{\\"]], '"é"', '""' }
    local kind = depth == 0 and 1 or random(3)
    if kind == 1 then
      local text = scalars[random(#scalars)]
      return text, text
    end
    local items, loose = {}, {}
    for i = 1, random(3) do
      local key = kind == 2 and ('"k%d":'):format(i) or ""
      local one, other = written(random, depth - 1)
      items[i], loose[i] = key .. one, key .. other
    end
    local form = kind == 2 and "{%s%s}" or "[%s%s]"
    return form:format(table.concat(items, ","), ""), form:format(table.concat(loose, " , "), random(2) == 1 and " ,\n" or "")
  end

  it("are the same with commas before brackets and words around", function()
    local random = generator(11)
    for _ = 1, 500 do
      local text, loose = written(random, 4)
      local wanted = json.encode(json.decode('{"x":' .. text .. "}"))
      assert.equal(wanted, read("```json\n{\"x\":" .. loose .. ",}\n```"))
    end
  end)

  it("that were damaged anywhere are an object or a text, and nothing raises", function()
    local random = generator(12)
    local bytes = { '"', "{", "}", "[", "]", ",", ":", "\\", "\0", "\255", "0", "e", "```", "\n" }
    for _ = 1, 3000 do
      local text = '{"x":' .. select(2, written(random, 3)) .. "}"
      for _ = 1, random(4) do
        local at = random(#text)
        text = text:sub(1, at - 1) .. bytes[random(#bytes)] .. text:sub(at + random(2) - 1)
      end
      local value, problem = arguments.read(text)
      assert.is_true(type(value) == "table" and problem == nil or value == nil and type(problem) == "string")
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
