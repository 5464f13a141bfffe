--- The charts of a report: which drawings a group of runs is shown in.
--
-- @module opengatellm.bench.report.charts
local chart = require "opengatellm.bench.report.chart"
local number = require "opengatellm.bench.report.number"
local runs = require "opengatellm.bench.report.runs"
local scale = require "opengatellm.bench.report.scale"
local width = require "opengatellm.base.width"

local M = {}

---@class ogl.bench.Drawing
---@field title string
---@field note? string how to read it
---@field drawing ogl.bench.Markup

local LOAD = { closed = "requests at once", open = "requests a second that were sent" }

local function highest(list)
  local most = 0
  for _, value in ipairs(list) do most = math.max(most, value) end
  return most
end

-- By level --------------------------------------------------------------------------------------------------------

local function names_axis(group)
  local names = {}
  for i, level in ipairs(group.levels) do names[i] = level.short end
  return scale.names(names, chart.LEFT, chart.RIGHT)
end

local GAP = 16 -- at most so far are the marks of two providers apart

-- The rows of a group with their x: providers stand side by side at a level, and in the same order at each.
local function placed_rows(group, axis, count)
  local gap, list = math.min(GAP, axis.part * 0.8 / count), {}
  for i, level in ipairs(group.levels) do
    for _, row in ipairs(level.rows) do list[#list + 1] = { row = row, x = axis.place(i) + (row.place - (count + 1) / 2) * gap } end
  end
  return list
end

-- Draws lines from level to level under the marks of a drawing. `y_of(row)` is nil where a row has no value.
local function add_lines(frame, placed, y_of)
  local points, places = {}, {}
  for _, each in ipairs(placed) do
    local place, y = each.row.place, y_of(each.row)
    if y then
      if not points[place] then
        points[place] = {}
        places[#places + 1] = place
      end
      table.insert(points[place], { each.x, y })
    end
  end
  for _, place in ipairs(places) do
    if points[place][2] then frame:add(chart.line(place, points[place])) end
  end
end

local function summary_words(row, summary, unit)
  return ("%s: p50 %s, p90 %s, p99 %s, max %s %s (%s)"):format(row.name, number.text(summary.p50), number.text(summary.p90),
    number.text(summary.p99), number.text(summary.max), unit, number.count(summary.n, "value"))
end

-- The values that an axis has to show; a goal that is far above all of them would press them flat.
local function values_of(group, name, goal)
  local values = {}
  for _, row in ipairs(runs.rows(group)) do
    local summary = row.run.figures[name]
    for _, statistic in ipairs { "p50", "p99" } do
      values[#values + 1] = summary and summary[statistic]
    end
  end
  local shown = goal and goal <= 1.5 * highest(values) and goal or nil
  if shown then values[#values + 1] = shown end
  return values, shown
end

local function add_ranges(frame, placed, axis, formula)
  for _, each in ipairs(placed) do
    local summary = each.row.run.figures[formula.name]
    if summary and summary.p50 and summary.p99 then
      local p50, p99 = axis.place(summary.p50), axis.place(summary.p99)
      frame:add(chart.range(each.row.place, each.x, p50, axis.place(summary.p90 or summary.p50), p99))
      frame:add(chart.marker(each.row.place, each.x, p50, summary_words(each.row, summary, formula.unit)))
    end
  end
end

local function figure_by_level(result, group, formula)
  local values, goal = values_of(group, formula.name, result.slo and result.slo[formula.name])
  if not values[1] then return nil end
  local names, axis = names_axis(group), scale.fitting(values, chart.BOTTOM, chart.TOP)
  local frame = chart.new(("%s by level, %s: its median, 90th and 99th percentile"):format(formula.title, formula.unit))
  frame:y_axis(axis, formula.unit)
  frame:names_axis(names, LOAD[group.mode])
  if goal then frame:add(chart.limit(axis.place(goal), ("SLO %s %s"):format(number.text(goal), formula.unit))) end
  local placed = placed_rows(group, names, #result.providers)
  add_lines(frame, placed, function(row)
    local summary = row.run.figures[formula.name]
    return summary and summary.p50 and axis.place(summary.p50)
  end)
  add_ranges(frame, placed, axis, formula)
  return { title = formula.title, note = "Mark: median. Bars: 90th and 99th percentile.", drawing = frame:draw() }
end

local RATES = {
  { name = "output_tokens", title = "Output tokens a second, all requests together", unit = "tokens/s" },
  { name = "requests", title = "Requests completed a second", unit = "requests/s" },
}

local function rate_by_level(result, group, rate)
  local values = {}
  for _, row in ipairs(runs.rows(group)) do values[#values + 1] = row.run.rates[rate.name] end
  if not values[1] then return nil end
  local names, axis = names_axis(group), scale.linear(0, highest(values), chart.BOTTOM, chart.TOP)
  local frame = chart.new(("%s, by level"):format(rate.title))
  frame:y_axis(axis, rate.unit)
  frame:names_axis(names, LOAD[group.mode])
  local placed = placed_rows(group, names, #result.providers)
  local function y_of(row) return row.run.rates[rate.name] and axis.place(row.run.rates[rate.name]) end
  add_lines(frame, placed, y_of)
  for _, each in ipairs(placed) do
    local y = y_of(each.row)
    local words = y and ("%s: %s %s"):format(each.row.name, number.text(each.row.run.rates[rate.name]), rate.unit)
    if y then frame:add(chart.marker(each.row.place, each.x, y, words)) end
  end
  return { title = rate.title, drawing = frame:draw() }
end

local FIGURES = { "ttft", "itl", "tpot", "e2e" } -- that are drawn by level, where they were measured

local function by_level(result, group, list)
  local formulas = {}
  for _, formula in ipairs(runs.figures(result, runs.rows(group))) do formulas[formula.name] = formula end
  for _, name in ipairs(FIGURES) do list[#list + 1] = formulas[name] and figure_by_level(result, group, formulas[name]) end
  for _, rate in ipairs(RATES) do list[#list + 1] = rate_by_level(result, group, rate) end
end

-- Of single requests ----------------------------------------------------------------------------------------------

-- The lowest, the middle and the highest level: a drawing for each of many would be no overview.
local function some_levels(group)
  local levels = group.levels
  if #levels <= 3 then return levels end
  return { levels[1], levels[math.ceil(#levels / 2)], levels[#levels] }
end

local function sorted_values(run, name)
  local list = {}
  for _, sample in ipairs(run.samples) do
    if sample.status == "success" and sample[name] then list[#list + 1] = sample[name] end
  end
  table.sort(list)
  return list
end

local STEPS = 150 -- points of a curve

-- The curve of which share of the values is at most so much.
local function share_points(values, x_axis, y_axis)
  local points = { { x_axis.place(values[1]), y_axis.place(0) } }
  local steps = math.min(#values, STEPS)
  for i = 1, steps do
    local rank = math.ceil(#values * i / steps)
    local x = x_axis.place(values[rank])
    points[#points + 1] = { x, points[#points][2] }
    points[#points + 1] = { x, y_axis.place(rank / #values * 100) }
  end
  return points
end

local function shares_of_level(level, formula)
  local all, lists = {}, {}
  for i, row in ipairs(level.rows) do
    lists[i] = sorted_values(row.run, formula.name)
    all[#all + 1], all[#all + 2] = lists[i][1], lists[i][#lists[i]]
  end
  if not all[1] then return nil end
  local x_axis, y_axis = scale.fitting(all, chart.LEFT, chart.RIGHT), scale.linear(0, 100, chart.BOTTOM, chart.TOP)
  local frame = chart.new(("Share of requests by %s, %s"):format(formula.title, level.label))
  frame:y_axis(y_axis, "% of requests")
  frame:x_axis(x_axis, formula.unit)
  for i, row in ipairs(level.rows) do
    local values = lists[i]
    if values[1] then
      local median = values[math.ceil(#values / 2)]
      frame:add(chart.line(row.place, share_points(values, x_axis, y_axis), row.name))
      local words = ("%s: half of the requests within %s %s"):format(row.name, number.text(median), formula.unit)
      frame:add(chart.marker(row.place, x_axis.place(median), y_axis.place(50), words))
    end
  end
  local title = ("%s: %s"):format(formula.title, level.label)
  return { title = title, note = "How many of the requests took at most so long.", drawing = frame:draw() }
end

local DOTS = 400 -- of a run

-- At most so many of a run's samples, evenly out of all; those that did not succeed stay as long as they are few.
local function thinned(samples)
  local every = math.max(1, math.ceil(#samples / DOTS))
  local list = { every = every, from = math.huge }
  for i, sample in ipairs(samples) do
    local is_kept = (i - 1) % every == 0 or sample.status ~= "success" and #list < 2 * DOTS
    if is_kept and sample.e2e then list[#list + 1] = sample end
    list.from = math.min(list.from, sample.at)
  end
  return list
end

local function add_dots(frame, row, samples, x_axis, y_axis)
  local dots, crosses = {}, {}
  for _, sample in ipairs(samples) do
    local x, y = x_axis.place(sample.at - samples.from), y_axis.place(sample.e2e)
    if sample.status == "success" then
      dots[#dots + 1] = { x, y }
    else
      local words = ("%s: %s after %s ms"):format(row.name, sample.kind or sample.status, number.text(sample.e2e))
      crosses[#crosses + 1] = chart.cross(row.place, x, y, words)
    end
  end
  frame:add(chart.dots(row.place, dots))
  for _, cross in ipairs(crosses) do frame:add(cross) end
end

local function level_over_time(level)
  local lists, times, ages, every = {}, {}, {}, 1
  for i, row in ipairs(level.rows) do
    local samples = thinned(row.run.samples)
    lists[i], every = samples, math.max(every, samples.every)
    for _, sample in ipairs(samples) do
      times[#times + 1], ages[#ages + 1] = sample.e2e, sample.at - samples.from
    end
  end
  if not times[1] then return nil end
  local x_axis, y_axis = scale.linear(0, highest(ages), chart.LEFT, chart.RIGHT), scale.fitting(times, chart.BOTTOM, chart.TOP)
  local frame = chart.new(("Time of each request over the run, %s"):format(level.label))
  frame:y_axis(y_axis, "ms")
  frame:x_axis(x_axis, "seconds since the first request")
  for i, row in ipairs(level.rows) do add_dots(frame, row, lists[i], x_axis, y_axis) end
  local which = every > 1 and ("A mark is a request, one of %d."):format(every) or "A mark is a request."
  return { title = "Over time: " .. level.label, note = which .. " A cross did not succeed.", drawing = frame:draw() }
end

local function of_requests(result, group, list)
  local formulas = {}
  for _, formula in ipairs(result.formulas) do formulas[formula.name] = formula end
  local formula = group.streaming and formulas.ttft or formulas.e2e
  for _, level in ipairs(some_levels(group)) do list[#list + 1] = formula and shares_of_level(level, formula) end
  for _, level in ipairs(some_levels(group)) do list[#list + 1] = level_over_time(level) end
end

-- Ends ------------------------------------------------------------------------------------------------------------

local ENDS = {
  { name = "success", words = "done" }, { name = "incomplete", words = "cut" }, { name = "error", words = "failed" },
  { name = "dropped", words = "never sent" },
}
local ROW, BAR_LEFT, BAR_WIDTH = 40, 8, 424
local NAME = 36 -- columns of a name above a bar

local function ends_words(row)
  local parts = {}
  for _, each in ipairs(ENDS) do
    local n = row.run.counts[each.name]
    if n > 0 then parts[#parts + 1] = ("%.0f %s"):format(n, each.words) end
  end
  return table.concat(parts, ", ")
end

local function add_ends(frame, row, y)
  local counts, total, x = row.run.counts, 0, BAR_LEFT
  for _, each in ipairs(ENDS) do total = total + counts[each.name] end
  frame:add(chart.text(BAR_LEFT, y, "start", width.cut(row.name, NAME)))
  frame:add(chart.text(BAR_LEFT + BAR_WIDTH, y, "end", ends_words(row)))
  for _, each in ipairs(ENDS) do
    local n = counts[each.name]
    local long = total > 0 and n / total * BAR_WIDTH or 0
    if n > 0 then frame:add(chart.bar(row.place, each.name, x, y + 6, long, ("%s: %.0f %s"):format(row.name, n, each.words))) end
    x = x + long
  end
end

local function ends(group)
  local rows = {}
  for _, row in ipairs(runs.rows(group)) do
    if runs.has_failed(row) then rows[#rows + 1] = row end
  end
  if not rows[1] then return nil end
  local frame = chart.new("How the requests ended, of the runs in which not all succeeded", #rows * ROW + 8)
  for i, row in ipairs(rows) do add_ends(frame, row, (i - 1) * ROW + 18) end
  return { title = "How the requests ended", note = "Only runs in which not all succeeded. Hatched: did not.", drawing = frame:draw() }
end

--- The drawings of a group.
---@param result table
---@param group table of runs.groups
---@return ogl.bench.Drawing[]
function M.of(result, group)
  local list = {}
  by_level(result, group, list)
  of_requests(result, group, list)
  list[#list + 1] = ends(group)
  return list
end

return M
