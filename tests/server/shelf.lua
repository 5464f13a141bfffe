--- A shelf: things with an id, in the order in which they came; the table of a database, for a test.
--
-- Life: `Shelf.new()`, then `add`, `get`, `remove`, `page` in any order. An id is given once and never again. Things
-- get `created` and `updated` when they are added; whoever changes one calls `touch`. Everything stays in memory.

local Shelf = {}
Shelf.__index = Shelf

function Shelf.new(first)
  return setmetatable({ things = {}, next_id = first or 1 }, Shelf)
end

function Shelf:add(thing)
  thing.id = self.next_id
  self.next_id = self.next_id + 1
  thing.created = thing.created or os.time()
  thing.updated = thing.created
  self.things[#self.things + 1] = thing
  return thing
end

function Shelf.touch(thing)
  thing.updated = os.time()
end

--- The first thing for which `wanted(thing)` holds.
function Shelf:find(wanted)
  for _, thing in ipairs(self.things) do
    if wanted(thing) then return thing end
  end
end

function Shelf:get(id)
  return self:find(function(thing) return thing.id == id end)
end

function Shelf:remove(gone)
  for position, thing in ipairs(self.things) do
    if thing == gone then return table.remove(self.things, position) end
  end
end

--- All things for which `wanted` holds; all without it.
function Shelf:select(wanted)
  local found = {}
  for _, thing in ipairs(self.things) do
    if not wanted or wanted(thing) then found[#found + 1] = thing end
  end
  return found
end

function Shelf:count(wanted)
  return #self:select(wanted)
end

--- True if `a` comes before `b` by a field; equal ones by their ids, so that pages never overlap.
local function before(a, b, field)
  local left, right = a[field], b[field]
  if left == right or left == nil or right == nil then return a.id < b.id end
  return left < right
end

--- One page of the things for which `wanted` holds, and how many there are. `view`: `sort`, `order`, `offset`, `limit`.
function Shelf:page(view, wanted)
  local all, page = self:select(wanted), {}
  local field = view.sort or "id"
  table.sort(all, function(a, b)
    if view.order == "desc" then return before(b, a, field) end
    return before(a, b, field)
  end)
  table.move(all, view.offset + 1, math.min(#all, view.offset + view.limit), 1, page)
  return page, #all
end

return Shelf
