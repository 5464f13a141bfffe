-- The gateway of spec/support/nginx_gateway.lua: every scenario of the fault server is a model. By its own name its bytes pass through;
-- behind "made/" they are translated. What answers without faults is the scripted OpenGateLLM. A protocol and a turn of
-- tests/server/turns.lua, "anthropic/tools", are a model that says that turn; "mirror" names what it was asked.
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
local routers = {}
for _, scenario in ipairs { "stall_head", "stall_mid_stream:3" } do
  local router = ogl.router { name = scenario, clients = { client_of(scenario) }, strategy = "least_busy" }
  routers[#routers + 1] = router
  routes[#routes + 1] = { model = "routed/" .. scenario, client = router, to = "m" }
end
-- A model that is two servers, the first of which is down; its breaker is what the workers share.
routes[#routes + 1] = { model = "virtual", to = "m", client = ogl.router {
  name = "virtual", store = ogl.store.shared "gateway", breaker = { failures = 1 },
  clients = { { client = client_of "status:503", name = "down" }, { client = client_of "ok", name = "up" } },
} }
local sink = ogl.client { provider = "ollama", base_url = os.getenv "UPSTREAM" .. "/sink" } -- tells what it was sent
routes[#routes + 1] = { model = "managed", manage = true, client = sink }
local server = ogl.client { base_url = os.getenv "OGL", api_key = "sk-demo" }
routes[#routes + 1] = { model = "gpt-oss-120b", client = server }
routes[#routes + 1] = { model = "other", client = server, to = "gpt-oss-120b" }
routes[#routes + 1] = { model = "bge-m3", client = server }

local PROVIDERS = {
  openai_chat = "openai_compatible", openai_responses = "responses_compatible", anthropic = "anthropic_compatible", gemini = "gemini",
  ollama = "ollama",
}

for protocol, provider in pairs(PROVIDERS) do
  local client = ogl.client { provider = provider, base_url = os.getenv "TURNS", api_key = "sk-turns", retries = { max = 0 } }
  routes[#routes + 1] = { prefix = protocol .. "/", client = client }
end

-- The parts of what a user says: "text, image/png of 70 bytes".
local function parts_of(message, names)
  local content = message.content
  for _, part in ipairs(type(content) == "table" and content or { { type = "text" } }) do
    names[#names + 1] = part.data and ("%s of %d bytes"):format(part.mime, #part.data) or part.type
  end
end

local function mirror(call)
  local names = {}
  for _, message in ipairs(call.request.messages) do parts_of(message, names) end
  return call:replay {
    { type = "start", id = "m1", model = "mirror" }, { type = "text", index = 1, text = table.concat(names, ", ") },
    { type = "finish", reason = "stop" },
  }
end

routes[#routes + 1] = { model = "mirror", client = server:use(mirror) }

local gateway = ogl.gateway { routes = routes, metrics = ogl.middleware.prometheus { shared = "gateway" }, limits = { body = 100000 } }
gateway.routers = routers
return gateway
