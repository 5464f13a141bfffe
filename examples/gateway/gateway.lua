-- The models that the gateway has, and who answers for them. Ollama's programs and OpenAI's see the same names.
local ogl = require "opengatellm"

local albert = ogl.client { base_url = os.getenv "OGL_URL", api_key = os.getenv "OGL_TOKEN" }

return {
  metrics = ogl.middleware.prometheus { shared = "gateway" },
  key = os.getenv "GATEWAY_KEY", -- what callers have to send; without the variable, nothing
  routes = {
    { model = "fast", client = albert, to = "gpt-oss-120b" },
    { client = albert }, -- every other name, as the server knows it
  },
}
