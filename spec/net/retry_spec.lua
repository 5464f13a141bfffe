-- What is sent again, how often and after how long. The clock is simulated: nothing here waits.
local helper = require "spec.helper"

describe("retries", function()
  after_each(helper.close)

  -- A client at a scenario (with its own id), the host that records its waits, and the id.
  local function client_at(scenario, options)
    local id, all = helper.id(), { host = helper.simulated_host() }
    for name, value in pairs(options or {}) do all[name] = value end
    return helper.client(scenario .. ":" .. id, all), all.host, id
  end

  local function within(low, high, value)
    assert.is_true(low <= value and value <= high, ("%s is not within %s and %s"):format(value, low, high))
  end

  describe("of a chat", function()
    for _, code in ipairs { 408, 429, 500, 502, 503, 504, 529 } do
      it("come after " .. code .. ", and succeed within retries.max", function()
        local client, host, id = client_at(("storm:2:%d:"):format(code))
        assert.equal(helper.TEXT, assert(client:chat "Bonjour").text)
        assert.equal(3, #helper.requests(id))
        assert.equal(2, #host.waits)
      end)
    end

    for _, code in ipairs { 400, 401, 403, 404, 409, 413, 422, 424, 307 } do
      it("never come after " .. code, function()
        local client, host, id = client_at(("storm:1:%d:"):format(code))
        local reply, err = client:chat "Bonjour"
        assert.is_nil(reply)
        assert.equal(code, err.status)
        assert.is_false(err.retryable)
        assert.equal(1, #helper.requests(id))
        assert.same({}, host.waits)
      end)
    end

    it("end with the last error after retries.max", function()
      local client, host, id = client_at("storm:9:503:", { retries = { max = 4 } })
      local reply, err = client:chat "Bonjour"
      assert.is_nil(reply)
      assert.equal(503, err.status)
      assert.is_true(err.retryable)
      assert.equal(5, #helper.requests(id))
      assert.equal(4, #host.waits)
    end)

    it("are none with retries.max = 0", function()
      local client, host, id = client_at("storm:1:503:", { retries = { max = 0 } })
      local reply, err = client:chat "Bonjour"
      assert.is_nil(reply)
      assert.equal(503, err.status)
      assert.equal(1, #helper.requests(id))
      assert.same({}, host.waits)
    end)

    it("send the same request each time", function()
      local client, _, id = client_at "storm:2:500:"
      assert(client:chat { messages = { { role = "user", content = "Ça va ?" } }, temperature = 0.5 })
      local sent = helper.requests(id)
      assert.equal(3, #sent)
      for i = 2, 3 do
        assert.equal(sent[1].body, sent[i].body)
        assert.same(sent[1].header_list, sent[i].header_list)
      end
    end)

    it("ask a key function anew for each try", function()
      local calls = 0
      local function key()
        calls = calls + 1
        return "sk-token-" .. calls
      end
      local client, _, id = client_at("storm:2:503:", { api_key = key })
      assert(client:chat "Bonjour")
      local seen = {}
      for i, request in ipairs(helper.requests(id)) do seen[i] = request.headers.authorization end
      assert.same({ "Bearer sk-token-1", "Bearer sk-token-2", "Bearer sk-token-3" }, seen)
    end)
  end)

  describe("wait", function()
    it("twice as long each time, with jitter, up to a bound", function()
      local client, host = client_at("storm:9:500:", { retries = { max = 6 } })
      client:chat "Bonjour"
      local longest = { 0.5, 1, 2, 4, 8, 8 }
      assert.equal(#longest, #host.waits)
      for i, most in ipairs(longest) do within(most * 0.75, most, host.waits[i]) end
    end)

    it("as long as Retry-After says, in seconds", function()
      local client, host = client_at "storm:2:503:7"
      assert(client:chat "Bonjour")
      assert.same({ 7, 7 }, host.waits)
    end)

    it("until the date that Retry-After names", function()
      local client, host = client_at "retry_date:1:30"
      assert(client:chat "Bonjour")
      assert.equal(1, #host.waits)
      within(20, 30, host.waits[1]) -- a date has whole seconds, and some may have passed
    end)

    it("as long as retry-after-ms says", function()
      local client, host = client_at "retry_ms:1:1500"
      assert(client:chat "Bonjour")
      assert.same({ 1.5 }, host.waits)
    end)

    it("until OpenGateLLM's own limit is free again; a limit of None is none", function()
      local client, host = client_at "ratelimit:1:17s"
      assert(client:chat "Bonjour")
      assert.same({ 17 }, host.waits)
    end)

    it("never longer than max_wait: the call fails at once and says how long it would be", function()
      for scenario, seconds in pairs { ["storm:1:429:61"] = 61, ["ratelimit:1:1h2m3s"] = 3723, ["retry_ms:1:60001"] = 60.001 } do
        local client, host, id = client_at(scenario)
        local reply, err = client:chat "Bonjour"
        assert.is_nil(reply)
        assert.equal("rate_limit", err.kind)
        within(seconds - 1e-6, seconds + 1e-6, err.retry_after)
        assert.equal(1, #helper.requests(id))
        assert.same({}, host.waits)
      end
    end)

    it("never longer than max_wait in all", function()
      local client, host, id = client_at("storm:9:503:7", { retries = { max = 9, max_wait = 20 } })
      assert.is_nil((client:chat "Bonjour"))
      assert.same({ 7, 7 }, host.waits)
      assert.equal(3, #helper.requests(id))
    end)
  end)

  it("are none for a limit per day", function()
    local client, host, id = client_at "per_day"
    local reply, err = client:chat "Bonjour"
    assert.is_nil(reply)
    assert.equal("rate_limit", err.kind)
    assert.is_false(err.retryable)
    assert.equal(1, #helper.requests(id))
    assert.same({}, host.waits)
  end)

  describe("of a connection", function()
    it("come after a refusal, each time", function()
      local host = helper.simulated_host()
      local client = helper.client_of("http://127.0.0.1:" .. helper.free_port(), { host = host, retries = { max = 3 } })
      local reply, err = client:chat "Bonjour"
      assert.is_nil(reply)
      assert.equal("network", err.kind)
      assert.equal(3, #host.waits)
    end)

    it("find a server that has come meanwhile", function()
      local port, server = helper.free_port(), nil
      local host = helper.simulated_host(function() server = server or helper.fault_at(port) end)
      local client = helper.client_of(("http://127.0.0.1:%d/ok"):format(port), { host = host })
      assert.equal(helper.TEXT, assert(client:chat "Bonjour").text)
      assert.equal(1, #host.waits)
      client:close()
      helper.stop(server)
    end)

    it("come after a reset before the head, and in a whole body", function()
      for _, scenario in ipairs { "reset_before_head", "reset_after_head", "cut_in_chunk" } do
        local client, host, id = client_at(scenario)
        local reply, err = client:chat "Bonjour"
        assert.is_nil(reply)
        assert.equal("network", err.kind)
        assert.equal(3, #helper.requests(id), scenario)
        assert.equal(2, #host.waits)
      end
    end)

    it("are none after a timeout of the answer: the model may be at work", function()
      local client, host, id = client_at("stall_head", { timeouts = { first_byte = 0.2 } })
      local reply, err = client:chat "Bonjour"
      assert.is_nil(reply)
      assert.equal("timeout", err.kind)
      assert.equal(1, #helper.requests(id))
      assert.same({}, host.waits)
    end)
  end)

  describe("of a stream", function()
    it("come before the first event: after a status", function()
      local client, host, id = client_at "storm:2:503:"
      local stream = assert(client:stream "Bonjour")
      assert.equal(200, stream.status)
      assert.equal(helper.TEXT, assert(stream:reply()).text)
      assert.equal(3, #helper.requests(id))
      assert.equal(2, #host.waits)
    end)

    it("come before the first event: after a head that nothing follows", function()
      local client, host, id = client_at "reset_after_head"
      local stream = assert(client:stream "Bonjour")
      local event, err = stream:next()
      assert.is_nil(event)
      assert.equal("network", err.kind)
      assert.equal(3, #helper.requests(id))
      assert.equal(2, #host.waits)
    end)

    it("share one budget over both", function()
      local client, _, id = client_at("storm:9:503:", { retries = { max = 1 } })
      assert.is_nil((client:stream "Bonjour"))
      assert.equal(2, #helper.requests(id))
    end)

    it("come until the answer is committed: its first events are held back, and given once", function()
      local client, host, id = client_at "reset_mid_stream:0" -- says who it is, and breaks
      local stream = assert(client:stream "Bonjour")
      assert.equal(1, #helper.requests(id))
      assert.equal("start", stream:next().type)
      assert.equal(3, #helper.requests(id))
      assert.equal(2, #host.waits)
      local event, err = stream:next()
      assert.is_nil(event)
      assert.equal("network", err.kind)
    end)

    it("never come after that", function()
      for _, scenario in ipairs { "reset_mid_stream:3", "cut_in_chunk", "sse_error_event:3" } do
        local client, host, id = client_at(scenario)
        local stream = assert(client:stream "Bonjour")
        local count, err = 0
        repeat
          local event
          event, err = stream:next()
          if event then count = count + 1 end
        until not event
        assert.is_not_nil(err)
        assert.is_true(count > 0)
        assert.equal(1, #helper.requests(id), scenario)
        assert.same({}, host.waits)
      end
    end)
  end)

  describe("of other calls", function()
    local CALLS = {
      models = function(client) return client:models() end,
      model = function(client) return client:model "bge-m3" end,
      embeddings = function(client) return client:embeddings { input = "a" } end,
      health = function(client) return client:health() end,
      ["GET request"] = function(client) return client:request("GET", "/health") end,
      ["DELETE request"] = function(client) return client:request("DELETE", "/health") end,
    }
    for name, call in pairs(CALLS) do
      it("come after 503: " .. name, function()
        local client, host, id = client_at "storm:1:503:"
        assert(call(client))
        assert.equal(2, #helper.requests(id))
        assert.equal(1, #host.waits)
      end)
    end

    for _, method in ipairs { "POST", "PATCH" } do
      it("are none for a " .. method .. " that the server may have acted on", function()
        for _, scenario in ipairs { "storm:1:503:", "reset_before_head", "reset_after_head" } do
          local client, host, id = client_at(scenario)
          local value = client:request(method, "/health", { a = 1 })
          assert.is_nil(value)
          assert.equal(1, #helper.requests(id), scenario)
          assert.same({}, host.waits)
        end
      end)

      it("come for a " .. method .. " that was refused: 429, or no connection", function()
        local client, host, id = client_at "storm:1:429:"
        assert(client:request(method, "/health", { a = 1 }))
        assert.equal(2, #helper.requests(id))
        assert.equal(1, #host.waits)
        host = helper.simulated_host()
        client = helper.client_of("http://127.0.0.1:" .. helper.free_port(), { host = host })
        assert.is_nil((client:request(method, "/health", { a = 1 })))
        assert.equal(2, #host.waits)
      end)
    end
  end)
end)
