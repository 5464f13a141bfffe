--- Files: whether one is there, and what is in it.
--
-- @module opengatellm.base.file
local M = {}

--- Says whether a file is there, and may be read.
---@param path string
---@return boolean
function M.exists(path)
  local file = io.open(path, "rb")
  if file then file:close() end
  return file ~= nil
end

--- Reads a file.
---@param path string
---@param most? integer bytes that are read; nil: all of it
---@return string? bytes
---@return string? why in the system's words, without the path: "No such file or directory"; a folder can be opened, and not read
function M.read(path, most)
  local file, why = io.open(path, "rb")
  if not file then return nil, (tostring(why):gsub("^.*: ", "")) end
  local bytes
  bytes, why = file:read(most or "*a")
  file:close()
  if bytes or why then return bytes, why end
  return "" -- at the end of a file at once, which Lua tells as nil
end

return M
