--- `ogl serve`: Ollama's API and OpenAI's on one port, by nginx, in front of any provider.
--
-- It writes a configuration into a folder that its user alone may read, has nginx check the gateway's own configuration, opens the socket,
-- and becomes nginx. So a port that is taken is told at once, the file of a socket is its owner's alone from the first moment (nginx would
-- open it to everybody), and signals reach nginx itself.
--
-- @module opengatellm.cli.serve
local common = require "opengatellm.cli.common"
local config = require "opengatellm.cli.nginx_config"
local files = require "opengatellm.base.file"
local programs = require "opengatellm.cli.nginx_program"
local shell = require "opengatellm.cli.shell"
local system = require "opengatellm.system"

local M = {}

local ADDRESS = "127.0.0.1:11434"

local AUTHORITIES = {
  "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem", "/etc/ssl/cert.pem",
  "/opt/homebrew/etc/openssl@3/cert.pem",
}

-- What nginx serves where the user has no configuration: everything of one provider, whose key is a variable.
local GATEWAY = [[
local ogl = require "opengatellm"

return {
  metrics = ogl.middleware.prometheus { shared = "gateway" },
  key = os.getenv "GATEWAY_KEY",
  routes = { { client = ogl.client { provider = %q, base_url = %s } } },
}
]]

--- Declares the options of `ogl serve`.
---@param command table a command of argparse
function M.configure(command)
  command:option("-c --config", "The gateway's configuration, a file of Lua; default: all models of one provider.")
  command:option("-l --listen", "Address and port, or unix:/path.", ADDRESS)
  command:option("-p --provider", "Kind of server, without --config.", "opengatellm")
  command:option("-u --url", "Address of the server, without --config; default: $OGL_URL.")
  command:option("--workers", "Processes of nginx: a number, or auto.", "1")
  command:option("--user", "Whose rights the workers have, where root starts it.")
  command:option("--resolver", "Address of a name server; default: those of /etc/resolv.conf."):count "*"
  command:option("--access-log", "File for a line of each request.")
  command:option("--nginx", "Path of nginx; default: the first that has Lua.")
  command:flag("--check", "Only check the configuration.")
end

local function absolute(path)
  if path:sub(1, 1) == "/" then return path end
  return shell.output_of("pwd"):gsub("\n$", "") .. "/" .. path
end

