--- Names that must differ from others.
--
-- @module opengatellm.base.names
local M = {}

--- Gives a name that is not taken: the wanted one, else that with the first number from 2 on behind it. The caller notes that it is taken.
---@param wanted string
---@param taken table<string, any> the names that are
---@param separator string between the name and the number
---@return string
function M.free(wanted, taken, separator)
  local n, name = 1, wanted
  while taken[name] do
    n = n + 1
    name = wanted .. separator .. n
  end
  return name
end

return M
