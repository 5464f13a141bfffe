--- Models: the list that a gateway's callers see: the names of its routes, and what the servers behind open routes list.
--
-- Programs ask for lists often and wait little (Raycast for 1.8 seconds), so what a server lists is kept for a minute, servers are asked
-- beside each other, and none for longer than a second; where one fails, its last list goes on.
--
-- @module opengatellm.gateway.models
local data = require "opengatellm.providers.models"
local host = require "opengatellm.host"
local mistake = require "opengatellm.middleware.mistake"
local task = require "opengatellm.task"

local M = {}

---@class ogl.GatewayModel
---@field name string as callers write it
---@field model string as its client knows it
---@field client ogl.Client|ogl.Router
---@field route ogl.GatewayRoute
---@field owner string
---@field created integer seconds since 1970
---@field context_length? integer
---@field listed? table what the server's own list says of it

local KEPT, FAILED = 60, 5 -- seconds until a server is asked again, after its list and after a failure
local PATIENCE = { timeouts = { total = 1 } }

local function entry_of(name, model, route, listed)
  local provider = route.client.provider
  local row = data.of(provider.protocol, provider, model)
  local own = listed and (listed.max_context_length or listed.max_model_len or listed.context_length)
  return {
    name = name, model = model, client = route.client, route = route, owner = provider.name,
    created = listed and type(listed.created) == "number" and listed.created or 0,
    context_length = route.context_length or type(own) == "number" and own or row.context, listed = listed,
  }
end

-- Whether names that callers use lead to names of the route's server.
local function is_open(route)
  return not (route.model or route.match or route.to or route.public == false or route.client.rows)
end

-- Asks a route's server for its list, and keeps that for a while.
local function refresh(gateway, route)
  local answer = mistake.catch(route.client.models, route.client, PATIENCE)
  local known = gateway.lists[route]
  local list = answer and (answer.data or answer) or known and known.list or {}
  gateway.lists[route] = { list = list, till = host.current(false).now() + (answer and KEPT or FAILED) }
end

-- Asks the servers whose lists are old.
local function refresh_all(gateway)
  local now, old = host.current(false).now(), {}
  for _, route in ipairs(gateway.routes.list) do
    local known = gateway.lists[route]
    if is_open(route) and not (known and now < known.till) then old[#old + 1] = route end
  end
  if old[2] then return task.map(old, function(route) refresh(gateway, route) end) end
  if old[1] then refresh(gateway, old[1]) end
end

local function add(list, seen, entry)
  if seen[entry.name] then return end
  seen[entry.name] = true
  list[#list + 1] = entry
end

-- The name by which callers reach a model of an open route's server; nil: the route does not lead there.
local function name_of(gateway, route, id)
  local name = (route.prefix or "") .. id
  local target = gateway.routes:find(name)
  return target and target.route == route and target.model == id and name or nil
end

local function add_open(gateway, route, list, seen)
  for _, one in ipairs(gateway.lists[route].list) do
    local name = type(one) == "table" and type(one.id) == "string" and name_of(gateway, route, one.id)
    if name then add(list, seen, entry_of(name, one.id, route, one)) end
  end
end

--- All models that lists show, in the order of the routes.
---@param gateway ogl.Gateway
---@return ogl.GatewayModel[]
function M.all(gateway)
  local list, seen = {}, {}
  for _, name in ipairs(gateway.routes.names) do
    local route = gateway.routes.exact[name]
    add(list, seen, entry_of(name, route.to or route.model, route))
  end
  refresh_all(gateway)
  for _, route in ipairs(gateway.routes.list) do
    if is_open(route) then add_open(gateway, route, list, seen) end
  end
  return list
end

local function listed_entry(gateway, name)
  for _, entry in ipairs(M.all(gateway)) do
    if entry.name == name then return entry end
  end
end

--- What is known of a model without asking a server.
---@param gateway ogl.Gateway
---@param name string
---@param short? string see Routes:find
---@return ogl.GatewayModel? # nil: no route has it
function M.known(gateway, name, short)
  local target = gateway.routes:find(name, short)
  return target and entry_of(short or name, target.model or target.route.model, target.route) or nil
end

--- Says whether the server behind an open route denies that it has a model: it lists models, and this one is not among them.
---@param gateway ogl.Gateway
---@param target ogl.GatewayTarget
---@return boolean
function M.denied(gateway, target)
  local route = target.route
  if not is_open(route) then return false end
  refresh_all(gateway)
  local list = gateway.lists[route].list
  for _, one in ipairs(list) do
    local id = type(one) == "table" and one.id
    if id == target.model or id == target.model .. ":latest" then return false end -- an Ollama server takes a name without a tag for that
  end
  return list[1] ~= nil
end

--- What is known of one model, its server's list included.
---@param gateway ogl.Gateway
---@param name string
---@return ogl.GatewayModel? # nil: no route has it
function M.find(gateway, name) return listed_entry(gateway, name) or M.known(gateway, name) end

return M
