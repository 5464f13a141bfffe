local errors = require "opengatellm.errors"

describe("errors.read_body", function()
  local function read(status, body) return (errors.read_body(status, body)) end

  it("finds the message in every form of JSON error", function()
    assert.equal("Invalid API key.", read(401, '{"detail":"Invalid API key."}'))
    assert.equal("boom", read(400, '{"error":{"message":"boom","type":"t"}}'))
    assert.equal("boom", read(400, '{"error":"boom"}'))
    assert.equal("boom", read(400, '{"object":"error","message":"boom","code":400}'))
    assert.equal("boom", read(400, '{"detail":{"error":{"message":"boom"}}}'))
    assert.equal("boom", read(400, '[{"error":{"message":"boom"}}]'))
    assert.equal('{"what":1}', read(400, '{"what":1}'))
  end)

  it("joins a validation list, and gives its rows", function()
    local body = '{"detail":[{"loc":["body","model"],"msg":"Field required","type":"missing"},{"loc":["query"],"msg":"Bad"}]}'
    local message, _, _, fields = errors.read_body(422, body)
    assert.equal("body.model: Field required; query: Bad", message)
    assert.same({ { path = "body.model", message = "Field required" }, { path = "query", message = "Bad" } }, fields)
  end)

  it("gives type and code as text", function()
    local _, kind, code = errors.read_body(429, '{"error":{"message":"m","type":"rate","code":429}}')
    assert.same({ "rate", "429" }, { kind, code })
  end)

  it("shows the title of HTML, and the words where it has none", function()
    assert.equal("the server answered with HTML: 504 Gateway Time-out", read(504, "<html>\n<head><title>504 Gateway Time-out</title></head>"))
    assert.equal("the server answered with HTML: Not here", read(404, "<html><body>Not <b>here</b></body></html>"))
  end)

  it("quotes plain text, cut between characters", function()
    assert.equal("Internal Server Error", read(500, "Internal Server Error\n"))
    local long = read(500, ("é"):rep(400))
    assert.equal(("é"):rep(150) .. "…", long)
    assert.equal("a\239\191\189b", read(500, "a\255b"))
  end)

  it("says so when there is no body, and survives cut JSON", function()
    assert.equal("the server answered 502 without a word", read(502, " \n"))
    assert.equal("the server's error is cut short: {", read(500, "{"))
  end)

  it("reads an error event that stands in place of a body", function()
    assert.equal("Internal Server Error", read(500, 'event: error\ndata: {"error": {"message": "Internal Server Error"}}\n\n'))
    assert.equal("event: nothing", read(500, "event: nothing"))
  end)
end)

