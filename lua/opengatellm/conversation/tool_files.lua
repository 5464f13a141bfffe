--- Files of tools: Lua files that return tools, found, read and run at run time.
--
-- A file runs in an environment of its own, which reads what the host gave and keeps what the file sets. That decides which names the
-- file knows, and no more: neither its time nor its memory is bounded. Bytecode is refused, since it can break out of any environment.
--
-- @module opengatellm.conversation.tool_files
local errors = require "opengatellm.errors"
local files = require "opengatellm.base.file"
local system = require "opengatellm.system"

local M = {}

local function refuse(kind, path, problem)
  problem = tostring(problem)
  local names_it = problem:sub(1, #path + 1) == path .. ":" -- as messages of Lua about this file do
  return nil, errors.new { kind = kind, code = "tools", message = names_it and problem or path .. ": " .. problem }
end

-- Folders -----------------------------------------------------------------------------------------------------------------

--- Lists the Lua files of a folder, sorted by name. Those whose names begin with a dot are left out.
---@param folder string
---@return string[]? paths
---@return ogl.Error? err
function M.of_folder(folder)
  local entries, problem = system.list(folder)
  if not entries then return refuse("config", folder, problem) end
  local paths = {}
  for _, entry in ipairs(entries) do
    if entry.name:find "^[^.].*%.lua$" then paths[#paths + 1] = folder:gsub("/+$", "") .. "/" .. entry.name end
  end
  return paths
end

-- Files -------------------------------------------------------------------------------------------------------------------

-- Reads a file without what Lua itself passes over at its beginning: the mark of UTF-8, a line for the shell.
local function read(path)
  local text, problem = files.read(path)
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
