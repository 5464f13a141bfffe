-- Inside nginx: the contract of transports, what is nginx's own, every phase, and what a worker keeps of 10,000 requests.
local helper = require "spec.helper"
local mime = require "mime"
local nginx = require "spec.support.nginx"
local places = require "spec.support.inside"
local socket = require "socket"

local absent = nginx.absent()
if absent then
  if not os.getenv "OGL_LUA" or os.getenv "OGL_LUA" == "luajit" then pending("nginx: " .. absent) end
  return
end

teardown(nginx.stop)

local LONG = { timeouts = { first_byte = 300, idle = 300 } }

-- What nginx answers to a request for that path; a table is sent as JSON.
local function ask(path, body)
  local client = helper.client_of((nginx.address()), LONG)
  local value, err = client:request(body and "POST" or "GET", path, body)
  client:close()
  assert(value ~= nil, err)
  return value
end

-- A connection that has asked for a path and reads by itself.
local function browse(path, address)
  local host, port = (address or nginx.address()):match "//(.*):(%d+)"
  local browser = assert(socket.connect(host, port))
  browser:settimeout(30)
  assert(browser:send("GET " .. path .. " HTTP/1.1\r\nHost: x\r\n\r\n"))
  return browser
end

local function query(values)
  return require "opengatellm.base.url".query(values)
end

local function report(path)
  local rows = {}
  for _, row in ipairs(ask("/run" .. query { spec = path }).report) do rows[row.name] = row end
  return rows
end

local function inside(path) places.declare({ it = it, pending = pending }, path, "nginx", report) end

describe("inside nginx", function()
  inside "spec/transport/contract_spec.lua"
  inside "tests/hosts/nginx_inside.lua"
  inside "spec/task_spec.lua"
  inside "spec/conversation/source_spec.lua"
end)

describe("a phase of nginx", function()
  local function seen(phase) return ask("/seen" .. query { phase = phase }) end

  local function enter(phase)
    ask("/seen" .. query { base = helper.fault "ok" })
    ask("/phase/" .. phase .. query { base = helper.fault "ok" })
  end

  for _, phase in ipairs { "rewrite", "access", "content" } do
    it("that may wait answers: " .. phase, function()
      enter(phase)
      assert.equal(helper.TEXT, seen(phase).text)
    end)
  end

  it("that may wait answers: timer", function()
    enter "timer"
    assert.is_true(helper.eventually(function() return seen("timer").text == helper.TEXT end))
  end)

  it("that may wait answers: ssl_certificate", function()
    ask("/seen" .. query { base = helper.fault "ok" })
    local client = helper.client_of(("https://127.0.0.1:%d"):format(nginx.tls_port), { ca_file = helper.certificates() .. "/ca.pem" })
    assert(client:request("GET", "/worker"))
    assert.equal(helper.TEXT, seen("ssl_cert").text)
  end)

  for phase, instead in pairs {
    set = "rewrite_by_lua", balancer = "access_by_lua", header_filter = "ngx.timer.at", body_filter = "ngx.timer.at", log = "ngx.timer.at",
    init_worker = "ngx.timer.at", init = "init_worker_by_lua",
  } do
    it("that may not wait says so, and what to write: " .. phase, function()
      if not phase:find "^init" then enter(phase) end
      assert.is_true(helper.eventually(function() return seen(phase).err ~= nil end))
      local err = seen(phase).err
      assert.equal("unsupported", err.kind)
      assert.is_false(err.retryable)
      assert.truthy(err.message:find("phase " .. phase .. ":", 1, true), err.message)
      assert.truthy(err.message:find(instead, 1, true), err.message)
    end)
  end
end)

