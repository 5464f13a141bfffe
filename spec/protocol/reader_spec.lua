local body = require "opengatellm.protocol.reader"
local json = require "opengatellm.json"

-- Reads a body with one question.
local function ask(source, question, options)
  return body.read(source, options or { protocol = "p" }, function(fields, reader)
    return { messages = { { role = "user", content = "x" } } }, { answer = question(fields, reader) }
  end)
end

local function message_of(source, question)
  local request, err = ask(source, question)
  assert.is_nil(request)
  assert.equal("invalid", err.kind)
  return err.message
end

describe("a body", function()
  it("is an object, as text or as a table", function()
    local request, wants = ask('{"a":1}', function(f) return f:integer "a" end)
    assert.same({ "p", 1, {} }, { request.protocol, wants.answer, wants.warnings })
    assert.equal(1, (select(2, ask({ a = 1 }, function(f) return f:integer "a" end))).answer)
    for source, message in pairs { ["[1]"] = "the body: expected an object, got a list", ["3"] = "the body: expected an object, got a number",
      ["{"] = "the body is not JSON", [""] = "the body is not JSON", ['{"a":"\\ud800"}'] = "the body is not JSON" } do
      assert.equal(1, (message_of(source, function() end):find(message, 1, true)), source)
    end
    assert.matches("128 levels", message_of(("["):rep(200) .. ("]"):rep(200), function() end))
  end)

  it("is nothing that JSON cannot hold", function()
    local round = {}
    round.round = round
    for _, value in ipairs { round, { a = print }, { a = 0 / 0 }, { 1, a = 2 } } do
      assert.matches("the body cannot be written as JSON", message_of(value, function() end))
    end
    assert.matches("expected an object", message_of(3, function() end))
  end)

  local WRONG = { -- method, value, message
    { "text", "1", "a: expected a text, got a number" }, { "text", "{}", "a: expected a text, got an object" }, { "text", "[]", "a: expected a text, got a list" },
    { "need_text", "null", "a: expected a text, got nothing" }, { "number", '"1"', "a: expected a number, got a text" },
    { "number", "1e999", "a: expected a number, got a number" }, { "integer", "1.5", "a: expected an integer, got 1.5" },
    { "boolean", "0", "a: expected a boolean, got a number" }, { "object", "[1]", "a: expected an object, got a list" },
    { "object", "12345678901234567890", "a: expected an object, got a number" }, { "list", '{"b":1}', "a: expected a list, got an object" },
    { "texts", '["x",1]', "a[2]: expected a text, got a number" }, { "text_or_texts", "true", "a: expected a text or a list of texts, got a boolean" },
    { "exact", '"x"', "a: expected an object, got a text" },
  }
  for _, row in ipairs(WRONG) do
    it("says what is wrong with " .. row[2] .. " as " .. row[1], function()
      assert.equal(row[3], message_of('{"a":' .. row[2] .. "}", function(f) return f[row[1]](f, "a") end))
    end)
  end

  it("names the item of a list", function()
    local function each(f) for _, item in f:each "a" do item:fields("b"):need_text "c" end end
    assert.equal("a[2]: expected an object, got null", message_of('{"a":[{"b":{"c":""}},null]}', each))
    assert.equal("a[1].b.c: expected a text, got a boolean", message_of('{"a":[{"b":{"c":true}}]}', each))
  end)

  it("takes null for nothing, and gives the rest", function()
    local _, wants = ask('{"a":null,"b":1,"c":null,"d":[]}', function(f) return { f:text "a" == nil, f:number "b", f:rest() } end)
    assert.same({ true, 1, { d = {} } }, wants.answer)
    assert.is_nil((select(2, ask('{"c":null}', function(f) return f:rest() end))).answer)
  end)

  it("passes on what it does not read byte for byte, on every Lua", function()
    local text = '{ "z" : 1.0, "a": [ ], "n":9007199254740993 }'
    local _, wants = ask('{"a":' .. text .. ',"b":9007199254740993,"c":{"d":9223372036854775807}}', function(f) return { f:exact "a", f:integer "b", f:rest() } end)
    assert.equal(text, json.encode(wants.answer[1]))
    assert.equal("number", type(wants.answer[2]))
    assert.equal('{"c":{"d":9223372036854775807}}', json.encode(wants.answer[3]))
  end)

  it("has two names for its fields where the protocol does", function()
    local _, wants = ask('{"max_tokens":1}', function(f) return { f:integer "maxTokens", f:rest() } end, { protocol = "p", lenient = true })
    assert.same({ 1 }, wants.answer)
  end)

  it("does not hide a mistake of ours", function() assert.has_error(function() ask("{}", function() error("ours", 0) end) end, "ours") end)
end)

describe("an address", function()
  local function set(url)
    local _, wants = ask("{}", function() return body.set_url({}, url, "u") end)
    return wants.answer or wants.message
  end

  it("of data is its bytes", function()
    assert.same({ data = "GIF89a", mime = "image/gif" }, set "data:image/gif;base64,R0lGODlh")
    assert.same({ data = "GIF89a", mime = "image/gif" }, set "DATA:image/gif;name=x;base64,R0lG\nODlh")
    assert.same({ data = "a b", mime = "text/plain" }, set "data:,a%20b")
    assert.equal("u: expected base64", set "data:image/gif;base64,???")
  end)

  it("is never one of a file", function()
    assert.same({ url = "https://x/y" }, set "https://x/y")
    for _, url in ipairs { "file:///etc/passwd", "FILE:/etc/passwd", "  file:x", "/etc/passwd", "C\\x", "../x", "" } do
      assert.equal("u: expected an address (https:) or data (data:)", set(url), url)
    end
  end)
end)
