--- Charts: the frame of an SVG drawing with its two axes, and the marks that stand in it.
--
--   local frame = chart.new "Time to first token by level"
--   frame:y_axis(scale.fitting(values, chart.BOTTOM, chart.TOP), "ms")
--   frame:names_axis(scale.names({ "1", "8" }, chart.LEFT, chart.RIGHT), "requests at once")
--   frame:add(chart.marker(1, x, y, "the words of its tooltip"))
--   frame:draw()
--
-- Colours are classes: the page's style sheet knows them for light, dark and paper. A provider has a shape beside its colour.
--
-- @module opengatellm.bench.report.chart
local markup = require "opengatellm.bench.report.markup"
local number = require "opengatellm.bench.report.number"

local element = markup.element

local M = {}

-- In units of the drawing, of which a character is about 7 wide.
M.WIDTH, M.HEIGHT, M.LEFT, M.RIGHT, M.TOP, M.BOTTOM = 440, 250, 46, 432, 24, 206

M.COLOURS = 8 -- providers that have a colour and a shape of their own; the next begin anew

---@class ogl.bench.Chart
---@field about string what the drawing shows, for those who do not see it
---@field height number
local Chart = {}
Chart.__index = Chart

--- Begins a drawing.
---@param about string
---@param height? number
---@return ogl.bench.Chart
function M.new(about, height) return setmetatable({ about = about, height = height or M.HEIGHT, marks = {} }, Chart) end

--- Adds a mark.
---@param mark ogl.bench.Markup
function Chart:add(mark) table.insert(self.marks, mark) end

local function text(x, y, anchor, content, class)
  return element("text", { x = x, y = y, ["text-anchor"] = anchor, class = class }, content)
end

local function straight(x1, y1, x2, y2, class) return element("line", { x1 = x1, y1 = y1, x2 = x2, y2 = y2, class = class }) end

local UNIT_Y = 11 -- of the words above a drawing

--- Draws the axis of values, and a line across the drawing for each that it names.
---@param axis ogl.bench.Scale
---@param unit string
function Chart:y_axis(axis, unit)
  self:add(text(0, UNIT_Y, "start", axis.is_log and unit .. ", logarithmic" or unit, "axis"))
  for _, value in ipairs(axis.ticks) do
    local y = axis.place(value)
    self:add(straight(M.LEFT, y, M.RIGHT, y, "grid"))
    self:add(text(M.LEFT - 6, y + 4, "end", number.text(value)))
  end
end

local function bottom_title(self, title) self:add(text((M.LEFT + M.RIGHT) / 2, M.BOTTOM + 38, "middle", title, "axis")) end

