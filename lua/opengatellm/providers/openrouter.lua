-- OpenRouter. HTTP-Referer and X-Title, which name an application, are optional: give them as the client's headers.
-- Source: openrouter.ai/docs/quick-start.
return {
  name = "openrouter",
  protocol = "openai_chat",
  base_url = "https://openrouter.ai/api/v1",
  key_env = { "OPENROUTER_API_KEY" },
  auth = "bearer",
  version = "v1",
  signs_calls = true,
}