describe("errors.from_status", function()
  local function kind(status, body) return errors.from_status(status, {}, body or "x").kind end

  it("sorts statuses into kinds", function()
    assert.same({ "auth", "auth", "rate_limit", "http", "http", "http" },
      { kind(401), kind(403), kind(429), kind(400), kind(404), kind(503) })
  end)

  it("knows which may pass", function()
    for _, status in ipairs { 408, 429, 500, 502, 503, 504, 520, 521, 522, 523, 524, 529 } do assert.is_true(errors.from_status(status, {}, "x").retryable) end
    for _, status in ipairs { 400, 401, 403, 404, 409, 413, 422, 501, 519, 525, 530 } do assert.is_false(errors.from_status(status, {}, "x").retryable) end
    assert.is_false(errors.from_status(429, {}, '{"detail":"Request limit per day exceeded."}').retryable)
  end)

  it("takes the server's word for when, with every status that is retried", function()
    for _, status in ipairs { 408, 429, 500, 502, 503, 504, 520, 522, 524, 529 } do
      assert.equal(3, errors.from_status(status, { ["retry-after"] = "3" }, "x").retry_after, status)
    end
    assert.is_nil(errors.from_status(400, { ["retry-after"] = "3" }, "x").retry_after)
    assert.equal(2.5, errors.from_status(529, {}, '{"error":{"details":[{"retryDelay":"2.5s"}]}}').retry_after)
    local used_up = { ["x-ratelimit-limit-request"] = "10", ["x-ratelimit-remaining-request"] = "0", ["x-ratelimit-reset-requests"] = "50s" }
    assert.equal(50, errors.from_status(429, used_up, "x").retry_after)
    assert.is_nil(errors.from_status(500, used_up, "x").retry_after) -- no limit made it fail
  end)

  it("takes no delay for a limit of the day", function()
    local body = '{"error":{"message":"Quota.","details":[{"violations":[{"quotaId":"RequestsPerMinute"},{"quotaId":"RequestsPerDay"}]},'
      .. '{"retryDelay":"2s"}]}}'
    local err = errors.from_status(429, {}, body)
    assert.same({ "rate_limit", false }, { err.kind, err.retryable })
    assert.is_nil(err.retry_after)
    assert.equal(9, errors.from_status(429, { ["retry-after"] = "9" }, body).retry_after)
  end)

  it("bounds the body that it keeps", function() assert.equal(errors.BODY, #errors.from_status(500, {}, ("x"):rep(100000)).body) end)

  it("prints as one line", function()
    local err = errors.from_status(429, { ["retry-after"] = "3" }, '{"detail":"Slow down."}')
    assert.equal("opengatellm: rate_limit 429: Slow down. (retry after 3 s)", tostring(err))
  end)

  it("is made and printed in a moment, whatever the server sent", function()
    local began = os.clock()
    for _, text in ipairs { (" "):rep(60000) .. "x", ("x"):rep(60000), ("quota"):rep(12000), ("1"):rep(60000) .. "x", ("1s"):rep(30000) } do
      local err = errors.from_status(429, { ["retry-after"] = text, ["x-ratelimit-limit-token"] = "1", ["x-ratelimit-remaining-token"] = "0",
        ["x-ratelimit-reset-token"] = text }, '{"error":{"message":"' .. text .. '","quotaId":7}}')
      assert.is_nil(err.retry_after)
      assert.is_true(#tostring(err) > 1000)
    end
    assert.is_true(os.clock() - began < 1)
  end)

  it("prints as one line, whatever its message holds", function()
    for _, text in ipairs { "a\nb", "a\r\nb", "a \n\n  b", "a\rb", "a\11b", "a\27b", "a\0b", "a\194\133b", "a\226\128\168b", "a\226\128\169b" } do
      local err = errors.new { kind = "provider", message = text }
      assert.equal("opengatellm: provider: a b", tostring(err))
      assert.equal(text, err.message)
    end
    assert.equal("opengatellm: http: a  b é “c”", tostring(errors.new { kind = "http", message = "a  b é “c”" }))
  end)
end)

describe("errors.retry_after", function()
  it("reads seconds, milliseconds and dates", function()
    assert.equal(2, errors.retry_after { ["retry-after"] = "2" })
    assert.equal(0.25, errors.retry_after { ["retry-after-ms"] = "250", ["retry-after"] = "9" })
    assert.equal(30, errors.retry_after({ ["retry-after"] = "Sun, 06 Nov 1994 08:49:37 GMT" }, 784111747))
    assert.equal(0, errors.retry_after({ ["retry-after"] = "Sun, 06 Nov 1994 08:49:37 GMT" }, 784111800))
    assert.equal(5, errors.retry_after({ ["retry-after"] = "Thu, 29 Feb 2024 00:00:05 GMT" }, 1709164800))
    assert.equal(3, errors.retry_after { ["retry-after"] = "3, 5" })
    for _, text in ipairs { "soon", "-1", "nan", "0x10", "inf" } do assert.is_nil(errors.retry_after { ["retry-after"] = text }) end
  end)

  local function ogl(limit, remaining, reset, token)
    return {
      ["x-ratelimit-limit-request"] = limit, ["x-ratelimit-remaining-request"] = remaining, ["x-ratelimit-reset-requests"] = reset,
      ["x-ratelimit-limit-token"] = token or "None", ["x-ratelimit-remaining-token"] = "0", ["x-ratelimit-reset-token"] = "1h2m3s",
    }
  end

  it("reads OGL's limits, of which None is none", function()
    assert.equal(63, errors.retry_after(ogl("10", "0", "1m3s")))
    assert.is_nil(errors.retry_after(ogl("10", "4", "1m3s")))
    assert.is_nil(errors.retry_after(ogl("None", "0", "0s")))
    assert.equal(3723, errors.retry_after(ogl("10", "0", "1m3s", "500")))
  end)

  it("waits for the minute where a limit of the minute was reached, whatever the headers say of the day", function()
    local function refused(words, remaining, reset, request_reset)
      return errors.from_status(429, {
        ["x-ratelimit-limit-request"] = "10", ["x-ratelimit-remaining-request"] = request_reset and "0" or "9",
        ["x-ratelimit-reset-requests"] = request_reset or "0s", ["x-ratelimit-limit-token"] = "100000",
        ["x-ratelimit-remaining-token"] = remaining, ["x-ratelimit-reset-token"] = reset,
      }, '{"detail":"' .. words .. '"}')
    end
    local TOKENS, REQUESTS = "Token limit per minute exceeded.", "Request limit per minute exceeded."
    for _, case in ipairs { -- words, remaining tokens, their reset, the requests' reset, the wait
      { TOKENS, "0", "14h2m3s", nil, 60 }, { TOKENS, "70000", "14h2m3s", nil, 60 }, { TOKENS, "0", "37s", nil, 37 }, { TOKENS, "0", "14h2m3s", "5s", 60 },
      { REQUESTS, "0", "14h2m3s", "37s", 37 }, { REQUESTS, "0", "14h2m3s", "1m2s", 62 }, { REQUESTS, "70000", "14h2m3s", nil, 60 },
    } do
      local err = refused(case[1], case[2], case[3], case[4])
      assert.same({ "rate_limit", true, case[5] }, { err.kind, err.retryable, err.retry_after })
    end
    local err = refused("Token limit per day exceeded.", "0", "14h2m3s")
    assert.is_false(err.retryable)
    err = errors.from_status(429, { ["retry-after"] = "5", ["x-ratelimit-limit-token"] = "1" }, '{"detail":"' .. TOKENS .. '"}')
    assert.equal(5, err.retry_after)
    assert.is_nil(errors.from_status(429, {}, '{"detail":"' .. TOKENS .. '"}').retry_after)
  end)

  it("reads durations", function()
    assert.same({ 3723, 5, 0.25, 12, 60 },
      { errors.duration "1h2m3s", errors.duration "5s", errors.duration "250ms", errors.duration "12", errors.duration "1m" })
    assert.is_nil(errors.duration "")
    assert.is_nil(errors.duration "1x")
    assert.is_nil(errors.duration(nil))
  end)
end)

describe("errors.redact", function()
  it("takes a key out of every text", function()
    local key = "sk-a+b(c)%d"
    local err = errors.new { kind = "auth", message = "bad key " .. key .. ", " .. key, body = key, code = key, headers = { echo = key } }
    errors.redact(err, key)
    for _, text in ipairs { err.message, err.body, err.code, err.headers.echo, tostring(err) } do
      assert.is_nil(text:find(key, 1, true))
      assert.truthy(text:find("[REDACTED]", 1, true))
    end
  end)

  it("leaves an error alone where there is no key", function()
    assert.equal("m", errors.redact(errors.new { kind = "http", message = "m" }, nil).message)
  end)
end)

describe("errors.inside", function()
  local function inside(type, code, message, body, headers)
    return errors.inside({ type = type, code = code, message = message or "m", body = body }, headers or {})
  end

  it("may pass where a limit ends soon, or the server is busy", function()
    assert.is_true(inside("rate_limit_error").retryable)
    assert.is_false(inside("rate_limit_error", nil, "1000 requests per day").retryable)
    assert.is_false(inside("RESOURCE_EXHAUSTED", "429", "Quota.", '{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}').retryable)
    assert.is_true(inside("overloaded_error").retryable)
    assert.is_true(inside("UNAVAILABLE", "503").retryable)
    assert.is_false(inside("INVALID_ARGUMENT", "400").retryable)
    assert.is_false(inside().retryable)
  end)

  it("has the wait that head or body name, where it may pass", function()
    assert.equal(4, inside("overloaded_error", nil, nil, nil, { ["retry-after"] = "4" }).retry_after)
    assert.equal(4, inside(nil, "429", nil, '{"error":{"details":[{"retryDelay":"4s"}]}}').retry_after)
    assert.is_nil(inside("INVALID_ARGUMENT", "400", nil, nil, { ["retry-after"] = "4" }).retry_after)
  end)
end)

describe("errors.provider_kind", function()
  it("hears what type and code say", function()
    assert.equal("rate_limit", errors.provider_kind("rate_limit_error"))
    assert.equal("rate_limit", errors.provider_kind(nil, "429"))
    assert.equal("rate_limit", errors.provider_kind "RESOURCE_EXHAUSTED")
    assert.equal("auth", errors.provider_kind("authentication_error"))
    assert.equal("auth", errors.provider_kind(nil, "invalid_api_key"))
    assert.equal("provider", errors.provider_kind("server_error", "500"))
    assert.equal("provider", errors.provider_kind())
  end)
end)
