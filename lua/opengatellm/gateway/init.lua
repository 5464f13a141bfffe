--- The gateway: OpenAI's and Ollama's APIs in front of any provider. It does no I/O of its own: a host hands it requests.
--
--   local gateway = ogl.gateway { routes = { { model = "fast", client = client, to = "mistral-small" } } }
--   local status, headers, body, close = gateway:handle { method = "POST", path = "/v1/chat/completions", headers = {}, body = text }
--
-- `body` is a text, or a function that gives the next bytes, and nil at the end; call `close` where nobody will read on. A face is a file
-- with a table of routes: openai.lua, ollama.lua. The adapter for nginx is nginx.lua.
--
-- A face has
--
--   name; claims(path) -> whether an unknown path is its own
--   routes[path][method] = handler; patterns = { { pattern, methods }, … }    a handler gives status, headers, body and close, or nil, err
--   error(status, message, err) -> content type, body; guard(visit) -> what is wrong with a request's head
--   unknown_model(name), unknown_path(path) -> words
--
-- and, where it has them: short_name(name); cors(visit) -> headers; preflight(visit) -> an answer; files, the pattern of paths whose
-- bodies are files; busy, its words, with the status 503, for a limiter of the gateway that is full.
--
-- @module opengatellm.gateway
local core = require "opengatellm.core"
local encodings = require "opengatellm.gateway.encoding"
local problems = require "opengatellm.gateway.problem"
local request = require "opengatellm.request"
local routes = require "opengatellm.gateway.routes"
local visits = require "opengatellm.gateway.visit"
local words = require "opengatellm.base.words"

local M = {}

-- Faces, one line each. An unknown path is the first's that claims it.
local FACES = {
  openai = "opengatellm.gateway.openai",
  ollama = "opengatellm.gateway.ollama",
}
local ORDER = words.list "openai ollama"

---@class ogl.GatewayOptions
---@field routes ogl.GatewayRoute[]
---@field faces? string[] default: all
---@field key? string|fun(key: string): boolean what callers have to send as a bearer token; default: nothing
---@field forward? string[] headers of a caller that go upstream; default: none
---@field limits? {body?: integer} bytes of a request; default 32 MiB
---@field metrics? ogl.Middleware of ogl.middleware.prometheus; then GET /metrics gives its text
---@field version? string of Ollama that callers see; default 0.32.15
---@field origins? string[] that browsers may call Ollama's face from, beside Ollama's own; default: those of $OLLAMA_ORIGINS
---@field hosts? string[] names of this server beside those that Ollama's Host check lets pass; "*": any
---@field on_error? fun(err: ogl.Error, visit: ogl.GatewayVisit) hears of every error that is not the caller's

---@class ogl.GatewayFace see above
---@field name string

---@class ogl.Gateway
---@field routes ogl.GatewayRoutes
---@field forward string[]
---@field metrics? ogl.Middleware
---@field on_error? fun(err: ogl.Error, visit: ogl.GatewayVisit)
---@field lists table what the servers list (models.lua)
local Gateway = {}
Gateway.__index = Gateway
Gateway.__name = "opengatellm.gateway"

local FIELDS = {
  routes = "table", faces = "table", key = "any", forward = "table", limits = "table", metrics = "table", version = "string",
  origins = "table", hosts = "table", on_error = "function",
}

local BODY = 32 * 1024 * 1024
local LONGEST_BODY = 2 ^ 31 - 1 -- bytes of a text of LuaJIT

-- Headers that are a try's own, and so never a caller's.
local OWN_HEADERS = words.set [[
  authorization cookie host content-length content-type content-encoding transfer-encoding connection accept-encoding
]]

-- Options -----------------------------------------------------------------------------------------------------------------

local function lowered(list, where)
  local out = {}
  for i, name in ipairs(list or {}) do
    if type(name) ~= "string" then return nil, ("%s[%d]: expected string, got %s"):format(where, i, type(name)) end
    out[i] = name:lower()
  end
  return out
end

