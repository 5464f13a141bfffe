--- Models: which request fields and values each takes, as data that `model_limits.lua` and the protocols apply. Other fields go unchanged.
--
-- A row holds for the models whose plain name matches one of its patterns, and, with `on`, only by these protocols or providers. All
-- rows that match are laid over each other, the first that has a field wins. The plain name is small letters without what a platform
-- puts around it: "anthropic/claude-opus-4.6" (OpenRouter), "us.anthropic.claude-opus-4-6-v1:0" (Bedrock), "claude-opus-4-6@default"
-- (Vertex) and "claude-4.6-opus" are "claude-opus-4.6".
--
--   drop            request fields that it refuses; a value that is the server's default says nothing, and goes without a word
--   defaults        such a value it takes
--   thinking        field -> the range that it may have while the model thinks, or false for none
--   ranges          field -> the range that it may have: the nearest is sent
--   alone           pairs of fields of which it takes one: the second is left out
--   thinks          false: it cannot be asked to think; "unasked": it does where nothing is said; else only where it is asked
--   efforts         efforts of reasoning that it takes, from least to most: the nearest is sent
--   way             how it is asked to think: "budget", "adaptive" (with an effort) or "both"; by default its protocol's own
--   budget          { least, most, none = whether 0 is taken } tokens of thought
--   off             how it is told not to think: a word of Messages, false where it always does, or fields of a body (Chat Completions)
--   forced          a forced tool: false where it is refused, "idle" where it is only while the model does not think
--   prefill         false: the conversation may not end with what the assistant says
--   system_inside   instructions are taken between the messages
--   output          false: no structured output; "json": JSON, but of no schema
--   says_json       JSON without a schema is given only where the conversation speaks of JSON
--   tool_images     whether pictures may stand in a tool's answer
--   signs_calls     calls have to come back signed; the word that stands for a signature
--   max_tokens      the body's name for max_tokens (Chat Completions)
--   call_ids        a rule of call_ids.lua
--   flat_tools      no choice may stand at the top of a tool's schema
--   longest         tokens of an answer, thoughts included: more is refused
--   context         tokens
--
-- Sources, read in November 2026, are named at the rows.
--
-- @module opengatellm.providers.models
local words = require "opengatellm.base.words"

local M = {}

---@class ogl.ModelRow
---@field drop? table<string, boolean>
---@field defaults? boolean
---@field thinking? table<string, number[]|false>
---@field ranges? table<string, number[]>
---@field alone? string[][]
---@field thinks? false|"unasked"|"asked"
---@field efforts? string[]
---@field way? "budget"|"adaptive"|"both"
---@field budget? {[1]: integer, [2]: integer, none?: boolean}
---@field off? string|false|table
---@field forced? false|"idle"
---@field prefill? false
---@field system_inside? boolean
---@field output? false|"json"
---@field says_json? boolean
---@field tool_images? boolean
---@field signs_calls? string
---@field max_tokens? string
---@field call_ids? string
---@field flat_tools? boolean
---@field longest? integer
---@field context? integer
---@field concerns string[] fields of a request of which it says something

local set, list = words.set, words.list

local SAMPLING = set "temperature top_p top_k"
local TWO_OF_SAMPLING = { { "temperature", "top_p" } }

