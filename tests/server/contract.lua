--- A contract: what an OpenAPI 3.1 document promises, as a list of operations.
--
--   local document = contract.load "openapi.json"
--   local operation, captures = document:match("GET", "/v1/models/openai/gpt-oss-120b")     captures.model
--
-- Life: loaded once, then only read. An operation has `name` (its operationId), `method`, `path` (the template),
-- `deprecated`, `secured` (wants a key), `parameters` ({ name, place, required, schema }), `body` (nil, or { required,
-- content: media type → schema }), `status` (the first success) and `response` (the schema of its JSON, nil for none).
-- Schemas stay as the document has them, with `$ref`: `contract.resolve` is for who reads them.
--
-- Here, and in schema.lua, example.lua and form.lua, nothing that only Lua 5.4 has: the specs load them in every Lua.

local cjson = require "cjson"

local contract = {}

local METHODS = { "delete", "get", "head", "options", "patch", "post", "put", "trace" }

--- The names of a table's fields in order: what is made of them shall be the same in every run.
function contract.names(fields)
  local names = {}
  for name in pairs(fields) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- References --------------------------------------------------------------------------------------------------------

--- The place of the document that `#/a/b` points at.
function contract.lookup(root, pointer)
  local place = root
  for name in assert(pointer:match "^#(.*)$", "not a local reference: " .. pointer):gmatch "/([^/]*)" do
    place = place[(name:gsub("~1", "/"):gsub("~0", "~"))]
    assert(place ~= nil, "nothing at " .. pointer)
  end
  return place
end

--- A node itself, or what its `$ref` means in the end.
function contract.resolve(root, node)
  while type(node) == "table" and node["$ref"] do node = contract.lookup(root, node["$ref"]) end
  return node
end

-- Operations --------------------------------------------------------------------------------------------------------

--- Parameters of the path and of the operation; the latter's win.
local function read_parameters(root, item, definition)
  local parameters, places = {}, {}
  for _, list in ipairs { item.parameters or {}, definition.parameters or {} } do
    for _, node in ipairs(list) do
      local each = contract.resolve(root, node)
      local key = each["in"] .. " " .. each.name
      places[key] = places[key] or #parameters + 1
      parameters[places[key]] = {
        name = each.name, place = each["in"], required = each.required == true, schema = each.schema or {},
      }
    end
  end
  return parameters
end

local function read_body(root, definition)
  local node = contract.resolve(root, definition.requestBody)
  if not node then return nil end
  local body = { required = node.required == true, content = {} }
  for media_type, each in pairs(node.content) do body.content[media_type] = each.schema or {} end
  return body
end

--- The first success of the document: its status, and the schema of its JSON.
local function read_success(root, definition)
  for _, status in ipairs(contract.names(definition.responses)) do
    if status:find "^2%d%d$" then
      local json = (contract.resolve(root, definition.responses[status]).content or {})["application/json"]
      return tonumber(status), json and (json.schema or {})
    end
  end
  return 200, nil
end

local function is_text(parameters, name)
  for _, each in ipairs(parameters) do
    if each.place == "path" and each.name == name then return each.schema.type == "string" end
  end
  return false
end

--- The Lua pattern of a template, and the names of its captures. A text at the very end may hold slashes, as
--- FastAPI's `{model:path}` does: the document does not say which do.
local function read_template(path, parameters)
  local names = {}
  local last = path:match "{([^}]*)}$"
  local pattern = path:gsub("[%-%.%+%*%?%^%$%%%(%)%[%]]", "%%%0"):gsub("{([^}]*)}", function(name)
    names[#names + 1] = name
    return name == last and is_text(parameters, name) and "(.+)" or "([^/]+)"
  end)
  return "^" .. pattern .. "$", names
end

local function is_secured(root, definition)
  local security = definition.security or root.security
  return security ~= nil and next(security) ~= nil
end

local function read_operation(root, path, method, item)
  local definition = item[method]
  local parameters = read_parameters(root, item, definition)
  local pattern, captures = read_template(path, parameters)
  local status, response = read_success(root, definition)
  return {
    name = definition.operationId, method = method:upper(), path = path, deprecated = definition.deprecated == true,
    secured = is_secured(root, definition), parameters = parameters, body = read_body(root, definition),
    status = status, response = response, pattern = pattern, captures = captures,
  }
end

-- The document ------------------------------------------------------------------------------------------------------

local Document = {}
Document.__index = Document

--- The operation for a request, and the escaped values of its path by name; or nil and why there is none.
function Document:match(method, path)
  local others = {}
  for _, operation in ipairs(self.operations) do
    local found = { path:match(operation.pattern) }
    if found[1] and operation.method == method then
      local captures = {}
      for i, name in ipairs(operation.captures) do captures[name] = found[i] end
      return operation, captures
    end
    if found[1] then others[#others + 1] = operation.method end
  end
  if #others == 0 then return nil, "no operation has the path " .. path end
  return nil, ("%s is no method of %s (%s)"):format(method, path, table.concat(others, ", "))
end

--- Literal paths before templates, so that the first match is the right one.
local function comes_before(a, b)
  if #a.captures ~= #b.captures then return #a.captures < #b.captures end
  if a.path ~= b.path then return a.path < b.path end
  return a.method < b.method
end

--- The contract of a decoded document.
function contract.new(root)
  local operations = {}
  for path, item in pairs(root.paths) do
    for _, method in ipairs(METHODS) do
      if item[method] then operations[#operations + 1] = read_operation(root, path, method, item) end
    end
  end
  table.sort(operations, comes_before)
  return setmetatable({ root = root, operations = operations }, Document)
end

function contract.load(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "*a"
  file:close()
  return contract.new(cjson.decode(text))
end

return contract
