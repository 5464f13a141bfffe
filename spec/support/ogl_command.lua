--- `ogl` as a program: nothing of this machine's settings and variables counts.
local temporary = require "spec.support.temporary"

local M = {}

local pwd = assert(io.popen "pwd")
--- The folder of the project.
M.ROOT = pwd:read "*l"
pwd:close()

--- Writes the command of a shell.
---@param arguments string
---@param variables? string such as "OGL_URL=http://… OGL_TOKEN=…"
---@param folder? string in which it runs; default: the temporary one
---@return string
function M.of(arguments, variables, folder)
  local kept = 'PATH="$PATH" LUA_PATH="$LUA_PATH" LUA_CPATH="$LUA_CPATH" TMPDIR="${TMPDIR:-/tmp}"'
  local own = temporary.directory()
  return ("cd %s && exec env -i %s XDG_CONFIG_HOME=%s/none %s %s %s/bin/ogl %s")
    :format(folder or own, kept, own, variables or "", os.getenv "OGL_LUA", M.ROOT, arguments)
end

--- What a shell prints, and the status of its command.
---@param command string
---@return string out
---@return integer status
function M.run(command)
  local pipe = assert(io.popen(("(%s); echo status $?"):format(command)))
  local out = pipe:read "*a"
  pipe:close()
  return out:gsub("status %d+\n$", ""), tonumber(out:match "status (%d+)\n$")
end

--- Writes the command of a shell that runs another whose standard output nobody reads, from its first byte on.
---@param command string
---@return string
function M.unread(command)
  local pipe = temporary.directory() .. "/" .. temporary.id()
  return ("mkfifo %s; exec 5<>%s 6>%s 5<&-; (%s) 2>&1 >&6"):format(pipe, pipe, pipe, command)
end

return M
