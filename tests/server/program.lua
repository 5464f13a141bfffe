--- A program: what the servers of this folder have in common as commands.
--
-- `options` reads the command line; `announce` prints `port N`, the one line that a parent waits for; `exit_when_idle`,
-- `exit_at_eof` end the program, so that nothing is left behind when a test dies.

local loop = require "server.loop"

local program = {}

local function fail(text)
  io.stderr:write(text, "\n")
  os.exit(2)
end

--- Reads `--name value…` from the command line. `known` maps a name to its number of values: none gives true, one a
--- string, more a list.
function program.options(arguments, known)
  local options, position = {}, 1
  while arguments[position] do
    local name = arguments[position]:match("^%-%-(.+)$")
    local count = known[name] or fail("unknown option " .. arguments[position])
    local values = table.move(arguments, position + 1, position + count, 1, {})
    if #values < count then fail(("--%s needs %d value(s)"):format(name, count)) end
    options[name] = count == 0 or count == 1 and values[1] or values
    position = position + count + 1
  end
  return options
end

function program.announce(server)
  io.stdout:write("port ", server.port, "\n")
  io.stdout:flush()
end

--- Stops the loop when for `seconds` no connection came and no byte went in or out.
function program.exit_when_idle(server, seconds)
  loop.spawn(function()
    while true do
      local left = server.active + seconds - loop.now()
      if left <= 0 then return loop.stop() end
      loop.sleep(left)
    end
  end)
end

--- Stops the loop when standard input ends, as it does when the parent dies.
function program.exit_at_eof()
  io.stdin:setvbuf("no")
  local stdin = { getfd = function() return 0 end } -- all that select wants of a socket
  loop.spawn(function()
    repeat loop.readable(stdin) until not io.stdin:read(1)
    loop.stop()
  end)
end

return program
