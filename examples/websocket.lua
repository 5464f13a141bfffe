-- Two questions over one WebSocket: the server has the first answer in memory, and the second question goes on from it. OPENAI_API_KEY
-- is the key; OPENAI_BASE_URL may name another server that speaks Responses so, OGL_MODEL the model.
local ogl = require "opengatellm"

local client = ogl.client { provider = "openai", transport = "websocket", model = os.getenv "OGL_MODEL" or "gpt-5-mini" }
local last
for _, question in ipairs { "Quelle est la capitale de la France ?", "Combien a-t-elle d'habitants ?" } do
  local reply, err = client:chat { messages = { ogl.user(question) }, previous_response_id = last, store = false }
  if not reply then
    print(err)
    os.exit(1)
  end
  print(reply.text)
  last = reply.id
end
client:close()
