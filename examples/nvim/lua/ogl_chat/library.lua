--- Where opengatellm is: installed (luarocks, make install), or built in the repository that this plugin is a folder of.
--
-- @module ogl_chat.library
local M = {}

--- The repository: this file is examples/nvim/lua/ogl_chat/library.lua in it.
function M.root() return vim.fn.fnamemodify(debug.getinfo(1, "S").source:sub(2), ":p:h:h:h:h:h") end

--- Neovim's Lua, as the Makefile calls it.
function M.abi() return rawget(_G, "jit") and "luajit" or "lua5.1" end

-- Puts the repository in front of where Lua looks, once; what is built is preferred to what is installed.
local function look_in_repository()
  local modules = ("%s/build/%s"):format(M.root(), M.abi())
  if vim.fn.isdirectory(modules) == 0 or package.cpath:find(modules, 1, true) then return end
  package.cpath = modules .. "/?.so;" .. package.cpath
  package.path = ("%s/lua/?.lua;%s/lua/?/init.lua;"):format(M.root(), M.root()) .. package.path
end

--- The library, or nil and what is wrong, in words.
---@return ogl?
---@return string?
function M.load()
  look_in_repository()
  local found, ogl = pcall(require, "opengatellm")
  if found then found, ogl = pcall(function() return require "opengatellm.curl" and ogl end) end
  if found then return ogl end
  return nil, ("opengatellm is not there for this Neovim (%s): run `make modules LUA=%s` in %s\n%s"):format(M.abi(), M.abi(), M.root(), ogl)
end

return M
