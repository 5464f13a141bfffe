-- What stands around a client's calls: a cache, a limit, a log line, and thoughts taken out of the text.
-- usage: OGL_URL=… OGL_TOKEN=… lua middleware.lua "question"
local ogl = require "opengatellm"

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }

local careful = client:use(
  ogl.middleware.timeout { seconds = 60 },
  ogl.middleware.limiter { requests = 60 },
  ogl.middleware.cache { seconds = 3600 },
  ogl.middleware.think {},
  { name = "log", done = function(reply, err, call) print(call.operation, call.model, err or reply.finish_reason) end })

local question = arg[1] or "Bonjour"
for _ = 1, 2 do
  local stream, err = careful:stream(question)
  if not stream then return print(err) end
  for text in stream:texts() do io.write(text) end
  print("\nfrom the cache: " .. tostring(stream:reply().cached or false))
end
