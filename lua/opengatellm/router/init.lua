--- Routers: several clients, used like one.
--
--   local router = ogl.router { clients = { fast, { client = large, weight = 2 } }, strategy = "order", breaker = { failures = 3 } }
--   local reply, err = router:chat "Bonjour"
--
-- A router orders its rows by a strategy (strategy/), leaves alone those that fail (breaker.lua), and goes from row to row until one
-- answers (route.lua). What its workers or machines share is in a store (store/).
--
-- @module opengatellm.router
local breakers = require "opengatellm.router.breaker"
local callbacks = require "opengatellm.chat.callbacks"
local host = require "opengatellm.host"
local mistake = require "opengatellm.middleware.mistake"
local replayed = require "opengatellm.chat.replayed"
local request = require "opengatellm.request"
local routes = require "opengatellm.router.route"
local rows = require "opengatellm.router.row"
local store = require "opengatellm.store"
local strategies = require "opengatellm.router.strategy"

local M = {}

---@class ogl.RouterOptions
---@field clients (ogl.Client|ogl.RouterRow)[]
---@field strategy? string|table|ogl.Strategy "order", "weighted", "round_robin", "least_busy", "least_latency", "cheapest", "capability",
--- "keyword", "similarity", "sticky"; a table { name, …options }; or a function; default "order"
---@field fallback? table<ogl.Reason, string[]> names of the rows that are asked after an error for this reason
---@field breaker? ogl.BreakerOptions|false false: none
---@field hedge? number|{delay?: number|"p95", initial?: number} seconds after which a second row is asked; default of `initial`: 2
---@field deadline? number seconds for the whole call
---@field retries? ogl.Retries that count in place of the clients' own
---@field store? table what workers share (store/init.lua); default: this Lua's memory
---@field name? string of the router in its store; default "router"
---@field host? table

---@class ogl.Router
---@field rows ogl.Row[]
local Router = {}
Router.__index = Router
Router.__name = "opengatellm.router"

local FIELDS = {
  clients = "table", strategy = "any", fallback = "table", breaker = "any", hedge = "any", deadline = "number", retries = "table",
  store = "table", name = "string", host = "table",
}

-- Options ---------------------------------------------------------------------------------------------------------------

local function check_fallback(fallback, list)
  local known = {}
  for _, row in ipairs(list) do known[row.name] = true end
  for reason, names in pairs(fallback) do
    if type(names) ~= "table" then return ("fallback.%s: expected a list of names, got %s"):format(tostring(reason), type(names)) end
    for _, name in ipairs(names) do
      if not known[name] then return ("fallback.%s: there is no row '%s'"):format(tostring(reason), tostring(name)) end
    end
  end
end

-- What the option `hedge` says, as a table; nil and a problem.
local function hedge_of(given)
  if given == nil or given == false then return false end
  if type(given) == "number" then given = { delay = given } end
  if type(given) ~= "table" then return nil, "hedge: expected seconds or a table, got " .. type(given) end
  for name in pairs(given) do
    if name ~= "delay" and name ~= "initial" then return nil, ("hedge.%s: there is no such field"):format(tostring(name)) end
  end
  local delay, initial = given.delay or "p95", given.initial or 2
  if delay ~= "p95" and not (type(delay) == "number" and delay >= 0) then return nil, 'hedge.delay: expected seconds or "p95"' end
  if type(initial) ~= "number" or initial < 0 then return nil, "hedge.initial: expected seconds" end
  return { delay = delay, initial = initial }
end

local function check_breaker(given)
  if given == nil or given == false then return nil end
  if type(given) ~= "table" then return "breaker: expected table or false, got " .. type(given) end
  local problem = request.check_fields(given, breakers.FIELDS, "breaker.")
  if problem then return problem end
  for name, value in pairs(given) do
    if value <= 0 then return ("breaker.%s: expected a number above 0, got %g"):format(name, value) end
  end
end

local function check(options)
  if type(options) ~= "table" then return "expected table, got " .. type(options) end
  local problem = request.check_fields(options, FIELDS) or check_breaker(options.breaker) or store.problem(options.store)
  if problem then return problem end
  if type(options.clients) ~= "table" or options.clients[1] == nil then return "clients: expected a list of at least one client" end
  if options.deadline and options.deadline <= 0 then return "deadline: expected seconds above 0" end
end

-- Without a breaker, every row may be asked.
local OPEN = {
  permit = function() return "closed" end, report = function() end, state = function() return "closed", nil, 0 end, set = function() end,
}