-- platform.claude.com/docs: models/*/whats-new-*, about-claude/models/{overview,migration-guide}, build-with-claude/{thinking,effort,
-- structured-outputs,mid-conversation-system-messages}; the plain sentence of the server on prefill: anthropics/claude-code#52433;
-- which models take instructions inside: @langchain/anthropic 1.5.13.
local CLAUDE = {
  { match = { "^claude%-%a+%-[12]%.", "^claude%-%a+%-3%.[05]" }, thinks = false },
  { match = { "^claude%-%a+%-[123]%.", "^claude%-%a+%-4%.0$" }, on = { anthropic = true }, output = false },
  { match = { "^claude%-%a+%-[123]%.", "^claude%-%a+%-4%.[015]$" }, way = "budget", context = 200000 },
  { match = { "^claude%-%a+%-3%.0" }, longest = 4096 },
  { match = { "^claude%-%a+%-3%.5" }, longest = 8192 },
  { match = { "^claude%-opus%-4%.[01]$" }, longest = 32000 },
  { match = { "^claude%-%a+%-3%.7", "^claude%-%a+%-4%.[05]$" }, longest = 64000 },
  { match = { "^claude%-%a+%-4%.[1-6]$" }, alone = TWO_OF_SAMPLING },
  { match = { "^claude%-%a+%-4%.6$" }, way = "both", efforts = list "low medium high max" },
  { match = { "^claude%-opus%-5%.5$", "^claude%-fable", "^claude%-mythos" }, off = false, forced = false },
  { match = { "^claude%-sonnet%-5%.5$" }, off = "between_tools", forced = false },
  { match = { "^claude%-%a+%-4%.[78]$" }, off = "nothing" },
  { match = { "^claude%-%a+%-4%.[89]$", "^claude%-%a+%-4%.%d%d", "^claude%-%a+%-[5-9]%." }, system_inside = true },
  { match = { "^claude%-%a+%-4%.[6-9]$", "^claude%-%a+%-4%.%d%d", "^claude%-%a+%-[5-9]%." }, prefill = false, context = 1000000 },
  { match = { "^claude%-%a+%-4%.[7-9]$", "^claude%-%a+%-4%.%d%d", "^claude%-%a+%-[5-9]%." }, drop = SAMPLING, way = "adaptive" },
  { match = { "^claude%-%a+%-[5-9]%." }, thinks = "unasked" },
  { match = { "^claude" }, on = { openai_chat = true }, call_ids = "plain" },
  {
    match = { "^claude" }, flat_tools = true, way = "adaptive", efforts = list "low medium high xhigh max", forced = "idle",
    thinking = { temperature = { 1, 1 }, top_p = { 0.95, 1 }, top_k = false }, ranges = { temperature = { 0, 1 } },
  },
}

local OF_THOUGHT = set "temperature top_p presence_penalty frequency_penalty logprobs top_logprobs logit_bias stop"
local OF_O = set "temperature top_p presence_penalty frequency_penalty logprobs top_logprobs logit_bias parallel_tool_calls"
local OF_O3 = set "temperature top_p presence_penalty frequency_penalty logprobs top_logprobs logit_bias parallel_tool_calls stop"
local ALWAYS = set "presence_penalty frequency_penalty logit_bias stop"
local WHILE = { temperature = { 1, 1 }, top_p = { 1, 1 }, logprobs = false, top_logprobs = false }

-- Efforts: openai/openai-ruby lib/openai/models/reasoning_effort.rb, pages of the models at developers.openai.com. Parameters:
-- platform.openai.com/docs/guides/latest-model, vercel/ai#10932 (while no thought is asked for), BerriAI/litellm
-- llms/openai/chat/{gpt_5,o_series}_transformation.py, itzcrazykns/vane#1173 (5.6). Lengths of ids: agno-agi/agno#5382. The word JSON:
-- platform.openai.com/docs/guides/structured-outputs (JSON mode).
local OPENAI = {
  { match = { "^gpt%-5%-chat", "^gpt%-[34]", "^chatgpt%-4" }, thinks = false, drop = {}, efforts = {} },
  { match = { "^gpt%-5%.%d+%-chat" }, efforts = list "medium", drop = OF_THOUGHT },
  { match = { "^gpt%-5%-pro" }, efforts = list "high" },
  { match = { "^gpt%-5%.%d+%-pro" }, efforts = list "medium high xhigh", drop = OF_THOUGHT },
  { match = { "^gpt%-5%-codex", "^gpt%-5%.1%-codex$", "^gpt%-5%.1%-codex%-mini" }, efforts = list "low medium high", drop = OF_THOUGHT },
  { match = { "^gpt%-5%.%d+%-codex" }, efforts = list "low medium high xhigh", drop = OF_THOUGHT },
  { match = { "^gpt%-5$", "^gpt%-5%-" }, efforts = list "minimal low medium high", drop = OF_THOUGHT },
  { match = { "^gpt%-5%.1" }, efforts = list "none low medium high", thinks = "asked" },
  { match = { "^gpt%-5%.[24]" }, thinks = "asked" },
  { match = { "^gpt%-5%." }, efforts = list "none low medium high xhigh", drop = ALWAYS, thinking = WHILE, thinks = "unasked" },
  { match = { "^o1%-mini", "^o1%-preview" }, thinks = false },
  { match = { "^o3$", "^o3%-pro", "^o3%-deep", "^o4" }, efforts = list "low medium high", drop = OF_O3 },
  { match = { "^o[134]$", "^o[134]%-" }, efforts = list "low medium high", drop = OF_O, context = 200000 },
  { match = { "^gpt%-5", "^o[134]$", "^o[134]%-" }, max_tokens = "max_completion_tokens", defaults = true },
  { match = { "^gpt%-[345]", "^chatgpt%-4", "^o[134]$", "^o[134]%-" }, on = { openai_chat = true }, call_ids = "short" },
  { match = { "^gpt%-[345]", "^o[134]$", "^o[134]%-" }, flat_tools = true },
  { match = { "^gpt%-5" }, context = 400000 },
  { match = { "^gpt%-4o", "^gpt%-4%-turbo" }, context = 128000 },
  { match = { "^gpt%-4%.1" }, context = 1047576 },
  { match = { "." }, on = { openai = true, azure_openai = true }, says_json = true },
  { match = { "." }, on = { openai = true, azure_openai = true, github_models = true }, call_ids = "short" },
}

local PENALTIES = set "presence_penalty frequency_penalty"
local NO_SIGNATURE = "skip_thought_signature_validator"

-- Budgets: ai.google.dev/gemini-api/docs/thinking. Levels: docs.cloud.google.com/gemini-enterprise-agent-platform/models/thinking and
-- the pages of its models. Penalties: google-gemini/cookbook#1290, vercel/ai#8943. Signatures: ai.google.dev/gemini-api/docs/
-- thought-signatures. Pictures in a tool's answer: docs.cloud.google.com/vertex-ai/generative-ai/docs/models/gemini/3-flash.
local GEMINI = {
  { match = { "^gemini%-1", "^gemini%-2%.0", "^gemini%-2%.5%-flash%-image", "^gemini%-2%.5[%a-]*%-tts", "^gemma%-[123]" }, thinks = false },
  { match = { "^gemini%-2%.5%-pro" }, budget = { 128, 32768 } },
  { match = { "^gemini%-2%.5%-flash%-lite" }, budget = { 512, 24576, none = true } },
  { match = { "^gemini%-2%.5%-flash" }, budget = { 1, 24576, none = true } },
  { match = { "^gemini%-3%-pro" }, on = { gemini = true }, efforts = list "low high" },
  { match = { "^gemini%-3%.1%-pro", "^gemini%-3%.[78]%-flash" }, on = { gemini = true }, efforts = list "low medium high" },
  { match = { "^gemini%-3" }, on = { gemini = true }, efforts = list "minimal low medium high" },
  { match = { "^gemini%-2%.5" }, drop = PENALTIES },
  { match = { "^gemini%-3%.[5-9]" }, on = { gemini = true }, prefill = false },
  { match = { "^gemini%-3" }, drop = PENALTIES, signs_calls = NO_SIGNATURE, tool_images = true, off = false },
  { match = { "^gemini%-[12]", "^gemma%-[123]" }, way = "budget", tool_images = false },
  { match = { "^gemini%-2", "^gemini%-3" }, context = 1048576 },
}

local FIXED = set "temperature top_p n presence_penalty frequency_penalty"

-- Mistral's ids hold wherever its models run, for its templates check them: vllm-project/vllm#9019, anomalyco/opencode#1680.
-- DeepSeek: api-docs.deepseek.com/guides/{json_mode,thinking_mode}, deepseek-ai/DeepSeek-V3#1376 (forced tools). Moonshot:
-- platform.kimi.ai/docs/api/models-overview, anomalyco/opencode#27796. Zhipu: docs.z.ai/guides/capabilities/struct-output.
-- xAI: docs.x.ai/docs/guides/reasoning.
local OTHERS = {
  { match = { "." }, on = { mistral = true }, call_ids = "nine" },
  {
    match = { "^mistral", "^mixtral", "^ministral", "^codestral", "^devstral", "^magistral", "^pixtral", "^voxtral", "^open%-mi[sx]tral" },
    on = { openai_chat = true }, call_ids = "nine",
  },
  { match = { "^deepseek%-v4", "^deepseek%-reasoner" }, on = { deepseek = true, openrouter = true }, thinks = "unasked", forced = "idle" },
  { match = { "^kimi%-k2%.[5-9]" }, on = { moonshot = true }, drop = FIXED, off = { thinking = { type = "disabled" } } },
  { match = { "^kimi%-k[3-9]" }, on = { moonshot = true }, drop = FIXED, off = false, efforts = list "low medium high xhigh max" },
  { match = { "." }, on = { deepseek = true }, output = "json", says_json = true, off = { thinking = { type = "disabled" } } },
  { match = { "." }, on = { zhipu = true }, output = "json" },
  { match = { "^grok%-4" }, drop = set "presence_penalty frequency_penalty stop" },
}

local GROUPS = { CLAUDE, OPENAI, GEMINI, OTHERS }

-- Names -----------------------------------------------------------------------------------------------------------

-- What stands before and behind a name on a platform.
local function without_platform(name)
  name = name:lower():gsub("^ft:", ""):gsub("^.*/", "")
  local regions
  repeat name, regions = name:gsub("^%a[%a-]*%.", "") until regions == 0 -- "us.anthropic.", not "gpt-5."
  name = name:gsub("[@:%[].*$", ""):gsub("%-v%d+$", ""):gsub("%-latest$", "")
  return (name:gsub("%-20%d%d%-?%d%d%-?%d%d$", ""))
