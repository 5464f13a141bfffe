--- Runs: those of a result in the order of a report, the levels of load that they have in common, and the figures that they have.
--
--   for _, group in ipairs(runs.groups(result)) do              closed and open loop, streamed and whole answers: each is a group
--     for _, level in ipairs(group.levels) do
--       for _, row in ipairs(level.rows) do … row.provider, row.run, row.place … end     providers side by side; place: their number
--
-- @module opengatellm.bench.report.runs

local M = {}

---@class ogl.bench.Row
---@field provider table of the result
---@field run table
---@field place integer the provider's number
---@field level string what the level is called
---@field name string provider and level, as far as they tell rows apart

local GROUPS = {
  { mode = "closed", streaming = true, title = "Closed loop" },
  { mode = "closed", streaming = false, title = "Closed loop, whole answers" },
  { mode = "open", streaming = true, title = "Open loop" },
  { mode = "open", streaming = false, title = "Open loop, whole answers" },
}

local function is_of(run, group) return run.mode == group.mode and (run.streaming ~= false) == group.streaming end

-- Sorts by a figure that may be absent. Equals keep their order, which table.sort would not promise.
local function sort_by_load(levels)
  for i, level in ipairs(levels) do level.at = i end
  table.sort(levels, function(a, b)
    if a.load ~= b.load then return a.load < b.load end
    return a.at < b.at
  end)
end

-- The level of a run in a group; a new one where it has not been seen.
local function level_of(group, run)
  local level = group.by_label[run.label]
  if not level then
    local load = run.concurrency or run.rate
    level = { label = run.label, load = load or math.huge, short = load and ("%.4g"):format(load) or run.label, rows = {} }
    group.by_label[run.label] = level
    table.insert(group.levels, level)
  end
  return level
end

local function name_of(result, provider, level) return result.providers[2] and provider.name .. " · " .. level or level end

local function fill(group, result)
  for place, provider in ipairs(result.providers) do
    for _, run in ipairs(provider.runs) do
      if is_of(run, group) then
        local level = level_of(group, run)
        table.insert(level.rows, {
          provider = provider, run = run, place = place, level = run.label, name = name_of(result, provider, run.label),
        })
      end
    end
  end
  sort_by_load(group.levels)
  return group
end

--- The runs by how they were loaded and by how much; groups without a run are left out.
---@param result table
---@return {title: string, mode: string, streaming: boolean, levels: {label: string, short: string, rows: ogl.bench.Row[]}[]}[]
function M.groups(result)
  local list = {}
  for _, kind in ipairs(GROUPS) do
    local group = fill({ title = kind.title, mode = kind.mode, streaming = kind.streaming, levels = {}, by_label = {} }, result)
    if group.levels[1] then list[#list + 1] = group end
  end
  return list
end

--- The rows of a group, from the lowest level to the highest.
---@param group table of `groups`
---@return ogl.bench.Row[]
function M.rows(group)
  local list = {}
  for _, level in ipairs(group.levels) do
    for _, row in ipairs(level.rows) do list[#list + 1] = row end
  end
  return list
end

--- The figures that at least one row has, in the order of the result.
---@param result table
---@param rows ogl.bench.Row[]
---@return table[] formulas
function M.figures(result, rows)
  local list = {}
  for _, formula in ipairs(result.formulas) do
    for _, row in ipairs(rows) do
      if row.run.figures[formula.name] then
        list[#list + 1] = formula
        break
      end
    end
  end
  return list
end

--- Whether a row has a request that did not succeed.
---@param row ogl.bench.Row
---@return boolean
function M.has_failed(row)
  local counts = row.run.counts
  return counts.incomplete + counts.error + counts.dropped > 0
end

--- The end of a run's sentence about corrections: a closed loop waits for a slow server, and leaves out the requests that it did not send.
M.NOT_CORRECTED = "not corrected for coordinated omission: a slow server is asked less often, which makes its times look better"

return M
