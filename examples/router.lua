-- Several servers as one: code goes to a model for code, everything else to the fastest, and one that is down is left alone.
-- usage: OGL_URL=… OGL_TOKEN=… lua router.lua "question" "question" …
local ogl = require "opengatellm"

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }

local router = ogl.router {
  clients = {
    { name = "small", client = client },
    { name = "code", client = client, model = os.getenv "OGL_CODE_MODEL" or os.getenv "OGL_MODEL" or "mistral-small" },
  },
  strategy = { "keyword", rules = { { words = { "Lua", "SQL", "function" }, rows = { "code" } } } },
  breaker = { failures = 3, recovery = 30 },
  hedge = { delay = "p95" },          -- a row that takes longer than 95 of 100 calls did gets company
  deadline = 120,
}

for _, question in ipairs(arg) do
  local reply, err = router:chat(question)
  if reply then print(reply.attempts[#reply.attempts].client .. ": " .. reply.text) else print("failed: " .. tostring(err)) end
end
for name, row in pairs(router:state()) do print(name, row.state, ("%.3g s"):format(row.latency or 0)) end
