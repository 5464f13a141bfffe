--- Random bytes from the operating system, which an attacker cannot predict.
--
-- Lua's math.random will not do: its next numbers can be computed from earlier ones. /dev/urandom serves on Linux, macOS and the BSDs,
-- in a few microseconds and without a library; where it is missing (a chroot without devices), luaossl serves.
--
-- @module opengatellm.base.random
local errors = require "opengatellm.errors"

local M = {}

-- Reads without a buffer: a buffered read would take 4 KiB for 4 bytes, and a forked process would hand out the same bytes again.
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

--- Gives n random bytes.
---@param n integer 1 and above
---@return string? bytes
---@return ogl.Error? err `config`: this system has no source of random bytes
function M.bytes(n)
  local bytes = from_device(n) or from_library(n)
  if bytes then return bytes end
  return nil, errors.new { kind = "config", message = "no source of random bytes: this system has neither /dev/urandom nor luaossl" }
end

return M
