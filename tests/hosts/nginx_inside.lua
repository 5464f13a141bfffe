-- What is nginx's own, as a program inside it sees it: run by spec/hosts/nginx_spec.lua through tests/hosts/runner.lua.
local errors = require "opengatellm.errors"
local helper = require "spec.helper"
local host = require "opengatellm.host"
local nginx = require "opengatellm.host.nginx"
local ogl = require "opengatellm"
local resty = require "opengatellm.transport.resty"

local POST = { method = "POST", body = "{}" }
local STREAM = { method = "POST", body = '{"stream":true}', stream = true }

-- Runs a function as a job of the host.
local function spawn(fn) return nginx.spawn { run = fn, ended = function() end } end

local function read_all(exchange)
  local pieces = {}
  while true do
    local bytes, err = exchange:read()
    if not bytes then return table.concat(pieces), err end
    pieces[#pieces + 1] = bytes
  end
end

local function request(url, fields)
  local all = { method = "GET", url = url, headers = {}, proxy = "", timeouts = { connect = 20, first_byte = 20, idle = 20 } }
  for name, value in pairs(fields or {}) do all[name] = value end
  return all
end

-- A server of its own, so that its counts are ours: the address of a scenario there.
local function own_server()
  local port = helper.free_port()
  local name = helper.fault_at(port)
  finally(function() helper.stop(name) end)
  return "http://127.0.0.1:" .. port
end

describe("the host of a call", function()
  it("is nginx, and the transport that of cosockets", function()
    assert.equal(nginx, host.current())
    local own = { name = "mine" }
    assert.equal(own, host.current(own))
    assert.equal(resty.new().__index, require "opengatellm.transport".default().__index)
  end)
end)

describe("a kept connection", function()
  local transport = resty.new()

  local function accepted(server) return helper.ask("/stats", server).accepted end

  it("serves the next exchange", function()
    local server = own_server()
    local before = accepted(server)
    for _ = 1, 5 do read_all(assert(transport:open(request(server .. "/keepalive/v1/chat/completions", POST)))) end
    assert.equal(1, accepted(server) - before) -- questions about connections are not counted
  end)

  it("serves it after a stream that was drained, and not after one that was left", function()
    local server = own_server()
    local client = ogl.client { base_url = server .. "/ok", model = "m", api_key = "k" }
    local before = accepted(server)
    for _ = 1, 5 do assert(assert(client:stream "x"):reply()) end
    assert.equal(1, accepted(server) - before)
    local exchange = assert(transport:open(request(server .. "/firehose:8/v1/chat/completions", POST)))
    assert(exchange:read())
    exchange:close()
    assert(client:chat "x")
    assert.is_true(helper.eventually(function() return helper.ask("/stats", server).open == 1 end)) -- the kept one
  end)

  it("is not kept where bytes of no answer followed, or the server said close", function()
    for _, bytes in ipairs {
      helper.http(200, {}, "hi") .. "HTTP/1.1 200 Smuggled\r\ncontent-length: 0\r\n\r\n",
      helper.http(200, { { "connection", "close" } }, "hi"),
    } do
      local url = helper.raw(bytes)
      for _ = 1, 3 do
        local body, err = read_all(assert(transport:open(request(url))))
        assert.is_nil(err)
        assert.equal("hi", body)
      end
    end
  end)

  it("that the server closed is replaced without a word", function()
    local server = own_server()
    local port = server:match "(%d+)$"
    for round = 1, 2 do
      local exchange = assert(transport:open(request(server .. "/ok/health")))
      assert.equal(200, (exchange:head()), "round " .. round)
      read_all(exchange)
      if round == 1 then
        helper.stop("fault" .. port)
        helper.fault_at(port)
      end
    end
  end)
end)

describe("an upload that is refused before its end", function()
  it("gives the answer", function()
    local body = ("x"):rep(8 * 1024 * 1024)
    local exchange = assert(resty.new():open(request(helper.fault "early_413" .. "/v1/x", { method = "POST", body = body })))
    assert.equal(413, (exchange:head()))
  end)
end)

describe("a compressed answer", function()
  it("is an error that says so", function()
    local exchange = assert(resty.new():open(request(helper.fault "gzip_bomb:1" .. "/x")))
    local status, err = exchange:head()
    assert.is_nil(status)
    assert.equal("unsupported", err.kind)
    assert.equal("encoding", err.code)
  end)
end)

describe("a raw connection", function()
  local transport = resty.new()

  -- Says a request by hand, and reads until the connection ends.
  local function talk(fields)
    local connection, err = transport:connect(fields)
    if not connection then return nil, err end
    assert(connection:send "GET /ok/health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    local pieces = {}
    while true do
      local bytes
      bytes, err = connection:read()
      if not bytes then break end
      pieces[#pieces + 1] = bytes
    end
    connection:close()
    connection:close()
    return table.concat(pieces), err
  end

  it("carries bytes as they are: TCP, a Unix socket, TLS", function()
    local secure = helper.tls {}:gsub("127%.0%.0%.1", "localhost")
    for _, fields in ipairs {
      request(helper.fault()), request((helper.fault():gsub("^http", "ws"))), request("http://x.example", { unix_socket = helper.unix() }),
      request(secure, { tls = { verify = false } }), request((secure:gsub("^https", "wss")), { tls = { verify = false } }),
    } do
      local text, err = talk(fields)
      assert.is_nil(err)
      assert.truthy(text:find("^HTTP/1%.1 200"), text)
    end
  end)

  it("fails as an exchange does", function()
    local none, err = talk(request(("http://127.0.0.1:%d"):format(helper.free_port())))
    assert.is_nil(none)
    assert.equal("connect", err.code)
    none, err = talk(request("http://far.example/", { proxy = helper.fault() }))
    assert.is_nil(none)
    assert.equal("proxy", err.code)
  end)

  it("gives up where nothing comes", function()
    local connection = assert(transport:connect(request(helper.fault(), { timeouts = { idle = 0.1 } })))
    local none, err = connection:read()
    assert.is_nil(none)
    assert.equal("idle", err.phase)
    connection:close()
    none, err = connection:read()
    assert.is_nil(none)
    assert.is_nil(err and err.kind ~= "closed" or nil)
  end)
end)

describe("the host of nginx", function()
  it("has a clock that goes on, and sleeps", function()
    local before = nginx.now()
    nginx.sleep(0.05)
    assert.is_true(nginx.now() - before >= 0.045)
    nginx.sleep(0)
  end)

  it("runs a function in a thread of its own, and wakes it", function()
    local seen, woken = {}, false
    local co = spawn(function()
      seen[#seen + 1] = "in"
      while not woken do nginx.park() end
      seen[#seen + 1] = "out"
    end)
    assert.equal("thread", type(co))
    assert.same({ "in" }, seen)
    nginx.wake(co)
    nginx.wake(coroutine.running()) -- of one that is not parked: nothing
    nginx.sleep(0.01)
    assert.same({ "in" }, seen) -- it looked again
    woken = true
    nginx.wake(co)
    nginx.wake(co)
    nginx.sleep(0.01)
    assert.same({ "in", "out" }, seen)
  end)

  it("ends a sleep early", function()
    local before, me = nginx.now(), coroutine.running()
    spawn(function()
      nginx.sleep(0.01)
      nginx.wake(me)
    end)
    nginx.sleep(20)
    assert.is_true(nginx.now() - before < 10)
  end)

  -- A thread that waits for an answer that does not come; the server counts its connection.
  local function waits(server)
    return spawn(function()
      local exchange = assert(resty.new():open(request(server .. "/stall_head/v1/chat/completions", POST)))
      exchange:head()
      error "it ended by itself"
    end)
  end

  local function open(server) return helper.ask("/stats", server).open end

  it("kills a thread that waits for a cosocket, and the server sees the connection end", function()
    local server = own_server()
    local co = waits(server)
    assert.is_true(helper.eventually(function() return open(server) == 1 end))
    assert.is_true(nginx.kill(co))
    assert.is_true(helper.eventually(function() return open(server) == 0 end))
    assert.is_false(nginx.kill(co))
  end)

  it("kills it whoever asks: a sibling, or a thread inside another", function()
    local server = own_server()
    local first, killed = nil, {}
    spawn(function() first = waits(server) end)
    assert.is_true(helper.eventually(function() return open(server) == 1 end))
    spawn(function() killed[1] = nginx.kill(first) end)
    nginx.sleep(0.01)
    assert.same({ true }, killed)
    assert.is_true(helper.eventually(function() return open(server) == 0 end))
  end)

  it("kills nothing that it did not make", function()
    assert.is_false(nginx.kill(coroutine.running()))
    assert.is_false(nginx.kill(coroutine.create(function() end)))
  end)

  it("goes on where a function raised", function()
    spawn(function() error "on purpose" end)
    local ran = false
    spawn(function() ran = true end)
    assert.is_true(ran)
  end)
end)

describe("many calls at once", function()
  it("run side by side in threads", function()
    local client = ogl.client { base_url = helper.fault "slow:150", model = "m", api_key = "k" }
    local texts, ended, before = {}, 0, nginx.now()
    for i = 1, 20 do
      spawn(function()
        local stream, err = client:stream "x"
        local reply
        if stream then reply, err = stream:reply() end
        texts[i], ended = reply and reply.text or tostring(err), ended + 1
      end)
    end
    while ended < 20 do nginx.sleep(0.01) end
    for i = 1, 20 do assert.equal(helper.TEXT, texts[i]) end
    assert.is_true(nginx.now() - before < 30) -- one after another is 20 times 14 frames of 150 ms, 42 s
  end)
end)

describe("an exchange that another thread closes", function()
  it("ends where it waits at the next byte, and its connection with it", function()
    local server, found = own_server(), nil
    local exchange = assert(resty.new():open(request(server .. "/slow:50/v1/chat/completions", STREAM)))
    spawn(function()
      local _, err = read_all(exchange)
      found = err
    end)
    exchange:close()
    while not found do nginx.sleep(0.01) end
    assert.equal("closed", found.kind)
    assert.is_true(helper.eventually(function() return helper.ask("/stats", server).open == 0 end))
  end)
end)

describe("an error", function()
  it("is the library's own", function()
    local _, err = resty.new():open(request "http://nowhere.invalid/")
    assert.is_true(errors.is(err))
  end)
end)

describe("middleware inside nginx", function()
  local replay = require "opengatellm.transport.replay"

  local function client()
    local body = 'data: {"model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":"stop"}],'
      .. '"usage":{"prompt_tokens":3,"completion_tokens":2}}\n\ndata: [DONE]\n\n'
    return ogl.client {
      provider = "openai_compatible", base_url = "http://server", model = "m", retries = { max = 0 },
      transport = replay.new { headers = { ["content-type"] = "text/event-stream" }, body = body },
    }
  end

  it("sends what otel has in a timer, so that no request waits for the collector", function()
    local collector = replay.new { headers = { ["content-type"] = "application/json" }, body = "{}" }
    local otel = ogl.middleware.otel { transport = collector, batch = 2 }
    local traced = client():use(otel)
    for _ = 1, 2 do assert(traced:chat "hi") end
    assert.equal(0, #collector.requests)
    ogl.sleep(0.05)
    assert.equal(2, #collector.requests)
    assert(traced:chat "hi")
    assert(otel:flush())
    assert.equal(4, #collector.requests)
  end)

  it("counts for all workers in a shared dict", function()
    local options = { shared = "seen", prefix = "spec_" }
    assert(client():use(ogl.middleware.prometheus(options)):chat "hi")
    assert(client():use(ogl.middleware.prometheus(options)):chat "hi") -- as another worker would
    local text = ogl.middleware.prometheus(options):text()
    assert.truthy(text:find('usage_input_tokens_total{operation="chat",provider="openai_compatible",model="m"} 6\n', 1, true), text)
  end)

  it("has calls of several light threads wait in the limiter's queue, and leave it when they are killed", function()
    local limiter = ogl.middleware.limiter { requests = 1, max_wait = 100 }
    local limited = client():use(limiter)
    assert(limited:chat "hi")
    local waiting = {}
    for i = 1, 3 do waiting[i] = ogl.spawn(function() return limited:chat "hi" end) end
    ogl.sleep(0.02)
    assert.equal(3, limiter.state().waiting)
    for _, task in ipairs(waiting) do task:cancel() end
    ogl.sleep(0.02)
    assert.same({ 0, 0 }, { limiter.state().waiting, limiter.state().running })
  end)
end)