end

local ORDERS = { -- family and version, in the orders that there are
  { "^(%a+)%-(%d+)%-(%d%d?)%f[%D]", 1, 2, 3 }, { "^(%a+)%-(%d+)%f[%D]", 1, 2 }, { "^(%d+)%-(%d%d?)%-(%a+)", 3, 1, 2 },
  { "^(%d+)%-(%a+)", 2, 1 }, { "^(%d+)%-?(%d*)$", nil, 1, 2 },
}

-- "claude-3-7-sonnet" and "claude-sonnet-4.6": the family, then the version.
local function claude_name(name)
  local rest = name:match "^claude%-(.*)$"
  if not rest then return name end
  rest = rest:gsub("%.", "-")
  for _, order in ipairs(ORDERS) do
    local found = { rest:match(order[1]) }
    if found[1] then
      local minor = order[4] and tonumber(found[order[4]]) or 0
      return ("claude-%s-%d.%d"):format(order[2] and found[order[2]] or "text", tonumber(found[order[3]]), minor)
    end
  end
  return name
end

--- Gives a model's plain name, which the rows match.
---@param model string
---@return string
function M.plain_name(model) return claude_name(without_platform(model)) end

-- Rows ------------------------------------------------------------------------------------------------------------

local function matches(row, name, protocol, provider)
  if row.on and not (row.on[protocol] or row.on[provider]) then return false end
  for _, pattern in ipairs(row.match) do
    if name:find(pattern) then return true end
  end
  return false
