-- Which pages may call Ollama's face.
local environment = require "spec.support.environment"
local ogl = require "opengatellm"
local support = require "spec.support.gateway"

local function gateway_of(options)
  local all = { routes = { { client = (support.client("openai_chat", {})) } } }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.gateway(all)
end

local function status_of(gateway, headers, server, method)
  local status, answered = gateway:handle { method = method or "GET", path = "/api/version", headers = headers, server = server }
  return status, answered
end

describe("the Host check", function()
  it("lets names of this machine and of private networks pass on loopback", function()
    local gateway = gateway_of { hosts = { "box.example" } }
    for host, wanted in pairs {
      [""] = 200, ["localhost:11434"] = 200, ["127.0.0.1"] = 200, ["[::1]:1"] = 200, ["192.168.1.5:11434"] = 200, ["nas.local"] = 200,
      ["a.internal"] = 200, ["x.localhost"] = 200, ["box.example"] = 200, ["evil.example"] = 403, ["localhost.evil.example"] = 403,
      ["8.8.8.8"] = 403,
    } do
      assert.equal(wanted, (status_of(gateway, { host = host }, "127.0.0.1")), host)
    end
  end)

  it("lets the machine's own name pass", function()
    local gateway = gateway_of()
    for name, wanted in pairs { ["box:11434"] = 200, BOX = 200, box2 = 403 } do
      assert.equal(wanted, (gateway:handle {
        method = "GET", path = "/api/version", headers = { host = name }, server = "127.0.0.1", hostname = "Box",
      }))
    end
  end)

  it("is for loopback alone", function()
    assert.equal(200, (status_of(gateway_of(), { host = "evil.example" }, "192.168.1.5")))
    assert.equal(403, (status_of(gateway_of(), { host = "evil.example" }, "::1")))
  end)
end)

describe("the Origin check", function()
  it("lets local pages and desktop programs call", function()
    local gateway = gateway_of()
    for origin, wanted in pairs {
      ["http://localhost:3000"] = 200, ["https://127.0.0.1"] = 200, ["http://0.0.0.0:1"] = 200, ["app://obsidian.md"] = 200,
      ["vscode-webview://x"] = 200, ["tauri://localhost"] = 200, ["chrome-extension://abc"] = 200, ["moz-extension://abc"] = 200, ["https://evil.example"] = 403, ["null"] = 403,
      ["http://localhost.evil.example"] = 403, ["http://gate.example"] = 200,
    } do
      local status, headers = status_of(gateway, { origin = origin, host = "gate.example" })
      assert.equal(wanted, status, origin)
      assert.equal(wanted == 200 and origin or nil, headers["access-control-allow-origin"])
    end
  end)

  it("lets those call that the options or the variable name", function()
    assert.equal(200, (status_of(gateway_of { origins = { "https://*.example" } }, { origin = "https://a.example" })))
    assert.equal(403, (status_of(gateway_of { origins = { "https://a.example" } }, { origin = "https://axexample" })))
    local gateway = environment.with({ OLLAMA_ORIGINS = "https://one, *two*" }, gateway_of)
    assert.equal(200, (status_of(gateway, { origin = "https://one" })))
    assert.equal(200, (status_of(gateway, { origin = "https://two.example" })))
    assert.equal(403, (status_of(gateway, { origin = "https://three" })))
  end)

  it("answers a browser that asks first", function()
    local status, headers = status_of(gateway_of(), { origin = "http://localhost", ["access-control-request-headers"] = "x-a" }, nil, "OPTIONS")
    assert.equal(204, status)
    assert.equal("x-a", headers["access-control-allow-headers"])
    assert.equal(403, (status_of(gateway_of(), { origin = "https://evil.example" }, nil, "OPTIONS")))
  end)

  it("is Ollama's alone: OpenAI's face lets no page read, and takes no request that a page could send unasked", function()
    local gateway = gateway_of()
    local status, headers = gateway:handle { method = "GET", path = "/v1/models", headers = { origin = "http://localhost" } }
    assert.equal(200, status)
    assert.is_nil(headers["access-control-allow-origin"])
    for _, kind in ipairs { "text/plain", false } do
      status = gateway:handle { method = "POST", path = "/v1/embeddings", body = "{}",
        headers = { origin = "https://evil.example", ["content-type"] = kind or nil } }
      assert.equal(415, status)
    end
  end)
end)
