--- Waiting for what another process does.
local socket = require "socket"

local M = {}

--- Asks until `check` says yes; the bound is an end for a failure, not a measure.
---@param check fun(): boolean
---@return boolean
function M.eventually(check)
  for _ = 1, 1500 do
    if check() then return true end
    socket.sleep(0.02)
  end
  return false
end

return M
