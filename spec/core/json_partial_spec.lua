-- The JSON value of a text that is still coming: beside a slow reader which reads each beginning of the text anew.
local core = require "opengatellm.core"
local helper = require "spec.support.material"
local json = require "opengatellm.json"
local slow = require "spec.support.partial_json"

local kind = math.type or type

-- Two values are the same, down to the metatables and the kinds of numbers.
local function same(a, b)
  if type(a) ~= "table" or type(b) ~= "table" then return a == b and kind(a) == kind(b) end
  if getmetatable(a) ~= getmetatable(b) then return false end
  for key, value in pairs(a) do
    if not same(value, b[key]) then return false end
  end
  for key in pairs(b) do
    if a[key] == nil then return false end
  end
  return true
end

local function shown(value)
  if value == nil then return "nothing" end
  return json.encode(value)
end

local function check(text, reader, at, finished)
  local beginning = text:sub(1, at)
  local want, code = slow.read(beginning, finished)
  local got = reader:value()
  if same(want, got) then return code end
  error(("%s\n%s, not %s"):format(beginning, shown(got), shown(want)), 0)
end

-- Feeds the text in pieces, whose sizes `sizes` gives, and compares the value behind each, and at the end.
local function compare(text, sizes)
  local reader, at = core.partial(), 0
  local code
  while at < #text do
    local size = sizes()
    local fine, failure = reader:feed(text:sub(at + 1, at + size))
    at = math.min(at + size, #text)
    code = check(text, reader, at)
    assert.equal(code, failure, text:sub(1, at))
    assert.equal(code == nil or nil, fine)
    if code then break end
  end
  local fine, failure = reader:finish()
  code = check(text, reader, at, true)
  assert.equal(code, failure, text)
  assert.equal(code == nil or nil, fine)
  assert.equal(code == nil, reader:complete())
  reader:close()
end

-- The same sequence on every Lua.
local function random(seed)
  return function(most)
    seed = (seed * 16807) % 2147483647
    return seed % most + 1
  end
end

local function by_bytes() return 1 end

local function by_characters(text)
  local at = 1
  return function()
    local size = #text:match("^[%z\1-\127\192-\255][\128-\191]*", at)
    at = at + size
    return size
  end
end

local function compare_all_ways(text)
  compare(text, by_bytes)
  if not text:find "^[\128-\191]" and not text:find "[\128-\191][\128-\191][\128-\191][\128-\191]" then compare(text, by_characters(text)) end
  compare(text, function() return #text end)
  for seed = 1, 6 do
    local draw = random(seed)
    compare(text, function() return draw(seed * seed) end)
  end
end

-- What a beginning of a text holds.
local function value_of(text, finished)
  local reader = core.partial()
  reader:feed(text)
  if finished then reader:finish() end
  return reader:value()
end

local TEXTS = {
  -- objects and arrays, at every place where one can be cut
  '{"a":1,"b":[true,false,null],"c":{"d":{}},"e":[]}', "[]", "{}", " \r\n\t[ ] ", "[[],[[]],[{}]]", '{"a":{"b":{"c":[1,[2,[3]]]}}}',
  '{ "a" : "x" , "b" : [ 1 , 2 ] }', '[{"id":1},{"id":2},{"id":3}]', '{"":{"":""}}', "[[1,2],[3,4]]", '["a","b",["c"]]',
  -- numbers and literals that may still change
  "[0,-0,12,-12.5,1e3,1E-3,0.1,-1.5e+10]", '{"n":12}', "[9007199254740993,18446744073709551616,-9223372036854775808,1e400]", "[true]", "[nul", "[tru",
  "[1", "[1.", "[-", "[1e", "[1e+", '{"a":1', '{"a":1.5e', '{"a":-',
  -- strings, their escapes and characters
  '{"a":"x\\"y\\\\z\\/\\b\\f\\n\\r\\t"}', '["\\u00e9\\u20AC\\ud83d\\ude80\\u0000"]', '["é€🚀 ümlaut"]', '{"é\\n\\u20ac":"x","k\\ud83d\\ude00":1}',
  '["\\ud83d', '["\\ud83d\\', '["\\ud83d\\u', '["\\ud83d\\ude', '["a\\u00', '["a\\', '{"a\\', '["' .. ("long text, "):rep(30) .. '"]',
  -- keys twice
  '{"a":1,"a":"two","a":{"b":3}}', '{"a":{"x":1},"a":[1,2],"a"', '{"a":[1],"a":[]}',
  -- no JSON, where it is sure that there should be some
  '{"a":1,}', '{"a":1,"b"}', '{"a":}', '{"a":1]', '{"a":[1}', '{"a":1 "b":2}', '{"a":tru}', '{"a":"x\ny"}', '{"a":"\\x"}', '{"a":"\\u12g4"}', '{"a":01}',
  '{"a":1.}', '{"a":--1}', '{"a":1,2}', '[1,]', "[1,2,,3]", '["a",]', '["a" "b"]', '{"a":"\\ud83dx"}', '{"a":"\\ude00"}', '{"a":"\\ud83d\\n"}',
  '{"a":"\\ud83d\\u0041"}', '{"a":"\\ud83d\\x"}', '{"a":"\255"}', '{"a":"\195("}', '{"a":"\240\159\152"}', '{"a":"\237\160\128"}', '{"a":"\192\175"}',
  '{"a":"\195\n"}', '{"a":"\195\\n"}', '{"a":"\244\144\128\128"}', '{"a":"\224\159\191"}', '{"a":"ok",b:1}',
  -- scalars that are all of the text, or of a fence
  '"a string"', ' "a\\u00e9" \n', "12", "-1.5 ", "true", "false\n", " null", '"', '"a', "1", "-", "tru", "12 items", '"Paris" is the capital.', "true story",
  "null and void [1]", '"a" "b"', '"Here:\n\n{"a":1}', "12. {\"a\":1}", "```\n42\n```", '```\n"text"\n```\nmore', "```\ntrue story\n```\n[1]", '{"a":1}\n```\n7\n```',
  -- words around it
  "", " \n", "sorry", 'Here you are: {"a":[1]}. Fine?', "The list: [1, 2], as you asked.", 'As in [1], here it is: {"a":1}', 'As in [1] and [2]: ["x",{"b":2}] and [3]',
  'Use {name} or {} or [see]: {"name":"x"}', "- [ ] to do\n- [x] done", "{a}", "see [1", '{"a":1} and {"b":2}', '{"a":1}{', '{"a":1} ]', "[[see]] [[1]]", '[null](x) {"a":1}',
  '{[{"a":1}]', "{{{", '{{"a":1}}', '[1 {"a":2}', '[1] {"a":1}', '[1, 2] and {"a":1}', '["x"] and {"a":1}', '{"x"} {"y":1}', "[true] [false]", "}{", "]", "a [\"b", 'a {"b',
  'text { "a" :', "text [1, 2", 'text [{"a": "x', 'a {"b":1,}', "\239\187\191{\"a\":1}", "é [\"é\"] é",
  -- fences
  '```json\n{"a":[1]}\n```', '```\n{"a":[1]}\n```\nAnd {this}.', 'So:\n\n```json\n[1, 2]\n```\nDone.', '{"a":1} is the input:\n```json\n{"b":2}\n```',
  "```\n{\n```", "```", "```\n",
  'in [1]:\n```python\nx = {"a": 1}\n```\nthen\n```json\n{"b":2}\n```', '```{"a":1}```', "`{}` ``[]`` ```\n[1]\n```", "````json\n[]\n````",
  "```\n[section]\nkey = 1\n```\n{\"a\":1}",
  '{"a":"```json\\n[1]\\n```"}', "a [1] ```\n[2", 'a [1] ```\n{"b', '{"a":1} ```json\n{"b":', '{"a":1} ```json\n{"b":]', "```\n\n```\n{}\n",
  "[1] ```\n[x]\n``` [2]", "``` {\"a\":1} ``` ",
  "```{r}\n[1]\n```",
  -- thoughts
  '<think>Perhaps {"a":1}? No.</think>{"a":2}', '<think>\n[1, 2]\n</think>\n\n```json\n{"a":2}\n```', 'Perhaps {"a":1}?</think>{"a":2}', "<thinking>{}</thinking> 12 ",
  "<reasoning>[1]", "<think>", "<think></think>", "<thinker>{\"a\":1}", "<answer>{\"a\":1}</answer>", '<<think>{}</think>{"b":1}', 'x </think',
  'x </think>"y"', "```<think>\n{}</think>[1]",
  "a < b > c [\"d\"]", '<think>`` ```\n{"a":1}\n```</think>[]', '[1]</think>', 'a [1]</think> b',
}

describe("a value that is still coming", function()
  it("is what a slow reader finds in each beginning of the text, however that is cut", function()
    for _, text in ipairs(TEXTS) do compare_all_ways(text) end
  end)

  it("is so for texts made at random #slow", function()
    local pieces = {
      "{", "}", "[", "]", '"', '"', ":", ",", "1", "-2.5", "tru", "true", "null", '"a":', '"b', "\\u00e9", "\\ud83d", "\\ude00", "\\", "é", "\195", "\n", " ", "```", "```\n",
      "`", "<think>", "</think>", "word", '{"a":', '["x",', "[1]", "{}", "json",
    }
    for seed = 1, 1500 do
      local draw, parts = random(seed), {}
      for i = 1, draw(14) do parts[i] = pieces[draw(#pieces)] end
      local text = table.concat(parts)
      compare(text, by_bytes)
      compare(text, function() return draw(9) end)
    end
  end)

  it("is so for every recorded answer and call of a tool that has JSON #slow", function()
    local path = helper.shared "fixtures/expected.jsonl"
    if not path then return pending "the reference material is not here (OGL_SHARED)" end
    local seen, count = {}, 0
    local function visit(text)
      if seen[text] then return end
      seen[text], count = true, count + 1
      local draw = random(#text + 1)
      if #text < 1500 then compare(text, by_bytes) end -- the slow reader takes the square of it
      compare(text, function() return draw(40) end)
    end
    for line in io.lines(path) do
      local expect = json.decode(line).expect
      local text = expect.text or ""
      if text:find "^%s*[{%[]" or text:find("```", 1, true) then visit(text) end
      for _, call in ipairs(expect.tool_calls or {}) do visit(call.arguments) end
    end
    assert.is_true(count > 150, count)
  end)

  it("is at the end what core.decode gives", function()
    for _, text in ipairs(TEXTS) do
      local value = core.decode(text)
      if value ~= nil then assert.is_true(same(value, value_of(text, true)), text) end
    end
  end)

  it("is one table that grows, and so is each table in it", function()
    local reader = core.partial()
    reader:feed '{"a":{"b":"x'
    local value = reader:value()
    local inner = value.a
    reader:feed 'y"},"c":[1'
    assert.equal(value, reader:value())
    assert.equal(inner, value.a)
    assert.equal("xy", inner.b)
    local list = value.c
    assert.equal(core.array_mt, getmetatable(list))
    reader:feed ",2,3]}"
    assert.same({ 1, 2, 3 }, reader:value() and list)
    assert.is_nil(getmetatable(list))
  end)

  it("leaves alone what a program does with its tables", function()
    local reader = core.partial()
    reader:feed '{"a":[1,2,"x'
    local value = reader:value()
    setmetatable(value, { __newindex = function() error "not this way" end, __index = error })
    value.a[1], value.a[2] = nil, nil
    reader:feed 'y"],"b":1}'
    assert.same({ nil, nil, "xy" }, reader:value().a)
    assert.equal(1, rawget(value, "b"))
  end)

  it("has all of a large string at its end, on request, and when nothing more comes", function()
    local reader, piece = core.partial(), ("0123456789"):rep(2)
    reader:feed '{"text":"'
    for i = 1, 5000 do
      reader:feed(piece)
      local size = #reader:value().text
      assert.is_true(size <= i * 20 and size >= i * 20 * 255 / 256 - 1, size)
      if i <= 800 then assert.equal(i * 20, size) end
    end
    assert.equal(100000, #reader:value(true).text)
    reader:feed(piece)
    reader:feed '"'
    assert.equal(100020, #reader:value().text)
    local cut = core.partial()
    cut:feed('["' .. ("x"):rep(50000))
    assert.equal(50000, #cut:value()[1])
    cut:feed "y"
    assert.equal(50000, #cut:value()[1])
    cut:finish()
    assert.equal(50001, #cut:value()[1])
  end)
end)

describe("the elements of a list", function()
  local function counts(text, options)
    local reader, list = core.partial(options), {}
    for i = 1, #text do
      reader:feed(text:sub(i, i))
      list[i] = reader:count()
    end
    return table.concat(list)
  end

  it("are counted when they are complete", function()
    assert.equal("001122233", counts '[1,2,"x"]')
    assert.equal("000000011122223333", counts '[{"a":1},[],[2],"x')
    assert.equal("00000000000000000001122", counts('{"a":[1],"items":[1,2]}', { list = "items" }))
    assert.equal("00000000000000000000000", counts '{"a":[1],"items":[1,2]}')
    assert.equal("0", counts('{"items":[1,{}],"items":{},"items":[1]', { list = "items" }):sub(-2, -2))
    assert.equal("1", counts('{"items":[1,{}],"items":{},"items":[1]', { list = "items" }):sub(-1))
    assert.equal("0", counts('[1] then {"a":1}', { list = "items" }):sub(-1))
    assert.equal("00", counts '{}')
  end)
end)

describe("a reader of a coming value", function()
  local function failure(text, options)
    local reader = core.partial(options)
    local _, code, message = reader:feed(text)
    local _, again = reader:feed ""
    assert.equal(code, again)
    if not code then
      _, code, message = reader:finish()
      _, again = reader:finish()
      assert.equal(code, again)
    end
    return code, message
  end

  it("says what is wrong, and where", function()
    for text, said in pairs {
      ['{"a":1,}'] = "syntax not valid JSON (byte 8)", ['{"a":"\\ud800"}'] = "utf8 not valid UTF-8 (byte 13)", ["sorry"] = "syntax not valid JSON (byte 1)",
      ["a {b}"] = "syntax not valid JSON (byte 4)", ['{"a":[1'] = "incomplete the text ends before its JSON does (byte 8)",
      [("["):rep(129)] = "depth JSON nested deeper than 128 levels (byte 129)",
    } do
      assert.equal(said, table.concat({ failure(text) }, " "))
    end
  end)

  it("keeps what came before the error", function()
    assert.same({ a = 1, b = "x" }, value_of '{"a":1,"b":"x\n')
    assert.same({ a = 1 }, value_of '{"a":1,"b"]')
    assert.same({ a = 1, b = 2 }, value_of '{"a":1,"b":2]')
    assert.is_nil(value_of '{a:1}')
  end)

  it("takes no more than its limit", function()
    assert.equal("reply", (failure('{"a":"12345"}', { limit = 10 })))
    assert.is_nil((failure('{"a":"12345"}', { limit = 13 })))
    local reader = core.partial { limit = 10 }
    assert.is_nil(reader:feed '{"a":"12345"}')
    assert.same({ a = "1234" }, reader:value())
    for _, wrong in ipairs { { limit = -1 }, { limit = "10" }, { limit = 2 ^ 40 }, { limit = 0 / 0 }, { list = 1 }, 7 } do
      assert.is_false((pcall(core.partial, wrong)))
    end
  end)

  it("is no more once it is closed, or its text has ended", function()
    local reader = core.partial()
    reader:feed "[1]"
    assert.is_true(reader:complete())
    assert.is_true(reader:finish())
    assert.equal("closed", (select(2, reader:feed " ")))
    assert.same({ 1 }, reader:value())
    local value = reader:value()
    reader:close()
    reader:close()
    assert.same({ 1 }, value)
    for _, method in ipairs { "feed", "value", "count", "finish" } do
      local nothing, code = reader[method](reader, "")
      assert.same({ nil, "closed" }, { nothing, code })
    end
    assert.is_false(reader:complete())
  end)

  it("takes a time that grows with the length alone", function()
    for _, piece in ipairs { "{", "[", "```\n", "}", "[1] ", '{"a', '"', "<", "`", "-", "t", "[[", "<think>", "{}" } do
      value_of(piece:rep(100000), true)
    end
  end)

  it("lets go of its tables", function()
    local weak = setmetatable({}, { __mode = "k" })
    do
      local reader = core.partial()
      reader:feed '{"a":[{"b":1}]}'
      weak[reader:value()] = true
    end
    collectgarbage()
    collectgarbage()
    collectgarbage()
    assert.is_nil(next(weak))
  end)
end)
