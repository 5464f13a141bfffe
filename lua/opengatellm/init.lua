--- opengatellm: a module for Lua programs that use OpenGateLLM servers, and every other LLM server.
--
--   local ogl = require "opengatellm"
--   local client = ogl.client { model = "mistral-small" }       -- $OGL_URL and $OGL_TOKEN
--   local reply, err = client:chat "Quelle est la capitale de la France ?"
--
-- A mistake in the program raises an error; failures of the network, the server or the system are returned as `nil, err` (errors.lua).
--
-- @module opengatellm
local client = require "opengatellm.client"
local interrupts = require "opengatellm.host.interrupts"
local json = require "opengatellm.json"
local message = require "opengatellm.request.message"
local task = require "opengatellm.task"

---@class ogl
---@field filter table builders of the filters of a search (base/filter.lua)
---@field schema table builders of JSON Schema, and the validator (schema/init.lua)
---@field compact table makes the messages of long conversations fewer (conversation/compact.lua)
---@field conversation fun(options: ogl.ConversationOptions): ogl.Conversation messages that grow turn by turn (conversation/init.lua)
---@field tools table sets of tools (conversation/tools.lua)
---@field store table stores that routers and middleware share (store/init.lua)
---@field middleware table what ships with the library, by name (middleware/init.lua)
local M = {
  version = require "opengatellm.version",
  system = message.system, user = message.user, assistant = message.assistant, tool_result = message.tool_result,
  image = message.image, audio = message.audio, file = message.file,
  array = json.array, null = json.null,
  run = task.run, spawn = task.spawn, sleep = task.sleep, all = task.all, map = task.map, first = task.first, deadline = task.deadline,
  interrupts = interrupts.open,
}

-- Loaded when they are first used: few programs do.
local LATER = {
  compact = "opengatellm.conversation.compact", conversation = "opengatellm.conversation", tools = "opengatellm.conversation.tools",
  filter = "opengatellm.base.filter", middleware = "opengatellm.middleware", schema = "opengatellm.schema", store = "opengatellm.store",
}

--- Makes a client; every option may be left out. Raises mistakes in the options.
---@param options? ogl.ClientOptions
---@return ogl.Client
function M.client(options)
  local made = client.new(options, 2)
  return made -- no tail call: a mistake is the caller's, and error() counts the frames to it
end

--- Makes a router: several clients, used like one.
---@param options ogl.RouterOptions
---@return ogl.Router
function M.router(options)
  local router = require "opengatellm.router".new(options, 2)
  return router -- no tail call, as above
end

--- Makes a tool: what a model may have called, how its arguments are checked, and how it runs. Raises mistakes.
---@param fields ogl.ConversationTool
---@return ogl.ConversationTool
function M.tool(fields)
  local tool = require "opengatellm.conversation.tool".of(fields, 2)
  return tool -- no tail call, as above
end

--- Marks what a tool returns as parts of a message: `return ogl.parts("The map:", ogl.image { path = "map.png" })`.
---@param ... string|table
---@return table
function M.parts(...)
  local parts = require "opengatellm.conversation.tool_result".parts({ ... }, select("#", ...), 2)
  return parts -- no tail call, as above
end

--- Makes a gateway: OpenAI's and Ollama's APIs in front of clients and routers.
---@param options ogl.GatewayOptions
---@return ogl.Gateway
function M.gateway(options)
  local gateway = require "opengatellm.gateway".new(options, 2)
  return gateway -- no tail call: a mistake is the caller's, and error() counts the frames to it
end

--- Makes the functions `fd`, `timeout` and `step`, with which a program turns this library in a loop of its own (loop.lua).
---@return ogl.Loop? loop
---@return ogl.Error? err
function M.loop() return require "opengatellm.loop".new() end

return setmetatable(M, {
  __index = function(self, name)
    if not LATER[name] then return nil end
    local module = require(LATER[name])
    rawset(self, name, module)
    return module
  end,
})
