--- Comparisons: what changed between two results of `ogl bench run` by more than their noise.
--
--   local comparison = compare.of(before, after)
--   comparison.better, comparison.worse            -- how many figures changed to the better, and to the worse
--   io.write(compare.table(comparison))
--
-- Runs belong together that have the same provider, loop and level. The change of each figure has an interval; the figure changed where the
-- interval does not hold "no change" and the change is at least one per cent. The intervals hold all together with a confidence of 95 per
-- cent (Bonferroni), so that of many figures none changes by chance. They know the noise within a run alone: what differs from one day to
-- the next only more runs can tell.
--
-- @module opengatellm.bench.compare
local goals = require "opengatellm.bench.goals"
local grid = require "opengatellm.bench.report.grid"
local json = require "opengatellm.json"
local noise = require "opengatellm.bench.noise"
local number = require "opengatellm.bench.report.number"
local secrets = require "opengatellm.base.secrets"
local student = require "opengatellm.bench.student"
local width = require "opengatellm.base.width"
local words = require "opengatellm.base.words"

local M = {}

local RISK = 0.05 -- that any of the intervals does not hold the truth
local LEAST = 0.01 -- of a change, as a share: a smaller one matters to nobody

---@class ogl.bench.Change
---@field title string
---@field unit string "share" for a part of all requests
---@field better "lower"|"higher"|nil
---@field before number
---@field after number
---@field change number relative; of a share: the difference
---@field low number of the interval
---@field high number
---@field verdict "better"|"worse"|"changed"|"same"

---@class ogl.bench.Comparison
---@field better integer
---@field worse integer
---@field changed integer to neither
---@field tests integer how many figures were compared
---@field notes string[] what else differs

-- Figures of a run -------------------------------------------------------------------------------------------------

local IN_SAMPLES = { input_tokens = "input", output_tokens = "output" } -- where a sample has another name for a figure

local function is_success(sample) return sample.status == "success" end

local function has_failed(sample) return is_success(sample) and 0 or 1 end

local function one() return 1 end

-- The percentiles that are compared: the median, and the highest that some requests are still beyond.
local function percentiles(n)
  if n >= 500 then return { 50, 99 } end
  if n >= 50 then return { 50, 90 } end
  return { 50 }
end

local function count_successes(samples)
  local n = 0
  for _, sample in ipairs(samples) do n = n + (is_success(sample) and 1 or 0) end
  return n
end

