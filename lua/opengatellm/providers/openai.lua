-- OpenAI, by the Responses API; with protocol = "openai_chat" by Chat Completions.
return {
  name = "openai",
  protocol = "openai_responses",
  base_url = "https://api.openai.com",
  url_env = { "OPENAI_BASE_URL" },
  key_env = { "OPENAI_API_KEY" },
  auth = "bearer",
  version = "v1",
  schema = "openai_strict",
  max_tokens = "max_completion_tokens", -- of Chat Completions: reasoning models refuse max_tokens
  drop = { "top_k" },
}
