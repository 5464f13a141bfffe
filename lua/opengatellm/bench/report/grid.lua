--- Grids: rows of cells that a terminal shows in columns. The first column has names, the others numbers, flush right.
--
-- A grid is at most as wide as it may be: names have half of that at most, and columns that do not fit beside them begin a block of their
-- own below. A row that has a name alone stands above those that follow it.
--
-- @module opengatellm.bench.report.grid
local width = require "opengatellm.base.width"

local M = {}

local GAP = 2

-- A row that is a name alone has the whole width.
local function is_title(row) return #row == 1 end

local function widest(rows, place)
  local most = 0
  for _, row in ipairs(rows) do
    if not is_title(row) then most = math.max(most, width.of(row[place] or "")) end
  end
  return most
end

-- How many cells, from one place on, fit beside the names; one at least.
local function count_that_fit(widths, from, room)
  local count = 0
  for place = from, #widths do
    room = room - GAP - widths[place]
    if room < 0 and count > 0 then break end
    count = count + 1
  end
  return count
end

local function line_of(row, widths, from, to, room)
  if is_title(row) then return width.cut(row[1], room) end
  local cells = { width.pad(width.cut(row[1], widths[1]), widths[1]) }
  for place = from, to do cells[#cells + 1] = width.pad(row[place] or "", widths[place] + GAP, true) end
  return (table.concat(cells):gsub(" +$", ""))
end

--- Draws a text bold.
---@param text string
---@param is_bold? boolean
---@return string
function M.bold(text, is_bold) return is_bold and "\27[1m" .. text .. "\27[0m" or text end

--- Writes rows as lines. The texts have to be harmless (see base/width.lua).
---@param rows string[][] at least one; the first has the headings
---@param options? {width?: integer, bold?: boolean} columns of the terminal (80), whether headings are bold
---@return string
function M.write(rows, options)
  options = options or {}
  local room, widths = options.width or 80, {}
  for place = 1, #rows[1] do widths[place] = widest(rows, place) end
  widths[1] = math.min(widths[1], math.floor(room / 2))
  local lines, from = {}, 2
  repeat
    local to = from + count_that_fit(widths, from, room - widths[1]) - 1
    for i, row in ipairs(rows) do
      local line = line_of(row, widths, from, to, room)
      lines[#lines + 1] = i == 1 and M.bold(line, options.bold) or line
    end
    from = to + 1
  until from > #widths
  return table.concat(lines, "\n") .. "\n"
end

return M
