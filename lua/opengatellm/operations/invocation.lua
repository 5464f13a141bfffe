--- Performing: one call of an operation, from the user's arguments to the result.
--
--   arguments → check → the server's version → request (path, query, body or form) → answer → result
--
-- An argument of a wrong type raises, and so does a missing one. A value beyond the server's limits, a parameter that its version does
-- not have, and a file that cannot be read are errors of the call, which come before anything is sent.
--
-- @module opengatellm.operations.invocation
local answer = require "opengatellm.http.answer"
local call = require "opengatellm.http.call"
local core = require "opengatellm.core"
local server_dialects = require "opengatellm.operations.server_dialects"
local download = require "opengatellm.http.download"
local errors = require "opengatellm.errors"
local json = require "opengatellm.json"
local memory = require "opengatellm.base.memory"
local multipart = require "opengatellm.http.multipart"
local parameter = require "opengatellm.operations.parameter"
local request = require "opengatellm.request"
local registry = require "opengatellm.operations.registry"
local server = require "opengatellm.operations.server"
local shape = require "opengatellm.operations.shape"
local upload = require "opengatellm.http.upload"
local url = require "opengatellm.base.url"

local M = {}

---@class ogl.CallOptions options that every operation takes beside its parameters
---@field headers? table<string, string>
---@field timeouts? ogl.Timeouts
---@field on_progress? fun(done: integer, total?: integer) bytes of an upload, else of the answer
---@field strict? boolean a field that is not known is an error
---@field extra? table merged into the request as it is

---@class ogl.Context of one call
---@field client ogl.Client
---@field operation ogl.Operation as it is on this server
---@field version? number
---@field options table a copy of the user's options; may be changed
---@field ids table<string, any>
---@field where string for messages: "client.keys:create"
---@field dialect? string of a server that is no OpenGateLLM

local CALL = { headers = "table", timeouts = "table", on_progress = "function", strict = "boolean", extra = "table" }

