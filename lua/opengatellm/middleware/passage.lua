--- Passages: the way of a client's calls through its middleware. A client without middleware never loads this.
--
-- @module opengatellm.middleware.passage
local chains = require "opengatellm.middleware.chain"
local mistake = require "opengatellm.middleware.mistake"
local steps = require "opengatellm.chat.steps"
local stream = require "opengatellm.stream"

local M = {}

-- The error of a problem of the steps: a text is the caller's mistake.
local function error_of(operation, problem)
  return type(problem) == "string" and mistake.new("client:" .. operation .. ": " .. problem) or problem
end

-- Sends what has come through the middleware.
local function send(client, operation, view, functions, states, guard)
  local call, problem = steps.prepare(client, view.request, operation, operation == "stream")
  if not call then return nil, error_of(operation, problem) end
  call.view, call.event_functions, call.states, call.guard, call.deadline = view, functions, states, guard, view.deadline
  local answer, err = stream.open(call)
  if not answer or operation == "stream" then return answer, err end
  return answer:reply()
end

local function run(client, operation, asked)
  return chains.run(client, operation, asked, function(view, functions, states, guard)
    return send(client, operation, view, functions, states, guard)
  end)
end

--- Leads a chat or a stream through the client's middleware. Its request is checked first, as it was given.
---@param client ogl.Client
---@param operation "chat"|"stream"
---@param question string|ogl.Request
---@return ogl.Reply|ogl.Stream|nil
---@return ogl.Error? err with `mistake` where the caller is wrong
function M.chat(client, operation, question)
  local asked, problem = steps.checked(client, question)
  if not asked then return nil, error_of(operation, problem) end
  return run(client, operation, asked)
end

--- Leads a stream through the client's middleware; its request has been checked.
---@param client ogl.Client
---@param asked ogl.Request
---@return ogl.Stream?
---@return ogl.Error? err
function M.stream(client, asked) return run(client, "stream", asked) end

--- Leads an operation through the client's middleware.
---@param client ogl.Client
---@param operation string
---@param options table
---@param perform fun(options: table): any, ogl.Error?
---@return any answer
---@return ogl.Error? err with `mistake` where the caller is wrong
function M.operation(client, operation, options, perform)
  return chains.run(client, operation, options, function(view) return mistake.catch(perform, view.request) end)
end

return M
