--- Search in a chat: OpenGateLLM up to 0.8 finds chunks first, and puts them into the last message.
--
-- @module opengatellm.chat.search
local errors = require "opengatellm.errors"
local parameter = require "opengatellm.operations.parameter"
local request = require "opengatellm.request"
local registry = require "opengatellm.operations.registry"
local searching = require "opengatellm.operations.searching"
local server = require "opengatellm.operations.server"

local M = {}

local PARAMETERS = parameter.read_all(searching.PARAMETERS)

-- The search as the tool that the gateway takes for it, or what is wrong: misuse, or an error.
local function tool_of(search)
  local tool, misuse, limit = { type = "search" }, nil, nil
  for name, value in pairs(search) do
    local found, wrong, beyond = PARAMETERS[name]
    if not found then wrong = "there is no such field" else wrong, beyond = parameter.check(found, value) end
    misuse = wrong and "search." .. tostring(name) .. ": " .. wrong or misuse
    limit = beyond and "search." .. name .. ": " .. beyond or limit
    tool[name] = not wrong and found.type == "list" and parameter.list(value) or value
  end
  local name, problem = searching.rule(search)
  if name and not limit then limit = "search." .. name .. ": " .. problem end
  return tool, misuse, limit and errors.new { kind = "invalid", code = "invalid", message = limit }
end

local function unsupported(version)
  return errors.new {
    kind = "unsupported", code = "version",
    message = ("search: OpenGateLLM %s searches nothing in a chat; it is there %s. client:search finds chunks to put into a message")
      :format(server.text(version), registry.missing("chat.search", version)),
  }
end

--- A chat in which the gateway searches first: its `search` becomes the tool that the gateway takes for that.
---@param client ogl.Client
---@param asked ogl.Request with `search`
---@return ogl.Request? asked another one
---@return ogl.Error? err
---@return string? misuse
function M.request(client, asked)
  local tool, misuse, err = tool_of(asked.search)
  if misuse or err then return nil, err, misuse end
  local version
  version, err = server.version(client)
  if not version then return nil, err end
  if registry.missing("chat.search", version) then return nil, unsupported(version) end
  local out = request.merge(asked)
  out.search, out.tools = nil, { tool }
  for _, other in ipairs(asked.tools or {}) do table.insert(out.tools, other) end
  return out
end

return M
