--- The settings file of `ogl bench`: where it lies, what it may hold, and an example of it.
--
-- @module opengatellm.cli.bench_settings
local options = require "opengatellm.cli.bench_options"
local provider_settings = require "opengatellm.cli.provider_settings"
local request = require "opengatellm.request"
local settings = require "opengatellm.cli.settings"

local M = {}

--- The names of the file, without .lua; llm_adapter's.
M.NAMES = { "llm-benchmark", "benchmark", "config" }

local TEXT, PRICE = { type = "text" }, { type = "number", min = 0 }

local PROVIDER = request.merge(provider_settings.FIELDS, {
  price = { fields = { input = PRICE, cached_input = PRICE, cache_write = PRICE, output = PRICE } },
})

-- A message is as the library takes it: what is in it is checked when prompts are made of it.
local MESSAGE = { fields = { role = TEXT, content = TEXT } }

local function rules()
  return {
    settings = { fields = {
      timeout_seconds = { type = "number", min = 0.001 }, user_agent = { type = "text", own = true }, verbose = { type = "boolean" },
    } },
    benchmark = { fields = request.merge(options.rules(), { provider = TEXT, model = TEXT }) },
    providers = { each = { fields = PROVIDER } },
    prompts = { each = { fields = { description = TEXT, prompt = TEXT, system = TEXT, messages = { items = MESSAGE } } } },
  }
end

--- Reads the user's settings.
---@param path? string the file that -c names
---@return table? values
---@return string[]|string paths_or_problem
function M.load(path) return settings.load { names = M.NAMES, rules = rules(), path = path } end

--- What `ogl bench config` writes.
M.EXAMPLE = [[
-- The settings of `ogl bench`. It is read as data: constants in one table, nothing is run.
--
-- Found as llm-benchmark.lua, benchmark.lua or config.lua, in ~/.config/opengatellm and in the current folder. Addresses, proxies, headers
-- and keys are taken from the first alone, or from a file that -c names.
return {
  settings = {
    timeout_seconds = 60, -- of a whole request
  },

  benchmark = {
    -- provider = "albert",           -- one of those below; all of them where none is named
    concurrency_levels = { 2, 4, 8 }, -- closed loop: requests at a time
    -- rates = { 0.5, 1, 2 },         -- open loop: starts a second, however slow the answers are
    total_requests = 50,              -- or seconds = 60
    warmup = 1,
    input_tokens = 200,               -- synthetic prompts; prompt = "capital" asks one of those below, "random" any
    output_tokens = 200,
    slo = "ttft:500,itl:50,e2e:10000",
  },

  providers = {
    albert = {
      type = "opengatellm",
      base_url = "https://albert.api.etalab.gouv.fr",
      api_key_env = "OGL_TOKEN",      -- the variable that holds the key
      -- model = "…",                 -- default: the server's first that writes text
      -- price = { input = 0.2, output = 0.6 }, -- of a million tokens, where the server says no cost
    },
    -- ["local"] = { type = "ollama", model = "qwen3:14b" },
  },

  prompts = {
    capital = { description = "A short answer", prompt = "Quelle est la capitale de la France ?" },
    story = {
      description = "A long answer",
      messages = { { role = "system", content = "You tell stories." }, { role = "user", content = "Tell one of a lighthouse." } },
    },
  },
}
]]

return M
