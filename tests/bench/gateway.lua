-- The gateway of the benchmark: a path of one of its servers is the name of a model. Metrics are on, as they would be.
local ogl = require "opengatellm"

local function route(server, path)
  return { model = path, client = ogl.client { provider = "openai_compatible", base_url = server .. "/" .. path, api_key = "sk-bench" } }
end

local routes = { route(os.getenv "SERVER", "small"), route(os.getenv "SERVER", "gib/256") }
for path in os.getenv "MODELS":gmatch "%S+" do routes[#routes + 1] = route(os.getenv "TRICKLE", path) end

return { routes = routes, metrics = ogl.middleware.prometheus { shared = "gateway" } }
