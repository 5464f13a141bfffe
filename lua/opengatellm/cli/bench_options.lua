--- The options of `ogl bench run`: each is a row, which the command line and the settings file both read.
--
--   options.configure(command)                       declares them
--   local chosen, problem = options.chosen(arguments, values)
--
-- An argument wins over the file, and the file over the default. The names in the file are llm_adapter's where it has the option.
--
-- @module opengatellm.cli.bench_options
local goals = require "opengatellm.bench.goals"
local words = require "opengatellm.base.words"

local unpack = table.unpack or unpack -- luacheck: compat

local M = {}

-- Reading texts ---------------------------------------------------------------------------------------------------

-- Makes a reader of numbers from `least` on.
local function number(least, is_whole)
  return function(text)
    local value = tonumber(text)
    if value and value >= least and value <= 2 ^ 31 and (not is_whole or value % 1 == 0) then return value end
    return nil, ("expected a %snumber from %g on, got '%s'"):format(is_whole and "whole " or "", least, text)
  end
end

-- Makes a reader of lists: "1,8,32".
local function list_of(read)
  return function(text)
    local list = {}
    for part in (text .. ","):gmatch "%s*(.-)%s*," do
      local value, problem = read(part)
      if not value then return nil, problem end
      list[#list + 1] = value
    end
    return list
  end
end

local count = number(1, true)

-- Reads a number of tokens, or a least and a most: "200", "200-400".
local function range(text)
  local least, most = text:match "^(%d+)%-(%d+)$"
  least, most = count(least or text), count(most or text)
  if least and most and least <= most then return { least = least, most = most } end
  return nil, ("expected a number of tokens, or two such as 200-400, got '%s'"):format(text)
end

local function one_of(text_of_words)
  local set, list = words.set(text_of_words), words.list(text_of_words)
  return function(text)
    if set[text] then return text end
    return nil, ("expected %s, got '%s'"):format(table.concat(list, " or "), text)
  end
end

local function share(text)
  local value = tonumber(text)
  if value and value >= 0 and value <= 1 then return value end
  return nil, ("expected a share from 0 to 1, got '%s'"):format(text)
end

local function as_it_is(text) return text end

-- The rows --------------------------------------------------------------------------------------------------------

local COUNT, POSITIVE, SECONDS = { type = "integer", min = 1 }, { type = "number", min = 0.001 }, { type = "number", min = 0 }
local TEXT, TRUTH = { type = "text" }, { type = "boolean" }
local RANGE = { either = { COUNT, TEXT } }

---@class ogl.bench.Option
---@field name string of the chosen value
---@field flag string on the command line
---@field key? string in the table `benchmark` of a file; default: the name
---@field value? string what the help calls its value; default: <n>
---@field read? fun(text: string): any, string? nil: it has no value
---@field rule ogl.settings.Rule of the file
---@field default? any
---@field help string

---@type {title: string, [integer]: ogl.bench.Option}[]
local SECTIONS = {
  { title = "Load",
    { name = "concurrency", value = "<n,...>", flag = "--concurrency", key = "concurrency_levels", read = list_of(count),
      rule = { items = COUNT },
      help = "Closed loop: so many requests at a time; a list such as 1,8,32 is a run each. Default: 2,4,8." },
    { name = "rates", value = "<n,...>", flag = "--rate", read = list_of(number(0.001)), rule = { items = POSITIVE },
      help = "Open loop: so many starts a second, however slow the answers are; a list is a run each." },
    { name = "arrival", value = "<how>", flag = "--arrival", read = one_of "poisson constant",
      rule = { type = "text", values = { "poisson", "constant" } },
      default = "poisson", help = "Open loop: gaps between starts: poisson (by chance) or constant." },
    { name = "sweep", flag = "--sweep", read = count, rule = COUNT,
      help = "From one request at a time to so many, and open loops at rates between what these two come to." },
    { name = "sweep_rates", flag = "--sweep-rates", read = count,
      rule = COUNT, default = 4, help = "How many rates a sweep has. Default: 4." },
    { name = "most", flag = "--most", key = "most_in_flight", read = count, rule = COUNT, default = 1000,
      help = "Open loop: requests in flight at most; a start beyond them is dropped, and counted. Default: 1000." },
  },
  { title = "Length of a run",
    { name = "requests", flag = "--requests", key = "total_requests", read = count, rule = COUNT,
      help = "So many requests are measured. Default: 50, without --seconds." },
    { name = "seconds", value = "<s>", flag = "--seconds", read = number(0.001), rule = POSITIVE, help = "Requests begin for so long." },
    { name = "grace", value = "<s>", flag = "--grace", key = "grace_seconds", read = number(0), rule = SECONDS, default = 30,
      help = "Seconds after that which requests in flight have to end; then they are cut off. Default: 30." },
    { name = "warmup", flag = "--warmup", read = number(0, true), rule = { type = "integer", min = 0 }, default = 1,
      help = "Requests before a provider's first run that are not measured. Default: 1." },
    { name = "ramp", value = "<s>", flag = "--ramp", key = "ramp_seconds", read = number(0), rule = SECONDS, default = 0,
      help = "Seconds in which the load grows to its own; what begins in them is not measured." },
    { name = "ready", value = "<s>", flag = "--ready", key = "ready_seconds", read = number(0), rule = SECONDS, default = 0,
      help = "Seconds to wait for a server that does not answer yet." },
    { name = "pause", value = "<s>", flag = "--pause", key = "test_interval_seconds", read = number(0), rule = SECONDS, default = 0,
      help = "Seconds between two runs." },
    { name = "max_errors", flag = "--max-errors", read = count, rule = COUNT, help = "A run ends with so many errors." },
    { name = "max_error_rate", value = "<share>", flag = "--max-error-rate", read = share, rule = { type = "number", min = 0, max = 1 },
      help = "A run ends when a larger share of its requests has failed, once 20 have ended." },
  },
  { title = "Prompts",
    { name = "prompt", value = "<text>", flag = "--prompt", rule = TEXT, read = as_it_is,
      help = "A text that is asked; also the name of a prompt in the configuration, or random: any of those." },
    { name = "prompts", value = "<file>", flag = "--prompts", key = "prompts_file", rule = { type = "text", own = true }, read = as_it_is,
      help = "JSON Lines: a text, {prompt} or {messages} a line." },
    { name = "input_tokens", flag = "--input-tokens", read = range,
      rule = RANGE, help = "Synthetic prompts of so many tokens, or 200-400." },
    { name = "output_tokens", flag = "--output-tokens", read = range,
      rule = RANGE, help = "Answers of so many tokens at most, or 200-400." },
    { name = "shared_prefix", flag = "--shared-prefix", read = count, rule = COUNT,
      help = "So many tokens at the beginning of synthetic prompts are the same in all of them." },
    { name = "ignore_eos", flag = "--ignore-eos",
      rule = TRUTH, help = "Answers of exactly --output-tokens, where the server can (vLLM, SGLang)." },
    { name = "unique", flag = "--unique", rule = TRUTH, help = "Put a number before each prompt, so that no cache answers." },
    { name = "shuffle", flag = "--shuffle", rule = TRUTH, help = "Draw the prompts of a list by lot." },
    { name = "images", value = "<file>", flag = "--image", rule = { items = { type = "text", own = true } }, many = true,
      help = "A picture that goes with the prompt; several go by turns." },
    { name = "seed", flag = "--seed", read = number(0, true), rule = { type = "integer", min = 0 }, default = 1,
      help = "Of prompts and arrivals: the same seed is the same test. Default: 1." },
    { name = "system", value = "<text>", flag = "--system", rule = TEXT, read = as_it_is, help = "Instructions before each prompt." },
    { name = "max_tokens", flag = "--max-tokens", read = count, rule = COUNT, help = "Longest answer." },
    { name = "temperature", flag = "--temperature", read = number(0), rule = SECONDS, help = "How freely the model chooses." },
  },
  { title = "Measuring",
    { name = "whole", flag = "--no-stream", key = "whole_answers",
      rule = TRUTH, help = "Ask for whole answers: there are no times of tokens then." },
    { name = "slo", value = "<goals>", flag = "--slo", rule = TEXT, read = goals.read,
      help = "Goals in milliseconds for goodput, such as ttft:300,itl:50,e2e:5000." },
    { name = "no_calibration", flag = "--no-calibration", rule = TRUTH, help = "Do not measure what the bench itself adds." },
    { name = "title", value = "<text>", flag = "--title", rule = TEXT, read = as_it_is, help = "Title of the report." },
  },
}

local function element_of(command, row)
  if not row.read and not row.many then return command:flag(row.flag, row.help) end
  local option = command:option(row.flag, row.help):argname(row.value or "<n>")
  if not row.read then return option:count "*" end
  return option:convert(function(text)
    local value, problem = row.read(text)
    return value, problem and ("%s: %s"):format(row.flag, problem)
  end)
end

--- Declares the options.
---@param command table a command of argparse
function M.configure(command)
  for _, section in ipairs(SECTIONS) do
    local elements = {}
    for i, row in ipairs(section) do
      elements[i] = element_of(command, row):target(row.name)
    end
    command:group(section.title, unpack(elements))
  end
end

--- The rules of the options in a file (cli/settings/rules.lua).
---@return table<string, ogl.settings.Rule>
function M.rules()
  local rules = {}
  for _, section in ipairs(SECTIONS) do
    for _, row in ipairs(section) do rules[row.key or row.name] = row.rule end
  end
  return rules
end

-- The value of an option in a file, which has been checked by its rule: a text may stand for a list or a range.
local function of_file(row, value)
  if type(value) == "number" and row.rule == RANGE then return { least = value, most = value } end
  if type(value) ~= "string" or not row.read then return value end
  local read, problem = row.read(value)
  if problem then return nil, ("benchmark.%s: %s"):format(row.key or row.name, problem) end
  return read
end

-- Options of which one on the command line leaves out all others of its line in the file.
local ALTERNATIVES = {
  words.list "concurrency rates sweep", words.list "requests seconds", words.list "prompt prompts input_tokens shared_prefix",
  words.list "max_tokens output_tokens",
}

local function given_by(arguments, row)
  local given = arguments[row.name]
  if row.many and given and not given[1] then return nil end
  return given
end

-- The names that count only on the command line.
local function left_out(arguments)
  local set = {}
  for _, line in ipairs(ALTERNATIVES) do
    for _, name in ipairs(line) do
      if arguments[name] ~= nil then
        for _, other in ipairs(line) do set[other] = true end
      end
    end
  end
  return set
end

-- The value of an option: the argument, that of the file, or the default.
local function value_of(row, arguments, values, without)
  local given = given_by(arguments, row)
  if given ~= nil then return given end
  local value, problem = nil, nil
  if not without[row.name] then value, problem = of_file(row, values[row.key or row.name]) end
  if value == nil then value = row.default end
  return value, problem
end

--- Gives the value of every option that has one, by its name.
---@param arguments table as argparse read them
---@param values table the table `benchmark` of the file
---@return table? chosen
---@return string? problem
function M.chosen(arguments, values)
  local chosen, without = {}, left_out(arguments)
  for _, section in ipairs(SECTIONS) do
    for _, row in ipairs(section) do
      local value, problem = value_of(row, arguments, values, without)
      if problem then return nil, problem end
      chosen[row.name] = value
    end
  end
  return chosen
end

return M
