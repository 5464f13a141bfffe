-- A name server that knows no name: prints `port N`, answers every question with NXDOMAIN, and ends with its standard input.
-- nginx resolves by itself, from a name server alone; the tests depend on none of the machine's.
local socket = require "socket"

local server = assert(socket.udp())
assert(server:setsockname("127.0.0.1", 0))
print("port " .. select(2, server:getsockname()))
io.stdout:flush()

local stdin = { getfd = function() return 0 end, dirty = function() return false end }
while true do
  local ready = socket.select({ server, stdin }, nil)
  if ready[stdin] and not io.read(1) then return end
  local question, ip, port = server:receivefrom()
  if question and #question >= 12 then
    -- the same id and question; response, recursion available, no such name; nothing but the question
    server:sendto(question:sub(1, 2) .. "\129\131" .. question:sub(5, 6) .. ("\0"):rep(6) .. question:sub(13), ip, port)
  end
end
