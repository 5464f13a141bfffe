--- What is configured: the server, the key (whether there is one, never which), the proxy, the authorities.
--
-- @module opengatellm.cli.doctor.configured
local common = require "opengatellm.cli.common"
local files = require "opengatellm.base.file"
local finding = require "opengatellm.cli.doctor.finding"
local route = require "opengatellm.transport.route"

local M = {}

local function variable(name)
  local value = os.getenv(name)
  return value and value ~= "" and value or nil
end

-- The first of a provider's variables that is set.
local function set_of(names)
  for _, name in ipairs(names or {}) do
    if variable(name) then return name end
  end
end

-- Server -----------------------------------------------------------------------------------------------------------

local function server_finding(client, arguments)
  local by = arguments.url and "--url" or set_of(client.provider.url_env)
  return finding.ok("server", ("%s, %s%s"):format(client.api, client.provider.name, by and " by " .. by or ", its usual address"))
end

-- Key --------------------------------------------------------------------------------------------------------------

-- What is wrong with a key, without a word of it.
local function problem_of_key(key)
  if key:find "[%c%s]" then return "it holds a blank or the end of a line" end
  if key:find "^[\"'].*[\"']$" then return "it stands in quotes, and they are a part of it" end
  if key:find("…", 1, true) or key:find("...", 1, true) then return "it is cut, as in an example" end
  if key:find "[\128-\255]" then return "it holds a character that is not ASCII" end
end

local function key_finding(client)
  local names = client.provider.key_env
  if not names or not names[1] then return finding.ok("key", client.provider.name .. " asks for none by a variable") end
  local name = set_of(names)
  if not name then
    return finding.warning("key", "none in " .. table.concat(names, " or "), "set " .. names[1] .. ", unless the server asks for no key")
  end
  local problem, remedy = problem_of_key(os.getenv(name)), "set " .. name .. " once more, to the key alone"
  if problem then return finding.failed("key", name .. " is set, but " .. problem, remedy) end
  return finding.ok("key", name .. " is set")
end

-- Proxy ------------------------------------------------------------------------------------------------------------

local PROXIES = { "https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY" }

local function proxy_finding(client)
  local way, err = route.of { url = client.api }
  if not way then
    if err.code == "proxy" then return finding.ok("proxy", "set, and not by http://: libcurl knows how to use it") end
    return finding.failed("server", err.message, "give --url, or set the variable, as https://host")
  end
  if way.proxied then return finding.ok("proxy", ("%s:%d"):format(way.dial_host, way.dial_port)) end
  local name = set_of(PROXIES)
  return finding.ok("proxy", name and name .. " is set, but not for this server" or "none")
end

-- Authorities ------------------------------------------------------------------------------------------------------

-- By the rule of csrc/curl/options.c.
local FILES, FOLDER = { "CURL_CA_BUNDLE", "SSL_CERT_FILE" }, "SSL_CERT_DIR"

local function authorities_finding()
  local name = set_of(FILES)
  if not name then return finding.ok("authorities", variable(FOLDER) and "by " .. FOLDER or "those of libcurl") end
  local path = os.getenv(name)
  local text, problem = files.read(path)
  if text and text:find("BEGIN CERTIFICATE", 1, true) then return finding.ok("authorities", path .. ", by " .. name) end
  local says = ("%s: %s"):format(name, path .. ": " .. (problem or "no certificate in it"))
  return finding.failed("authorities", says, ("unset %s, or let it name a file of certificates (PEM)"):format(name))
end

-- Whether a name leads to this machine, where nobody listens in between.
local function is_here(host) return host == "localhost" or host == "[::1]" or host:find "^127%." ~= nil end

local function encryption_finding(client)
  local host = client.api:match "^http://(%[?[^/%]]*%]?)"
  local name = host and (host:match "^%[.*%]" or host:match "^[^:]*")
  if not name or is_here(name) or not client.has_key() then return nil end
  return finding.warning("encryption", "the key goes to " .. name .. " unencrypted", "use https://, if the server has it")
end

local REMEDY = "set what this names, such as OGL_URL=https://albert.api.etalab.gouv.fr; docs/providers.md has every provider's variables"

--- Looks at what is configured.
---@param arguments table as argparse read them
---@return ogl.doctor.Finding[]
---@return ogl.Client? client nil where none can be made
function M.findings(arguments)
  local client, line = common.client(arguments)
  if not client then
    local says = line:gsub("^ogl: ", ""):gsub(", for example .*", "")
    return { finding.failed("server", says, REMEDY) }
  end
  local list = { server_finding(client, arguments), key_finding(client), proxy_finding(client) }
  if client.api:find "^https:" then list[#list + 1] = authorities_finding() end
  list[#list + 1] = encryption_finding(client)
  return list, client
end

return M
