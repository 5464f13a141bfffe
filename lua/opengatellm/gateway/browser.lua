--- Browsers: which pages may call a face, as Ollama decides it: by the Host that they ask for, and by the Origin that they come from.
--
-- A page of any site could call a server on its reader's own machine. So a server that listens on loopback answers only to names that
-- are of this machine or of a private network (else a site could give its own name that address), and it lets only local pages, and those
-- of desktop programs, read its answers.
--
-- @module opengatellm.gateway.browser
local names = require "opengatellm.base.names"
local words = require "opengatellm.base.words"

local M = {}

local LOCAL_HOSTS = { localhost = true, ["127.0.0.1"] = true, ["0.0.0.0"] = true, ["[::1]"] = true, ["::1"] = true }
local LOCAL_ENDS = { "%.localhost$", "%.local$", "%.internal$" }
local PRIVATE = { "^127%.", "^10%.", "^192%.168%.", "^172%.1[6-9]%.", "^172%.2%d%.", "^172%.3[01]%.", "^169%.254%.", "^%[f[cd]", "^%[fe80" }
-- Schemes of desktop programs, and of what a browser's user has installed in it.
local PROGRAMS = words.set [[
  app file tauri vscode-webview vscode-file chrome-extension moz-extension safari-extension safari-web-extension ms-browser-extension
]]
local ORIGIN_HOSTS = { localhost = true, ["127.0.0.1"] = true, ["0.0.0.0"] = true }

local function name_of(host)
  host = host:lower()
  return host:match "^(%[[^%]]*%])" or host:match "^([^:]*)"
end

local function is_address(name) return name:find "^%d+%.%d+%.%d+%.%d+$" ~= nil or name:sub(1, 1) == "[" end

local function contains(list, name)
  for _, one in ipairs(list) do
    if one == name or one == "*" then return true end
  end
  return false
end

local function is_own(gateway, name, hostname)
  if name == "" or LOCAL_HOSTS[name] or hostname and name == hostname:lower() or contains(gateway.hosts, name) then return true end
  if is_address(name) then return names.fits(name, PRIVATE) end
  return names.fits(name, LOCAL_ENDS)
end

--- Says whether a server may answer to the Host that a request names.
---@param gateway ogl.Gateway
---@param request ogl.GatewayRequest `server`: the address that it came to; the check is for loopback alone
---@return boolean
function M.host_fits(gateway, request)
  local server = request.server
  if not server or not (server:find "^127%." or server == "::1") then return true end
  return is_own(gateway, name_of(request.headers.host or ""), request.hostname)
end

-- Whether an origin is one that the options name; a `*` stands for any characters.
local function named(gateway, origin)
  for _, one in ipairs(gateway.origins) do
    local pattern = one:gsub("[%^%$%(%)%%%.%[%]%+%-%?]", "%%%0"):gsub("%*", ".*")
    if origin:find("^" .. pattern .. "$") then return true end
  end
  return false
end

--- Says whether pages of an origin may call.
---@param gateway ogl.Gateway
---@param request ogl.GatewayRequest
---@return boolean
function M.origin_fits(gateway, request)
  local origin = request.headers.origin
  if not origin then return true end
  origin = origin:lower()
  local scheme, host = origin:match "^([%w+.-]+)://([^/]*)"
  if not scheme then return named(gateway, origin) end
  if PROGRAMS[scheme] or host == (request.headers.host or ""):lower() then return true end
  return (scheme == "http" or scheme == "https") and ORIGIN_HOSTS[name_of(host)] or named(gateway, origin)
end

--- The headers that let a page read the answer.
---@param gateway ogl.Gateway
---@param request ogl.GatewayRequest
---@return table<string, string>? # nil: it is no page, or may not
function M.headers(gateway, request)
  local origin = request.headers.origin
  if not origin or origin:find "%c" or not M.origin_fits(gateway, request) then return nil end
  return { ["access-control-allow-origin"] = origin, vary = "Origin", ["access-control-expose-headers"] = "x-request-id" }
end

local DAY = "86400"

--- The answer to a browser that asks before it calls.
---@param request ogl.GatewayRequest
---@return integer status
---@return table<string, string> headers
---@return string body
function M.preflight(request)
  local asked = request.headers["access-control-request-headers"]
  return 204, {
    ["access-control-allow-methods"] = "GET, POST, PUT, PATCH, DELETE, HEAD, OPTIONS", ["access-control-max-age"] = DAY,
    ["access-control-allow-headers"] = asked and not asked:find "%c" and asked or "Authorization, Content-Type",
  }, ""
end

return M
