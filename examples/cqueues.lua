-- Inside cqueues: the same calls yield to the controller whose thread makes them.
-- usage: OGL_URL=… OGL_TOKEN=… lua cqueues.lua
local cqueues = require "cqueues"
local ogl = require "opengatellm"

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }
local controller, done = cqueues.new(), 0

for _, town in ipairs { "Lyon", "Lille", "Brest" } do
  controller:wrap(function()
    local reply, err = client:chat("En une phrase : que voir à " .. town .. " ?")
    print(town, reply and reply.text or tostring(err))
    done = done + 1
  end)
end

controller:wrap(function() -- what else the program does goes on meanwhile
  while done < 3 do
    io.stderr:write "."
    cqueues.sleep(0.1)
  end
end)

assert(controller:loop())