local function set_store(self, options)
  local function now() return host.current(self.host).now() end
  self.store = store.guarded(options.store, now)
  local clock = options.store and options.store.now or options.store and os.time or now
  local prefix = (options.name or "router") .. ":"
  self.prefix = prefix
  self.breaker = options.breaker == false and OPEN or breakers.new(options.breaker or {}, self.store, clock, prefix)
end

--- Makes a router. Raises what is wrong with its options.
---@param options ogl.RouterOptions
---@param level? integer for error()
---@return ogl.Router
function M.new(options, level)
  local function refuse(problem)
    if problem then error("ogl.router: " .. problem, (level or 1) + 2) end
  end
  refuse(check(options))
  local list, problem = rows.all(options.clients)
  refuse(problem)
  local strategy, hedge
  strategy, problem = strategies.of(options.strategy, list)
  refuse(problem or options.fallback and check_fallback(options.fallback, list))
  hedge, problem = hedge_of(options.hedge)
  refuse(problem)
  local self = setmetatable({
    rows = list, strategy = strategy, fallback = options.fallback or {}, hedge = hedge, deadline = options.deadline,
    retries = options.retries or {}, host = options.host or false, chain = false,
    -- what middleware and replayed streams ask of a client
    provider = { name = "router", protocol = list[1].client.provider.protocol }, bounds = list[1].client.bounds, model_name = false,
  }, Router)
  set_store(self, options)
  return self
end

-- Calls -----------------------------------------------------------------------------------------------------------------

local function is_chat(operation) return operation == "chat" or operation == "stream" end

-- Asks one row.
local function ask(row, operation, asked)
  local client = row.client
  return mistake.catch(client[operation], client, asked)
end

-- A stream whose events pass the functions of the router's middleware.
local function filtered(view, inner, functions, states, guard)
  local about = {
    protocol = inner.call.client.provider.protocol, provider = inner.call.client.provider.name, warnings = inner.call.wire.warnings,
    status = inner.status, headers = inner.headers, request_id = inner.request_id,
  }
  local answer = replayed.open(view, function() return inner:next() end, about, functions, states, guard)
  answer.attempts = inner.attempts
  answer:on_end(function() inner:close() end)
  return answer
end

local function route(self, operation, asked, view, functions, states, guard)
  local filter = functions and is_chat(operation)
  if filter and operation == "chat" then asked = request.merge(asked, { no_streaming = true }) end
  local method = filter and "stream" or operation
  local answer, err = routes.run(self, method, asked, ask)
  if answer and filter then
    answer = filtered(view, answer, functions, states, guard)
    if operation == "chat" then return answer:reply() end
  end
  return answer, err
end

-- Leads a call through the router's middleware, if there is any, to its rows.
local function answered(self, operation, asked)
  if not self.chain then return route(self, operation, asked) end
  local answer, err = require "opengatellm.middleware.chain".run(self, operation, asked, function(view, functions, states, guard)
    return route(self, operation, view.request, view, functions, states, guard)
  end)
  if err then err.attempts = err.attempts or {} end -- where the router's own middleware failed before any try
  return answer, err
end

-- What is wrong with a request; `route` is the router's own field.
local function problem_of(self, operation, asked)
  if type(asked) ~= "table" then
    return ("expected %s, got %s"):format(is_chat(operation) and "a text or a request" or "a table", type(asked))
  end
  if asked.route ~= nil then
    for _, row in ipairs(self.rows) do
      if row.name == asked.route then return nil end
    end
    return ("route: there is no row '%s'"):format(tostring(asked.route))
  end
end

-- Makes a method's call, and raises mistakes at the line of its caller.
local function call(self, operation, given)
  local asked = type(given) == "string" and is_chat(operation) and request.of(given) or given
  local problem = problem_of(self, operation, asked)
  if problem then error(("router:%s: %s"):format(operation, problem), 3) end
  if is_chat(operation) then asked = request.of(asked) end
  local answer, err = answered(self, operation, asked)
  if err and err.mistake then error((err.message:gsub("^client:", "router:")), 3) end
  return answer, err
end

-- A chat or a stream in a task of its own.
local function call_back(self, operation, given, functions)
  local problem = callbacks.check(functions)
  local asked = type(given) == "string" and request.of(given) or given
  problem = problem or problem_of(self, operation, asked)
  if problem then error(("router:%s: %s"):format(operation, problem), 3) end
  asked = request.of(asked)
  if operation == "chat" then asked = request.merge(asked, { no_streaming = true }) end
  return callbacks.run(function() return answered(self, "stream", asked) end, functions, asked.keep)
end

