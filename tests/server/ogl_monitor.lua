--- What the operator of the played server looks at: health, and metrics in Prometheus's text.
--
-- The numbers of the metrics are those of the calls in the ledger, with invented times.

local gate = require "server.gate"
local json = require "server.json"

local BUCKETS = { 0.1, 0.5, 1.0, 2.5 }
local SECONDS = 0.12 -- what every call is said to have taken

local function health(call)
  call:answer(200, json.record("status", "ok"))
end

local function health_models(call)
  local list = json.list()
  for position, router in ipairs(gate.open_to(call)) do
    list[position] = json.record("id", router.name, "status", "green")
  end
  call:answer(200, call.dialect.health_models == "bare" and list or json.record("data", list))
end

-- Metrics -----------------------------------------------------------------------------------------------------------

local ESCAPES = { ["\\"] = "\\\\", ['"'] = '\\"', ["\n"] = "\\n" }

--- A label with its value, escaped as Prometheus wants it.
local function label(name, value)
  return ('%s="%s"'):format(name, (value:gsub('[\\"\n]', ESCAPES)))
end

--- Calls and tokens by endpoint and model, sorted.
local function groups_of(rows)
  local groups, order = {}, {}
  for _, row in ipairs(rows) do
    local name = label("endpoint", row.endpoint) .. "," .. label("model", row.model or "")
    if not groups[name] then
      groups[name] = { labels = name, calls = 0, tokens = 0 }
      order[#order + 1] = groups[name]
    end
    groups[name].calls = groups[name].calls + 1
    groups[name].tokens = groups[name].tokens + row.prompt + row.completion
  end
  table.sort(order, function(a, b) return a.labels < b.labels end)
  return order
end

local function family(lines, name, kind, help)
  lines[#lines + 1] = ("# HELP %s %s"):format(name, help)
  lines[#lines + 1] = ("# TYPE %s %s"):format(name, kind)
end

local function sample(lines, name, labels, value)
  lines[#lines + 1] = ("%s{%s} %s"):format(name, labels, value)
end

local function histogram(lines, name, groups)
  family(lines, name, "histogram", "Duration of requests in seconds")
  for _, group in ipairs(groups) do
    for _, bound in ipairs(BUCKETS) do
      local count = SECONDS <= bound and group.calls or 0
      sample(lines, name .. "_bucket", group.labels .. "," .. label("le", tostring(bound)), ("%.1f"):format(count))
    end
    sample(lines, name .. "_bucket", group.labels .. "," .. label("le", "+Inf"), ("%.1f"):format(group.calls))
    sample(lines, name .. "_count", group.labels, ("%.1f"):format(group.calls))
    sample(lines, name .. "_sum", group.labels, group.calls * SECONDS)
  end
end

local function metrics(call)
  local lines, groups = {}, groups_of(call.play.ledger.rows)
  family(lines, "python_info", "gauge", "Python platform information")
  sample(lines, "python_info", label("implementation", "CPython") .. "," .. label("version", "3.12.3"), "1.0")
  family(lines, "ogl_build_info", "gauge", "A label with every character that is escaped: \\\\ and \\n")
  sample(lines, "ogl_build_info", label("path", 'C:\\ogl "demo"\nline') .. "," .. label("version", call.dialect.play), "1.0")
  family(lines, "http_requests_total", "counter", "Total number of requests")
  for _, group in ipairs(groups) do sample(lines, "http_requests_total", group.labels, ("%.1f"):format(group.calls)) end
  family(lines, "ogl_tokens_total", "counter", "Total number of tokens")
  for _, group in ipairs(groups) do sample(lines, "ogl_tokens_total", group.labels, ("%.1f"):format(group.tokens)) end
  histogram(lines, "http_request_duration_seconds", groups)
  call.response:whole(200, table.concat(lines, "\n") .. "\n", "text/plain; version=0.0.4; charset=utf-8")
end

return function(dialect)
  return {
    { "GET", "/health", health, open = true },
    { "GET", "/health/models", health_models, migrated = true, off = not dialect.health_models },
    { "GET", "/metrics", metrics, open = true },
  }
end
