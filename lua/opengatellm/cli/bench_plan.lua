--- The plan of `ogl bench run`: made of its options and of the settings file, and checked before anything is asked.
--
-- What is wrong comes as one line, and as the exit status with which the command ends: 2 where the user has to change something, 1 where a
-- server did not say which models it has.
--
-- @module opengatellm.cli.bench_plan
local common = require "opengatellm.cli.common"
local options = require "opengatellm.cli.bench_options"
local prompt_file = require "opengatellm.bench.prompt_file"
local prompts = require "opengatellm.bench.prompts"
local provider_settings = require "opengatellm.cli.provider_settings"
local providers = require "opengatellm.providers"
local request = require "opengatellm.request"
local synthetic = require "opengatellm.bench.synthetic"

local M = {}

local REQUESTS, CONCURRENCY = 50, { 2, 4, 8 } -- where nothing is said; llm_adapter's
local TOKENS = { least = 200, most = 200 } -- of a prompt and of its answer, where nothing is said

-- What does not fit together --------------------------------------------------------------------------------------

-- The names of the options that stand for one thing, of which only one may be given.
local function only_one(chosen, names, flags)
  local found
  for i, name in ipairs(names) do
    if chosen[name] and found then return ("%s and %s exclude each other"):format(found, flags[i]) end
    if chosen[name] then found = flags[i] end
  end
end

local TIMES_OF_TOKENS = { "ttft", "ttfo", "itl" }

local function needs(chosen, name, flag, other, other_flag)
  if chosen[name] and not chosen[other] then return ("%s needs %s"):format(flag, other_flag) end
end

local function mistake(chosen)
  local problem = only_one(chosen, { "sweep", "concurrency", "rates" }, { "--sweep", "--concurrency", "--rate" })
  if problem and chosen.sweep then return problem end
  problem = only_one(chosen, { "prompt", "prompts", "input_tokens" }, { "--prompt", "--prompts", "--input-tokens" })
    or needs(chosen, "shared_prefix", "--shared-prefix", "input_tokens", "--input-tokens")
    or needs(chosen, "ignore_eos", "--ignore-eos", "output_tokens", "--output-tokens")
    or only_one(chosen, { "max_tokens", "output_tokens" }, { "--max-tokens", "--output-tokens" })
  if problem then return problem end
  for _, name in ipairs(chosen.whole and chosen.slo and TIMES_OF_TOKENS or {}) do
    if chosen.slo[name] then return ("--slo %s needs streams, and --no-stream asks for whole answers"):format(name) end
  end
end

-- Prompts ---------------------------------------------------------------------------------------------------------

