--- Clients: a client speaks to one server, with its key, its model and its options.
--
-- The fields of a client hold neither connections nor secrets: connections belong to the transport, which clients derived by `with`
-- share, and the key to a function. This file checks the options once; each call checks its request.
--
-- @module opengatellm.client
local auth = require "opengatellm.auth"
local calls = require "opengatellm.http.call"
local errors = require "opengatellm.errors"
local host = require "opengatellm.host"
local json = require "opengatellm.json"
local protocols = require "opengatellm.protocol"
local providers = require "opengatellm.providers"
local rate_limit = require "opengatellm.http.rate_limit"
local request = require "opengatellm.request"
local settings = require "opengatellm.providers.settings"
local steps = require "opengatellm.chat.steps"
local stream = require "opengatellm.stream"
local transport = require "opengatellm.transport"
local url = require "opengatellm.base.url"

---@class ogl.Client
---@field ollama ogl.Ollama the models on an Ollama server
local Client = {}
Client.__name = "opengatellm.client"

local M = {}

-- Resources beside the operations of OpenGateLLM; each is bound to a client when a program first uses it.
local RESOURCES = { ollama = "opengatellm.operations.ollama_models" }

local FIELDS = {
  provider = "any", protocol = "string", base_url = "string", api_key = "any", model = "string", no_v1 = "boolean", rag_url = "string",
  version = "string", settings = "table", timeouts = "table", retries = "table", limits = "table", headers = "table", proxy = "string",
  no_proxy = "string", ca_file = "string", client_cert = "table", insecure_skip_verify = "boolean", unix_socket = "string",
  transport = "any", host = "table", block = "boolean",
}

local NONE = {}

local TIMEOUTS = { connect = 10, first_byte = 600, idle = 300 }

local LIMITS = { reply = 64 * 1024 * 1024, body = 64 * 1024 * 1024 }

-- When a call of that method may be sent again: a POST or PATCH only if the server cannot have acted.
local METHODS = {
  GET = "always", HEAD = "always", OPTIONS = "always", PUT = "always", DELETE = "always", POST = "unsent", PATCH = "unsent",
}

-- Raises a mistake in the line of the client's user, who called the method that called this; errors go on.
local function refuse(operation, problem)
  if type(problem) == "string" then error("client:" .. operation .. ": " .. problem, 4) end
end

-- The call of a chat, ready to be sent. What is wrong with the request is raised in the line of the client's user.
local function prepare(self, question, operation, streamed)
  local call, problem = steps.prepare(self, question, operation, streamed)
  if problem then refuse(operation, problem) end
  return call, problem
end

-- Loaded with the first call of a client that has middleware.
local function passage() return require "opengatellm.middleware.passage" end

-- A chat or a stream through the client's middleware. What is wrong with the request is raised in the line of the client's user.
local function through(self, operation, question)
  local answer, err = passage().chat(self, operation, question)
  if err and err.mistake then error(err.message, 3) end
  return answer, err
end

-- A chat or a stream in a task of its own; mistakes that can be found before it begins are raised in the line of the client's user.
local function call_back(self, question, operation, functions)
  local chained = self.chain and passage().stream
  local task, problem = require "opengatellm.chat.callbacks".start(self, question, operation, functions, chained)
  refuse(operation, problem)
  return task
end

local MOST = 2 ^ 53 -- the largest number up to which a double holds every integer

-- Checks fields that hold numbers from `least` on.
local function check_numbers(options, fields, where, least)
  local problem = request.check_fields(options, fields, where)
  if problem then return problem end
  for name in pairs(fields) do
    local value = options[name]
    if value and (value < least or value > MOST) then
      return ("%s%s: expected a number from %d on, got %g"):format(where, name, least, value)
    end
  end
end

local function check_retries(retries)
  local decide, numbers = retries.retry, request.merge(retries)
  numbers.retry = nil
  if decide ~= nil and type(decide) ~= "function" then return "retries.retry: expected function, got " .. type(decide) end
  return check_numbers(numbers, { max = "integer", max_wait = "number" }, "retries.", 0)
end

local function check_transport(given)
  if given == nil or type(given) == "table" then return nil end
  if type(given) ~= "string" then return "transport: expected table or name, got " .. type(given) end
  if not transport.is_name(given) then return "transport: there is no transport '" .. given:gsub("%c", "?") .. "'" end
