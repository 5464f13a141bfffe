--- The gate: who comes in, which model they get, and how often.
--
-- `enter` reads the key of a request, `admin` lets administrators pass, `model` finds the model that a request names,
-- `admit` counts a call against the limits and writes the x-ratelimit headers. Each refuses (and does not return)
-- whom it does not let through, in the words of the dialect. The counts are in accounts.lua.

local refusal = require "server.refusal"

local gate = {}

local EXPIRED = "Your account has expired. Please contact support to renew your account."

-- Keys --------------------------------------------------------------------------------------------------------------

--- The status for a key that is no good: OpenGateRAG says 403, and so do the routes of OGL's old stack.
local function refused_status(dialect, row)
  if row.rag and not dialect.rag_inside then return 403 end
  return row.migrated and 401 or dialect.legacy_refusal
end

--- The user of a request, and the record of the key if the server issued it. `row` is the route's.
function gate.enter(play, request, row)
  local dialect = play.dialect
  local scheme, secret = (request.headers["authorization"] or ""):match("^(%S+)%s+(.+)$")
  if not scheme then refusal.refuse(dialect.no_credentials, "Not authenticated") end
  local status = refused_status(dialect, row)
  if scheme ~= "Bearer" then refusal.refuse(status, "Invalid authentication scheme.") end
  local user, key = play.accounts:identify(secret)
  if not user then refusal.refuse(status, "Invalid API key.") end
  if user.expires and user.expires <= os.time() and not row.expired_ok then refusal.refuse(403, EXPIRED) end
  return user, key
end

--- Lets only administrators pass; `resource` is what they administer.
function gate.admin(call, resource)
  if call.play.accounts:may(call.user, "admin") then return end
  local texts = call.dialect.texts
  refusal.refuse(403, texts.legacy_admin[resource] and texts.no_legacy_admin or texts.no_admin)
end

-- Models ------------------------------------------------------------------------------------------------------------

--- The routers that a user may use.
function gate.open_to(call)
  return call.play.fleet.routers:select(function(router)
    return #call.play.fleet:behind(router) > 0 and call.play.accounts:limits(call.user, router) ~= nil
  end)
end

--- The router of that name, if it is of one of the types (the first is the one that a refusal names) and open to the
--- user. `words` is the prefix of the texts, for the routes whose words came later than others'.
function gate.model(call, name, kinds, words)
  local texts = call.dialect.texts
  words = words or ""
  local router = call.play.fleet:model(name)
  if not router or not call.play.accounts:limits(call.user, router) then
    refusal.refuse(404, texts[words .. "model_missing"], name)
  end
  for _, kind in ipairs(kinds) do
    if router.type == kind then return router end
  end
  refusal.refuse(422, texts[words .. "model_type"], kinds[1], router.type)
end

-- Limits ------------------------------------------------------------------------------------------------------------

local REQUEST_RESET, TOKEN_RESET = "37s", "1h2m3s"

--- `of` is request or token; without a limit OGL writes Python's None.
local function write_headers(response, of, limit, before, reset)
  local remaining = limit and math.max(0, limit - before) or 0
  response:add_header("x-ratelimit-limit-" .. of, limit and ("%d"):format(limit) or "None")
  response:add_header("x-ratelimit-remaining-" .. of, ("%d"):format(remaining))
  -- the plural of one of the two is OGL's
  response:add_header(of == "request" and "x-ratelimit-reset-requests" or "x-ratelimit-reset-token",
    limit and before > 0 and reset or "0s")
end

local function check_budget(call, router)
  local billable = router.cost_prompt_tokens > 0 or router.cost_completion_tokens > 0
  if call.user.budget == 0 and billable and not call.dialect.budget_dropped then
    refusal.refuse(400, "Insufficient budget.")
  end
end

--- Counts a call of `prompt` tokens; refuses it with 400 (no budget) or 429. `shown` if the version tells the limits
--- on this route.
function gate.admit(call, router, prompt, shown)
  local accounts, texts = call.play.accounts, call.dialect.texts
  local limits = accounts:limits(call.user, router)
  local calls, tokens = accounts:count_call(call.user, router, prompt)
  if shown then
    write_headers(call.response, "request", limits.rpm, calls, REQUEST_RESET)
    write_headers(call.response, "token", limits.tpd or limits.tpm, tokens, TOKEN_RESET)
  end
  check_budget(call, router)
  for _, kind in ipairs { "rpm", "rpd", "tpm", "tpd" } do
    local limit = limits[kind]
    local used = kind:find("^r") and calls + 1 or tokens + prompt
    if limit and used > limit then refusal.refuse(429, texts[kind], limit) end
  end
end

return gate