--- Draws a horizontal axis of values.
---@param axis ogl.bench.Scale
---@param title string
function Chart:x_axis(axis, title)
  for i, value in ipairs(axis.ticks) do
    local x = axis.place(value)
    self:add(straight(x, M.BOTTOM, x, M.BOTTOM + 4, "grid"))
    self:add(text(x, M.BOTTOM + 18, i == #axis.ticks and "end" or "middle", number.text(value)))
  end
  bottom_title(self, axis.is_log and title .. ", logarithmic" or title)
end

local NAME_WIDTH = 34 -- that names along an axis need: where there are more, some go without

--- Draws a horizontal axis of names.
---@param axis table of scale.names
---@param title string
function Chart:names_axis(axis, title)
  local every = math.ceil(NAME_WIDTH / axis.part)
  for i, name in ipairs(axis.names) do
    if (i - 1) % every == 0 then self:add(text(axis.place(i), M.BOTTOM + 18, "middle", name)) end
  end
  bottom_title(self, title)
end

--- Gives the drawing.
---@return ogl.bench.Markup
function Chart:draw()
  local box = ("0 0 %d %d"):format(M.WIDTH, self.height)
  return element("svg", { viewBox = box, role = "img", ["aria-label"] = self.about, class = "chart" }, self.marks)
end

-- Marks -----------------------------------------------------------------------------------------------------------

--- The class that has a provider's colour.
---@param place integer
---@return string
function M.class(place) return "s" .. (place - 1) % M.COLOURS + 1 end

-- Shapes around 0,0 of about the same size.
local SHAPES = {
  "M-4.2 0a4.2 4.2 0 1 0 8.4 0a4.2 4.2 0 1 0 -8.4 0z", "M-3.8 -3.8h7.6v7.6h-7.6z", "M0 -5l4.8 8.4h-9.6z",
  "M0 -5.4l5.4 5.4l-5.4 5.4l-5.4 -5.4z", "M0 5l4.8 -8.4h-9.6z", "M-1.6 -5h3.2v3.4h3.4v3.2h-3.4v3.4h-3.2v-3.4h-3.4v-3.2h3.4z",
  "M-5 -2.5l5 -2.5l5 2.5v5l-5 2.5l-5 -2.5z", "M-5 -1.6h10v3.2h-10z",
}

local function shape_of(place) return SHAPES[(place - 1) % M.COLOURS + 1] end

--- A provider's mark at a place.
---@param place integer the provider's number
---@param x number
---@param y number
---@param title? string the words of its tooltip
---@return ogl.bench.Markup
function M.marker(place, x, y, title)
  local attributes = {
    d = shape_of(place), transform = ("translate(%.1f %.1f)"):format(x, y), class = "mark " .. M.class(place),
  }
  return element("path", attributes, title and element("title", nil, title))
end

local SMALL = 0.55 -- of the size of a mark

--- Many small marks of a provider, in one element: a page with one for each would be slow.
---@param place integer
---@param points {[1]: number, [2]: number}[]
---@return ogl.bench.Markup
function M.dots(place, points)
  local shape, parts = shape_of(place):gsub("^M", "m"), {}
  for i, point in ipairs(points) do parts[i] = ("M%.1f %.1f%s"):format(point[1] / SMALL, point[2] / SMALL, shape) end
  return element("path", { d = table.concat(parts), transform = ("scale(%g)"):format(SMALL), class = "mark dot " .. M.class(place) })
end

--- A request that did not succeed.
---@param place integer
---@param x number
---@param y number
---@param title string
---@return ogl.bench.Markup
function M.cross(place, x, y, title)
  local attributes = { d = "M-4 -4l8 8m0 -8l-8 8", transform = ("translate(%.1f %.1f)"):format(x, y), class = "cross " .. M.class(place) }
  return element("path", attributes, element("title", nil, title))
end

--- A line through points.
---@param place integer
---@param points {[1]: number, [2]: number}[]
---@param title? string
---@return ogl.bench.Markup
function M.line(place, points, title)
  local parts = {}
  for i, point in ipairs(points) do parts[i] = ("%.1f,%.1f"):format(point[1], point[2]) end
  local attributes = { points = table.concat(parts, " "), class = "line " .. M.class(place) }
  return element("polyline", attributes, title and element("title", nil, title))
end

--- The way from one value to a higher one, with a bar across at one between them.
---@param place integer
---@param x number
---@param from number
---@param across number
---@param to number
---@return ogl.bench.Markup
function M.range(place, x, from, across, to)
  local way = ("M%.1f %.1fV%.1fM%.1f %.1fh6M%.1f %.1fh8"):format(x, from, to, x - 3, across, x - 4, to)
  return element("path", { d = way, class = "range " .. M.class(place) })
end

local SAMPLE = 24 -- how long the piece of a dashed line is beside the words that explain it

--- A dashed line across the drawing, with its words above the drawing, where they hide nothing.
---@param y number
---@param words string
---@return ogl.bench.Markup
function M.limit(y, words)
  return element("g", nil, {
    straight(M.LEFT, y, M.RIGHT, y, "limit"), straight(M.RIGHT - SAMPLE, UNIT_Y - 4, M.RIGHT, UNIT_Y - 4, "limit"),
    text(M.RIGHT - SAMPLE - 6, UNIT_Y, "end", words, "axis"),
  })
end

--- A part of a bar.
---@param class string
---@param x number
---@param y number
---@param width number
---@param title string
---@param place integer
---@return ogl.bench.Markup
function M.bar(place, class, x, y, width, title)
  local attributes = { x = x, y = y, width = width, height = 14, class = "bar " .. class .. " " .. M.class(place) }
  return element("rect", attributes, element("title", nil, title))
end

--- A line of words in a drawing.
M.text = text

return M
