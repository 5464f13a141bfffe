--- Files of tools: Lua files that return tools, found, read and run at run time.
--
-- A file runs in an environment of its own, which reads what the host gave and keeps what the file sets. That decides which names the
-- file knows, and no more: neither its time nor its memory is bounded. Bytecode is refused, since it can break out of any environment.
--
-- @module opengatellm.conversation.tool_files
local errors = require "opengatellm.errors"

local M = {}

local function refuse(kind, path, problem)
  problem = tostring(problem)
  local names_it = problem:sub(1, #path + 1) == path .. ":" -- as messages of Lua about this file do
  return nil, errors.new { kind = kind, code = "tools", message = names_it and problem or path .. ": " .. problem }
end

-- Folders -----------------------------------------------------------------------------------------------------------------

local function installed(name)
  local fine, module = pcall(require, name)
  return fine and type(module) == "table" and module or nil
end

-- Names in a folder, by lfs.
local function listed_by_lfs(lfs, folder)
  local fine, following, state = pcall(lfs.dir, folder)
  if not fine then return nil, following end
  local names = {}
  for name in following, state do names[#names + 1] = name end
  return names
end

-- The same, by luv or Neovim.
local function listed_by_luv(uv, folder)
  local scan, problem = uv.fs_scandir(folder)
  if not scan then return nil, problem end
  local names = {}
  while true do
    local name = uv.fs_scandir_next(scan)
    if not name then return names end
    names[#names + 1] = name
  end
end

local function list(folder)
  local lfs = installed "lfs"
  if lfs then return listed_by_lfs(lfs, folder) end
  local vim = rawget(_G, "vim")
  local uv = type(vim) == "table" and (vim.uv or vim.loop) or installed "luv"
  if uv then return listed_by_luv(uv, folder) end
  return nil, "a folder is read with lfs or luv, and neither is installed: install one, or give a list of files"
end

--- Lists the Lua files of a folder, sorted by name. Those whose names begin with a dot are left out.
---@param folder string
---@return string[]? paths
---@return ogl.Error? err
function M.of_folder(folder)
  local names, problem = list(folder)
  if not names then return refuse("config", folder, problem) end
  local paths = {}
  for _, name in ipairs(names) do
    if name:find "^[^.].*%.lua$" then paths[#paths + 1] = folder:gsub("/+$", "") .. "/" .. name end
  end
  table.sort(paths)
  return paths
end

-- Files -------------------------------------------------------------------------------------------------------------------

-- Reads a file without what Lua itself passes over at its beginning: the mark of UTF-8, a line for the shell.
local function read(path)
  local file, problem = io.open(path, "rb")
  if not file then return refuse("file", path, (tostring(problem):gsub("^.*: ", ""))) end
  local text
  text, problem = file:read "*a"
  file:close()
  if not text then return refuse("file", path, problem) end
  return (text:gsub("^\239\187\191", ""):gsub("^#[^\n]*", ""))
end

local function compile(text, name, env)
  if text:sub(1, 1) == "\27" then return nil, "it is bytecode; only text is loaded" end
  if not setfenv then return load(text, name, "t", env) end
  local chunk, problem = loadstring(text, name)
  return chunk and setfenv(chunk, env), problem
end

--- Runs a file.
---@param path string
---@param given table what it reads as its globals
---@return any value what it returned
---@return ogl.Error? err
function M.run(path, given)
  local text, err = read(path)
  if not text then return nil, err end
  local env = setmetatable({}, { __index = given, __metatable = false })
  local chunk, problem = compile(text, "@" .. path, env)
  if not chunk then return refuse("config", path, problem) end
  local fine, value = pcall(chunk)
  if not fine then return refuse("config", path, value) end
  if type(value) == "table" then return value end
  return refuse("config", path, "expected that it returns a tool, or a list of tools; it returns a " .. type(value))
end

--- Makes the error of what a file returned.
---@param path string
---@param problem string
---@return nil
---@return ogl.Error err
function M.refuse(path, problem) return refuse("config", path, problem) end

return M
