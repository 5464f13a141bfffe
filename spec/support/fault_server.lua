--- The fault server (scenarios: tests/server/README.md), in the clear, at a Unix socket and with TLS.
local servers = require "spec.support.servers"
local kept = require "spec.support.kept"
local temporary = require "spec.support.temporary"

local M = {}

--- The text of every good answer of the fault server (tests/server/answers.lua).
M.TEXT = "Bonjour ! Ça coûte 3 €, c'est « donné » 😀. Voilà."

--- The path of the socket at which the fault server listens as well.
---@return string
function M.unix() return temporary.directory() .. "/fault.socket" end

local function command() return "lua5.4 tests/server/fault.lua --until-eof --unix " .. M.unix() end

--- The address of a scenario; of the server itself without one.
---@param scenario? string
---@return string address
function M.fault(scenario)
  return "http://127.0.0.1:" .. servers.port_of("fault", command) .. (scenario and "/" .. scenario or "")
end

--- Starts a fault server of its own, at a port that was free.
---@param port integer|string
---@return string name for `stop`
function M.fault_at(port)
  local name = "fault" .. port
  servers.port_of(name, function() return "lua5.4 tests/server/fault.lua --until-eof --port " .. port end)
  return name
end

--- The folder with the throw-away authority and what it signed (tests/server/certs.sh).
---@return string path
function M.certificates()
  if not kept.certificates then
    local path = temporary.directory() .. "/certificates"
    local made = os.execute("sh tests/server/certs.sh " .. path)
    assert(made == true or made == 0, "certs.sh failed")
    kept.certificates = path
  end
  return kept.certificates
end

--- The address of a fault server that speaks TLS.
---@param options {certificate?: "server"|"expired"|"wronghost", client_ca?: boolean} default: server; `client_ca`: it demands a
--- certificate of the client
---@return string address
function M.tls(options)
  local certificate, path = options.certificate or "server", M.certificates()
  local name = "tls-" .. certificate .. (options.client_ca and "-mutual" or "")
  local port = servers.port_of(name, function()
    return ("lua5.4 tests/server/fault.lua --until-eof --tls %s/%s.pem %s/%s.key%s"):format(path, certificate, path, certificate,
      options.client_ca and " --client-ca " .. path .. "/ca.pem" or "")
  end)
  return "https://127.0.0.1:" .. port
end

return M
