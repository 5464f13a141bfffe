--- The transport of models in this process; the contract is in transport/init.lua.
--
--   ogl.client { provider = "llama", model = "model.gguf" }
--
-- There is no server: this answers the routes of a Chat Completions server itself, so that all that stands above it works unchanged. A
-- thread of C computes (csrc/llama/engine.h); what waits here waits for its one descriptor, together with the network (driver.lua). An
-- install without libcurl waits by blocking.
--
--   POST …/chat/completions                 llama/chat.lua
--   POST …/chat/completions/input_tokens    {"input_tokens": n}, of the same body
--   POST …/embeddings                       llama/vectors.lua
--   GET  …/models                           what is loaded, and on what
--
-- The first exchange of a model loads it, which takes seconds and does not count against `first_byte`.
--
-- @module opengatellm.transport.llama
local chat = require "opengatellm.llama.chat"
local core = require "opengatellm.core"
local engines = require "opengatellm.llama.engines"
local errors = require "opengatellm.errors"
local failure = require "opengatellm.base.failure"
local host = require "opengatellm.host"
local models = require "opengatellm.llama.models"
local nginx = require "opengatellm.host.nginx"
local prompt = require "opengatellm.llama.prompt"
local refusal = require "opengatellm.llama.refusal"
local task = require "opengatellm.task"
local vectors = require "opengatellm.llama.vectors"
local words = require "opengatellm.base.words"

local has_driver, driver = pcall(require, "opengatellm.transport.driver") -- not without libcurl

local M = {}

---@class opengatellm.transport.Llama
local Transport = {}
Transport.__index = Transport

---@class opengatellm.transport.llama.Exchange
local Exchange = {}
Exchange.__index = Exchange

local NONE = {}
local JSON = { ["content-type"] = "application/json" }
local STREAM = { ["content-type"] = "text/event-stream" }

-- Ends ----------------------------------------------------------------------------------------------------------------

local function detach(engine)
  if has_driver then driver.detach(engine) end
end

-- Gives the job and the engine back.
local function release(exchange)
  if exchange.job then exchange.job:close() end
  if exchange.engine then exchange.engine:release(exchange, detach) end
  exchange.job, exchange.engine = nil, nil
end

--- Ends an exchange with an error, which every later call gives again.
local function end_with(exchange, err)
  exchange.err = exchange.err or err
  release(exchange)
end