--- Asks, and waits for the whole reply of the row that answers.
---@param question string|ogl.Request may have `route`: the name of the only row to ask
---@param functions? ogl.Callbacks then it does not wait, and returns a task
---@return ogl.Reply|ogl.Task|nil reply with `attempts`
---@return ogl.Error? err with `attempts`
function Router:chat(question, functions)
  local answer, err
  if functions ~= nil then answer = call_back(self, "chat", question, functions) else answer, err = call(self, "chat", question) end
  return answer, err -- no tail call: a mistake is the caller's, and error() counts the frames to it
end

--- Asks, and returns when the stream of a row is committed.
---@param question string|ogl.Request
---@param functions? ogl.Callbacks then it does not wait, and returns a task
---@return ogl.Stream|ogl.Task|nil stream with `attempts`
---@return ogl.Error? err
function Router:stream(question, functions)
  local answer, err
  if functions ~= nil then answer = call_back(self, "stream", question, functions) else answer, err = call(self, "stream", question) end
  return answer, err
end

--- Vectors of texts, in the order of the texts. Vectors of different models cannot be compared: give rows of the same model.
---@param options ogl.EmbeddingsRequest
---@return ogl.Embeddings?
---@return ogl.Error?
function Router:embeddings(options)
  local answer, err = call(self, "embeddings", options)
  return answer, err
end

--- Scores of documents for a query.
---@param options table as client:rerank takes it
---@return table?
---@return ogl.Error?
function Router:rerank(options)
  local answer, err = call(self, "rerank", options)
  return answer, err
end

--- How many tokens a request would have the model of a row read.
---@param question string|ogl.Request
---@return ogl.TokenCount?
---@return ogl.Error?
function Router:count_tokens(question)
  local asked = type(question) == "string" and request.of(question) or question
  local answer, err = call(self, "count_tokens", asked)
  return answer, err
end

--- What the first row would be sent, without sending it.
---@param question string|ogl.Request
---@param streamed? boolean
---@return ogl.Preview?
---@return ogl.Error?
function Router:preview(question, streamed)
  local asked = type(question) == "string" and request.of(question) or question
  local problem = problem_of(self, "preview", asked)
  if problem then error("router:preview: " .. problem, 2) end
  local order, err = strategies.order(self.strategy, asked, self.rows, self)
  if not order then return nil, err end
  local row = order[1] or self.rows[1]
  return row.client:preview(row:request(asked), streamed)
end

-- Derived routers ---------------------------------------------------------------------------------------------------------

--- A router whose calls pass middleware, on the same rows and breakers: it stands around the routed call, that of a row's client around
--- each of its tries.
---@param ... ogl.Middleware|fun(call: ogl.MiddlewareCall, proceed: function): any, ogl.Error?
---@return ogl.Router
function Router:use(...)
  local derived = setmetatable(request.merge(self), Router)
  derived.chain = require "opengatellm.middleware.chain".extended(self.chain, "router:use", 2, ...)
  return derived
end

-- State -------------------------------------------------------------------------------------------------------------------

---@class ogl.RowState
---@field state "closed"|"open"|"half_open"
---@field seconds? number until an open row is probed
---@field failures integer that count towards opening
---@field active integer calls on their way
---@field latency? number seconds to the commitment, decayed

--- Tells how the rows fare, or sets the state of one.
---@param name? string of the row to set
---@param state? "closed"|"open"|"half_open"
---@param seconds? number that it stays open; default: the recovery time
---@return table<string, ogl.RowState> states by the rows' names
function Router:state(name, state, seconds)
  local states, found = {}, name == nil
  for _, row in ipairs(self.rows) do found = found or row.name == name end
  if not found then error(("router:state: there is no row '%s'"):format(tostring(name)), 2) end
  if name ~= nil then
    if state ~= "closed" and state ~= "open" and state ~= "half_open" then
      error("router:state: expected closed, open or half_open, got " .. tostring(state), 2)
    end
    self.breaker:set(name, state, seconds)
  end
  for _, row in ipairs(self.rows) do
    local now, left, failures = self.breaker:state(row.name)
    states[row.name] = { state = now, seconds = left, failures = failures, active = row.active, latency = row.latency }
  end
  return states
end

local KEPT = 86400 -- seconds that the router knows which row made a response

--- Keeps which row made a response that later requests may refer to.
---@param row ogl.Row
---@param reply ogl.Reply
function Router:remember(row, reply)
  if reply.id and reply.protocol == "openai_responses" then self.store:set(self.prefix .. "made:" .. reply.id, row.name, KEPT) end
end

--- The name of the row that made a response; nil where that is not known.
---@param id string
---@return string?
function Router:maker(id) return self.store:get(self.prefix .. "made:" .. id) end

--- Gives up the connections of all rows.
function Router:close()
  for _, row in ipairs(self.rows) do row.client:close() end
end

function Router:__tostring() return "opengatellm.router: " .. #self.rows .. " rows" end

return M
