--- Files that are read whole.
--
-- @module opengatellm.base.file
local M = {}

--- Reads a file.
---@param path string
---@return string? bytes
---@return string? why in the system's words, without the path: "No such file or directory"; a folder can be opened, and not read
function M.read(path)
  local file, why = io.open(path, "rb")
  if not file then return nil, (tostring(why):gsub("^.*: ", "")) end
  local bytes
  bytes, why = file:read "*a"
  file:close()
  if not bytes then return nil, why or "Is a directory" end
  return bytes
end

return M
