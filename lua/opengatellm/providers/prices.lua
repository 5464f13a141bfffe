--- Prices: what providers take for a million tokens, in US dollars, as data. They change: a program gives its own to
-- `ogl.middleware.cost { prices = … }`, which win over these.
--
-- A row is found by the provider's name and the model's plain name (models.lua; "claude-opus-5" is "claude-opus-5.0"), without a date at
-- its end. It holds for the provider itself, not for platforms that resell the model.
--
--   input         of tokens that are read anew
--   cached_input  of tokens read from the provider's cache; default: `input`
--   cache_write   of tokens written to the cache, for its usual time; default: `input`
--   output        of tokens that are written, thoughts included
--   above         of a request that reads more tokens than this, every token has the prices in `long`
--
-- Sources, read in November 2026:
--   A  platform.claude.com/docs/en/about-claude/pricing and the models' pages there; Sonnet 5.5 from 2026-10-07 on
--   B  docs.github.com, models and pricing of Copilot, which says that it bills what the model's provider asks. OpenAI's list (June 2026)
--      and ai.google.dev (2026-10-07) agree on input and output; the prices of long prompts and Gemini's cached ones stand in B alone
--
-- @module opengatellm.providers.prices
local models = require "opengatellm.providers.models"

local M = {}

---@class ogl.Price of a million tokens
---@field input? number
---@field cached_input? number
---@field cache_write? number
---@field output? number
---@field above? integer
---@field long? ogl.Price

-- The four prices of a row, in the order of the list above.
local function row(input, cached_input, cache_write, output)
  return { input = input, cached_input = cached_input, cache_write = cache_write, output = output }
end

local function with_long(price, above, long)
  price.above, price.long = above, long
  return price
end

local opus = row(5, 0.5, 6.25, 25) -- A: 4.5 to 5
local sonnet = row(3, 0.3, 3.75, 15) -- A: up to 4.6

--- Rows by "provider/model".
---@type table<string, ogl.Price>
M.ROWS = {
  ["anthropic/claude-fable-5.1"] = row(10, 0.25, 12.5, 50), -- A
  ["anthropic/claude-fable-5.0"] = row(10, 1, 12.5, 50), -- A
  ["anthropic/claude-opus-5.5"] = row(4, 0.2, 5, 20), -- A
  ["anthropic/claude-opus-5.0"] = opus, ["anthropic/claude-opus-4.8"] = opus, ["anthropic/claude-opus-4.7"] = opus,
  ["anthropic/claude-opus-4.6"] = opus, ["anthropic/claude-opus-4.5"] = opus,
  ["anthropic/claude-sonnet-5.5"] = row(2, 0.2, 2.5, 10), -- A
  ["anthropic/claude-sonnet-5.0"] = row(2, 0.2, 2.5, 10), -- A
  ["anthropic/claude-sonnet-4.6"] = sonnet, ["anthropic/claude-sonnet-4.5"] = sonnet, ["anthropic/claude-sonnet-4.0"] = sonnet,
  ["anthropic/claude-haiku-4.5"] = row(1, 0.1, 1.25, 5), -- A
  ["openai/gpt-5.5"] = with_long(row(5, 0.5, nil, 30), 272000, row(10, 1, nil, 45)), -- B
  ["openai/gpt-5.4"] = with_long(row(2.5, 0.25, nil, 15), 272000, row(5, 0.5, nil, 22.5)), -- B
  ["openai/gpt-5.4-mini"] = row(0.75, 0.075, nil, 4.5), -- B
  ["openai/gpt-5.4-nano"] = row(0.2, 0.02, nil, 1.25), -- B
  ["gemini/gemini-3.5-flash"] = row(1.5, 0.15, nil, 9), -- B
  ["gemini/gemini-3.1-pro-preview"] = with_long(row(2, 0.2, nil, 12), 200000, row(4, 0.4, nil, 18)), -- B
}

-- A model's name without the date or the word at its end: "gpt-5.4-2026-03-05", "claude-haiku-4-5-20251001", "…-latest".
local function undated(model)
  return (model:gsub("%-%d%d%d%d%-%d%d%-%d%d$", ""):gsub("[-@]%d%d%d%d%d%d%d%d$", ""):gsub("[-@]latest$", ""):gsub("@default$", ""))
end

local function find_in(list, provider, name) return list[provider .. "/" .. name] or list[name] end

--- Finds the price of a model.
---@param provider string
---@param model string
---@param own? table<string, ogl.Price> by "provider/model" or by "model"; they win over the rows
---@return ogl.Price? # nil where it is not known
function M.find(provider, model, own)
  local plain = undated(model)
  local price = own and (find_in(own, provider, model) or find_in(own, provider, plain))
  return price or M.ROWS[provider .. "/" .. models.plain_name(plain)] or M.ROWS[provider .. "/" .. undated(models.plain_name(model))]
end

--- Says what tokens cost.
---@param price ogl.Price
---@param usage ogl.Usage input_tokens with those of the cache in them: each is billed once
---@return number
function M.cost(price, usage)
  local input, cached, written = usage.input_tokens or 0, usage.cached_input_tokens or 0, usage.cache_write_tokens or 0
  if price.above and price.long and input > price.above then price = price.long end
  local anew = price.input or 0
  local sum = math.max(0, input - cached - written) * anew + cached * (price.cached_input or anew) + written * (price.cache_write or anew)
  return (sum + (usage.output_tokens or 0) * (price.output or 0)) / 1e6
end

return M
