-- An answer as it comes, then what it cost. A failure in mid-stream raises in the loop; pcall gives it, with what came before.
local ogl = require "opengatellm"

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }
local stream, err = client:stream {
  messages = { ogl.system "Réponds en deux phrases.", ogl.user "Qui a bâti le Louvre ?" },
  max_tokens = 200,
}
if not stream then
  print(err)
  os.exit(1)
end

local fine, problem = pcall(function()
  for event in stream:events() do
    if event.type == "text" then
      io.write(event.text)
      io.flush()
    end
  end
end)
print()
if not fine then
  print(problem)
  os.exit(1)
end

local usage = stream:reply().usage or {}
print(("%s tokens, %s kWh"):format(usage.total_tokens or "?", usage.energy_kwh or "?"))