describe("TLS inside nginx", function()
  local function chat(certificate, options, location)
    local all = { base_url = helper.tls { certificate = certificate }:gsub("127%.0%.0%.1", "localhost") .. "/ok", api_key = "k", retries = { max = 0 } }
    for name, value in pairs(options or {}) do all[name] = value end
    return ask(location or "/call", all)
  end

  it("trusts the authorities of nginx.conf", function() assert.equal(helper.TEXT, chat().text) end)

  it("refuses a certificate that has expired, or is another host's", function()
    for _ = 1, 20 do -- nginx takes one of two ways, as the handshake has to wait or not
      for name, code in pairs { expired = "expired", wronghost = "hostname" } do
        local err = chat(name).err
        assert.equal("tls", err.kind, err.message)
        assert.equal(code, err.code, err.message)
        assert.is_false(err.retryable)
        assert.is_false(err.sent)
      end
    end
  end)

  it("says that nginx compares no addresses", function()
    local err = chat("server", { base_url = helper.tls {} .. "/ok" }).err
    assert.equal("hostname", err.code)
    assert.truthy(err.message:find("compares names, not addresses", 1, true))
  end)

  it("checks nothing with insecure_skip_verify, and never keeps such a connection for who checks", function()
    for _, name in ipairs { "server", "expired", "wronghost" } do
      assert.equal(helper.TEXT, chat(name, { insecure_skip_verify = true }).text)
    end
    assert.equal("expired", chat("expired").err.code)
    assert.equal("hostname", chat("wronghost").err.code)
  end)

  it("names the directive where ca_file is given", function()
    local err = chat("server", { ca_file = "/etc/my-ca.pem" }).err
    assert.equal("unsupported", err.kind)
    assert.truthy(err.message:find("lua_ssl_trusted_certificate /etc/my-ca.pem;", 1, true))
  end)

  it("shows the client's certificate, and reads no encrypted key", function()
    local path = helper.certificates()
    local function mutual(options)
      local all = { base_url = helper.tls { client_ca = true }:gsub("127%.0%.0%.1", "localhost") .. "/ok", api_key = "k", retries = { max = 0 } }
      for name, value in pairs(options) do all[name] = value end
      return ask("/call", all)
    end
    local pair = { cert_file = path .. "/client.pem", key_file = path .. "/client.key" }
    assert.equal(helper.TEXT, mutual({ client_cert = pair }).text)
    assert.is_nil(mutual({}).text)
    assert.equal("file", mutual({ client_cert = { cert_file = "/nowhere.pem" } }).err.kind)
    pair.key_password = "secret"
    local err = mutual({ client_cert = pair }).err
    assert.equal("unsupported", err.kind)
    assert.truthy(err.message:find("decrypt the key", 1, true))
  end)
end)

