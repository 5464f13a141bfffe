--- Ports at which nothing listens, for servers that have to be told their port.
--
-- The system would give one, but between that answer and the server's bind another process may get it too: another part of the test run,
-- or any outgoing connection. So each process takes a block of a hundred ports below those that Linux, the BSDs and macOS give away by
-- themselves. It listens at the first port of the block for as long as it lives, and where that succeeds the others are its own.
local kept = require "spec.support.kept"
local socket = require "socket"

local M = {}

local FIRST, LAST, BLOCK = 12000, 31900, 100

local function claim()
  for first = FIRST, LAST, BLOCK do
    local listener = socket.bind("127.0.0.1", first)
    if listener then return { first = first, used = 0, claim = listener } end
  end
  error("no hundred ports between " .. FIRST .. " and " .. LAST .. " are free")
end

local function is_free(port)
  local listener = socket.bind("127.0.0.1", port)
  if listener then listener:close() end
  return listener ~= nil
end

--- A port of 127.0.0.1 where nothing listens, and where no other process of the test run will.
---@return integer
function M.free_port()
  kept.ports = kept.ports or claim()
  local ports = kept.ports
  for _ = 1, BLOCK do
    ports.used = ports.used % (BLOCK - 1) + 1
    local port = ports.first + ports.used
    if is_free(port) then return port end
  end
  error "all ports of this process are in use"
end

return M