end

local function check_version(version)
  if version == nil or version == "main" or version:find "^%d+%.%d+%.?%d*$" then return nil end
  return "version: expected one like 0.8 or 0.9.2, got '" .. version:gsub("%c", "?") .. "'"
end

local function check_key(key)
  if key == nil or type(key) == "function" then return nil end
  if type(key) ~= "string" then return "api_key: expected string or function, got " .. type(key) end
  if key:find "[%c]" then return "api_key: it holds a line end or another control character" end
end

-- Finds the data of a provider by its name; a user may give a table of data instead.
local function find_provider(provider)
  if type(provider) == "table" then return provider end
  return providers.find(provider or "opengatellm")
end

local function check_provider(options)
  local provider, protocol = options.provider, options.protocol
  if protocol and not protocols[protocol] then return "protocol: there is no protocol '" .. protocol:gsub("%c", "?") .. "'" end
  if provider ~= nil and type(provider) ~= "string" and type(provider) ~= "table" then
    return "provider: expected string or table, got " .. type(provider)
  end
  local data, problem = find_provider(provider)
  if not data then return "provider: " .. problem end
  if not protocols[data.protocol] then return "provider.protocol: there is no protocol '" .. tostring(data.protocol) .. "'" end
  return settings.check(data, options.settings)
end

local function check(options)
  if type(options) ~= "table" then return "expected table, got " .. type(options) end
  local problem = request.check_fields(options, FIELDS)
    or request.check_shared(options)
    or options.retries and check_retries(options.retries)
    or options.limits and check_numbers(options.limits, { reply = "integer", body = "integer", upload = "integer" }, "limits.", 1)
  if problem then return problem end
  return check_key(options.api_key) or check_provider(options) or check_version(options.version)
    or check_transport(options.transport)
end

local function set_provider(self, options)
  local provider = find_provider(options.provider)
  if options.protocol or not (provider.name and provider.auth) then
    provider = request.merge({ name = "custom", auth = "bearer" }, provider, { protocol = options.protocol })
  end
  self.provider, self.protocol = provider, require(protocols[provider.protocol])
  self.auth, self.settings = auth.of(self.provider) or false, settings.read(provider, options.settings)
  self.by_match = false
  self.model_name, self.version, self.chain = options.model or false, options.version or false, false
  self.rows = false -- a router has them
end

-- Finds the address in the options, the environment or the provider's data; or says what is missing for it.
local function find_address(self, options)
  local given = options.base_url or settings.variable(self.provider.url_env)
  if self.auth and self.auth.address and not (given and options.no_v1) then return self.auth.address(self.settings, given) end
  if given then return given end
  return settings.address(self.provider, self.settings)
end

-- Keeps the address. A wrong one becomes the error of the first call, not of `ogl.client`, wherever it came from: addresses are
-- configuration, and a program may have other work without this server.
local function set_address(self, options, level)
  self.root, self.api, self.rag_api = false, false, false
  if options.rag_url then
    local root, api = url.base(options.rag_url, not options.no_v1 and self.provider.version or nil)
    if not root then error("ogl.client: rag_url: " .. api, level + 1) end
    self.rag_api = api
  end
  local address, problem = find_address(self, options)
  if problem then self.missing = function() return settings.missing(self.provider, problem) end end
  if not address then return end
  if self.provider.default_port then address = url.complete(address, self.provider.default_port) end
  local root, api = url.base(address, not options.no_v1 and self.provider.version or nil)
  if root then
    self.root, self.api = root, api
  else
    local where = options.base_url and "base_url" or "the server address of the environment is wrong"
    self.missing = function() return settings.missing(self.provider, where .. ": " .. api) end
  end
end

local function set_limits(self, options)
  self.timeouts = request.merge(TIMEOUTS, options.timeouts)
  self.retries = options.retries or NONE
  self.bounds = request.merge(LIMITS, options.limits) -- `limits` is a method
  self.wire_timeouts = request.timeouts(self.timeouts)
end

