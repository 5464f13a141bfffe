--- Pages: iterates over a list that a server gives in pages, by the number of items before a page, or by the last id of the page before.
--
-- @module opengatellm.operations.page
local errors = require "opengatellm.errors"

local M = {}

local LIMIT = 100 -- items of a page: the most that every list allows

local function with_place(options, offset, limit)
  local out = {}
  for key, value in pairs(options) do out[key] = value end
  out.offset, out.limit = offset, limit
  return out
end

-- Notices a server that ignores `offset`: it would send the first page for ever.
local function repeated(page, last)
  return last and page[1] and last[1] and page[1].id ~= nil and page[1].id == last[1].id and #page == #last
end

--- Iterates over all items, from `options.offset` on; asks for each page when the loop needs it. A failure raises its error.
---@param list fun(options: table): ogl.Page?, ogl.Error?
---@param options? table of the list
---@return fun(): table?
function M.each(list, options)
  options = options or {}
  local offset, limit = options.offset or 0, options.limit or LIMIT
  local page, at, over = nil, 0, false
  local function turn()
    local fresh, err = list(with_place(options, offset, limit))
    if not fresh then error(err, 0) end
    if repeated(fresh, page) then
      error(errors.new { kind = "protocol", message = "the server gave the same page again: it does not look at offset" }, 0)
    end
    page, at, offset = fresh, 0, offset + #fresh
    over = #fresh < (fresh.limit or limit) or fresh.total ~= nil and offset >= fresh.total
  end
  return function()
    if not page then turn() end
    if at == #page and not over then turn() end
    at = at + 1
    return page[at]
  end
end

--- Does the same for lists that go on after an id (OpenAI's: `after`, `has_more`), or after a word of the server (`after` of the page).
--- A list that does not say whether it has more ends there.
---@param list fun(options: table): ogl.Page?, ogl.Error?
---@param options? table of the list
---@return fun(): table?
function M.each_after(list, options)
  options = options or {}
  local after, page, at, over = options.after, nil, 0, false
  local function turn()
    local asked = with_place(options, nil, options.limit or LIMIT)
    asked.after = after
    local fresh, err = list(asked)
    if not fresh then error(err, 0) end
    local last = fresh.after or fresh[#fresh] and fresh[#fresh].id
    if fresh.has_more and (last == nil or last == after) then
      error(errors.new { kind = "protocol", message = "the server gave the same page again: it does not look at after" }, 0)
    end
    page, at, after, over = fresh, 0, last, not fresh.has_more
  end
  return function()
    if not page or at == #page and not over then turn() end
    at = at + 1
    return page[at]
  end
end

return M
