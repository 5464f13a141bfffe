-- The gateway inside a real nginx, in front of the servers of the specs: what goes over the wire, and callers that go.
local gateway = require "spec.support.nginx_gateway"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local nginx = require "spec.support.nginx"

local absent = nginx.absent()
if absent then
  if not os.getenv "OGL_LUA" or os.getenv "OGL_LUA" == "luajit" then pending("the gateway in nginx: " .. absent) end
  return
end

local ask, chat, open, read_body, read_head, send =
  gateway.ask, gateway.chat, gateway.open, gateway.read_body, gateway.read_head, gateway.send

local folder

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

setup(function() folder = select(2, gateway.start()) end)

teardown(nginx.stop)

describe("the gateway in nginx", function()
  for _, model in ipairs { "ok", "made/ok" } do
    it("answers on both faces, and says who answered: " .. model, function()
      local status, bytes, headers = ask("POST", "/v1/chat/completions", chat(model, false), { ["X-Request-Id"] = "r1" })
      assert.equal(200, status, bytes)
      assert.equal(helper.TEXT, json.decode(bytes).choices[1].message.content)
      assert.equal("r1", headers["x-request-id"])
      assert.equal("1", headers["x-gateway-attempts"])
      assert.truthy(headers["x-gateway-model"])
      assert.truthy(tonumber(headers["x-gateway-upstream-ms"]))
      status, bytes = ask("POST", "/api/chat", chat(model, false))
      assert.equal(200, status, bytes)
      assert.equal(helper.TEXT, json.decode(bytes).message.content)
    end)

    it("sends each piece as it comes: " .. model, function()
      local status, bytes, headers, pieces = ask("POST", "/v1/chat/completions", chat((model:gsub("ok", "slow:20")), true))
      assert.equal(200, status)
      assert.equal("no", headers["x-accel-buffering"])
      assert.truthy(bytes:find("[DONE]", 1, true))
      assert.is_true(pieces > 3, pieces)
    end)

    it("ends what broke off with an error, never as complete: " .. model, function()
      for _, scenario in ipairs { "close_mid_stream:3", "reset_mid_stream:3" } do
        local status, bytes = ask("POST", "/v1/chat/completions", chat((model:gsub("ok", scenario)), true))
        assert.equal(200, status)
        assert.truthy(bytes:find('data: {"error":', 1, true), bytes)
        assert.is_nil(bytes:find("[DONE]", 1, true))
        status, bytes = ask("POST", "/api/chat", chat((model:gsub("ok", scenario)), true))
        assert.equal(200, status)
        local last
        for line in bytes:gmatch "[^\n]+" do last = assert(json.decode(line)) end
        assert.equal("string", type(last.error), bytes)
      end
    end)

    it("takes the request back when its caller goes: " .. model, function()
      for _, path in ipairs { "/v1/chat/completions", "/api/chat" } do
        local caller = open()
        send(caller, "POST", path, json.encode(chat((model:gsub("ok", "stall_mid_stream:3")), true)))
        read_head(caller)
        assert(caller:receive "*l")
        local before = helper.stats().open
        caller:close()
        assert.is_true(helper.eventually(function() return helper.stats().open == before - 1 end))
      end
    end)

    it("takes the request back when its caller goes before any answer: " .. model, function()
      for _, streamed in ipairs { true, false } do
        local before, caller = helper.stats().open, open()
        send(caller, "POST", "/api/chat", json.encode(chat((model:gsub("ok", "stall_head")), streamed)))
        assert.is_true(helper.eventually(function() return helper.stats().open == before + 1 end))
        caller:close()
        assert.is_true(helper.eventually(function() return helper.stats().open == before end))
      end
    end)
  end

  it("lets a router's row and the metrics go when their caller goes, before any answer and amid one", function()
    local function active() return (select(2, ask("GET", "/active"))) end
    local function counted()
      local text = select(2, ask("GET", "/metrics"))
      local sum = 0
      for line in text:gmatch "[^\n]+" do
        if line:find("duration_seconds_count", 1, true) and line:find('error="closed"', 1, true) then sum = sum + tonumber(line:match "(%d+)$") end
      end
      return sum
    end
    for _, scenario in ipairs { "stall_head", "stall_mid_stream:3" } do
      for _, streamed in ipairs { true, false } do
        local before, caller = counted(), open()
        send(caller, "POST", "/api/chat", json.encode(chat("routed/" .. scenario, streamed)))
        assert.is_true(helper.eventually(function() return active() == "1" end))
        if streamed and scenario ~= "stall_head" then read_head(caller) end
        caller:close()
        assert.is_true(helper.eventually(function() return active() == "0" end), scenario)
        assert.is_true(helper.eventually(function() return counted() == before + 1 end), scenario)
      end
    end
  end)

  it("falls back, and all workers, also those after a reload, know from then on which server is down", function()
    local function attempts()
      local status, bytes, headers = ask("POST", "/api/chat", chat("virtual", false))
      assert.equal(200, status, bytes)
      return headers["x-gateway-attempts"], headers["x-gateway-fallback"]
    end
    assert.same({ "2", "up" }, { attempts() })
    assert.same({ "1", nil }, { attempts() })
    local worker = select(2, ask("GET", "/pid"))
    os.execute("kill -HUP " .. helper.read(folder .. "/nginx.pid"))
    local function is_gone() return output_of("kill -0 " .. worker .. " 2>&1") ~= "" end -- it closes the connections that it has taken
    assert.is_true(helper.eventually(function() return is_gone() and select(2, ask("GET", "/pid")) ~= worker end))
    assert.same({ "1", nil }, { attempts() })
  end)

  it("passes the status of an error on", function()
    assert.equal(503, (ask("POST", "/v1/chat/completions", chat("status:503", true))))
    local status, bytes = ask("POST", "/api/chat", chat("made/status:503", true))
    assert.equal(503, status)
    assert.equal("string", type(json.decode(bytes).error))
  end)

  it("refuses bodies that are too long or encoded, too many headers, and unknown hosts", function()
    local status, bytes = ask("POST", "/v1/chat/completions", ("x"):rep(100001))
    assert.equal(413, status)
    assert.equal("invalid_request_error", json.decode(bytes).error.type)
    local long = chat("ok", false)
    long.messages[1].content = ("x"):rep(50000) -- which nginx puts into a file
    assert.equal(200, (ask("POST", "/v1/chat/completions", long)))
    assert.equal(415, (ask("POST", "/api/chat", "{}", { ["Content-Encoding"] = "br" })))
    local packed = output_of("gzip -nc " .. helper.write(json.encode(chat("ok", false))))
    assert.equal(200, (ask("POST", "/api/chat", packed, { ["Content-Encoding"] = "gzip" })))
    packed = output_of("head -c 1000000 /dev/zero | gzip -nc")
    assert.equal(413, (ask("POST", "/api/chat", packed, { ["Content-Encoding"] = "gzip" })))
    local many = {}
    for i = 1, 120 do many["x-" .. i] = "1" end
    assert.equal(431, (ask("GET", "/api/version", nil, many)))
    local caller = open()
    assert(caller:send "GET /api/version HTTP/1.1\r\nHost: evil.example\r\n\r\n")
    assert.equal(403, (read_head(caller)))
    caller:close()
  end)

  it("has what nginx itself refuses told in the words of the face, and asks no server", function()
    local long = ("x"):rep(9000)
    local cases = {
      { 413, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n\r\n" },
      { 413, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n200000\r\nxxxx" },
      { 400, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1, 2\r\n\r\n" },
      { 400, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n" },
      { 400, "GET /v1/models HTTP/1.1\r\n\r\n" }, { 400, "GET /v1/models HTTP/1.1\r\nHost: a/b\r\n\r\n" },
      { 400, "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nX: " .. long .. "\r\n\r\n" },
      { 414, "GET /v1/" .. long .. " HTTP/1.1\r\nHost: localhost\r\n\r\n" }, { 400, "nonsense\r\n\r\n" },
      { 405, "TRACE /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n" },
      { 501, "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: gzip\r\n\r\n" },
    }
    local before = helper.stats().requests
    for _, case in ipairs(cases) do
      local caller = open()
      assert(caller:send(case[2]))
      local status, headers = read_head(caller)
      local bytes = read_body(caller, headers)
      assert.equal(case[1], status, case[2]:sub(1, 200))
      assert.equal("application/json", headers["content-type"], bytes)
      local err = assert(json.decode(bytes), bytes).error
      assert.equal("string", type(type(err) == "table" and err.message or err), bytes)
      assert.truthy(headers["x-request-id"])
      caller:close()
    end
    assert.equal(before, helper.stats().requests)
  end)

  it("sends the layers of models on as files, above the limit of other bodies", function()
    for _, size in ipairs { 3000000, 5 } do
      local status, bytes = ask("POST", "/api/blobs/sha256:00", ("x"):rep(size))
      assert.equal(200, status, bytes)
      local told = json.decode(bytes)
      assert.equal(size, told.size)
      assert.equal("application/octet-stream", told.headers["content-type"])
    end
  end)

  it("answers callers of HTTP/1.0, as a stock nginx in front of it is one", function()
    local caller = open()
    send(caller, "POST", "/v1/chat/completions", json.encode(chat("made/ok", true)), nil, "1.0")
    assert.equal(200, (read_head(caller)))
    assert.truthy(assert(caller:receive "*a"):find("[DONE]", 1, true))
    caller:close()
  end)

  it("answers HEAD without a body, and keeps the connection", function()
    local caller = open()
    for _ = 1, 2 do
      send(caller, "HEAD", "/api/version")
      assert.equal(200, (read_head(caller)))
    end
    caller:close()
  end)

  it("counts in memory that the workers share, and writes who answered into the log", function()
    local status, bytes = ask("GET", "/metrics")
    assert.equal(200, status)
    assert.truthy(bytes:find 'model="ok"', bytes)
    assert.equal(200, (ask("GET", "/health")))
    assert.truthy(helper.read(folder .. "/access.log"):find "200 %S+ ok 1\n")
  end)

  it("keeps its memory over 2,000 requests", function()
    local function load(n)
      local caller
      for i = 1, n do
        if i % 500 == 1 then caller = open() end
        send(caller, "POST", "/v1/chat/completions", json.encode(chat(i % 2 == 0 and "ok" or "made/ok", i % 3 == 0)))
        local _, headers = read_head(caller)
        read_body(caller, headers)
      end
    end
    load(500)
    local before = tonumber((select(2, ask("GET", "/worker"))))
    load(2000)
    local after = tonumber((select(2, ask("GET", "/worker"))))
    assert.is_true(after - before < 256, ("KiB: %d, then %d"):format(before, after))
  end)
end)

describe("examples/gateway", function()
  it("runs as it stands, but for its port, its folder and its server", function()
    local text = helper.read "examples/gateway/nginx.conf"
    local function change(from, to)
      local at, to_end = text:find(from, 1, true)
      assert(at, from)
      text = text:sub(1, at - 1) .. to .. text:sub(to_end + 1)
    end
    change("listen 127.0.0.1:11434", "listen 127.0.0.1:@PORT@")
    change("env OGL_URL;", "env OGL_URL=" .. helper.ogl() .. ";")
    change("env OGL_TOKEN;", "env OGL_TOKEN=sk-demo;")
    change("pid nginx.pid;", "pid nginx.pid; user root;") -- which may read this folder
    change('load "gateway.lua"', 'load "@ROOT@/examples/gateway/gateway.lua"')
    change("access_log /dev/stdout gateway;", "access_log access.log gateway;")
    text = text:gsub("%$prefix/%.%./%.%.", "@ROOT@")
    local where = nginx.start(helper.write(text))
    local status, bytes = ask("POST", "/api/chat", chat("fast", false), nil, where)
    assert.equal(200, status, bytes)
    assert.equal("fast", json.decode(bytes).model)
    assert.is_true(#json.decode(bytes).message.content > 0)
  end)
end)
