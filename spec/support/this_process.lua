--- What this process holds, as the system sees it.
local M = {}

--- How many descriptors are open; nil where the system does not say.
---@return integer?
function M.open_descriptors()
  local found, lfs = pcall(require, "lfs")
  if not found or not lfs.attributes("/proc/self/fd", "mode") then return nil end
  local count = 0
  for _ in lfs.dir "/proc/self/fd" do count = count + 1 end
  return count
end

--- Bytes of memory; nil where the system does not say, or another program (valgrind) runs us.
---@return number?
function M.memory()
  local file = not os.getenv "RUNNER" and io.open "/proc/self/status"
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return tonumber(text:match "VmRSS:%s*(%d+) kB") * 1024
end

return M
