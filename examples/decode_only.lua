-- Your own bytes, from wherever they come: the core does no I/O, and needs no libcurl.
-- usage: lua decode_only.lua < answer.sse
local core = require "opengatellm.core"

local decoder = core.decoder "openai_chat"
local next_event = core.next

local function show()
  local event, code, message = next_event(decoder)
  while event do
    print(event.type, event.text or event.reason or "")
    event, code, message = next_event(decoder)
  end
  if code then
    print("error", code, message)
    os.exit(1)
  end
end

for bytes in function() return io.read(4096) end do
  decoder:feed(bytes)
  show()
end
decoder:finish()
show()
print("the reply", decoder:reply().text)
