-- NVIDIA's hosted NIM; a NIM of one's own is another base_url.
-- Sources: docs.litellm.ai/docs/providers/nvidia_nim (address), docs.pipecat.ai/server/services/llm/nvidia (variable).
return {
  name = "nvidia",
  protocol = "openai_chat",
  base_url = "https://integrate.api.nvidia.com/v1",
  key_env = { "NVIDIA_API_KEY" },
  auth = "bearer",
  version = "v1",
}
