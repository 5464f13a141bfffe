--- `ogl bench`: load tests of servers.
--
--   ogl bench run        measures, and reports
--   ogl bench prompts    shows what would be asked
--   ogl bench compare    says what changed between two results
--   ogl bench config     writes an example of the settings file
--
-- The report goes to standard output, or into files; progress and problems to standard error. Exit status: 0 measured; 1 a server was not
-- ready, a run had too many errors or no success, a report could not be written, or something became slower (compare); 2 wrong usage or
-- settings; 130 ended by Ctrl-C, with a report of what was measured until then.
--
-- @module opengatellm.cli.bench
local common = require "opengatellm.cli.common"
local files = require "opengatellm.base.file"
local options = require "opengatellm.cli.bench_options"

local M = {}

local STATUS = [[
Exit status:
   0     measured
   1     a server was not ready, a run had too many errors or no success, a report could not be written, or something
         became slower (compare)
   2     wrong usage or settings
   130   ended by Ctrl-C, with a report of what was measured until then]]

local MORE = [[
   Each with n, mean, standard deviation, min, p50, p90, p99 and max. Start is the moment of sending; in an open loop
   the scheduled one. Goodput: requests that met all goals, a second, and their share of successes, errors and dropped
   starts.]]

-- The figures with their formulas, for the help.
local function formulas()
  local lines = { "Figures:" }
  for _, figure in ipairs(require "opengatellm.bench.figures".LIST) do
    lines[#lines + 1] = ("   %-14s %s (%s) = %s"):format(figure.name, figure.title, figure.unit, figure.formula)
  end
  lines[#lines + 1] = MORE
  return table.concat(lines, "\n")
end

local function config_of(command)
  return command:option("-c --config",
    "Settings file; default: llm-benchmark.lua, benchmark.lua or config.lua, in ~/.config/opengatellm and here."):argname "<file>"
end

local function configure_run(command)
  command:usage "Usage: ogl bench run [options]"
  command:group("Servers",
    config_of(command),
    command:option("-p --provider", "Provider of the settings file, or a kind of server; several go one after the other.")
      :argname "<name>":count "*",
    command:option("-u --url", "Address of the server; default: $OGL_URL."):argname "<url>",
    command:option("-m --model", "Model; default: $OGL_MODEL, or the server's first that writes text."):argname "<name>",
    command:option("--timeout", "Seconds that a whole request may take."):argname "<s>":convert(tonumber))
  options.configure(command)
  command:group("Reports",
    command:flag("--json", "Print the result as JSON."), command:flag("--csv", "Print a row for each run as CSV."),
    command:option("--html", "Write a page with charts to this file."):argname "<file>",
    command:option("-o --output", "Write the result as JSON to this file, for compare."):argname "<file>",
    command:flag("-q --quiet", "Show no progress."), command:flag("-v --verbose", "Tell of each run when it has ended."))
  command:epilog(formulas() .. "\n\n" .. STATUS)
end

local function configure_prompts(command)
  command:usage "Usage: ogl bench prompts [options]"
  config_of(command)
  command:option("-n --number", "How many to show. Default: 5."):argname "<n>":convert(tonumber):default(5)
  options.configure(command)
end

local function configure_compare(command)
  command:argument("before", "Result of ogl bench run -o.")
  command:argument("after", "Another one.")
  command:flag("--json", "Print the comparison as JSON.")
end

--- Declares the commands of `ogl bench`.
---@param command table a command of argparse
function M.configure(command)
  command:command_target "action"
  configure_run(command:command("run", "Measure servers, and report."))
  configure_prompts(command:command("prompts", "Show what would be asked."))
  configure_compare(command:command("compare", "Say what changed between two results, beyond the noise."))
  command:command("config", "Write an example of the settings file.")
    :option("-o --output", "File; default: print it."):argname "<file>"
end

local function fail(problem, status) return common.fail("ogl: " .. problem, status or 2) end

-- Writes a text to a file, or to standard output.
local function write(path, text)
  local output = require "opengatellm.cli.output"
  if path then return output.save(path, text) end
  return output.say(text)
end

-- Run -------------------------------------------------------------------------------------------------------------

local function machine()
  local shell = require "opengatellm.cli.shell"
  return {
    system = (shell.output_of "uname -srm":gsub("%s+$", "")), cores = tonumber(shell.output_of "getconf _NPROCESSORS_ONLN"),
    lua = rawget(_G, "jit") and jit.version or _VERSION, libcurl = require "opengatellm.curl".version(), -- luacheck: ignore 113
  }
end

-- What goes on, in one line.
local function line_of(state)
  local parts = { "ogl bench", state.label }
  if state.provider then table.insert(parts, 2, state.provider) end
  local load, tally = state.load, state.tally
  if load and not load.ended then
    local counts = tally.counts
    parts[#parts + 1] = ("%d ok"):format(counts.success)
    if counts.error > 0 then parts[#parts + 1] = ("%d failed"):format(counts.error) end
    if load.dropped > 0 then parts[#parts + 1] = ("%d dropped"):format(load.dropped) end
    parts[#parts + 1] = ("%d in flight"):format(load.running)
  end
  return table.concat(parts, " | ")
end

local function line_of_run(name, run)
  local counts = run.counts
  return ("ogl: %s, %s: %d done, %d cut, %d failed, %d dropped in %.1f s\n"):format(name, run.label, counts.success, counts.incomplete,
    counts.error, counts.dropped, run.seconds)
end

-- The run itself, with progress beside it; what Ctrl-C means is as before when it is over.
local function measured(plan, arguments, is_verbose)
  local progress = require "opengatellm.cli.progress".new(arguments.quiet)
  local interrupts = require "opengatellm.system".interrupts()
  local bench = require "opengatellm.bench".new(plan)
  local result = require "opengatellm".run(function()
    return bench:run {
      interrupted = function() return interrupts ~= nil and interrupts:seen() end,
      show = function(state)
        if state then progress:show(line_of(state)) else progress:clear() end
      end,
      ended = function(name, run)
        if not is_verbose then return end
        progress:clear()
        io.stderr:write(line_of_run(name, run))
      end,
    }
  end)
  if interrupts then interrupts:close() end
  return result
end

local STANDARD_OUTPUT = 1

-- How a table is to look: as wide as the terminal, and with bold headings where those may be.
local function looks()
  return {
    width = require "opengatellm.system".size(STANDARD_OUTPUT) or nil, bold = require "opengatellm.cli.output".is_coloured(STANDARD_OUTPUT),
  }
end

-- Writes the reports that are wanted, each of them whatever became of the others; gives the first problem.
local function report(result, arguments)
  local reports, first = require "opengatellm.bench.report", nil
  local function give(path, make)
    local fine, problem = write(path, make(result, looks()))
    if not fine then first = first or problem end
  end
  if arguments.output then give(arguments.output, reports.json) end
  if arguments.html then give(arguments.html, reports.html) end
  give(nil, arguments.json and reports.json or arguments.csv and reports.csv or reports.table)
  return first
end

-- From there on requests wait for ogl, and not only for the server: the share of a core that it uses, and the milliseconds by which it
-- comes late to what is due, one time in ten.
local BUSY, LATE = 0.8, 10

-- Why the times of a run are not to be trusted; nil where they are.
local function doubt(run)
  if run.cpu > BUSY then return ("ogl itself used %.0f %% of a core"):format(run.cpu * 100) end
  if run.late and run.late.p90 > LATE then
    return ("this machine is too busy: ogl came %.0f ms late, one time in ten"):format(run.late.p90)
  end
end

-- What is wrong with a run as a whole; nil where nothing is.
local function failure_of(run, result)
  if run.ended == "errors" then return "ended, for too many requests failed" end
  if run.counts.success == 0 and not result.stopped then return "no request succeeded" end
end

-- Tells what went wrong; gives the exit status.
local function verdict(result)
  local status = 0
  for _, provider in ipairs(result.providers) do
    if provider.problem then status = fail(("%s is not ready: %s"):format(provider.name, provider.problem), 1) end
    for _, run in ipairs(provider.runs) do
      local where, failure, why = ("%s, %s: "):format(provider.name, run.label), failure_of(run, result), doubt(run)
      if failure then status = fail(where .. failure, 1) end
      if why then fail(("%s%s: its times are not to be trusted"):format(where, why)) end
    end
  end
  return result.stopped == "interrupted" and 130 or status
end

local function run(arguments)
  if arguments.json and arguments.csv then return fail "--json and --csv exclude each other" end
  local values, problem = require "opengatellm.cli.bench_settings".load(arguments.config)
  if not values then return fail(problem) end
  local plan, line, status = require "opengatellm.cli.bench_plan".make(arguments, values)
  if not plan then return common.fail(line, status) end
  plan.machine = machine()
  local result = measured(plan, arguments, arguments.verbose or (values.settings or {}).verbose)
  problem = report(result, arguments)
  status = verdict(result)
  if problem then return fail(problem, 1) end
  return status
end

-- The others ------------------------------------------------------------------------------------------------------

local function show_prompts(arguments)
  local values, problem = require "opengatellm.cli.bench_settings".load(arguments.config)
  if not values then return fail(problem) end
  local chosen
  chosen, problem = options.chosen(arguments, values.benchmark or {})
  if not chosen then return fail(problem) end
  local prompts
  prompts, problem = require "opengatellm.cli.bench_plan".prompts(chosen, values)
  if not prompts then return fail(problem) end
  local lines = {}
  for i = 1, arguments.number do lines[i] = prompts:line(i) .. "\n" end
  local fine
  fine, problem = write(nil, table.concat(lines))
  return fine and 0 or fail(problem, 1)
end

local function read_result(path)
  local text, problem = files.read(path)
  if not text then return nil, path .. ": " .. problem end
  local result
  result, problem = require "opengatellm.bench.report".read(text)
  return result, problem and path .. ": " .. problem
end

local function compare(arguments)
  local before, problem = read_result(arguments.before)
  local after
  if before then after, problem = read_result(arguments.after) end
  if not after then return fail(problem) end
  local comparing = require "opengatellm.bench.compare"
  local comparison = comparing.of(before, after)
  local fine
  fine, problem = write(nil, arguments.json and comparing.json(comparison) or comparing.table(comparison, looks()))
  if not fine then return fail(problem, 1) end
  return comparison.worse > 0 and 1 or 0
end

local function write_config(arguments)
  local fine, problem
  local text = require "opengatellm.cli.bench_settings".EXAMPLE
  if arguments.output then fine, problem = require "opengatellm.cli.settings".write(arguments.output, text)
  else fine, problem = write(nil, text) end
  return fine and 0 or fail(problem, 1)
end

local ACTIONS = { run = run, prompts = show_prompts, compare = compare, config = write_config }

--- Runs one of the commands of `ogl bench`.
---@param arguments table as argparse read them
---@return integer # the exit status of the program
function M.run(arguments)
  require "opengatellm.system".outlive_pipes()
  return ACTIONS[arguments.action](arguments)
end

return M