-- The estimates of two runs, side by side; nothing where one of them has none.
local function add(list, title, unit, better, before, after)
  if before and after then
    list[#list + 1] = { title = title, unit = unit, better = better, estimates = { before, after } }
  end
end

local function add_figure(list, formula, sides, shares)
  local name = IN_SAMPLES[formula.name] or formula.name
  local function value_of(sample) return is_success(sample) and sample[name] or nil end
  for _, percent in ipairs(shares) do
    local title = ("%s, p%d"):format(formula.title, percent)
    add(list, title, formula.unit, formula.better, noise.quantile(sides[1].slices, value_of, percent / 100),
      noise.quantile(sides[2].slices, value_of, percent / 100))
  end
end

-- How long a request was open. In a closed loop there are always as many, so that their rate is that number by their mean time; requests
-- that began together end together, and what ends in a second says little about the rate.
local function open_for(sample) return sample.e2e end

-- A rate: the value of the result, which counts every request, with the relative error that its samples have.
local function rate(side, name, value_of)
  local told = side.run.rates[name]
  local estimate = noise.ratio(side.slices, value_of, side.run.mode == "closed" and open_for or nil)
  if not told or not estimate or estimate.value <= 0 then return nil end
  return { value = told, error = told * estimate.error / estimate.value, freedom = estimate.freedom }
end

local function succeeded(sample) return is_success(sample) and 1 or 0 end

local function output_of(sample) return is_success(sample) and sample.output or nil end

local function within(slo)
  return function(sample) return is_success(sample) and goals.are_met(slo, sample) and 1 or 0 end
end

local function add_rates_and_shares(list, sides, slo)
  local function add_rate(title, unit, name, value_of)
    add(list, title, unit, "higher", rate(sides[1], name, value_of), rate(sides[2], name, value_of))
  end
  local function add_share(title, better, test)
    add(list, title, "share", better, noise.ratio(sides[1].slices, test, one), noise.ratio(sides[2].slices, test, one))
  end
  add_rate("Requests completed a second", "requests/s", "requests", succeeded)
  add_rate("Output tokens a second", "tokens/s", "output_tokens", output_of)
  add_share("Requests that failed", "lower", has_failed)
  if slo then add_share("Requests within SLO", "higher", within(slo)) end
end

-- All figures that both runs have; nil where one is too short to know its noise.
local function figures_of(before, after, formulas, slo)
  local sides = { { run = before, slices = noise.slices(before.samples) }, { run = after, slices = noise.slices(after.samples) } }
  if not sides[1].slices or not sides[2].slices then return nil end
  local list = {}
  local shares = percentiles(math.min(count_successes(before.samples), count_successes(after.samples)))
  for _, formula in ipairs(formulas) do add_figure(list, formula, sides, shares) end
  add_rates_and_shares(list, sides, slo)
  return list
end

-- Verdicts ---------------------------------------------------------------------------------------------------------

-- The degrees of freedom of a difference (Welch and Satterthwaite).
local function freedom_of(a, b)
  local va, vb = a.error ^ 2, b.error ^ 2
  if va + vb == 0 then return a.freedom + b.freedom end
  return (va + vb) ^ 2 / (va ^ 2 / a.freedom + vb ^ 2 / b.freedom)
end

local function verdict_of(row)
  if row.low <= 0 and row.high >= 0 or math.abs(row.change) < LEAST then return "same" end
  if not row.better then return "changed" end
  return (row.change > 0) == (row.better == "higher") and "better" or "worse"
end

-- Completes a row by its interval and its verdict.
local function judge(row, risk)
  local a, b = row.estimates[1], row.estimates[2]
  local half = student.width(risk, freedom_of(a, b)) * math.sqrt(a.error ^ 2 + b.error ^ 2)
  local per = row.unit ~= "share" and a.value ~= 0 and math.abs(a.value) or 1
  row.before, row.after, row.change = a.value, b.value, (b.value - a.value) / per
  row.low, row.high = row.change - half / per, row.change + half / per
  row.verdict, row.estimates = verdict_of(row), nil
end

-- Pairs of runs ----------------------------------------------------------------------------------------------------

local function key_of(name, run) return table.concat({ name, run.mode, tostring(run.streaming ~= false), run.label }, "\0") end

-- The runs of a result by provider, loop and level; the first of several that are alike.
local function index(result, only)
  local list, by_key = {}, {}
  for _, provider in ipairs(result.providers) do
    for _, run in ipairs(provider.runs) do
      local key = key_of(only and "" or provider.name, run)
      if not by_key[key] then
        by_key[key] = { key = key, name = provider.name .. " · " .. run.label, provider = provider, run = run }
        list[#list + 1] = by_key[key]
      end
    end
  end
  return list, by_key
end

-- Two results of one provider each belong together, whatever the providers are called: the one is compared with the other.
local function are_single(before, after) return #before.providers == 1 and #after.providers == 1 end

local function matched(before, after)
  local only = are_single(before, after)
  local first, in_before = index(before, only)
  local second, in_after = index(after, only)
  local list, alone = {}, {}
  for _, each in ipairs(first) do
    local other = in_after[each.key]
    if other then list[#list + 1] = { each, other } else alone[#alone + 1] = each.name .. ": only in the first" end
  end
  for _, each in ipairs(second) do
    if not in_before[each.key] then alone[#alone + 1] = each.name .. ": only in the second" end
  end
  return list, alone
end

-- What else differs ------------------------------------------------------------------------------------------------

local function shown(value) return type(value) == "string" and value or value == nil and "nothing" or json.encode(value) end

local function note_difference(notes, name, before, after)
  local a, b = shown(before), shown(after)
  if a ~= b then notes[#notes + 1] = ("%s: %s, then %s"):format(name, a, b) end
end

local function note_members(notes, name, before, after)
  local all = {}
  for _, values in ipairs { before or {}, after or {} } do
    for member in pairs(values) do all[member] = true end
  end
  for _, member in ipairs(json.keys(all)) do
    note_difference(notes, name .. " " .. member, before and before[member], after and after[member])
  end
end

local function note_providers(notes, list)
  local seen = {}
  for _, pair in ipairs(list) do
    local a, b = pair[1].provider, pair[2].provider
    if not seen[a] then
      for _, member in ipairs(words.list "name provider model address") do
        note_difference(notes, a.name .. ": " .. member, a[member], b[member])
      end
    end
    seen[a] = true
  end
end

local function notes_of(before, after, list, alone)
  local notes = {}
  note_providers(notes, list)
  note_difference(notes, "opengatellm", before.ogl, after.ogl)
  note_members(notes, "machine:", before.machine, after.machine)
  note_members(notes, "option", before.options, after.options)
  note_members(notes, "SLO", before.slo, after.slo)
  for _, line in ipairs(alone) do notes[#notes + 1] = line end
  return notes
end

-- The comparison ---------------------------------------------------------------------------------------------------

local function same_goals(before, after) return before.slo and shown(before.slo) == shown(after.slo) and after.slo or nil end

local function count_verdicts(comparison)
  for _, name in ipairs(words.list "better worse changed same") do comparison[name] = 0 end
  for _, pair in ipairs(comparison.pairs) do
    for _, row in ipairs(pair.rows) do comparison[row.verdict] = comparison[row.verdict] + 1 end
  end
end

--- Compares two results.
---@param before table a result of `ogl bench run`
---@param after table
---@return ogl.bench.Comparison
function M.of(before, after)
  before, after = secrets.without(before), secrets.without(after)
  local list, alone = matched(before, after)
  local comparison = { format = "opengatellm-bench-comparison", version = 1, confidence = 1 - RISK, tests = 0, pairs = json.array {} }
  for i, pair in ipairs(list) do
    local rows = figures_of(pair[1].run, pair[2].run, after.formulas, same_goals(before, after))
    comparison.pairs[i] = { name = pair[2].name, rows = json.array(rows or {}), too_short = not rows or nil }
    comparison.tests = comparison.tests + (rows and #rows or 0)
  end
  for _, pair in ipairs(comparison.pairs) do
    for _, row in ipairs(pair.rows) do judge(row, RISK / comparison.tests) end
  end
  count_verdicts(comparison)
  comparison.notes = json.array(notes_of(before, after, list, alone))
  return comparison
end

-- Output -----------------------------------------------------------------------------------------------------------

local function cells_of(row)
  local text = row.unit == "share" and number.share or number.text
  local change = number.change(row.change, (row.high - row.low) / 2)
  return { "  " .. row.title, text(row.before), text(row.after), change, row.verdict }
end

-- What changed of a pair of runs, below its name.
local function add_pair(rows, pair)
  local title = { pair.name }
  rows[#rows + 1] = title
  if pair.too_short then title[1] = ("%s: fewer than %d requests"):format(pair.name, noise.FEWEST) end
  local same = 0
  for _, row in ipairs(pair.rows) do
    if row.verdict == "same" then same = same + 1 else rows[#rows + 1] = cells_of(row) end
  end
  if same > 0 then title[1] = ("%s: %s within noise"):format(pair.name, number.count(same, "figure")) end
end

local function grid_rows(comparison)
  local rows = {}
  if comparison.same < comparison.tests then rows[1] = { "Times in ms", "before", "after", "change", "" } end
  for _, pair in ipairs(comparison.pairs) do add_pair(rows, pair) end
  for _, row in ipairs(rows) do
    for i, cell in ipairs(row) do row[i] = width.harmless(cell) end
  end
  return rows
end

local NOTHING = "Nothing could be compared: no two runs of enough requests have the same provider, loop and level."

local function summary_of(comparison)
  if comparison.tests == 0 then return NOTHING end
  local parts = { comparison.better .. " better", comparison.worse .. " worse", comparison.same .. " within noise" }
  if comparison.changed > 0 then table.insert(parts, 3, comparison.changed .. " changed otherwise") end
  return ("%s. All %s hold together with 95 %% confidence."):format(table.concat(parts, ", "), number.count(comparison.tests, "interval"))
end

--- Writes what changed for a terminal; JSON has what did not, too.
---@param comparison ogl.bench.Comparison
---@param options? {width?: integer, bold?: boolean} columns (80), and whether headings are bold
---@return string
function M.table(comparison, options)
  local parts = {}
  if comparison.pairs[1] then parts[1] = grid.write(grid_rows(comparison), options) end
  if comparison.notes[1] then
    local lines = { "What else differs:" }
    for _, note in ipairs(comparison.notes) do lines[#lines + 1] = "  " .. width.harmless(note) end
    parts[#parts + 1] = table.concat(lines, "\n") .. "\n"
  end
  parts[#parts + 1] = summary_of(comparison) .. "\n"
  return table.concat(parts, "\n")
end

--- Writes a comparison as JSON.
---@param comparison ogl.bench.Comparison
---@return string
function M.json(comparison) return json.encode(comparison) .. "\n" end

return M
