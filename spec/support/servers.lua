--- Programs that serve while specs run. Each starts when it is first asked for, once a busted process, and is a child of it that reads a
--- pipe: when this process ends, whatever ended it, the pipe does too, and the server with it.
local eventually = require "spec.support.eventually"
local kept = require "spec.support.kept"
local ports = require "spec.support.ports"
local socket = require "socket"
local temporary = require "spec.support.temporary"

local M = {}

-- Runs a command that prints `port N` and ends with its standard input; gives N.
local function start(name, command)
  local pipe = temporary.directory() .. "/" .. temporary.id()
  os.execute("mkfifo " .. pipe)
  local process = assert(io.popen(("exec >%s; echo $$; exec %s"):format(pipe, command), "w"))
  local output = assert(io.open(pipe))
  local id = output:read "*l" -- of the shell, and of the command that takes its place
  local port = (output:read "*l" or ""):match "^port (%d+)$"
  output:close()
  os.remove(pipe)
  kept.servers[name] = { process = process, id = id, port = assert(port, "the server did not start: " .. command) }
  return kept.servers[name].port
end

--- The port of a server that prints `port N` when it listens.
---@param name string under which it is kept, for `stop`
---@param command fun(): string called where it has to be started
---@return string
function M.port_of(name, command)
  local server = kept.servers[name]
  return server and server.port or start(name, command())
end

--- The address of a server of tests/server, run with these arguments: `helper.serve "ogl.lua --version 0.8"`. The same arguments are
--- the same server.
---@param arguments string
---@return string address
function M.serve(arguments)
  local function command() return "lua5.4 tests/server/" .. arguments .. " --until-eof" end
  return "http://127.0.0.1:" .. M.port_of(arguments, command)
end

--- The address of the scripted OpenGateLLM, which answers without a pause.
---@return string address
function M.ogl() return M.serve "ogl.lua --pace 0" end

--- Ends a server.
---@param name string the arguments of `serve`, or the name that `fault_at` gave
function M.stop(name)
  if kept.servers[name] then kept.servers[name].process:close() end
  kept.servers[name] = nil
end

--- Ends a server of `port_of` as a crash would: it sends no word to its clients.
---@param name string
function M.kill(name)
  os.execute("kill -9 " .. kept.servers[name].id)
  M.stop(name)
end

-- A shell that ends its child when its own input does.
local TETHERED = "sh -c '%s >/dev/null 2>&1 & child=$!; cat >/dev/null; kill $child'"

--- Runs a server that prints nothing, and waits until it listens.
---@param command string with a `%d` where its port goes
---@return string address
function M.server(command)
  local port = ports.free_port()
  command = command:format(port)
  kept.servers["server" .. port] = { process = assert(io.popen(TETHERED:format(command), "w")) }
  local listening = eventually.eventually(function()
    local connection = socket.connect("127.0.0.1", port)
    if connection then connection:close() end
    return connection ~= nil
  end)
  assert(listening, "the server did not start: " .. command)
  return "http://127.0.0.1:" .. port
end

--- Runs a Python server that takes its port as its last argument.
---@param command string
---@return string address
function M.python(command) return M.server("python3 " .. command .. " %d") end

return M
