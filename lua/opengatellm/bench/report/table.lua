--- The report for a terminal: loads and rates, then each figure with its percentiles, then what failed.
--
-- @module opengatellm.bench.report.table
local grid = require "opengatellm.bench.report.grid"
local number = require "opengatellm.bench.report.number"
local runs = require "opengatellm.bench.report.runs"
local width = require "opengatellm.base.width"
local words = require "opengatellm.base.words"

local M = {}

local PERCENTILES = words.list "mean p50 p90 p99 max"

local function count(n) return ("%.0f"):format(n) end

-- Columns that only some results have.
local OPTIONAL = {
  { title = "within SLO", text = number.share, of = function(run) return run.goodput and run.goodput.share end },
  { title = "cost", text = number.text, of = function(run) return run.cost end },
  { title = "kWh", text = number.text, of = function(run) return run.kwh end },
  { title = "kg CO2eq", text = number.text, of = function(run) return run.kgco2eq end },
}

local function optional_columns(list)
  local columns = {}
  for _, column in ipairs(OPTIONAL) do
    for _, row in ipairs(list) do
      if column.of(row.run) then
        columns[#columns + 1] = column
        break
      end
    end
  end
  return columns
end

local function load_cells(row, optional)
  local counts, rates = row.run.counts, row.run.rates
  local cells = {
    width.harmless(row.name), count(counts.success), count(counts.incomplete), count(counts.error), count(counts.dropped),
    number.text(rates.requests), number.text(rates.output_tokens),
  }
  for _, column in ipairs(optional) do cells[#cells + 1] = column.text(column.of(row.run)) end
  return cells
end

local function load_rows(group)
  local list = runs.rows(group)
  local optional = optional_columns(list)
  local rows = { { group.title, "done", "cut", "errors", "dropped", "requests/s", "tokens/s" } }
  for _, column in ipairs(optional) do table.insert(rows[1], column.title) end
  for _, row in ipairs(list) do rows[#rows + 1] = load_cells(row, optional) end
  return rows
end

local function figure_cells(row, summary)
  local cells = { "  " .. width.harmless(row.name) }
  for _, statistic in ipairs(PERCENTILES) do cells[#cells + 1] = number.text(summary[statistic]) end
  return cells
end

-- All figures in one grid, so that their columns stand below one another; each has a line with its name above its rows.
local function figure_rows(result, group)
  local list = runs.rows(group)
  local rows = { { "" } }
  for place, statistic in ipairs(PERCENTILES) do rows[1][place + 1] = statistic end
  for _, formula in ipairs(runs.figures(result, list)) do
    rows[#rows + 1] = { width.harmless(("%s (%s)"):format(formula.title, formula.unit)) }
    for _, row in ipairs(list) do
      local summary = row.run.figures[formula.name]
      if summary then rows[#rows + 1] = figure_cells(row, summary) end
    end
  end
  return rows
end

-- Where the starts of an open loop were late, its times hold that, too: they are counted from the scheduled start.
local function lag_lines(group, lines)
  for _, row in ipairs(runs.rows(group)) do
    local lag = row.run.lag
    if lag then
      lines[#lines + 1] = width.harmless(("%s: starts were late by %s ms (p50), %s ms (p99), %s ms at most"):format(
        row.name, number.text(lag.p50), number.text(lag.p99), number.text(lag.max)))
    end
  end
end

local function group_notes(group)
  local lines = {}
  if group.mode == "closed" then lines[1] = "Closed loop: " .. runs.NOT_CORRECTED .. "." end
  lag_lines(group, lines)
  return lines
end

-- Chunks are not tokens: a server may send several in one.
local function tokens_line(row)
  local source = row.run.tokens and row.run.tokens.source
  if not source or source == "usage" then return nil end
  return width.harmless(("%s: output tokens are counted by %s, for the server does not count all of them"):format(
    row.name, source == "chunks" and "chunks" or "usage and by chunks"))
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

local function provider_lines(result)
  local lines = {}
  for i, provider in ipairs(result.providers) do
    local parts = { provider.name }
    for _, key in ipairs { "model", "address" } do parts[#parts + 1] = provider[key] end
    lines[i] = width.harmless(table.concat(parts, " · "))
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
    parts[#parts + 1] = grid.write(load_rows(group), options)
    parts[#parts + 1] = grid.write(figure_rows(result, group), options)
    local notes = group_notes(group)
    if notes[1] then parts[#parts + 1] = table.concat(notes, "\n") .. "\n" end
    for _, row in ipairs(runs.rows(group)) do
      last[#last + 1] = tokens_line(row)
      error_lines(row, last)
    end
  end
  last[#last + 1] = overhead_line(result.overhead)
  if last[1] then parts[#parts + 1] = table.concat(last, "\n") .. "\n" end
  return table.concat(parts, "\n")
end

return M
