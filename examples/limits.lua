-- Many questions under limits: so many requests and tokens a minute, and so much money a day.
-- usage: OGL_URL=… OGL_TOKEN=… lua limits.lua
local ogl = require "opengatellm"

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }

local limiter = ogl.middleware.limiter { requests = 30, tokens = 50000, max_wait = 120 }
local cost = ogl.middleware.cost {
  prices = { [client.model_name] = { input = 0.10, output = 0.30 } }, -- of a million tokens
  caps = { call = 0.01, day = 1 },
}
local careful = client:use(limiter, cost)

local towns = { "Paris", "Lyon", "Lille" }
for _, town in ipairs(towns) do
  local reply, err = careful:chat { messages = "Un mot sur " .. town .. " ?", max_tokens = 100 }
  if reply then
    print(town .. ": " .. reply.text)
  elseif err.code == "cost_cap" then
    print("the day's money is spent: " .. err.message)
    break
  else
    print(town .. ": failed: " .. tostring(err))
  end
end

print(("%d requests, %d tokens, %.6f spent"):format(limiter.state().requests, limiter.state().tokens, cost.spent().day))
