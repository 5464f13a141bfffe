-- One round trip of a tool: the model asks for it, we run it, the model answers. A reply goes back into the messages as it is.
local json = require "opengatellm.json"
local ogl = require "opengatellm"

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }
local tools = {
  {
    name = "get_weather", description = "The weather of a city.",
    parameters = { type = "object", properties = { city = { type = "string" } }, required = { "city" } },
  },
}
local run = { get_weather = function(arguments) return { city = arguments.city, celsius = 21, sky = "clear" } end }

local messages = { ogl.user "Quel temps fait-il à Paris ?" }
for _ = 1, 5 do
  local reply, err = client:chat { messages = messages, tools = tools }
  if not reply then
    print(err)
    os.exit(1)
  end
  messages[#messages + 1] = reply
  if not reply.tool_calls then
    print(reply.text)
    break
  end
  for _, call in ipairs(reply.tool_calls) do
    local tool = run[call.name]
    local result = tool and tool(assert(json.decode(call.arguments))) or { error = "there is no such tool" }
    messages[#messages + 1] = ogl.tool_result(call.id, result)
  end
end
