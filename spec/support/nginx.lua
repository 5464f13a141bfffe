--- nginx for specs: started from tests/hosts/nginx.conf or another configuration, on a free port, in a folder of its own; it ends with
--- this process.
local helper = require "spec.helper"

local M = {}

local running = {} -- names of servers, for helper.stop
local MODULES = os.getenv "NGINX_MODULES" or "/usr/lib/nginx/modules"

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return (text:gsub("%s+$", ""))
end

--- Whether nginx is here, with its Lua module and our modules for its LuaJIT.
---@return boolean
function M.is_here()
  return output_of("command -v nginx") ~= "" and exists(MODULES .. "/ngx_http_lua_module.so") and exists "build/luajit/opengatellm/core.so"
end

--- Why nginx cannot be tested here; nil where it can. Whatever Lua runs the spec, nginx has its own: once is enough.
function M.absent()
  local lua = os.getenv "OGL_LUA"
  if lua and lua ~= "luajit" then return "nginx runs LuaJIT, with the specs of luajit" end
  if not M.is_here() then return "no nginx with its Lua module, or no modules for LuaJIT" end
end

--- Starts nginx with a configuration. `values` fills in what stands between @; ROOT, MODULES and PORT are known.
---@param path string of the template
---@param values? table<string, string>
---@return string address
---@return string folder with error.log
function M.start(path, values)
  local folder = helper.directory() .. "/" .. helper.id()
  assert(os.execute("mkdir -p " .. folder .. "/logs"))
  local all = { ROOT = output_of "pwd", MODULES = MODULES, PORT = "@PORT@" }
  for name, value in pairs(values or {}) do all[name] = value end
  local file = assert(io.open(path))
  local text = file:read("*a"):gsub("@([%u_]+)@", all)
  file:close()
  local template = helper.write(text)
  local script = helper.write(("sed s/@PORT@/$1/g %s >%s/nginx.conf && exec nginx -e error.log -p %s -c nginx.conf\n"):format(template, folder, folder))
  local address = helper.server("sh " .. script .. " %d")
  table.insert(running, "server" .. address:match "%d+$")
  return address, folder
end

--- Starts the nginx of examples/openresty as it stands, but for its port, its folder and these variables.
---@param variables table<string, string>
---@return string address
---@return string folder
function M.example(variables)
  local text = helper.read "examples/openresty/nginx.conf"
  local function change(from, to)
    local first, last = text:find(from, 1, true)
    assert(first, from)
    text = text:sub(1, first - 1) .. to .. text:sub(last + 1)
  end
  change("listen 127.0.0.1:8080", "listen 127.0.0.1:@PORT@")
  change("pid nginx.pid;", "pid nginx.pid; user root;") -- which may read this folder
  for name, value in pairs(variables) do change("env " .. name .. ";", ("env %s=%s;"):format(name, value)) end
  text = text:gsub("%$prefix/%?", "@ROOT@/examples/openresty/?"):gsub("%$prefix/%.%./%.%.", "@ROOT@")
  return M.start(helper.write(text))
end

--- Ends all that was started here, and with it the connections that its workers keep.
function M.stop()
  for _, name in ipairs(running) do helper.stop(name) end
  running, M.started = {}, nil
end

--- The nginx of tests/hosts/nginx.conf, one for a busted process.
---@return string address
---@return string folder
function M.address()
  if not M.started then
    M.tls_port = helper.free_port()
    local resolver = helper.serve "../hosts/dns.lua":gsub("^http://", "")
    M.started, M.folder = M.start("tests/hosts/nginx.conf", {
      RESOLVER = resolver, CERTIFICATES = helper.certificates(), TLS_PORT = tostring(M.tls_port),
    })
  end
  return M.started, M.folder
end

return M
