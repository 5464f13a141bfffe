--- The report for a terminal: loads and rates, then each figure with its percentiles, then what failed.
--
-- @module opengatellm.bench.report.table
local grid = require "opengatellm.bench.report.grid"
local loads = require "opengatellm.bench.report.loads"
local number = require "opengatellm.bench.report.number"
local runs = require "opengatellm.bench.report.runs"
local width = require "opengatellm.base.width"
local words = require "opengatellm.base.words"

local M = {}

local PERCENTILES = words.list "mean p50 p90 p99 max"

-- The rows of a grid without what a terminal would obey: names come from users and servers.
local function harmless(rows)
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do row[i] = width.harmless(cell) end
  end
  return rows
end

local function figure_cells(row, summary)
  local cells = { "  " .. row.name }
  for _, statistic in ipairs(PERCENTILES) do cells[#cells + 1] = number.text(summary[statistic]) end
  return cells
end

-- All figures in one grid, so that their columns stand below one another; each has a line with its name above its rows.
local function figure_rows(result, group)
  local list = runs.rows(group)
  local rows = { { "" } }
  for place, statistic in ipairs(PERCENTILES) do rows[1][place + 1] = statistic end
  for _, formula in ipairs(runs.figures(result, list)) do
    rows[#rows + 1] = { ("%s (%s)"):format(formula.title, formula.unit) }
    for _, row in ipairs(list) do
      local summary = row.run.figures[formula.name]
      if summary then rows[#rows + 1] = figure_cells(row, summary) end
    end
  end
  return rows
end

local function error_lines(row, lines)
  for _, failure in ipairs(row.run.errors) do
    local code = failure.code and " " .. number.code(failure.code) or ""
    lines[#lines + 1] = width.harmless(("%s: %s of kind %s%s"):format(row.name, number.count(failure.count, "failure"), failure.kind, code))
    for _, sample in ipairs(failure.samples or {}) do lines[#lines + 1] = "  " .. width.harmless(sample) end
  end
end

local function overhead_line(overhead)
  if not overhead then return nil end
  if overhead.problem then return "Own overhead is not known: " .. width.harmless(overhead.problem) end
  local parts = {}
  local function add(format, ...)
    if ... then parts[#parts + 1] = format:format(...) end
  end
  add("%s ms to the first token", overhead.ttft and number.text(overhead.ttft.p50))
  add("%s ms a request", overhead.e2e and number.text(overhead.e2e.p50))
  add("%s µs of CPU an event", overhead.cpu_us_per_event and number.text(overhead.cpu_us_per_event))
  add("%s µs of CPU a request", overhead.cpu_us_per_request and number.text(overhead.cpu_us_per_request))
  return parts[1] and "Own overhead, against a server on this machine (p50): " .. table.concat(parts, ", ") .. "."
end

-- Who was asked, and what was wrong where that was nobody.
local function provider_lines(result)
  local lines = {}
  for i, provider in ipairs(result.providers) do
    local parts = { provider.name }
    for _, key in ipairs { "model", "address" } do parts[#parts + 1] = provider[key] end
    local line = table.concat(parts, " · ")
    lines[i] = width.harmless(provider.problem and line .. ": " .. provider.problem or line)
  end
  return lines
end

--- Writes a result for a terminal.
---@param result table
---@param options? {width?: integer, bold?: boolean} columns (80), and whether headings are bold
---@return string
function M.write(result, options)
  local parts, last = { table.concat(provider_lines(result), "\n") .. "\n" }, {}
  for _, group in ipairs(runs.groups(result)) do
    parts[#parts + 1] = grid.write(harmless(loads.cells(group.title, runs.rows(group))), options)
    if group.mode == "closed" then parts[#parts + 1] = "Closed loop: " .. runs.NOT_CORRECTED .. ".\n" end
    parts[#parts + 1] = grid.write(harmless(figure_rows(result, group)), options)
    for _, row in ipairs(runs.rows(group)) do error_lines(row, last) end
  end
  if result.stopped then last[#last + 1] = "Stopped before its end: " .. width.harmless(result.stopped) end
  last[#last + 1] = overhead_line(result.overhead)
  if last[1] then parts[#parts + 1] = table.concat(last, "\n") .. "\n" end
  return table.concat(parts, "\n")
end

return M
