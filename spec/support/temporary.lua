--- Temporary files and names of this busted process. A shell that reads a pipe removes the folder when the process ends, whatever ended it.
local kept = require "spec.support.kept"

local M = {}

--- The folder of this process.
---@return string path
function M.directory()
  if not kept.directory then
    local path = os.tmpname()
    assert(os.remove(path))
    local made = os.execute("mkdir -m 700 " .. path)
    assert(made == true or made == 0, path .. " cannot be made")
    kept.directory = path
    kept.remover = assert(io.popen(("trap '' INT TERM; cat >/dev/null; rm -rf %s"):format(path), "w"))
  end
  return kept.directory
end

--- Writes a new file of the folder.
---@param bytes string
---@return string path
function M.write(bytes)
  kept.files = kept.files + 1
  local path = M.directory() .. "/file" .. kept.files
  local file = assert(io.open(path, "wb"))
  assert(file:write(bytes))
  assert(file:close())
  return path
end

--- An id that no scenario's text of this process has had.
---@return string
function M.id()
  kept.ids = kept.ids + 1
  return "id" .. kept.ids .. "x"
end

return M
