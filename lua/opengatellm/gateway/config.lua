--- Configurations: a gateway out of one file of Lua, which is trusted as nginx's own is.
--
--   -- gateway.lua
--   local ogl = require "opengatellm"
--   return { routes = { { client = ogl.client { provider = "openai" } } } }
--
-- The file returns the options of ogl.gateway, or a gateway. What is wrong is told in one line: the file, the key, what was expected.
--
-- @module opengatellm.gateway.config
local gateways = require "opengatellm.gateway"

local M = {}

local function read(path)
  local file, why = io.open(path, "r")
  if not file then return nil, path .. ": it cannot be read: " .. tostring(why):gsub("^.*: ", "") end
  local text = file:read "*a"
  file:close()
  if not text then return nil, path .. ": it cannot be read: it is no file" end
  return text
end

-- The value that the file returns. Syntax errors, and what the file raises, name its line.
local function run(path)
  local text, problem = read(path)
  if not text then return nil, problem end
  local chunk
  chunk, problem = (loadstring or load)(text:gsub("^#[^\n]*", ""), "@" .. path)
  if not chunk then return nil, problem end
  local fine, value = pcall(chunk)
  if not fine then
    local message = tostring(value)
    return nil, message:find(path, 1, true) and message or path .. ": " .. message
  end
  return value
end

local function is_gateway(value) return type(value) == "table" and type(value.handle) == "function" end

--- Makes the gateway of a file.
---@param path string
---@return ogl.Gateway?
---@return string? problem in one line
function M.load(path)
  local value, problem = run(path)
  if problem then return nil, problem end
  if is_gateway(value) then return value end
  if type(value) ~= "table" then return nil, ("%s: expected it to return a table of options, got %s"):format(path, type(value)) end
  local fine, made = pcall(gateways.new, value)
  if fine then return made end
  return nil, path .. ": " .. tostring(made):gsub("^.-ogl%.gateway: ", "")
end

return M
