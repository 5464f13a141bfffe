-- Together AI.
-- Source: docs.together.ai/docs/inference/openai-compatibility.
return {
  name = "together",
  protocol = "openai_chat",
  base_url = "https://api.together.ai/v1",
  key_env = { "TOGETHER_API_KEY" },
  auth = "bearer",
  version = "v1",
}
