-- TLS: who is trusted, what is said where somebody is not, and that nothing was sent then.
local helper = require "spec.helper"

describe("a server with TLS", function()
  after_each(helper.close)

  local function certificate(name) return helper.certificates() .. "/" .. name end

  local function trusting(options)
    local all = { ca_file = certificate "ca.pem" }
    for name, value in pairs(options or {}) do all[name] = value end
    return all
  end

  -- The error of a chat; no request may have reached the server, which is asked with `questions`.
  local function refused(server, options, questions)
    local address, id = helper.tls(server), helper.id()
    options.host = helper.simulated_host()
    for _, method in ipairs { "chat", "stream" } do
      local client = helper.client_of(address .. "/ok:8:" .. id, options)
      local value, err = client[method](client, "Bonjour")
      assert.is_nil(value)
      assert.equal("tls", err.kind, err.message)
      assert.is_false(err.retryable)
      assert.is_false(helper.mentions(err, helper.KEY))
      assert.same({}, options.host.waits)
      assert.same({}, helper.requests(id, address, questions))
      if method == "stream" then return err end
    end
  end

  it("answers who trusts its authority", function()
    local client = helper.client_of(helper.tls {} .. "/ok", trusting())
    assert.equal(helper.TEXT, assert(client:chat "Bonjour").text)
    assert.equal(helper.TEXT, assert(assert(client:stream "Bonjour"):reply()).text)
    assert(client:models())
  end)

  it("is refused by who does not", function()
    local err = refused({}, {}, trusting())
    assert.equal("certificate", err.code)
    assert.truthy(err.message:find("certificate", 1, true))
  end)

  it("is refused where its certificate has expired, in so many words", function()
    local err = refused({ certificate = "expired" }, trusting(), { insecure_skip_verify = true })
    assert.equal("expired", err.code)
    assert.truthy(err.message:find("expired", 1, true))
  end)

  it("is refused where its certificate is of another host, in so many words", function()
    local err = refused({ certificate = "wronghost" }, trusting(), { insecure_skip_verify = true })
    assert.equal("hostname", err.code)
    assert.truthy(err.message:find("127.0.0.1", 1, true))
  end)

  it("is not checked with insecure_skip_verify = true, and only then", function()
    for _, name in ipairs { "server", "expired", "wronghost" } do
      local address = helper.tls { certificate = name } .. "/ok"
      assert.equal(helper.TEXT, assert(helper.client_of(address, { insecure_skip_verify = true }):chat "Bonjour").text)
      local client = helper.client_of(address, { insecure_skip_verify = false, retries = { max = 0 } })
      assert.equal("tls", select(2, client:chat "Bonjour").kind)
    end
  end)

  it("is checked again by a client derived from one that does not", function()
    local careless = helper.client_of(helper.tls {} .. "/ok", { insecure_skip_verify = true })
    assert(careless:chat "Bonjour")
    local reply, err = careless:with { insecure_skip_verify = false }:chat "Bonjour"
    assert.is_nil(reply)
    assert.equal("tls", err.kind)
    assert(careless:chat "Bonjour")
  end)

  it("asks for a certificate of the client, and answers who has one", function()
    local mine = trusting { client_cert = { cert_file = certificate "client.pem", key_file = certificate "client.key" } }
    local address = helper.tls { client_ca = true }
    local id = helper.id()
    assert.equal(helper.TEXT, assert(helper.client_of(address .. "/ok", mine):chat "Bonjour").text)
    local reply, err = helper.client_of(address .. "/ok:8:" .. id, trusting { retries = { max = 0 } }):chat "Bonjour"
    assert.is_nil(reply)
    -- TLS 1.3 refuses after the client's side of the handshake is over: the alert may be overtaken by the end
    assert.is_true(err.kind == "tls" or err.kind == "network")
    assert.same({}, helper.requests(id, address, mine))
  end)

  it("cannot be asked with files that are not there", function()
    local address = helper.tls {} .. "/ok"
    for code, options in pairs {
      ca_file = { ca_file = "/nowhere/ca.pem" },
      client_certificate = trusting { client_cert = { cert_file = "/nowhere/client.pem" } },
    } do
      local reply, err = helper.client_of(address, options):chat "Bonjour"
      assert.is_nil(reply)
      assert.equal("tls", err.kind)
      assert.equal(code, err.code)
      assert.truthy(err.message:find("/nowhere/", 1, true))
    end
  end)

  it("that speaks no TLS is an error, and so is TLS where none is expected", function()
    local plain = helper.fault "ok":gsub("^http:", "https:") -- it closes in the middle of the handshake
    local reply, err = helper.client_of(plain, { retries = { max = 0 } }):chat "Bonjour"
    assert.is_nil(reply)
    assert.equal("network", err.kind)
    assert.is_false(err.sent)
    reply, err = helper.client_of(helper.tls {}:gsub("^https:", "http:") .. "/ok", { retries = { max = 0 } }):chat "Bonjour"
    assert.is_nil(reply)
    assert.equal("network", err.kind)
  end)

  describe("breaks off", function()
    local function broken(scenario, options)
      local client = helper.client_of(helper.tls {} .. "/" .. scenario, trusting(options))
      local reply, err = assert(client:stream "Bonjour"):reply()
      assert.is_nil(reply)
      return err
    end

    it("with a reset in mid-stream", function()
      local err = broken "reset_mid_stream:3"
      assert.equal("network", err.kind)
      assert.equal("Bonjour ! Ça", err.partial.text)
    end)

    it("inside a chunk", function()
      assert.equal("network", broken "cut_in_chunk".kind)
    end)

    it("with silence", function()
      local err = broken("stall_mid_stream:3", { timeouts = { idle = 0.2 } })
      assert.equal("timeout", err.kind)
      assert.equal("idle", err.phase)
    end)

    it("with an error of its own", function()
      assert.equal("provider", broken "sse_error_event:3".kind)
    end)
  end)

  it("slows down for a slow reader, and loses nothing", function()
    local client = helper.client_of(helper.tls {} .. "/firehose:8", trusting())
    local first = assert(client:stream { messages = { { role = "user", content = "a" } }, keep = false })
    assert(first:next())
    assert(assert(client:stream "Bonjour"):reply())
    local texts, usage = 0, nil
    for event in first:events() do
      if event.type == "text" then texts = texts + 1 end
      usage = event.usage or usage
    end
    assert.equal(usage.output_tokens, texts)
  end)
end)
