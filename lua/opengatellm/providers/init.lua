--- Providers: data, one file each. Registry: one line a provider.
--
-- A provider is a table:
--
--   name          as users type it
--   protocol      a name of protocol/init.lua
--   base_url      default address; nil: the user has to give one
--   url_env       variables that hold the address, in order
--   key_env       variables that hold the key, in order
--   auth          "bearer" (Authorization: Bearer KEY), "none", or the header that takes the key: "x-api-key"
--   headers       name -> value, sent with every request
--   version       segment of the path, for example "v1"; nil: none
--   max_tokens    the body's name for max_tokens, where it is another
--   no_stream_options   the server refuses stream_options
--   operations    true: it has all of operations/, by version; else those that are common
--   catalogue     module that gives a code to errors that come without one
--   search_tool   chat takes `search` (OpenGateLLM up to 0.8)
--   batch         {inputs, tokens} that one request for embeddings may have
--
-- @module opengatellm.providers
local M = {}

local REGISTRY = {
  anthropic = "opengatellm.providers.anthropic",
  anthropic_compatible = "opengatellm.providers.anthropic_compatible",
  gemini = "opengatellm.providers.gemini",
  opengatellm = "opengatellm.providers.opengatellm",
  openai_compatible = "opengatellm.providers.openai_compatible",
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

---@return string[] # sorted
function M.names()
  local names = {}
  for name in pairs(REGISTRY) do names[#names + 1] = name end
  table.sort(names)
  return names
end

return M
