--- A terminal of 100 columns and 30 rows, in which a program runs.
local temporary = require "spec.support.temporary"

local M = {}

local SCRIPT = [=[
import fcntl, os, pty, struct, sys, termios
pid, fd = pty.fork()
if pid == 0:
    os.execvp("sh", ["sh", "-c", sys.argv[1]])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
awaited, keys, text = sys.argv[2].encode(), sys.argv[3].encode(), b""
while True:
    try:
        some = os.read(fd, 4096)
    except OSError:
        break
    if not some:
        break
    text += some
    if awaited in text and keys:
        os.write(fd, keys)
        keys = b""
status = os.waitpid(pid, 0)[1]
sys.stdout.buffer.write(text + b"status %d" % (status >> 8))
]=]

local function quoted(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

--- Runs a command of the shell, and types keys into it once it has printed a text.
---@param command string
---@param awaited? string default: "ready"
---@param keys? string
---@return string text all that it printed, with line ends alone
---@return integer status
function M.in_terminal(command, awaited, keys)
  local script = temporary.write(SCRIPT)
  local pipe = assert(io.popen(("timeout 60 python3 %s %s %s %s"):format(script, quoted(command), quoted(awaited or "ready"), quoted(keys or ""))))
  local said = pipe:read "*a"
  pipe:close()
  local text, status = said:gsub("\r\n", "\n"):match "^(.*)status (%d+)$"
  assert(text, "the terminal said: " .. said)
  return text, tonumber(status)
end

return M
