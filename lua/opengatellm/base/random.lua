--- Bytes that nobody can foresee, from the system.
--
-- No generator of our own, and not Lua's math.random: what it gives can be computed from what it gave. /dev/urandom is there on Linux,
-- macOS and the BSDs, in a few microseconds and without a library; where it is not (a chroot without devices), luaossl is asked.
--
-- @module opengatellm.base.random
local errors = require "opengatellm.errors"

local M = {}

-- Without a buffer: a buffered read would take 4 KiB for 4 bytes, and a forked process would have the same ones in its copy.
local function from_device(n)
  local device = io.open("/dev/urandom", "rb")
  if not device then return nil end
  device:setvbuf "no"
  local bytes = device:read(n)
  device:close()
  return bytes and #bytes == n and bytes or nil
end

local function from_library(n)
  local found, rand = pcall(require, "openssl.rand")
  return found and rand.ready() and rand.bytes(n) or nil
end

--- n bytes.
---@param n integer 1 and above
---@return string? bytes
---@return ogl.Error? err `config`: this system has no source of them
function M.bytes(n)
  local bytes = from_device(n) or from_library(n)
  if bytes then return bytes end
  return nil, errors.new { kind = "config", message = "no source of random bytes: there is no /dev/urandom here, and no luaossl" }
end

return M
