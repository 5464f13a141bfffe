--- The environment of a spec: while a function runs, os.getenv gives these variables and no others.
local M = {}

---@param variables table<string, string>
---@param run function
function M.with(variables, run)
  local real = os.getenv
  os.getenv = function(name) return variables[name] end -- luacheck: ignore 122
  local results = { pcall(run) }
  os.getenv = real -- luacheck: ignore 122
  if not results[1] then error(results[2], 0) end
  return results[2]
end

return M