local function set_connection(self, options)
  local cert = options.client_cert or {}
  local way = {
    proxy = options.proxy, no_proxy = options.no_proxy, unix_socket = options.unix_socket,
    tls = {
      verify = not options.insecure_skip_verify, ca_file = options.ca_file, cert_file = cert.cert_file, key_file = cert.key_file,
      key_password = cert.key_password,
    },
  }
  self.way = function() return way end -- a function, as for the key, because the table holds passwords
  self.headers, self.host = options.headers or false, options.host or options.block and host.plain() or false
  -- clients on the same connections share this table: `versions` of servers by address, `rate_headers` of the last answer that had them
  local name = type(options.transport) == "string" and options.transport or not options.transport and self.provider.transport or nil
  self.shared = { transport = not name and options.transport or nil, transport_name = name, versions = {}, rate_headers = false }
end

-- Keeps the key in two functions, where no printer of tables finds it: one gives the key, the other says whether the client has one.
local function key_functions(options, provider)
  local key = options.api_key
  if type(key) == "function" then return key, function() return true end end
  key = key or settings.variable(provider.key_env)
  return function() return key end, function() return key ~= nil end
end

local ROUTE_OPTIONS = { headers = "table", timeouts = "table", query = "table", head = "boolean" }

local function check_route(method, path, options)
  if type(method) ~= "string" or not METHODS[method] then return "method: expected GET, POST, PUT, PATCH, DELETE, HEAD or OPTIONS" end
  if type(path) ~= "string" or path:sub(1, 1) ~= "/" then return "path: expected a text that begins with /" end
  if path:find "[%c ]" then return "path: it holds a blank, a line end or another control character" end
  return request.check_fields(options, ROUTE_OPTIONS) or request.check_shared(options)
end

-- Finds a method of this file, a resource, or one of the operations, whose tables are loaded when a program first uses one.
function Client.__index(self, name)
  local method = Client[name]
  if method ~= nil then return method end
  if RESOURCES[name] then return require(RESOURCES[name]).bind(self, name) end
  return require "opengatellm.operations".bind(self, name)
end

---@class ogl.ClientOptions
---@field provider? string|table a name, or a table of provider data; default "opengatellm"
---@field protocol? string another protocol that the server speaks too: "openai_chat" with "openai"; default: the provider's
---@field base_url? string default: the provider's variable ($OGL_URL) or address
---@field api_key? string|fun(): string? default: the provider's variables ($OGL_TOKEN, then $OGL_API_KEY)
---@field model? string for requests that name none
---@field settings? table<string, string|integer> other settings that the provider needs: an account, a project; default: its variables
---@field no_v1? boolean the address is complete: append no version segment
---@field rag_url? string address of the OpenGateRAG that belongs to the server, where it is another one
---@field version? string the server's version ("0.8"), so that the client does not have to ask for it
---@field timeouts? ogl.Timeouts
---@field retries? ogl.Retries
---@field limits? {reply?: integer, body?: integer, upload?: integer} bytes; default 64 MiB each, for an upload the server's own limit
---@field headers? table<string, string> sent with every request
---@field proxy? string address; "": no proxy; default: the environment's
---@field no_proxy? string hosts that are reached without the proxy
---@field ca_file? string PEM file of the authorities to trust
---@field client_cert? {cert_file: string, key_file?: string, key_password?: string}
---@field insecure_skip_verify? boolean true: the server's certificate is not checked
---@field unix_socket? string path
---@field transport? table|"websocket"|"llama" a transport; "websocket": OpenAI's Responses go over WebSockets, all other calls over HTTP;
--- "llama": a model in this process
---@field host? table the loop in which calls wait; default: the one that the program runs in
---@field block? boolean true: every call blocks the program until it is done, on Neovim's main coroutine too

-- Loads what a failure needs while files can be opened: it may come because no descriptor is left.
local FOR_FAILURES = {
  "http.tries", "chat.estimate", "chat.answer_error", "base.reason", "base.quota", "base.waits", "base.error_body",
}
local function load_for_failures()
  for _, name in ipairs(FOR_FAILURES) do require("opengatellm." .. name) end
end