describe("identical calls in nginx", function()
  it("are one call for several requests, and outlive the request that began it", function()
    local id = helper.id()
    local path = "/coalesced" .. query { base = helper.fault("slow:30/" .. id) }
    local first, second = browse(path), browse(path)
    assert(first:receive "*l")
    repeat local line = assert(second:receive "*l") until line == "" or line == "\r" -- the head: both have joined
    first:close()
    local said = {}
    local line = second:receive "*l"
    while line and line ~= "0" do
      said[#said + 1] = line
      line = second:receive "*l"
    end
    second:close()
    assert.truthy(table.concat(said):find("Voil", 1, true))
    assert.equal(1, #helper.requests(id, nil, { block = true }))
  end)
end)

describe("examples/openresty", function()
  local function example(scenario) return nginx.example { OGL_URL = helper.fault(scenario) } end

  it("streams to a browser, and takes the request back when the browser goes", function()
    local browser = browse("/stream?question=Bonjour", example "stall_mid_stream:3")
    local texts = {}
    while #texts < 3 do
      local line = assert(browser:receive "*l")
      local text = line:match "^data: (.*)$"
      if text then texts[#texts + 1] = helper.decode(text).text end
    end
    assert.truthy(helper.TEXT:find(table.concat(texts), 1, true))
    local open = helper.stats().open
    browser:close()
    assert.is_true(helper.eventually(function() return helper.stats().open == open - 1 end))
  end)

  it("answers in JSON, and what is no question with 400", function()
    local client = helper.client_of(example "ok", { retries = { max = 0 } })
    assert.equal(helper.TEXT, client:request("POST", "/answer", { question = "Bonjour" }).answer)
    assert.equal(400, select(2, client:request("POST", "/answer", { other = 1 })).status)
  end)

  it("takes a body that nginx put into a file, and one that is empty", function()
    local client = helper.client_of(example "ok", { retries = { max = 0 } })
    assert.equal(helper.TEXT, client:request("POST", "/answer", { question = ("Bonjour "):rep(50000) }).answer)
    assert.equal(400, select(2, client:request("POST", "/answer", { other = ("x"):rep(100000) })).status)
    assert.equal(400, select(2, client:request("POST", "/answer", "")).status)
  end)
end)

describe("a worker of nginx", function()
  it("that was busy loses nothing of what lies in its sockets", function()
    -- a loop that looks at few sockets before it looks at the clock, as one with many sockets does
    local text, changed = helper.read("tests/hosts/nginx.conf"):gsub("worker_connections 1024;", "%0 epoll_events 4;")
    assert.equal(1, changed)
    local resolver = helper.serve "../hosts/dns.lua":gsub("^http://", "")
    local client = helper.client_of((nginx.start(helper.write(text), {
      RESOLVER = resolver, CERTIFICATES = helper.certificates(), TLS_PORT = tostring(helper.free_port()),
    })), LONG)
    assert.same({ lost = 0 }, (client:request("GET", "/busy")))
    client:close()
  end)

  it("loads no libcurl", function() assert.equal("", ask("/worker").curl) end)

  it("sends on each text as it comes, and breaks the request off when its own client goes", function()
    -- the server stops after three texts: they arrive although the fourth never does
    local browser = browse("/stream" .. query { base = helper.fault "stall_mid_stream:3" })
    local texts = {}
    while #texts < 3 do
      local line = assert(browser:receive "*l")
      texts[#texts + 1] = line:match "^text (.*)$"
    end
    assert.truthy(helper.TEXT:find(mime.unb64(table.concat(texts)), 1, true))
    local open = helper.stats().open
    browser:close()
    assert.is_true(helper.eventually(function() return helper.stats().open == open - 1 end))
  end)

  it("tells who has no key that nginx hides variables", function()
    local err = ask("/call", { base_url = helper.fault "status:401" }).err
    assert.truthy(err.message:find("env OGL_TOKEN;", 1, true))
  end)

  it("says that a name needs a resolver that answers", function()
    local err = ask("/call", { base_url = "http://nowhere.example", retries = { max = 0 } }).err
    assert.equal("network", err.kind)
    assert.equal("resolve", err.code)
  end)

  it("keeps its memory and its descriptors over 10,000 requests", function()
    local path = "/count" .. query { base = helper.fault "ok" }
    local script = ([[
      local socket = require "socket"
      local host, port, path, n = arg[1], arg[2], arg[3], tonumber(arg[4])
      local connection
      for i = 1, n do
        if (i - 1) %% 1000 == 0 then connection = assert(socket.connect(host, port)) end -- nginx closes after keepalive_requests
        assert(connection:send("GET " .. path .. " HTTP/1.1\r\nHost: x\r\n\r\n"))
        local length
        repeat
          local line = assert(connection:receive "*l")
          length = line:lower():match "^transfer%%-encoding" and "chunked" or length
        until line == ""
        repeat
          local size = tonumber(assert(connection:receive "*l"), 16)
          assert(connection:receive(size + 2))
        until size == 0
      end
    ]]):gsub("%%%%", "%%")
    local file = helper.write(script)
    local host, port = nginx.address():match "//(.*):(%d+)"
    local function load(n)
      local status = os.execute(("lua5.4 %s %s %s '%s' %d"):format(file, host, port, path, n))
      assert(status == true or status == 0)
    end
    load(3000) -- what is made once is there now
    local before = ask "/worker"
    load(10000)
    local after = ask "/worker"
    assert.equal(before.pid, after.pid)
    assert.is_true(after.descriptors - before.descriptors <= 1, ("descriptors: %d, then %d"):format(before.descriptors, after.descriptors))
    assert.is_true(after.lua - before.lua < 256, ("KiB of Lua: %d, then %d"):format(before.lua, after.lua))
    assert.is_true(after.rss - before.rss < 4096, ("KiB: %d, then %d"):format(before.rss, after.rss))
  end)
end)
