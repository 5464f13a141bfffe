--- Shared by the commands: the options that make a client, and the output of a failure.
--
-- @module opengatellm.cli.common
local ogl = require "opengatellm"

local M = {}

--- Declares the options that every command takes.
---@param command table a command of argparse
function M.configure(command)
  command:option("-p --provider", "Kind of server.", "opengatellm")
  command:option("-u --url", "Address of the server; default: $OGL_URL.")
  command:option("--timeout", "Seconds that the whole call may take."):convert(tonumber)
end

-- A server that is not there yet is a matter of settings, not of the network.
local function missing(client)
  if client.api then return nil end
  if not client.provider.operations then return "ogl: " .. client:missing().message end
  return "ogl: no server: set OGL_URL (and OGL_TOKEN), for example "
    .. 'OGL_URL=https://albert.api.etalab.gouv.fr OGL_TOKEN=sk-… ogl chat "Bonjour"'
end

--- Makes the client that the options describe.
---@param arguments table as argparse read them
---@return ogl.Client? client
---@return string? line without a client: what the user has to set
function M.client(arguments)
  local fine, client = pcall(ogl.client, {
    provider = arguments.provider, base_url = arguments.url, timeouts = arguments.timeout and { total = arguments.timeout } or nil,
  })
  if not fine then return nil, "ogl: " .. tostring(client):gsub("^.-: ogl%.client: ", "") end
  local line = missing(client)
  if line then return nil, line end
  return client
end

--- Tells a failure on standard error; returns the exit status.
---@param message any
---@param status? integer
---@return integer
function M.fail(message, status)
  io.stderr:write(tostring(message), "\n")
  return status or 1
end

return M