end

local function find(name, protocol, provider)
  local found = {}
  for _, group in ipairs(GROUPS) do
    for _, row in ipairs(group) do
      if matches(row, name, protocol, provider) then
        for field, value in pairs(row) do
          if found[field] == nil then found[field] = value end
        end
      end
    end
  end
  found.match, found.on = nil, nil
  return found
end

-- Fields of a request that a row says something about, beside those that only a protocol asks it for.
local function concerned(row)
  local fields = {}
  if row.thinks ~= nil or row.efforts then fields.reasoning = true end
  if row.forced ~= nil then fields.tool_choice = true end
  for _, name in ipairs { "drop", "thinking", "ranges" } do
    for field in pairs(row[name] or {}) do fields[field] = true end
  end
  fields.max_tokens = row.longest and true or nil
  for _, pair in ipairs(row.alone or {}) do fields[pair[1]], fields[pair[2]] = true, true end
  local names = {}
  for field in pairs(fields) do names[#names + 1] = field end
  return names
end

local NOTHING = { concerns = {} }
local LONGEST = 200 -- bytes of a name that has rows
local KEPT = 1000 -- names: they come from the users of a gateway, who may make up as many as they like

local cache, kept = {}, 0

local function inner(map, key)
  local found = map[key]
  if not found then
    found = {}
    map[key] = found
  end
  return found
end

local function remember(row, protocol, provider, model)
  if kept >= KEPT then cache, kept = {}, 0 end
  inner(inner(cache, protocol), provider)[model] = row
  kept = kept + 1
end

--- Merges the rows that match a model; gives an empty table if no row does.
---@param protocol string
---@param provider {name?: string}
---@param model string
---@return ogl.ModelRow # not to be changed
function M.of(protocol, provider, model)
  local name = provider.name or ""
  local by_provider = cache[protocol]
  local by_model = by_provider and by_provider[name]
  local row = by_model and by_model[model]
  if row then return row end
  if #model > LONGEST then return NOTHING end
  row = find(M.plain_name(model), protocol, name)
  if next(row) == nil then row = NOTHING else row.concerns = concerned(row) end
  remember(row, protocol, name, model)
  return row
end

--- Says how many names are kept.
---@return integer
function M.kept() return kept end

return M
