--- The report as one page of HTML: charts as SVG, tables, what was asked for and how each figure is made.
--
-- The page loads nothing and runs nothing, and tells the browser so, which then lets nothing in.
--
-- @module opengatellm.bench.report.html
local chart = require "opengatellm.bench.report.chart"
local charts = require "opengatellm.bench.report.charts"
local json = require "opengatellm.json"
local loads = require "opengatellm.bench.report.loads"
local markup = require "opengatellm.bench.report.markup"
local number = require "opengatellm.bench.report.number"
local runs = require "opengatellm.bench.report.runs"
local style = require "opengatellm.bench.report.style"
local words = require "opengatellm.base.words"

local element = markup.element

local M = {}

-- Tables ----------------------------------------------------------------------------------------------------------

local function header(cells)
  local list = {}
  for i, cell in ipairs(cells) do list[i] = element("th", { scope = "col" }, cell) end
  return element("thead", nil, element("tr", nil, list))
end

-- A row whose first cell is its name.
local function line(cells)
  local list = { element("th", { scope = "row" }, cells[1]) }
  for i = 2, #cells do list[i] = element("td", nil, cells[i]) end
  return element("tr", nil, list)
end

-- A table that scrolls where the page is narrow; the keyboard reaches it, too.
local function scrolling(caption, content, class)
  local attributes = { class = "scroll", tabindex = 0, role = "region", ["aria-label"] = caption }
  return element("div", attributes, element("table", { class = class }, { element("caption", nil, caption), content }))
end

-- Two columns of words.
local function pairs_table(caption, rows)
  local lines = {}
  for i, row in ipairs(rows) do lines[i] = line(row) end
  return scrolling(caption, element("tbody", nil, lines), "words")
end

-- The top ---------------------------------------------------------------------------------------------------------

local function tile_figure(term, value, about)
  if not value or value == number.NONE then return nil end
  return { element("div", nil, { element("dt", nil, term), element("dd", nil, { value, " ", element("small", nil, about) }) }) }
end

local function best_run(provider, rate)
  local best
  for _, run in ipairs(provider.runs) do
    if run.rates[rate] and (not best or run.rates[rate] > best.rates[rate]) then best = run end
  end
  return best
end

local function success_share(provider)
  local done, all = 0, 0
  for _, run in ipairs(provider.runs) do
    local counts = run.counts
    done, all = done + counts.success, all + counts.success + counts.incomplete + counts.error + counts.dropped
  end
  return all > 0 and done / all or nil
end

