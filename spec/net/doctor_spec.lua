-- `ogl doctor` as a program, over servers that are well and servers that are not.
local helper = require "spec.helper"
local installed = require "opengatellm.cli.doctor.installed"
local json = require "opengatellm.json"
local reachable = require "opengatellm.cli.doctor.reachable"

local KEY = "sk-doctor-secret-word"
local CLEARED = "-u OGL_URL -u OGL_TOKEN -u OGL_API_KEY -u OGL_MODEL -u http_proxy -u https_proxy -u HTTPS_PROXY -u all_proxy -u ALL_PROXY -u no_proxy -u NO_PROXY "
  .. "-u CURL_CA_BUNDLE -u SSL_CERT_FILE -u SSL_CERT_DIR"

-- What the command prints, and its exit status.
local function run(arguments, variables)
  local assignments = {}
  for name, value in pairs(variables) do assignments[#assignments + 1] = ("%s='%s'"):format(name, value) end
  local command = ("env %s %s %s bin/ogl doctor %s 2>&1; echo status $?"):format(CLEARED, table.concat(assignments, " "), os.getenv "OGL_LUA" or "lua5.4", arguments)
  local pipe = assert(io.popen(command))
  local out = pipe:read "*a"
  pipe:close()
  assert.is_nil(out:find("secret-word", 1, true), "the key is shown: " .. out)
  return out:gsub("status %d+\n$", ""), tonumber(out:match "status (%d+)\n$")
end

-- The findings by name, of all areas; the exit status.
local function examine(variables, arguments)
  variables.OGL_TOKEN = variables.OGL_TOKEN or KEY
  local out, status = run("--json " .. (arguments or ""), variables)
  local value, found = assert(json.decode(out), out), {}
  for _, area in ipairs { "installed", "configured", "reachable" } do
    for _, each in ipairs(value[area] or {}) do
      found[each.name] = each
      assert.equal(each.state == "failed" or each.state == "warning", each.remedy ~= nil, each.name)
    end
  end
  local failed = 0
  for _, each in pairs(found) do failed = failed + (each.state == "failed" and 1 or 0) end
  assert.equal(failed, value.failed)
  assert.equal(failed > 0 and 1 or 0, status)
  return found
end

-- Asserts that one finding failed and no other, and what its words are.
local function fails(found, name, says, remedy)
  for _, each in pairs(found) do assert.equal(each.name == name, each.state == "failed", each.name .. ": " .. each.says) end
  assert.truthy(found[name].says:find(says, 1, true), found[name].says)
  assert.truthy(found[name].remedy:find(remedy, 1, true), found[name].remedy)
end

local function dated(seconds)
  return helper.http(200, { { "content-type", "application/json" }, { "date", os.date("!%a, %d %b %Y %H:%M:%S GMT", os.time() + seconds) } }, '{"object": "list", "data": []}')
end

describe("ogl doctor", function()
  it("finds a server well", function()
    local found = examine { OGL_URL = helper.ogl(), OGL_TOKEN = "sk-demo" }
    for _, name in ipairs { "opengatellm.core", "opengatellm.curl", "libcurl", "server", "key", "proxy", "name", "connection", "answer", "clock", "access", "models" } do
      assert.equal("ok", found[name].state, name)
    end
    assert.truthy(found.models.says:find "^%d+ models$")
    assert.is_nil(found.encryption) -- on this machine nobody listens in between
  end)

  it("prints lines for people", function()
    local out, status = run("", { OGL_URL = helper.ogl(), OGL_TOKEN = "sk-demo" })
    assert.equal(0, status)
    assert.truthy(out:find "^installed\n  ok   opengatellm        %d" and out:find "\nconfigured\n  ok   server " and out:find "\nreachable\n  ok   name ")
    out, status = run("", { OGL_URL = "http://127.0.0.1:1", OGL_TOKEN = KEY })
    assert.equal(1, status)
    assert.truthy(out:find "\n  FAIL connection         [^\n]+\n +%-> look whether the server runs")
    assert.truthy(out:find "\n1 failed, 0 to look at%.\n$")
    assert.is_nil(out:find("\27", 1, true))
  end)

  it("says what is not configured", function()
    fails(examine {}, "server", "no server: set OGL_URL", "OGL_URL=https://")
    fails(examine { OGL_URL = "nonsense" }, "server", "http", "https://")
    local found = examine({ OGL_URL = helper.ogl(), OGL_TOKEN = "" })
    assert.same({ "warning", "none in OGL_TOKEN or OGL_API_KEY" }, { found.key.state, found.key.says })
    assert.truthy(found.key.remedy:find("set OGL_TOKEN", 1, true))
  end)

  it("says of a key what is wrong with it, and nothing else of it", function()
    for key, says in pairs {
      ["sk-secret-word "] = "a blank", ['"sk-secret-word"'] = "in quotes", ["sk-secret-word…"] = "cut", ["sk-sécret-word"] = "not ASCII", ["secret-word\nx"] = "end of a line",
    } do
      local found = examine { OGL_URL = "http://127.0.0.1:1", OGL_TOKEN = key }
      assert.equal("failed", found.key.state)
      local out = run("", { OGL_URL = "http://127.0.0.1:1", OGL_TOKEN = key })
      assert.truthy(out:find("OGL_TOKEN is set, but it [^\n]*" .. says), out)
    end
  end)

  it("says that a key is wrong", function()
    fails(examine { OGL_URL = helper.ogl(), OGL_TOKEN = "sk-invalid-secret-word" }, "access", "Invalid API key", "make a new key")
  end)

  it("says that a model is not among those of the server", function()
    fails(examine { OGL_URL = helper.ogl(), OGL_TOKEN = "sk-demo", OGL_MODEL = "no-such-model" }, "models", "no-such-model", "ogl models")
  end)

  it("says that a name leads nowhere", function()
    fails(examine { OGL_URL = "https://nowhere.invalid" }, "name", "nowhere.invalid", "/etc/resolv.conf")
  end)

  it("says that nobody listens, that a server says nothing, and that it ends the connection", function()
    fails(examine { OGL_URL = "http://127.0.0.1:1" }, "connection", "127.0.0.1", "firewall")
    fails(examine({ OGL_URL = helper.fault "stall_head" }, "--timeout 0.3"), "answer", "", "log")
    fails(examine { OGL_URL = helper.raw "" }, "answer", "", "log")
  end)

  it("says what is wrong with a certificate", function()
    local ca = helper.certificates() .. "/ca.pem"
    fails(examine { OGL_URL = helper.tls {} .. "/ok" }, "TLS", "certificate", "SSL_CERT_FILE")
    fails(examine { OGL_URL = helper.tls { certificate = "expired" } .. "/ok", SSL_CERT_FILE = ca }, "TLS", "expired", "clock")
    fails(examine { OGL_URL = helper.tls { certificate = "wronghost" } .. "/ok", SSL_CERT_FILE = ca }, "TLS", "name", "another name")
    local found = examine { OGL_URL = helper.tls {} .. "/ok", SSL_CERT_FILE = ca }
    assert.equal("ok", found.TLS.state)
    assert.truthy(found.authorities.says:find(ca, 1, true))
  end)

  it("says that a file of authorities is none", function()
    local found = examine { OGL_URL = helper.tls {} .. "/ok", SSL_CERT_FILE = "/no/such/file.pem" }
    assert.equal("failed", found.authorities.state)
    found = examine { OGL_URL = helper.tls {} .. "/ok", CURL_CA_BUNDLE = helper.write "no certificate" }
    assert.truthy(found.authorities.says:find("no certificate in it", 1, true))
  end)

  it("says that a clock is wrong", function()
    fails(examine { OGL_URL = helper.raw(dated(7200)) }, "clock", "behind the server's", "timedatectl")
    fails(examine { OGL_URL = helper.raw(dated(-7200)) }, "clock", "ahead of the server's", "timedatectl")
    local found = examine { OGL_URL = helper.raw(dated(0)) }
    assert.same({ "ok", "warning" }, { found.clock.state, found.models.state }) -- and it has no models
  end)

  it("names a proxy without its password", function()
    local found = examine { OGL_URL = "http://server.invalid", http_proxy = "http://user:secret-word@127.0.0.1:1" }
    assert.equal("127.0.0.1:1", found.proxy.says)
    assert.equal("failed", found.connection.state)
    found = examine { OGL_URL = helper.ogl(), OGL_TOKEN = "sk-demo", http_proxy = "http://127.0.0.1:1", no_proxy = "127.0.0.1" }
    assert.equal("http_proxy is set, but not for this server", found.proxy.says)
  end)

  it("warns where a key goes unencrypted to another machine", function()
    local found = examine { OGL_URL = "http://server.invalid" }
    assert.equal("warning", found.encryption.state)
  end)

  it("gives a terminal no orders of a server", function()
    local body = helper.http(401, { { "content-type", "application/json" } }, '{"detail": "no\\u001b[2J key"}')
    local out = run("", { OGL_URL = helper.raw(body), OGL_TOKEN = KEY })
    assert.is_nil(out:find("\27", 1, true))
    assert.truthy(out:find "FAIL access +no *%[2J key")
  end)

  it("refuses what it does not know", function()
    local _, status = run("--nope", {})
    assert.equal(2, status)
    local out
    out, status = run("-p nobody", {})
    assert.equal(1, status)
    assert.truthy(out:find "FAIL server +[^\n]*nobody")
  end)

  it("tells which of its modules does not load, and how to get it", function()
    local lua = os.getenv "OGL_LUA" or "lua5.4"
    local program = [[package.preload["opengatellm.core"] = function() error("wrong ELF class", 0) end os.exit(require("opengatellm.cli").main { "doctor" })]]
    local pipe = assert(io.popen(("%s -e '%s' 2>&1; echo status $?"):format(lua, program)))
    local out = pipe:read "*a"
    pipe:close()
    assert.truthy(out:find "\n  FAIL opengatellm%.core   wrong ELF class\n +%-> make install LUA=lua", out)
    assert.truthy(out:find "status 1\n$")
  end)
end)

describe("libcurl", function()
  it("is read by its own words", function()
    for text, wanted in pairs {
      ["libcurl/7.88.1 OpenSSL/3.0.19 zlib/1.2.13"] = { "7.88.1", "OpenSSL/3.0.19" }, ["libcurl/8.5.0 GnuTLS/3.8.3 zlib/1.3"] = { "8.5.0", "GnuTLS/3.8.3" },
      ["libcurl/8.7.1 (SecureTransport) LibreSSL/3.3.6 zlib/1.2.12"] = { "8.7.1", "LibreSSL/3.3.6" }, ["libcurl/8.0.0 zlib/1"] = { "8.0.0" },
    } do
      assert.same(wanted, { installed.curl_of(text) })
    end
    assert.equal("ok", installed.curl_finding("libcurl/7.88.1 OpenSSL/3.0.19").state)
    for _, text in ipairs { "libcurl/7.61.1 OpenSSL/1.1.1", "libcurl/8.0.0 zlib/1.2" } do assert.equal("failed", installed.curl_finding(text).state, text) end
    assert.equal("warning", installed.curl_finding("something else").state)
  end)
end)

describe("the clock", function()
  it("may be a minute off, and is not judged by a server without one", function()
    local date = "Sun, 29 Nov 2026 13:00:00 GMT"
    local there = require "opengatellm.base.waits".date(date)
    for apart, state in pairs { [0] = "ok", [60] = "ok", [-60] = "ok", [61] = "failed", [-61] = "failed" } do
      assert.equal(state, reachable.clock_finding(date, there + apart).state, apart)
    end
    for _, none in ipairs { false, "yesterday", { date, date } } do assert.equal("skipped", reachable.clock_finding(none or nil, there).state) end
  end)
end)
