--- The servers of the specs, and what the specs ask of them and of this process.
--
-- Servers start when they are first asked for, once a busted process, and are children of it that read a pipe: when this
-- process ends, whatever ended it, the pipe does too, and they with it. The same holds for the folder of temporary files.
-- What has to outlive a spec file (busted loads modules anew for each) is kept in Lua's registry.
--
--   local client = helper.client("storm:2:429::" .. helper.id())      a client of the fault server, at that scenario
--   after_each(helper.close)                                          closes the clients that were made so
--
-- Scenarios: tests/server/README.md.

local cjson = require "cjson"
require "spec.support.once"
local socket = require "socket"

local M = {}

local registry = debug.getregistry()
local kept = registry["opengatellm.spec"] or { servers = {}, ids = 0, files = 0 }
registry["opengatellm.spec"] = kept

--- What every client of a spec has for a key.
M.KEY = "sk-SECRET-0123456789abcdef"
--- The text of every good answer of the fault server (tests/server/answers.lua), and what its stream says before and after.
M.TEXT = "Bonjour ! Ça coûte 3 €, c'est « donné » 😀. Voilà."

-- Processes -------------------------------------------------------------------------------------------------------

--- The folder of this run; a shell that waits for our end removes it.
function M.directory()
  if not kept.directory then
    local path = os.tmpname()
    assert(os.remove(path))
    assert(os.execute("mkdir " .. path))
    kept.directory = path
    kept.remover = assert(io.popen(("trap '' INT TERM; cat >/dev/null; rm -rf %s"):format(path), "w"))
  end
  return kept.directory
end

--- A new file of the folder, with these bytes.
function M.write(bytes)
  kept.files = kept.files + 1
  local path = M.directory() .. "/file" .. kept.files
  local file = assert(io.open(path, "wb"))
  assert(file:write(bytes))
  assert(file:close())
  return path
end

--- Runs a command that prints `port N` and ends with its standard input; gives N.
local function start(name, command)
  local pipe = M.directory() .. "/" .. M.id()
  os.execute("mkfifo " .. pipe)
  local process = assert(io.popen(("exec %s >%s"):format(command, pipe), "w"))
  local output = assert(io.open(pipe))
  local port = (output:read "*l" or ""):match "^port (%d+)$"
  output:close()
  os.remove(pipe)
  kept.servers[name] = { process = process, port = assert(port, "the server did not start: " .. command) }
  return kept.servers[name].port
end

local function port_of(name, command)
  local server = kept.servers[name]
  return server and server.port or start(name, command())
end

--- The address of a server of tests/server, run with these arguments: `helper.serve "ogl.lua --version 0.8"`. The same arguments are
--- the same server.
function M.serve(arguments)
  local function command() return "lua5.4 tests/server/" .. arguments .. " --until-eof" end
  return "http://127.0.0.1:" .. port_of(arguments, command)
end

--- Ends a server: of these arguments, or of the name that `M.fault_at` gave.
function M.stop(name)
  if kept.servers[name] then kept.servers[name].process:close() end
  kept.servers[name] = nil
end

-- The fault server ------------------------------------------------------------------------------------------------

--- The path of the socket at which the fault server listens as well.
function M.unix() return M.directory() .. "/fault.socket" end

local function fault_command() return "lua5.4 tests/server/fault.lua --until-eof --unix " .. M.unix() end

--- The address of a scenario; of the server itself without one.
function M.fault(scenario)
  return "http://127.0.0.1:" .. port_of("fault", fault_command) .. (scenario and "/" .. scenario or "")
end

--- A fault server of its own, at a port that was free; its name is for `M.stop`.
function M.fault_at(port)
  local name = "fault" .. port
  start(name, "lua5.4 tests/server/fault.lua --until-eof --port " .. port)
  return name
end

--- The folder with the throw-away authority and what it signed (tests/server/certs.sh).
function M.certificates()
  if not kept.certificates then
    local path = M.directory() .. "/certificates"
    local made = os.execute("sh tests/server/certs.sh " .. path)
    assert(made == true or made == 0, "certs.sh failed")
    kept.certificates = path
  end
  return kept.certificates
