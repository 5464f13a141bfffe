local metrics = require "opengatellm.operations.metrics"

-- The lines that Prometheus's documentation of the format is about: escapes, timestamps, special values, a histogram.
local TEXT = [[
# HELP http_requests_total The total number of HTTP requests.
# TYPE http_requests_total counter
http_requests_total{method="post",code="200"} 1027 1395066363000
http_requests_total{method="post",code="400"}    3 1395066363000

# a comment, and a line that is nothing
!!!
# HELP esc A \\ and a \n line.
esc{path="C:\\DIR",error="Cannot find \"x\"\n}",} 1.458255915e9
nothing 12.47
strange{problem="division by zero"} +Inf -3982045
nan NaN
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{le="0.05"} 24054
http_request_duration_seconds_bucket{le="+Inf"} 144320
http_request_duration_seconds_sum 53423
http_request_duration_seconds_count 144320
]]

describe("Prometheus's text", function()
  local families = metrics.parse(TEXT)

  it("becomes families with their samples", function()
    assert.same({
      type = "counter", help = "The total number of HTTP requests.", samples = {
        { name = "http_requests_total", labels = { method = "post", code = "200" }, value = 1027, timestamp = 1395066363000 },
        { name = "http_requests_total", labels = { method = "post", code = "400" }, value = 3, timestamp = 1395066363000 },
      },
    }, families.http_requests_total)
    assert.same({ samples = { { name = "nothing", labels = {}, value = 12.47 } } }, families.nothing)
  end)

  it("has its escapes undone", function()
    assert.equal("A \\ and a \n line.", families.esc.help)
    assert.same({ path = "C:\\DIR", error = 'Cannot find "x"\n}' }, families.esc.samples[1].labels)
    assert.equal(1458255915, families.esc.samples[1].value)
  end)

  it("has numbers that are none", function()
    assert.equal(math.huge, families.strange.samples[1].value)
    assert.equal(-3982045, families.strange.samples[1].timestamp)
    local value = families.nan.samples[1].value
    assert.is_true(value ~= value)
  end)

  it("keeps a histogram together", function()
    local family = families.http_request_duration_seconds
    assert.equal("histogram", family.type)
    assert.equal(4, #family.samples)
    assert.equal("+Inf", family.samples[2].labels.le)
    assert.is_nil(families.http_request_duration_seconds_sum)
  end)

  it("may be cut anywhere", function()
    for i = 1, #TEXT do assert.is_table(metrics.parse(TEXT:sub(1, i))) end
  end)
end)