-- Where to listen: { listen = nginx's word, path = … } or { listen = …, host = …, port = … }.
local function address_of(text)
  local path = text:match "^unix:(/.+)$"
  if path then return { listen = text, path = path } end
  local host, port = text:match "^%[?(.-)%]?:(%d+)$"
  if not host then host, port = "127.0.0.1", text:match "^%d+$" end
  port = tonumber(port)
  if not port or port < 1 or port > 65535 then
    return nil, ("--listen %s: expected an address and a port, such as %s, or unix:/path"):format(text, ADDRESS)
  end
  if host == "localhost" then host = "127.0.0.1" end
  local form = host:find(":", 1, true) and "[%s]:%d" or "%s:%d"
  return { listen = form:format(host, port), host = host, port = port }
end

-- The private folder ------------------------------------------------------------------------------------------------------

-- The folder that stands for this user, and the folders below it that have to be made.
local function place()
  local run = os.getenv "RUNTIME_DIRECTORY" or os.getenv "XDG_RUNTIME_DIR"
  if run then return (run:match "^[^:]+"), { "ogl" } end
  local state, home = os.getenv "XDG_STATE_HOME", os.getenv "HOME"
  if state then return state, { "ogl" } end
  if home then return home, { ".local", "state", "ogl" } end
  return nil
end

-- Makes the folder of this address, for what nginx needs.
local function folder_for(address)
  local path, below = place()
  if not path then return nil, "there is no place for nginx's configuration: set XDG_RUNTIME_DIR, or HOME" end
  below[#below + 1] = "serve-" .. address.listen:gsub("[^%w.]+", "-")
  for i, name in ipairs(below) do
    path = path .. "/" .. name
    local made, problem = system.make_private(path)
    if not made and i == #below then return nil, path .. ": " .. problem end -- those above are often open to others
  end
  return path
end

local function write(path, text)
  os.remove(path)
  local made, problem = system.write_private(path, text)
  if not made then return nil, path .. ": " .. problem end
  return true
end

-- What the configuration needs --------------------------------------------------------------------------------------------

-- Addresses of name servers, in nginx's form.
local function resolvers_of(given)
  local list, file = {}, #given == 0 and io.open "/etc/resolv.conf"
  for _, address in ipairs(given) do list[#list + 1] = address end
  if file then
    for line in file:lines() do list[#list + 1] = line:match "^%s*nameserver%s+([%x.:]+)%s*$" end
    file:close()
  end
  for i, address in ipairs(list) do list[i] = address:find ":.*:" and "[" .. address .. "]" or address end
  if #list == 0 then return nil, "/etc/resolv.conf names no name server, and nginx asks no other: --resolver 9.9.9.9 names one" end
  return list
end

local function authorities()
  for _, path in ipairs { os.getenv "SSL_CERT_FILE" or "", unpack and unpack(AUTHORITIES) or table.unpack(AUTHORITIES) } do
    if files.exists(path) then return path end
  end
  return nil
end

-- Names of all variables, for the gateway's configuration may read any of them; nginx uses NGINX itself.
local function variables()
  local names = {}
  for name in pairs(system.environment()) do
    if name:find "^[%a_][%w_]*$" and name ~= "NGINX" then names[#names + 1] = name end
  end
  table.sort(names)
  return names
end

-- The path of the gateway's configuration: the user's, or one that is written here.
local function gateway_of(arguments, folder)
  if arguments.config then
    local path = absolute(arguments.config)
    if not files.exists(path) then return nil, arguments.config .. ": there is no such file" end
    return path
  end
  local client, problem = common.client(arguments)
  if not client then return nil, (problem:gsub("^ogl: ", "")) end
  local path = folder .. "/gateway.lua"
  local url = arguments.url and ("%q"):format(arguments.url) or "nil"
  local made
  made, problem = write(path, GATEWAY:format(arguments.provider, url))
  if not made then return nil, problem end
  return path
end

-- The values of the configuration, and the nginx that takes it.
local function gathered(arguments, address, folder)
  local program, problem = programs.find(arguments.nginx)
  local library, resolvers, gateway
  if program then library, problem = programs.library() end
  if library then resolvers, problem = resolvers_of(arguments.resolver) end
  if resolvers then gateway, problem = gateway_of(arguments, folder) end
  if not gateway then return nil, problem end
  return {
    modules = program.modules, share = absolute(programs.share()), library = absolute(library), gateway = gateway, listen = address.listen,
    variables = variables(), resolvers = resolvers, authorities = authorities(), workers = arguments.workers, user = arguments.user,
    access_log = arguments.access_log and absolute(arguments.access_log),
  }, program
end

-- Running nginx -----------------------------------------------------------------------------------------------------------

-- The words of its command line. Its first log is a file: it notes there that it was given its socket.
local function command_of(program, folder, file)
  local words = { program.path, "-p", folder .. "/", "-c", folder .. "/" .. file }
  if program.takes_log then
    words[#words + 1] = "-e"
    words[#words + 1] = folder .. "/start.log"
  end
  return words
end

-- Has nginx read the gateway's configuration; gives what is wrong with it. Notes what it says of bodies.
local function problem_of(values, program, folder)
  values.is_check = true
  local made, problem = write(folder .. "/check.conf", config.text(values))
  values.is_check = nil
  if not made then return problem end
  local words = command_of(program, folder, "check.conf")
  for i, word in ipairs(words) do words[i] = shell.quoted(word) end
  local said = shell.output_of("{ " .. table.concat(words, " ") .. "; echo status $?; }")
  local status = tonumber(said:match "status (%d+)\n$")
  said = said:gsub("status %d+\n$", ""):gsub("%s+$", "")
  values.body = tonumber(said:match(config.BODY .. "(%d+)"))
  if status == 0 and values.body then return nil end
  if said == "" then return ("nginx read the configuration and ended with the status %s, without a word"):format(tostring(status)) end
  return said:match(config.MARK .. "([^\n]*)") or "nginx says:\n" .. said
end

-- Who listens at a port, as far as this user may know; an empty text where nobody can tell.
local function holder_of(port)
  local said = shell.output_of(("ss -H -ltnp 'sport = :%d'"):format(port))
  local name, pid = said:match 'users:%(%("([^"]+)",pid=(%d+)'
  if not name then
    said = shell.output_of(("lsof -nP -iTCP:%d -sTCP:LISTEN -Fpc"):format(port))
    pid, name = said:match "p(%d+)\nc([^\n]+)"
  end
  return name and (" by %s (process %s)"):format(name, pid) or ""
end

-- Opens the socket; its descriptor.
local function listen(address)
  local fd, problem, number
  if address.path then fd, problem = system.listen_private(address.path)
  else fd, problem, number = system.listen(address.host, address.port) end
  if fd then return fd end
  local holder = number and address.port and holder_of(address.port) or ""
  return nil, ("%s: %s%s"):format(address.listen, problem, holder)
end

-- Becomes nginx; returns only what failed.
local function become(values, program, folder, address)
  local made, problem = write(folder .. "/nginx.conf", config.text(values))
  if not made then return problem end
  local fd
  fd, problem = listen(address)
  if not fd then return problem end
  io.stderr:write(("ogl: serves at %s; its configuration is %s\n"):format(address.listen, values.gateway))
  local _, failed = system.exec(program.path, command_of(program, folder, "nginx.conf"), { NGINX = fd .. ";" })
  return program.path .. ": " .. failed
end

local function fail(problem) return common.fail("ogl: " .. problem, 2) end

--- Becomes nginx, or says why not.
---@param arguments table as argparse read them
---@return integer # the exit status of the program, where it does not become nginx
function M.run(arguments)
  local address, problem = address_of(arguments.listen)
  if not address then return fail(problem) end
  local folder
  folder, problem = folder_for(address)
  if not folder then return fail(problem) end
  local values, program = gathered(arguments, address, folder)
  if not values then return fail(program) end
  problem = problem_of(values, program, folder)
  if problem then return fail(problem) end
  if not arguments.check then return fail(become(values, program, folder, address)) end
  print(("ogl: %s is fine"):format(arguments.config or "what would be served"))
  return 0
end

return M
