-- The gateway of spec/hosts/nginx_gateway_spec.lua: every scenario of the fault server is a model. By its own name its bytes pass through;
-- behind "made/" they are translated. What answers without faults is the scripted OpenGateLLM.
local ogl = require "opengatellm"

local clients = {}

-- A client of a scenario, kept so that its connections are.
local function client_of(scenario)
  clients[scenario] = clients[scenario] or ogl.client {
    provider = "openai_compatible", base_url = os.getenv "UPSTREAM" .. "/" .. scenario, api_key = "sk-upstream", retries = { max = 0 },
  }
  return clients[scenario]
end

local routes = {}
for scenario in os.getenv "SCENARIOS":gmatch "%S+" do
  routes[#routes + 1] = { match = function(name) return name == scenario and name or nil end, client = client_of(scenario) }
  routes[#routes + 1] = { model = "made/" .. scenario, client = client_of(scenario), to = "m" }
end
local router = ogl.router { clients = { { client = client_of "stall_head", name = "slow" } }, strategy = "least_busy" }
routes[#routes + 1] = { model = "routed", client = router, to = "m" }
-- A model that is two servers, the first of which is down; its breaker is what the workers share.
routes[#routes + 1] = { model = "virtual", to = "m", client = ogl.router {
  name = "virtual", store = ogl.store.shared "gateway", breaker = { failures = 1 },
  clients = { { client = client_of "status:503", name = "down" }, { client = client_of "ok", name = "up" } },
} }
local sink = ogl.client { provider = "ollama", base_url = os.getenv "UPSTREAM" .. "/sink" } -- tells what it was sent
routes[#routes + 1] = { model = "managed", manage = true, client = sink }
local server = ogl.client { base_url = os.getenv "OGL", api_key = "sk-demo" }
routes[#routes + 1] = { model = "gpt-oss-120b", client = server }
routes[#routes + 1] = { model = "bge-m3", client = server }

local gateway = ogl.gateway { routes = routes, metrics = ogl.middleware.prometheus { shared = "gateway" }, limits = { body = 100000 } }
gateway.router = router
return gateway
