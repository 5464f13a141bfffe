-- Where a request goes, and by which way.
local environment = require "spec.support.environment"
local route = require "opengatellm.transport.route"

local function of(url, fields, variables, raw)
  local request = { url = url }
  for name, value in pairs(fields or {}) do request[name] = value end
  local found, err
  environment.with(variables or {}, function() found, err = route.of(request, raw) end)
  return found, err
end

describe("the route of an address", function()
  for url, wanted in pairs {
    ["http://h/a?b=c#d"] = { "h", 80, "h", "/a?b=c", false }, ["HTTPS://H.Example"] = { "h.example", 443, "h.example", "/", true },
    ["http://h:8000?x"] = { "h", 8000, "h:8000", "/?x", false }, ["https://[::1]:1/x"] = { "[::1]", 1, "[::1]:1", "/x", true },
    ["http://h:80/"] = { "h", 80, "h", "/", false }, ["wss://h/x"] = { "h", 443, "h", "/x", true }, ["ws://h/x"] = { "h", 80, "h", "/x", false },
  } do
    it("is read from " .. url, function()
      local found = assert(of(url))
      assert.same(wanted, { found.host, found.port, found.authority, found.target, found.tls })
      assert.same({ found.host, found.port, false }, { found.dial_host, found.dial_port, found.proxied })
    end)
  end

  for url, code in pairs {
    [""] = "url", ["h/x"] = "url", ["http://"] = "url", ["http:///x"] = "url", ["http://h:0/"] = "url", ["http://h:65536/"] = "url",
    ["http://h:x/"] = "url", ["http://u:p@h/"] = "url", ["http://h/a b"] = "url", ["http://h/\r\nx: y"] = "url", ["ftp://h/"] = "scheme",
    ["http://[::1/"] = "url",
  } do
    it("is none of " .. (url:gsub("%c", "?")), function()
      local none, err = of(url)
      assert.is_nil(none)
      assert.equal("invalid", err.kind)
      assert.equal(code, err.code)
      assert.is_nil(tostring(err):find("u:p", 1, true))
    end)
  end

  it("raises a NUL, and what is no text", function()
    assert.has_error(function() of "http://h/\0" end)
    assert.has_error(function() of(7) end)
  end)
end)

describe("a proxy", function()
  local PROXY = { proxy = "http://us%65r:pa:ss@p.example:3128/" }

  it("is asked for the whole address, or for a tunnel", function()
    local plain = assert(of("http://h:81/x", PROXY))
    assert.same({ "p.example", 3128, "http://h:81/x", false }, { plain.dial_host, plain.dial_port, plain.target, plain.tunnel })
    assert.equal("Basic dXNlcjpwYTpzcw==", plain.proxy_auth)
    local secure = assert(of("https://h/x", PROXY))
    assert.same({ "p.example", 3128, "/x", true }, { secure.dial_host, secure.dial_port, secure.target, secure.tunnel })
    assert.is_true(assert(of("ws://h/x", PROXY, nil, true)).tunnel)
  end)

  it("is the environment's where the request names none", function()
    local variables = { http_proxy = "a:1", https_proxy = "http://b:2", HTTP_PROXY = "c:3", all_proxy = "d:4", no_proxy = "near.example" }
    assert.equal("a", assert(of("http://h/", nil, variables)).dial_host)
    assert.equal("b", assert(of("https://h/", nil, variables)).dial_host)
    assert.equal("d", assert(of("http://h/", nil, { ALL_PROXY = "d:4", HTTP_PROXY = "c:3" })).dial_host)
    assert.is_false(assert(of("http://x.near.example/", nil, variables)).proxied)
    assert.is_false(assert(of("http://h/", { proxy = "" }, variables)).proxied)
    assert.is_false(assert(of("http://h/", { unix_socket = "/s" }, variables)).proxied)
    assert.equal(1080, assert(of("http://h/", { proxy = "p" })).dial_port)
  end)

  it("is not asked for the hosts of no_proxy", function()
    local variables = { http_proxy = "p:1", no_proxy = "10.0.0.0/8,h.example.,::1", NO_PROXY = "*" }
    for url, proxied in pairs {
      ["http://10.1.2.3:80/"] = false, ["http://110.0.0.1/"] = true, ["http://a.H.example.:8000/"] = false, ["http://[0:0::1]:8000/"] = false,
      ["http://[::2]/"] = true,
    } do
      assert.equal(proxied, assert(of(url, nil, variables)).proxied, url)
    end
    assert.is_false(assert(of("http://h/", { proxy = "p:1" }, { NO_PROXY = "h" })).proxied)
    assert.is_true(assert(of("http://h/", { proxy = "p:1", no_proxy = "" }, { NO_PROXY = "h" })).proxied)
  end)

  it("of another kind is an error without its password", function()
    for _, proxy in ipairs { "socks5://u:secret@p:1", "https://u:secret@p:1" } do
      local none, err = of("http://h/", { proxy = proxy })
      assert.is_nil(none)
      assert.equal("unsupported", err.kind)
      assert.is_nil(err.message:find("secret", 1, true))
    end
    assert.equal("invalid", select(2, of("http://h/", { proxy = "http://u:secret@/" })).kind)
  end)
end)