--- Makes a client; every option may be left out. Raises mistakes in the options.
---@param options? ogl.ClientOptions
---@param level? integer of the line that the mistakes are raised at, as `error` counts from here
---@return ogl.Client
function M.new(options, level)
  local problem = check(options or {})
  if problem then error("ogl.client: " .. problem, (level or 1) + 1) end
  options = request.merge(options) -- a copy, because the caller may change the table later
  local self = setmetatable({}, Client)
  set_provider(self, options)
  set_address(self, options, (level or 1) + 1)
  set_limits(self, options)
  set_connection(self, options)
  self.key, self.has_key = key_functions(options, self.provider)
  load_for_failures()
  self.with_options = function() return options end -- a function, so that no printer of tables shows the key
  return self
end

-- Whether a client that `changes` made goes on using the transport of another: not where it names its own, nor where the provider's own
-- transport is another, or has other settings.
local function shares(client, derived, changes)
  local own = derived.provider.transport
  return not changes.transport and client.provider.transport == own and not (own and changes.settings)
end

--- Makes a client with some options replaced, on the same connections. Inside timeouts, retries, limits, headers and settings, the
--- fields that `changes` does not name keep their values. Raises mistakes in the options.
---@param changes ogl.ClientOptions
---@return ogl.Client
function Client:with(changes)
  if type(changes) ~= "table" then error("client:with: expected table, got " .. type(changes), 2) end
  local options = request.merge(self.with_options(), changes)
  for _, name in ipairs { "timeouts", "retries", "limits", "headers", "settings" } do
    if changes[name] then options[name] = request.merge(self.with_options()[name], changes[name]) end
  end
  local derived = M.new(options, 2)
  if shares(self, derived, changes) then derived.shared = self.shared end
  derived.chain = self.chain
  return derived
end

--- A client whose calls pass middleware, on the same connections: the first is the outermost, and those of this client stand outside of
--- the new ones. See docs/middleware.md.
---@param ... ogl.Middleware|fun(call: ogl.MiddlewareCall, proceed: function): any, ogl.Error?
---@return ogl.Client
function Client:use(...)
  local list = require "opengatellm.middleware.chain".extended(self.chain, "client:use", 2, ...)
  local derived = self:with {}
  derived.chain = list
  return derived
end

-- Asks a chat again whose output does not fit its schema.
local function again(self, question, err)
  return require "opengatellm.chat.output_retries".run(question, err, function(asked) return self:chat(asked) end)
end

--- Asks, and waits for the whole reply. Raises mistakes in the request; returns all other errors.
---@param question string|ogl.Request a string stands for one message of the user
---@param callbacks? ogl.Callbacks with them it does not wait, and returns a task
---@return ogl.Reply|ogl.Task|nil reply complete
---@return ogl.Error? err
function Client:chat(question, callbacks)
  if callbacks ~= nil then
    local task = call_back(self, question, "chat", callbacks)
    return task -- no tail call: see embeddings
  end
  if self.chain then
    local reply, err = through(self, "chat", question)
    if err and err.output_modes then return again(self, question, err) end
    return reply, err -- no tail call: see embeddings
  end
  local call, err = prepare(self, question, "chat", false)
  if not call then return nil, err end
  local answer, reply
  answer, err = stream.open(call)
  if answer then reply, err = answer:reply() end
  if err and err.output_modes then return again(self, question, err) end
  return reply, err
end

--- Asks, and returns as soon as the server accepts the request: the reply comes as a stream. Raises mistakes in the request; returns all
--- other errors.
---@param question string|ogl.Request a string stands for one message of the user
---@param callbacks? ogl.Callbacks with them it does not wait, and returns a task
---@return ogl.Stream|ogl.Task|nil stream
---@return ogl.Error? err
function Client:stream(question, callbacks)
  if callbacks ~= nil then
    local task = call_back(self, question, "stream", callbacks)
    return task -- no tail call: see embeddings
  end
  if self.chain then
    local answer, err = through(self, "stream", question)
    return answer, err -- no tail call: see embeddings
  end
  local call, err = prepare(self, question, "stream", true)
  if not call then return nil, err end
  return stream.open(call)
end

--- Shows the request that `chat` (or, with `streamed`, `stream`) would send, without its key, and sends nothing. If a large file would be
--- uploaded first, words in brackets stand for the name that the server would give it.
---@param question string|ogl.Request
---@param streamed? boolean
---@return ogl.Preview?
---@return ogl.Error?
function Client:preview(question, streamed)
  local call, err = prepare(self, question, "preview", streamed or false)
  if not call then return nil, err end
  if not call.client.api then return nil, call.client:missing() end
  return require "opengatellm.chat.preview".of(call.client, call.wire)
