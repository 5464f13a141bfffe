--- `ogl compat`: which of the things that programs need a server does, and does right.
--
--   ogl compat run          asks the servers of the settings files, of the arguments or of the environment
--   ogl compat providers    lists those of the settings files, and those that the library knows
--   ogl compat config       writes an example of a settings file
--
-- Exit status: 0 no case failed, 1 one did, or a report could not be written, 2 wrong usage or settings, 130 Ctrl-C.
--
-- @module opengatellm.cli.compat
local cases = require "opengatellm.compat.cases"
local common = require "opengatellm.cli.common"
local compat = require "opengatellm.compat"
local compat_targets = require "opengatellm.cli.compat_targets"
local json = require "opengatellm.json"
local names = require "opengatellm.base.names"
local output = require "opengatellm.cli.output"
local report_forms = require "opengatellm.compat.report"
local secrets = require "opengatellm.base.secrets"
local settings = require "opengatellm.cli.settings"
local system = require "opengatellm.system"

local unpack = table.unpack or unpack -- luacheck: compat

local M = {}

local FAILED, WRONG, INTERRUPTED = 1, 2, 130
local EXAMPLE = "llm-compat.lua"

-- The forms of a report beside the text: name of the option -> what writes it, and what it is called in the help.
local FORMS = {
  { "json", report_forms.json, "JSON" },
  { "junit", function(report) return require "opengatellm.compat.junit".xml(report) end, "JUnit's XML" },
  { "markdown", report_forms.markdown, "a table of Markdown" },
}

-- The command line --------------------------------------------------------------------------------------------------------

local STATUS = [[
Exit status:
   0     no case failed
   1     a case failed, or a report could not be written
   2     wrong usage or settings, no server, no key
   130   ended by Ctrl-C, with a report of what was found until then]]

