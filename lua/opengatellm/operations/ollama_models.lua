--- The models on an Ollama server: client.ollama.
--
--   client.ollama:pull { model = "gemma3:1b", on_progress = function(p) print(p.status, p.completed, p.total) end }
--
-- Every call gives its result, or `nil, err`; on a client of another server the error is `unsupported`.
--
-- @module opengatellm.operations.ollama_models
local answer = require "opengatellm.http.answer"
local call = require "opengatellm.http.call"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local request = require "opengatellm.request"

local M = {}

---@class ogl.Ollama
local Ollama = {}
Ollama.__index = Ollama

local LINE = 1024 * 1024 -- bytes: a line of progress has about 200

---@class ogl.OllamaOptions
---@field model string
---@field headers? table<string, string>
---@field timeouts? ogl.Timeouts

---@class ogl.OllamaProgress
---@field status string "pulling manifest", "pulling <digest>", …, "success"
---@field digest? string
---@field total? integer bytes
---@field completed? integer

-- Checks the options, and gives them as a table; raises mistakes at the caller of the method.
local function check(method, options, fields, needed)
  local where = "client.ollama:" .. method .. ": "
  if type(options) == "string" and needed[1] == "model" then options = { model = options } end -- short for that
  if type(options) ~= "table" then error(where .. "expected table, got " .. type(options), 3) end
  local problem = request.check_fields(options, request.merge(fields, { headers = "table", timeouts = "table" }))
    or request.check_shared(options)
  for _, name in ipairs(needed) do
    if not problem and options[name] == nil then problem = name .. ": it is needed" end
  end
  if problem then error(where .. problem, 3) end
  return options
end

-- All of these calls may be sent again, because a second one changes nothing more.
local function wire_of(method, path, body, options)
  return {
    method = method, path = path, root = true, body = body and json.encode(body), repeatable = "always",
    options = { headers = options.headers, timeouts = options.timeouts },
  }
end

local function refuse(self, method)
  local provider = self.client.provider
  if provider.protocol == "ollama" then return nil end
  return errors.new {
    kind = "unsupported", code = "provider", provider = provider.name,
    message = "client.ollama:" .. method .. ": the provider " .. provider.name .. " has no such call",
  }
end

local function ask_json(self, method, wire)
  local err = refuse(self, method)
  if err then return nil, err end
  local value, head, body = call.json(self.client, wire)
  if value == nil then return nil, head end
  if type(value) ~= "table" then return nil, call.unexpected(self.client, head, "the server did not send an object", body) end
  return value, nil, head, body
end

-- One field of the answer.
local function field(self, method, wire, name, expected)
  local value, err, head, body = ask_json(self, method, wire)
  if not value then return nil, err end
  if type(value[name]) == expected then return value[name] end
  return nil, call.unexpected(self.client, head, "the server did not send " .. name, body)
end

-- An answer that has nothing in it.
local function done(self, method, wire)
  local err = refuse(self, method)
  if err then return nil, err end
  local text, head = call.fetch(self.client, wire)
  if not text then return nil, head end
  if answer.is_html(text, head) then return nil, call.not_json(self.client, text, head, "a page") end
  err = answer.fault(text, answer.json(text), head)
  if err then return nil, call.finish(self.client, err, head) end
  return true
end