end

--- The address of a fault server that speaks TLS. `certificate`: server (the default), expired or wronghost;
--- `client_ca`: it demands a certificate of the client.
function M.tls(options)
  local certificate, path = options.certificate or "server", M.certificates()
  local name = "tls-" .. certificate .. (options.client_ca and "-mutual" or "")
  local port = port_of(name, function()
    return ("lua5.4 tests/server/fault.lua --until-eof --tls %s/%s.pem %s/%s.key%s"):format(path, certificate, path, certificate,
      options.client_ca and " --client-ca " .. path .. "/ca.pem" or "")
  end)
  return "https://127.0.0.1:" .. port
end

-- Other servers ---------------------------------------------------------------------------------------------------

--- The address of the scripted OpenGateLLM, which answers without a pause.
function M.ogl() return M.serve "ogl.lua --pace 0" end

-- Answers every request with the bytes of the file that the first segment of its path names, and closes.
local RAW = [[
package.path = "tests/?.lua;" .. package.path
local http, loop, program = require "server.http", require "server.loop", require "server.program"
local server = http.listen { handler = function(request)
  local file = assert(io.open(arg[1] .. "/" .. request.path:match "^/(file%d+)", "rb"))
  request.conn:send_raw(file:read "a")
  request.conn:close()
end }
program.exit_at_eof()
program.announce(server)
loop.run()
]]

--- The address at which any request gets exactly these bytes, and then the end of the connection.
function M.raw(bytes)
  local name = M.write(bytes):match "[^/]+$"
  local port = port_of("raw", function() return ("lua5.4 %s %s"):format(M.write(RAW), M.directory()) end)
  return "http://127.0.0.1:" .. port .. "/" .. name
end

-- A shell that ends its child when its own input does.
local TETHERED = "sh -c '%s >/dev/null 2>&1 & child=$!; cat >/dev/null; kill $child'"

--- Runs a server that prints nothing, and waits until it listens; `command` has a `%d` where its port goes. Gives its address.
function M.server(command)
  local port = M.free_port()
  command = command:format(port)
  kept.servers["server" .. port] = { process = assert(io.popen(TETHERED:format(command), "w")) }
  local listening = M.eventually(function()
    local connection = socket.connect("127.0.0.1", port)
    if connection then connection:close() end
    return connection ~= nil
  end)
  assert(listening, "the server did not start: " .. command)
  return "http://127.0.0.1:" .. port
end

--- A Python server that takes its port as its last argument.
function M.python(command) return M.server("python3 " .. command .. " %d") end

