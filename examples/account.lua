-- Who am I, what did I use in the last 30 days, which keys do I have?
--   OGL_URL=… OGL_TOKEN=… lua5.4 examples/account.lua
local ogl = require "opengatellm"
local client = ogl.client()

local me = assert(client:me())
print(("%s, user %d, budget %s"):format(me.email, me.id, me.budget or "unlimited"))

for entry in client:each_usage() do
  print(os.date("!%Y-%m-%d", entry.start_time), entry.requests, entry.total_tokens, entry.cost, entry.energy_kwh)
end
for key in client.keys:each() do print(key.id, key.name, key.value, key.expires and os.date("!%Y-%m-%d", key.expires) or "never ends") end
