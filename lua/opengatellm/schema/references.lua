--- References: finds the schema that a `$ref` names, inside of one document.
--
-- A document is read once: each schema in it gets its base address, and those with `$id`, `$anchor` or `$dynamicAnchor` are entered under
-- their addresses. A reference is then an address, or a pointer below one. Nothing is ever loaded from elsewhere.
--
-- @module opengatellm.schema.references
local grammar = require "opengatellm.schema.grammar"
local url = require "opengatellm.base.url"

local M = {}
local References = {}
References.__index = References

-- The address of a document that has none: relative references need one to start from.
local NOWHERE = "document:/"

---@class ogl.schema.References
---@field root table
---@field by_address table<string, table>
---@field base_of table<table, string>
---@field old boolean draft 7 and before: a `$ref` hides the keywords beside it, and a `$id` may be an anchor

local function resolved(base, reference) return url.resolve(base, reference) or reference end

-- Whether a document says that it is of draft 7 or before.
local function is_old(root)
  local said = root["$schema"]
  return type(said) == "string" and said:find "json%-schema%.org/draft%-0[1-7]" ~= nil
end

-- The base address of a schema, whose surroundings have one, and enters the schema under its names.
local function enter(self, schema, base)
  local id = schema["$id"]
  if type(id) == "string" and not (self.old and schema["$ref"]) then
    local whole = resolved(base, id)
    local address, fragment = whole:match "^([^#]*)#?(.*)$"
    if fragment == "" then base = address end
    self.by_address[fragment == "" and address or whole] = schema
  end
  for _, key in ipairs { "$anchor", "$dynamicAnchor" } do
    if type(schema[key]) == "string" then self.by_address[base .. "#" .. schema[key]] = schema end
  end
  return base
end

local function read(self, schema, base)
  if type(schema) ~= "table" or self.base_of[schema] then return end
  base = enter(self, schema, base)
  self.base_of[schema] = base
  grammar.each(schema, function(inner) read(self, inner, base) end)
end

--- Reads a document.
---@param root table a schema without mistakes (grammar.lua)
---@return ogl.schema.References
function M.new(root)
  local self = setmetatable({ root = root, by_address = {}, base_of = {}, old = is_old(root) }, References)
  self.by_address[NOWHERE] = root
  read(self, root, NOWHERE)
  return self
end

-- Follows one step of a pointer: a name, or a number from 0.
local function step_into(at, step)
  local name = step:gsub("~1", "/"):gsub("~0", "~")
  local found = rawget(at, name) -- the schemas of the builders have methods
  if found ~= nil then return found end
  local number = name:find "^%d+$" and tonumber(name)
  return number and at[number + 1]
end

-- Follows a pointer; gives what is there, and its base.
local function follow(self, at, pointer)
  local base = self.base_of[at]
  for step in url.unescape(pointer):gmatch "/([^/]*)" do
    if type(at) ~= "table" then return nil end
    at = step_into(at, step)
    base = type(at) == "table" and self.base_of[at] or base
  end
  return at, base
end

--- Finds the schema that a reference names.
---@param reference string
---@param from table the schema that refers to it
---@return table|boolean|nil schema nil where the document has none
function References:find(reference, from)
  local whole = resolved(self.base_of[from] or NOWHERE, reference)
  local address, fragment = whole:match "^([^#]*)#?(.*)$"
  if fragment ~= "" and fragment:sub(1, 1) ~= "/" then return self.by_address[address .. "#" .. url.unescape(fragment)] end
  local resource = self.by_address[address]
  if not resource then return nil end
  local found, base = follow(self, resource, fragment)
  if type(found) == "table" and not self.base_of[found] then read(self, found, base) end -- it stands where no keyword holds schemas
  return found
end

return M
