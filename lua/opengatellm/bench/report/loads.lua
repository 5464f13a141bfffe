--- Loads: what each run was asked to do and how it ended, as rows of texts for the table of a terminal and of a page.
--
-- @module opengatellm.bench.report.loads
local number = require "opengatellm.bench.report.number"

local M = {}

-- A title, how a value is written, and where it is. Those that no run has are left out.
local COLUMNS = {
  { "done", number.text, function(run) return run.counts.success end },
  { "cut", number.text, function(run) return run.counts.incomplete end },
  { "errors", number.text, function(run) return run.counts.error end },
  { "dropped", number.text, function(run) return run.counts.dropped end },
  { "requests/s", number.text, function(run) return run.rates.requests end },
  { "tokens/s", number.text, function(run) return run.rates.output_tokens end },
  { "within SLO", number.share, function(run) return run.goodput and run.goodput.share end },
  { "good/s", number.text, function(run) return run.goodput and run.goodput.requests end },
  { "late p99 ms", number.text, function(run) return run.lag and run.lag.p99 end },
  { "tokens by", tostring, function(run) return run.tokens and run.tokens.source end },
  { "ended by", tostring, function(run) return run.ended end },
  { "own CPU", number.share, function(run) return run.cpu end },
  { "cost", number.text, function(run) return run.cost end },
  { "kWh", number.text, function(run) return run.kwh end },
  { "kg CO2eq", number.text, function(run) return run.kgco2eq end },
}

--- What the titles mean.
M.LEGEND = "Cut: began well and did not end. Dropped: not sent, for too many were open. tokens/s: output tokens of all requests together. "
  .. "good/s: requests a second within the SLO. Late: the start behind its schedule. "
  .. "tokens by: counted by the server (usage), or as chunks of text. "
  .. "own CPU: of one core, for the test itself; above 80 % the times are no longer those of the server."

local function is_there(column, rows)
  for _, row in ipairs(rows) do
    if column[3](row.run) ~= nil then return true end
  end
  return false
end

--- The cells: first the titles, then a row for each run, which begins with its name.
---@param title string of the names
---@param rows ogl.bench.Row[]
---@return string[][]
function M.cells(title, rows)
  local lines = { { title } }
  for i, row in ipairs(rows) do lines[i + 1] = { row.name } end
  for _, column in ipairs(COLUMNS) do
    if is_there(column, rows) then
      table.insert(lines[1], column[1])
      for i, row in ipairs(rows) do
        local value = column[3](row.run)
        table.insert(lines[i + 1], value == nil and number.NONE or column[2](value))
      end
    end
  end
  return lines
end

return M
