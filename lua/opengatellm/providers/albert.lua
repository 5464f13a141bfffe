-- Albert, the French State's own instance of OpenGateLLM: the same data, with an address.
local request = require "opengatellm.request"

return request.merge(require "opengatellm.providers.opengatellm", {
  name = "albert",
  base_url = "https://albert.api.etalab.gouv.fr",
  url_env = {},
  key_env = { "ALBERT_API_KEY", "OGL_TOKEN" },
})
