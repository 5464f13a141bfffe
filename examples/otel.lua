-- Each call as a span, and metrics, to an OpenTelemetry collector; a line for each call on stderr.
-- usage: OGL_URL=… OGL_TOKEN=… OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 lua otel.lua
local ogl = require "opengatellm"

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }

local otel = ogl.middleware.otel { service = "examples", resource = { ["deployment.environment"] = "test" } }
local watched = client:use(otel, ogl.middleware.log())

local stream = assert(watched:stream "Quelle est la capitale de la France ?")
local text = stream:next()
while text do
  if text.type == "text" then io.write(text.text) end
  text = stream:next()
end
print()

local sent, err = otel:flush() -- what has not been sent yet
print(sent and "sent" or tostring(err))