-- Makes a function that gives the lines of an exchange, then nil; nil and the error if the exchange breaks.
local function lines(exchange)
  local rest, at, ended = "", 1, false
  return function()
    while true do
      local stop = rest:find("\n", at, true)
      if stop or ended then
        local line = rest:sub(at, stop and stop - 1)
        at = (stop or #rest) + 1
        if stop or line ~= "" then return line end
        return nil
      end
      rest, at = rest:sub(at), 1
      if #rest > LINE then return nil, errors.new { kind = "limit", code = "line", message = "a line of progress is too long" } end
      local bytes, err = exchange:read()
      if err then return nil, err end
      rest, ended = rest .. (bytes or ""), bytes == nil
    end
  end
end

-- Calls `on_progress` with each line, until one says success. Returns the error of a line that is one; skips lines that are not JSON objects.
local function follow(asked, exchange, tell, head)
  local next_line = lines(exchange)
  while true do
    local line, err = next_line()
    if not line then
      err = err or errors.new { kind = "incomplete", message = "the answer ended before the model was there" }
      return nil, asked:finish(err)
    end
    local progress = json.decode(line)
    err = answer.is_html(line) and answer.error(line, head) or answer.fault(line, progress, head)
    if err then return nil, asked:finish(err) end
    if type(progress) == "table" then
      tell(progress)
      if progress.status == "success" then return progress end
    end
  end
end

--- Downloads a model, and reports the progress. The server does not download again what it has of the model.
---@param options ogl.OllamaOptions|{on_progress?: fun(progress: ogl.OllamaProgress), insecure?: boolean}
---@return ogl.OllamaProgress? last
---@return ogl.Error? err
function Ollama:pull(options)
  options = check("pull", options, { model = "string", on_progress = "function", insecure = "boolean" }, { "model" })
  local wire = wire_of("POST", "/api/pull", { model = options.model, insecure = options.insecure, stream = true }, options)
  wire.stream, wire.accept = true, "application/x-ndjson"
  local err = refuse(self, "pull")
  if err then return nil, err end
  local asked = call.new(self.client, wire)
  local exchange, status, headers = asked:send()
  if not exchange then return nil, status end
  local last
  last, err = follow(asked, exchange, options.on_progress or function() end, { status = status, headers = headers })
  exchange:close()
  return last, err
end

--- Asks for the server's version, which also shows that it answers.
---@param options? {headers?: table<string, string>, timeouts?: ogl.Timeouts}
---@return string? version
---@return ogl.Error? err
function Ollama:ping(options)
  options = check("ping", options or {}, {}, {})
  return field(self, "ping", wire_of("GET", "/api/version", nil, options), "version", "string")
end

--- Lists the models on the server, each as {name, model, size, digest, details, …}.
---@param options? {headers?: table<string, string>, timeouts?: ogl.Timeouts}
---@return table[]? models
---@return ogl.Error? err
function Ollama:list(options)
  options = check("list", options or {}, {}, {})
  return field(self, "list", wire_of("GET", "/api/tags", nil, options), "models", "table")
end

--- Lists the models in memory, each as {name, model, size, size_vram, expires_at, …}.
---@param options? {headers?: table<string, string>, timeouts?: ogl.Timeouts}
---@return table[]? models
---@return ogl.Error? err
function Ollama:ps(options)
  options = check("ps", options or {}, {}, {})
  return field(self, "ps", wire_of("GET", "/api/ps", nil, options), "models", "table")
end

--- Describes a model: {details, model_info, capabilities, template, parameters, license, …}.
---@param options ogl.OllamaOptions|{verbose?: boolean}
---@return table? model
---@return ogl.Error? err
function Ollama:show(options)
  options = check("show", options, { model = "string", verbose = "boolean" }, { "model" })
  local wire = wire_of("POST", "/api/show", { model = options.model, verbose = options.verbose }, options)
  return ask_json(self, "show", wire)
end

--- Deletes a model.
---@param options ogl.OllamaOptions
---@return true?
---@return ogl.Error? err
function Ollama:delete(options)
  options = check("delete", options, { model = "string" }, { "model" })
  return done(self, "delete", wire_of("DELETE", "/api/delete", { model = options.model }, options))
end

--- Gives a model another name, beside its own.
---@param options {source: string, destination: string, headers?: table<string, string>, timeouts?: ogl.Timeouts}
---@return true?
---@return ogl.Error? err
function Ollama:copy(options)
  options = check("copy", options, { source = "string", destination = "string" }, { "source", "destination" })
  local body = { source = options.source, destination = options.destination }
  return done(self, "copy", wire_of("POST", "/api/copy", body, options))
end

function Ollama.__tostring() return "opengatellm.client.ollama" end

--- Makes the resource of a client, once.
---@param client ogl.Client
---@param name string of the client's field
---@return ogl.Ollama
function M.bind(client, name)
  local resource = setmetatable({ client = client }, Ollama)
  rawset(client, name, resource)
  return resource
end

return M