local function faces_of(names)
  local faces, seen = {}, {}
  for i, name in ipairs(names or ORDER) do
    if not FACES[name] then return nil, ("faces[%d]: there is no face '%s'"):format(i, tostring(name)) end
    if seen[name] then return nil, ("faces[%d]: %s is there already"):format(i, name) end
    faces[i], seen[name] = require(FACES[name]), true
  end
  if not faces[1] then return nil, "faces: expected a list of at least one face" end
  return faces
end

local function check(options)
  if type(options) ~= "table" then return "expected table, got " .. type(options) end
  local problem = request.check_fields(options, FIELDS)
    or options.limits and request.check_fields(options.limits, { body = "integer" }, "limits.")
  if problem then return problem end
  local key = options.key
  if key ~= nil and type(key) ~= "function" and (type(key) ~= "string" or key == "") then return "key: expected a text or a function" end
  local body = options.limits and options.limits.body or 1
  if body < 1 or body > LONGEST_BODY then return ("limits.body: expected bytes from 1 to %d"):format(LONGEST_BODY) end
  if options.version and not options.version:find "^%d[%d.]*$" then return "version: expected digits and dots" end
  if options.metrics and not options.metrics.text then return "metrics: expected what ogl.middleware.prometheus gives" end
end

local function forward_of(options)
  local list, problem = lowered(options.forward, "forward")
  for i, name in ipairs(list or {}) do
    if not name:find "^[%w!#$%%&'*+.^_`|~-]+$" then return nil, ("forward[%d]: expected the name of a header"):format(i) end
    if OWN_HEADERS[name] then return nil, ("forward[%d]: %s is never a caller's"):format(i, name) end
  end
  return list, problem
end

-- The origins that Ollama's variable names, with commas between them.
local function origins_of_variable()
  local list = {}
  for origin in (os.getenv "OLLAMA_ORIGINS" or ""):gmatch "[^,%s]+" do list[#list + 1] = origin end
  return list
end

-- Compares digests, so that the time of the answer tells nothing of the key.
local function admits_of(key)
  local digest = core.sha256(key)
  return function(given) return core.sha256(given) == digest end
end

--- Makes a gateway. Raises what is wrong with its options.
---@param options ogl.GatewayOptions
---@param level? integer for error()
---@return ogl.Gateway
function M.new(options, level)
  local function refuse(problem)
    if problem then error("ogl.gateway: " .. problem, (level or 1) + 2) end
  end
  refuse(check(options))
  local self = setmetatable({}, Gateway)
  local list, problem = routes.new(options.routes)
  self.routes = list
  refuse(problem)
  self.faces, problem = faces_of(options.faces)
  refuse(problem)
  self.forward, problem = forward_of(options)
  refuse(problem)
  self.origins, problem = lowered(options.origins or origins_of_variable(), "origins")
  refuse(problem)
  self.hosts, problem = lowered(options.hosts, "hosts")
  refuse(problem)
  local key = options.key
  self.admits = type(key) == "function" and key or key and admits_of(key) or nil
  self.body_limit = options.limits and options.limits.body or BODY
  self.metrics, self.version, self.on_error, self.lists = options.metrics, options.version or "0.32.15", options.on_error, {}
  return self
end

-- Requests ------------------------------------------------------------------------------------------------------------------

local function methods_of(face, path)
  local exact = face.routes[path]
  if exact then return exact end
  for _, row in ipairs(face.patterns or {}) do
    local parameter = path:match(row[1])
    if parameter then return row[2], parameter end
  end
end

-- The face of a path, and its handlers there, by method.
local function find(self, path)
  for _, face in ipairs(self.faces) do
    local methods, parameter = methods_of(face, path)
    if methods then return face, methods, parameter end
  end
  for _, face in ipairs(self.faces) do
    if face.claims(path) then return face end
  end
  return self.faces[1]
end

local function allow_of(methods)
  local names = {}
  for name in pairs(methods) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, ", ")
end

local function key_problem(self, headers)
  if not self.admits then return nil end
  local given = (headers.authorization or ""):match "^[Bb]earer%s+(%S+)$" or headers["x-api-key"]
  if given and self.admits(given) then return nil end
  return problems.new(401, given and "the key is not known here" or "a key is needed: Authorization: Bearer …", "invalid_api_key")
end

local CODES = { [400] = "bad_encoding", [413] = "body_too_large", [415] = "unsupported_encoding" }