end

--- Asks for the vectors of texts; they come in the order of the texts.
---@param options ogl.EmbeddingsRequest
---@return ogl.Embeddings?
---@return ogl.Error?
function Client:embeddings(options)
  local embed, chain = require "opengatellm.operations.embeddings".embed, self.chain
  if chain and type(options) == "table" then
    local answer, err = self:through("embeddings", options, function(changed) return embed(self, changed) end)
    return answer, err
  end
  local answer, err = embed(self, options)
  return answer, err -- no tail call: a mistake is the caller's, and error() counts the frames to it
end

--- Asks the server how many tokens of a request the model would read. Error: `unsupported` if the provider counts no tokens.
---@param question string|ogl.Request as for a chat
---@return ogl.TokenCount?
---@return ogl.Error?
function Client:count_tokens(question)
  local count, problem = require "opengatellm.chat.count_tokens".count(self, question)
  if not count and type(problem) == "string" then error("client:count_tokens: " .. problem, 2) end
  return count, problem
end

--- Gives the rate limits that the server sent with its last answers; nil before it has sent any.
---@return ogl.RateLimits?
function Client:limits() return rate_limit.read(self.shared.rate_headers) end

--- Asks at any other route: `client:request("GET", "/v1/me")`. Gives JSON decoded, and any other answer as text. Raises mistakes in the
--- arguments.
---@param method string
---@param path string under the server's address; begins with "/"
---@param body? table|string a table is sent as JSON
---@param options? {headers?: table<string, string>, timeouts?: ogl.Timeouts, query?: table, head?: boolean}
---@return any value
---@return ogl.Error? err
---@return {status: integer, headers: table<string, string|string[]>}? head of the answer, with `head = true`
function Client:request(method, path, body, options)
  options = options or {}
  local problem = check_route(method, path, options)
  if problem then error("client:request: " .. problem, 2) end
  local wire = {
    method = method, path = path .. url.query(options.query or {}), root = true, options = options, repeatable = METHODS[method],
    body = type(body) == "table" and json.encode(body) or body,
  }
  local text, head = calls.fetch(self, wire)
  if not text then return nil, head end
  local value = json.decode(text)
  if value == nil then value = text end
  if options.head then return value, nil, head end
  return value
end

--- Closes the connections, which derived clients use too. The next call opens new ones.
function Client:close()
  local shared = self.shared
  if shared.transport and shared.transport.close then shared.transport:close() end
  shared.transport = nil
end

function Client:__tostring()
  return "opengatellm.client: " .. self.provider.name .. " " .. (self.api or "(no address)")
end

-- For other modules of the library ----------------------------------------------------------------------------------

--- Gives the transport, and makes it when a call first needs it.
function Client:get_transport()
  local shared = self.shared
  if shared.transport then return shared.transport end
  local err
  shared.transport, err = transport.named(shared.transport_name, self.settings)
  return shared.transport, err
end

--- Leads an operation through the client's middleware. Raises its mistakes in the line that called the operation's method.
---@param operation string
---@param options table
---@param perform fun(options: table): any, ogl.Error?
---@return any answer
---@return ogl.Error? err
function Client:through(operation, options, perform)
  local answer, err = passage().operation(self, operation, options, perform)
  if err and err.mistake then error(err.message, 3) end
  return answer, err
end

--- The client for a model: a provider may speak another protocol for some (`models` of its data), on the same connections.
---@param model string
---@return ogl.Client
function Client:for_model(model)
  if not self.provider.models then return self end
  for _, row in ipairs(self.provider.models) do
    if model:find(row.match) then
      self.by_match = self.by_match or {}
      if not self.by_match[row] then
        local provider = request.merge(self.provider, row, { models = {} })
        self.by_match[row] = self:with { provider = provider, protocol = provider.protocol }
      end
      return self.by_match[row]
    end
  end
  return self
end

--- Makes the error of a client without an address.
---@return ogl.Error
function Client:missing()
  return errors.new {
    kind = "config", provider = self.provider.name, message = "no server address: " .. settings.how(self.provider.url_env, "base_url"),
  }
end

return M
