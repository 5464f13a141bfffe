-- For wrk: posts a file, with more headers where they are given; prints requests a second, the median latency in microseconds, how many
-- requests there were, and how many went wrong.
--
-- usage: wrk … -s tests/bench/post.lua URL -- BODY_FILE [NAME VALUE]...
-- luacheck: globals wrk init done

function init(args)
  local file = assert(io.open(args[1], "rb"))
  wrk.method, wrk.body, wrk.headers["content-type"] = "POST", file:read "*a", "application/json"
  file:close()
  for i = 2, #args, 2 do wrk.headers[args[i]] = args[i + 1] end
end

function done(summary, latency)
  local errors = summary.errors
  local bad = errors.status + errors.connect + errors.read + errors.write + errors.timeout
  io.write(("seen %.0f %.1f %d %d\n"):format(summary.requests / summary.duration * 1e6, latency:percentile(50), summary.requests, bad))
end
