-- What goes wrong on the way, as a user of the client meets it: the kind of each error, and what it carries.
local helper = require "spec.helper"

local MIB = 1024 * 1024

describe("errors over the network", function()
  after_each(helper.close)

  -- The errors of a chat and of a stream on that scenario, without retries; both have to fail alike.
  local function refusals(scenario, options)
    options = options or {}
    options.retries = { max = 0 }
    local client, found = helper.client(scenario, options), {}
    for _, method in ipairs { "chat", "stream" } do
      local value, err = client[method](client, "Bonjour")
      assert.is_nil(value)
      found[#found + 1] = err
    end
    return found
  end

  -- Reads a stream to its error: the texts that came, and the error.
  local function read_broken(stream)
    local texts = {}
    while true do
      local event, err = stream:next()
      if not event then return table.concat(texts), assert(err, "there was no error") end
      if event.type == "text" then texts[#texts + 1] = event.text end
    end
  end

  local function open(scenario, request, options)
    local all = { messages = { { role = "user", content = "Bonjour" } } }
    for name, value in pairs(request or {}) do all[name] = value end
    return assert(helper.client(scenario, options):stream(all))
  end

  describe("of a status", function()
    local CASES = {
      { "status:400", "http", 400, "Insufficient budget.", code = "insufficient_budget" },
      { "status:401", "auth", 401, "Invalid API key.", code = "invalid_api_key" },
      { "status:403", "auth", 403, "Your account has expired. Please contact support to renew your account.", code = "account_expired" },
      { "status:404", "http", 404, "Model not-there not found.", code = "model_not_found" },
      { "status:409", "http", 409, "Key already exists.", code = "already_exists" },
      { "status:413", "http", 413, "batch size 65 > maximum allowed batch size 64", code = "batch_too_large" },
      { "status:422", "http", 422, "Model has wrong type. Expected: text-generation. Actual: text-embeddings-inference.", code = "wrong_model_type" },
      { "status:429", "rate_limit", 429, "Request limit per minute exceeded.", code = "requests_per_minute", retryable = true },
      { "status:500", "http", 500, "An unexpected error occurred", code = "internal_error", retryable = true },
      { "status:503:10", "http", 503, "Model is too busy, please try again later.", code = "model_busy", retryable = true, retry_after = 10 },
      { "status:302", "http", 302, "Error 302 of the model provider." },
      { "status_html:504", "http", 504, "the server answered with HTML: 504 Gateway Time-out", retryable = true },
      { "status_html:413", "http", 413, "the server answered with HTML: 413 Request Entity Too Large" },
      { "status_text:500", "http", 500, "Internal Server Error", code = "internal_error", retryable = true },
      { "status_sse:503", "http", 503, "Model is too busy (ReadTimeout), please try again later.", code = "model_busy", retryable = true },
      { "status_openai:400", "http", 400, "This model's maximum context length is 8192 tokens.",
        type = "invalid_request_error", code = "context_length_exceeded" },
      { "status_list", "http", 422,
        "body.messages: Field required; body.temperature: Input should be less than or equal to 2", code = "validation" },
      { "status_nested:400", "http", 400, "The provider refused the request.", type = "BadRequestError", code = "400" },
      { "status_empty:502", "http", 502, "the server answered 502 without a word", retryable = true },
      { "per_day", "rate_limit", 429, "Request limit per day exceeded.", code = "requests_per_day" },
      { "ratelimit:9:1m2s:" .. helper.id(), "rate_limit", 429, "Request limit per minute exceeded.", code = "requests_per_minute", retryable = true, retry_after = 62 },
      { "retry_ms:9:1500:" .. helper.id(), "rate_limit", 429, "Request limit per minute exceeded.", code = "requests_per_minute", retryable = true, retry_after = 1.5 },
    }

    for _, case in ipairs(CASES) do
      local scenario, kind, status, message = case[1], case[2], case[3], case[4]
      it("is read from " .. scenario, function()
        for _, err in ipairs(refusals(scenario)) do
          assert.equal(kind, err.kind)
          assert.equal(status, err.status)
          assert.equal(message, err.message)
          assert.equal(case.type, err.type)
          assert.equal(case.code, err.code)
          assert.equal(case.retry_after, err.retry_after)
          assert.equal(case.retryable or false, err.retryable)
          assert.equal("opengatellm", err.provider)
          assert.equal("nginx", err.headers.server)
          assert.equal("string", type(err.body))
          assert.truthy(tostring(err):find(("opengatellm: %s %d: "):format(kind, status), 1, true))
        end
      end)
    end

    it("says of each field what is wrong with it", function()
      assert.same({
        { path = "body.messages", message = "Field required" },
        { path = "body.temperature", message = "Input should be less than or equal to 2" },
      }, refusals "status_list"[1].fields)
    end)

    it("keeps the front of a body that is large, and quotes less", function()
      for _, err in ipairs(refusals "status_big:500:8") do
        assert.equal("http", err.kind)
        assert.equal(64 * 1024, #err.body)
        assert.is_true(#err.message < 400)
      end
    end)

    it("bounds its body on every route", function()
      local client = helper.client("status_big:500:8", { retries = { max = 0 } })
      local calls = {
        function() return client:models() end, function() return client:model "m" end, function() return client:health() end,
        function() return client:embeddings { input = "a" } end, function() return client:request("GET", "/x") end,
      }
      for _, call in ipairs(calls) do
        local value, err = call()
        assert.is_nil(value)
        assert.equal(500, err.status)
        assert.equal(64 * 1024, #err.body)
      end
    end)

    it("says what to set where no key was sent, and does not where one was", function()
      for _, err in ipairs(refusals("status:401", { api_key = function() return nil end })) do
        assert.equal("Invalid API key. (no key was sent: set OGL_TOKEN, or api_key)", err.message)
      end
      for _, err in ipairs(refusals "status:401") do assert.equal("Invalid API key.", err.message) end
    end)

    it("has the request's id where the server gives one", function()
      local url = helper.raw(helper.http(500, { { "X-Request-Id", "req-17" } }, "sorry"))
      local _, err = helper.client_of(url, { retries = { max = 0 } }):chat "Bonjour"
      assert.equal("req-17", err.request_id)
      assert.equal("sorry", err.message)
    end)
  end)

  describe("of an answer of 200", function()
    it("is the page of a proxy", function()
      local url = helper.body("text/html", "<html><head><title>Maintenance</title></head><body>Back soon</body></html>")
      local client = helper.client_of(url)
      local reply, err = client:chat "Bonjour"
      assert.is_nil(reply)
      assert.same({ "incomplete", "syntax" }, { err.kind, err.code })
      assert.truthy(err.message:find("HTML: Maintenance", 1, true), err.message)
      local models
      models, err = client:models()
      assert.is_nil(models)
      assert.equal("protocol", err.kind)
      assert.equal(200, err.status)
      assert.truthy(err.message:find("HTML: Maintenance", 1, true), err.message)
    end)

    it("is an error object, by its type or code", function()
      local cases = {
        { '{"error":{"message":"It broke.","type":"server_error","code":"oops"}}', "provider" },
        { '{"error":{"message":"Slower.","type":"rate_limit_error"}}', "rate_limit" },
        { '{"error":{"message":"Who are you?","code":"invalid_api_key"}}', "auth" },
      }
      for _, case in ipairs(cases) do
        local _, err = helper.client_of(helper.body("application/json", case[1]), { retries = { max = 0 } }):chat "Bonjour"
        assert.equal(case[2], err.kind)
        assert.equal(case[1]:match '"message":"(.-)"', err.message)
        assert.truthy(err.body:find(err.message, 1, true))
      end
    end)

    it("is a stream with an error in it, and the cost far behind", function()
      local body = 'data: {"choices":[{"index":0,"delta":{"content":"It is"}}]}\n\ndata: {"error":{"message":"gave up"}}\n\n'
        .. (": " .. ("x"):rep(1000) .. "\n"):rep(400)
        .. 'data: {"choices":[],"usage":{"prompt_tokens":41,"completion_tokens":243,"total_tokens":284}}\n\ndata: [DONE]\n\n'
      local client = helper.client_of(helper.body("text/event-stream", body), { retries = { max = 0 } })
      local _, err = assert(client:stream "Bonjour"):reply()
      assert.same({ "gave up", "It is", 284 }, { err.message, err.partial.text, (err.partial.usage or {}).total_tokens })
    end)

    it("is JSON without a choice in it, or nothing", function()
      local function fails(body)
        local reply, err = helper.client_of(helper.body("application/json", body), { retries = { max = 0 } }):chat "Bonjour"
        assert.is_nil(reply, body)
        return err
      end
      for _, body in ipairs { "[]", "7", "null", "{}", '{"choices":7}', '{"choices":[7]}' } do
        local err = fails(body)
        assert.same({ "provider", body, body }, { err.kind, err.message, err.body })
      end
      assert.same({ "provider", "text" }, { fails('"text"').kind, fails('"text"').message })
      assert.equal("incomplete", fails("").kind)
    end)

    it("is a list that is none", function()
      for _, body in ipairs { "[]", "7", '{"data":7}', '{"data":[{"embedding":"?"}]}', '{"data":[]}' } do
        local client = helper.client_of(helper.body("application/json", body))
        local vectors, err = client:embeddings { input = { "a", "b" } }
        assert.is_nil(vectors, body)
        assert.equal("protocol", err.kind)
        assert.equal(200, err.status)
      end
    end)
  end)

  describe("in mid-stream", function()
    local FORMS = {
      { "sse_error_bare:3", "Model is too busy (RemoteProtocolError), please try again later." },
      { "sse_error_event:3", "Model is too busy (RemoteProtocolError), please try again later." },
      { "sse_error_internal:3", "Internal Server Error" },
    }

    for _, form in ipairs(FORMS) do
      it("comes after the text that was sent, as " .. form[1], function()
        local stream = open(form[1])
        local text, err = read_broken(stream)
        assert.equal("Bonjour ! Ça", text)
        assert.equal("provider", err.kind)
        assert.equal(form[2], err.message)
        assert.equal("Bonjour ! Ça", err.partial.text)
        assert.is_nil(err.partial.complete)
        assert.equal("error: provider", tostring(stream):gsub("opengatellm.stream", "error"))
      end)
    end

    it("is raised in a loop, after the events before it", function()
      for method, options in pairs { events = {}, texts = { joined = false } } do
        local stream, count = open "sse_error_event:3", 0
        local fine, err = pcall(function()
          for _ in stream[method](stream, options) do count = count + 1 end
        end)
        assert.is_false(fine)
        assert.equal("provider", err.kind)
        assert.is_true(count >= 3)
      end
    end)

    it("stays: every later call gives the same error", function()
      local stream = open "sse_error_bare:3"
      local _, err = read_broken(stream)
      assert.equal(err, select(2, stream:next()))
      assert.equal(err, select(2, stream:reply()))
      assert.equal(err, select(2, pcall(stream:events())))
      assert.equal(err, select(2, pcall(stream:texts())))
      stream:close()
      assert.equal(err, select(2, stream:next()))
    end)

    it("fails a chat, with what came as partial", function()
      local reply, err = helper.client "sse_error_bare:3":chat "Bonjour"
      assert.is_nil(reply)
      assert.equal("provider", err.kind)
      assert.equal("Bonjour ! Ça", err.partial.text)
    end)
  end)

  describe("of a stream that ends too early", function()
    for _, case in ipairs {
      { "close_mid_stream:3", "incomplete", "Bonjour ! Ça" },
      { "no_marker", "incomplete", helper.TEXT },
      { "reset_mid_stream:3", "network", "Bonjour ! Ça" },
      { "cut_in_chunk", "network" },
      { "bad_chunk", "network" },
      { "cut_in_utf8", "incomplete", "Bonjour ! Ça" },
    } do
      it("is of kind " .. case[2] .. " for " .. case[1], function()
        local stream = open(case[1])
        local text, err = read_broken(stream)
        assert.equal(case[2], err.kind)
        assert.equal(text, err.partial.text)
        assert.equal(1, (helper.TEXT:find(text, 1, true)))
        if case[3] then assert.equal(case[3], text) end
      end)
    end

    it("is of kind timeout where it falls silent", function()
      local text, err = read_broken(open("stall_mid_stream:3", { timeouts = { idle = 0.2 } }))
      assert.equal("timeout", err.kind)
      assert.equal("idle", err.phase)
      assert.equal("Bonjour ! Ça", text)
      assert.equal(text, err.partial.text)
    end)

    it("is of kind timeout where it lasts longer than it may", function()
      local _, err = read_broken(open("slow:100", { timeouts = { total = 0.4 } }))
      assert.equal("timeout", err.kind)
      assert.equal("total", err.phase)
    end)

    it("is of kind closed after close, with what came", function()
      local stream = open "ok"
      for event in stream:events() do
        if event.type == "text" then break end
      end
      stream:close()
      stream:close()
      local reply, err = stream:reply()
      assert.is_nil(reply)
      assert.equal("closed", err.kind)
      assert.equal("Bonjour", err.partial.text)
    end)
  end)

  describe("of one event", function()
    it("is a warning where it is no JSON, and nothing else is lost", function()
      local reply = assert(open "sse_bad_json:3":reply())
      assert.equal("Bonjour ! Ça Et voilà", reply.text)
      assert.equal(1, #reply.warnings)
      assert.truthy(reply.warnings[1].message:find("JSON", 1, true))
      assert.is_true(reply.complete)
    end)

    it("is an event of its own in the loop", function()
      local warnings = 0
      for event in open "sse_bad_json:3":events() do
        if event.type == "warning" then warnings = warnings + 1 end
      end
      assert.equal(1, warnings)
    end)

    it("ends a stream that is strict", function()
      local text, err = read_broken(open("sse_bad_json:3", { strict = true }))
      assert.equal("Bonjour ! Ça", text)
      assert.equal("protocol", err.kind)
      assert.equal("Bonjour ! Ça", err.partial.text)
    end)

    it("is U+FFFD and a warning where it is no UTF-8", function()
      local reply = assert(open "sse_bad_utf8":reply())
      assert.equal("Bonjourcaf\239\191\189(\239\191\189 ok fin", reply.text)
      assert.equal(1, #reply.warnings)
      assert.truthy(reply.warnings[1].message:find("UTF-8", 1, true))
    end)
  end)

  describe("of what is too much", function()
    local function grows_less_than(bytes, run)
      collectgarbage()
      local before = helper.memory()
      run()
      if before then assert.is_true(helper.memory() - before < bytes, "memory grew by " .. helper.memory() - before) end
    end

    it("is of kind limit for a line of 1 GiB, and memory stays bounded", function()
      grows_less_than(80 * MIB, function()
        local text, err = read_broken(open "giant_line:1024")
        assert.equal("limit", err.kind)
        assert.equal("", text)
      end)
    end)

    it("is of kind limit for a reply above limits.reply, with what fitted", function()
      local text, err = read_broken(open("firehose:8", nil, { limits = { reply = 100000 } }))
      assert.equal("limit", err.kind)
      assert.is_true(#err.partial.text <= 100000)
      assert.equal(1, (text:find(err.partial.text, 1, true)))
    end)

    it("is of kind limit for a whole body above limits.body", function()
      grows_less_than(32 * MIB, function()
        for _, scenario in ipairs { "gzip_bomb:64", "ok:300000" } do
          local client = helper.client(scenario, { limits = { body = MIB } })
          local vectors, err = client:embeddings { input = "a" }
          assert.is_nil(vectors)
          assert.equal("limit", err.kind)
          assert.equal("opengatellm", err.provider)
        end
      end)
    end)

    it("is of kind limit for a head that is too large", function()
      local _, err = helper.client "giant_header:1048576":chat "Bonjour"
      assert.equal("limit", err.kind)
    end)
  end)

  describe("of the caller", function()
    it("raises where a key, a model or a header could break out of its line, before anything is sent", function()
      local id = helper.id()
      local wrong = {
        function() helper.client("ok:" .. id, { api_key = "sk-\r\nx: y" }) end,
        function() helper.client("ok:" .. id, { model = "m\nn" }) end,
        function() helper.client("ok:" .. id, { headers = { ["x-a"] = "b\r\nc: d" } }) end,
        function() helper.client("ok:" .. id, { headers = { ["x\r\na"] = "b" } }) end,
        function() helper.client("ok:" .. id):chat { messages = { { role = "user", content = "a" } }, model = "m\0n" } end,
        function() helper.client("ok:" .. id):chat { messages = { { role = "user", content = "a" } }, headers = { a = "b\nc" } } end,
        function() helper.client("ok:" .. id):model "a\r\nb" end,
        function() helper.client("ok:" .. id):request("GET", "/a b") end,
        function() helper.client("ok:" .. id):request("GET", "/a\r\nx: y") end,
        function() helper.client("ok:" .. id):embeddings { input = "a", headers = { a = "b\0c" } } end,
      }
      for _, call in ipairs(wrong) do assert.has_error(call) end
      assert.same({}, helper.requests(id))
    end)

    it("is returned where a function gives a key that cannot be sent", function()
      local id = helper.id()
      for _, key in ipairs { "sk-\r\nx: y", 7, { "sk" } } do
        local _, err = helper.client("ok:" .. id, { api_key = function() return key end }):chat "Bonjour"
        assert.equal("config", err.kind)
      end
      assert.same({}, helper.requests(id))
    end)
  end)

  describe("keep secrets", function()
    -- One that quotes the key in every place where an answer can.
    local function tattling(status, content_type, body)
      return helper.raw(helper.http(status, { { "content-type", content_type }, { "x-seen", "Bearer " .. helper.KEY } }, body))
    end

    local K = helper.KEY
    local ANSWERS = {
      { 401, "application/json", '{"detail":"Invalid API key: ' .. K .. '"}' },
      { 422, "application/json", '{"detail":[{"type":"x","loc":["header","' .. K .. '"],"msg":"bad ' .. K .. '"}]}' },
      { 400, "application/json", '{"error":{"message":"' .. K .. '","type":"' .. K .. '","code":"' .. K .. '"}}' },
      { 502, "text/html", "<html><title>" .. K .. "</title></html>" },
      { 200, "text/html", "<html><title>" .. K .. "</title></html>" },
      { 200, "application/json", '{"error":{"message":"' .. K .. '","type":"a","code":"' .. K .. '"}}' },
      { 200, "application/json", '{"data":"' .. K .. '"}' },
      { 200, "text/plain", K },
      { 200, "text/event-stream", 'data: {"error":{"message":"no ' .. K .. '"}}\n\n' },
    }

    it("whatever the server quotes, on every route", function()
      for _, answer in ipairs(ANSWERS) do
        local client = helper.client_of(tattling(answer[1], answer[2], answer[3]), { retries = { max = 0 } })
        local calls = {
          function() return client:chat "Bonjour" end,
          function() return assert(client:stream "Bonjour"):reply() end,
          function() return client:embeddings { input = "a" } end,
          function() return client:models() end,
        }
        for _, call in ipairs(calls) do
          local fine, value, err = pcall(call)
          err = fine and err or value -- raised by the assert: the stream was refused
          assert.equal("table", type(err), answer[3])
          assert.is_false(helper.mentions(err, K), answer[3])
        end
      end
    end)

    it("and clients and streams show none, from a proxy's password to a private key's", function()
      local proxy = helper.fault():gsub("//", "//user:pass-WORD@")
      local client = helper.client("ok", {
        proxy = proxy, no_proxy = "127.0.0.1", client_cert = { cert_file = "c.pem", key_password = "pass-PHRASE" },
      })
      local stream = assert(helper.client("ok", { proxy = proxy, no_proxy = "127.0.0.1" }):stream "Bonjour")
      assert.truthy(stream:next())
      for _, object in ipairs { client, client:with { model = "m" }, stream } do
        for _, secret in ipairs { K, "pass-WORD", "pass-PHRASE" } do assert.is_false(helper.mentions(object, secret)) end
      end
      assert.equal(helper.TEXT, assert(stream:reply()).text)
      assert.is_false(helper.mentions(stream, K))
    end)

    it("and a proxy that is not there does not show its password", function()
      local client = helper.client_of("http://far.example", {
        proxy = ("http://user:pass-WORD@127.0.0.1:%d"):format(helper.free_port()), retries = { max = 0 },
      })
      local _, err = client:chat "Bonjour"
      assert.equal("network", err.kind)
      assert.is_false(helper.mentions(err, "pass-WORD"))
    end)

    it("and the key does arrive", function()
      local seen = assert(helper.client "echo":request("GET", "/x"))
      assert.equal("Bearer " .. K, seen.headers.authorization)
    end)
  end)

  it("cannot be had of an address that is missing or refused", function()
    local port = helper.free_port()
    local _, err = helper.client_of("http://127.0.0.1:" .. port, { retries = { max = 0 } }):chat "Bonjour"
    assert.equal("network", err.kind)
    assert.is_true(err.retryable)
    assert.equal("opengatellm", err.provider)
  end)
end)
