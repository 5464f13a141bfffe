--- Resident memory while 1 GiB streams by.
--
-- usage: lua memory.lua BASE_URL MIB keep|drop      prints MiB above the start at the peak, and MiB of text in the reply
local ogl = require "opengatellm"

local base, mib, keep = arg[1], tonumber(arg[2]), arg[3] == "keep"

local function resident()
  for line in io.lines "/proc/self/status" do
    local kib = line:match "^VmRSS:%s*(%d+)"
    if kib then return tonumber(kib) / 1024 end
  end
end

local client = ogl.client { provider = "openai_compatible", base_url = base .. "/gib/" .. mib, model = "m", limits = { reply = 2 ^ 30 } }
assert(client:stream("hi")):close()
local start, peak, count, size = resident(), 0, 0, 0
local stream = assert(client:stream { messages = { ogl.user "hi" }, keep = keep })
for event in stream:events() do
  count = count + 1
  if event.type == "text" then size = size + #event.text end
  if count % 10000 == 0 then peak = math.max(peak, resident()) end
end
print(string.format("%.1f %.1f", peak - start, keep and size / 2 ^ 20 or 0))
