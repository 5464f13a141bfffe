-- decoder:text gives what the text events of the first choice say, joined or one by one, however the bytes are split.
local core = require "opengatellm.core"
local helper = require "spec.helper"
local json = require "opengatellm.json"

-- Everything that `pull` gives while the bytes are fed in pieces of `size`, what ended it, and the decoder.
local function read(pull, protocol, content_type, bytes, size)
  local decoder, list = core.decoder(protocol, content_type), {}
  local function drain()
    local item, code = pull(decoder)
    while item do
      list[#list + 1] = item
      item, code = pull(decoder)
    end
    return code
  end
  local ended
  for at = 1, #bytes, size do
    decoder:feed(bytes:sub(at, at + size - 1)) -- behind an error of the server what it cost may follow
    ended = ended or drain()
  end
  decoder:finish()
  return list, ended or drain(), decoder
end

local function joined(decoder) return decoder:text(true) end
local function single(decoder) return decoder:text(false) end

-- The texts of the first choice among events.
local function texts_of(events)
  local list = {}
  for _, event in ipairs(events) do
    if event.type == "text" and not event.choice then list[#list + 1] = event.text end
  end
  return list
end

describe("texts of recorded answers", function()
  local path = helper.shared "fixtures/expected.jsonl"

  it("are those of the events, one by one and joined, in pieces of any size", function()
    if not path then return pending "the reference material is not here (OGL_SHARED)" end
    local count, shorter = 0, 0
    for line in io.lines(path) do
      local exchange = json.decode(line)
      local body = helper.read((path:gsub("expected%.jsonl$", "") .. exchange.body))
      local content_type = exchange.stream and "text/event-stream" or nil
      local events, code, decoder = read(core.next, exchange.protocol, content_type, body, 1e9)
      local texts, reply = texts_of(events), decoder:reply()
      local single_texts, single_code = read(single, exchange.protocol, content_type, body, 1e9)
      assert.same(texts, single_texts, exchange.id)
      assert.equal(code, single_code, exchange.id)
      for _, size in ipairs { 1e9, 4096, 97 } do
        local some, end_code, other = read(joined, exchange.protocol, content_type, body, size)
        assert.equal(table.concat(texts), table.concat(some), exchange.id)
        assert.equal(code, end_code, exchange.id)
        assert.same(reply, other:reply(), exchange.id)
        if size == 1e9 and #some < #texts then shorter = shorter + 1 end
      end
      count = count + 1
    end
    assert.is_true(count > 1500 and shorter > 100, count .. " " .. shorter)
  end)
end)

local function chunk(text, choice)
  return ('data: {"id":"c1","model":"m","choices":[{"index":%d,"delta":{"content":"%s"}}]}\n\n'):format(choice or 0, text)
end

describe("decoder:text", function()
  it("says like next that there is no more, that the reply is complete, that it failed, that it is closed", function()
    local decoder = core.decoder "openai_chat"
    assert.same({}, { decoder:text(true) })
    decoder:feed(chunk "a" .. 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n')
    assert.same({ "a" }, { decoder:text(true) })
    assert.same({}, { decoder:text(true) })
    decoder:feed "data: [DONE]\n\n"
    assert.same({ nil, false }, { decoder:text(true) })
    decoder:close()
    assert.equal("closed", select(2, decoder:text(true)))
    decoder = core.decoder "openai_chat"
    decoder:feed(chunk "a" .. chunk "b" .. 'data: {"error":{"message":"gave up"}}\n\n')
    assert.equal("ab", decoder:text(true))
    assert.equal("provider", select(2, decoder:text(true)))
    assert.equal("ab", decoder:reply().text)
  end)

  it("counts as an event that has left, whatever it passes over", function()
    local decoder = core.decoder "openai_chat"
    decoder:feed ": ping\n\n"
    decoder:text(true)
    assert.is_false(decoder:committed())
    decoder:feed(chunk("other", 1))
    assert.is_nil(decoder:text(true))
    assert.is_true(decoder:committed())
  end)

  it("takes turns with next", function()
    local decoder = core.decoder "openai_chat"
    decoder:feed(chunk "a" .. chunk "b" .. chunk "c")
    assert.equal("start", core.next(decoder).type)
    assert.equal("a", core.next(decoder).text)
    assert.equal("b", decoder:text(false))
    assert.equal("c", decoder:text(true))
  end)

  it("keeps what Lua had no memory for", function()
    if os.getenv "RUNNER" or os.getenv "LD_PRELOAD" then return pending "valgrind and ASan need more memory than the limit leaves" end
    local path = helper.write [==[
      local core = require "opengatellm.core"
      local size = 24 * 2 ^ 20
      local decoder = core.decoder("openai_chat", "text/event-stream", false, false)
      assert(decoder:feed('data: {"choices":[{"index":0,"delta":{"content":"' .. ("x"):rep(size) .. '"}}]}\n\n'))
      collectgarbage()
      local held = {}
      local function fill() held[#held + 1] = ("y"):rep(2 ^ 22 + #held) end
      while pcall(fill) do end -- no large block is left
      assert(not pcall(decoder.text, decoder, false))
      held = nil
      collectgarbage()
      collectgarbage()
      assert(#decoder:text(false) == size)
      assert(decoder:text(false) == nil)
      print "kept"
    ]==]
    local process = assert(io.popen(("ulimit -v 300000; %s %s 2>&1"):format(os.getenv "OGL_LUA" or "lua5.4", path)))
    local said = process:read "*a"
    process:close()
    assert.equal("kept\n", said)
  end)
end)

describe("core.sha256", function()
  it("gives 64 digits, of text and of bytes", function()
    assert.equal("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", core.sha256 "abc")
    assert.equal("6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d", core.sha256 "\0")
  end)
end)
