--- The nginx of this machine: where it is, how it gets Lua, and where our modules for its LuaJIT are.
--
-- @module opengatellm.cli.nginx_program
local files = require "opengatellm.base.file"
local shell = require "opengatellm.cli.shell"

local M = {}

---@class ogl.NginxProgram
---@field path string
---@field modules string[] paths of modules to load; none where Lua is built in
---@field takes_log boolean whether it has the option -e, the log of its start

local FOLDERS = { "/usr/sbin", "/usr/local/sbin", "/usr/local/openresty/nginx/sbin", "/usr/local/nginx/sbin", "/opt/homebrew/bin" }
local LUA_MODULES = { "ndk_http_module.so", "ngx_http_lua_module.so" }
local LIBRARIES = { "/usr/local/lib/lua/5.1", "/usr/lib/lua/5.1", "/usr/local/openresty/site/lualib" }

local NO_NGINX = "no nginx is installed: apt-get install nginx-light libnginx-mod-http-lua (Debian, Ubuntu), or OpenResty;"
  .. " --nginx names one that is elsewhere"
local NO_LUA = "%s has no Lua module: apt-get install libnginx-mod-http-lua (Debian, Ubuntu), or use OpenResty; --nginx names another one"
local NO_MODULES = "opengatellm is not installed for LuaJIT, which is nginx's Lua: luarocks --lua-version 5.1 install opengatellm"
  .. " (in a checkout: make install LUA=luajit)"

-- Every path at which an nginx may be, the user's own PATH first.
local function candidates()
  local list = {}
  local function add(folder)
    for _, name in ipairs { "nginx", "openresty" } do list[#list + 1] = folder .. "/" .. name end
  end
  for folder in (os.getenv "PATH" or ""):gmatch "[^:]+" do add(folder) end
  for _, folder in ipairs(FOLDERS) do add(folder) end
  return list
end

-- The modules to load; none where Lua is built in; nil where this nginx has no Lua.
local function lua_of(told)
  if told:find("%-%-add%-module=%S*ngx_lua") or told:find("%-%-add%-module=%S*lua%-nginx%-module") then return {} end
  local folder = told:match "%-%-modules%-path=(%S+)" or (told:match "%-%-prefix=(%S+)" or "/usr/local/nginx") .. "/modules"
  local list = {}
  for i, name in ipairs(LUA_MODULES) do
    list[i] = folder .. "/" .. name
    if not files.exists(list[i]) then return nil end
  end
  return list
end

-- From 1.19.5 on nginx takes the place of its first log as an option.
local function takes_log(told)
  local major, minor, patch = told:match "/(%d+)%.(%d+)%.(%d+)"
  if not major then return false end
  return major * 1000000 + minor * 1000 + patch >= 1019005
end

local function described(path)
  local told = shell.output_of(shell.quoted(path) .. " -V")
  local modules = lua_of(told)
  return modules and { path = path, modules = modules, takes_log = takes_log(told) }
end

--- Finds an nginx that has Lua.
---@param path? string of the only one that counts
---@return ogl.NginxProgram?
---@return string? problem what to install
function M.find(path)
  local without
  for _, one in ipairs(path and { path } or candidates()) do
    if files.exists(one) then
      local program = described(one)
      if program then return program end
      without = without or one
    end
  end
  if path and not without then return nil, path .. ": there is no such program" end
  return nil, without and NO_LUA:format(without) or NO_NGINX
end

-- Folders that may hold our C modules for LuaJIT: beside those that this Lua has its own from, then the usual ones.
local function folders_of(cpath)
  local list = {}
  for template in cpath:gmatch "[^;]+" do
    local folder = template:match "^(.*)/%?%.so$"
    if folder then list[#list + 1] = folder:gsub("/build/lua[^/]*$", "/build/luajit"):gsub("/lua/5%.%d$", "/lua/5.1") end
  end
  local home = os.getenv "HOME"
  if home then list[#list + 1] = home .. "/.luarocks/lib/lua/5.1" end
  for _, folder in ipairs(LIBRARIES) do list[#list + 1] = folder end
  return list
end

--- Finds the folder with our C modules for LuaJIT.
---@param cpath? string in the form of package.cpath, which is the default
---@return string? folder
---@return string? problem the command that installs them
function M.library(cpath)
  for _, folder in ipairs(folders_of(cpath or package.cpath)) do
    if files.exists(folder .. "/opengatellm/core.so") then return folder end
  end
  return nil, NO_MODULES
end

--- Gives the folder with our Lua files, which are the same for every Lua.
---@return string
function M.share() return (debug.getinfo(1, "S").source:match "^@(.*)/opengatellm/cli/[^/]+$") or "." end

return M
