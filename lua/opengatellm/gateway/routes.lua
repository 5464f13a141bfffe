--- Routes: which client answers for a model's name, and by which name that client knows the model.
--
--   { model = "fast", aliases = { "gpt-4o-mini" }, client = albert, to = "mistral-small" }    exact names
--   { prefix = "mistral/", client = mistral }                      the model is what stands behind the prefix
--   { pattern = "^gpt%-", client = openai }                        the model is the name
--   { match = function(name) … return "model" end, client = any }  the model is what the function returns; nil: no such model
--   { client = rest }                                              every other name
--
-- Exact names win over prefixes, of which the longest wins, then come patterns and functions in their order, and the rest at the end.
-- A client may be a router: so a model may be several, weighted or one after the other. Where each of its rows has a model of its own, and
-- the route has no `to`, the name of the route is that of no server.
--
-- @module opengatellm.gateway.routes
local request = require "opengatellm.request"
local words = require "opengatellm.base.words"

local M = {}

---@class ogl.GatewayRoute
---@field client ogl.Client|ogl.Router
---@field model? string exact name
---@field aliases? string[] other exact names
---@field prefix? string
---@field pattern? string of Lua
---@field match? fun(name: string): string?
---@field to? string the client's own name of the model; default: see above
---@field public? boolean false: it answers, but no list of models shows it
---@field manage? boolean true: callers may pull, delete, … models of this client, an Ollama server
---@field context_length? integer tokens, for clients that ask; default: what is known of the model
---@field capabilities? string[] as Ollama names them; default: completion, tools, and what is known of the model

---@class ogl.GatewayTarget
---@field client ogl.Client|ogl.Router
---@field model? string that the client is asked for; nil: the rows of a router know
---@field route ogl.GatewayRoute
---@field completion? ogl.GatewayCompletion what asks in the place of the client, for a prompt that is no conversation

---@class ogl.GatewayRoutes
---@field list ogl.GatewayRoute[]
---@field exact table<string, ogl.GatewayRoute> by model and alias
---@field names string[] those of them that lists show, in order
local Routes = {}
Routes.__index = Routes

local FIELDS = {
  client = "table", model = "string", aliases = "table", prefix = "string", pattern = "string", match = "function", to = "string",
  public = "boolean", manage = "boolean", context_length = "integer", capabilities = "table",
}

-- Ollama's words, of its types/model/capability.go.
local CAPABILITIES = words.set "completion tools insert vision embedding thinking image audio"

local SELECTORS = { "model", "prefix", "pattern", "match" }

local function is_client(value) return type(value) == "table" and type(value.provider) == "table" and value.use ~= nil end

local function texts_problem(list, name)
  for i, text in ipairs(list or {}) do
    if type(text) ~= "string" then return ("%s[%d]: expected string, got %s"):format(name, i, type(text)) end
  end
end

local function capability_problem(route)
  for i, name in ipairs(route.capabilities or {}) do
    if not CAPABILITIES[name] then return ("capabilities[%d]: there is no capability '%s'"):format(i, name) end
  end
end

local function fields_problem(route)
  local problem = request.check_fields(route, FIELDS) or texts_problem(route.aliases, "aliases")
    or texts_problem(route.capabilities, "capabilities") or capability_problem(route)
  if problem then return problem end
  for _, name in ipairs { "model", "prefix", "pattern", "to" } do
    if route[name] == "" then return name .. ": expected a text, got an empty one" end
  end
  if route.context_length and route.context_length < 1 then return "context_length: expected tokens above 0" end
end

-- A route has one selector, or none.
local function selector_problem(route)
  local found
  for _, name in ipairs(SELECTORS) do
    if route[name] ~= nil and found then return ("%s: the route has %s already"):format(name, found) end
    found = route[name] ~= nil and name or found
  end
  if route.aliases and found ~= "model" then return "aliases: they stand beside `model`" end
  if route.pattern and not pcall(string.find, "", route.pattern) then return "pattern: it is no pattern of Lua" end
end

local function client_problem(route)
  if not is_client(route.client) then return "client: expected a client or a router, got " .. type(route.client) end
  if route.manage and (route.client.rows or route.client.provider.protocol ~= "ollama") then
    return "manage: the client is of no Ollama server"
  end
end

local function problem_of(route)
  if type(route) ~= "table" then return ": expected table, got " .. type(route) end
  if is_client(route) then return ": expected a table with `client`, got the client itself" end
  local problem = fields_problem(route) or client_problem(route) or selector_problem(route)
  return problem and "." .. problem
end

local function add_name(self, name, route, i)
  if self.exact[name] then return ("[%d]: another route has the model '%s'"):format(i, name) end
  self.exact[name] = route
  if route.public ~= false then table.insert(self.names, name) end
end

-- Whether a router's rows know which models to ask for.
local function names_models(client)
  if not client.rows then return false end
  for _, row in ipairs(client.rows) do
    if not row.model then return false end
  end
  return true
end

local function add_exact(self, route, i)
  local problem = add_name(self, route.model, route, i)
  for _, name in ipairs(route.aliases or {}) do problem = problem or add_name(self, name, route, i) end
  return problem
end

local function longer(a, b) return #a.prefix > #b.prefix end

local function add(self, route, i)
  if route.model then return add_exact(self, route, i) end
  if route.prefix then table.insert(self.prefixes, route)
  elseif route.pattern or route.match then table.insert(self.tests, route)
  elseif self.rest then return ("[%d]: another route takes every other name already"):format(i)
  else self.rest = route end
end

--- Makes routes of what the options say.
---@param list ogl.GatewayRoute[]
---@return ogl.GatewayRoutes?
---@return string? problem
function M.new(list)
  if type(list) ~= "table" or list[1] == nil then return nil, "routes: expected a list of at least one route" end
  local self = setmetatable({ list = {}, exact = {}, names = {}, prefixes = {}, tests = {}, rest = false }, Routes)
  for i, given in ipairs(list) do
    local problem = problem_of(given)
    if problem then return nil, ("routes[%d]%s"):format(i, problem) end
    local route = request.merge(given)
    self.list[i] = route
    problem = add(self, route, i)
    if problem then return nil, "routes" .. problem end
  end
  table.sort(self.prefixes, longer)
  return self
end

local function target(route, model) return { client = route.client, model = route.to or model, route = route } end

local function exact_target(route)
  return target(route, not names_models(route.client) and route.model or nil)
end

local function tested(route, name)
  if route.pattern then return name:find(route.pattern) and name end
  local model = route.match(name)
  if model and type(model) ~= "string" then error("match: expected a model's name or nil, got " .. type(model), 0) end
  return model
end

local function open_target(self, name)
  for _, route in ipairs(self.prefixes) do
    if name:sub(1, #route.prefix) == route.prefix then return target(route, name:sub(#route.prefix + 1)) end
  end
  for _, route in ipairs(self.tests) do
    local model = tested(route, name)
    if model then return target(route, model) end
  end
  return self.rest and target(self.rest, name) or nil
end

--- Finds who answers for a model's name.
---@param name string
---@param short? string the same name as the face also writes it: without Ollama's `:latest`
---@return ogl.GatewayTarget? # nil: there is no such model
function Routes:find(name, short)
  local exact = self.exact[name] or short and self.exact[short]
  if exact then return exact_target(exact) end
  local found = open_target(self, short or name)
  if not (found and short) or found.client.provider.protocol ~= "ollama" then return found end
  return open_target(self, name) -- an Ollama server has its own tags
end

return M
