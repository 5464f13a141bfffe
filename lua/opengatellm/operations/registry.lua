--- Rows: all operations, each in its form for a server of a given version.
--
-- A row describes an operation on the newest server; the change log (change_log.lua) says how older ones differ. `registry.at` puts the
-- two together, once for each version that a client asks for.
--
-- @module opengatellm.operations.registry
local change_log = require "opengatellm.operations.change_log"
local server_dialects = require "opengatellm.operations.server_dialects"
local parameter = require "opengatellm.operations.parameter"
local server = require "opengatellm.operations.server"

local M = {}

--- The files with rows, in the order of the documentation.
M.GROUPS = { "inference", "openai_routes", "rag", "account", "admin", "monitoring" }

---@class ogl.Operation a row on a server of one version
---@field name string
---@field method string
---@field path string
---@field doc string
---@field ids string[] names in the path, in order
---@field places table<string, "path"|"query"|"body"|"form"|"own"> parameter -> where it goes
---@field parameters table<string, ogl.Parameter>
---@field names table<string, string> parameter -> name on the wire, where it is another
---@field item_names table<string, table<string, string>>
---@field absent table<string, boolean> parameters that this version does not have
---@field fixed table<string, string> query parameters that are always sent
---@field missing? string why this version does not have it: "from 0.9 on"
---@field varies boolean it is otherwise on some version, whatever is asked
---@field varies_with table<string, boolean> parameters that are otherwise on some version

local PLACES = { "query", "body", "form", "own" }

local function read(row, group)
  local method, path = row[2]:match "^(%u+) (.+)$"
  local operation = { name = row[1], method = method, path = path, doc = row[3], group = group, ids = {}, places = {}, fixed = {} }
  for key, value in pairs(row) do
    if type(key) == "string" and operation[key] == nil then operation[key] = value end
  end
  operation.parameters = parameter.read_all(row.parameters)
  for id in path:gmatch "{([%w_]+)}" do
    table.insert(operation.ids, id)
    operation.places[id] = "path"
  end
  for _, place in ipairs(PLACES) do
    for name, found in pairs(parameter.read_all(row[place])) do
      operation.parameters[name], operation.places[name] = found, place
    end
  end
  operation.names, operation.item_names, operation.absent, operation.varies_with = row.names or {}, {}, {}, {}
  operation.gone_values = {} -- parameter -> value -> true, of those that older versions have
  for _, name in ipairs(row.absent or {}) do operation.absent[name] = true end
  return operation
end

local list, by_name, at, by_dialect = {}, {}, {}, {}
local lifetimes = {} -- operation, or feature of one -> {since, gone}

for _, group in ipairs(M.GROUPS) do
  for _, row in ipairs(require("opengatellm.operations." .. group)) do
    local operation = read(row, group)
    table.insert(list, operation)
    by_name[operation.name], at[operation.name], by_dialect[operation.name] = operation, {}, {}
  end
end

local function note(names, field, version)
  for _, name in ipairs(names or {}) do
    lifetimes[name] = lifetimes[name] or {}
    lifetimes[name][field] = version
  end
end

-- What of an entry concerns single parameters: lists of their names, and tables by their names.
local LISTS, TABLES = { "with", "without", "only_for" }, { "names", "item_names", "types" }

-- Notes what of an operation is otherwise on older servers: some parameters, or all of it.
local function note_change(operation, before)
  local rest = {}
  for key in pairs(before) do rest[key] = true end
  rest.values = nil
  for name, values in pairs(before.values or {}) do
    operation.gone_values[name] = operation.gone_values[name] or {}
    for _, value in ipairs(values) do operation.gone_values[name][value] = true end
  end
  for _, field in ipairs(LISTS) do
    rest[field] = nil
    for _, name in ipairs(before[field] or {}) do operation.varies_with[name] = true end
  end
  for _, field in ipairs(TABLES) do
    rest[field] = nil
    for name in pairs(before[field] or {}) do operation.varies_with[name] = true end
  end
  operation.varies = operation.varies or next(rest) ~= nil and not before.only_for
end

for _, entry in ipairs(change_log) do
  entry.number = server.parse(entry.version)
  note(entry.new, "since", entry.version)
  note(entry.features, "since", entry.version)
  note(entry.gone, "gone", entry.version)
  for name, before in pairs(entry.before or {}) do note_change(by_name[name], before) end
end

--- All operations as they are on the newest server, in the order of the documentation.
---@return ogl.Operation[]
function M.all() return list end

--- Finds an operation in its form for the newest server.
---@param name string such as "documents.create"
---@return ogl.Operation?
function M.find(name) return by_name[name] end

