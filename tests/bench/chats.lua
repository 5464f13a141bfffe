--- CPU of sequential small chats on one kept-alive connection.
--
-- usage: lua chats.lua BASE_URL N [BODY_FILE]
-- Prints CPU and wall time in microseconds a chat; writes the body that it posts to BODY_FILE, for the bare program.
local curl = require "opengatellm.curl"
local ogl = require "opengatellm"

local base, n, body_file = arg[1], tonumber(arg[2]), arg[3]
local client = ogl.client { provider = "openai_compatible", base_url = base .. "/small", model = "mistral-small", api_key = "sk-bench" }
local request = {
  messages = { ogl.system "Réponds en une phrase.", ogl.user "Quelle est la capitale de la France ?" }, max_tokens = 64, temperature = 0.2,
}

if body_file then
  local replay = require "opengatellm.transport.replay".new { body = '{"choices":[]}' }
  ogl.client { provider = "openai_compatible", base_url = "http://x", model = "mistral-small", transport = replay }:chat(request)
  local file = assert(io.open(body_file, "wb"))
  file:write(replay.requests[1].body)
  file:close()
end

-- Processor time of this process, user and system, in seconds.
local function cpu()
  return os.clock()
end

for _ = 1, 100 do assert(client:chat(request)) end
local start, wall = cpu(), curl.now()
for _ = 1, n do assert(client:chat(request)) end
print(string.format("%.1f %.1f", (cpu() - start) / n * 1e6, (curl.now() - wall) / n * 1e6))
