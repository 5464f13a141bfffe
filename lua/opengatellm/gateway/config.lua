--- Configurations: a gateway out of one file of Lua, which is trusted as nginx's own is.
--
--   -- gateway.lua
--   local ogl = require "opengatellm"
--   return { routes = { { client = ogl.client { provider = "openai" } } } }
--
-- The file returns the options of ogl.gateway, or a gateway. What is wrong is told in one line: the file, the key, what was expected.
--
-- @module opengatellm.gateway.config
local files = require "opengatellm.base.file"
local gateways = require "opengatellm.gateway"

local M = {}

local function read(path)
  local text, why = files.read(path)
  if not text then return nil, path .. ": it cannot be read: " .. why end
  return text
end

local LONGEST = 500 -- bytes of a problem: `require` names every path where it looked

-- What was raised, in one line.
local function line_of(raised)
  if raised == nil then return "it raised nothing" end
  if type(raised) == "table" and not (getmetatable(raised) or {}).__tostring then return "it raised a table" end
  return (tostring(raised):gsub("%s*[\r\n]%s*", " "):sub(1, LONGEST))
end

-- The same with the file's name, which messages of Lua mostly have.
local function told(path, raised)
  local line = line_of(raised)
  return line:find(path, 1, true) and line or path .. ": " .. line
end

-- The value that the file returns. Syntax errors, and what the file raises, name its line.
local function run(path)
  local text, problem = read(path)
  if not text then return nil, problem end
  local chunk
  chunk, problem = (loadstring or load)(text:gsub("^#[^\n]*", ""), "@" .. path)
  if not chunk then return nil, told(path, problem) end
  local fine, value = pcall(chunk)
  if not fine then return nil, told(path, value) end
  return value
end

-- The client of a route, or of a router's row, that has no usable address; and where it stands.
local function unreachable(gateway)
  for i, route in ipairs(gateway.routes.list) do
    for place, row in ipairs(route.client.rows or { { client = route.client } }) do
      local where = route.client.rows and (".clients[%d]"):format(place) or ""
      if not row.client.api then return row.client, ("routes[%d].client%s"):format(i, where) end
    end
  end
end

--- Makes the gateway of a file.
---@param path string
---@return ogl.Gateway?
---@return string? problem in one line
function M.load(path)
  local value, problem = run(path)
  if problem then return nil, problem end
  local fine, gateway = true, value
  if not gateways.is(value) then
    if type(value) ~= "table" then return nil, ("%s: expected it to return a table of options, got %s"):format(path, type(value)) end
    fine, gateway = pcall(gateways.new, value)
  end
  if not fine then return nil, path .. ": " .. line_of(gateway):gsub("^.-ogl%.gateway: ", "") end
  local client, where = unreachable(gateway)
  if client then return nil, ("%s: %s: %s"):format(path, where, line_of(client:missing().message)) end
  return gateway
end

return M
