-- Which limits are of the day, by the words of servers.
local quota = require "opengatellm.base.quota"

describe("a limit", function()
  for _, words in ipairs {
    "Request limit per day exceeded.", "Token limit per day exceeded (remaining per minute: 5)", "Tokens per day limit exceeded - too many tokens",
    "Rate limit reached for m on tokens per day (TPD): Limit 100000, Used 99336. Please try again in 8m12s.",
    "Rate limit exceeded: free-models-per-day. Add credits to unlock 1000 free model requests per day",
    "Rate limit of 50 per 86400s exceeded for UserByModelByDay. Please wait 60 seconds before retrying.",
    "you have used up your daily free allocation of 10,000 neurons", "Rate limit exceeded: 100 per 1 day", "request reached TPD rate limit",
    "Too many requests: 200/day", "Quota exceeded: 50 calls every 24 hours", "no more than 200 requests a day",
    "You have exceeded your monthly included credits", "The limit for today is reached; come back tomorrow", "limited to 1000 calls / month",
  } do
    it("is one of the day or longer: " .. words, function()
      assert.is_true(quota.is_long(nil, nil, words))
      assert.is_true(quota.is_long(nil, nil, words:upper()))
    end)
  end

  for _, words in ipairs {
    "Slow down.", "Request limit per minute exceeded.", "Rate limit exceeded: 5 per 1 minute", "requests per min (RPM): Limit 3 / min",
    "Rate limit exceeded: free-models-per-min. Add credits to unlock 1000 free model requests per day",
    "Limit of 3 requests/min; paying users have 5000 requests/day", "Rate limit of 10 per 60s exceeded for UserByModelByMinute.",
    "Rate limit reached on tokens per min (TPM): Limit 86400. Visit https://h/daily to learn more.", "Overloaded since today's update",
    "Limit of 10 requests a minute; a daily limit holds as well",
  } do
    it("is one that ends soon: " .. words, function() assert.is_false(quota.is_long(nil, nil, words)) end)
  end

  it("is told by type and code too", function()
    assert.is_true(quota.is_long("requests_per_day", nil, "Limit reached."))
    assert.is_true(quota.is_long(nil, "daily-limit-exceeded", "Limit reached."))
    assert.is_false(quota.is_long("tokens_per_minute", "rate_limit_exceeded", "Limit reached."))
    assert.is_false(quota.is_long())
  end)

  it("has the name of a quota in details, of which one of the day counts", function()
    for body, long in pairs {
      ['{"quotaId":"GenerateRequestsPerDayPerProjectPerModel-FreeTier"}'] = true, ['{"quotaId" : "GenerateRequestsPerMinutePerProject"}'] = false,
      ['{"quotaId":"TokensPerMinute"},{"quotaId":"TokensPerDay"}'] = true, ['{"quota_limit":"RequestsPerDayPerRegion"}'] = true,
      ['{"raw":"{\\"quotaId\\": \\"RequestsPerDay\\"}"}'] = true, ['{"quotaId":7}'] = false, ["PerDay"] = false,
    } do
      assert.equal(long, quota.is_long(nil, nil, "Quota.", body), body)
    end
  end)

  it("says when it ends, in Google's details", function()
    assert.equal(2.5, quota.delay '{"@type":"google.rpc.RetryInfo","retryDelay":"2.5s"}')
    assert.equal(35, quota.delay '{"raw":"{\\"retryDelay\\": \\"35s\\"}"}')
    for _, body in ipairs { '{"retryDelay":"soon"}', '{"retryDelay":5}', "" } do assert.is_nil(quota.delay(body)) end
    assert.is_nil(quota.delay())
  end)
end)