-- The prompts of the file in the order of their names, each checked.
local function configured(values)
  local names, list = {}, {}
  for name in pairs(values or {}) do names[#names + 1] = name end
  table.sort(names)
  for i, name in ipairs(names) do
    local prompt = request.of { messages = values[name].messages or values[name].prompt or values[name].description or "" }
    prompt.system = values[name].system
    local problem = request.check(prompt)
    if problem then return nil, ("prompts.%s: %s"):format(name, problem) end
    prompt.name, prompt.description, list[i] = name, values[name].description, prompt
  end
  return list
end

-- The prompts of the file that --prompt means, or the text that it is.
local function meant(prompt, list)
  if prompt == "random" and list[1] then return list, true end
  for _, one in ipairs(list) do
    if one.name == prompt then return { one } end
  end
  return { { messages = prompt } }
end

-- Where prompts come from: { list, by_lot } or { synthetic }.
local function source_of(chosen, values)
  if chosen.prompts then
    local list, problem = prompt_file.read(chosen.prompts)
    return list and { list = list }, problem
  end
  local list, problem = configured(values.prompts)
  if not list then return nil, problem end
  if chosen.prompt then
    local some, by_lot = meant(chosen.prompt, list)
    return { list = some, by_lot = by_lot }
  end
  if list[1] and not chosen.input_tokens then return { list = list } end
  local tokens = chosen.input_tokens or TOKENS
  if not chosen.max_tokens then chosen.output_tokens = chosen.output_tokens or TOKENS end
  return { synthetic = synthetic.new { seed = chosen.seed, least = tokens.least, most = tokens.most, prefix = chosen.shared_prefix } }
end

local function missing_image(images)
  for _, path in ipairs(images or {}) do
    local file, problem = io.open(path, "rb")
    if not file then return problem end
    file:close()
  end
end

--- Makes the prompts of a run.
---@param chosen table of cli/bench_options.lua
---@param values table of the settings file
---@return ogl.bench.Prompts?
---@return string? problem
function M.prompts(chosen, values)
  local source, problem = source_of(chosen, values)
  problem = problem or missing_image(chosen.images)
  if problem then return nil, problem end
  return prompts.new {
    list = source.list, synthetic = source.synthetic, seed = chosen.seed, by_lot = source.by_lot or chosen.shuffle, unique = chosen.unique,
    images = chosen.images, output = chosen.output_tokens,
    fields = {
      keep = chosen.whole or false, system = chosen.system, temperature = chosen.temperature, max_tokens = chosen.max_tokens,
      extra = chosen.ignore_eos and { ignore_eos = true } or nil,
    },
  }
end

-- Providers -------------------------------------------------------------------------------------------------------

-- The names of the providers that are measured.
local function wanted(arguments, values)
  if arguments.provider[1] then return arguments.provider end
  local benchmark = values.benchmark or {}
  if benchmark.provider then return { benchmark.provider } end
  local names = {}
  for name in pairs(values.providers or {}) do names[#names + 1] = name end
  table.sort(names)
  return names[1] and names or { "opengatellm" }
end

local function client_of(name, arguments, values)
  local settings = values.settings or {}
  local seconds = arguments.timeout or settings.timeout_seconds
  local common_options = {
    timeouts = seconds and { total = seconds } or nil, retries = { max = 0 },
    headers = settings.user_agent and { ["user-agent"] = settings.user_agent } or nil,
  }
  local entry = (values.providers or {})[name]
  if entry then return provider_settings.client(name, request.merge(entry, { base_url = arguments.url }), common_options) end
  if not providers.find(name) then
    return nil, ("ogl: --provider %s: it is neither in the configuration nor a kind of server"):format(name)
  end
  return common.client_of(request.merge(common_options, { provider = name, base_url = arguments.url }))
end

local function provider_of(name, arguments, values)
  local client, line = client_of(name, arguments, values)
  if not client then return nil, line, 2 end
  local entry = (values.providers or {})[name] or {}
  local model, err = common.model(client, arguments.model or entry.model or (values.benchmark or {}).model)
  if not model then return nil, tostring(err), 1 end
  return { name = name, client = client:with { model = model }, model = model, price = entry.price }
end

local function providers_of(arguments, values)
  local list = {}
  for i, name in ipairs(wanted(arguments, values)) do
    local provider, line, status = provider_of(name, arguments, values)
    if not provider then return nil, line, status end
    list[i] = provider
  end
  if arguments.url and list[2] then return nil, "ogl: --url is the address of one server, and several are wanted", 2 end
  return list
end

-- Loads -----------------------------------------------------------------------------------------------------------

local function loads_of(chosen)
  local list, base = {}, {
    requests = chosen.requests or not chosen.seconds and REQUESTS or nil, seconds = chosen.seconds, ramp = chosen.ramp,
    grace = chosen.grace, seed = chosen.seed, most = chosen.most, arrival = chosen.arrival,
  }
  if chosen.sweep then return { base } end
  for _, n in ipairs(chosen.concurrency or not chosen.rates and CONCURRENCY or {}) do
    list[#list + 1] = request.merge(base, { mode = "closed", concurrency = n })
    list[#list].arrival = nil
  end
  for _, rate in ipairs(chosen.rates or {}) do list[#list + 1] = request.merge(base, { mode = "open", rate = rate }) end
  return list
end

--- Makes the plan of a run.
---@param arguments table as argparse read them
---@param values table of the settings file
---@return ogl.bench.Plan? plan
---@return string? line
---@return integer? status
function M.make(arguments, values)
  local chosen, problem = options.chosen(arguments, values.benchmark or {})
  problem = problem or mistake(chosen)
  if problem then return nil, "ogl: " .. problem, 2 end
  local asked
  asked, problem = M.prompts(chosen, values)
  if not asked then return nil, "ogl: " .. problem, 2 end
  local list, line, status = providers_of(arguments, values)
  if not list then return nil, line, status end
  return {
    providers = list, prompts = asked, loads = loads_of(chosen),
    sweep = chosen.sweep and { most = chosen.sweep, rates = chosen.sweep_rates } or nil,
    streaming = not chosen.whole, seed = chosen.seed, warmup = chosen.warmup, ready = chosen.ready, pause = chosen.pause, slo = chosen.slo,
    max_errors = chosen.max_errors, max_error_rate = chosen.max_error_rate, calibrates = not chosen.no_calibration, title = chosen.title,
    options = chosen,
  }
end

return M