-- The cases with what they are about, for the help.
local function case_lines()
  local lines = { "Cases:" }
  for _, name in ipairs(cases.names()) do
    local case = cases.find(name)
    lines[#lines + 1] = ("   %-18s %s%s"):format(name, case.says, case.is_costly and " (runs only where it is named)" or "")
  end
  return table.concat(lines, "\n")
end

local function case_of(name)
  if cases.find(name) then return name end
  local near = names.nearest(name, cases.names())
  return nil, ("there is no case '%s'%s"):format(name, near and ("; did you mean '%s'?"):format(near) or ": see ogl compat run --help")
end

local function seconds(text)
  local value = tonumber(text)
  if value and value > 0 and value < 2 ^ 31 then return value end
  return nil, ("--timeout: expected a number of seconds, got '%s'"):format(text)
end

local function config_of(command)
  return command:option("-c --config", "Settings file; default: llm-compat.lua, in ~/.config/opengatellm and here."):argname "<file>"
end

local function configure_run(command)
  command:usage "Usage: ogl compat run [options]"
  command:group("Servers",
    config_of(command),
    command:option("-p --provider", "Provider of the settings file, or a kind of server; several go one after the other.")
      :argname "<name>":count "*",
    command:option("-u --url", "Address of the server, where one is asked."):argname "<url>",
    command:option("-m --model", "Model that writes texts; default: the settings file's, or the server's first."):argname "<name>",
    command:option("--timeout", "Seconds that each answer may take. Default: 300."):argname "<s>":convert(seconds))
  command:group("Which cases",
    command:option("--case", "Run this one, whatever the settings say; may be repeated."):argname "<case>":count "*":convert(case_of)
      :target "cases",
    command:option("--skip", "Do not run this one; may be repeated."):argname "<case>":count "*":convert(case_of),
    command:flag("--fail-fast", "End with the first that fails."))
  local forms = {}
  for i, form in ipairs(FORMS) do
    forms[i] = command:option("--" .. form[1], ("Write the report as %s; without a file, to standard output."):format(form[3]))
      :argname "<file>":args "?"
  end
  forms[#forms + 1] = command:flag("-v --verbose", "Say what each case is about.")
  forms[#forms + 1] = command:flag("--debug", "Show where a case that raised an error did so.")
  command:group("Reports", unpack(forms))
  command:epilog(case_lines() .. "\n\n" .. STATUS)
end

--- Declares the arguments and options of `ogl compat`.
---@param command table a command of argparse
function M.configure(command)
  command:command_target "action"
  configure_run(command:command("run", "Ask servers, and say which cases they pass."))
  local providers = command:command("providers", "List the servers that can be asked.")
  config_of(providers)
  providers:flag("--json", "Print the list as JSON.")
  command:command("config", "Write an example of the settings file.")
    :argument("file", "Where to write it; default: " .. EXAMPLE .. "."):args "?"
end

-- Settings ----------------------------------------------------------------------------------------------------------------

local function load_settings(path)
  local values, problem = settings.load { names = compat_targets.NAMES, rules = compat_targets.rules(), path = path }
  if not values then return nil, "ogl: " .. problem end
  return values
end

local function run_config(arguments)
  local path = arguments.file or EXAMPLE
  local made, problem = settings.write(path, require "opengatellm.cli.compat_example")
  if not made then return common.fail("ogl: " .. problem, WRONG) end
  local said
  said, problem = output.say(("ogl: wrote %s\n"):format(path))
  return said and 0 or common.fail("ogl: " .. problem, FAILED)
end

-- Providers ---------------------------------------------------------------------------------------------------------------

local function key_words(row)
  if row.access == "missing" then return "set " .. table.concat(row.variables, " or ") end
  return row.access == "set" and "is set" or "none"
end

local function provider_line(row)
  local name = row.name .. (row.enabled and "" or " (off)")
  local address = row.address or "no address: --url"
  return ("%-26s %-10s %-17s %-30s %s"):format(name, row.source, row.protocol, "key: " .. key_words(row), address)
end

local function provider_lines(list)
  local lines = {}
  for i, row in ipairs(list) do lines[i] = provider_line(row) .. (row.model and " " .. row.model or "") end
  return table.concat(lines, "\n") .. "\n"
end

local function run_providers(arguments)
  local values, line = load_settings(arguments.config)
  if not values then return common.fail(line, WRONG) end
  local list = secrets.without(compat_targets.list(values))
  local said, problem = output.say(arguments.json and json.encode(json.array(list)) .. "\n" or provider_lines(list))
  return said and 0 or common.fail("ogl: " .. problem, FAILED)
end

-- Runs --------------------------------------------------------------------------------------------------------------------

-- The forms that were asked for: { write, path? }; without a path it goes to standard output, where there is room for one.
local function chosen_forms(arguments)
  local list, shown = {}, nil
  for _, form in ipairs(FORMS) do
    local given = arguments[form[1]]
    if given then
      if not given[1] and shown then return nil, ("ogl: --%s and --%s: one of them needs the name of a file"):format(shown, form[1]) end
      shown = shown or not given[1] and form[1] or nil
      list[#list + 1] = { write = form[2], path = given[1] }
    end
  end
  return list, shown
end

-- Prints lines while the cases run. Where standard output takes another form, a terminal still shows them.
local function teller(shown)
  if not shown then
    local paint = output.painter(1)
    return paint, function(text) return output.say(text .. "\n") end
  end
  local paint, is_terminal = output.painter(2), system.isatty(2)
  return paint, function(text) return is_terminal and io.stderr:write(text, "\n") or true end
end

-- The functions that a run calls as it goes on.
local function followers(arguments, values, tell, paint)
  local verbose = arguments.verbose or (values.settings or {}).verbose
  local count = 0
  local function on_provider(provider)
    tell((count > 0 and "\n" or "") .. report_forms.heading(secrets.without(provider)))
    count = count + 1
  end
  local function on_result(result)
    result = secrets.without(result)
    tell(report_forms.line(result, paint) .. (verbose and " (" .. cases.find(result.case).says .. ")" or ""))
    if arguments.debug and result.traceback then io.stderr:write(result.traceback, "\n") end
  end
  return on_provider, on_result
end

-- Writes the forms that were asked for; the first problem.
local function write_forms(forms, report)
  local first
  for _, form in ipairs(forms) do
    local text = form.write(report)
    if text:sub(-1) ~= "\n" then text = text .. "\n" end
    local fine, problem
    if form.path then fine, problem = output.save(form.path, text) else fine, problem = output.say(text) end
    if not fine then first = first or problem end
  end
  return first
end

local function status_of(report)
  return report.interrupted and INTERRUPTED or report.counts.fail > 0 and FAILED or 0
end

-- Runs the cases of targets, and writes what came of them.
local function run_targets(list, arguments, values, forms, shown)
  local paint, tell = teller(shown)
  local interrupts, broken = system.interrupts(), nil
  local function told(text)
    local fine, problem = tell(text)
    if not fine then broken = broken or problem end
  end
  local on_provider, on_result = followers(arguments, values, told, paint)
  told "=== LLM compatibility ==="
  local report = secrets.without(compat.run(list, {
    cases = arguments.cases[1] and arguments.cases, skip = arguments.skip, on_provider = on_provider, on_result = on_result,
    fail_fast = arguments.fail_fast or (values.settings or {}).fail_fast,
    interrupted = function() return broken ~= nil or interrupts ~= nil and interrupts:seen() end,
  }))
  if interrupts then interrupts:close() end
  told("\n=== Summary ===\n" .. report_forms.summary(report))
  local problem = write_forms(forms, report) or broken
  if problem then return common.fail("ogl: " .. problem, FAILED) end
  return status_of(report)
end

local function run_run(arguments)
  local forms, shown = chosen_forms(arguments)
  if not forms then return common.fail(shown, WRONG) end
  local values, line = load_settings(arguments.config)
  if not values then return common.fail(line, WRONG) end
  local list
  list, line = compat_targets.of(arguments, values)
  if not list then return common.fail(line, WRONG) end
  return run_targets(list, arguments, values, forms, shown)
end

local ACTIONS = { config = run_config, providers = run_providers, run = run_run }

--- Does what the arguments ask for.
---@param arguments table as argparse read them
---@return integer # the exit status of the program
function M.run(arguments)
  system.outlive_pipes()
  return ACTIONS[arguments.action](arguments)
end

return M
