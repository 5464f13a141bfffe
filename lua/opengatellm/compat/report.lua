--- Reports: what a run of cases found, for people, for programs and for a page.
--
-- @module opengatellm.compat.report
local cases = require "opengatellm.compat.cases"
local json = require "opengatellm.json"

local M = {}

local COLOURS = { pass = "green", fail = "red", skip = "yellow" }

local function plain(text) return text end

--- Writes the line of a result: `[PASS] text (312 ms) - it said PONG-4711`.
---@param result ogl.compat.Result
---@param paint? fun(text: string, colour: string): string
---@return string
function M.line(result, paint)
  local mark = (paint or plain)("[" .. result.verdict:upper() .. "]", COLOURS[result.verdict])
  return ("  %s %s (%.0f ms) - %s"):format(mark, result.case, result.ms, result.detail)
end

--- Writes the heading of a provider.
---@param provider ogl.compat.Provider
---@return string
function M.heading(provider)
  return ("Provider: %s (%s)%s"):format(provider.name, provider.model or "no model", provider.address and " at " .. provider.address or "")
end

local function number_of(count, noun) return ("%d %s%s"):format(count, noun, count == 1 and "" or "s") end

-- How a run ended before its end.
local function end_of(report)
  return report.interrupted and "; it was interrupted" or report.stopped and "; it ended with the first failure" or ""
end

--- Writes the last line: what was counted.
---@param report ogl.compat.Report
---@return string
function M.summary(report)
  local counts = report.counts
  return ("%s, %s: %d passed, %d failed, %d skipped in %.1f s%s"):format(number_of(#report.providers, "provider"),
    number_of(counts.pass + counts.fail + counts.skip, "case"), counts.pass, counts.fail, counts.skip, report.seconds, end_of(report))
end

-- The parts of the report in a fixed order, without what only a debugger reads.
local function result_for_json(result)
  return json.ordered({
    case = result.case, verdict = result.verdict, ms = math.floor(result.ms * 1000 + 0.5) / 1000, detail = result.detail,
  }, { "case", "verdict", "ms", "detail" })
end

local function provider_for_json(provider)
  local results = json.array {}
  for i, result in ipairs(provider.results) do results[i] = result_for_json(result) end
  return json.ordered({
    name = provider.name, kind = provider.kind, protocol = provider.protocol, address = provider.address, model = provider.model,
    results = results,
  }, { "name", "kind", "protocol", "address", "model", "results" })
end

--- Writes the report as JSON, in one line.
---@param report ogl.compat.Report
---@return string
function M.json(report)
  local providers = json.array {}
  for i, provider in ipairs(report.providers) do providers[i] = provider_for_json(provider) end
  return json.encode(json.ordered({
    version = report.version, counts = json.ordered(report.counts, { "pass", "fail", "skip" }), seconds = report.seconds,
    interrupted = report.interrupted or false, stopped = report.stopped or false, providers = providers,
  }, { "version", "counts", "seconds", "interrupted", "stopped", "providers" }))
end

-- Markdown ----------------------------------------------------------------------------------------------------------------

-- A text in a cell of a table: what Markdown reads as more than a letter is escaped.
local function cell(text) return (text:gsub("[\\`*_{}%[%]<>|#]", "\\%0")) end

local function row(cells) return "| " .. table.concat(cells, " | ") .. " |" end

-- Verdicts by case, for each provider, and the names of the cases that ran anywhere.
local function matrix(report)
  local columns, ran = {}, {}
  for i, provider in ipairs(report.providers) do
    columns[i] = {}
    for _, result in ipairs(provider.results) do columns[i][result.case], ran[result.case] = result, true end
  end
  return columns, ran
end

local function notes(report)
  local lines = {}
  for _, provider in ipairs(report.providers) do
    for _, result in ipairs(provider.results) do
      if result.verdict ~= "pass" then
        lines[#lines + 1] = ("- %s, %s: %s: %s"):format(cell(provider.name), cell(result.case), result.verdict:upper(), cell(result.detail))
      end
    end
  end
  return lines
end

--- Writes the report as a page of Markdown: cases over providers, and below them why one failed or was skipped.
---@param report ogl.compat.Report
---@return string
function M.markdown(report)
  local columns, ran = matrix(report)
  local head, rule, models = { "case" }, { "---" }, { "model" }
  for i, provider in ipairs(report.providers) do
    head[i + 1], rule[i + 1], models[i + 1] = cell(provider.name), "---", cell(provider.model or "–")
  end
  local lines = { row(head), row(rule), row(models) }
  for _, name in ipairs(cases.names()) do
    local cells = { cell(name) }
    for i in ipairs(report.providers) do cells[i + 1] = columns[i][name] and columns[i][name].verdict:upper() or "–" end
    if ran[name] then lines[#lines + 1] = row(cells) end
  end
  lines[#lines + 1] = ""
  lines[#lines + 1] = M.summary(report)
  local found = notes(report)
  if found[1] then lines[#lines + 1] = "" end
  for _, line in ipairs(found) do lines[#lines + 1] = line end
  return table.concat(lines, "\n") .. "\n"
end

return M
