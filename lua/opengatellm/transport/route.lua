--- Finds where a request goes: to the address of its URL, to a proxy, or to a Unix socket. Transports that have only sockets need it;
-- libcurl does this by itself, and the rules here are its rules.
--
-- @module opengatellm.transport.route
local core = require "opengatellm.core"
local failure = require "opengatellm.base.failure"
local no_proxy = require "opengatellm.transport.no_proxy"
local url_of = require "opengatellm.base.url"

local M = {}

---@class opengatellm.transport.Route
---@field tls boolean
---@field host string of the server; an IPv6 address in brackets
---@field port integer
---@field authority string the host, with its port if that is not the scheme's own
---@field target string the target in the request line
---@field dial_host string where a connection goes: the server, or a proxy
---@field dial_port integer
---@field unix_socket? string path, in place of both
---@field proxied boolean there is a proxy
---@field tunnel boolean by CONNECT
---@field proxy_auth? string value of Proxy-Authorization

local SCHEMES = { http = 80, https = 443, ws = 80, wss = 443 }
local SECURE = { https = true, wss = true }

local function invalid(code, message) return nil, failure.final("invalid", code, message) end

--- Splits "h:1", "[::1]:1" or "h" into host and port.
local function host_and_port(authority, default)
  local host, port = authority:match "^(%[[%x:.]+%]):?(%d*)$"
  if not host then host, port = authority:match "^([^:%[%]]+):?(%d*)$" end
  if not host then return nil end
  port = port == "" and default or tonumber(port)
  if port < 1 or port > 65535 then return nil end
  return host:lower(), port
end

local function parse(url, level)
  if type(url) ~= "string" then error("field 'url': expected string, got " .. type(url), level + 1) end
  if url:find "%z" then error("field 'url': holds a NUL byte", level + 1) end
  if url == "" then return invalid("url", "the URL is empty") end
  if url:find "[%c ]" then return invalid("url", "the URL holds a blank or a control byte") end
  local scheme, authority, path = url:match "^(%a[%w+.-]*)://([^/?#]*)([^#]*)"
  if not scheme then return invalid("url", "the URL does not begin with http:// or https://") end
  scheme = scheme:lower()
  if not SCHEMES[scheme] then return invalid("scheme", "the scheme '" .. scheme .. "' is neither http nor https") end
  if authority:find("@", 1, true) then return invalid("url", "the URL holds a user name: give the key as a header") end
  local host, port = host_and_port(authority, SCHEMES[scheme])
  if not host then return invalid("url", "the URL holds no host, or no port where one should be") end
  return {
    tls = SECURE[scheme] or false, host = host, port = port, target = path:find "^/" and path or "/" .. path,
    authority = port == SCHEMES[scheme] and host or host .. ":" .. port, dial_host = host, dial_port = port,
    proxied = false, tunnel = false,
  }
end

-- Proxies ---------------------------------------------------------------------------------------------------------

local function variable(...)
  for _, name in ipairs { ... } do
    local value = os.getenv(name)
    if value and value ~= "" then return value end
  end
end

-- HTTP_PROXY in capitals is not read, because it may come from a header of a CGI request.
local function proxy_of_environment(tls)
  if tls then return variable("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY") end
  return variable("http_proxy", "all_proxy", "ALL_PROXY")
end

--- Finds the proxy of a request: its own, or the environment's; nil if there is no proxy, or the host is reached without one.
local function proxy_of(request, route)
  local proxy = request.proxy or proxy_of_environment(route.tls)
  if not proxy or proxy == "" then return nil end
  if M.is_direct(route.host, request.no_proxy or variable("no_proxy", "NO_PROXY") or "") then return nil end
  return proxy
end

--- Makes the route go by a proxy. No message holds the proxy's password.
local function through(route, proxy, raw)
  local scheme, rest = proxy:match "^(%a[%w+.-]*)://(.*)$"
  scheme, rest = (scheme or "http"):lower(), rest or proxy
  if scheme ~= "http" then
    return nil, failure.final("unsupported", "proxy", "proxies are reached by http:// here, and this one's address begins with " .. scheme)
  end
  local authority = rest:match "^([^/?#]*@[^/?#]*)" or rest:match "^[^/?#]*"
  local user, address = authority:match "^(.*)@([^@]*)$"
  local host, port = host_and_port(address or authority, 1080)
  if not host then return invalid("proxy", "the proxy's address holds no host, or no port where one should be") end
  if user and user:find "%c" then return invalid("proxy", "the proxy's user or password holds a control byte") end
  route.proxied, route.tunnel, route.dial_host, route.dial_port = true, raw or route.tls, host, port
  if user then route.proxy_auth = "Basic " .. core.base64_encode(url_of.unescape(user:find ":" and user or user .. ":")) end
  if not route.tunnel then route.target = "http://" .. route.authority .. route.target end
  return route
end

--- Finds the route of a request. Raises if the URL is not a string or holds a NUL; any other mistake gives an error.
---@param request table of transport/init.lua: url, proxy, no_proxy, unix_socket
---@param raw? boolean no HTTP: through a proxy only by CONNECT
---@param level? integer for error()
---@return opengatellm.transport.Route? route
---@return ogl.Error? err
function M.of(request, raw, level)
  local route, err = parse(request.url, (level or 1) + 1)
  if not route then return nil, err end
  route.unix_socket = request.unix_socket
  local proxy = not request.unix_socket and proxy_of(request, route)
  if not proxy then return route end
  return through(route, proxy, raw)
end

-- The URL ---------------------------------------------------------------------------------------------------------

--- Says whether a host is reached without a proxy.
---@param host string an IPv6 address in brackets
---@param list string of no_proxy.lua
---@return boolean
function M.is_direct(host, list) return no_proxy.covers(host, list) end

return M
