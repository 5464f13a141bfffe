--- Listings: the answers of all routes that list things page by page.
--
-- `view` reads the query of such a route, `answer` writes the page. Both ask the dialect how the resource has it:
-- older lists have order_by and no total, newer ones sort_by, total, offset and limit.

local check = require "server.check"
local json = require "server.json"

local listing = {}

--- What the query asks for. `sorts` is what may be sorted by, `more` the fields that this list alone has.
function listing.view(call, resource, sorts, more)
  local names = { "order_by", "order_direction" }
  if call.dialect.paged[resource] then names = { "sort_by", "sort_order" } end
  return check.page(call.request, names, sorts, more)
end

--- Answers with the page of a shelf that `view` wants; `wanted` chooses things, `write(thing)` gives their JSON.
function listing.answer(call, resource, shelf, view, wanted, write)
  local page, total = shelf:page(view, wanted)
  local list = json.list()
  for position, thing in ipairs(page) do list[position] = write(thing) end
  local paged = call.dialect.paged[resource]
  call:answer(200, json.record("object", "list", paged and "total" or nil, total,
    paged and "offset" or nil, view.offset, paged and "limit" or nil, view.limit, "data", list))
end

return listing
