--- Providers: data, one file each. Registry: one line a provider.
--
-- A provider is a table:
--
--   name          as users type it
--   protocol      a name of protocol/init.lua
--   base_url      default address; nil: the user has to give one. A {name} in it is replaced by that setting
--   url_env       variables that hold the address, in order
--   key_env       variables that hold the key, in order
--   settings      name -> { "VARIABLE", …, default = …, values = {…}, type = "string" }: what else is asked for (settings.lua); no
--                 secrets
--   auth          "bearer" (Authorization: Bearer KEY), "none", the header that takes the key ("x-api-key"), or the module that does
--                 more ("opengatellm.auth.azure"; the contract is in auth/init.lua). In a user's own table: "bearer" where absent
--   headers       name -> value, sent with every request
--   default_port  the address may be a host alone, without a scheme; then it has this port
--   version       segment of the path, for example "v1"; nil: none
--   models        list of { match = pattern, … }: models that are asked otherwise; the first row that matches lies over these data
--   schema        the part of JSON Schema that it takes for structured output (schema_dialects.lua), where its protocol does not say
--   dialects      what it has beside chat, and in which form, where its protocol does not say: operations/server_dialects.lua
--   attachments   { inline = bytes, by = module }: media beyond that go to the server before the request (attachments.lua)
--   operations    true: it has all of operations/, by version; else those that are common
--   catalogue     module that gives a code to errors that come without one
--   search_tool   chat takes `search` (OpenGateLLM up to 0.8)
--   transport     name of the transport that reaches it (transport/init.lua); nil: HTTP
--   batch         {inputs, tokens} that one request for embeddings may have
--
-- and quirks, where its server is not quite what its protocol says (quirks.lua):
--
--   max_tokens         the body's name for max_tokens, where it is another
--   no_stream_options  the server refuses stream_options
--   drop               request fields that it refuses or ignores: left out, with a warning `not_carried` each
--   rename             name of the body -> this server's name
--   tool_choice        "auto", "none", "required" or "named" (one tool) -> its word, or false where it has none
--   no_message_names   it refuses `name` in messages
--   no_refusal         it does not know `refusal` in messages: a refusal is a text there
--   no_empty_answers   it refuses a message of the assistant that says nothing
--   signs_calls        it signs calls for Gemini itself, where they came without a signature
--   echo_reasoning     field that takes the reasoning of an assistant's tool calls back: "reasoning_content"
--   body               name -> value, added to every body of a chat
--   needs_reason       only a finish_reason proves that a stream is whole: [DONE] comes whatever happened
--   no_model           the body names no model: the address does
--
-- @module opengatellm.providers
local M = {}

local REGISTRY = {
  albert = "opengatellm.providers.albert",
  anthropic = "opengatellm.providers.anthropic",
  anthropic_compatible = "opengatellm.providers.anthropic_compatible",
  azure_openai = "opengatellm.providers.azure_openai",
  bedrock = "opengatellm.providers.bedrock",
  cerebras = "opengatellm.providers.cerebras",
  cloudflare_workers_ai = "opengatellm.providers.cloudflare_workers_ai",
  cohere = "opengatellm.providers.cohere",
  deepseek = "opengatellm.providers.deepseek",
  fireworks = "opengatellm.providers.fireworks",
  gemini = "opengatellm.providers.gemini",
  github_models = "opengatellm.providers.github_models",
  groq = "opengatellm.providers.groq",
  huggingface = "opengatellm.providers.huggingface",
  litellm = "opengatellm.providers.litellm",
  llama = "opengatellm.providers.llama",
  llama_server = "opengatellm.providers.llama_server",
  lmstudio = "opengatellm.providers.lmstudio",
  minimax = "opengatellm.providers.minimax",
  mistral = "opengatellm.providers.mistral",
  mistralrs = "opengatellm.providers.mistralrs",
  moonshot = "opengatellm.providers.moonshot",
  nvidia = "opengatellm.providers.nvidia",
  ollama = "opengatellm.providers.ollama",
  openai = "opengatellm.providers.openai",
  openai_compatible = "opengatellm.providers.openai_compatible",
  opengatellm = "opengatellm.providers.opengatellm",
  openrouter = "opengatellm.providers.openrouter",
  perplexity = "opengatellm.providers.perplexity",
  responses_compatible = "opengatellm.providers.responses_compatible",
  together = "opengatellm.providers.together",
  vertex = "opengatellm.providers.vertex",
  vllm = "opengatellm.providers.vllm",
  xai = "opengatellm.providers.xai",
  zhipu = "opengatellm.providers.zhipu",
}

--- The provider of that name, or the problem.
---@param name string
---@return table?
---@return string? problem
function M.find(name)
  local module = REGISTRY[name]
  if not module then return nil, "there is no provider '" .. name .. "' (there are: " .. table.concat(M.names(), ", ") .. ")" end
  return (require(module)) -- 5.4 gives the file name too
end

--- Lists the names of all providers.
---@return string[] names sorted
function M.names()
  local names = {}
  for name in pairs(REGISTRY) do names[#names + 1] = name end
  table.sort(names)
  return names
end

return M
