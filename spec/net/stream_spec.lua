-- Streams and connections over real sockets: the same reply whatever its clothes, and nothing left open.
local helper = require "spec.helper"

local MIB = 1024 * 1024

describe("a stream over the network", function()
  after_each(helper.close)

  -- Garbage of Lua counts too, so it is not left to lie while this runs.
  local function grows_less_than(bytes, run)
    local pause = collectgarbage("setpause", 100)
    collectgarbage()
    local before = helper.memory()
    run()
    collectgarbage("setpause", pause)
    if before then assert.is_true(helper.memory() - before < bytes, "memory grew by " .. helper.memory() - before) end
  end

  -- Closes what the spec before has left, so that only what comes is counted.
  local function nobody_is_connected()
    return helper.eventually(function() return helper.stats().open == 0 end)
  end

  for _, scenario in ipairs { "ok", "bytewise", "split_utf8", "crlf", "comments", "no_done", "slow:5" } do
    it("gives the same by every way of reading: " .. scenario, function()
      local client = helper.client(scenario)
      local replies = { assert(client:chat "Bonjour"), assert(assert(client:stream "Bonjour"):reply()) }

      local stream, texts, kinds = assert(client:stream "Bonjour"), {}, {}
      for event in stream:events() do
        kinds[event.type] = (kinds[event.type] or 0) + 1
        if event.type == "text" then texts[#texts + 1] = event.text end
      end
      assert.equal(helper.TEXT, table.concat(texts))
      assert.equal(1, kinds.start)
      assert.equal(1, kinds.finish)
      assert.is_true(kinds.usage >= 1)
      assert.is_nil(kinds.warning)
      replies[3] = assert(stream:reply())

      stream, texts = assert(client:stream "Bonjour"), {}
      for text in stream:texts() do texts[#texts + 1] = text end
      assert.equal(helper.TEXT, table.concat(texts))
      replies[4] = assert(stream:reply())

      for _, reply in ipairs(replies) do
        assert.equal(helper.TEXT, reply.text)
        assert.equal("stop", reply.finish_reason)
        assert.equal("assistant", reply.role)
        assert.equal(12, reply.usage.output_tokens)
        assert.equal("number", type(reply.usage.energy_kwh))
        assert.is_true(reply.complete)
        assert.same({}, reply.warnings)
      end
    end)
  end

  it("can be read in turns of next, events and reply", function()
    local stream = assert(helper.client "ok":stream "Bonjour")
    assert.equal("start", stream:next().type)
    for event in stream:events() do
      if event.text == " !" then break end
      assert.is_true(event.type == "text")
    end
    if _VERSION == "Lua 5.4" then return end -- leaving the loop has closed it
    assert.equal(helper.TEXT, assert(stream:reply()).text)
    assert.is_nil((stream:next()))
  end)

  it("is a whole answer with no_streaming", function()
    local id = helper.id()
    local stream = assert(helper.client("ok:8:" .. id):stream { messages = { { role = "user", content = "a" } }, no_streaming = true })
    local texts = {}
    for text in stream:texts() do texts[#texts + 1] = text end
    assert.same({ helper.TEXT }, texts)
    assert.is_nil(helper.decode(helper.requests(id)[1].body).stream)
  end)

  it("keeps no reply with keep = false", function()
    local stream = assert(helper.client "ok":stream { messages = { { role = "user", content = "a" } }, keep = false })
    local texts = {}
    for text in stream:texts() do texts[#texts + 1] = text end
    assert.equal(helper.TEXT, table.concat(texts))
    assert.has_error(function() stream:reply() end)
    stream = assert(helper.client "sse_error_event:3":stream { messages = { { role = "user", content = "a" } }, keep = false })
    local event, err
    repeat event, err = stream:next() until not event
    assert.equal("provider", err.kind)
    assert.is_nil(err.partial)
  end)

  describe("that is left early", function()
    local function begin()
      assert.is_true(nobody_is_connected())
      local stream = assert(helper.client "firehose:64":stream "Bonjour")
      for _ = 1, 3 do assert(stream:next()) end
      assert.equal(1, helper.stats().open)
      return stream
    end

    it("gives its connection up when it is closed", function()
      local stream = begin()
      stream:close()
      assert.is_true(nobody_is_connected())
    end)

    it("gives its connection up when it is collected", function()
      begin()
      collectgarbage()
      collectgarbage()
      assert.is_true(nobody_is_connected())
    end)

    it("gives its connection up when its loop is left", function()
      if _VERSION ~= "Lua 5.4" then return pending "a loop closes its values from Lua 5.4 on" end
      local stream = begin()
      for event in stream:events() do
        if event then break end
      end
      assert.is_true(nobody_is_connected())
      assert.equal("closed", select(2, stream:next()).kind)
      stream = begin()
      for text in stream:texts() do
        if text then break end
      end
      assert.is_true(nobody_is_connected())
    end)

    it("gives its connection up when an error leaves its loop", function()
      if _VERSION ~= "Lua 5.4" then return pending "a loop closes its values from Lua 5.4 on" end
      local stream = begin()
      assert.has_error(function()
        for event in stream:events() do
          if event then error "enough" end
        end
      end, "enough")
      assert.is_true(nobody_is_connected())
    end)

    it("is closed at the end of a block that declares it so", function()
      if _VERSION ~= "Lua 5.4" then return pending "<close> is of Lua 5.4" end
      local block = assert(load "local stream <close> = ...; stream:next()")
      block(begin())
      assert.is_true(nobody_is_connected())
    end)

    it("gives its connection up when its client is closed and it is", function()
      local stream = begin()
      helper.close()
      stream:close()
      assert.is_true(nobody_is_connected())
    end)
  end)

  -- Reads a stream of the fire hose to its end: all of its texts have come, and no other.
  local function drain(stream)
    local texts, bytes, usage = 0, 0, nil
    for event in stream:events() do
      if event.type == "text" then texts, bytes = texts + 1, bytes + #event.text end
      if event.type == "usage" then usage = event.usage end
    end
    assert.equal(usage.output_tokens, texts)
    return bytes
  end

  local function hose(client) return assert(client:stream { messages = { { role = "user", content = "a" } }, keep = false }) end

  describe("that is long #slow", function()
    it("needs no memory for what has been read", function()
      grows_less_than(32 * MIB, function() assert.is_true(drain(hose(helper.client "firehose:64")) > MIB) end)
    end)

    it("slows its server while nobody reads it, and loses nothing", function()
      local client = helper.client("firehose:64", { timeouts = { first_byte = 60, idle = 60 } })
      grows_less_than(40 * MIB, function()
        local waiting = hose(client)
        assert(waiting:next())
        local bytes = drain(hose(client)) -- serves both, and reads one
        assert.equal(bytes, drain(waiting))
      end)
    end)
  end)

  it("keeps apart from another one that is read in turns with it", function()
    local client = helper.client "slow:2"
    local streams, texts = { assert(client:stream "a"), assert(client:stream "b") }, { {}, {} }
    local open = 2
    while open > 0 do
      for i = 1, 2 do
        local event, err = streams[i]:next()
        assert.is_nil(err)
        if event and event.type == "text" then table.insert(texts[i], event.text) end
        if event and event.type == "finish" then open = open - 1 end
      end
    end
    for i = 1, 2 do assert.equal(helper.TEXT, table.concat(texts[i])) end
  end)

  describe("and its connection", function()
    it("is one for twenty chats", function()
      local client, numbers, before = helper.client "keepalive", {}, nil
      for i = 1, 20 do
        local conn, request = assert(client:chat "Bonjour").text:match "^conn (%d+) request (%d+)$"
        numbers[conn] = true
        before = before or tonumber(request) - 1 -- requests of other clients, on the same connection
        assert.equal(i, tonumber(request) - before)
      end
      local first = next(numbers)
      assert.is_nil(next(numbers, first))
    end)

    it("is one for streams that ended, whole answers and derived clients", function()
      assert.is_true(nobody_is_connected())
      local client = helper.client "ok"
      local derived = client:with { model = "mistral-small", timeouts = { total = 60 } }
      local before = helper.stats().accepted
      for _ = 1, 5 do
        assert(assert(client:stream "Bonjour"):reply())
        for _ in assert(client:stream "Bonjour"):events() do end -- luacheck: ignore 542
        assert(client:chat "Bonjour")
        assert(derived:chat "Bonjour")
        assert(client:models())
        assert(client:embeddings { input = "a" })
      end
      assert.equal(1, helper.stats().accepted - before)
    end)

    it("is another one after a stream that broke", function()
      local client = helper.client("ok")
      assert.is_nil((helper.client("reset_mid_stream:3", { transport = client:get_transport() }):chat "Bonjour"))
      assert.equal(helper.TEXT, assert(client:chat "Bonjour").text)
    end)

    it("is opened anew where the server closed it meanwhile", function()
      local client = helper.client_of(helper.raw(helper.http(200, {}, '{"status":"ok"}')))
      for _ = 1, 5 do assert.same({ status = "ok" }, assert(client:health())) end
    end)
  end)

  it("leaves no descriptor open after 200 exchanges, good and bad", function()
    if not helper.open_descriptors() then return pending "this system does not say which descriptors are open" end
    assert.is_true(nobody_is_connected())
    local function round(client_of)
      assert(client_of "ok":chat "Bonjour")
      assert(assert(client_of "ok":stream "Bonjour"):reply())
      assert.is_nil((client_of "status:400":chat "Bonjour"))
      assert.is_nil((client_of "reset_mid_stream:3":chat "Bonjour"))
      assert.is_nil((client_of "reset_before_head":chat "Bonjour"))
      assert.is_nil((client_of "wrong_length_long":chat "Bonjour"))
      assert(client_of "ok":models())
      local stream = assert(client_of "firehose:1":stream "Bonjour")
      assert(stream:next())
      stream:close()
    end
    local function with_one_transport()
      local first = helper.client("ok", { retries = { max = 0 } })
      return function(scenario)
        return helper.client(scenario, { retries = { max = 0 }, transport = first:get_transport() })
      end
    end
    round(with_one_transport())
    helper.close()
    local before = helper.open_descriptors()
    local client_of = with_one_transport()
    for _ = 1, 25 do round(client_of) end
    helper.close()
    collectgarbage()
    assert.equal(before, helper.open_descriptors())
    assert.is_true(nobody_is_connected())
  end)
end)
