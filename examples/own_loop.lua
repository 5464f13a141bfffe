-- A loop of your own, here luasocket's select: it watches one descriptor for all that the client does.
-- usage: OGL_URL=… OGL_TOKEN=… lua own_loop.lua
local ogl = require "opengatellm"
local socket = require "socket"

local client = ogl.client { model = os.getenv "OGL_MODEL" or "mistral-small" }
local loop = assert(ogl.loop())
local ours = { getfd = function() return loop:fd() end } -- all that select asks of an object

ogl.spawn(function()
  local stream, err = client:stream "Raconte une histoire en trois phrases."
  while stream do
    local event
    event, err = stream:next()
    if not event then break end
    if event.type == "text" then io.write(event.text) io.flush() end
  end
  print(err or "")
end)

local FRAME = 0.05 -- seconds between two pictures of this game
while loop:busy() do
  socket.select({ ours }, nil, math.min(FRAME, loop:timeout() or FRAME))
  loop:step()
  -- draw the next picture here
end
