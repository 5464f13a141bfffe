--- A form: the fields of a query, of an urlencoded body or of a multipart body, and their values as a schema means them.
--
-- Two steps. Reading gives the fields in order, as they came: `form.query(text)` here, multipart.lua for its own kind; a
-- field is `{ name, data }`, a file has `filename` and `content_type` too. `form.values(root, properties, fields)` then
-- turns texts into numbers, booleans and lists where the schema wants them. A text that cannot be turned stays a text,
-- for the validator to find. Booleans are "true" and "false" only: pydantic takes more, the document does not say so.

local contract = require "server.contract"
local schema = require "server.schema"

local form = {}

-- Reading -----------------------------------------------------------------------------------------------------------

local function unescape(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

--- The fields of `a=1&b=2`.
function form.query(text)
  local fields = {}
  for pair in text:gmatch "[^&]+" do
    local name, value = pair:match "^([^=]*)=?(.*)$"
    fields[#fields + 1] = { name = unescape(name), data = unescape(value) }
  end
  return fields
end

-- Values ------------------------------------------------------------------------------------------------------------

local TO = {}

function TO.integer(text) return text:find "^-?%d+$" and tonumber(text) or text end
function TO.number(text) return text:find "^-?%d+%.?%d*[eE]?[-+]?%d*$" and tonumber(text) or text end
function TO.boolean(text)
  if text == "true" or text == "false" then return text == "true" end
  return text
end

--- A text as the schema means it: of several branches, the first that takes it, or at least can read it.
function form.convert(root, rules, text)
  rules = contract.resolve(root, rules)
  local readable = nil
  for _, branch in ipairs(rules.anyOf or rules.oneOf or {}) do
    local value = form.convert(root, branch, text)
    if #schema.validate(root, branch, value) == 0 then return value end
    if readable == nil and value ~= text then readable = value end
  end
  if readable ~= nil then return readable end
  local to = TO[rules.type]
  if to then return to(text) end
  return text
end

--- The branch of a schema (or the schema) that passes a test, if one does.
local function any_branch(root, rules, test)
  rules = contract.resolve(root, rules)
  if test(rules) then return rules end
  for _, branch in ipairs(rules.anyOf or rules.oneOf or {}) do
    local found = any_branch(root, branch, test)
    if found then return found end
  end
end

local function is_list(rules) return rules.type == "array" end
local function is_file(rules) return rules.contentMediaType ~= nil or rules.format == "binary" end

local function describe(field)
  return { filename = field.filename, content_type = field.content_type, size = #field.data, content = field.data }
end

--- The fields of one name as one value; the second result is that for a record, where a file is described.
local function value_of(root, rules, fields, problems)
  local first, list = fields[1], any_branch(root, rules, is_list)
  if list then
    local values = setmetatable({}, schema.ARRAY)
    for i, field in ipairs(fields) do values[i] = form.convert(root, list.items or {}, field.data) end
    return values, values
  end
  if #fields > 1 then problems[#problems + 1] = ("is given %d times"):format(#fields) end
  local wants_file = any_branch(root, rules, is_file) ~= nil
  if wants_file ~= (first.filename ~= nil) then
    problems[#problems + 1] = wants_file and "is no file" or "is a file"
  end
  if first.filename then return first.data, describe(first) end
  local value = form.convert(root, rules, first.data)
  return value, value
end

--- The fields by name: values to judge, the same for a record, and "name: what" for what no value can show.
-- `properties` maps names to schemas; a name that it has not keeps its text.
function form.values(root, properties, fields)
  local groups, values, shown, problems = {}, {}, {}, {}
  for _, field in ipairs(fields) do
    groups[field.name] = groups[field.name] or {}
    table.insert(groups[field.name], field)
  end
  for _, name in ipairs(contract.names(groups)) do
    local found = {}
    local rules = properties[name]
    if rules then
      values[name], shown[name] = value_of(root, rules, groups[name], found)
    else
      values[name], shown[name] = groups[name][1].data, groups[name][1].data
    end
    for _, problem in ipairs(found) do problems[#problems + 1] = name .. ": " .. problem end
  end
  return values, shown, problems
end

return form
