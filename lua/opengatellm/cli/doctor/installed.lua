--- What is installed: Lua, the modules of this library, libcurl with its TLS, and libraries that only some calls need.
--
-- Nothing here may need a module of C: it is what tells that one is missing.
--
-- @module opengatellm.cli.doctor.installed
local finding = require "opengatellm.cli.doctor.finding"
local version = require "opengatellm.version"

local M = {}

local function lua_name() return type(jit) == "table" and jit.version or _VERSION end

-- What belongs behind `make install LUA=` for this Lua.
local function make_name() return type(jit) == "table" and "luajit" or "lua" .. _VERSION:match "%d+%.%d+" end

local function first_line(problem) return (tostring(problem):match "^%s*([^\n]*)") end

local OURS = { "core", "system", "curl" }
local REMEDY = "make install LUA=%s, in a checkout; or luarocks --lua-version %s install opengatellm"

-- A module that was made for another Lua does not load either.
local function module_finding(name)
  local full = "opengatellm." .. name
  local found, problem = pcall(require, full)
  if found then return finding.ok(full, "loads") end
  return finding.failed(full, first_line(problem), REMEDY:format(make_name(), _VERSION:match "%d+%.%d+"))
end

local TLS = {
  "OpenSSL", "LibreSSL", "BoringSSL", "AWS%-LC", "quictls", "GnuTLS", "mbedTLS", "wolfSSL", "Schannel", "SecureTransport", "NSS", "BearSSL",
  "rustls",
}

--- Reads what libcurl says of itself.
---@param text string such as "libcurl/7.88.1 OpenSSL/3.0.19 zlib/1.2.13"
---@return string? version
---@return string? tls the library for TLS, with its version
function M.curl_of(text)
  for _, name in ipairs(TLS) do
    local tls = text:match("%f[%w]" .. name .. "[^%s)]*")
    if tls then return text:match "libcurl/(%S+)", tls end
  end
  return text:match "libcurl/(%S+)"
end

local OLDEST = { 7, 62 } -- the first with curl_url and the like

local function is_old(number)
  local major, minor = number:match "^(%d+)%.(%d+)"
  major, minor = tonumber(major), tonumber(minor)
  return major ~= nil and (major < OLDEST[1] or major == OLDEST[1] and minor < OLDEST[2])
end

--- What there is to say of a libcurl.
---@param text string what it says of itself
---@return ogl.doctor.Finding
function M.curl_finding(text)
  local number, tls = M.curl_of(text)
  local remedy = "apt-get install libcurl4 (Debian, Ubuntu), which has OpenSSL"
  if not number then return finding.warning("libcurl", "it says " .. text, remedy) end
  if is_old(number) then return finding.failed("libcurl", number .. " is older than 7.62", remedy) end
  if not tls then return finding.failed("libcurl", number .. " has no TLS", remedy) end
  return finding.ok("libcurl", number .. ", TLS by " .. tls)
end

-- What only some calls need: a module, its name, what it is for, and where it comes from.
local LIBRARIES = {
  { "opengatellm.llama", "opengatellm.llama", "models in this process", "make install WITH_LLAMA=1, where libllama is" },
  { "openssl.pkey", "luaossl", "service accounts of Vertex AI, saves that are sealed", "Debian: lua-luaossl" },
  { "rex_pcre2", "lrexlib-pcre2", "patterns of JSON Schema", "Debian: lua-rex-pcre2" },
  { "luv", "luv", "programs on libuv's loop", "Debian: lua-luv" },
  { "cqueues", "cqueues", "programs on cqueues' loop", "Debian: lua-cqueues" },
}

local function library_finding(row)
  if pcall(require, row[1]) then return finding.ok(row[2], "loads") end
  return finding.absent(row[2], ("not installed; for %s (%s)"):format(row[3], row[4]))
end

local function nginx_finding()
  local program, problem = require "opengatellm.cli.nginx_program".find()
  if program then return finding.ok("nginx", program.path .. ", with Lua") end
  return finding.absent("nginx", "for ogl serve: " .. problem)
end

--- Looks at what is installed.
---@return ogl.doctor.Finding[]
function M.findings()
  local list = { finding.ok("opengatellm", version .. ", " .. lua_name()) }
  for _, name in ipairs(OURS) do list[#list + 1] = module_finding(name) end
  local has_curl, curl = pcall(require, "opengatellm.curl")
  if has_curl then list[#list + 1] = M.curl_finding(curl.version()) end
  for _, row in ipairs(LIBRARIES) do list[#list + 1] = library_finding(row) end
  list[#list + 1] = nginx_finding()
  return list
end

return M
