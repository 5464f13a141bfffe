-- Many questions at once, in one process and one thread; the answers come in the order of the questions.
-- usage: OGL_URL=… OGL_TOKEN=… lua parallel.lua "question" "question" …
local ogl = require "opengatellm"

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }

ogl.run(function()
  local results = ogl.map(arg, function(question) return client:chat(question) end, { concurrency = 8 })
  for i, result in ipairs(results) do
    print(arg[i])
    print("  " .. (result.value and result.value.text or "failed: " .. tostring(result.err)))
  end
end)
