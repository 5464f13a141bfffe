--- CSV (RFC 4180): one row a run, every figure a column, times in milliseconds.
--
-- @module opengatellm.bench.report.csv
local words = require "opengatellm.base.words"

local M = {}

local STATISTICS = words.list "n mean stddev min p50 p90 p99 max"
local OF_PROVIDER = words.list "name provider model address"
local OF_RUN = words.list "label mode arrival concurrency rate corrected streaming seconds ramp_seconds warmup"
local GROUPS = {
  { "counts", words.list "started success incomplete error dropped" },
  { "lag", STATISTICS },
  { "rates", words.list "requests input_tokens output_tokens" },
  { "goodput", words.list "requests share" },
  { "tokens", words.list "input output reasoning cached source" },
}
local SUMS = words.list "cost kwh kgco2eq"

-- A spreadsheet runs a cell that begins with one of these and calls something; an apostrophe makes it text.
local function tamed(text) return text:find "^[=+@%-\t\r].*[(|!]" and "'" .. text or text end

local function cell(value)
  if value == nil then return "" end
  if type(value) == "number" then return ("%.10g"):format(value) end
  local text = tamed(tostring(value))
  return text:find '[",\r\n]' and '"' .. text:gsub('"', '""') .. '"' or text
end

-- The columns, each with its value of a row: a name, and a function.
local function columns(result)
  local list = {}
  local function add(name, value) list[#list + 1] = { name = name, value = value } end
  for _, key in ipairs(OF_PROVIDER) do add(key, function(provider) return provider[key] end) end
  for _, key in ipairs(OF_RUN) do add(key, function(_, run) return run[key] end) end
  for _, group in ipairs(GROUPS) do
    for _, key in ipairs(group[2]) do
      add(group[1] .. "_" .. key, function(_, run) return run[group[1]] and run[group[1]][key] end)
    end
  end
  for _, formula in ipairs(result.formulas) do
    for _, key in ipairs(STATISTICS) do
      add(formula.name .. "_" .. key, function(_, run) return run.figures[formula.name] and run.figures[formula.name][key] end)
    end
  end
  for _, key in ipairs(SUMS) do add(key, function(_, run) return run[key] end) end
  return list
end

--- Writes a result as CSV.
---@param result table
---@return string
function M.write(result)
  local list = columns(result)
  local lines, cells = {}, {}
  for i, column in ipairs(list) do cells[i] = cell(column.name) end
  lines[1] = table.concat(cells, ",")
  for _, provider in ipairs(result.providers) do
    for _, run in ipairs(provider.runs) do
      for i, column in ipairs(list) do cells[i] = cell(column.value(provider, run)) end
      lines[#lines + 1] = table.concat(cells, ",")
    end
  end
  return table.concat(lines, "\r\n") .. "\r\n"
end

return M
