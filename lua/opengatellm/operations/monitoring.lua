--- The operations that watch a server: health and metrics.
--
-- The form of a row: operations/init.lua.
--
-- @module opengatellm.operations.monitoring
local metrics = require "opengatellm.operations.metrics"

return {
  { "health", "GET /health", "What the server says of itself: {status = \"ok\"}.", result = "object", root = true, anonymous = true, common = true },
  {
    "health_models", "GET /health/models", "The state of each model that the key may use: {id, status = green|yellow|red}.",
    result = "list of object", root = true,
  },
  {
    "metrics", "GET /metrics", "The server's metrics as Prometheus writes them; with `parse`, as a table of families.", result = "text",
    root = true, own = { parse = "boolean: A table instead of the text." }, finish = metrics.finish,
  },
}
