-- xAI. What a model refuses (penalties, stop, reasoning_effort) differs from model to model: the server says it.
-- Sources: promptfoo.dev/docs/providers/xai (variable), docs.litellm.ai/docs/providers/xai; the address: @lobehub/chat providers/xai.
return {
  name = "xai",
  protocol = "openai_chat",
  base_url = "https://api.x.ai/v1",
  key_env = { "XAI_API_KEY" },
  auth = "bearer",
  version = "v1",
}
