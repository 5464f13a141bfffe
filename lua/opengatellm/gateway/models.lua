--- Models: the list that a gateway's callers see: the names of its routes, and what the servers behind open routes list.
--
-- Programs ask for lists often and wait little, so what a server lists is kept for a minute; where it fails, the last list goes on.
--
-- @module opengatellm.gateway.models
local data = require "opengatellm.providers.models"
local host = require "opengatellm.host"
local mistake = require "opengatellm.middleware.mistake"

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

local KEPT = 60 -- seconds

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

-- What a client lists: none where it is a router, or where its server has no list.
local function ask(client)
  if client.rows then return {} end
  return mistake.catch(client.models, client)
end

-- The list of a route's server, kept for a while.
local function listed(gateway, route)
  local now = host.current(false).now()
  local known = gateway.lists[route]
  if known and now - known.at < KEPT then return known.list end
  local answer = ask(route.client)
  local list = answer and (answer.data or answer) or known and known.list or {}
  gateway.lists[route] = { list = list, at = now }
  return list
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
  if route.model or route.match or route.to or route.public == false then return end
  for _, one in ipairs(listed(gateway, route)) do
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
  for _, route in ipairs(gateway.routes.list) do add_open(gateway, route, list, seen) end
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

--- What is known of one model, its server's list included.
---@param gateway ogl.Gateway
---@param name string
---@return ogl.GatewayModel? # nil: no route has it
function M.find(gateway, name) return listed_entry(gateway, name) or M.known(gateway, name) end

return M
