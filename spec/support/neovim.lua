--- Neovim for specs: headless, without anybody's configuration, in a folder of its own.
local cjson = require "cjson"
local helper = require "spec.helper"

local M = {}

local function output_of(command)
  local pipe = assert(io.popen(command))
  local text = pipe:read "*a"
  pipe:close()
  return (text:gsub("%s+$", ""))
end

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

--- Why Neovim cannot be tested here; nil where it can. Whatever Lua runs the spec, Neovim has its own: once is enough.
function M.absent()
  local lua = os.getenv "OGL_LUA"
  if lua and lua ~= "luajit" then return "Neovim runs LuaJIT, with the specs of luajit" end
  if output_of "command -v nvim" == "" then return "no nvim" end
  if not exists "build/luajit/opengatellm/core.so" then return "no modules for LuaJIT" end
end

local function quote(text) return "'" .. text:gsub("'", "'\\''") .. "'" end

-- Where all of Neovim's own files go, the way to our modules, and what a test adds.
local function environment(values)
  local root, folder = output_of "pwd", helper.directory() .. "/nvim"
  local all = {
    HOME = folder, XDG_CONFIG_HOME = folder .. "/config", XDG_DATA_HOME = folder .. "/data", XDG_STATE_HOME = folder .. "/state",
    XDG_CACHE_HOME = folder .. "/cache", XDG_RUNTIME_DIR = folder, OGL_SHARED = os.getenv "OGL_SHARED" or root .. "/../shared",
    LUA_PATH = ("%s/lua/?.lua;%s/lua/?/init.lua;%s/?.lua;%s/tests/?.lua;;"):format(root, root, root, root),
    LUA_CPATH = root .. "/build/luajit/?.so;;",
  }
  for name, value in pairs(values) do all[name] = value end
  local words = {}
  for name, value in pairs(all) do words[#words + 1] = name .. "=" .. quote(value) end
  return table.concat(words, " ")
end

M.SECONDS = 60 -- after which a Neovim that does not end by itself is ended

local function write_init(text)
  local path = helper.write(text)
  assert(os.rename(path, path .. ".lua"))
  return path .. ".lua"
end

--- Runs a headless Neovim to its end.
---@param arguments string for its command line, as the shell reads them
---@param values? table<string, string> for its environment
---@param init? string the user's init.lua; default: none, and no plugins
---@return integer code with which it ended; 124 where it did not end by itself
---@return string output of both kinds
function M.run(arguments, values, init)
  local command = ("env -u NVIM -u NVIM_LISTEN_ADDRESS -u VIMINIT %s timeout -k 1 %d nvim --headless -u %s -i NONE -n %s 2>&1 </dev/null; echo \"ended: $?\"")
    :format(environment(values or {}), M.SECONDS, init and write_init(init) or "NONE", arguments)
  local text = output_of(command)
  return tonumber(text:match "ended: (%d+)$"), (text:gsub("%s*ended: %d+$", ""))
end

--- Runs a spec file inside.
---@return table<string, {status: string, message: string?}> by the names of its tests
function M.report(path)
  local file = helper.write ""
  local code, output = M.run("-c 'luafile tests/hosts/nvim.lua'", { OGL_SPEC = path, OGL_REPORT = file, OGL_CARRIER = "neovim" })
  local rows = {}
  for line in io.lines(file) do
    local row = cjson.decode(line)
    rows[row.name] = row
  end
  local other = rows["the file"] and rows["the file"].message or "it did not run"
  return setmetatable(rows, { __index = function() return { status = "failed", message = ("%s; Neovim ended with %s: %s"):format(other, code, output) } end })
end

return M
