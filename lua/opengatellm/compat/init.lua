--- Compatibility: which of the things that programs need a server does, and does right.
--
--   local report = compat.run({ target, … }, { on_result = function(target, result) … end })
--   print(report.counts.fail, report.providers[1].results[1].detail)
--
-- Cases run one after another, each in a task of its own, so that it can be ended while it waits. What a case raises is a failure.
--
-- @module opengatellm.compat
local cases = require "opengatellm.compat.cases"
local hosts = require "opengatellm.host"
local kind = require "opengatellm.schema.kind"
local tasks = require "opengatellm.task"
local verdicts = require "opengatellm.compat.verdict"
local version = require "opengatellm.version"

local M = {}

---@class ogl.compat.Result
---@field case string
---@field verdict ogl.compat.Verdict
---@field ms number milliseconds that it took
---@field detail string one line
---@field traceback? string of a case that raised
---@field is_away? boolean nothing reaches the server: no other case is tried

---@class ogl.compat.Provider
---@field name string
---@field kind string the provider's name in the registry
---@field protocol string
---@field address? string
---@field model? string that writes texts
---@field results ogl.compat.Result[]

---@class ogl.compat.Report
---@field version string of this library
---@field providers ogl.compat.Provider[]
---@field counts {pass: integer, fail: integer, skip: integer}
---@field seconds number
---@field interrupted? boolean it was ended before all cases had run
---@field stopped? boolean it ended with its first failure

---@class ogl.compat.Options
---@field cases? string[] names of those that run, whatever the settings say; default: all that cost little
---@field skip? string[] names of those that do not
---@field fail_fast? boolean
---@field interrupted? fun(): boolean asked again and again; true ends the run
---@field on_provider? fun(provider: ogl.compat.Provider)
---@field on_result? fun(result: ogl.compat.Result)

local LONGEST = 400 -- bytes of a detail: servers write pages into errors
local AWAY = "nothing reaches the server"
local LOOK = 0.05 -- seconds between two looks at whether the run shall end

local function never() return false end

-- Runs a function in a task: the task at its end, or nil where it was interrupted.
local function ended(fn, interrupted)
  local task = tasks.spawn(fn)
  task:wait(LOOK)
  while not task.done do
    if interrupted() then
      task:cancel()
      return nil
    end
    task:wait(LOOK)
  end
  return task
end

-- Runs the case where the target has the model for it: verdict, detail, and whether nothing reaches the server.
local function judged(case, target)
  local model, problem, err = target:model(case.needs)
  if not model then return case.is_basic and "fail" or "skip", problem, err ~= nil and verdicts.is_away(err) end
  local verdict, detail, is_away = case.run(target)
  if verdict == "skip" and case.is_basic then verdict = "fail" end
  if verdict == "skip" and target.cases[case.name] then verdict, detail = "fail", "it has to pass, and was skipped: " .. detail end
  return verdict, detail, is_away
end

-- Runs a case; nil where it was interrupted.
local function run_case(case, target, interrupted)
  local began = hosts.current().now()
  local task = ended(function() return judged(case, target) end, interrupted)
  if not task then return nil end
  local verdict, detail, is_away = task:wait()
  if not verdict then verdict, detail = "fail", "the case itself failed: " .. tostring(detail) end
  return {
    case = case.name, verdict = verdict, ms = (hosts.current().now() - began) * 1000, detail = kind.front(target:line(detail), LONGEST),
    traceback = task.traceback and target:redacted(task.traceback), is_away = is_away or nil,
  }
end

-- Whether a case runs that nobody named: where the settings say nothing, one that costs little does.
local function is_wanted(case, set)
  if set == nil then return not case.is_costly end
  return set
end

-- The cases that run for a target.
local function cases_for(target, options)
  local skipped, list = {}, {}
  for _, name in ipairs(options.skip or {}) do skipped[name] = true end
  for _, name in ipairs(options.cases or cases.names()) do
    local case = cases.find(name)
    if not skipped[name] and (options.cases or is_wanted(case, target.cases[name])) then list[#list + 1] = case end
  end
  return list
end

-- What the report says of a target before its cases.
local function begin_provider(target, interrupted)
  local provider = target.client.provider
  local task = ended(function() return target:model "text" end, interrupted)
  return {
    name = target.name, kind = provider.name, protocol = provider.protocol, address = target.client.api, results = {},
    model = task and task:wait() or nil,
  }
end

-- Adds a result to the report; gives true where the run goes on.
local function add(report, provider, result, options)
  provider.results[#provider.results + 1] = result
  report.counts[result.verdict] = report.counts[result.verdict] + 1
  if options.on_result then options.on_result(result) end
  report.stopped = options.fail_fast and result.verdict == "fail" or nil
  return not report.stopped
end

-- Runs the cases of one target; gives true where the run goes on.
local function run_target(report, target, options)
  local interrupted, is_away = options.interrupted or never, nil
  local provider = begin_provider(target, interrupted)
  report.providers[#report.providers + 1] = provider
  if options.on_provider then options.on_provider(provider) end
  for _, case in ipairs(cases_for(target, options)) do
    local result = is_away and { case = case.name, verdict = "skip", ms = 0, detail = AWAY } or run_case(case, target, interrupted)
    is_away = is_away or result and result.is_away
    report.interrupted = not result or nil
    if not result or not add(report, provider, result, options) then return false end
  end
  return true
end

--- Runs cases against servers.
---@param list ogl.compat.Target[]
---@param options? ogl.compat.Options
---@return ogl.compat.Report
function M.run(list, options)
  local began = hosts.current().now()
  local report = { version = version, providers = {}, counts = { pass = 0, fail = 0, skip = 0 } }
  for _, target in ipairs(list) do
    if not run_target(report, target, options or {}) then break end
  end
  report.seconds = hosts.current().now() - began
  return report
end

return M