--- An answer as HTTP writes it: `headers` is a list of {name, value}. It says that the connection ends with it, as `M.raw` ends it.
function M.http(status, headers, body)
  local lines = { ("HTTP/1.1 %d Status"):format(status) }
  for _, row in ipairs(headers) do lines[#lines + 1] = row[1] .. ": " .. row[2] end
  lines[#lines + 1] = "content-length: " .. #body
  lines[#lines + 1] = "connection: close"
  return table.concat(lines, "\r\n") .. "\r\n\r\n" .. body
end

--- The address of an answer of 200 with that body.
function M.body(content_type, body) return M.raw(M.http(200, { { "content-type", content_type } }, body)) end

--- A port of this machine where nothing listens.
function M.free_port()
  local listener = assert(socket.bind("127.0.0.1", 0))
  local _, port = listener:getsockname()
  listener:close()
  return math.floor(port)
end

-- Clients ---------------------------------------------------------------------------------------------------------

local clients = {}

--- A client of any address; `helper.close` closes it.
function M.client_of(base_url, options)
  local all = { base_url = base_url, api_key = M.KEY, model = "gpt-oss-120b", proxy = "", timeouts = { first_byte = 60, idle = 60 } }
  for name, value in pairs(options or {}) do all[name] = value end
  clients[#clients + 1] = require "opengatellm".client(all)
  return clients[#clients]
end

--- A client of the fault server, at a scenario.
function M.client(scenario, options) return M.client_of(M.fault(scenario), options) end

--- Closes the clients of the spec that ran; for after_each.
function M.close()
  for _, client in ipairs(clients) do client:close() end
  clients = {}
  collectgarbage()
end

-- Questions -------------------------------------------------------------------------------------------------------

--- The answer of a server to `GET path`, decoded.
function M.ask(path, base, options)
  local client = M.client_of(base or M.fault(), options)
  local text = assert(client:request("GET", path, nil, { headers = { connection = "close" } }))
  client:close()
  return text
end

--- The counts of the fault server: accepted, open, requests, last_request.
function M.stats(base, options) return M.ask("/stats", base, options) end

--- The requests whose address holds `id`, oldest first.
function M.requests(id, base, options)
  local found = {}
  for _, request in ipairs(M.ask("/stats/requests", base, options)) do
    if request.target:find(id, 1, true) then found[#found + 1] = request end
  end
  return found
end

--- An id that no scenario text of this run has had.
function M.id()
  kept.ids = kept.ids + 1
  return "id" .. kept.ids .. "x"
end

--- Asks until `check` says yes; what the other process does takes a moment. The bound is an end for a failure, not a measure.
function M.eventually(check)
  for _ = 1, 500 do
    if check() then return true end
    socket.sleep(0.02)
  end
  return false
end

--- The value of a JSON text, by another reader than ours.
M.decode = cjson.decode

-- This process ----------------------------------------------------------------------------------------------------

--- How many descriptors are open; nil where the system does not say.
function M.open_descriptors()
  local found, lfs = pcall(require, "lfs")
  if not found or not lfs.attributes("/proc/self/fd", "mode") then return nil end
  local count = 0
  for _ in lfs.dir "/proc/self/fd" do count = count + 1 end
  return count
end

--- Bytes of memory that this process has; nil where the system does not say, or another program (valgrind) runs us.
function M.memory()
  local file = not os.getenv "RUNNER" and io.open "/proc/self/status"
  if not file then return nil end
  local text = file:read "*a"
  file:close()
  return tonumber(text:match "VmRSS:%s*(%d+) kB") * 1024
end

--- The path of a file of the reference material ($OGL_SHARED, default ../shared); nil where it is not.
function M.shared(path)
  local full = (os.getenv "OGL_SHARED" or "../shared") .. "/" .. path
  local file = io.open(full)
  if not file then return nil end
  file:close()
  return full
end

--- The bytes of a file.
function M.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return text
end

--- A recorded exchange of the reference material: what was asked, and the reply as the decoder makes it of the recorded body; nil
--- where there is none.
function M.recorded(protocol, name)
  local path = M.shared("fixtures/" .. name .. ".json")
  if not path then return nil end
  local core, json = require "opengatellm.core", require "opengatellm.json"
  local exchange = json.decode(M.read(path))
  local decoder = core.decoder(protocol, exchange.stream and "text/event-stream" or "application/json")
  decoder:feed(M.read(path:gsub("[^/]+$", "") .. exchange.body_file))
  decoder:finish()
  decoder:skip()
  local reply = decoder:reply()
  reply.protocol = protocol
  return exchange.request, reply
end

--- Whether a text occurs anywhere in a value: in keys, values, and what tables and userdata print as.
function M.mentions(value, text, seen)
  seen = seen or {}
  if type(value) == "string" then return value:find(text, 1, true) ~= nil end
  if type(value) ~= "table" and type(value) ~= "userdata" or seen[value] then return false end
  seen[value] = true
  if tostring(value):find(text, 1, true) then return true end
  if type(value) ~= "table" then return false end
  for key, field in pairs(value) do
    if M.mentions(key, text, seen) or M.mentions(field, text, seen) then return true end
  end
  return false
end

--- A host whose clock only a sleep moves; `host.waits` is what was slept. `on_sleep`, if any, is called at each.
function M.simulated_host(on_sleep)
  local host, now = { name = "simulated", blocking = true, waits = {} }, 0
  function host.now() return now end
  function host.sleep(seconds)
    now = now + seconds
    host.waits[#host.waits + 1] = seconds
    if on_sleep then on_sleep() end
  end
  return host
end

return M
