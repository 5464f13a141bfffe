--- Operations: what a face asks of a client beside chats: embeddings and reranking, each with a body that is checked here.
--
-- @module opengatellm.gateway.operation
local json = require "opengatellm.json"
local meters = require "opengatellm.gateway.meter"
local mistake = require "opengatellm.middleware.mistake"

local M = {}

-- The fields of a body whose values have to be of a type; null counts as absent. Gives them, or what is wrong.
local function fields_of(body, kinds)
  local options = {}
  for name, kind in pairs(kinds) do
    local value = body[name]
    if value == json.null then value = nil end
    if value ~= nil and not kind:find(type(value), 1, true) then return nil, ("%s: expected %s"):format(name, kind) end
    options[name] = value
  end
  return options
end

--- Reads the body of a request: the fields of which an operation knows.
---@param visit ogl.GatewayVisit
---@param kinds table<string, string> name -> the types that it may have: "string or table"
---@return table? options
---@return ogl.Error? err
---@return table? body all of it
function M.read(visit, kinds)
  local body, err = visit:json()
  if not body then return nil, err end
  local options, problem = fields_of(body, kinds)
  if not options then return visit:refuse(400, problem) end
  return options, nil, body
end

--- Asks an operation of a target's client. Raises nothing: a mistake in the request is an error.
---@param visit ogl.GatewayVisit
---@param operation string "embeddings" or "rerank"
---@param target ogl.GatewayTarget
---@param options table
---@return table? answer
---@return ogl.Error? err
function M.ask(visit, operation, target, options)
  options.model, options.headers = target.model, visit:forwarded()
  local meter = meters.begin(visit, operation, options, target)
  local answer, err = mistake.catch(target.client[operation], target.client, options)
  meter:done(err, answer)
  if not answer then return nil, err end
  visit:note(target, answer.attempts)
  return answer
end

--- An answer in JSON.
---@param value any
---@param status? integer default 200
---@return integer status
---@return table<string, string> headers
---@return string body
function M.json(value, status) return status or 200, { ["content-type"] = "application/json" }, json.encode(value) end

return M