local function tile_figures(provider)
  local first, list = provider.runs[1], {}
  local function median(name, title)
    local summary = first and first.figures[name]
    list[#list + 1] = summary and tile_figure(title, number.text(summary.p50), "ms, " .. first.label)
  end
  median("ttft", "Time to first token, median")
  median("e2e", "End to end, median")
  local best = best_run(provider, "output_tokens")
  list[#list + 1] = best and tile_figure("Most output tokens a second", number.text(best.rates.output_tokens), best.label)
  list[#list + 1] = tile_figure("Requests that succeeded", number.share(success_share(provider)), "all runs")
  return list
end

local function swatch(place)
  return element("svg", { viewBox = "-7 -7 14 14", ["aria-hidden"] = "true" }, chart.marker(place, 0, 0))
end

local function tile(provider, place)
  local about = {}
  for _, key in ipairs { "model", "address" } do about[#about + 1] = provider[key] end
  return element("li", { class = "tile " .. chart.class(place) }, {
    element("h3", nil, element("bdi", nil, provider.name)), element("p", { class = "soft" }, table.concat(about, " · ")),
    provider.problem and element("p", nil, provider.problem) or element("dl", nil, tile_figures(provider)),
  })
end

local function top(result, title)
  local tiles = {}
  for place, provider in ipairs(result.providers) do tiles[place] = tile(provider, place) end
  local about = { "Load test of " .. number.count(#result.providers, "provider"), ", begun " .. result.started }
  if result.seconds then about[#about + 1] = (", %s s long"):format(number.text(result.seconds)) end
  if result.stopped then about[#about + 1] = ", stopped before its end: " .. result.stopped end
  return element("header", nil, {
    element("h1", nil, title), element("p", { class = "soft" }, about), element("ul", { class = "tiles" }, tiles),
  })
end

-- Groups of runs --------------------------------------------------------------------------------------------------

local function legend(result)
  if not result.providers[2] then return nil end
  local list = {}
  for place, provider in ipairs(result.providers) do
    list[place] = element("li", nil, { swatch(place), element("bdi", nil, provider.name) })
  end
  return element("ul", { class = "legend" }, list)
end

local function figures_of(result, group)
  local list = {}
  for i, each in ipairs(charts.of(result, group)) do
    local note = each.note and element("p", nil, each.note)
    list[i] = element("figure", nil, { element("figcaption", nil, { element("h3", nil, each.title), note, legend(result) }), each.drawing })
  end
  return element("div", { class = "charts" }, list)
end

local function load_table(group)
  local cells, lines = loads.cells(group.title, runs.rows(group)), {}
  for i = 2, #cells do lines[i - 1] = line(cells[i]) end
  local content = { header(cells[1]), element("tbody", nil, lines) }
  return { scrolling("Load, rates and end of each run", content), element("p", { class = "soft" }, loads.LEGEND) }
end

local STATISTICS = words.list "n mean stddev min p50 p90 p99 max"

local function figure_body(formula, list)
  local title = ("%s (%s)"):format(formula.title, formula.unit)
  local lines = { element("tr", nil, element("th", { class = "group", scope = "rowgroup", colspan = #STATISTICS + 1 }, title)) }
  for _, row in ipairs(list) do
    local summary = row.run.figures[formula.name]
    if summary then
      local cells = { row.name }
      for _, statistic in ipairs(STATISTICS) do cells[#cells + 1] = number.text(summary[statistic]) end
      lines[#lines + 1] = line(cells)
    end
  end
  return element("tbody", nil, lines)
end

local function figure_table(result, group)
  local names, list = { "Figure" }, runs.rows(group)
  for _, statistic in ipairs(STATISTICS) do names[#names + 1] = statistic end
  local parts = { header(names) }
  for _, formula in ipairs(runs.figures(result, list)) do parts[#parts + 1] = figure_body(formula, list) end
  return scrolling("Every figure of each run, with its percentiles", parts)
end

local NOTES = {
  closed = {
    element("b", nil, "Not corrected. "),
    "A closed loop sends the next request when one has ended. Its times are " .. runs.NOT_CORRECTED .. ".",
  },
  open = {
    element("b", nil, "Corrected. "),
    "An open loop sends at scheduled times, and counts from these, so that a slow server is not excused.",
  },
}

local function group_section(result, group)
  local note = element("p", { class = "mark-note" }, NOTES[group.mode])
  local tables = { load_table(group), figure_table(result, group) }
  return element("section", nil, { element("h2", nil, group.title), note, figures_of(result, group), tables })
end

-- Failures --------------------------------------------------------------------------------------------------------

local function failure_item(row, failure)
  local samples = {}
  for i, sample in ipairs(failure.samples or {}) do samples[i] = element("pre", { dir = "auto" }, sample) end
  local kind = failure.code and failure.kind .. " " .. number.code(failure.code) or failure.kind
  local which = ("%s: %s of kind "):format(row.name, number.count(failure.count, "failure"))
  return element("li", nil, { which, element("code", nil, kind), samples })
end

local function failures(groups)
  local list = {}
  for _, group in ipairs(groups) do
    for _, row in ipairs(runs.rows(group)) do
      for _, failure in ipairs(row.run.errors) do list[#list + 1] = failure_item(row, failure) end
    end
  end
  local content = list[1] and element("ul", { class = "errors" }, list) or element("p", nil, "None.")
  return element("section", nil, { element("h2", nil, "Failures"), content })
end

-- How it was measured ---------------------------------------------------------------------------------------------

local function formula_rows(result)
  local rows = {}
  for i, formula in ipairs(result.formulas) do
    rows[i] = { formula.title, { element("code", nil, formula.name), " = ", formula.formula, " (", formula.unit, ")" } }
  end
  return rows
end

-- A value of the options or of the machine in one line.
local function shown(value)
  if type(value) == "string" then return value end
  if type(value) == "number" then return ("%.10g"):format(value) end
  return json.encode(value)
end

local function value_rows(values)
  local rows = {}
  for i, name in ipairs(json.keys(values)) do rows[i] = { name, shown(values[name]) } end
  return rows
end

local function overhead_rows(overhead)
  local rows = {}
  local function add(title, value, unit)
    if value then rows[#rows + 1] = { title, number.text(value) .. " " .. unit } end
  end
  for _, each in ipairs { { "ttft", "Time to first token" }, { "e2e", "End to end" } } do
    local summary = overhead[each[1]]
    add(each[2] .. ", median", summary and summary.p50, "ms")
    add(each[2] .. ", 99th percentile", summary and summary.p99, "ms")
  end
  if overhead.problem then rows[1] = { "Not known", overhead.problem } end
  add("CPU an event", overhead.cpu_us_per_event, "µs")
  add("CPU a request", overhead.cpu_us_per_request, "µs")
  return rows
end

local OVERHEAD = "Own overhead, against a server on the same machine: it is in every time above"

local function method(result)
  local parts = { element("h2", nil, "How it was measured") }
  local function add(caption, rows) parts[#parts + 1] = pairs_table(caption, rows) end
  add("Formulas of the figures", formula_rows(result))
  if result.overhead then add(OVERHEAD, overhead_rows(result.overhead)) end
  if result.slo then add("Service level that was asked for (SLO), in milliseconds", value_rows(result.slo)) end
  if result.options then add("Options", value_rows(result.options)) end
  if result.machine then add("Machine that measured", value_rows(result.machine)) end
  local by = ("opengatellm %s%s."):format(result.ogl or "", result.seed and (", seed %.0f"):format(result.seed) or "")
  parts[#parts + 1] = element("p", { class = "soft" }, by)
  return element("section", nil, parts)
end

-- The page --------------------------------------------------------------------------------------------------------

local POLICY = "default-src 'none'; style-src 'unsafe-inline'" -- no script, no picture, no font, no form

local function head(title)
  return element("head", nil, {
    element("meta", { charset = "utf-8" }), element("meta", { name = "viewport", content = "width=device-width, initial-scale=1" }),
    element("meta", { ["http-equiv"] = "Content-Security-Policy", content = POLICY }),
    element("title", nil, title), element("style", nil, markup.literal(style.TEXT)),
  })
end

-- The hatchings of bars, which every drawing of the page refers to.
local function hatchings()
  local function pattern(id, step)
    local attributes = { id = id, width = step, height = step, patternUnits = "userSpaceOnUse", patternTransform = "rotate(45)" }
    return element("pattern", attributes, element("path", { d = ("M0 0V%d"):format(step), ["stroke-width"] = 2.5 }))
  end
  return element("svg", { width = 0, height = 0, ["aria-hidden"] = "true", style = "position:absolute" },
    element("defs", nil, { pattern("wide", 8), pattern("close", 4) }))
end

local function title_of(result)
  if result.title and result.title ~= "" then return result.title end
  local names = {}
  for i, provider in ipairs(result.providers) do names[i] = provider.model and provider.model ~= "" and provider.model or provider.name end
  return "Load test: " .. table.concat(names, ", ")
end

--- Writes a result as a page.
---@param result table
---@return string
function M.write(result)
  local title, groups = title_of(result), runs.groups(result)
  local sections = { hatchings(), top(result, title) }
  for _, group in ipairs(groups) do sections[#sections + 1] = group_section(result, group) end
  sections[#sections + 1] = failures(groups)
  sections[#sections + 1] = method(result)
  local page = element("html", { lang = "en" }, { head(title), element("body", nil, element("main", nil, sections)) })
  return "<!DOCTYPE html>\n" .. tostring(page) .. "\n"
end

return M
