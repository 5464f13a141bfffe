-- Azure OpenAI and Foundry: the address is the resource's (https://RESOURCE.openai.azure.com), the model a deployment's name.
-- A token of Entra: settings = { auth = "bearer" } and a function as api_key. Sources: auth/azure.lua.
return {
  name = "azure_openai",
  protocol = "openai_chat",
  url_env = { "AZURE_OPENAI_ENDPOINT" },
  key_env = { "AZURE_OPENAI_API_KEY" },
  auth = "opengatellm.auth.azure",
  settings = { api_version = { "OPENAI_API_VERSION" }, auth = { default = "api-key", values = { "api-key", "bearer" } } },
  max_tokens = "max_completion_tokens", -- reasoning models refuse max_tokens
  schema = "openai_strict",
  drop = { "top_k" },
}
