--- Resources: what the five things that administrators manage have in common: five routes each.
--
-- `routes(resource)` makes them from a description:
--   name, path         as in the dialect's sets, as in the URL
--   shelf(call)        where the things are
--   fields(dialect)    what a creation takes; a field's `to` is the name inside, where it is another one
--   json(call, thing)  how it is shown; `created_json`, if any, how a creation shows it
--   prepare(call, values, thing)   looks at the values of a creation, or of the change of `thing`, and refuses or
--                      completes them
--   release(call, thing)   refuses to delete it, or tidies up after it
--   sorts, filters, passes(view, thing, dialect)   of the list
--
-- The dialect says what is answered (the whole thing, its id, or nothing), and whether PATCH replaces everything or
-- only what it names.

local check = require "server.check"
local gate = require "server.gate"
local json = require "server.json"
local listing = require "server.listing"
local refusal = require "server.refusal"

local resource = {}

--- The fields of a creation for a PATCH that only names what it changes.
local function optional(fields)
  local all = {}
  for position, field in ipairs(fields) do
    local copy = {}
    for name, value in pairs(field) do copy[name] = value end
    copy.required, copy.default, copy.null = false, nil, field.null and "keep" or true
    all[position] = copy
  end
  return all
end

--- Values by the names that they have inside.
local function inside(fields, body)
  local values = {}
  for _, field in ipairs(fields) do values[field.to or field[1]] = body[field[1]] end
  return values
end

local function create(self, call)
  gate.admin(call, self.name)
  local fields = self.fields(call.dialect)
  local values = inside(fields, check.body(call.request, fields))
  self.prepare(call, values)
  local thing = self.shelf(call):add(values)
  if not call.dialect.created_whole[self.name] then return call:answer(201, json.record("id", thing.id)) end
  call:answer(201, (self.created_json or self.json)(call, thing))
end

local function find(self, call, id)
  return self.shelf(call):get(id) or refusal.refuse(404, call.dialect.texts[self.name .. "_missing"], id)
end

local function list(self, call)
  gate.admin(call, self.name)
  local view = listing.view(call, self.name, self.sorts, self.filters)
  listing.answer(call, self.name, self.shelf(call), view, function(thing)
    return not self.passes or self.passes(view, thing, call.dialect)
  end, function(thing) return self.json(call, thing) end)
end

local function get(self, call, id)
  gate.admin(call, self.name)
  call:answer(200, self.json(call, find(self, call, id)))
end

--- Replaces all fields but those that were made to stay (`kept`), or those that the values name.
local function change(self, call, thing, fields, values)
  for _, field in ipairs(fields) do
    local name = field.to or field[1]
    local value = values[name]
    if call.dialect.patch_replaces and not (field.kept and value == nil) or value ~= nil then
      thing[name] = value ~= json.null and value or nil
    end
  end
  self.shelf(call).touch(thing)
end

local function update(self, call, id)
  gate.admin(call, self.name)
  local fields = (self.update_fields or self.fields)(call.dialect)
  if not call.dialect.patch_replaces then fields = optional(fields) end
  local values = inside(fields, check.body(call.request, fields))
  local thing = find(self, call, id)
  self.prepare(call, values, thing)
  change(self, call, thing, fields, values)
  if not call.dialect.patched_whole[self.name] then return call:none() end
  call:answer(200, self.json(call, thing))
end

local function delete(self, call, id)
  gate.admin(call, self.name)
  local thing = find(self, call, id)
  local last = self.json(call, thing)
  if self.release then self.release(call, thing) end
  self.shelf(call):remove(thing)
  if not call.dialect.deleted_whole[self.name] then return call:none() end
  call:answer(200, last)
end

--- The five routes of a resource.
function resource.routes(self)
  local function bound(run)
    return function(call, id) return run(self, call, id) end
  end
  local one = self.path .. "/{id}"
  return
    { "POST", self.path, bound(create), migrated = true }, { "GET", self.path, bound(list), migrated = true },
    { "GET", one, bound(get), migrated = true }, { "PATCH", one, bound(update), migrated = true },
    { "DELETE", one, bound(delete), migrated = true }
end

--- Refuses a value that another thing of a shelf has: `words`, formatted with the value.
function resource.check_free(shelf, field, value, except, words)
  local other = value ~= nil and shelf:find(function(thing) return thing ~= except and thing[field] == value end)
  if other then refusal.refuse(409, words, value) end
end

--- Refuses the id of something that is not there.
function resource.check_there(shelf, id, words)
  if id ~= nil and id ~= json.null and not shelf:get(id) then refusal.refuse(404, words, id) end
end

return resource
