local core = require "opengatellm.core"
local environment = require "spec.support.environment"
local helper = require "spec.helper"
local json = require "opengatellm.json"
local ogl = require "opengatellm"
local protocols = require "opengatellm.protocol"
local providers = require "opengatellm.providers"
local replay = require "opengatellm.transport.replay"
local request = require "opengatellm.request"
local vertex = require "opengatellm.auth.vertex"

local TOKEN_URI = "https://oauth2.example/token"
local ANSWER = { body = '{"choices":[{"message":{"content":"x"},"finish_reason":"stop"}]}' }
local has_luaossl = pcall(require, "openssl.pkey")
local KEYLESS = "luaossl is not installed (Debian: lua-luaossl)"

-- A throw-away key, made once, as the PEM that a service account's file has; nil where openssl is absent.
local pem
local function private_key()
  if not pem then
    local path = helper.directory() .. "/vertex.pem"
    os.execute("openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out " .. path .. " 2>/dev/null")
    local file = assert(io.open(path))
    pem = file:read "*a"
    file:close()
  end
  return pem
end

local function account(changes)
  return helper.write(json.encode(request.merge({
    type = "service_account", project_id = "from-file", private_key_id = "kid-1", private_key = private_key(), token_uri = TOKEN_URI,
    client_email = "robot@p.iam.gserviceaccount.com",
  }, changes)))
end

