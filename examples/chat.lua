-- An answer in ten lines. OGL_URL and OGL_TOKEN say where from; OGL_MODEL may name the model.
local ogl = require "opengatellm"

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }
local reply, err = client:chat "Quelle est la capitale de la France ?"
if not reply then
  print(err)
  os.exit(1)
end
print(reply.text)
print(reply.finish_reason, reply.usage and reply.usage.total_tokens)
