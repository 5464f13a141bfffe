-- The contract of transport/init.lua, on every host (support/carriers.lua); what a script from memory cannot break is asked of
-- those that reach a network.
local carriers = require "spec.support.carriers"
local errors = require "opengatellm.errors"
local helper = require "spec.helper"
local socket = require "socket"

local STREAM = '{"stream":true}'
local CHAT = "/v1/chat/completions"

-- A request; timeouts are there so that a failure ends.
local function request(url, fields)
  local all = { method = "GET", url = url, headers = {}, proxy = "", timeouts = { connect = 20, first_byte = 20, idle = 20 } }
  for name, value in pairs(fields or {}) do all[name] = value end
  return all
end

-- All that is left of a body, as a list of reads; and the error that ended it.
local function read_all(exchange)
  local reads = {}
  while true do
    local bytes, err = exchange:read()
    if not bytes then return reads, err end
    reads[#reads + 1] = bytes
  end
end

for _, carrier in ipairs(carriers.list()) do
  describe("the transport " .. carrier.name, function()
    -- `needs`: what a host may lack, and then the case is none of its.
    local function case(title, body, needs)
      if needs and carrier.lacks and carrier.lacks[needs] then return end
      it(title, function() carrier.inside(body) end)
    end

    case("is asked where it says it is", function()
      assert.equal(carrier.host or carrier.name, require "opengatellm.host".current().name)
    end)

    local BODY = ("0123456789"):rep(1000)

    local function open(answer)
      local transport, url = carrier.play(answer)
      return assert(transport:open(request(url)))
    end

    local function open_good()
      return open { status = 200, headers = { { "Content-Type", "text/plain" }, { "X-Request-ID", "r 1" } }, body = BODY }
    end

    case("gives the head, then the body to its end, and the end again", function()
      local exchange = open_good()
      local status, headers = exchange:head()
      assert.equal(200, status)
      assert.equal("text/plain", headers["content-type"])
      assert.equal(BODY, table.concat((read_all(exchange))))
      assert.same({}, { exchange:read() })
    end)

    case("has header names in lower case", function()
      local _, headers = open_good():head()
      assert.equal("r 1", headers["x-request-id"])
      assert.is_nil(headers["X-Request-ID"])
    end)

    case("gives the head as often as it is asked for", function()
      local exchange = open_good()
      local _, first = exchange:head()
      read_all(exchange)
      local status, again = exchange:head()
      assert.equal(200, status)
      assert.same(first, again)
    end)

    case("reads without being asked for the head", function()
      assert.equal(BODY, table.concat((read_all(open_good()))))
    end)

    case("never gives an empty read", function()
      for _, bytes in ipairs((read_all(open_good()))) do assert.is_true(#bytes > 0) end
      assert.same({}, (read_all(open { status = 200, headers = {}, body = "" })))
    end)

    case("leaves a status of 400 and above to its caller", function()
      local exchange = open { status = 404, headers = { { "content-type", "application/json" } }, body = '{"detail":"Not Found"}' }
      local status, headers = exchange:head()
      assert.equal(404, status)
      assert.equal("application/json", headers["content-type"])
      assert.equal('{"detail":"Not Found"}', table.concat((read_all(exchange))))
    end)

    case("can be closed at any time and twice, and says so from then on", function()
      for _, steps in ipairs { {}, { "head" }, { "head", "read" } } do
        local exchange = open_good()
        for _, step in ipairs(steps) do assert(exchange[step](exchange)) end
        exchange:close()
        exchange:close()
        for _, step in ipairs { "read", "head", "read" } do
          local value, err = exchange[step](exchange)
          assert.is_nil(value)
          assert.equal("closed", err.kind)
        end
      end
    end)

    if not carrier.network then return end

    local transport, open_exchanges

    before_each(function() transport, open_exchanges = carrier.network(), {} end)
    after_each(function()
      for _, exchange in ipairs(open_exchanges) do exchange:close() end
      collectgarbage() -- transports that nobody has any more share the connections: with the last one they go
      collectgarbage()
      transport:close()
    end)

    local function send(url, fields)
      local exchange, err = transport:open(request(url, fields))
      open_exchanges[#open_exchanges + 1] = exchange
      return exchange, err
    end

    local function chat(scenario, fields)
      local all = { method = "POST", body = STREAM, stream = true }
      for name, value in pairs(fields or {}) do all[name] = value end
      return send(helper.fault(scenario) .. CHAT, all)
    end

    -- The error of an exchange, wherever it comes; and what had come of the body.
    local function failure_of(exchange, err)
      if not exchange then return err, "" end
      local reads
      reads, err = read_all(exchange)
      assert.is_not_nil(err, "there was no error")
      local _, again = exchange:read()
      assert.equal(err, again) -- it stays
      return err, table.concat(reads)
    end

    local function echo(fields)
      local exchange = send(helper.fault "echo" .. "/v1/x?q=%C3%A9", fields)
      return helper.decode(table.concat((read_all(exchange))))
    end

    describe("as the server sees it", function()
      case("sends method, address, headers and body exactly", function()
        local body = 'a "b"\r\n\0é' .. ("x"):rep(100000)
        local seen = echo {
          method = "PATCH", body = body, headers = { { "X-One", "1; a=b" }, { "x-two", "é" }, { "content-type", "text/plain" } },
        }
        assert.equal("PATCH", seen.method)
        assert.equal("/echo/v1/x?q=%C3%A9", seen.target)
        assert.equal("1; a=b", seen.headers["x-one"])
        assert.equal("é", seen.headers["x-two"])
        assert.equal("text/plain", seen.headers["content-type"])
        assert.equal(tostring(#body), seen.headers["content-length"])
        assert.is_nil(seen.headers["expect"])
        assert.equal(body, seen.body)
      end)

      case("sends the path as it stands", function()
        local path = "/a/../b/./c//d/%2E%2e/.."
        assert.equal("/echo" .. path, helper.decode(table.concat((read_all(send(helper.fault "echo" .. path))))).target)
      end)

      case("says nothing that it was not told to say", function()
        local seen = echo {}
        local names = {}
        for name in pairs(seen.headers) do names[#names + 1] = name end
        table.sort(names)
        assert.same({ "accept", "accept-encoding", "host" }, names)
      end)

      case("knows every method, with an empty body where one belongs to it", function()
        for _, method in ipairs { "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS" } do
          local seen = echo { method = method }
          assert.equal(method, seen.method)
          assert.equal("", seen.body)
        end
        local exchange = send(helper.fault "ok" .. "/health", { method = "HEAD" })
        assert.equal(200, (exchange:head()))
        assert.same({}, (read_all(exchange)))
      end)

      case("asks for HTTP/1.1 as it is where the answer is streamed", function()
        assert.equal("identity", echo { stream = true }.headers["accept-encoding"])
      end)

      case("asks for compression where the answer is not streamed", function()
        assert.truthy(echo {}.headers["accept-encoding"]:find("gzip", 1, true))
      end, "compression")

      case("sends a body that is read piece by piece, of a length that is known", function()
        local pieces = { "one ", "", ("two "):rep(30000), "three" }
        local whole, at = table.concat(pieces), 0
        local seen = echo { method = "POST", body = { length = #whole, read = function() at = at + 1 return pieces[at] end } }
        assert.equal(whole, seen.body)
        assert.equal(tostring(#whole), seen.headers["content-length"])
        assert.is_nil(seen.headers["transfer-encoding"])
      end)

      case("sends a body of unknown length in chunks", function()
        local pieces, at = { "one ", ("two "):rep(30000), "three" }, 0
        local seen = echo { method = "POST", body = { read = function() at = at + 1 return pieces[at] end } }
        assert.equal(table.concat(pieces), seen.body)
        assert.equal("chunked", seen.headers["transfer-encoding"])
        assert.is_nil(seen.headers["content-length"])
      end)

      case("goes through a Unix socket", function()
        local address = helper.fault "echo" -- starts it
        local exchange = send("http://anywhere.example/echo/x", { unix_socket = helper.unix() })
        assert.equal("anywhere.example", helper.decode(table.concat((read_all(exchange)))).headers.host)
        assert.truthy(address)
      end)
    end)

    describe("with a body that cannot be read", function()
      local function upload(body)
        local id = helper.id()
        local err = failure_of(send(helper.fault "echo" .. "/" .. id, { method = "POST", body = body }))
        assert.same({}, helper.requests(id))
        return err
      end

      case("gives the reader's message", function()
        local err = upload { length = 10, read = function() return nil, "the disk is broken" end }
        assert.equal("file", err.kind)
        assert.truthy(err.message:find("the disk is broken", 1, true))
      end)

      case("gives what the reader raised", function()
        assert.truthy(upload { read = function() error "the disk is gone" end }.message:find("the disk is gone", 1, true))
      end)

      case("gives the reader's own error as it is", function()
        local own = errors.new { kind = "file", message = "mine" }
        assert.equal(own, upload { read = function() return nil, own end })
        assert.equal(own, upload { read = function() error(own) end })
      end)

      case("refuses pieces that are no strings, and a length that is not kept", function()
        assert.truthy(upload { read = function() return 7 end }.message:find("returned a number", 1, true))
        local given = false
        local short = upload { length = 10, read = function() given = not given return given and "short" or nil end }
        assert.truthy(short.message:find("before its declared length", 1, true))
        local long = upload { length = 10, read = function() return "longer than that" end }
        assert.truthy(long.message:find("longer than its declared length", 1, true))
      end)
    end)

    describe("with headers that could break out of their line", function()
      case("raises before anything is sent", function()
        local id = helper.id()
        for _, pair in ipairs { { "a", "b\r\nc: d" }, { "a", "b\nc" }, { "a", "b\0c" }, { "a\r\nb", "c" }, { "a:b", "c" }, { "", "c" } } do
          assert.has_error(function() send(helper.fault "echo" .. "/" .. id, { headers = { pair } }) end)
        end
        assert.same({}, helper.requests(id))
      end)

      case("refuses addresses and methods that could", function()
        local url = helper.fault "echo"
        for _, fields in ipairs { { url = url .. "/a b" }, { url = url .. "/a\r\nx: y" }, { method = "GET /x" } } do
          assert.equal("invalid", failure_of(send(url, fields)).kind)
        end
        assert.has_error(function() send(url .. "/a\0b") end)
      end)
    end)

    case("joins headers that come twice, and lists cookies", function()
      local url = helper.raw(helper.http(200, { { "X-A", "1" }, { "Set-Cookie", "a=1, b" }, { "x-a", "2" }, { "set-cookie", "c=2" } }, "."))
      local _, headers = send(url):head()
      assert.equal("1, 2", headers["x-a"])
      assert.same({ "a=1, b", "c=2" }, headers["set-cookie"])
    end)

    case("takes the last head where interim ones come before it", function()
      local exchange = send(helper.raw("HTTP/1.1 100 Continue\r\nx-a: no\r\n\r\n" .. helper.http(201, { { "x-b", "yes" } }, "body")))
      local status, headers = exchange:head()
      assert.equal(201, status)
      assert.is_nil(headers["x-a"])
      assert.equal("yes", headers["x-b"])
      assert.equal("body", table.concat((read_all(exchange))))
    end)

    case("tells how far up and down it is", function()
      local seen = { up = {}, down = {} }
      local body = ("x"):rep(300000)
      local function on_progress(direction, done, total) table.insert(seen[direction], { done, total }) end
      local exchange = send(helper.fault "echo", { method = "POST", body = body, on_progress = on_progress })
      local answer = table.concat((read_all(exchange)))
      assert.same({ #body, #body }, seen.up[#seen.up])
      assert.same({ #answer, #answer }, seen.down[#seen.down])
      for _, list in pairs(seen) do
        for i = 2, #list do assert.is_true(list[i][1] > list[i - 1][1]) end
      end
    end)

    case("undoes compression, and bounds what comes out of it", function()
      local plain = '"text":"' -- a good answer is whole JSON
      local exchange = send(helper.fault "gzip" .. CHAT, { method = "POST", body = "{}" })
      local _, headers = exchange:head()
      assert.equal("gzip", headers["content-encoding"])
      assert.truthy(helper.decode(table.concat((read_all(exchange)))).choices, plain)

      local before = helper.memory()
      local err = failure_of(send(helper.fault "gzip_bomb:64" .. CHAT, { max_body = 1024 * 1024 }))
      assert.equal("limit", err.kind)
      assert.equal("body", err.code)
      if before then assert.is_true(helper.memory() - before < 32 * 1024 * 1024) end
    end, "compression")

    case("bounds a whole body that is not compressed", function()
      local url = helper.raw(helper.http(200, {}, ("x"):rep(5000)))
      assert.equal("limit", failure_of(send(url, { max_body = 4999 })).kind)
      assert.equal(5000, #table.concat((read_all(send(url, { max_body = 5000 })))))
    end)

    describe("on a redirect", function()
      case("stays where it is, and gives its head", function()
        local id = helper.id()
        local exchange = send(helper.fault "redirect:307" .. "/" .. id, { headers = { { "authorization", "Bearer " .. helper.KEY } } })
        local status, headers = exchange:head()
        assert.equal(307, status)
        assert.equal(helper.fault "ok" .. "/" .. id, headers.location)
        read_all(exchange)
        assert.equal(1, #helper.requests(id))
      end)

      case("does not carry credentials to another host", function()
        local other = assert(socket.bind("127.0.0.1", 0))
        local _, port = other:getsockname()
        for _, code in ipairs { 301, 302, 303, 307, 308 } do
          local exchange = send(helper.fault(("redirect_other:%d:%d"):format(code, port)) .. "/x")
          assert.equal(code, (exchange:head()))
          read_all(exchange)
        end
        other:settimeout(0)
        assert.is_nil((other:accept()))
        other:close()
      end)
    end)

    describe("through a proxy", function()
      case("asks the proxy for the whole address, and gives it its password alone", function()
        local proxy = helper.fault():gsub("//", "//user:pass-WORD@")
        local exchange = send("http://far.example/" .. helper.id(), { proxy = proxy, headers = { { "authorization", "Bearer k" } } })
        assert.equal(404, (exchange:head())) -- the fault server knows no such scenario, and says so
        local seen = helper.stats().last_request
        assert.truthy(seen.target:find("^http://far%.example/id"))
        assert.truthy(seen.headers["proxy-authorization"]:find "^Basic ")
      end)

      case("goes straight to the hosts of no_proxy", function()
        local port = helper.free_port()
        local exchange = send(helper.fault "ok" .. "/health", { proxy = "http://127.0.0.1:" .. port, no_proxy = "127.0.0.1" })
        assert.equal(200, (exchange:head()))
      end)

      case("says so when the proxy is not there, without its password", function()
        local proxy = ("http://user:pass-WORD@127.0.0.1:%d"):format(helper.free_port())
        for _, url in ipairs { "http://far.example/", "https://far.example/" } do
          local err = failure_of(send(url, { proxy = proxy }))
          assert.equal("network", err.kind)
          assert.is_false(err.sent)
          assert.truthy(err.message:find("proxy", 1, true), err.message)
          assert.is_false(helper.mentions(err, "pass-WORD"))
        end
      end)

      case("says so when the proxy refuses the tunnel", function()
        local err = failure_of(send("https://far.example/", { proxy = helper.fault():gsub("//", "//user:pass-WORD@") }))
        assert.equal("network", err.kind)
        assert.equal("proxy", err.code)
        assert.is_false(err.retryable)
        assert.is_false(helper.mentions(err, "pass-WORD"))
      end)
    end)

    describe("with a limit of time", function()
      -- A listener whose queue is full: the system leaves the next connect unanswered. nil where it does not.
      local function deaf_listener()
        local listener = assert(socket.bind("127.0.0.1", 0, 0))
        local _, port = listener:getsockname()
        local waiting = { listener }
        for _ = 1, 64 do
          local client = socket.tcp()
          client:settimeout(0)
          client:connect("127.0.0.1", port)
          waiting[#waiting + 1] = client
          local _, writable = socket.select(nil, { client }, 0.2)
          if not writable[1] then return port, waiting end
        end
      end

      local function timeout_of(err, phase)
        assert.equal("timeout", err.kind)
        assert.equal(phase, err.phase)
        assert.truthy(err.message:find("timeouts." .. phase, 1, true))
      end

      case("gives up a connect", function()
        local port, waiting = deaf_listener()
        if not port then return pending "this system answers every connect" end
        local err = failure_of(send(("http://127.0.0.1:%d/"):format(port), { timeouts = { connect = 0.2 } }))
        timeout_of(err, "connect")
        assert.is_false(err.sent)
        assert.is_true(err.retryable)
        for _, each in ipairs(waiting) do each:close() end
      end)

      case("gives up an answer that does not begin", function()
        local err = failure_of(chat("stall_head", { timeouts = { first_byte = 0.2 } }))
        timeout_of(err, "first_byte")
        assert.is_true(err.sent)
        assert.is_false(err.retryable)
      end)

      case("gives up an answer that falls silent", function()
        timeout_of(failure_of(chat("stall_after_head", { timeouts = { idle = 0.2 } })), "idle")
        local err, body = failure_of(chat("stall_mid_stream:3", { timeouts = { idle = 0.2 } }))
        timeout_of(err, "idle")
        assert.truthy(body:find("Bonjour", 1, true))
      end)

      case("gives up an exchange that lasts, although it is alive", function()
        timeout_of(failure_of(chat("slow:100", { timeouts = { total = 0.3, idle = 20 } })), "total")
      end)

      case("lets live what is slow: a stream longer than idle, and a caller who takes his time", function()
        local reads, err = read_all(chat("slow:150", { timeouts = { idle = 1.5 } }))
        assert.is_nil(err)
        assert.truthy(table.concat(reads):find("[DONE]", 1, true))

        local exchange = chat("firehose:8", { timeouts = { first_byte = 0.2, idle = 0.2 } })
        assert(exchange:read())
        socket.sleep(0.6)
        reads, err = read_all(exchange)
        assert.is_nil(err)
        assert.is_true(#table.concat(reads) > 7 * 1024 * 1024)
      end)

      case("does not count the time that the caller's own body takes", function()
        local given = 0
        local function read()
          given = given + 1
          socket.sleep(0.3)
          return given < 3 and "piece" or nil
        end
        local exchange = send(helper.fault "echo", { method = "POST", body = { read = read }, timeouts = { first_byte = 0.2 } })
        assert.equal(200, (exchange:head()))
      end)
    end)

    describe("when the connection breaks", function()
      local function network(err, sent)
        assert.equal("network", err.kind)
        assert.equal(sent, err.sent)
      end

      case("knows that a refused connection has sent nothing", function()
        local err = failure_of(send(("http://127.0.0.1:%d/"):format(helper.free_port())))
        network(err, false)
        assert.is_true(err.retryable)
      end)

      case("reports a name that does not exist", function()
        local err = failure_of(send "http://nowhere.invalid/")
        network(err, false)
        assert.equal("resolve", err.code)
      end)

      case("reports a reset before the head, after the head and in mid-body, after the bytes that came", function()
        network(failure_of(chat "reset_before_head"), true)
        local exchange = chat "reset_after_head"
        assert.equal(200, (exchange:head()))
        network(failure_of(exchange), true)
        local err, body = failure_of(chat "reset_mid_stream:3")
        network(err, true)
        assert.is_true(err.retryable)
        assert.truthy(body:find("Bonjour", 1, true))
      end)

      case("reports a body that ends inside a chunk", function()
        local err, body = failure_of(chat "cut_in_chunk")
        network(err, true)
        assert.truthy(body:find("Bonjour", 1, true))
      end)

      case("reports a chunk size that is no number, which another try does not change", function()
        local err, body = failure_of(chat "bad_chunk")
        network(err, true)
        assert.equal("malformed", err.code)
        assert.is_false(err.retryable)
        assert.truthy(body:find("Bonjour", 1, true))
      end)

      case("reports a body shorter than its length, and takes no more than the length", function()
        local err, body = failure_of(chat "wrong_length_long")
        network(err, true)
        assert.truthy(body:find("[DONE]", 1, true))
        local reads, problem = read_all(chat "wrong_length_short")
        assert.is_nil(problem)
        assert.is_nil(table.concat(reads):find("[DONE]", 1, true))
      end)

      case("refuses what is not HTTP", function()
        for _, bytes in ipairs { "", "SSH-2.0-OpenSSH_9.2\r\n", "<html>hello</html>", "HTTP/1.1 2" } do
          assert.equal("network", failure_of(send(helper.raw(bytes))).kind)
        end
      end)
    end)

    describe("with a large head", function()
      case("takes it up to a bound", function()
        local _, headers = chat "giant_header:65536":head()
        assert.equal(65536, #headers["x-giant"])
        _, headers = chat "many_headers:1000":head()
        assert.equal("value 1000", headers["x-many-1000"])
      end)

      case("refuses it above, and keeps its memory", function()
        local before = helper.memory()
        assert.equal("limit", failure_of(chat "giant_header:4194304").kind)
        assert.equal("limit", failure_of(chat "many_headers:50000").kind)
        local began = os.clock()
        local _, headers = chat "many_headers:45000:a":head()
        assert.equal((", "):rep(44999), headers.a)
        assert.is_true(os.clock() - began < 0.3) -- of the processor, which a copy for each line would have for longer
        if before then assert.is_true(helper.memory() - before < 32 * 1024 * 1024) end
      end)
    end)

    case("carries many exchanges at once, each with its own answer", function()
      local all = {}
      for i = 1, 20 do all[i] = send(helper.fault "echo" .. "/number/" .. i) end
      for i = 20, 1, -1 do
        assert.equal("/echo/number/" .. i, helper.decode(table.concat((read_all(all[i])))).path)
      end
    end)

    case("ends open exchanges well when it is closed before them", function()
      local exchange = chat "ok"
      transport:close()
      local reads, err = read_all(exchange)
      assert.is_nil(err)
      assert.truthy(table.concat(reads):find("[DONE]", 1, true))
      local none, refused = transport:open(request(helper.fault "ok"))
      assert.is_nil(none)
      assert.equal("closed", refused.kind)
    end)
  end)
end
