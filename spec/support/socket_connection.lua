-- Raw connections by luasocket (and luasec), where the transport underneath makes none: the contract of websocket.lua.
local errors = require "opengatellm.errors"
local socket = require "socket"

local M = {}

local Connection = {}
Connection.__index = Connection

local CHUNK = 16 * 1024

local function network(code, message) return errors.new { kind = "network", code = code, message = message, retryable = true } end

local AGAIN = { timeout = true, wantread = true, wantwrite = true }

function Connection:send(bytes)
  local at = 1
  self.sock:settimeout(self.timeouts.idle)
  while at <= #bytes do
    local last, why, done = self.sock:send(bytes, at)
    if not last then return nil, network("reset", why) end
    at = (last or done) + 1
  end
  return true
end

function Connection:read()
  while true do
    self.sock:settimeout(0)
    local bytes, why, partial = self.sock:receive(CHUNK)
    bytes = bytes or partial
    if bytes and bytes ~= "" then return bytes end
    if why == "closed" then return nil end
    if not AGAIN[why] then return nil, network("reset", why) end
    local ready = socket.select({ self.sock }, nil, self.timeouts.idle)
    if not ready[1] then return nil, errors.new { kind = "timeout", code = "idle", phase = "idle", message = "silence" } end
  end
end

function Connection:readable() return self.sock:dirty() or socket.select({ self.sock }, nil, 0)[1] ~= nil end

function Connection:close() self.sock:close() end

local Carrier = {}
Carrier.__index = Carrier

function Carrier:open(request) return self.under:open(request) end

function Carrier:close() return self.under:close() end

local function secured(sock, host, tls)
  local wrapped = assert(require "ssl".wrap(sock, {
    mode = "client", protocol = "any", options = "all", verify = tls.verify and "peer" or "none", cafile = tls.ca_file,
  }))
  wrapped:sni(host)
  local fine, why = wrapped:dohandshake()
  if fine then return wrapped end
  return nil, errors.new { kind = "tls", code = "handshake", message = why }
end

function Carrier:connect(request)
  local scheme, host, port = request.url:match "^(%a+)://([^/:]+):?(%d*)"
  local sock = socket.tcp()
  sock:settimeout(request.timeouts.connect)
  local fine, why = sock:connect(host, tonumber(port) or scheme == "https" and 443 or 80)
  if not fine then return nil, network("connect", why) end
  sock:setoption("tcp-nodelay", true)
  if scheme == "https" then
    sock, why = secured(sock, host, request.tls or {})
    if not sock then return nil, why end
  end
  self.connected = self.connected + 1
  return setmetatable({ sock = sock, timeouts = request.timeouts }, Connection)
end

--- A carrier over a transport of HTTP.
function M.carrier(under) return setmetatable({ under = under, connected = 0 }, Carrier) end

return M
