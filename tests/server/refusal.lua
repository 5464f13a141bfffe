--- Refusals: answers that end a request, raised from however deep (http.lua takes the table for the answer).
--
-- `refuse(status, words…)` is OGL's `{"detail": "…"}`, the words formatted; `detail(status, value)` has any JSON for
-- a detail; `invalid(problems)` is the 422 of the validation. None of them returns.

local json = require "server.json"

local refusal = {}

function refusal.detail(status, value, headers)
  if status == 401 then headers = { { "www-authenticate", "Bearer" } } end
  error({ status = status, body = json.encode(json.record("detail", value)), headers = headers }, 0)
end

function refusal.refuse(status, words, ...)
  refusal.detail(status, words:format(...))
end

--- `problems` are the records that check.lua makes.
function refusal.invalid(problems)
  refusal.detail(422, json.list(problems))
end

return refusal
