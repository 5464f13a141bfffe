--- The transport contract, and the choice of one.
--
-- A transport carries one HTTP exchange at a time per `open` and knows nothing of LLMs:
--
--   transport:open(request) -> exchange | nil, err      sends; returns at once, or when it cannot even begin
--   exchange:head() -> status, headers | nil, err       waits for the response head
--   exchange:read() -> bytes | nil (end) | nil, err     waits for more of the body; never an empty string
--   exchange:close()                                    any time, any number of times; nothing is left open
--
--   request = { method, url, headers = list of {name, value}, body = nil | string | {length = n | nil, read = function() -> bytes | nil},
--               timeouts = {connect, first_byte, idle, total} (seconds, nil: none), tls = {verify = true, ca_file, cert_file, key_file,
--               key_password}, proxy = url | nil, no_proxy = text | nil, unix_socket = path | nil, stream = boolean,
--               max_body = bytes | nil (ceiling of the decoded body), on_progress = function(direction, done, total) | nil }
--
-- `headers` of the response: lower-case name -> string; repeats are joined with ", ", `set-cookie` is a list.
-- Errors are tables of errors.lua: `network`, `tls`, `timeout` (with `phase`), `limit`, `closed`. An error stays: every later call gives it
-- again. Waiting is the host's: a blocking host waits here, any other one parks the coroutine.
-- Any byte that moves is life: `first_byte` runs from the last byte sent to the first one received, `idle` between two bytes while
-- the caller waits in head() or read(); time that the caller spends elsewhere does not count. `total` is a wall clock.
--
-- @module opengatellm.transport
local M = {}

return M
