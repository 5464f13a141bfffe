-- No Lua program can crash or confuse the modules (the debug library aside). What may end a process is run in one of its own.
local helper = require "spec.helper"

local function interpreter() return os.getenv "OGL_LUA" or "lua5.4" end

-- What a program writes, and that it ended well.
local function run(source, before)
  local path = helper.write('local core = require "opengatellm.core"\nlocal function main()\n' .. source
    .. '\nend\nassert(xpcall(main, debug.traceback))\nprint "alive"\n')
  local process = assert(io.popen(("%s%s %s 2>&1"):format(before or "", interpreter(), path)))
  local text = process:read "*a"
  process:close()
  return text
end

-- A finalizer for any value of any version, and a collector that runs it within the next few allocations.
local FINALIZERS = [==[
local function on_collect(fn)
  if _VERSION ~= "Lua 5.1" then return setmetatable({}, { __gc = fn }) end
  local proxy = newproxy(true)
  getmetatable(proxy).__gc = fn
  return proxy
end
collectgarbage("setpause", 1)
collectgarbage("setstepmul", 100000)
]==]

describe("a method", function()
  it("proves what it is called on: every class, every method, whatever has its metatable", function()
    assert.equal("alive\n", run [==[
      local curl = require "opengatellm.curl"
      local multi = assert(curl.multi())
      local transfer = assert(multi:open { method = "GET", url = "http://127.0.0.1:9/", headers = {}, proxy = "" })
      local objects = {
        core.decoder "openai_chat", core.framer(), core.encoder("openai_chat", "stream", {}), core.transcoder("openai_chat", "ollama", "stream", {}),
        core.http1 "GET", core.websocket(), core.fold(), core.partial(), multi, transfer,
      }
      local function refuses(fn, ...)
        if pcall(fn, ...) then error "it took what it is not" end
      end
      for i, object in ipairs(objects) do
        local class = getmetatable(object)
        for name, method in pairs(class.__index) do
          refuses(method, setmetatable({}, class))
          refuses(method, setmetatable({}, class), "x")
          refuses(method, nil)
          refuses(method, io.stdout)
          refuses(method, objects[i % #objects + 1])
        end
        class.__gc(setmetatable({}, class)) -- as the collector would
        class.__gc(objects[i % #objects + 1])
      end
      for _, pull in ipairs { core.next, core.late } do
        refuses(pull, setmetatable({}, getmetatable(objects[1])))
        refuses(pull, io.stdout)
      end
      -- bytes go into what is a decoder, and into nothing that says so
      for _, forged in ipairs { {}, setmetatable({}, { ["opengatellm.sink"] = io.stdout }), setmetatable({}, getmetatable(objects[1])), objects[2], io.stdout } do
        refuses(transfer.pour, transfer, forged)
      end
      collectgarbage()
      getmetatable(objects[1])["opengatellm.sink"] = io.stdout
      transfer:pour(objects[1])
    ]==])
  end)

  it("checks numbers", function()
    assert.error_matches(function() require "opengatellm.core".decoder("openai_chat", nil, false, true, -1) end, "number of bytes")
    assert.error_matches(function() require "opengatellm.core".fold(-1) end, "number of bytes")
    assert.error_matches(function() require "opengatellm.core".fold "much" end, "number expected")
    assert.error_matches(function() require "opengatellm.core".encoder("openai_chat", "stream", { max_reply = -1 }) end, "max_reply")
    assert.error_matches(function() require "opengatellm.core".encoder("openai_chat", "stream", { created = 0 / 0 }) end, "created")
  end)
end)

describe("a finalizer", function()
  it("that encodes JSON in the middle of an encoding changes neither", function()
    assert.equal("alive\n", run(FINALIZERS .. [==[
      local value, expected, ran, wrong = {}, {}, 0, 0
      for i = 1, 40 do value[i], expected[i] = { ["key" .. i] = "text" .. i }, ('{"key%d":"text%d"}'):format(i, i) end
      expected = "[" .. table.concat(expected, ",") .. "]"
      local function again()
        ran = ran + 1
        if core.encode { a = { "inside" } } ~= '{"a":["inside"]}' then wrong = wrong + 1 end
      end
      for _ = 1, 3000 do
        on_collect(again)
        if core.encode(value) ~= expected then wrong = wrong + 1 end
      end
      assert(ran > 100 and wrong == 0, ran .. " ran, wrong: " .. wrong)
    ]==]))
  end)

  it("that takes keys out of a table while it is written is no danger", function()
    assert.equal("alive\n", run(FINALIZERS .. [==[
      for round = 1, 3000 do
        local value = {}
        for i = 1, round % 2 == 0 and 10 or 40 do value["key " .. round .. " " .. i] = { i } end
        on_collect(function() for key in pairs(value) do value[key] = nil end end)
        pcall(core.encode, value)
      end
    ]==]))
  end)

  it("that closes or uses what is being read is refused, or waits", function()
    local stream = ('data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"content":"a long enough text %d"}}]}\n\n'):rep(3)
      .. 'data: {"choices":[{"index":0,"delta":{"annotations":[{"type":"url_citation","url":"https://x.example"}]}}]}\n\n'
      .. 'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}\n\n'
    assert.equal("alive\n", run(FINALIZERS .. "local stream = " .. ("%q"):format(stream) .. [==[

      local function each(make, use)
        for round = 1, 400 do
          local object = make()
          on_collect(function() object:close() end)
          pcall(use, object)
          object = make()
          on_collect(function() pcall(use, object) end)
          pcall(use, object)
          object:close()
          object:close()
        end
      end
      local function decoder()
        local made = core.decoder "openai_chat"
        made:feed(stream)
        return made
      end
      each(decoder, function(object)
        core.next(object)
        object:text(true)
        repeat local event = core.next(object) until not event
        object:finish()
        object:reply() object:raw() object:problem() object:framing()
      end)
      each(function()
        local framer = core.framer()
        framer:feed(stream)
        return framer
      end, function(object) repeat local frame = object:next() until not frame end)
      each(function() return core.transcoder("openai_chat", "anthropic", "stream", {}) end, function(object)
        object:feed(stream) object:tally() object:problem() object:counts() object:finish() object:fail("no")
      end)
      each(function() return core.encoder("openai_chat", "stream", {}) end, function(object)
        object:put { type = "text", text = "some text" }
        object:take() object:finish() object:take() object:lost()
      end)
      each(function()
        local failed = core.decoder("openai_chat", nil, false, false)
        failed:feed('data: {"error":{"message":"gave up"}}\n\ndata: {"choices":[{"index":0,"delta":{},"finish_reason":"error"}],'
          .. '"usage":{"prompt_tokens":1}}\n\n')
        return failed
      end, function(object)
        core.next(object)
        object:finish()
        core.late(object)
      end)
      each(core.fold, function(object)
        object:put { type = "text", text = "some text", index = 1 }
        object:put { type = "citation", json = '{"url":"https://x.example"}', index = 2 }
        object:put { type = "usage", usage = { input_tokens = 1 } }
        object:reply()
      end)
      -- texts that a metamethod makes, and numbers that become texts, are nobody's but the reader's
      for round = 1, 2000 do
        local encoder = core.encoder("openai_chat", "whole", setmetatable({ created = 1 }, { __index = function(_, key)
          return key == "id" and "id " .. round or key == "model" and 7 or nil
        end }))
        on_collect(function() return ("x"):rep(40) .. round end)
        assert(encoder:put(setmetatable({}, { __index = function(_, key)
          if key == "type" then return "tool_" .. "call_end" end
          return (key == "id" or key == "name" or key == "arguments") and key .. " of round " .. round or nil
        end })))
        assert(encoder:put { type = "text", text = round, index = 2 })
        encoder:put { type = "finish", reason = "stop" }
        encoder:finish()
        local text = encoder:take()
        assert(text:find("name of round " .. round, 1, true) and text:find('"' .. round .. '"', 1, true), text)
      end
      each(function() return core.http1 "GET" end, function(object)
        object:feed "HTTP/1.1 200 OK\r\nset-cookie: a\r\nset-cookie: b\r\nx: y\r\ncontent-length: 3\r\n\r\nabc"
        object:head() object:progress() object:problem()
      end)
      each(function() return core.websocket() end, function(object)
        object:feed "\129\5hello"
        object:next() object:next()
      end)
      each(function() return core.partial { list = "a" } end, function(object)
        object:feed '{"a":[1,{"b":"some text"},"and one that is'
        object:value() object:count()
        object:feed ' longer now","c'
        object:value(true) object:finish() object:value()
      end)
    ]==]))
  end)
end)

describe("JSON", function()
  -- Bytes of Lua's memory for each byte of the text.
  local function cost(text)
    local core = require "opengatellm.core"
    collectgarbage()
    collectgarbage()
    collectgarbage "stop"
    local before = collectgarbage "count"
    local value = core.decode(text)
    local after = collectgarbage "count"
    collectgarbage "restart"
    assert(value ~= nil)
    return (after - before) * 1024 / #text
  end

  it("costs memory in proportion, however it is nested", function()
    local function list(item, n) return "[" .. (item .. ","):rep(n) .. "1]" end
    local nested = ("[1,"):rep(100) .. ("1,"):rep(5000) .. "1" .. ("]"):rep(100)
    for _, text in ipairs {
      list("[]", 20000), list("{}", 20000), list("[1]", 20000), list('{"a":1}', 20000), list(nested, 20), list(("["):rep(100) .. ("]"):rep(100), 500),
      list(('{"a":'):rep(100) .. "1" .. ("}"):rep(100), 200), list(('[1,{"a":'):rep(50) .. "1" .. ("}]"):rep(50), 200), list("1", 50000),
      '[1,"' .. (","):rep(60000) .. '"]',
    } do
      local found = cost(text)
      assert.is_true(found < 64, ("%.1f bytes for a byte of %s…"):format(found, text:sub(1, 20)))
    end
  end)
end)

describe("the end of Lua's memory", function()
  local LIMIT = "ulimit -v 400000; "

  it("is an error: of json.decode, of a reply, of a call", function()
    if os.getenv "RUNNER" or os.getenv "LD_PRELOAD" then return pending "valgrind and ASan need more memory than the limit leaves" end
    local said = run([==[
      local ogl, json = require "opengatellm", require "opengatellm.json"
      local replay = require "opengatellm.transport.replay"
      local text = "[" .. ("[],"):rep(9 * 2 ^ 20) .. "[]]"
      local value, err = json.decode(text)
      assert(value == nil and err.kind == "limit" and err.code == "memory", tostring(err))
      local function client(body, type)
        return ogl.client {
          base_url = "http://localhost:9", api_key = "k", model = "m", retries = { max = 0 }, limits = { reply = 2 ^ 30, body = 2 ^ 30 },
          transport = replay.new { headers = { ["content-type"] = type or "application/json" }, body = body },
        }
      end
      value, err = client(text):models()
      assert(value == nil and err.kind == "limit" and err.code == "memory", tostring(err))
      text = nil
      collectgarbage()
      assert(json.decode "[1]"[1] == 1)
      -- a coming value waits for memory
      local reader, parts = core.partial { limit = 2 ^ 26 }, {}
      reader:feed('{"a":[1,{"b":2}],"c":"' .. ("z"):rep(2 ^ 25))
      local function store() parts[#parts + 1] = ("y"):rep(2 ^ 24 + #parts) end
      while pcall(store) do end
      parts[#parts] = nil
      pcall(reader.value, reader) -- LuaJIT may still find the room
      parts = nil
      collectgarbage()
      collectgarbage()
      assert(#reader:value(true).c == 2 ^ 25 and reader:value().a[2].b == 2)
      reader:close()
      reader = nil
      collectgarbage()
      -- the text of a reply, once more as one: there is room for what came, and not for that
      local piece = ("x"):rep(2 ^ 20)
      local frame = 'data: {"choices":[{"index":0,"delta":{"content":"' .. piece .. '"}}]}\n\n'
      local n, decoder = 0, core.decoder("openai_chat", "text/event-stream", false, true, 2 ^ 30)
      while n < 60 do
        n = n + 1
        assert(decoder:feed(frame))
        decoder:skip()
      end
      local held = {}
      local function fill() held[#held + 1] = ("y"):rep(2 ^ 24 + #held) end
      while pcall(fill) do end -- no large block is left
      held[#held] = nil
      local memory = require "opengatellm.base.memory"
      value, err = memory.attempt(decoder.reply, decoder)
      held = nil
      collectgarbage()
      collectgarbage()
      assert(value == nil and err.kind == "limit" and err.code == "memory", tostring(err))
      assert(#decoder:reply().text == n * 2 ^ 20) -- nothing is lost by that
    ]==], LIMIT)
    assert.equal("alive\n", said)
  end)
end)
