--- What the nginx of router.conf answers: steps of a store, and chats of a router whose breaker is in it.
--
--   GET /store/<kind>?method=…&key=…&value=…&seconds=…     {value = …, err = …}
--   GET /chat/<kind>                                       {text, attempts, warnings, err} of a chat; the first row is at …/bad
--   GET /state/<kind>                                      the router's state
--
-- A kind is "shared" or "redis".
local ogl = require "opengatellm"

local M = {}

local stores, routers = {}, {}

local function store_of(kind)
  if not stores[kind] then
    local port = tonumber(os.getenv "OGL_ROUTER_REDIS")
    stores[kind] = kind == "shared" and ogl.store.shared "ogl" or ogl.store.redis { port = port, timeout = 5 }
  end
  return stores[kind]
end

local function router_of(kind)
  if routers[kind] then return routers[kind] end
  local upstream = os.getenv "OGL_ROUTER_UPSTREAM"
  local function client(scenario)
    return ogl.client { base_url = upstream .. "/" .. scenario, api_key = "sk-0123456789abcdef", model = "m" }
  end
  routers[kind] = ogl.router {
    clients = { { client = client "status:503", name = "bad" }, { client = client "ok", name = "good" } },
    breaker = { failures = 3, recovery = 600 }, store = store_of(kind), retries = { max = 0 },
  }
  return routers[kind]
end

local ACTIONS = {}

function ACTIONS.store(kind, arguments)
  local store = store_of(kind)
  local given, seconds = tonumber(arguments.value) or arguments.value, tonumber(arguments.seconds)
  local value, err = store[arguments.method](store, arguments.key, given, seconds)
  return { value = value, err = err }
end

function ACTIONS.chat(kind)
  local reply, err = router_of(kind):chat "hi"
  local attempts = {}
  for i, attempt in ipairs((reply or err).attempts) do attempts[i] = attempt.client end
  local warnings = ogl.array(reply and reply.warnings or {})
  return { text = reply and reply.text, attempts = table.concat(attempts, " "), warnings = warnings, err = err and tostring(err) }
end

function ACTIONS.state(kind)
  local state = router_of(kind):state().bad
  return { state = state.state, failures = state.failures, worker = ngx.worker.pid() }
end

--- Answers the present request.
function M.serve()
  local action, kind = ngx.var.uri:match "^/(%w+)/(%w+)$"
  ngx.header.content_type = "application/json"
  ngx.say(require "opengatellm.json".encode(ACTIONS[action](kind, ngx.req.get_uri_args())))
end

return M