-- Puts the body that was meant in place of an encoded one.
local function decode_body(self, asked)
  local encoding = asked.headers["content-encoding"]
  if not (encoding and asked.body) then return nil end
  local body, status, message = encodings.decode(asked.body, encoding, self.body_limit)
  if not body then return problems.new(status, message, CODES[status]) end
  asked.body = body
end

local function body_problem(self, asked)
  if asked.body and #asked.body > self.body_limit then
    return problems.new(413, problems.too_long(self.body_limit), CODES[413])
  end
  return decode_body(self, asked)
end

local function answer(self, visit)
  local asked, face = visit.request, visit.face
  if not visit.methods then return nil, problems.new(404, face.unknown_path(asked.path), "not_found") end
  local err = face.guard(visit)
  if err then return nil, err end
  if asked.method == "OPTIONS" and face.preflight then return face.preflight(visit) end
  local handler = visit.methods[asked.method]
  if not handler then return nil, problems.new(405, "method not allowed", "method_not_allowed") end
  err = key_problem(self, asked.headers) or body_problem(self, asked)
  if err then return nil, err end
  return handler(visit, visit.parameter)
end

-- The answer to an error, in the form of the visit's face.
local function fail(visit, err)
  visit:report(err)
  visit:note_failure(err)
  local face, status, message = visit.face, problems.status(err), problems.message(err)
  if face.busy and problems.is_busy(err) then status, message = 503, face.busy end
  local kind, body = face.error(status, message, err)
  local headers = { ["content-type"] = kind, ["retry-after"] = problems.retry_after(err) }
  if status == 405 and visit.methods then headers.allow = allow_of(visit.methods) end
  if err.code == CODES[415] then headers["accept-encoding"] = encodings.known() end
  return status, headers, body
end

local function copy_into(target, source)
  for name, value in pairs(source or {}) do
    if target[name] == nil then target[name] = value end
  end
end

local function own_answer(self, asked)
  if asked.path == "/health" then return 200, { ["content-type"] = "application/json" }, '{"status":"ok"}' end
  if asked.path == "/metrics" and self.metrics then
    local err = key_problem(self, asked.headers)
    if err then return nil, err end
    return 200, { ["content-type"] = self.metrics.content_type }, self.metrics.text()
  end
end

-- Begins a visit, which knows its face and the handlers of its path.
local function enter(self, asked)
  local visit = visits.new(self, asked)
  visit.face, visit.methods, visit.parameter = find(self, asked.path)
  return visit
end

local function finish(visit, status, headers, body, close)
  headers["x-request-id"] = visit.id
  copy_into(headers, visit.answered)
  copy_into(headers, visit.face.cors and visit.face.cors(visit))
  return status, headers, body, close
end

--- Says whether a value is a gateway.
---@param value any
---@return boolean
function M.is(value) return getmetatable(value) == Gateway end

--- Answers a request.
---@param asked ogl.GatewayRequest
---@return integer status
---@return table<string, string> headers by lower-case name
---@return string|fun(): string? body a text, or a function that gives the next bytes, and nil at the end
---@return function? close gives up the rest of such a body
function Gateway:handle(asked)
  local visit = enter(self, asked)
  local status, headers, body, close = own_answer(self, asked)
  if not (status or headers) then status, headers, body, close = answer(self, visit) end
  if not status then status, headers, body = fail(visit, headers) end
  return finish(visit, status, headers, body, close)
end

--- Says whether the body of a request is a file, of any length: a host gives it as `source`, which reads it when all else was judged.
---@param path string
---@return boolean
function Gateway:takes_file(path)
  for _, face in ipairs(self.faces) do
    if face.files and path:find(face.files) then return true end
  end
  return false
end

--- Answers a request that the host itself could not read: its body is too long, or broke off.
---@param asked ogl.GatewayRequest without a body
---@param status integer
---@param message string
---@return integer status
---@return table<string, string> headers
---@return string body
function Gateway:refuse(asked, status, message)
  local visit = enter(self, asked)
  local headers, body
  status, headers, body = fail(visit, problems.new(status, message))
  return finish(visit, status, headers, body)
end

function Gateway:__tostring() return "opengatellm.gateway: " .. #self.routes.list .. " routes" end

return M
