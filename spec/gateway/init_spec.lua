-- The gateway itself: its options, keys, ids, and what callers are told of errors.
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local support = require "spec.support.gateway"

local function gateway_of(options, answer)
  local client = support.client("openai_chat", answer or support.server("openai_chat", support.TEXT))
  local all = { routes = { { client = client } } }
  for name, value in pairs(options or {}) do all[name] = value end
  return ogl.gateway(all)
end

local BODY = { model = "m", messages = { { role = "user", content = "x" } } }

local function chat(gateway, headers)
  local status, bytes, answered = support.ask(gateway, "POST", "/v1/chat/completions", BODY, headers)
  return status, json.decode(bytes), answered
end

describe("the options of a gateway", function()
  local function refused(options, message)
    local fine, err = pcall(gateway_of, options)
    assert.is_false(fine)
    assert.truthy(err:find("ogl.gateway: " .. message, 1, true), err)
  end

  it("are checked when it is made", function()
    refused({ routes = {} }, "routes: expected a list of at least one route")
    refused({ faces = { "odd" } }, "faces[1]: there is no face 'odd'")
    refused({ faces = {} }, "faces: expected a list of at least one face")
    refused({ key = "" }, "key: expected a text or a function")
    refused({ forward = { "Authorization" } }, "forward[1]: authorization is never a caller's")
    refused({ forward = { 1 } }, "forward[1]: expected string, got number")
    refused({ limits = { body = 0 } }, "limits.body: expected bytes from 1 to 2147483647")
    refused({ version = "0.6-rc1" }, "version: expected digits and dots")
    refused({ metrics = {} }, "metrics: expected what ogl.middleware.prometheus gives")
    refused({ odd = 1 }, "")
    assert.truthy(select(2, pcall(ogl.gateway, 1)):find("expected table, got number", 1, true))
  end)
end)

describe("a key", function()
  it("is asked of callers where the options have one", function()
    local gateway = gateway_of { key = "sk-callers" }
    assert.equal(401, (chat(gateway)))
    assert.equal(401, (chat(gateway, { authorization = "Bearer sk-other" })))
    assert.equal(200, (chat(gateway, { authorization = "Bearer sk-callers" })))
    assert.equal(200, (chat(gateway, { ["x-api-key"] = "sk-callers" })))
    assert.equal(401, (support.ask(gateway, "GET", "/v1/models")))
    assert.equal(200, (support.ask(gateway, "GET", "/health")))
  end)

  it("may be judged by a function", function()
    local gateway = gateway_of { key = function(given) return given:sub(1, 3) == "sk-" end }
    assert.equal(200, (chat(gateway, { authorization = "bearer sk-x" })))
    assert.equal(401, (chat(gateway, { authorization = "Bearer x" })))
  end)

  it("guards the metrics too", function()
    local gateway = gateway_of { key = "sk-callers", metrics = ogl.middleware.prometheus() }
    assert.equal(401, (support.ask(gateway, "GET", "/metrics")))
    assert.equal(200, (support.ask(gateway, "GET", "/metrics", nil, { authorization = "Bearer sk-callers" })))
  end)
end)

describe("the id of a request", function()
  it("is the caller's where it can stand in a log, else one of our own", function()
    local gateway = gateway_of()
    assert.equal("abc-1", (select(3, chat(gateway, { ["x-request-id"] = "abc-1" }))["x-request-id"]))
    local _, _, first = chat(gateway, { ["x-request-id"] = "a b\n" })
    local _, _, second = chat(gateway)
    assert.truthy(first["x-request-id"]:find "^%x+$")
    assert.are_not.equal(first["x-request-id"], second["x-request-id"])
  end)
end)

describe("an error of the gateway's own network", function()
  it("says nothing of addresses to the caller, and everything to on_error", function()
    for kind, wanted in pairs { network = 502, tls = 502, timeout = 504, config = 500 } do
      local heard
      local gateway = gateway_of({ on_error = function(err) heard = err end }, {
        err = errors.new { kind = kind, message = "cannot connect to 10.0.0.7:8000" },
      })
      local status, body = chat(gateway)
      assert.equal(wanted, status)
      assert.is_nil(body.error.message:find("10.0.0.7", 1, true))
      assert.truthy(heard.message:find("10.0.0.7", 1, true))
    end
  end)

  it("never shows the key of the upstream server", function()
    local gateway = gateway_of({}, { status = 401, body = '{"error":{"message":"bad key sk-upstream\\nx"}}' })
    local status, body = chat(gateway)
    assert.equal(401, status)
    assert.equal("bad key [REDACTED] x", body.error.message)
  end)
end)

describe("a host that could not read a request", function()
  it("has it refused in the face's words", function()
    local status, headers, body = gateway_of():refuse({ method = "POST", path = "/v1/chat/completions", headers = {} }, 413, "too long")
    assert.equal(413, status)
    assert.equal("application/json", headers["content-type"])
    assert.equal("too long", json.decode(body).error.message)
  end)
end)