-- A client whose protocol is one that is there: what is tested is the auth. Token requests are counted and answered by `token`.
local function client(options, token)
  local asked = {}
  local transport = replay.new(function(r)
    if r.url ~= TOKEN_URI then return options.answer or ANSWER end
    asked[#asked + 1] = r
    return token and token(#asked) or { body = json.encode { access_token = "token-" .. #asked, expires_in = 3599, token_type = "Bearer" } }
  end)
  local data = request.merge(providers.find "vertex", { protocol = "openai_chat", models = {} })
  local c = environment.with(options.variables or {}, function()
    return ogl.client {
      provider = options.provider or data, transport = transport, model = options.model or "m", retries = options.retries or { max = 0 },
      settings = options.settings, api_key = options.api_key, base_url = options.base_url, headers = options.headers, host = options.host,
    }
  end)
  return c, transport, asked
end

local function header(r, name)
  for _, row in ipairs(r.headers) do
    if row[1] == name then return row[2] end
  end
end

local function last(transport) return transport.requests[#transport.requests] end

local function unbase64url(text)
  text = text:gsub("[-_]", { ["-"] = "+", ["_"] = "/" })
  return core.base64_decode(text .. ("="):rep(-#text % 4))
end

local real_now = vertex.now
after_each(function() vertex.now = real_now end)

describe("the address of Vertex AI", function()
  local function api(settings, variables) return (client { settings = settings, variables = variables, api_key = "t" }).api end

  it("has the project and the location in it, and the location's host", function()
    local path = "/v1/projects/p/locations/"
    local rows = {
      { { project = "p" }, "https://aiplatform.googleapis.com" .. path .. "global" },
      { { project = "p", location = "europe-west1" }, "https://europe-west1-aiplatform.googleapis.com" .. path .. "europe-west1" },
      { { project = "p", location = "eu" }, "https://aiplatform.eu.rep.googleapis.com" .. path .. "eu" },
      { { project = "p", location = "us" }, "https://aiplatform.us.rep.googleapis.com" .. path .. "us" },
    }
    for _, row in ipairs(rows) do assert.equal(row[2], api(row[1])) end
  end)

  it("takes them from the variables, and the project from the key file at last", function()
    local file = account()
    assert.matches("projects/a/locations/l$", api(nil, { GOOGLE_CLOUD_PROJECT = "a", GOOGLE_CLOUD_LOCATION = "l" }))
    assert.matches("projects/b/locations/r$", api(nil, { ANTHROPIC_VERTEX_PROJECT_ID = "b", CLOUD_ML_REGION = "r" }))
    assert.matches("projects/from%-file/locations/global$", api(nil, { GOOGLE_APPLICATION_CREDENTIALS = file }))
  end)

  it("says what is missing, or wrong", function()
    local function problem(settings)
      local _, err = client({ settings = settings, api_key = "t" }):chat "hi"
      assert.equal("config", err.kind)
      return err.message
    end
    assert.equal("no project: set GOOGLE_CLOUD_PROJECT, or settings.project", problem())
    assert.matches("settings.location", problem { project = "p", location = "evil.com/" }, 1, true)
  end)

  it("is the user's where given", function()
    local c, transport = client { base_url = "https://proxy/v1/projects/p/locations/l", api_key = "t" }
    assert(c:chat "hi")
    assert.equal("https://proxy/v1/projects/p/locations/l/chat/completions", last(transport).url)
  end)
end)

describe("the path at Vertex AI", function()
  it("names the publisher, after the form of the protocol's own path", function()
    local rows = {
      { { path = "/models/gemini-3:generateContent" }, "/publishers/google/models/gemini-3:generateContent" },
      { { path = "/models/gemini-3:streamGenerateContent?alt=sse" }, "/publishers/google/models/gemini-3:streamGenerateContent?alt=sse" },
      { { path = "/messages", model = "claude-x@20250514" }, "/publishers/anthropic/models/claude-x@20250514:rawPredict" },
      { { path = "/messages", model = "claude x", stream = true }, "/publishers/anthropic/models/claude%20x:streamRawPredict" },
      { { path = "/messages/count_tokens", model = "claude-x" }, "/publishers/anthropic/models/count-tokens:rawPredict" },
      { { path = "/chat/completions", model = "m" }, "/chat/completions" },
    }
    for _, row in ipairs(rows) do assert.equal(row[2], vertex.path({}, row[1])) end
  end)

  -- The two protocols come from elsewhere; what they send is theirs to test.
  local ENDINGS = {
    ["gemini-3-flash"] = "/publishers/google/models/gemini-3-flash:generateContent", ["claude-x"] = "/publishers/anthropic/models/claude-x:rawPredict",
  }
  for model, ending in pairs(ENDINGS) do
    it("goes with the protocol of the model's publisher: " .. model, function()
      if not (protocols.gemini and protocols.anthropic) then return pending "the protocols gemini and anthropic" end
      local c, transport = client {
        provider = "vertex", model = model, api_key = "t", settings = { project = "p" }, answer = { status = 400, body = '{"error":{"message":"no"}}' },
      }
      c:chat "hi"
      local sent = assert(last(transport))
      assert.equal("https://aiplatform.googleapis.com/v1/projects/p/locations/global" .. ending, sent.url)
      assert.equal("Bearer t", header(sent, "authorization"))
      local body = json.decode(sent.body)
      assert.same({ nil, model == "claude-x" and "vertex-2023-10-16" or nil }, { body.model, body.anthropic_version })
    end)
  end
end)

describe("a token of the user's own", function()
  it("goes as it is, asked for at each try", function()
    local n = 0
    local function token()
      n = n + 1
      return "mine-" .. n
    end
    local c, transport, asked = client { settings = { project = "p" }, api_key = token, variables = { GOOGLE_APPLICATION_CREDENTIALS = "/nowhere" } }
    assert(c:chat "hi")
    assert(c:chat "hi")
    assert.same({ "Bearer mine-1", "Bearer mine-2", 0 },
      { header(transport.requests[1], "authorization"), header(transport.requests[2], "authorization"), #asked })
  end)
end)

describe("a service account", function()
  local function with_file(options, token, changes)
    if not has_luaossl then
      pending(KEYLESS)
      return nil
    end
    options.settings = request.merge({ project = "p", credentials = account(changes) }, options.settings)
    return client(options, token)
  end

  it("signs an assertion, and exchanges it for the token that is sent", function()
    vertex.now = function() return 1700000000 end
    local c, transport, asked = with_file { headers = { ["X-Team"] = "a" } }
    if not c then return end
    assert(c:chat "hi")
    assert.equal("Bearer token-1", header(last(transport), "authorization"))
    assert.same({ "POST", "application/x-www-form-urlencoded", nil },
      { asked[1].method, header(asked[1], "content-type"), header(asked[1], "X-Team") })
    local jwt = asked[1].body:match "^assertion=([%w%._-]+)&grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Agrant%-type%%3Ajwt%-bearer$"
    local head, claims, signature = assert(jwt):match "^([^.]+)%.([^.]+)%.([^.]+)$"
    assert.same({ alg = "RS256", typ = "JWT", kid = "kid-1" }, json.decode(unbase64url(head)))
    assert.same({
      iss = "robot@p.iam.gserviceaccount.com", scope = "https://www.googleapis.com/auth/cloud-platform", aud = TOKEN_URI,
      iat = 1700000000, exp = 1700003600,
    }, json.decode(unbase64url(claims)))
    local public = require "openssl.pkey".new(private_key()):toPEM "public"
    local digest = require "openssl.digest".new "sha256"
    assert.is_true(require "openssl.pkey".new(public):verify(unbase64url(signature), digest:update(head .. "." .. claims)))
  end)

  it("is asked again only when the token is about to expire; clients on the same connections share it", function()
    local now = 1000
    vertex.now = function() return now end
    local c, transport, asked = with_file {}
    if not c then return end
    for _, step in ipairs { { 1000, 1 }, { 1000 + 3599 - 121, 1 }, { 1000 + 3599 - 120, 2 }, { 1000 + 3600, 2 } } do
      now = step[1]
      assert(c:with({ model = "other" }):chat "hi")
      assert.same({ step[2], "Bearer token-" .. step[2] }, { #asked, header(last(transport), "authorization") })
    end
    assert(c:stream("hi")):close()
    assert.equal(2, #asked)
  end)

  it("uses a token that lives shortly for half of its life", function()
    local now = 0
    vertex.now = function() return now end
    local c, _, asked = with_file({}, function() return { body = '{"access_token":"t","expires_in":100}' } end)
    if not c then return end
    for _, step in ipairs { { 0, 1 }, { 49, 1 }, { 50, 2 } } do
      now = step[1]
      assert(c:chat "hi")
      assert.equal(step[2], #asked)
    end
  end)

  it("that Google refuses is an error of auth, without the assertion", function()
    local assertion
    local c, transport = with_file({}, function()
      return { status = 400, body = '{"error":"invalid_grant","error_description":"Invalid JWT Signature."}' }
    end)
    if not c then return end
    local _, err = c:chat "hi"
    assertion = transport.requests[1].body:match "assertion=([^&]+)"
    assert.same({ "auth", 400, 1, "vertex" }, { err.kind, err.status, #transport.requests, err.provider })
    assert.matches("^the token endpoint: ", err.message)
    assert.is_nil((tostring(err) .. err.body):find(assertion, 1, true))
    c, transport = with_file({}, function(_) return { status = 403, body = "no: " .. transport.requests[1].body } end)
    _, err = c:chat "hi"
    assertion = transport.requests[1].body:match "assertion=([^&]+)"
    assert.is_nil((tostring(err) .. err.body):find(assertion, 1, true))
  end)

  it("is asked again where its endpoint is busy", function()
    local host = { name = "simulated", blocking = true, now = function() return 0 end, sleep = function() end }
    local c, transport, asked = with_file({ retries = { max = 1 }, host = host }, function(n)
      return n == 1 and { status = 503 } or { body = '{"access_token":"t2"}' }
    end)
    if not c then return end
    assert(c:chat "hi")
    assert.same({ 2, "Bearer t2" }, { #asked, header(last(transport), "authorization") })
  end)

  it("is given no token that could break out of its header", function()
    local c, transport = with_file({}, function() return { body = '{"access_token":"a\\r\\nX: y"}' } end)
    if not c then return end
    local _, err = c:chat "hi"
    assert.same({ "protocol", 1 }, { err.kind, #transport.requests })
  end)

  it("shows its key and its tokens nowhere", function()
    local c, transport = with_file { answer = { status = 401, body = '{"error":{"message":"token-1 has expired"}}' } }
    if not c then return end
    local _, err = c:chat "hi"
    assert.equal("[REDACTED] has expired", err.message)
    transport.requests = nil
    local seen, key = {}, private_key():match "\n([^\n]+)\n"
    local function look(value)
      if type(value) == "string" then assert.is_nil(value:find("token-1", 1, true) or value:find(key, 1, true), value) end
      if type(value) ~= "table" or seen[value] then return end
      seen[value] = true
      for k, v in pairs(value) do
        look(k)
        look(v)
      end
    end
    look(c)
    look(err)
    assert.is_nil(tostring(c):find("token", 1, true))
  end)
end)

describe("credentials that are none", function()
  local function failure(settings)
    local c, transport = client { settings = request.merge({ project = "p" }, settings) }
    local _, err = c:chat "hi"
    assert.same({}, transport.requests)
    return err
  end

  it("say what they are, and nothing of what is in them", function()
    assert.matches("set GOOGLE_APPLICATION_CREDENTIALS, or an api_key", failure().message, 1, true)
    assert.equal("file", failure({ credentials = "/nowhere/key.json" }).kind)
    local rows = {
      { "SECRET no JSON", "are no key of a service account" }, { '{"type":"authorized_user","refresh_token":"SECRET"}', "but 'authorized_user'" },
      { '{"client_email":"a","private_key":"SECRET","token_uri":"http://plain"}', "token_uri is no https:// address" },
    }
    if has_luaossl then
      rows[#rows + 1] = { '{"client_email":"a","private_key":"SECRET"}', "private_key is no private RSA key in PEM" }
      rows[#rows + 1] = { '{"client_email":"a","private_key":"-----BEGIN ENCRYPTED PRIVATE KEY----- SECRET"}', "private_key is no private RSA key" }
    end
    for _, row in ipairs(rows) do
      local err = failure { credentials = helper.write(row[1]) }
      assert.equal("config", err.kind)
      assert.matches(row[2], err.message, 1, true)
      assert.is_nil(tostring(err):find("SECRET", 1, true))
    end
  end)

  it("name the library where signing is not possible", function()
    local loaded, preload = package.loaded["openssl.pkey"], package.preload["openssl.pkey"]
    package.loaded["openssl.pkey"] = nil
    package.preload["openssl.pkey"] = function() error "not here" end
    local fine, err = pcall(failure, { credentials = account() })
    package.loaded["openssl.pkey"], package.preload["openssl.pkey"] = loaded, preload
    assert.is_true(fine)
    assert.equal("config", err.kind)
    assert.matches("lua-luaossl", err.message, 1, true)
  end)
end)
