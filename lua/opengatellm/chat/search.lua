--- Search in a chat: OpenGateLLM up to 0.8 searches its collections first, and puts the chunks that it finds into the last message.
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

-- Makes the tool that asks the gateway to search; also gives the misuse (a text) or the error (a value beyond its limits) that it finds.
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
    message = ("search: OpenGateLLM %s cannot search in a chat; it is there %s. client:search finds chunks to put into a message")
      :format(server.text(version), registry.missing("chat.search", version)),
  }
end

--- Makes a request whose `search` has become the tool that asks the gateway to search first. Errors: `invalid` for a value beyond its
--- limits, `unsupported` if the server's version cannot search, and those of asking for the version.
---@param client ogl.Client
---@param asked ogl.Request with `search`
---@return ogl.Request? asked a new request
---@return ogl.Error? err
---@return string? misuse the caller's mistake, to be raised
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
