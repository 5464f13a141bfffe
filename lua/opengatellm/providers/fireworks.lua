-- Fireworks AI.
-- Source: docs.fireworks.ai/tools-sdks/openai-compatibility; the variable: its clients' (docs.pipecat.ai, langchain).
return {
  name = "fireworks",
  protocol = "openai_chat",
  base_url = "https://api.fireworks.ai/inference/v1",
  key_env = { "FIREWORKS_API_KEY" },
  auth = "bearer",
  version = "v1",
}
