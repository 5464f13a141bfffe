-- When one server is down, another one answers; what was tried stands in the reply. A prompt that is too long has a row of its own.
-- usage: OGL_URL=… OGL_TOKEN=… lua fallback.lua "question"
local ogl = require "opengatellm"

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }
local down = ogl.client { base_url = "http://127.0.0.1:9", api_key = "sk-none", model = "none" }       -- nothing listens there

local router = ogl.router {
  clients = { { name = "down", client = down }, { name = "up", client = client }, { name = "long", client = client } },
  fallback = { context_length = { "long" } },
  retries = { max = 2, max_wait = 30 },
}

local stream, err = router:stream(arg[1] or "Bonjour")
if not stream then
  print(err)
  os.exit(1)
end
for text in stream:texts() do io.write(text) end
io.write "\n"
for i, attempt in ipairs(assert(stream:reply()).attempts) do
  print(i, attempt.client, attempt.kind or "answered", attempt.milliseconds .. " ms")
end