-- Going back ------------------------------------------------------------------------------------------------------

local function merged(a, b)
  local out = {}
  for key, value in pairs(a) do out[key] = value end
  for key, value in pairs(b or {}) do out[key] = value or nil end
  return out
end

-- Fields of an entry that are merged with the row's; all others replace the row's.
local MERGED = {
  names = true, item_names = true, fixed = true, types = true, with = true, without = true, only_for = true, unsent = true, values = true,
}

-- Adds values to the enumeration of a parameter, or of its items.
local function with_values(found, more)
  local out = merged(found)
  if found.item then
    out.item = with_values(found.item, more)
    return out
  end
  out.values = {}
  for _, values in ipairs { found.values, more } do
    for _, value in ipairs(values) do table.insert(out.values, value) end
  end
  return out
end

-- Makes the operation as it was before an entry of the log.
local function go_back(operation, before)
  local out = merged(operation)
  out.names = merged(operation.names, before.names)
  out.item_names = merged(operation.item_names, before.item_names)
  out.fixed = merged(operation.fixed, before.fixed)
  out.absent = merged(operation.absent)
  for _, name in ipairs(before.with or {}) do out.absent[name] = nil end
  for _, name in ipairs(before.without or {}) do out.absent[name] = true end
  out.parameters = merged(operation.parameters, parameter.read_all(before.types))
  for name, values in pairs(before.values or {}) do out.parameters[name] = with_values(out.parameters[name], values) end
  if before.unsent then out.places = merged(operation.places) end
  for _, name in ipairs(before.unsent or {}) do out.places[name] = "own" end
  for key, value in pairs(before) do
    if not MERGED[key] then out[key] = value end
  end
  return out
end

local function make(name, version)
  local operation = merged(by_name[name])
  for _, entry in ipairs(change_log) do
    local before = entry.number > version and entry.before and entry.before[name]
    if before then operation = go_back(operation, before) end
  end
  operation.missing = M.missing(name, version)
  return operation
end

--- Gives an operation on a server of a version; nil version: the newest.
---@param name string
---@param version? number of server.parse
---@return ogl.Operation
function M.at(name, version)
  if not version then return by_name[name] end
  local made = at[name][version]
  if not made then
    made = make(name, version)
    at[name][version] = made
  end
  return made
end

--- Gives an operation on another server than OpenGateLLM.
---@param name string
---@param dialect string of server_dialects.lua
---@return ogl.Operation
function M.in_dialect(name, dialect)
  local made = by_dialect[name][dialect]
  if not made then
    local row = by_name[name]
    local form = server_dialects.form(row, dialect)
    made = form and go_back(row, form) or row
    by_dialect[name][dialect] = made
  end
  return made
end

-- Which versions have it --------------------------------------------------------------------------------------------

--- Gives the first version that has an operation, and the first that lacks it again; nil: all earlier, or all later ones have it.
---@param name string of an operation, or of a feature of one (`chat.search`)
---@return string? since
---@return string? gone
function M.lifetime(name)
  local lifetime = lifetimes[name] or {}
  return lifetime.since, lifetime.gone
end

--- Says which versions have an operation, if this one lacks it; nil if it has the operation.
---@param name string
---@param version number
---@return string? # "from 0.9 on", "before 0.5"
function M.missing(name, version)
  local since, gone = M.lifetime(name)
  if since and version < server.parse(since) then return "from " .. since .. " on" end
  if gone and version >= server.parse(gone) then return "before " .. gone end
end

-- The words of a range.
local function words_of(since, gone)
  local words = {}
  if gone then words[1] = "before " .. gone end
  if since then words[#words + 1] = "from " .. since .. " on" end
  return table.concat(words, " and ")
end

--- Says which versions have a value of an enumeration that this one lacks.
---@param name string of the operation
---@param field string
---@param value string
---@return string? # nil: no version has it
function M.range_of_value(name, field, value)
  for _, entry in ipairs(change_log) do
    local before = entry.before and entry.before[name] or {}
    for _, each in ipairs(before.values and before.values[field] or {}) do
      if each == value then return words_of(nil, entry.version) end
    end
  end
end

--- Says which versions have a parameter that this one lacks.
---@param name string of the operation
---@param field string
---@return string
function M.range_of(name, field)
  local since, gone
  for _, entry in ipairs(change_log) do
    local before = entry.before and entry.before[name] or {}
    for _, each in ipairs(before.without or {}) do since = each == field and entry.version or since end
    for _, each in ipairs(before.with or {}) do gone = each == field and (gone or entry.version) or gone end
  end
  return words_of(since, gone)
end

return M