local function context_of(client, row, ...)
  local ids, where = {}, M.where(row.name)
  local context = { client = client, operation = row, ids = ids, where = where }
  for i, id in ipairs(row.ids) do ids[id] = (select(i, ...)) end
  local options = (select(#row.ids + 1, ...))
  if options ~= nil and type(options) ~= "table" then return context, "expected a table of options, got " .. type(options) end
  context.options = request.merge(options)
  for name, found in pairs(row.parameters) do
    if found.was and context.options[found.was] ~= nil and row.places[name] ~= "path" then
      context.options[name] = context.options[name] == nil and context.options[found.was] or context.options[name]
      context.options[found.was] = nil
    end
  end
  local model = row.parameters.model
  if model and model.from_client then context.options.model = context.options.model or client.model_name or nil end
  return context
end

local function value_of(context, operation, name)
  if operation.places[name] == "path" then return context.ids[name] end
  return context.options[name]
end

-- The first problem by name, so that the same mistake gives the same message.
local function first(problem, found)
  return (not problem or found < problem) and found or problem
end

-- Finds an argument of a wrong type, or a missing one, if those are to be checked already.
local function raise_misuse(context, operation, complete)
  local problem = request.check_shared(context.options)
  for name, expected in pairs(CALL) do
    local value = context.options[name]
    if value ~= nil and type(value) ~= expected then
      problem = first(problem, name .. ": expected " .. expected .. ", got " .. type(value))
    end
  end
  for name, found in pairs(operation.parameters) do
    local value = value_of(context, operation, name)
    if value ~= nil or complete or operation.places[name] == "path" then
      local misuse = parameter.check(found, value)
      misuse = misuse and name .. ": " .. misuse or operation.places[name] == "path" and request.check_line(tostring(value), name)
      if misuse then problem = first(problem, misuse) end
    end
  end
  return problem
end

-- Parameters that this server does not take ---------------------------------------------------------------------------

local function refuse_provider(context)
  local client, operation = context.client, context.operation
  if client.provider.operations then
    if not operation.only_others then return nil end
  elseif operation.common or operation.only_others then
    context.dialect = server_dialects.of(client.provider, server_dialects.key(operation))
    if context.dialect and server_dialects.form(operation, context.dialect) ~= false then return nil end
  end
  return errors.unsupported(context.where .. ": the provider " .. client.provider.name .. " has no such call", "provider")
end

-- Retrieval went to a service of its own, so no version of the server lacks it for certain.
local function has_versions(context) return context.client.provider.operations ~= nil end

-- A value, or the items of a list, of which `gone` has one.
local function gone_value(gone, value)
  for _, each in ipairs(type(value) == "table" and value or { value }) do
    if gone[each] then return each end
  end
end

-- Whether this call is not the same on all versions.
local function varies(context)
  local operation = context.operation
  for name, gone in pairs(operation.gone_values) do
    if gone_value(gone, context.options[name]) then return true end
  end
  for name in pairs(operation.varies_with) do
    if context.options[name] ~= nil or operation.parameters[name].required then return true end
  end
  return operation.varies
end

-- Finds the server's version if the call depends on it; else takes the version if it is known. Other servers have a dialect.
local function settle_version(context)
  if not has_versions(context) then
    context.operation = registry.in_dialect(context.operation.name, context.dialect)
    return nil
  end
  local version = server.known(context.client)
  if not version and varies(context) then
    local err
    version, err = server.version(context.client)
    if not version then return err end
  end
  context.version = version
  context.operation = registry.at(context.operation.name, version)
end

local function missing(context)
  local text = "%s: OpenGateLLM %s has no such call; it is there %s"
  return errors.unsupported(text:format(context.where, server.text(context.version), context.operation.missing), "version")
end

-- A number as it stands in an address or a form: without the fraction that a float has on 5.3 and later.
local function text_of(value)
  if type(value) == "number" and value == math.floor(value) then return ("%d"):format(value) end
  return tostring(value)
end

local function limits_of(context)
  local fields = {}
  for name, found in pairs(context.operation.parameters) do
    local value = value_of(context, context.operation, name)
    local _, limit = parameter.check(found, value)
    if not limit and context.operation.places[name] == "path" then limit = url.problem(text_of(value)) end
    if limit then fields[#fields + 1] = { path = name, message = limit } end
  end
  table.sort(fields, function(a, b) return a.path < b.path end)
  return fields
end

--- Makes the error of values that the server would refuse.
local function invalid_error(context, fields)
  local lines = {}
  for i, field in ipairs(fields) do lines[i] = field.path .. ": " .. field.message end
  return errors.new { kind = "invalid", code = "invalid", message = context.where .. ": " .. table.concat(lines, "; "), fields = fields }
end

-- Makes the error of a parameter that this server does not have.
local function absence_of(context, name)
  if context.dialect then
    return errors.unsupported(("%s: %s: the provider %s does not know it"):format(context.where, name, context.client.provider.name), name)
  end
  local version = context.version and server.text(context.version) or "as it is now"
  local text, range = "%s: %s: OpenGateLLM %s does not know it", registry.range_of(context.operation.name, name)
  if range ~= "" then text = text .. "; it is there " .. range end
  return errors.unsupported(text:format(context.where, name, version), "version")
end

-- Makes the error of a value that only other versions have.
local function refuse_value(context)
  for name, gone in pairs(registry.find(context.operation.name).gone_values) do
    local found, value = context.operation.parameters[name], gone_value(gone, context.options[name])
    if value and select(2, parameter.check(found.item or found, value)) then
      local text = "%s: %s: OpenGateLLM %s does not know '%s'; it is there %s"
      local range = registry.range_of_value(context.operation.name, name, value)
      return errors.unsupported(text:format(context.where, name, server.text(context.version), value, range), "version")
    end
  end
end

local function refuse_absent(context)
  for name in pairs(context.operation.absent) do
    if context.options[name] ~= nil then return absence_of(context, name) end
  end
end

local function refuse_unknown(context)
  if not context.options.strict then return nil end
  for name in pairs(context.options) do
    if not context.operation.places[name] and not CALL[name] then
      return errors.unsupported(context.where .. ": " .. tostring(name) .. ": there is no such field", name)
    end
  end
end

local function refuse(context)
  if context.operation.missing then return missing(context) end
  local err = refuse_value(context)
  if err then return err end
  local fields = limits_of(context)
  if fields[1] then return invalid_error(context, fields) end
  if context.operation.rule then
    local name, problem = context.operation.rule(context.options)
    if name then return invalid_error(context, { { path = name, message = problem } }) end
  end
  return refuse_absent(context) or refuse_unknown(context)
end

-- Updates that replace the whole --------------------------------------------------------------------------------------

-- Names of the body that are not given, and that an answer of the server would tell.
local function not_given(context)
  local names, operation = {}, context.operation
  for name, place in pairs(operation.places) do
    local known = place == "body" and not operation.absent[name] and operation.parameters[name].type ~= "secret"
    if known and context.options[name] == nil then names[#names + 1] = name end
  end
  return names
end

-- Completes an update: from 0.7 on it replaces the whole object, so the client asks for the fields that the user does not name, and sends
-- them back unchanged.
local function complete_answer(context)
  if not context.operation.complete then return nil end
  local names = not_given(context)
  if not names[1] then return nil end
  local arguments, options = {}, { headers = context.options.headers, timeouts = context.options.timeouts }
  for i, id in ipairs(context.operation.ids) do arguments[i] = context.ids[id] end
  arguments[#arguments + 1] = options
  local current, err = M.call(context.client, context.operation.complete, 3, (table.unpack or unpack)(arguments))
  if not current then return err end
  for _, name in ipairs(names) do
    local value = current[name]
    context.options[name] = value == nil and json.null or value
  end
end

-- The request ---------------------------------------------------------------------------------------------------------

local function path_of(context)
  return (context.operation.path:gsub("{([%w_]+)}", function(id)
    local text = text_of(context.ids[id])
    return context.operation.slashes and url.path(text) or url.segment(text)
  end))
end

-- Collects the parameters of a place (path, query, body, form), under the names of this version. Unknown fields go to the operation's
-- main place.
local function gather(context, place, with_unknown)
  local operation, out = context.operation, {}
  for name, value in pairs(context.options) do
    local known = operation.places[name]
    if known == place or not known and with_unknown and not CALL[name] then
      local found = operation.parameters[name]
      if found and found.type == "list" and value ~= json.null then value = parameter.list(value, operation.item_names[name]) end
      out[operation.names[name] or name] = value
    end
  end
  if with_unknown then
    for name, value in pairs(context.options.extra or {}) do out[name] = value end
  end
  return out
end

local function main_place(operation)
  if operation.form then return "form" end
  return operation.body and "body" or "query"
end

local function query_of(context)
  local query = gather(context, "query", main_place(context.operation) == "query")
  for name, value in pairs(context.operation.fixed) do query[name] = value end
  local texts = {}
  for name, value in pairs(query) do
    if type(value) == "table" then
      texts[name] = {}
      for i, item in ipairs(value) do texts[name][i] = text_of(item) end
    elseif value ~= json.null then
      texts[name] = text_of(value)
    end
  end
  return url.query(texts)
end

-- The fields of a form in order of their names, files last: a server that reads them one by one knows all when the bytes come.
local function form_fields(context)
  local values, names, fields, files, known = gather(context, "form", true), {}, {}, {}, {}
  for name, found in pairs(context.operation.parameters) do known[context.operation.names[name] or name] = found end
  for name in pairs(values) do names[#names + 1] = name end
  table.sort(names)
  local max = context.client.bounds.upload or context.operation.max_file
  for _, name in ipairs(names) do
    local value, found = values[name], known[name]
    local kind = found and found.type
    if kind == "file" then
      local file, err = upload.new(value, max)
      if not file then return nil, err end
      files[#files + 1] = { name, file }
    elseif kind == "files" then
      local list = upload.list(value)
      for _, source in ipairs(list) do
        local file, err = upload.new(source, max)
        if not file then return nil, err end
        files[#files + 1] = { list[2] and name .. "[]" or name, file }
      end
    elseif kind == "list" then
      for _, item in ipairs(value) do fields[#fields + 1] = { name, text_of(item) } end
    elseif value ~= json.null then
      fields[#fields + 1] = { name, type(value) == "table" and json.encode(value) or text_of(value) }
    end
  end
  for _, file in ipairs(files) do fields[#fields + 1] = file end
  return fields
end

-- When a call may be sent again, by its method. A row with `inference` may be in any case, because it changes nothing on the server; with
-- a form, only after a refusal (http/call.lua).
local REPEATABLE = { GET = "always", PUT = "always", DELETE = "always", POST = "unsent", PATCH = "unsent" }

local function wire_of(context)
  local operation = context.operation
  local wire = {
    method = operation.method, path = path_of(context) .. query_of(context), root = operation.root, options = context.options, model = context.options.model,
    repeatable = operation.inference and (operation.form and "refused" or "inference") or REPEATABLE[operation.method],
    accept = (operation.result == "text" or operation.result == "bytes") and "*/*" or nil,
  }
  wire.api = operation.group == "rag" and context.client.rag_api or server_dialects.address(context.client, server_dialects.key(operation)) or nil
  if operation.form then
    local fields, err = form_fields(context)
    if not fields then return nil, err end
    wire.form, err = multipart.form(fields)
    if not wire.form then return nil, err end
  elseif operation.body then
    wire.body = json.encode(gather(context, "body", true))
  end
  return wire
end

-- The answer ----------------------------------------------------------------------------------------------------------

-- Makes the result of an answer; or gives nil, and a text that says what was expected, or an error.
local function result_of(context, body, value)
  local operation, result, expected = context.operation, body, nil
  if operation.result ~= "text" then result, expected = shape.of(operation.result, value, context.options) end
  if result ~= nil and operation.finish then return operation.finish(result, context, value) end
  return result, expected
end

-- An answer without a body is a success, unless the operation asks for a list or for inference.
local function read_nothing(context, head)
  local operation = context.operation
  if not operation.inference and not operation.result:find "^list of" then return true end
  return nil, call.unexpected(context.client, head, "the server's answer is empty")
end

local function read(context, body, head)
  local operation, client = context.operation, context.client
  local value, _, why
  if operation.result == "text" then value = answer.json(body)
  elseif not body:find "%S" then return read_nothing(context, head)
  else value, _, why = core.decode(body) end
  local err = answer.fault(body, value, head, operation.state)
  if err then return nil, call.finish(client, err, head) end
  if value == nil and (operation.result ~= "text" or answer.is_html(body, head)) then return nil, call.not_json(client, body, head, why or "a page") end
  local result, expected = result_of(context, body, value)
  if result ~= nil then return result end
  if errors.is(expected) then return nil, expected end
  return nil, call.unexpected(client, head, "the server's answer is not " .. expected, body)
end

local RAG = " (OpenGateLLM has no retrieval of its own since 0.5: set rag_url to the address of its OpenGateRAG)"

local HIDDEN = " (the server has no such route; an operator can turn routes off)"

-- Explains a missing route: by the version, by the operator's settings, or because the retrieval is another service.
local function explain(context, err)
  local gone = err.code == "route_not_found" or err.code == "method_not_allowed"
  if not gone or not has_versions(context) then return err end
  if context.operation.group == "rag" then
    if not context.client.rag_api then err.message = err.message .. RAG end
    return err
  end
  local version = server.version(context.client)
  if version and not context.version then
    context.version, context.operation = version, registry.at(context.operation.name, version)
    if context.operation.missing then return missing(context) end
  end
  err.message = err.message .. HIDDEN
  return err
end

local function ask(context)
  if context.operation.send then return context.operation.send(context, gather(context, "form", true)) end
  local wire, err = wire_of(context)
  if not wire then return nil, err end
  if context.operation.result == "bytes" then return download.fetch(context.client, wire, context.options, context.operation.media) end
  local body, head = call.fetch(context.client, wire)
  if not body then return nil, explain(context, head) end
  return memory.attempt(read, context, body, head)
end

-- Whether the server's version has changed since it was found.
local function has_changed(context, err)
  local client = context.client
  if err.code ~= "route_not_found" or not context.operation.varies or client.version or context.operation.group == "rag" then return false end
  server.forget(client)
  local version = server.version(client)
  return version ~= nil and version ~= context.version
end

local function prepared(context)
  local operation = context.operation
  if operation.prepare then
    local options, a, b = operation.prepare(context.options, context)
    if not options then return nil, errors.is(a) and a or invalid_error(context, { { path = a, message = b } }) end
  end
  local result, err = ask(context)
  if result == nil and has_changed(context, err) then
    err = settle_version(context)
    if err then return nil, err end
    return ask(context)
  end
  return result, err
end

-- Removes passwords and keys that were sent from an error, because servers quote the values that they refuse.
local function redact(context, err)
  for name, found in pairs(context.operation.parameters) do
    local value = context.options[name]
    if found.type == "login" and type(value) == "table" then value = value.password
    elseif found.type ~= "secret" then value = nil end
    if type(value) == "string" then errors.redact(err, value) end
  end
  return err
end

--- Writes how a program calls an operation, for messages.
---@param name string of the operation
---@return string
function M.where(name)
  local path, last = name:match "^(.*)%.([%w_]+)$"
  return path and "client." .. path .. ":" .. last or "client:" .. name
end

--- Performs an operation; raises the caller's mistakes at `level`.
---@param client ogl.Client
---@param name string
---@param level integer for error()
---@param ... any the parameters of the path, in order, then a table of the others
---@return any result
---@return ogl.Error? err
function M.call(client, name, level, ...)
  local row = registry.find(name)
  local context, problem = context_of(client, row, ...)
  problem = problem or raise_misuse(context, row, false)
  if problem then error(context.where .. ": " .. problem, level + 1) end
  local err = refuse_provider(context)
  if err then return nil, err end
  err = settle_version(context)
  if err then return nil, err end
  problem = raise_misuse(context, context.operation, true)
  if problem then error(context.where .. ": " .. problem, level + 1) end
  err = refuse(context) or complete_answer(context)
  if err then return nil, err end
  local result
  result, err = prepared(context)
  if result == nil then return nil, redact(context, err) end
  return result
end

-- The user's arguments ----------------------------------------------------------------------------------------------

return M