-- Answers with a body that is complete, and gives the engine back.
local function answer_whole(exchange, status, body)
  exchange.status, exchange.headers = exchange.status or status, exchange.headers or JSON
  exchange.out[#exchange.out + 1], exchange.over = body, true
  release(exchange)
end

-- A refusal is an answer, as long as none has begun; an error ends the exchange.
local function refuse(exchange, problem)
  if errors.is(problem) or exchange.status then return end_with(exchange, problem) end
  answer_whole(exchange, problem.status, problem.body)
end

-- Jobs ----------------------------------------------------------------------------------------------------------------

local function start(exchange, options)
  local job, problem = exchange.engine:start(options)
  if not job then return refuse(exchange, type(problem) == "string" and refusal.field(problem) or problem) end
  if exchange.job then exchange.job:close() end
  exchange.job, exchange.id, exchange.since = job, exchange.engine:id_of(job:id()), nil
end

local ANSWERS = { ["/chat/completions"] = chat, ["/embeddings"] = vectors }

-- The model is loaded: begins what was asked for.
local function begin(exchange)
  local answer, problem = ANSWERS[exchange.route].new(exchange.engine, exchange.body, exchange.text, exchange.transport.options.template)
  if not answer then return refuse(exchange, problem) end
  exchange.answer, exchange.warnings = answer, answer.warnings
  start(exchange, answer.job)
end

local function count(exchange)
  local written, problem = prompt.of(exchange.engine, exchange.body, exchange.text, exchange.transport.options.template)
  if not written then return refuse(exchange, problem) end
  answer_whole(exchange, 200, core.encode { input_tokens = exchange.engine:count(written.pieces) })
end

-- A model that could not be loaded is tried anew by the next exchange: its file may be whole by then.
local function unloaded(exchange, ending)
  local engine, transport = exchange.engine, exchange.transport
  local err = engine:problem() or refusal.of(ending)
  transport.engines[engine] = nil
  engine:release(transport, detach)
  end_with(exchange, err)
end

local function loaded(exchange, ending)
  if ending ~= "stop" then return unloaded(exchange, ending) end
  if exchange.route == "/chat/completions/input_tokens" then return count(exchange) end
  begin(exchange)
end

-- The head of an answer goes out with its first bytes: until then it may become a refusal.
local function give(exchange, bytes)
  if not bytes or bytes == "" then return end
  exchange.status, exchange.headers = 200, exchange.answer.streamed and STREAM or JSON
  exchange.out[#exchange.out + 1] = bytes
end

local function ended(exchange, ending, ...)
  if not exchange.answer then return loaded(exchange, ending) end
  local before, rest = exchange.answer.job, exchange.job:logprobs()
  if rest then give(exchange, exchange.answer:feed("", rest)) end
  local bytes, problem = exchange.answer:finish(ending, ...)
  if problem then return refuse(exchange, problem) end
  if not bytes and exchange.answer.job ~= before then return start(exchange, exchange.answer.job) end
  give(exchange, bytes)
  exchange.over = true
  release(exchange)
end

-- Takes the news of a job; gives false where there is none.
local function advance(exchange)
  local bytes, ending, tokens, cached, written = exchange.job:take()
  if bytes == false then return false end
  exchange.since = nil
  if not bytes then ended(exchange, ending, tokens, cached, written)
  else give(exchange, exchange.answer:feed(bytes, exchange.job:logprobs())) end
  return true
end

-- Waiting -------------------------------------------------------------------------------------------------------------

-- The time limit that runs now: its name, and the seconds that are left. Loading counts against `total` alone.
local function limit_of(exchange, now)
  local timeouts = exchange.timeouts
  local phase = exchange.status and "idle" or exchange.answer and "first_byte" or nil
  exchange.since = exchange.since or now
  local left = phase and timeouts[phase] and exchange.since + timeouts[phase] - now
  local total = timeouts.total and exchange.opened + timeouts.total - now
  if total and (not left or total < left) then return "total", total end
  return phase, left or nil
end

-- This is a function of Lua, because LuaJIT raises the error of a signal only at the next instruction of Lua.
local function wait_in_c(engine, seconds)
  local news = engine:wait(seconds)
  return news
end

-- Closes the exchange if Lua raises when C returns, as after Ctrl-C in the interpreter, because then no caller will read on. Whose news
-- it was is for the driver to say to those that wait there.
local function block(exchange, seconds)
  local engine = exchange.engine
  local waited, err = pcall(wait_in_c, engine, seconds)
  if not waited then
    exchange:close()
    error(err, 0)
  end
  if has_driver and driver.is_attached(engine) then return driver.step() end
  while engine:next() do end
end

local function await(exchange, seconds, here)
  local attached, kind, code, message = driver.attach(exchange.engine)
  if not attached then return end_with(exchange, errors.new { kind = kind, code = code, message = message }) end
  local cancelled = task.cancelled()
  if cancelled then return end_with(exchange, cancelled) end
  return driver.park(exchange, here, (coroutine.running()), seconds)
end

-- Handles a wake-up that did not come from news.
local function unpark(exchange)
  driver.unpark(exchange)
  local cancelled = task.cancelled()
  if cancelled then end_with(exchange, cancelled) end
end

--- Waits until the job may have news; no other function waits.
local function wait_for_news(exchange)
  local here = host.current(exchange.host)
  local phase, seconds = limit_of(exchange, here.now())
  if seconds and seconds <= 0 then return end_with(exchange, failure.timeout(exchange.timeouts, phase, true)) end
  if here.blocking or not has_driver then block(exchange, seconds) else await(exchange, seconds, here) end
  if exchange.waiter then unpark(exchange) end
end

-- Has the job go on until `done()`; nil and the error where the exchange has one.
local function run(exchange, done)
  while not exchange.err and not done(exchange) do
    if not advance(exchange) then wait_for_news(exchange) end
  end
  if exchange.err then return nil, exchange.err end
  return true
end

-- Transport -----------------------------------------------------------------------------------------------------------

local IN_NGINX = "a model is not computed in nginx, whose worker would serve nobody meanwhile: run llama-server beside it, and use the "
  .. "provider llama_server"

---@class ogl.LlamaOptions
---@field context? integer tokens of each chat; default 4,096
---@field slots? integer chats at once; default 2
---@field threads? integer default: the cores that the process may use, less one
---@field gpu_layers? integer default: as libllama does by itself
---@field pooling? "mean"|"cls"|"last" of embeddings; default: the model's own
---@field template? fun(values: table): string instead of the model's own template

--- Makes a transport; a model is loaded by its first exchange. Raises mistakes in the options.
---@param options? ogl.LlamaOptions
---@return opengatellm.transport.Llama? transport
---@return ogl.Error? err
function M.new(options)
  local known = words.set(table.concat(engines.OPTIONS, " ") .. " template")
  for name in pairs(options or NONE) do
    if not known[name] then error("transport.llama: there is no option '" .. tostring(name) .. "'", 2) end
  end
  if nginx.here() then return nil, errors.unsupported(IN_NGINX, "nginx") end
  return setmetatable({ options = options or NONE, engines = {}, closed = false }, Transport)
end

local function new_exchange(transport, asked)
  local opened = host.current(asked.host).now()
  return setmetatable({
    transport = transport, host = asked.host, timeouts = asked.timeouts or NONE, opened = opened, out = {}, text = asked.body,
  }, Exchange)
end

local DESCRIBED = { "description", "context", "trained_context", "slots", "threads", "bytes", "parameters" }

local function describe(engine)
  local facts, settings = engine:facts(), engine.settings
  local model = {
    id = settings.path, object = "model", created = 0, owned_by = "local", embeddings = settings.embeddings,
    state = facts and "ready" or "loading", progress = engine:progress(),
  }
  for _, name in ipairs(facts and DESCRIBED or NONE) do model[name] = facts[name] end
  model.devices = facts and engines.devices()
  return model
end

local function list_models(exchange)
  local data = {}
  for engine in pairs(exchange.transport.engines) do data[#data + 1] = describe(engine) end
  table.sort(data, function(a, b) return a.id < b.id end)
  answer_whole(exchange, 200, core.encode { object = "list", data = setmetatable(data, core.array_mt) })
end

local ROUTES = { "/chat/completions/input_tokens", "/chat/completions", "/embeddings", "/models" }

local function route_of(asked)
  local path = asked.url:match "^[^?#]*"
  for _, route in ipairs(ROUTES) do
    if path:sub(-#route) == route and (asked.method == "GET") == (route == "/models") then return route end
  end
end

local function body_of(text)
  if type(text) ~= "string" then return nil, "the body is no JSON" end
  local body = core.decode(text)
  if type(body) ~= "table" then return nil, "the body is no JSON object" end
  if type(body.model) ~= "string" then return nil, "model: expected the path or the name of a model" end
  return body
end

-- Finds the model, and begins to load it where no other exchange has; true, or nil and an error.
local function hold_engine(exchange, transport)
  local path, err = models.find(exchange.body.model)
  if not path then return nil, err end
  local engine
  engine, err = engines.hold(path, exchange.route == "/embeddings", transport.options, transport)
  if not engine then return nil, err end
  engine:keep(exchange)
  exchange.engine, transport.engines[engine] = engine, true
  start(exchange, { kind = "load" })
  return true
end

--- Sends a request.
---@param asked table see transport/init.lua
---@return opengatellm.transport.llama.Exchange? exchange
---@return ogl.Error? err
function Transport:open(asked)
  if self.closed then return nil, errors.new { kind = "closed", code = "closed", message = "the transport is closed" } end
  local exchange = new_exchange(self, asked)
  exchange.route = route_of(asked)
  if not exchange.route then
    answer_whole(exchange, 404, refusal.new(404, "a model in this process has no " .. asked.method .. " " .. asked.url).body)
  elseif exchange.route == "/models" then
    list_models(exchange)
  else
    local body, problem = body_of(asked.body)
    if not body then
      refuse(exchange, refusal.field(problem))
      return exchange
    end
    exchange.body = body
    local held, err = hold_engine(exchange, self)
    if not held then return nil, err end
  end
  return exchange
end

--- Gives the models back, and their memory where no other client and no open exchange has them.
function Transport:close()
  self.closed = true
  for engine in pairs(self.engines) do engine:release(self, detach) end
  self.engines = {}
end

Transport.__close = Transport.close

function Transport:__tostring() return "opengatellm.transport.llama" .. (self.closed and ": closed" or "") end

-- Exchange ------------------------------------------------------------------------------------------------------------

local function has_head(exchange) return exchange.status ~= nil end

--- Waits for the head of the answer.
---@return integer? status
---@return table headers_or_err
function Exchange:head()
  local fine, err = run(self, has_head)
  if not fine then return nil, err end
  return self.status, self.headers
end

local function has_bytes(exchange) return exchange.out[1] ~= nil or exchange.over end

--- Waits for more of the body: bytes, nil at the end, or nil and an error.
---@return string? bytes
---@return table? err
function Exchange:read()
  local fine, err = run(self, has_bytes)
  if not fine then return nil, err end
  if not self.out[1] then return nil end
  local bytes = table.concat(self.out)
  self.out = {}
  return bytes
end

--- Reads the rest of the answer, which is at hand once its end is known.
---@param _ number
---@param decoder? userdata gets the rest, which is dropped otherwise
function Exchange:drain(_, decoder)
  local bytes = self.over and self:read()
  if bytes and decoder then decoder:feed(bytes) end
end

--- Ends the exchange at any time. A coroutine that waits for it gets the error `closed`.
function Exchange:close()
  if not self.err then
    end_with(self, errors.new { kind = "closed", code = "closed", message = "the exchange is closed" })
  end
  if self.waiter then driver.wake(self) end
end

Exchange.__close = Exchange.close

function Exchange:__tostring()
  return "opengatellm.transport.llama exchange: " .. (self.err and "failed" or self.over and "done" or "active")
end

return M
