-- Inside luv's loop: a task waits by yielding to it, so timers and sockets of the program go on meanwhile. Start tasks once the loop
-- runs (here from a timer); a call outside of one blocks, as it does in any plain program.
-- usage: OGL_URL=… OGL_TOKEN=… lua luv.lua
local ogl = require "opengatellm"
local uv = require "luv"

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }

local clock = uv.new_timer()
clock:start(100, 100, function() io.stderr:write "." end) -- what else the program does
clock:unref()

local start = uv.new_timer()
start:start(0, 0, function()
  start:close()
  for _, town in ipairs { "Lyon", "Lille", "Brest" } do
    client:stream("En une phrase : que voir à " .. town .. " ?", {
      on_done = function(reply, err) print(town, reply and reply.text or tostring(err)) end,
    })
  end
end)

uv.run() -- until nothing waits any more
