-- A client without a server: the replay transport plays recorded bytes, for specs and for trying things out.
local ogl = require "opengatellm"
local replay = require "opengatellm.transport.replay"

local recorded = [[
data: {"id":"c1","model":"demo","choices":[{"index":0,"delta":{"content":"Bon"}}]}

data: {"id":"c1","model":"demo","choices":[{"index":0,"delta":{"content":"jour."},"finish_reason":"stop"}]}

data: [DONE]

]]

local client = ogl.client {
  provider = "openai_compatible", base_url = "http://nowhere", model = "demo",
  transport = replay.new { headers = { ["content-type"] = "text/event-stream" }, body = recorded, chunk = 10 },
}
for text in assert(client:stream "Salut"):texts() do print(text) end
