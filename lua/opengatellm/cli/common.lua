--- Shared by the commands: the options that make a client, the model that is asked, and the output of a failure.
--
-- The library is loaded with the first client: `ogl doctor` tells why it cannot be.
--
-- @module opengatellm.cli.common
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
  local message = client:missing().message
  if not client.provider.operations or not message:find "^no server address" then return "ogl: " .. message end
  return "ogl: no server: set OGL_URL (and OGL_TOKEN), for example "
    .. 'OGL_URL=https://albert.api.etalab.gouv.fr OGL_TOKEN=sk-… ogl chat "Bonjour"'
end

--- Makes a client, and checks that it has a server.
---@param options ogl.ClientOptions
---@return ogl.Client? client
---@return string? line without a client: what the user has to set
function M.client_of(options)
  local fine, client = pcall(require "opengatellm".client, options)
  if not fine then return nil, "ogl: " .. tostring(client):gsub("^.-ogl%.client: ", "") end
  local line = missing(client)
  if line then return nil, line end
  return client
end

--- Makes the client that the options of a command describe.
---@param arguments table as argparse read them
---@return ogl.Client? client
---@return string? line without a client: what the user has to set
function M.client(arguments)
  return M.client_of {
    provider = arguments.provider, base_url = arguments.url, timeouts = arguments.timeout and { total = arguments.timeout } or nil,
  }
end

-- The first model of the server that writes text; OGL says so, other servers say nothing.
local function first_model(client)
  local models, err = client:models()
  if not models then return nil, err end
  for _, model in ipairs(models) do
    if model.type == nil or model.type == "text-generation" or model.type == "image-text-to-text" then return model.id end
  end
  return nil, "ogl: the server has no model that writes text; choose one with --model"
end

--- Says which model is asked: the wanted one, that of the environment, or the server's first that writes text.
---@param client ogl.Client
---@param wanted? string
---@return string? model
---@return any err
function M.model(client, wanted)
  local model = wanted or os.getenv "OGL_MODEL"
  if model then return model end
  return first_model(client)
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
