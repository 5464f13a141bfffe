local core = require "opengatellm.core"
local json = require "opengatellm.json"

local integers = math.type ~= nil -- 5.3 and later tell 1 from 1.0

describe("json.decode", function()
  it("reads every kind of value", function()
    local v = json.decode '{"a":[1,-2.5,"x",true,false,null],"b":{}}'
    assert.same({ 1, -2.5, "x", true, false }, { v.a[1], v.a[2], v.a[3], v.a[4], v.a[5] })
    assert.equal(json.null, v.a[6])
    assert.same({}, v.b)
  end)

  it("gives an integer for a number without a fraction, where Lua has integers", function()
    if not integers then pending "this Lua has one kind of number" end
    assert.equal("integer", math.type(json.decode "1"))
    assert.equal("float", math.type(json.decode "1.0"))
    assert.equal("9007199254740993", tostring(json.decode "9007199254740993"))
    assert.equal("-9223372036854775808", tostring(json.decode "-9223372036854775808"))
    assert.equal("float", math.type(json.decode "9223372036854775808"))
  end)

  it("reads numbers as strtod does", function()
    for _, text in ipairs { "0.1", "1e23", "-0.0", "123456789012345678901234567890", "5e-324", "1.7976931348623157e308", "0.30000000000000004" } do
      assert.equal(tonumber(text), json.decode(text))
    end
  end)

  it("unescapes, with surrogate pairs and NUL", function()
    assert.equal("a\"\\/\b\f\n\r\té\240\159\152\128\0z", json.decode [["a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00\u0000z"]])
  end)

  it("refuses what is no JSON, and says where", function()
    for text, where in pairs { ["[1,]"] = 4, ["{\"a\":}"] = 6, ["01"] = 1, ["[1 2]"] = 4, ["\"\1\""] = 1, ["nul"] = 1, [""] = 1, ["1 2"] = 3 } do
      local value, message = json.decode(text)
      assert.is_nil(value, text)
      assert.matches("%(byte " .. where .. "%)", message, nil, nil, text)
    end
  end)

  it("refuses half a surrogate pair and bytes that are not UTF-8", function()
    for _, text in ipairs { '"\\ud83d"', '"\\ude00x"', '"\255"', '"\237\160\128"', '"\192\175"' } do
      local value, message = json.decode(text)
      assert.is_nil(value)
      assert.matches("UTF%-8", message)
    end
  end)

  it("refuses nesting deeper than the limit", function()
    assert.is_table(json.decode(("["):rep(128) .. ("]"):rep(128)))
    local value, message = json.decode(("["):rep(129) .. ("]"):rep(129))
    assert.is_nil(value)
    assert.matches("128 levels", message)
  end)

  it("packs vectors on request: lists of numbers and base64 alike", function()
    local text = '{"data":[{"embedding":[1,-0.5, 2.25]},{"embedding":"' .. core.base64_encode "\0\0\128\63" .. '"},{"embedding":["x"]}]}'
    local v = core.decode(text, "embedding")
    assert.same({ 1, -0.5, 2.25 }, core.floats(v.data[1].embedding))
    assert.equal("\0\0\128\63", v.data[2].embedding)
    assert.same({ "x" }, v.data[3].embedding)
  end)

  it("packs vectors in a list of them, and leaves what is none as it is", function()
    local v = core.decode('{"float":[[1,2],[0.5]],"of":{"float":[[1],[2,"x"]]},"or":{"float":[[1],3]}}', "float")
    assert.same({ { 1, 2 }, { 0.5 } }, { core.floats(v.float[1]), core.floats(v.float[2]) })
    assert.same({ { 1 }, { 2, "x" } }, v.of.float)
    assert.same({ { 1 }, 3 }, v["or"].float)
    assert.is_nil(core.decode('{"float":[[1],[2', "float"))
  end)

  it("says on request where each table stands in the text, and keeps integers that Lua cannot hold as text", function()
    local text, from, to = ' { "a" : [ 1, 2 ] , "b":{ }, "n": 9223372036854775807, "m":18446744073709551616,"f":1.5e3 } ', {}, {}
    local v = core.decode(text, nil, from, to)
    local function source(t) return text:sub(from[t], to[t]) end
    assert.same({ "[ 1, 2 ]", "{ }", text:match "^%s*(.-)%s*$" }, { source(v.a), source(v.b), source(v) })
    assert.same({ 1, 2 }, v.a)
    assert.equal('[9223372036854775807,18446744073709551616,1500]', json.encode { v.n, v.m, v.f })
    assert.is_nil(core.decode("[1", nil, {}, {}))
  end)
end)

