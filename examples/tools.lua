-- A tool: the model calls a function of this program, reads what it returns, and answers. The conversation runs the loop.
-- usage: OGL_URL=… OGL_TOKEN=… lua tools.lua [QUESTION]
local ogl = require "opengatellm"
local s = ogl.schema

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }

local weather = ogl.tool {
  name = "get_weather", description = "The weather of a city.",
  parameters = s.object { { "city", s.string "its name" } },
  run = function(arguments) return { city = arguments.city, celsius = 21, sky = "clear" } end,
}
local chat = ogl.conversation { client = client, tools = { weather }, max_steps = 5 }

local answer = assert(chat:stream(arg[1] or "Quel temps fait-il à Paris ?"))
local event, err = answer:next()
while event do
  if event.type == "tool_start" then print("[" .. event.name .. " " .. event.arguments.city .. "]") end
  if event.type == "text" then io.write(event.text) end
  io.flush()
  event, err = answer:next()
end
print()
if err then
  print(err)
  os.exit(1)
end
print(chat.steps .. " requests, " .. (chat.usage.total_tokens or "?") .. " tokens")
