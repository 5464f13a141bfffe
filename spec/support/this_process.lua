--- What this process holds, or another one, as the system sees it.
local M = {}

--- How many descriptors are open; nil where the system does not say.
---@param process? string its number; default: this one
---@return integer?
function M.open_descriptors(process)
  local found, lfs = pcall(require, "lfs")
  local folder = ("/proc/%s/fd"):format(process or "self")
  if not found or not lfs.attributes(folder, "mode") then return nil end
  local count = 0
  for _ in lfs.dir(folder) do count = count + 1 end
  return count
end

--- Bytes of memory; nil where the system does not say, or another program (valgrind) runs us.
---@param process? string its number; default: this one
---@return number?
function M.memory(process)
  local file = (process or not os.getenv "RUNNER") and io.open(("/proc/%s/status"):format(process or "self"))
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return tonumber(text:match "VmRSS:%s*(%d+) kB") * 1024
end

return M