describe("json.ordered", function()
  it("writes the listed keys first, in their order, and the others sorted behind them", function()
    local t = json.ordered({ z = 1, a = 2, m = 3, b = json.ordered({}, { "x" }) }, { "z", "gone", "m" })
    assert.equal('{"z":1,"m":3,"a":2,"b":{}}', json.encode(t))
    assert.same({ "z", "m", "a", "b" }, json.keys(t))
    t.y, t.z = 4, nil
    assert.equal('{"m":3,"a":2,"b":{},"y":4}', json.encode(t))
  end)

  it("keeps the order of a large object, and one that names a key twice", function()
    local t, order, parts = {}, {}, {}
    for i = 100, 1, -1 do
      order[#order + 1], t["k" .. i], parts[#parts + 1] = "k" .. i, i, ('"k%d":%d'):format(i, i)
    end
    assert.equal("{" .. table.concat(parts, ",") .. "}", json.encode(json.ordered(t, order)))
    local twice = json.ordered({ a = 1, b = 2 }, { "b", "a", "b" })
    assert.same(2, #json.keys(twice))
    assert.equal(2, select(2, json.encode(twice):gsub(":", "")))
  end)

  it("raises for what is no object and for an order that is no list of keys", function()
    assert.error_matches(function() json.ordered("x", {}) end, "json.ordered: expected a table, got string", nil, false)
    assert.error_matches(function() json.ordered({}, nil) end, "json.ordered: expected a list of keys, got nil", nil, false)
    assert.error_matches(function() json.encode(json.ordered({ a = 1 }, { 5 })) end, "__jsonorder has a number")
    assert.error_matches(function() json.encode(json.ordered({ 1, 2 }, { "a" })) end, "number keys")
  end)

  it("sorts the keys of any other object", function() assert.same({ "a", "b" }, json.keys { b = 1, a = 2, [1] = 3 }) end)
end)

describe("json.encode", function()
  it("writes keys in order", function()
    assert.equal('{"a":1,"b":2,"c":{"x":true,"y":false}}', json.encode { c = { y = false, x = true }, b = 2, a = 1 })
  end)

  it("writes objects of many keys in order too", function()
    local t, parts = {}, {}
    for i = 1, 100 do
      t[string.format("k%03d", i)] = i
      parts[i] = string.format('"k%03d":%d', i, i)
    end
    assert.equal("{" .. table.concat(parts, ",") .. "}", json.encode(t))
  end)

  it("keeps [] and {} apart through a round trip", function()
    local text = '{"a":[],"b":{},"c":[[]]}'
    assert.equal(text, json.encode(json.decode(text)))
    assert.equal('{"a":[]}', json.encode { a = json.array {} })
  end)

  it("keeps 64-bit integers through a round trip, where Lua has integers", function()
    if not integers then pending "this Lua has one kind of number" end
    assert.equal("[12345678901234567,-9223372036854775808]", json.encode(json.decode "[12345678901234567,-9223372036854775808]"))
  end)

  it("writes numbers so that they read back, and whole ones without a fraction", function()
    assert.equal("[50,0.1,1e+300,0.30000000000000004]", json.encode { 100 / 2, 0.1, 1e300, 0.1 + 0.2 })
  end)

  it("escapes what has to be, and nothing else", function()
    assert.equal([["\"\\\n\u0001/é]] .. "\127\"", json.encode "\"\\\n\1/é\127")
  end)

  it("replaces bytes that are not UTF-8, so that it always writes JSON", function()
    assert.equal('"a\239\191\189b"', json.encode "a\255b")
  end)

  it("takes null for missing items, and refuses sparse arrays", function()
    assert.equal("[1,null,3]", json.encode { 1, nil, 3 })
    assert.has_error(function() json.encode { [1] = 1, [1000] = 2 } end)
  end)

  it("raises for what JSON cannot hold", function()
    for _, value in ipairs { print, 0 / 0, 1 / 0, { [true] = 1 }, { 1, x = 2 }, coroutine.create(function() end) } do
      assert.has_error(function() json.encode { v = value } end)
    end
    local loop = {}
    loop.loop = loop
    assert.error_matches(function() json.encode(loop) end, "nested deeper")
  end)

  it("splices raw text byte for byte", function()
    assert.equal('{"a":{"z": 1,  "a":2}}', json.encode { a = json.raw '{"z": 1,  "a":2}' })
  end)

  it("honours lua-cjson's null, and its marks where that has them", function()
    local cjson = require "cjson"
    assert.equal("[null]", json.encode { cjson.null })
    assert.equal(cjson.null, json.null)
    if cjson.empty_array then assert.equal("[[]]", json.encode { cjson.empty_array }) end
    if cjson.empty_array_mt then assert.equal("[[]]", json.encode { setmetatable({}, cjson.empty_array_mt) }) end
  end)

  it("honours the marks of a cjson that has them, and vim's", function()
    local before, vim = package.loaded["cjson.safe"], rawget(_G, "vim")
    local mark, nothing, dict = {}, io.stdout, {}
    package.loaded["cjson.safe"] = { array_mt = mark }
    rawset(_G, "vim", { NIL = nothing, _empty_dict_mt = dict })
    local text = json.encode { setmetatable({}, mark), nothing, setmetatable({}, dict) }
    package.loaded["cjson.safe"] = before
    rawset(_G, "vim", vim)
    assert.equal("[[],null,{}]", text)
  end)

  it("agrees with lua-cjson on what both can hold", function()
    local cjson = require "cjson"
    local value = { name = "é\n\"x\"", list = { 1, 2, { deep = { true, false } } }, n = -1.5, big = 123456789 }
    assert.same(cjson.decode(cjson.encode(value)), cjson.decode(json.encode(value)))
    assert.same(cjson.decode(json.encode(value)), json.decode(cjson.encode(value)))
  end)
end)

describe("base64", function()
  it("goes there and back for every length", function()
    for n = 0, 70 do
      local bytes = {}
      for i = 1, n do bytes[i] = string.char((i * 37) % 256) end
      local text = table.concat(bytes)
      assert.equal(text, core.base64_decode(core.base64_encode(text)))
    end
  end)

  it("refuses what is none", function()
    assert.is_nil(core.base64_decode "a")
    assert.is_nil(core.base64_decode "ab!d")
    assert.is_nil(core.base64_decode "ab==cd")
  end)

  it("keeps whole numbers above 32 bits, of usage and of byte counts too, on every Lua", function()
    assert.equal(2 ^ 40 + 1, core.decode "[1099511627777]"[1])
    assert.equal(-2 ^ 52, core.decode "[-4503599627370496]"[1])
    assert.equal(2 ^ 41, core.usage('{"prompt_tokens":2199023255552,"completion_tokens":1}').input_tokens)
    local parser = core.http1 "GET"
    parser:feed("HTTP/1.1 200 OK\r\ncontent-length: 1099511627776\r\n\r\n")
    assert.equal(2 ^ 40, select(2, parser:progress()))
  end)
end)
